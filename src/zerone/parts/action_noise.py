"""Noise that is added to continuous actions, so that an agent with a deterministic policy tries others too.

    path  = process.init((N, d))
    noise = process.noise(key, (T, N, d))
    value = process.value(path, noise[t])         what is added at step t of a block, before it is scaled
    path  = process.after(path, values, ended)    for the next block

The processes answer to the same calls, so an algorithm needs no branch. `path` is what a block has to know of those
before it. All chance of a block is drawn at once, and still each value is a function of `path` and of `noise[t]` alone.
"""

from __future__ import annotations

from typing import Any, Protocol

import jax
import jax.numpy as jnp

from zerone.base.pytree import configured, setting, struct

Array = jax.Array


class Process(Protocol):
    """How the noise of one step depends on that of the steps before."""

    def init(self, shape: tuple[int, int]) -> Any:
        """The path before the first step of N episodes, for actions of d numbers: `shape` is (N, d)."""
        ...

    def noise(self, key: Array, shape: tuple[int, ...]) -> Any:
        """What chance decides in a block of `shape` (T, N, d): leaves [T, ...]. Consumes `key`."""
        ...

    def value(self, path: Any, noise: Any) -> Array:
        """What is added at one step, [N, d]."""
        ...

    def after(self, path: Any, values: Array, ended: Array) -> Any:
        """The path after a block whose values were [T, N, d]; `ended` [T, N] says where episodes did, in either way."""
        ...


@configured
class White:
    """Each value is standard normal, whatever came before."""

    def init(self, shape: tuple[int, int]) -> tuple[()]:
        del shape
        return ()

    def noise(self, key: Array, shape: tuple[int, ...]) -> Array:
        return jax.random.normal(key, shape)

    def value(self, path: tuple[()], noise: Array) -> Array:
        del path
        return noise

    def after(self, path: tuple[()], values: Array, ended: Array) -> tuple[()]:
        del values, ended
        return path


@struct
class Drift:
    """Of each step of a block: what is left there of the value before the block, and what has come since."""

    kept: Array
    come: Array


@configured
class OrnsteinUhlenbeck:
    """x_{t+1} = (1 - θ) x_t + n_t with n_t standard normal, x = 0 before an episode's first step.

    Uhlenbeck & Ornstein 1930, in steps of 1 as in Lillicrap et al. 2016 (arXiv 1509.02971), section 7. In the long run
    its variance is 1 / (1 - (1 - θ)²), and the correlation of values k steps apart is (1 - θ)^k.

    The value t steps into a block is (1 - θ)^(t+1) x + Σ_{k≤t} (1 - θ)^(t-k) n_k, where x is the last one of the block
    before. So nothing has to be handed on within a block. What that cannot know is where an episode ends inside of the
    block: there the next one goes on with the same x, and is as if it had begun with 0 only from the next block on.
    In blocks of one step nothing is lost by that.
    """

    pull: float = setting(0.15, "share θ of the value that is lost in a step", above=0, at_most=1)

    def init(self, shape: tuple[int, int]) -> Array:
        return jnp.zeros(shape)

    def noise(self, key: Array, shape: tuple[int, ...]) -> Drift:
        def go_on(x: Array, n: Array) -> tuple[Array, Array]:
            x = (1.0 - self.pull) * x + n
            return x, x

        new = jax.random.normal(key, shape)
        kept = (1.0 - self.pull) ** jnp.arange(1.0, shape[0] + 1)
        return Drift(kept, jax.lax.scan(go_on, jnp.zeros(shape[1:]), new)[1])

    def value(self, path: Array, noise: Drift) -> Array:
        return noise.kept * path + noise.come

    def after(self, path: Array, values: Array, ended: Array) -> Array:
        """The last values, less what is left in them of those at which an episode ended: (1 - θ)^(T-e) x_e."""

        def go_on(left: Array, step: tuple[Array, Array]) -> tuple[Array, None]:
            value, over = step
            return jnp.where(over[:, None], value, (1.0 - self.pull) * left), None

        return values[-1] - jax.lax.scan(go_on, jnp.zeros_like(path), (values, ended))[0]
