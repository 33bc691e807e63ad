"""Shaped rewards for `ShapedReward`, which make tasks easier to learn; `entries` names them.

All are functions of the observation, the action, the task's reward, whether the episode terminated (bool scalar), and
the next observation; they return a float32 scalar.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import jax.numpy as jnp

from zerone.environments.cartpole import CartPole

if TYPE_CHECKING:
    from zerone.environments.base import Array


def cart_pole(observation: Array, action: Array, reward: Array, terminated: Array, following: Array) -> Array:
    """Higher near the centre and near upright; in [-1.3, 0.7] within the limits. Ignores the task's reward."""
    del observation, action, reward, terminated
    centred = 1 - jnp.abs(following[0]) / CartPole.position_limit - 0.8
    upright = 1 - jnp.abs(following[2]) / CartPole.angle_limit - 0.5
    return centred + upright


def mountain_car(observation: Array, action: Array, reward: Array, terminated: Array, following: Array) -> Array:
    """The distance from the valley's bottom, on either side: |position + 0.5|, in [0, 1.1]."""
    del observation, action, reward, terminated
    return jnp.abs(following[0] + 0.5)


def at_flag(observation: Array, action: Array, reward: Array, terminated: Array, following: Array) -> Array:
    """-1 a step and +10 at the flag, so that a success stands out among thousands of failures."""
    del observation, action, reward, following
    return jnp.where(terminated, jnp.float32(10.0), jnp.float32(-1.0))


def arm(observation: Array, action: Array, reward: Array, terminated: Array, following: Array) -> Array:
    """-distance/200 between finger and goal, plus 1 in the zone, plus 10 at the step that completes the holding."""
    del observation, action, reward
    return -jnp.sqrt(jnp.square(following[3:5]).sum()) + following[0] + 10.0 * terminated


@dataclasses.dataclass(frozen=True)
class Scaled:
    """(reward + offset) / divisor, which scales a reward of known range to about [-1, 1].

    Instances with equal numbers are equal, so they share a compiled program.
    """

    divisor: float
    offset: float = 0.0

    def __call__(self, observation: Array, action: Array, reward: Array, terminated: Array, following: Array) -> Array:
        del observation, action, terminated, following
        return (reward + self.offset) / self.divisor


tenth = Scaled(divisor=10.0)
centred = Scaled(divisor=8.0, offset=8.0)
