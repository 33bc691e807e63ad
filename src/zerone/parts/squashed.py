"""A stochastic policy for bounded actions: a normal distribution squashed by tanh, with a learnt temperature.

    u = μ(s) + σ(s) z,  a = tanh u,  z standard normal
    ln π(a|s) = ln N(u; μ, σ²) - Σ_i ln(1 - tanh² u_i)

Haarnoja et al. 2018 (arXiv 1812.05905), appendix C: the sum is the change of volume under tanh. Without it the density
is that of u, and an actor that climbs it presses its actions against the bounds.
"""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from zerone.base.pytree import struct
from zerone.environments.spaces import Spaces, numbers
from zerone.parts.networks import NetworkSettings

Array = jax.Array

LEAST, MOST = -20.0, 2.0
"""The bounds of ln σ, as in the authors' code."""


@struct
class SquashedNormal:
    """Distributions over actions in (-1, 1): `mean` and `log_deviation` of u, both [..., d]."""

    mean: Array
    log_deviation: Array

    def mode(self) -> Array:
        """Tanh μ, the median: the greedy action."""
        return jnp.tanh(self.mean)

    def draw(self, noise: Array) -> tuple[Array, Array]:
        """Actions [..., d] for standard normal `noise` [..., d], and their ln π."""
        raw = self.mean + jnp.exp(self.log_deviation) * noise
        normal = -0.5 * jnp.square(noise) - self.log_deviation - 0.5 * math.log(2 * math.pi)
        # ln(1 - tanh² u), exact where tanh u rounds to 1 as well.
        volume = 2.0 * (math.log(2) - raw - jax.nn.softplus(-2.0 * raw))
        return jnp.tanh(raw), (normal - volume).sum(-1)


class SquashedActor(eqx.Module):
    """π(·|s) within ±1, by a network with means and log-deviations as outputs; and ln α, which is learnt as well."""

    network: Any
    log_temperature: Array
    shape: tuple[int, ...] = eqx.field(static=True)

    @staticmethod
    def create(key: Array, spaces: Spaces, settings: NetworkSettings, temperature: Array | float) -> SquashedActor:
        """A policy that is nearly uniform over the range of actions at first. Consumes `key`."""
        network = settings.make_network(key, spaces.observation, 2 * numbers(spaces.action), last=0.1)
        return SquashedActor(network, jnp.log(jnp.float32(temperature)), spaces.action.shape or ())

    @property
    def width(self) -> int:
        """The number of components of an action."""
        return math.prod(self.shape)

    @property
    def temperature(self) -> Array:
        """The temperature α."""
        return jnp.exp(self.log_temperature)

    def distribution(self, observation: Array) -> SquashedNormal:
        """π(·|s) for observations with any leading axes."""
        mean, log_deviation = jnp.split(self.network(observation), 2, -1)
        return SquashedNormal(mean, jnp.clip(log_deviation, LEAST, MOST))

    def __call__(self, observation: Array) -> Array:
        """Greedy actions as numbers in a row, [..., width]."""
        return self.distribution(observation).mode()

    def shaped(self, action: Array) -> Array:
        """Actions [..., width] in the shape of the space, [..., *shape]."""
        return action.reshape(*action.shape[:-1], *self.shape)
