"""Replay memory: steps that were played, kept to be learnt from again (Lin 1992; Mnih et al. 2015, Methods).

    memory         = replay.init(example)
    memory         = replay.add(memory, batch)
    slots, weights = replay.sample(memory, noise, correction)
    priorities     = replay.update_priorities(memory.priorities, slots, error)

The rules `Uniform` and `Prioritized` answer to the same calls, so an algorithm needs no branch. A loop of gradient
updates carries `memory.priorities` alone: what it does not change, it must not carry, or it would be copied.
"""

from __future__ import annotations

from typing import Any, Protocol

import jax
import jax.numpy as jnp

from zerone.base.pytree import configured, setting, struct
from zerone.parts import sum_tree
from zerone.parts.sum_tree import SumTree

Array = jax.Array


@struct
class Memory:
    """A ring: `data` leaves are [capacity, ...], `cursor` is the next slot written, `size` how many are filled.

    `priorities` is what the rule knows of the slots: () for `Uniform`, a `SumTree` for `Prioritized`.
    """

    data: Any
    cursor: Array
    size: Array
    priorities: Any


class Replay(Protocol):
    """Which remembered steps are learnt from, and how much each counts."""

    @property
    def capacity(self) -> int:
        """Steps remembered; the oldest is forgotten first."""
        ...

    def init(self, example: Any) -> Memory:
        """An empty memory for items like `example` (arrays or shapes without a batch axis)."""
        ...

    def add(self, memory: Memory, batch: Any, skipped: Array | int = 0) -> Memory:
        """Write `batch` (leaves [n, ...], n ≤ capacity), without its first `skipped` items, over the oldest slots.

        In place when `memory` is donated.
        """
        ...

    def noise(self, key: Array, shape: tuple[int, ...]) -> Array:
        """What chance decides in draws of `shape`, of which the last axis is a minibatch. Consumes `key`."""
        ...

    def sample(self, memory: Memory, noise: Array, correction: Array | float) -> tuple[Array, Array]:
        """Filled slots, int32 [n], and the weights, float32 [n] in [0, 1], of what is learnt from them.

        `correction` is how far, from 0 to 1, the weights make up for drawing some slots more often than others.
        """
        ...

    def update_priorities(self, priorities: Any, slots: Array, error: Array) -> Any:
        """The priorities, now that the TD errors [n] of `slots` are known."""
        ...


def gather(memory: Memory, slots: Array) -> Any:
    """The items at `slots`: leaves [*slots.shape, ...]."""
    return jax.tree.map(lambda x: x[slots], memory.data)


def sample_sequences(memory: Memory, noise: Array, length: int, stride: int) -> Array:
    """The slots [length, n] of sequences of steps of one environment, where `stride` of them write side by side.

    Each that is there as a whole is as likely, to one part in 2³²/size. `noise` is as of `Uniform`, [n].
    """
    capacity = jax.tree.leaves(memory.data)[0].shape[0]
    whole = jnp.maximum(memory.size - (length - 1) * stride, 1).astype(jnp.uint32)
    age = (noise % whole).astype(jnp.int32)[None] + stride * jnp.arange(length)[:, None]
    slots: Array = (memory.cursor - memory.size + age) % capacity
    return slots


def _empty(capacity: int, example: Any, priorities: Any) -> Memory:
    data = jax.tree.map(lambda x: jnp.zeros((capacity, *x.shape), x.dtype), example)
    return Memory(data, jnp.int32(0), jnp.int32(0), priorities)


def _write(capacity: int, memory: Memory, batch: Any, skipped: Array | int) -> tuple[Memory, Array, Array]:
    """The memory with `batch` in it; the slot of each item, and whether it was written there (it was not skipped)."""
    n = jax.tree.leaves(batch)[0].shape[0]
    place = jnp.arange(n, dtype=jnp.int32)
    slots = (memory.cursor + place - skipped) % capacity
    written = place >= skipped
    # What is out of bounds is not written; each place is named once, as `unique_indices` promises.
    targets = jnp.where(written, slots, capacity + place)
    data = jax.tree.map(lambda x, new: x.at[targets].set(new, mode="drop", unique_indices=True), memory.data, batch)
    cursor, size = (memory.cursor + n - skipped) % capacity, jnp.minimum(memory.size + n - skipped, capacity)
    return Memory(data, cursor, size, memory.priorities), slots, written


