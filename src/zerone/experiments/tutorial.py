"""The tutorial's deep agents, reproduced as closely as Zerone's settings allow.

The networks have one hidden layer, as in the tutorial, and ε falls with the gradient updates. Differences: after each
environment step, the tutorial's DQN takes an RMSProp step on the squared error averaged over all actions, and
bootstraps past the end of episodes. Zerone's takes an Adam step on the error of the chosen action, and does not
bootstrap past a terminal state.
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
"""DQN in the chapters on Double DQN, prioritised replay and dueling: learning begins once the memory is full."""

REINFORCE_SETTINGS: dict[str, Any] = {
    "discount": 0.995, "learning_rate": 0.02, "hidden": [10], "normalize": True, "longest_episode": 500_000,
    "max_gradient_norm": 1e9,
}  # fmt: skip
"""REINFORCE in the chapter on policy gradients, on MountainCar; in the tutorial, episodes have no time limit."""


def chapter(english: str, chinese: str | None = None) -> Text:
    """The source of a claim from the tutorial's chapter on a topic."""
    return Text(f"tutorial, chapter on {english}", f"教程，{chinese}一章" if chinese else f"教程，{english} 一章")


def made(algorithm: str, options: Settings) -> Any:
    """An algorithm with a network and an arm's options. Nothing is normalised, as in the claims' sources."""
    off = {"normalize_observations": "off", "normalize_rewards": False}
    return algorithms.make(algorithm, {**off, **options})


def dqn(settings: Settings) -> Any:
    """A DQN with those settings of an arm that are its fields."""
    return made("dqn", _own(settings, DQN))


def reinforce(settings: Settings) -> Any:
    """A REINFORCE with those settings of an arm that are its fields."""
    return made("reinforce", _own(settings, Reinforce))


def _own(settings: Settings, kind: type[DQN | Reinforce]) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in settings.items() if name in names}
