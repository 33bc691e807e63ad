"""A policy that always does the same in the same state, and critics: what actions are worth."""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from gymnasium import spaces as gym_spaces

from zerone.base.language import translated
from zerone.environments.spaces import Spaces, has_bounds, numbers, refuse_actions
from zerone.parts.architecture import NetworkSettings
from zerone.parts.features import refuse_observations

Array = jax.Array


def refuse_actor(spaces: Spaces) -> str | None:
    """Why an `Actor` cannot take these spaces; None if it can."""
    if not isinstance(spaces.action, gym_spaces.Box):
        return translated("it needs Box actions")
    if not has_bounds(spaces.action).all():
        return translated("it needs Box actions with finite bounds")
    return refuse_observations(spaces.observation) or refuse_actions(spaces.action)


class Actor(eqx.Module):
    """μ(s): one action for each observation, each of its numbers within [-1, 1]."""

    network: Any
    shape: tuple[int, ...] = eqx.field(static=True)

    @staticmethod
    def create(key: Array, spaces: Spaces, settings: NetworkSettings) -> Actor:
        """A network whose actions are near the middle at first. Consumes `key`."""
        network = settings.make_network(key, spaces.observation, numbers(spaces.action), last=0.1)
        return Actor(network, spaces.action.shape or ())

    @property
    def width(self) -> int:
        """How many numbers an action has."""
        return math.prod(self.shape)

    def __call__(self, observation: Array) -> Array:
        """Actions as numbers in a row, [..., width]."""
        return jnp.tanh(self.network(observation))

    def shaped(self, action: Array) -> Array:
        """Actions [..., width] as the space has them, [..., *shape]."""
        return action.reshape(*action.shape[:-1], *self.shape)


class Critic(eqx.Module):
    """Q(s, a): what an action [..., width] is worth in a state. The action joins what is seen at the first layer."""

    network: Any

    @staticmethod
    def create(key: Array, spaces: Spaces, settings: NetworkSettings) -> Critic:
        """A network. Consumes `key`."""
        return Critic(settings.make_network(key, spaces.observation, 1, further=numbers(spaces.action)))

    def __call__(self, observation: Array, action: Array) -> Array:
        value: Array = self.network(observation, action)[..., 0]
        return value


class Twins(eqx.Module):
    """Two critics of one architecture, which learn from the same steps and begin with other weights.

    The smaller of their values is not drawn upwards by the errors of one: Fujimoto et al. 2018 (arXiv 1802.09477),
    section 4.2.
    """

    first: Critic
    second: Critic

    @staticmethod
    def create(key: Array, spaces: Spaces, settings: NetworkSettings) -> Twins:
        """Two networks. Consumes `key`."""
        first, second = jax.random.split(key)
        return Twins(Critic.create(first, spaces, settings), Critic.create(second, spaces, settings))

    def __call__(self, observation: Array, action: Array) -> Array:
        """Q_1 and Q_2, [2, ...]."""
        return jnp.stack([self.first(observation, action), self.second(observation, action)])
