"""The drawn positions of a grid's cells fit the environment's own steps."""

from __future__ import annotations

import dataclasses

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zerone.environments import catalogue
from zerone.environments.changing_maze import ChangingMaze, ChangingMazeState
from zerone.environments.cliff import Cliff, CliffState
from zerone.environments.drawing.geometry import grid_of
from zerone.environments.frozen_lake import FrozenLake, FrozenLakeState
from zerone.environments.maze import Maze, MazeState
from zerone.environments.maze_layouts import DYNA, LEFT_WAY, RIGHT_WAY
from zerone.environments.treasure import Treasure, TreasureState
from zerone.environments.wrappers import evaluation_environment

KEY = jax.random.key(0)
UNEVEN = ("S.#.H", "..#.G", ".....")
GRIDS = {
    "treasure": (Treasure(cells=5), TreasureState),
    "maze": (Maze(), MazeState),
    "dyna": (Maze(layout=DYNA), MazeState),
    "uneven": (Maze(layout=UNEVEN), MazeState),
    "blocking": (ChangingMaze(), lambda cell: ChangingMazeState(cell, jnp.zeros_like(cell))),
    "cliff": (Cliff(), CliffState),
    "lake": (FrozenLake(is_slippery=False), FrozenLakeState),
    "lake of its own": (FrozenLake(is_slippery=False, desc=("SFH", "FFG")), FrozenLakeState),
}


def following(environment, make_state, states, actions):
    """The next state of each state and action in the environment itself: int [states, actions]."""

    def one(cell, action):
        return environment.step(KEY, make_state(cell), action)[0]

    each = jax.jit(jax.vmap(jax.vmap(one, (None, 0)), (0, None)))
    return np.asarray(each(np.arange(states), np.arange(actions)))


def moves_as_drawn(grid, there):
    """Whether each action moves one cell in its direction if that cell can be entered, and otherwise not at all."""
    cells = grid.cells.tolist()
    for state in np.flatnonzero(grid.acts):
        for action, direction in enumerate(grid.directions):
            column, row = np.add(cells[state], direction)
            inside = 0 <= column < grid.columns and 0 <= row < grid.rows
            aim = row * grid.columns + column if inside else state
            letter = grid.kinds[aim].letter
            aim = state if letter == "#" else [kind.letter for kind in grid.kinds].index("S") if letter == "C" else aim
            if there[state, action] != aim:
                return False
    return True


@pytest.mark.parametrize("name", GRIDS)
def test_an_action_moves_where_its_arrow_points(name):
    environment, make_state = GRIDS[name]
    grid = grid_of(environment)
    assert grid.states == environment.observation_space.n
    assert len(grid.directions) == environment.action_space.n
    there = following(environment, make_state, grid.states, len(grid.directions))
    assert moves_as_drawn(grid, there)
    turned = dataclasses.replace(grid, directions=grid.directions[::-1])
    assert not moves_as_drawn(turned, there)


@pytest.mark.parametrize("id", ["CliffWalking-v1", "FrozenLake-v1", "FrozenLake8x8-v1"])
def test_gymnasiums_own_tables_have_the_same_geometry(id):  # noqa: A002
    table = gymnasium.make(id, is_slippery=False).unwrapped.P
    grid = grid_of(catalogue.make(id))
    states, actions = range(grid.states), range(len(grid.directions))
    there = np.array([[table[state][action][0][1] for action in actions] for state in states])
    assert moves_as_drawn(grid, there)
    ends = {there[state, action] for state in states for action in actions if table[state][action][0][3]}
    assert not grid.acts[sorted(ends)].any()


def test_nobody_acts_in_walls_and_after_the_end():
    grid = grid_of(Maze(layout=UNEVEN))
    letters = "".join(kind.letter or "." for kind in grid.kinds)
    assert letters == "".join(UNEVEN)
    assert grid.acts.tolist() == [each in "S." for each in letters]
    assert grid.cells[7].tolist() == [2, 1]
    assert "".join(kind.letter or "-" for kind in grid_of(Treasure(cells=4)).kinds) == "S--T"
    assert grid_of(Cliff()).acts.sum() == 37


def test_wrapped_judged_and_changing():
    blocking = catalogue.make("zerone/BlockingMaze-v0")
    for environment, layout in ((blocking, RIGHT_WAY), (evaluation_environment(blocking), LEFT_WAY)):
        letters = "".join(kind.letter or "." for kind in grid_of(environment).kinds)
        assert letters == "".join(layout)


def test_only_cells_are_a_grid():
    without = {entry.id for entry in catalogue.entries() if grid_of(catalogue.make(entry.id)) is None}
    discrete = {e.id for e in catalogue.entries()
                if isinstance(catalogue.make(e.id).observation_space, gymnasium.spaces.Discrete)}  # fmt: skip
    assert without & discrete == {"Taxi-v4"}
    assert grid_of(Maze(observe="features")) is None
    assert grid_of(None) is None
