"""Replay memory: played steps, kept to be learnt from again (Lin 1992; Mnih et al. 2015, Methods).

    memory         = replay.init(example)
    memory         = replay.add(memory, batch)
    slots, weights = replay.sample(memory, noise, correction)
    priorities     = replay.update_priorities(memory.priorities, slots, error)

The rules `Uniform`, `Sequences` and `Prioritized` have the same functions, so an algorithm needs no branch. A loop of
gradient updates carries `memory.priorities` alone: what it does not change, it must not carry, or it would be copied.
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

    `priorities` are those of the slots: `()` for `Uniform` and `Sequences`, a `SumTree` for `Prioritized`.
    """

    data: Any
    cursor: Array
    size: Array
    priorities: Any


class Replay(Protocol):
    """A rule: which remembered steps are sampled, and how much each counts."""

    @property
    def capacity(self) -> int:
        """The largest number of steps; the oldest is overwritten first."""
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
        """The random numbers of minibatches; the last axis of `shape` is one minibatch. Consumes `key`."""
        ...

    def sample(self, memory: Memory, noise: Array, correction: Array | float) -> tuple[Array, Array]:
        """Filled slots, int32 [n] (of sequences [length, n]), and the weights of their losses, float32 of that shape.

        `correction` is how far, from 0 to 1, the weights make up for drawing some slots more often than others.
        """
        ...

    def update_priorities(self, priorities: Any, slots: Array, error: Array) -> Any:
        """The priorities after an update with the TD errors [n] of `slots`."""
        ...


def gather(memory: Memory, slots: Array) -> Any:
    """The items at `slots`: leaves [*slots.shape, ...]."""
    return jax.tree.map(lambda x: x[slots], memory.data)


def _empty(capacity: int, example: Any, priorities: Any) -> Memory:
    data = jax.tree.map(lambda x: jnp.zeros((capacity, *x.shape), x.dtype), example)
    return Memory(data, jnp.int32(0), jnp.int32(0), priorities)


def _write(capacity: int, memory: Memory, batch: Any, skipped: Array | int) -> tuple[Memory, Array, Array]:
    """The memory with `batch` in it; the slot of each item, and whether it was written there (it was not skipped)."""
    n = jax.tree.leaves(batch)[0].shape[0]
    place = jnp.arange(n, dtype=jnp.int32)
    slots = (memory.cursor + place - skipped) % capacity
    written = place >= skipped
    # Indices out of bounds are not written; all are different, as `unique_indices` requires.
    targets = jnp.where(written, slots, capacity + place)
    data = jax.tree.map(lambda x, new: x.at[targets].set(new, mode="drop", unique_indices=True), memory.data, batch)
    cursor, size = (memory.cursor + n - skipped) % capacity, jnp.minimum(memory.size + n - skipped, capacity)
    return Memory(data, cursor, size, memory.priorities), slots, written


@configured
class Uniform:
    """Every remembered step is sampled with equal probability, with replacement."""

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
class Sequences(Uniform):
    """Sequences of `length` steps of one environment, for networks that have a memory (Kapturowski et al. 2019).

    Each sequence that is remembered as a whole is drawn with equal probability, with replacement. Its first `burn_in`
    steps only refresh the memory: their weight is 0, and the others weigh so much more that the mean stays the same.
    `environments` environments write side by side, so a sequence is every `environments`-th slot.
    """

    length: int = setting(16, "steps of a sequence", at_least=1)
    burn_in: int = setting(0, "first steps of a sequence that only refresh the memory", at_least=0)
    environments: int = setting(1, "environments whose steps are stored side by side", at_least=1)

    def noise(self, key: Array, shape: tuple[int, ...]) -> Array:
        return super().noise(key, (*shape[:-1], shape[-1] // self.length))

    def sample(self, memory: Memory, noise: Array, correction: Array | float = 1.0) -> tuple[Array, Array]:
        """Slots and weights, [length, n]; each whole sequence is as likely, to one part in 2³²/size."""
        del correction
        whole = jnp.maximum(memory.size - (self.length - 1) * self.environments, 1).astype(jnp.uint32)
        age = (noise % whole).astype(jnp.int32)[None] + self.environments * jnp.arange(self.length)[:, None]
        slots = (memory.cursor - memory.size + age) % self.capacity
        learnt = (jnp.arange(self.length) >= self.burn_in) * (self.length / (self.length - self.burn_in))
        return slots, jnp.broadcast_to(learnt[:, None], slots.shape)


@configured
class Prioritized:
    """Proportional prioritisation: P(i) = p_i^α / Σ p^α with p = |δ| + ε_p, δ clipped.

    Schaul et al. 2016 (arXiv 1511.05952), section 3.3 and algorithm 1. A minibatch is stratified: one draw from each
    of its equal shares of Σ p^α. What is new has the largest priority present, 1 in an empty memory. The weights
    (N P(i))^-β / max_j w_j are (min_j p_j^α / p_i^α)^β with the least over filled slots, so none is above 1.
    Difference: |δ| is clipped at `limit` (infinite in the paper), so that one large error does not dominate.
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
        """The places of a minibatch in the total priority, [n] in [0, 1]: one in each of n equal strata."""
        strata = noise.shape[-1]
        return (jnp.arange(strata) + noise) / strata

    def update_priorities(self, priorities: SumTree, slots: Array, error: Array) -> SumTree:
        size = jnp.minimum(jnp.abs(error), self.limit) + self.floor
        return sum_tree.change(priorities, slots, size**self.exponent)
