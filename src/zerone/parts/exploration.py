"""How an agent tries what it does not think best, and schedules for how much."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.parts.masks import Mask, allowed_only

Array = jax.Array


def shuffled(key: Array, size: int) -> Array:
    """0 to size-1 in random order, int32 [size]. Consumes `key`.

    Random bits are sorted with the number itself as their lowest bits: one array of integers sorts ten times as
    fast as pairs do. Two numbers whose other bits agree stay in order, which happens to one pair in 2³²/size.
    """
    low = jnp.uint32(2 ** max(1, (size - 1).bit_length()) - 1)
    numbered = (jax.random.bits(key, (size,)) & ~low) | jnp.arange(size, dtype=jnp.uint32)
    ordered: Array = jax.lax.sort(numbered, is_stable=False) & low
    return ordered.astype(jnp.int32)


def linear_schedule(start: Array | float, end: Array | float, fraction: Array | float) -> Array:
    """From `start` at fraction 0 to `end` at fraction 1, and `end` ever after."""
    return start + (end - start) * jnp.clip(fraction, 0.0, 1.0)


def exponential_schedule(start: Array | float, end: Array | float, fraction: Array | float) -> Array:
    """From `start` at fraction 0 to `end` at fraction 1 by equal factors, and `end` ever after. Both are above 0."""
    return start * (end / start) ** jnp.clip(fraction, 0.0, 1.0)


def schedule(shape: str, start: Array | float, end: Array | float, fraction: Array | float) -> Array:
    """The schedule of a name: linear or exponential."""
    return (linear_schedule if shape == "linear" else exponential_schedule)(start, end, fraction)


def check_shape(name: str, what: str, shape: str, ends: dict[str, float]) -> None:
    """Raise `InputError` where a schedule falls exponentially from or to 0; `ends` are the two settings of its ends."""
    for end, value in ends.items() if shape == "exponential" else ():
        if value == 0:
            raise InputError(
                translated(
                    "{name}: {end} = 0 is not allowed: must be above 0 where {what}_shape is exponential",
                    name=name,
                    end=end,
                    what=what,
                )
            )


def greedy(values: Array) -> Array:
    """argmax_a Q(s, a): `values` [..., n], actions int32 [...]; the first of several that are equal."""
    return values.argmax(-1).astype(jnp.int32)


def epsilon_greedy_noise(key: Array, shape: tuple[int, ...], actions: int) -> Array:
    """What chance decides in `epsilon_greedy`: uniform numbers [*shape, actions + 1] in [0, 1). Consumes `key`."""
    return jax.random.uniform(key, (*shape, actions + 1))


def epsilon_greedy(values: Array, epsilon: Array | float, noise: Array, mask: Mask = ()) -> Array:
    """A greedy action with probability 1 - ε + ε/n, every other with ε/n.

    Sutton & Barto 2018, section 2.2. `values` is [..., n]; the actions are int32 [...]. The first number of each
    row of `noise` (see `epsilon_greedy_noise`) decides whether to explore, the others which action wins then. With a
    mask, n counts the actions that are allowed.
    """
    explore = noise[..., 0] < epsilon
    drawn, values = allowed_only(noise[..., 1:], mask), allowed_only(values, mask)
    return jnp.where(explore, drawn.argmax(-1), values.argmax(-1)).astype(jnp.int32)


def epsilon_greedy_ties(values: Array, epsilon: Array | float, noise: Array, mask: Mask = ()) -> Array:
    """As `epsilon_greedy`, with ties between greedy actions broken at random. Only for values read from a table.

    Values that are computed may be computed twice by the compiler, and rounded differently: then none of them
    would equal the maximum. What a network says is hardly ever tied anyway.
    """
    explore, values = noise[..., :1] < epsilon, allowed_only(values, mask)
    allowed = explore | (values == values.max(-1, keepdims=True))
    return allowed_only(jnp.where(allowed, noise[..., 1:], -1.0), mask).argmax(-1).astype(jnp.int32)
