"""Training returns on the pendulum, where every episode has 200 steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zerone.environments import catalogue as environments
from zerone.environments import shaping
from zerone.experiments.recording import record

if TYPE_CHECKING:
    from zerone.algorithms.protocol import Algorithm, Metrics, Steps

NAME = "Pendulum-v1"
EPISODE = 200


def keep(state: Any, steps: Steps, metrics: Metrics) -> Any:
    """The rewards of the steps."""
    del state, metrics
    return steps.reward


def returns(algorithm: Algorithm, reward: str, seed: int, steps: int) -> np.ndarray:
    """Train, and return the return of each training episode, [episodes, environments].

    The algorithm is trained on the shaped reward called `reward`; the returns are in the task's own reward, so that
    they can be compared. `steps` is the number of steps of each environment.
    """
    _, rewards = record(algorithm, environments.make(NAME, reward=reward), seed, steps, keep)
    shape: shaping.Scaled = getattr(shaping, reward)
    own = rewards.reshape(-1, algorithm.environments).astype(np.float64) * shape.divisor - shape.offset
    episodes = steps // EPISODE
    return np.asarray(own[: episodes * EPISODE].reshape(episodes, EPISODE, -1).sum(1))


def bins(values: np.ndarray, number: int) -> np.ndarray:
    """The means of `number` equal parts of values [n], where n is a multiple of `number`."""
    return np.asarray(values.reshape(number, -1).mean(1))


def centres(steps: float, number: int) -> np.ndarray:
    """The middle of each of `number` equal parts of `steps` steps."""
    return np.asarray((np.arange(number) + 0.5) * steps / number)
