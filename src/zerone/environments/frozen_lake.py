"""Cross a frozen lake with holes in it: Gymnasium's `FrozenLake-v1`, compiled."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ClassVar

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.pytree import check, configured, setting, struct
from zerone.environments.layout import Legend, Origin, layout_field
from zerone.environments.table import CERTAIN, Table, neighbours, slipping

if TYPE_CHECKING:
    from zerone.environments.base import Array, Info, Key

START, FROZEN, HOLE, GOAL = "SFHG"
LEGEND = Legend({START: "start", FROZEN: "frozen", HOLE: "hole", GOAL: "goal"}, needed=START + GOAL, blocked=HOLE)

MAPS = {
    "4x4": ("SFFF", "FHFH", "FFFH", "HFFG"),
    "8x8": ("SFFFFFFF", "FFFFFFFF", "FFFHFFFF", "FFFFFHFF", "FFFHFFFF", "FHHFFFHF", "FHFFHFHF", "FFFHFFFG"),
}

# Action by action: left, down, right, up as (rows, columns).
MOVES = ((0, -1), (1, 0), (0, 1), (-1, 0))
SUCCESS_RATE = 1 / 3


@functools.lru_cache(maxsize=64)
def transitions(rows: tuple[str, ...], slippery: bool, rewards: tuple[float, ...]) -> Table:
    """The transition table, with `rewards` for goal, hole and ice. An agent in a goal or a hole stays there."""
    LEGEND.check(rows, Origin("FrozenLake: desc"))
    characters = np.array(list("".join(rows)))
    there = neighbours(len(rows), len(rows[0]), MOVES)
    there = slipping(there) if slippery else there[:, :, None]
    ends = np.isin(characters, [HOLE, GOAL])
    over = ends[:, None, None]
    gained = np.select([characters == GOAL, characters == HOLE], rewards[:2], rewards[2])[there]
    following = np.where(over, np.arange(len(characters))[:, None, None], there)
    return Table(following.astype(np.int32), np.where(over, 0, gained).astype(np.float32), ends[there] | over)


@struct
class FrozenLakeState:
    """The agent's cell, an int32 scalar: cells are numbered row by row from the top left."""

    cell: Array


@configured
class FrozenLake:
    """Cross the ice from start to goal (reward 1); a hole ends the episode without a reward.

    Observation: the cell's number, int32. Actions: 0 left, 1 down, 2 right, 3 up. If the ice is slippery, a step goes
    in the intended direction with probability `success_rate`, otherwise to either side with equal probability. If there
    are several start cells, each is equally likely.

    Source: Gymnasium's `FrozenLake-v1`.
    """

    map_name: str = setting("4x4", "the lake", choices=tuple(MAPS))
    desc: tuple[str, ...] = layout_field((), LEGEND, "another lake, instead of map_name")
    is_slippery: bool = setting(True, "whether a step may go to either side of where it was meant to")
    success_rate: float = setting(SUCCESS_RATE, "chance that a step goes as meant", at_least=0, at_most=1)
    reward_schedule: tuple[float, ...] = setting((1.0, 0.0, 0.0), "rewards of goal, hole and ice")

    action_names: ClassVar[tuple[str, ...]] = ("left", "down", "right", "up")

    def __post_init__(self) -> None:
        check(self, "FrozenLake")
        if len(self.reward_schedule) != 3:
            given = f"reward_schedule = {self.reward_schedule!r}"
            raise InputError(
                translated(
                    "FrozenLake: {given} is not allowed: must be three numbers, for goal, hole and ice", given=given
                )
            )
        rate = self.success_rate
        if not self.is_slippery and isinstance(rate, float) and rate != SUCCESS_RATE:
            raise InputError(
                translated(
                    "FrozenLake: success_rate = {rate!r} is not allowed: must be left out unless is_slippery", rate=rate
                )
            )
        if self.desc:
            LEGEND.check(self.desc, Origin("FrozenLake: desc"))

    @property
    def rows(self) -> tuple[str, ...]:
        """The layout of the lake, one character per cell."""
        return self.desc or MAPS[self.map_name]

    @property
    def observation_space(self) -> gymnasium.spaces.Discrete:
        return gymnasium.spaces.Discrete(len(self.rows) * len(self.rows[0]))

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        return gymnasium.spaces.Discrete(len(MOVES))

    @property
    def chances(self) -> tuple[Array | float, ...]:
        """The probability of each outcome of a step, in the order of the table's last axis."""
        if not self.is_slippery:
            return CERTAIN
        aside = (1 - self.success_rate) / 2
        return aside, self.success_rate, aside

    @property
    def table(self) -> Table:
        """The transition table."""
        return transitions(self.rows, self.is_slippery, self.reward_schedule)

    @property
    def starts(self) -> tuple[int, ...]:
        """The cells in which an episode may start."""
        return tuple(cell for cell, character in enumerate("".join(self.rows)) if character == START)

    def reset(self, key: Key) -> tuple[Array, FrozenLakeState]:
        cell = jax.random.choice(key, jnp.array(self.starts, jnp.int32))
        return cell, FrozenLakeState(cell)

    def step(
        self, key: Key, state: FrozenLakeState, action: Array
    ) -> tuple[Array, FrozenLakeState, Array, Array, Info]:
        cell, reward, terminated = self.table.step(key, self.chances, state.cell, action)
        return cell, FrozenLakeState(cell), reward, terminated, {}