@configured
class Uniform:
    """Every remembered step is drawn with equal probability, with replacement."""

    capacity: int = setting(10_000, "steps remembered; the oldest is forgotten first", at_least=1)

    def init(self, example: Any) -> Memory:
        return _empty(self.capacity, example, ())

    def add(self, memory: Memory, batch: Any, skipped: Array | int = 0) -> Memory:
        return _write(self.capacity, memory, batch, skipped)[0]

    def noise(self, key: Array, shape: tuple[int, ...]) -> Array:
        return jax.random.bits(key, shape)

    def sample(self, memory: Memory, noise: Array, correction: Array | float = 1.0) -> tuple[Array, Array]:
        """Each filled slot is as likely, to one part in 2³²/size, and all weights are 1."""
        del correction
        return (noise % memory.size.astype(jnp.uint32)).astype(jnp.int32), jnp.ones(noise.shape)

    def update_priorities(self, priorities: tuple[()], slots: Array, error: Array) -> tuple[()]:
        del slots, error
        return priorities


@configured
class Prioritized:
    """Proportional prioritisation: P(i) = p_i^α / Σ p^α with p = |δ| + ε_p, δ clipped.

    Schaul et al. 2016 (arXiv 1511.05952), section 3.3 and algorithm 1. A minibatch is stratified: one draw from each
    of its equal shares of Σ p^α. What is new has the largest priority present, 1 in an empty memory. The weights
    (N P(i))^-β / max_j w_j are (min_j p_j^α / p_i^α)^β with the least over filled slots, so none is above 1.
    Difference: |δ| is clipped at `limit` (infinite in the paper), so that one surprise is not all there is to learn.
    """

    capacity: int = setting(10_000, "steps remembered; the oldest is forgotten first", at_least=1)
    exponent: float = setting(0.6, "how much α the TD error counts: 0 is uniform", at_least=0, at_most=1)
    floor: float = setting(0.01, "constant ε_p added to the absolute TD error", above=0)
    limit: float = setting(1.0, "upper bound of the TD error in a priority", above=0)

    def init(self, example: Any) -> Memory:
        return _empty(self.capacity, example, sum_tree.empty(self.capacity))

    def add(self, memory: Memory, batch: Any, skipped: Array | int = 0) -> Memory:
        tree: SumTree = memory.priorities
        memory, slots, written = _write(self.capacity, memory, batch, skipped)
        largest = jnp.where(tree.largest > 0, tree.largest, 1.0)
        priorities = jnp.where(written, largest, sum_tree.priority(tree, slots))
        return Memory(memory.data, memory.cursor, memory.size, sum_tree.change(tree, slots, priorities))

    def noise(self, key: Array, shape: tuple[int, ...]) -> Array:
        return jax.random.uniform(key, shape)

    def sample(self, memory: Memory, noise: Array, correction: Array | float = 1.0) -> tuple[Array, Array]:
        tree: SumTree = memory.priorities
        slots, priorities = sum_tree.find(tree, self.shares(noise))
        return slots, (tree.least / priorities) ** correction

    def shares(self, noise: Array) -> Array:
        """At which parts of the total a minibatch looks, [n] in [0, 1]: one in each of n equal strata."""
        strata = noise.shape[-1]
        return (jnp.arange(strata) + noise) / strata

    def update_priorities(self, priorities: SumTree, slots: Array, error: Array) -> SumTree:
        size = jnp.minimum(jnp.abs(error), self.limit) + self.floor
        return sum_tree.change(priorities, slots, size**self.exponent)
