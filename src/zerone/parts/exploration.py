"""How actions are chosen among those that are allowed, greedily or to explore, and schedules of how much to explore.

A mask is bool [..., actions], with at least one true in each row; `()` where there is none, and then every function
computes what it did before there were masks. An action that is not allowed is never chosen, and counts in nothing that
is learnt.
"""

from __future__ import annotations

from typing import TypeAlias

import jax
import jax.numpy as jnp

from zerone.base.errors import InputError
from zerone.base.language import translated

Array = jax.Array
Mask: TypeAlias = Array | tuple[()]

FORBIDDEN = -1e30
"""The score of an action that is not allowed: its probability is 0 in float32, and sums with it are finite."""


def allowed_only(scores: Array, mask: Mask) -> Array:
    """Scores or values [..., n], with `FORBIDDEN` where an action is not allowed."""
    return scores if isinstance(mask, tuple) else jnp.where(mask, scores, FORBIDDEN)


def mean_of_allowed(values: Array, mask: Mask) -> Array:
    """The mean of values [..., n] over the allowed actions."""
    if isinstance(mask, tuple):
        return values.mean(-1)
    return jnp.where(mask, values, 0.0).sum(-1) / mask.sum(-1)


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
    """From `start` at fraction 0 linearly to `end` at fraction 1, and `end` afterwards."""
    return start + (end - start) * jnp.clip(fraction, 0.0, 1.0)


def exponential_schedule(start: Array | float, end: Array | float, fraction: Array | float) -> Array:
    """From `start` at fraction 0 by equal factors to `end` at fraction 1, and `end` afterwards. Both are above 0."""
    return start * (end / start) ** jnp.clip(fraction, 0.0, 1.0)


def schedule(shape: str, start: Array | float, end: Array | float, fraction: Array | float) -> Array:
    """The value of the schedule with this shape: linear or exponential."""
    return (linear_schedule if shape == "linear" else exponential_schedule)(start, end, fraction)


def require_positive(name: str, what: str, ends: dict[str, float]) -> None:
    """Raise `InputError` where an exponential schedule of `what` begins or ends with 0; `ends` are these settings."""
    for end, value in ends.items():
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
    """The random numbers of `epsilon_greedy`: uniform [*shape, actions + 1] in [0, 1). Consumes `key`."""
    return jax.random.uniform(key, (*shape, actions + 1))


def epsilon_greedy(values: Array, epsilon: Array | float, noise: Array, mask: Mask = ()) -> Array:
    """The greedy action with probability 1 - ε + ε/n, every other action with ε/n.

    Sutton & Barto 2018, section 2.2. `values` is [..., n]; the actions are int32 [...]. The first number of each
    row of `noise` (see `epsilon_greedy_noise`) decides whether to explore, the others which action is taken then. With
    a mask, n is the number of allowed actions.
    """
    explore = noise[..., 0] < epsilon
    drawn, values = allowed_only(noise[..., 1:], mask), allowed_only(values, mask)
    return jnp.where(explore, drawn.argmax(-1), values.argmax(-1)).astype(jnp.int32)


def epsilon_greedy_ties(values: Array, epsilon: Array | float, noise: Array, mask: Mask = ()) -> Array:
    """As `epsilon_greedy`, with ties between greedy actions broken at random. Only for values read from a table.

    The compiler may compute a network's values twice and round them differently, so that none equals the maximum. They
    are hardly ever equal anyway.
    """
    explore, values = noise[..., :1] < epsilon, allowed_only(values, mask)
    allowed = explore | (values == values.max(-1, keepdims=True))
    return allowed_only(jnp.where(allowed, noise[..., 1:], -1.0), mask).argmax(-1).astype(jnp.int32)
