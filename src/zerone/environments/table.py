"""Transition tables: the next state, reward and end for each state, action and outcome.

Gymnasium writes such a table as `P[state][action] = [(probability, next state, reward, terminated), ...]`. In Zerone's
environments, all states share the same outcomes and probabilities (for example a step to the left of the intended
direction, in it, and to the right of it). Where a step is deterministic, all outcomes lead to the same state.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

if TYPE_CHECKING:
    from zerone.environments.base import Array, Key

CERTAIN = (1.0,)
"""The probabilities of a table with a single outcome."""


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """Next states (int32), rewards (float32) and ends (bool), each [states, actions, outcomes]."""

    following: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray

    def step(
        self, key: Key, chances: tuple[Array | float, ...], state: Array, action: Array
    ) -> tuple[Array, Array, Array]:
        """Sample a step: the next state, the reward and whether the episode ends (scalars). Consumes `key`.

        `chances` are the probabilities of the outcomes: they sum to 1, and may be traced.
        """
        way = choose(key, chances)
        found = (jnp.array(each)[state, action, way] for each in (self.following, self.reward, self.terminated))
        following, reward, terminated = found
        return following, reward, terminated


def neighbours(
    height: int, width: int, moves: tuple[tuple[int, int], ...], walls: np.ndarray | None = None
) -> np.ndarray:
    """The cell to which each of `moves`, as (rows, columns), leads from each cell of a grid: int32 [cells, moves].

    Cells are numbered row by row from the top left. A move over the edge or into one of `walls` (bool [cells]) has no
    effect.
    """
    cells = np.arange(height * width)
    rows, columns = np.divmod(cells, width)
    following = np.empty((height * width, len(moves)), np.int32)
    for action, (down, right) in enumerate(moves):
        row, column = np.clip(rows + down, 0, height - 1), np.clip(columns + right, 0, width - 1)
        there = row * width + column
        following[:, action] = there if walls is None else np.where(walls[there], cells, there)
    return following


def slipping(following: np.ndarray) -> np.ndarray:
    """The outcomes of a step on ice: of the previous, the chosen and the next action (cyclic), [cells, actions, 3]."""
    return np.stack([np.roll(following, -turn, axis=1) for turn in (-1, 0, 1)], axis=2)


def choose(key: Key, chances: tuple[Array | float, ...]) -> Array:
    """Sample an outcome by its probability: its index, an int32 scalar. Consumes `key`."""
    way: Array = jnp.int32(0)
    if len(chances) > 1:
        way = (uniform(key) >= jnp.cumsum(jnp.stack(chances[:-1]))).sum(dtype=jnp.int32)
    return way


def uniform(key: Key) -> Array:
    """A uniform float32 in [0, 1), made from the bits of `key` itself. Consumes `key`.

    A key from `split` or `fold_in` consists of 64 random bits already. `jax.random.uniform` would run its generator on
    them again in every step, which makes tabular learning ten times slower. The bits are mixed (Wellons' 32-bit
    finalizer "lowbias32"), so that plain keys such as `key(0)`, `key(1)`, … also give well distributed numbers.
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
