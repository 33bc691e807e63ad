"""Rewards that make a task easier to learn: ready-made shapes for `ShapedReward`, named in the catalogue."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import jax.numpy as jnp

from zerone.environments.cartpole import CartPole

if TYPE_CHECKING:
    from zerone.environments.base import Array


def cart_pole(observation: Array, action: Array, reward: Array, terminated: Array, following: Array) -> Array:
    """Better near the centre and better upright, in [-1.3, 0.7] within the limits, whatever the task's reward."""
    del observation, action, reward, terminated
    centred = 1 - jnp.abs(following[0]) / CartPole.position_limit - 0.8
    upright = 1 - jnp.abs(following[2]) / CartPole.angle_limit - 0.5
    return centred + upright


def mountain_car(observation: Array, action: Array, reward: Array, terminated: Array, following: Array) -> Array:
    """Better the farther from the valley's bottom, on either side: |position + 0.5|, in [0, 1.1]."""
    del observation, action, reward, terminated
    return jnp.abs(following[0] + 0.5)


def at_flag(observation: Array, action: Array, reward: Array, terminated: Array, following: Array) -> Array:
    """-1 a step and +10 at the flag: a success that stands out among thousands of failures."""
    del observation, action, reward, following
    return jnp.where(terminated, jnp.float32(10.0), jnp.float32(-1.0))


def arm(observation: Array, action: Array, reward: Array, terminated: Array, following: Array) -> Array:
    """-distance/200 between finger and goal, 1 more in the zone, and 10 more at the step at which the goal is held."""
    del observation, action, reward
    return -jnp.sqrt(jnp.square(following[3:5]).sum()) + following[0] + 10.0 * terminated


@dataclasses.dataclass(frozen=True)
class Scaled:
    """(reward + offset) / divisor: brings a reward of known range near [-1, 1]. Equal numbers make equal shapes."""

    divisor: float
    offset: float = 0.0

    def __call__(self, observation: Array, action: Array, reward: Array, terminated: Array, following: Array) -> Array:
        del observation, action, terminated, following
        return (reward + self.offset) / self.divisor


tenth = Scaled(divisor=10.0)
centred = Scaled(divisor=8.0, offset=8.0)
