"""The tutorial's deep agents, as far as our own can be set so; what differs is said here once.

Its networks have one hidden layer, its DQN takes a step of RMSProp along the mean over all actions of the squared
error after each step of the environment, and does not know that an episode has ended. Ours takes a step of Adam on the
chosen action's error, and does not bootstrap past a terminal state. ε falls with the gradient updates, as there.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from zerone.algorithms import catalogue as algorithms
from zerone.algorithms.dqn import DQN
from zerone.algorithms.reinforce import Reinforce
from zerone.experiments.protocol import Text

if TYPE_CHECKING:
    from zerone.experiments.protocol import Settings

DQN_SETTINGS: dict[str, Any] = {
    "discount": 0.9, "epsilon_start": 1.0, "epsilon_end": 0.1, "epsilon_steps": 900.0, "epsilon_clock": "updates",
    "batch": 32, "updates": 1, "steps_per_update": 1, "memory": 3000, "warmup": 3000, "target_period": 200,
    "hidden": [20], "max_gradient_norm": 1e6,
}  # fmt: skip
"""Of its chapters on Double DQN, prioritised replay and dueling: they begin to learn once the memory is full."""

REINFORCE_SETTINGS: dict[str, Any] = {
    "discount": 0.995, "learning_rate": 0.02, "hidden": [10], "normalize": True, "longest_episode": 500_000,
    "max_gradient_norm": 1e9,
}  # fmt: skip
"""Of its chapter on policy gradients, on MountainCar; its episodes have no longest."""


def chapter(english: str, chinese: str | None = None) -> Text:
    """The tutorial's chapter on something, as the source of a claim."""
    return Text(f"tutorial, chapter on {english}", f"教程，{chinese}一章" if chinese else f"教程，{english} 一章")


def made(algorithm: str, options: Settings) -> Any:
    """An algorithm with a network and an arm's options. It sees observations as they are, like those of the claims."""
    return algorithms.make(algorithm, {"normalize_observations": "off", **options})


def dqn(settings: Settings) -> Any:
    """A DQN with those of an arm's settings that are its own."""
    return made("dqn", _own(settings, DQN))


def reinforce(settings: Settings) -> Any:
    """A REINFORCE with those of an arm's settings that are its own."""
    return made("reinforce", _own(settings, Reinforce))


def _own(settings: Settings, kind: type[DQN | Reinforce]) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in settings.items() if name in names}
