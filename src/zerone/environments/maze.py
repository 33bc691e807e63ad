"""A maze of square cells, given as characters: find paradise and avoid hell."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any, ClassVar

import gymnasium
import jax.numpy as jnp
import numpy as np

from zerone.base.pytree import check, configured, setting, struct
from zerone.environments.layout import Legend, Origin, layout_field
from zerone.environments.maze_layouts import TUTORIAL
from zerone.environments.pixels import picture_of, scenery
from zerone.environments.table import neighbours

if TYPE_CHECKING:
    from zerone.environments.base import Array, Info, Key

START, GOAL, HELL, WALL, FLOOR = "SGH#."
LEGEND = Legend(
    {START: "start", GOAL: "goal", HELL: "hell", WALL: "wall", FLOOR: "floor"}, once=START + GOAL, blocked=WALL + HELL
)

# Action by action: up, down, left, right as (rows, columns).
MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))


@dataclasses.dataclass(frozen=True)
class MazeMap:
    """A layout as NumPy tables over its cells, which are numbered row by row from the top left.

    Attributes:
        start: The start cell.
        following: Int32 [cells, 4], the cell that each action leads to.
        goal: Bool [cells], whether a cell is the goal.
        hell: Bool [cells], whether a cell is a hell.
        features: Float32 [cells, 2], the (column, row) offset from the goal divided by (width, height).
    """

    start: int
    following: np.ndarray
    goal: np.ndarray
    hell: np.ndarray
    features: np.ndarray


@functools.lru_cache(maxsize=64)
def read_map(layout: tuple[str, ...]) -> MazeMap:
    """The tables of a layout. Raises `InputError` if the layout is not a valid maze."""
    LEGEND.check(layout, Origin("Maze: layout"))
    height, width = len(layout), len(layout[0])
    characters = np.array(list("".join(layout)))
    rows, columns = np.divmod(np.arange(height * width), width)
    goal = int(np.argmax(characters == GOAL))
    features = np.stack([(columns - columns[goal]) / width, (rows - rows[goal]) / height], axis=1)
    return MazeMap(
        start=int(np.argmax(characters == START)),
        following=neighbours(height, width, MOVES, characters == WALL),
        goal=characters == GOAL,
        hell=characters == HELL,
        features=features.astype(np.float32),
    )


@struct
class MazeState:
    """The agent's cell, an int32 scalar: cells are numbered row by row from the top left."""

    cell: Array


@configured
class Maze:
    """Walk through a maze to paradise (reward 1); hell costs 1. Both end the episode.

    Actions: 0 up, 1 down, 2 left, 3 right; a move into a wall or over the edge has no effect.
    Observation: with `observe="index"` the cell's number, int32 in [0, height * width); with "features" the
    (column, row) offset from the goal to the agent divided by (width, height), float32 [2] in (-1, 1); with
    "pixels" the maze from above, uint8 [rows, columns, 3] with a few pixels per cell (see `pixels`).
    """

    observe: str = setting("index", "what the agent sees", choices=("index", "features", "pixels"))
    goal_reward: float = setting(1.0, "reward on reaching paradise")
    hell_reward: float = setting(-1.0, "reward on falling into hell")
    step_reward: float = setting(0.0, "reward of every other step")
    layout: tuple[str, ...] = layout_field(TUTORIAL, LEGEND, "the maze")

    action_names: ClassVar[tuple[str, ...]] = ("up", "down", "left", "right")

    def __post_init__(self) -> None:
        check(self, "Maze")
        read_map(self.layout)

    @property
    def height(self) -> int:
        """The number of rows."""
        return len(self.layout)

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.layout[0])

    @property
    def observation_space(self) -> gymnasium.Space[Any]:
        if self.observe == "features":
            return gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
        if self.observe == "pixels":
            return gymnasium.spaces.Box(0, 255, scenery(self.layout).shape, np.uint8)
        return gymnasium.spaces.Discrete(self.height * self.width)

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        return gymnasium.spaces.Discrete(len(self.action_names))

    def reset(self, key: Key) -> tuple[Array, MazeState]:
        del key  # every episode starts in the same cell
        cell = jnp.int32(read_map(self.layout).start)
        return self._observe(cell), MazeState(cell)

    def step(self, key: Key, state: MazeState, action: Array) -> tuple[Array, MazeState, Array, Array, Info]:
        del key  # a step is deterministic
        table = read_map(self.layout)
        cell = jnp.array(table.following)[state.cell, action]
        at_goal, in_hell = jnp.array(table.goal)[cell], jnp.array(table.hell)[cell]
        reward = jnp.where(at_goal, self.goal_reward, jnp.where(in_hell, self.hell_reward, self.step_reward))
        return self._observe(cell), MazeState(cell), reward.astype(jnp.float32), at_goal | in_hell, {}

    def _observe(self, cell: Array) -> Array:
        if self.observe == "features":
            return jnp.array(read_map(self.layout).features)[cell]
        return picture_of(self.layout, cell) if self.observe == "pixels" else cell
