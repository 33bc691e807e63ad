"""The treasure line and the maze, compared with a few lines of plain Python."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from zerone.base.errors import InputError
from zerone.environments.layout import rows_of
from zerone.environments.maze import TUTORIAL, Maze, MazeState
from zerone.environments.treasure import Treasure, TreasureState

KEY = jax.random.key(0)


def everywhere(environment, state_of, states, actions):
    """Observation, cell, reward and termination for each pair of state and action, in order."""
    state, action = np.divmod(np.arange(states * actions, dtype=np.int32), actions)
    step = jax.jit(jax.vmap(lambda s, a: environment.step(KEY, state_of(s), a)))
    observations, after, rewards, ends, _ = step(state, action)
    return np.asarray(observations), np.asarray(jax.tree.leaves(after)[0]), np.asarray(rewards), np.asarray(ends)


@pytest.mark.parametrize("cells", [2, 6, 11])
def test_treasure_everywhere(cells):
    environment = Treasure(cells)
    observations, positions, rewards, ends = everywhere(environment, TreasureState, cells, 2)
    expected = [min(max(cell + move, 0), cells - 1) for cell in range(cells) for move in (-1, 1)]
    assert observations.tolist() == positions.tolist() == expected
    assert ends.tolist() == [cell == cells - 1 for cell in expected]
    assert rewards.tolist() == [float(end) for end in ends]
    assert rewards.dtype == np.float32
    assert int(environment.reset(KEY)[0]) == 0
    assert environment.observation_space.n == cells


def walk(layout, cell, action):
    """The next cell of a move in plain Python, its reward, and whether it terminates the episode."""
    row, column = divmod(cell, len(layout[0]))
    down, right = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}[Maze.action_names[action]]
    to_row, to_column = row + down, column + right
    outside = to_row not in range(len(layout)) or to_column not in range(len(layout[0]))
    if outside or layout[to_row][to_column] == "#":
        to_row, to_column = row, column
    reward = {"G": 1.0, "H": -1.0}.get(layout[to_row][to_column], 0.0)
    return to_row * len(layout[0]) + to_column, reward, reward != 0


@some.composite
def layouts(draw):
    height, width = draw(some.integers(1, 5)), draw(some.integers(2, 5))
    cells = [draw(some.sampled_from("..#H")) for _ in range(height * width)]
    start, goal = draw(some.permutations(range(height * width)))[:2]
    cells[start], cells[goal] = "S", "G"
    return tuple("".join(cells[row * width : (row + 1) * width]) for row in range(height))


def check_maze(layout):
    maze = Maze(layout=layout)
    count = maze.height * maze.width
    observations, cells, rewards, ends = everywhere(maze, MazeState, count, 4)
    expected = [walk(layout, cell, action) for cell in range(count) for action in range(4)]
    assert observations.tolist() == cells.tolist() == [each[0] for each in expected]
    assert rewards.tolist() == [each[1] for each in expected]
    assert ends.tolist() == [each[2] for each in expected]
    assert int(maze.reset(KEY)[0]) == "".join(layout).index("S")


@settings(max_examples=12, deadline=None)
@given(layouts())
def test_any_maze_everywhere(layout):
    check_maze(layout)


def test_the_tutorials_maze():
    check_maze(TUTORIAL)
    cells = {(column, row): TUTORIAL[row][column] for row in range(4) for column in range(4)}
    assert [place for place, what in cells.items() if what == "H"] == [(2, 1), (1, 2)]
    assert cells[0, 0] == "S"
    assert cells[2, 2] == "G"


def test_features_are_the_offset_from_paradise():
    maze = Maze(observe="features", layout=("S..", "..G"))
    observation, state = maze.reset(KEY)
    np.testing.assert_allclose(observation, [-2 / 3, -1 / 2])
    assert observation.dtype == np.float32
    for action in (3, 3, 1):  # right, right, down
        observation, state, reward, terminated, _ = maze.step(KEY, state, jnp.int32(action))
        assert maze.observation_space.contains(np.asarray(observation))
    np.testing.assert_allclose(observation, [0, 0])
    assert float(reward) == 1
    assert terminated


def test_rewards_are_leaves():
    state = MazeState(jnp.int32(2))  # above the first hell
    rewards = jax.vmap(lambda cost: Maze(hell_reward=cost).step(KEY, state, jnp.int32(1))[2])(jnp.array([-1.0, -5.0]))
    assert rewards.tolist() == [-1.0, -5.0]


def test_a_layout_can_be_read_from_text():
    assert rows_of("\n S..#\n ..HG\n\n") == ("S..#", "..HG")


@pytest.mark.parametrize(
    ("layout", "says"),
    [
        ((), "no cells"),
        (("",), "no cells"),
        (("S.", "G"), "row 2, column 2: row 2 has 1 cells, but row 1 has 2"),
        (("S.G", "..x"), "row 2, column 3: 'x' is not allowed: must be S start"),
        (("..G",), "no start .S.: must have one"),
        (("SSG",), "row 1, column 2: a second start .S.; the first is at row 1, column 1"),
        (("S.",), "no goal"),
    ],
)
def test_a_layout_that_is_no_maze_is_refused(layout, says):
    with pytest.raises(InputError, match=says):
        Maze(layout=layout)


def test_bad_settings_are_refused():
    with pytest.raises(InputError, match="cells"):
        Treasure(1)
    with pytest.raises(InputError, match="observe"):
        Maze(observe="picture")
