"""Noise for continuous actions, by which an agent with a deterministic policy explores.

    path        = process.init((N, d))
    noise       = process.noise(key, (T, N, d))
    value, path = process.step(path, noise[t])      the noise of step t, before it is scaled

All processes have the same functions, so an algorithm needs no branch. `path` carries what a step needs of the earlier
steps of its episode: it is the memory of a policy that explores (`algorithms/protocol.py`).
"""

from __future__ import annotations

from typing import Any, Protocol

import jax
import jax.numpy as jnp

from zerone.base.pytree import configured, setting

Array = jax.Array


class Process(Protocol):
    """A noise process: how the noise of a step depends on that of earlier steps."""

    def init(self, shape: tuple[int, int]) -> Any:
        """The path before the first step of N episodes, for actions of d numbers: `shape` is (N, d)."""
        ...

    def noise(self, key: Array, shape: tuple[int, ...]) -> Array:
        """The random numbers of `shape` (…, d) values, float32. Consumes `key`."""
        ...

    def step(self, path: Any, noise: Array) -> tuple[Array, Any]:
        """The noise of one step, [N, d], and the path after it."""
        ...


@configured
class White:
    """Independent standard normal values."""

    def init(self, shape: tuple[int, int]) -> tuple[()]:
        del shape
        return ()

    def noise(self, key: Array, shape: tuple[int, ...]) -> Array:
        return jax.random.normal(key, shape)

    def step(self, path: tuple[()], noise: Array) -> tuple[Array, tuple[()]]:
        return noise, path


@configured
class OrnsteinUhlenbeck:
    """x_{t+1} = (1 - θ) x_t + n_t with n_t standard normal, x = 0 before an episode's first step.

    Uhlenbeck & Ornstein 1930, in steps of 1 as in Lillicrap et al. 2016 (arXiv 1509.02971), section 7. In the long run
    its variance is 1 / (1 - (1 - θ)²), and the correlation of values k steps apart is (1 - θ)^k.
    """

    pull: float = setting(0.15, "share θ of the value that is lost in a step", above=0, at_most=1)

    def init(self, shape: tuple[int, int]) -> Array:
        return jnp.zeros(shape)

    def noise(self, key: Array, shape: tuple[int, ...]) -> Array:
        return jax.random.normal(key, shape)

    def step(self, path: Array, noise: Array) -> tuple[Array, Array]:
        value = (1.0 - self.pull) * path + noise
        return value, value
