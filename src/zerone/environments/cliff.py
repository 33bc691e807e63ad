"""Walk along a cliff: Gymnasium's `CliffWalking-v1`, compiled."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ClassVar

import gymnasium
import jax.numpy as jnp
import numpy as np

from zerone.base.pytree import configured, setting, struct
from zerone.environments.table import CERTAIN, Table, neighbours, slipping

if TYPE_CHECKING:
    from zerone.environments.base import Array, Info, Key

HEIGHT, WIDTH = 4, 12
START, GOAL = 36, 47
CLIFF = range(START + 1, GOAL)

# Action by action: up, right, down, left as (rows, columns).
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))


@functools.cache
def transitions(slippery: bool) -> Table:
    """The transition table. A step off the cliff leads back to the start, and the episode continues."""
    there = neighbours(HEIGHT, WIDTH, MOVES)
    there = slipping(there) if slippery else there[:, :, None]
    falls = np.isin(there, CLIFF)
    reward = np.where(falls, -100, -1).astype(np.float32)
    return Table(np.where(falls, START, there).astype(np.int32), reward, there == GOAL)


@struct
class CliffState:
    """The agent's cell, an int32 scalar: cells are numbered row by row from the top left."""

    cell: Array


@configured
class Cliff:
    """Walk from the bottom left to the bottom right of 4 by 12 cells, along a cliff between the two.

    Observation: the cell's number, int32 in [0, 48). Actions: 0 up, 1 right, 2 down, 3 left; a move over the edge of
    the grid has no effect. Reward: -1 a step, -100 for a step off the cliff, which leads back to the start and does
    not end the episode; the goal ends it. If the ground is slippery, a step goes in the intended direction or to either
    side, each with probability 1/3.

    Source: Sutton & Barto 2018, example 6.6, as Gymnasium's `CliffWalking-v1` has it (without a time limit).
    """

    is_slippery: bool = setting(False, "whether a step may go to either side of where it was meant to")

    action_names: ClassVar[tuple[str, ...]] = ("up", "right", "down", "left")

    @property
    def observation_space(self) -> gymnasium.spaces.Discrete:
        return gymnasium.spaces.Discrete(HEIGHT * WIDTH)

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        return gymnasium.spaces.Discrete(len(MOVES))

    @property
    def chances(self) -> tuple[float, ...]:
        """The probability of each outcome of a step, in the order of the table's last axis."""
        return (1 / 3, 1 / 3, 1 / 3) if self.is_slippery else CERTAIN

    @property
    def table(self) -> Table:
        """The transition table."""
        return transitions(self.is_slippery)

    def reset(self, key: Key) -> tuple[Array, CliffState]:
        del key  # every episode starts in the same cell
        cell = jnp.int32(START)
        return cell, CliffState(cell)

    def step(self, key: Key, state: CliffState, action: Array) -> tuple[Array, CliffState, Array, Array, Info]:
        cell, reward, terminated = self.table.step(key, self.chances, state.cell, action)
        return cell, CliffState(cell), reward, terminated, {}
