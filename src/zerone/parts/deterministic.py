"""A deterministic policy for bounded actions, and critics Q(s, a)."""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from gymnasium import spaces as gym_spaces

from zerone.base.language import translated
from zerone.environments.spaces import Spaces, has_bounds, numbers, refuse_actions
from zerone.parts.layers import refuse_observations
from zerone.parts.networks import NetworkSettings

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
        """An actor whose actions are near the middle at first. Consumes `key`."""
        network = settings.make_network(key, spaces.observation, numbers(spaces.action), last=0.1)
        return Actor(network, spaces.action.shape or ())

    @property
    def width(self) -> int:
        """The number of components of an action."""
        return math.prod(self.shape)

    def __call__(self, observation: Array) -> Array:
        """Actions as numbers in a row, [..., width]."""
        return jnp.tanh(self.network(observation))

    def shaped(self, action: Array) -> Array:
        """Actions [..., width] in the shape of the space, [..., *shape]."""
        return action.reshape(*action.shape[:-1], *self.shape)


class Critic(eqx.Module):
    """Q(s, a) for actions [..., width], float32 [...]. The action enters at the first layer, beside the features."""

    network: Any

    @staticmethod
    def create(key: Array, spaces: Spaces, settings: NetworkSettings) -> Critic:
        """A critic made from these settings. Consumes `key`."""
        return Critic(settings.make_network(key, spaces.observation, 1, further=numbers(spaces.action)))

    def __call__(self, observation: Array, action: Array) -> Array:
        value: Array = self.network(observation, action)[..., 0]
        return value


class Twins(eqx.Module):
    """Two critics of the same architecture that learn from the same steps, with different initial weights.

    The smaller of their values is not biased upwards by the errors of one: Fujimoto et al. 2018 (arXiv 1802.09477),
    section 4.2.
    """

    first: Critic
    second: Critic

    @staticmethod
    def create(key: Array, spaces: Spaces, settings: NetworkSettings) -> Twins:
        """Two critics made from these settings. Consumes `key`."""
        first, second = jax.random.split(key)
        return Twins(Critic.create(first, spaces, settings), Critic.create(second, spaces, settings))

    def __call__(self, observation: Array, action: Array) -> Array:
        """Q_1 and Q_2, [2, ...]."""
        return jnp.stack([self.first(observation, action), self.second(observation, action)])
