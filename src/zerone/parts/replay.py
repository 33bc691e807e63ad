"""Replay memory: what was lived, kept to be learnt from again (Lin 1992; Mnih et al. 2015, Methods)."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from zerone.base.pytree import configured, setting, struct

Array = jax.Array


@struct
class Memory:
    """A ring: `data` leaves are [capacity, ...], `cursor` is the next slot written, `size` how many are filled."""

    data: Any
    cursor: Array
    size: Array


@configured
class Uniform:
    """Every remembered step is drawn with equal probability, with replacement."""

    capacity: int = setting(10_000, "steps remembered; the oldest is forgotten first", at_least=1)

    def init(self, example: Any) -> Memory:
        """An empty memory for items like `example` (arrays or shapes without a batch axis)."""
        data = jax.tree.map(lambda x: jnp.zeros((self.capacity, *x.shape), x.dtype), example)
        return Memory(data, jnp.int32(0), jnp.int32(0))

    def add(self, memory: Memory, batch: Any) -> Memory:
        """Write `batch` (leaves [n, ...], n ≤ capacity) over the oldest slots. In place when `memory` is donated."""
        n = jax.tree.leaves(batch)[0].shape[0]
        slots = (memory.cursor + jnp.arange(n, dtype=jnp.int32)) % self.capacity
        data = jax.tree.map(lambda x, new: x.at[slots].set(new, unique_indices=True), memory.data, batch)
        return Memory(data, (memory.cursor + n) % self.capacity, jnp.minimum(memory.size + n, self.capacity))

    def sample(self, memory: Memory, key: Array, shape: tuple[int, ...]) -> Array:
        """Slots of `shape`, each filled and each as likely (to one part in 2³²/size). Consumes `key`."""
        return (jax.random.bits(key, shape) % memory.size.astype(jnp.uint32)).astype(jnp.int32)

    def read(self, memory: Memory, slots: Array) -> Any:
        """The items at `slots`: leaves [*slots.shape, ...]."""
        return jax.tree.map(lambda x: x[slots], memory.data)
