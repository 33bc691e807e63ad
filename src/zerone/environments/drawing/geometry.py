"""The grid of an environment whose states are cells, for pictures of tables."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from zerone.environments.drawing.easel import LOOKS
from zerone.environments.drawing.unwrapping import unwrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from zerone.environments.drawing.easel import Easel


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of cell: its letter, whether the agent can act in it, and the function that paints it.

    The agent never acts in a wall or in a cell that ends the episode, so these have no values.
    """

    letter: str
    acts: bool = False
    paint: Callable[[Easel, tuple[int, int]], None] | None = None


FLOOR, START = Kind("", acts=True), Kind("S", acts=True)


@dataclasses.dataclass(frozen=True, eq=False)
class Grid:
    """The states of an environment as cells, numbered row by row from the top left.

    `directions` is the intended direction of each action, as (columns, rows); on ice, a step may go to the side.
    """

    columns: int
    rows: int
    directions: tuple[tuple[int, int], ...]
    kinds: tuple[Kind, ...]

    @property
    def states(self) -> int:
        """The number of states."""
        return self.columns * self.rows

    @property
    def cells(self) -> NDArray[np.int64]:
        """The (column, row) of each state, int [states, 2]."""
        rows, columns = np.divmod(np.arange(self.states), self.columns)
        return np.stack([columns, rows], axis=1)

    @property
    def acts(self) -> NDArray[np.bool_]:
        """The states in which the agent can act, bool [states]: not walls, nor cells that end the episode."""
        return np.array([kind.acts for kind in self.kinds])


def grid_of(environment: Any) -> Grid | None:
    """The grid whose cells are this environment's observations; None if its observations are not cells.

    `environment` may be wrapped. A changing environment is shown as it is at the first step.
    """
    bare, _, _ = unwrap(environment, None, None)
    read = _readers().get(type(bare))
    return None if read is None else read(bare)


@functools.cache
def _readers() -> dict[type, Callable[[Any], Grid | None]]:
    from zerone.environments.changing_maze import ChangingMaze
    from zerone.environments.cliff import Cliff
    from zerone.environments.frozen_lake import FrozenLake
    from zerone.environments.maze import Maze
    from zerone.environments.treasure import Treasure

    return {Treasure: _treasure, Maze: _maze, ChangingMaze: _changing_maze, Cliff: _cliff, FrozenLake: _frozen_lake}


def _grid(environment: Any, lines: tuple[str, ...], kinds: Mapping[str, Kind]) -> Grid:
    directions = tuple(LOOKS[name] for name in environment.action_names)
    return Grid(len(lines[0]), len(lines), directions, tuple(kinds.get(each, FLOOR) for each in "".join(lines)))


def _treasure(environment: Any) -> Grid:
    from zerone.environments.drawing.grid import draw_treasure

    line = "S" + "-" * (environment.cells - 2) + "T"
    return _grid(environment, (line,), {"S": START, "T": Kind("T", paint=draw_treasure)})


def _maze(environment: Any) -> Grid | None:
    from zerone.environments import maze
    from zerone.environments.drawing.grid import draw_hell, draw_paradise, draw_wall

    if environment.observe != "index":
        return None
    kinds = {
        maze.START: START,
        maze.GOAL: Kind(maze.GOAL, paint=draw_paradise),
        maze.HELL: Kind(maze.HELL, paint=draw_hell),
        maze.WALL: Kind(maze.WALL, paint=draw_wall),
    }
    return _grid(environment, environment.layout, kinds)


def _changing_maze(environment: Any) -> Grid | None:
    return _maze(environment.seen_after(0))


def _cliff(environment: Any) -> Grid:
    from zerone.environments import cliff
    from zerone.environments.drawing.toy_text import draw_abyss, draw_flag

    last = "S" + "C" * len(cliff.CLIFF) + "G"
    kinds = {"S": START, "C": Kind("C", paint=draw_abyss), "G": Kind("G", paint=draw_flag)}
    return _grid(environment, ("." * cliff.WIDTH,) * (cliff.HEIGHT - 1) + (last,), kinds)


def _frozen_lake(environment: Any) -> Grid:
    from zerone.environments import frozen_lake
    from zerone.environments.drawing.toy_text import draw_flag, draw_hole

    kinds = {
        frozen_lake.START: START,
        frozen_lake.HOLE: Kind(frozen_lake.HOLE, paint=draw_hole),
        frozen_lake.GOAL: Kind(frozen_lake.GOAL, paint=draw_flag),
    }
    return _grid(environment, environment.rows, kinds)
