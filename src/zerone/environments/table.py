"""Tasks that are a table: where each action leads from each state, and with what chance.

Gymnasium writes such a table as `P[state][action] = [(probability, next state, reward, terminated), ...]`. In all of
ours the probabilities are the same everywhere, one for each way in which a step can turn out (to the left of what was
meant, as meant, to the right); where nothing is left to chance all of these ways lead to the same.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

if TYPE_CHECKING:
    from zerone.environments.base import Array, Key

CERTAIN = (1.0,)
"""The chances of a table with one way only."""


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """What every step leads to: int32, float32 and bool [states, actions, ways]."""

    following: np.ndarray[Any, Any]
    reward: np.ndarray[Any, Any]
    terminated: np.ndarray[Any, Any]

    def step(
        self, key: Key, chances: tuple[Array | float, ...], state: Array, action: Array
    ) -> tuple[Array, Array, Array]:
        """The next state, the reward and whether the episode is over (scalars). Consumes `key`.

        `chances` are the probabilities of the ways: they add up to 1, and may be traced.
        """
        way = choose(key, chances)
        found = (jnp.array(each)[state, action, way] for each in (self.following, self.reward, self.terminated))
        following, reward, terminated = found
        return following, reward, terminated


def neighbours(
    height: int, width: int, moves: tuple[tuple[int, int], ...], walls: np.ndarray[Any, Any] | None = None
) -> np.ndarray[Any, Any]:
    """Where each of `moves`, as (rows, columns), leads from each cell of a grid: int32 [cells, moves].

    Cells are numbered row by row from the top left. A move over the edge or into a wall (bool [cells]) leads nowhere.
    """
    cells = np.arange(height * width)
    rows, columns = np.divmod(cells, width)
    following = np.empty((height * width, len(moves)), np.int32)
    for action, (down, right) in enumerate(moves):
        row, column = np.clip(rows + down, 0, height - 1), np.clip(columns + right, 0, width - 1)
        there = row * width + column
        following[:, action] = there if walls is None else np.where(walls[there], cells, there)
    return following


def slipping(following: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """On ice: one action before, the one meant, one after (they go round in a circle): [cells, actions, 3]."""
    return np.stack([np.roll(following, -turn, axis=1) for turn in (-1, 0, 1)], axis=2)


def choose(key: Key, chances: tuple[Array | float, ...]) -> Array:
    """One of the ways by its probability, an int32 scalar. Consumes `key`."""
    way: Array = jnp.int32(0)
    if len(chances) > 1:
        way = (uniform(key) >= jnp.cumsum(jnp.stack(chances[:-1]))).sum(dtype=jnp.int32)
    return way


def uniform(key: Key) -> Array:
    """A float32 in [0, 1) out of the bits of `key` itself, which it consumes.

    A key that was split or folded is 64 random bits already; `jax.random.uniform` would run its generator over them
    once more, inside of the loop, and a table learns ten times slower then. The bits are mixed (Wellons' 32-bit
    finalizer "lowbias32"), so that keys that were only numbered, `key(0)`, `key(1)`, …, give numbers of use, too.
    """
    word = jnp.uint32(0)
    for part in jnp.moveaxis(jax.random.key_data(key), -1, 0):
        word = _mixed(word ^ part)
    drawn: Array = (word >> 8).astype(jnp.float32) * jnp.float32(2.0**-24)
    return drawn


def _mixed(word: Array) -> Array:
    word = (word ^ (word >> 16)) * jnp.uint32(0x7FEB352D)
    word = (word ^ (word >> 15)) * jnp.uint32(0x846CA68B)
    return word ^ (word >> 16)
