"""Noise that is added to continuous actions, so that an agent with a deterministic policy tries others too.

    path        = process.init((N, d))
    noise       = process.noise(key, (T, N, d))
    value, path = process.step(path, noise[t])      what is added at step t, before it is scaled

The processes answer to the same calls, so an algorithm needs no branch. `path` is what a step has to know of those
before it in its episode: the memory of a policy that explores (`algorithms/protocol.py`).
"""

from __future__ import annotations

from typing import Any, Protocol

import jax
import jax.numpy as jnp

from zerone.base.pytree import configured, setting

Array = jax.Array


class Process(Protocol):
    """How the noise of one step depends on that of the steps before."""

    def init(self, shape: tuple[int, int]) -> Any:
        """The path before the first step of N episodes, for actions of d numbers: `shape` is (N, d)."""
        ...

    def noise(self, key: Array, shape: tuple[int, ...]) -> Array:
        """What chance decides in `shape` (…, d) values. Consumes `key`."""
        ...

    def step(self, path: Any, noise: Array) -> tuple[Array, Any]:
        """What is added at one step, [N, d], and the path after it."""
        ...


@configured
class White:
    """Each value is standard normal, whatever came before."""

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
