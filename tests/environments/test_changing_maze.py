"""Dyna's mazes: their shortest paths, and a change after a number of steps over all episodes."""

from __future__ import annotations

import collections
import dataclasses

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zerone.algorithms.q_learning import QLearning
from zerone.engines.compiled import Compiled
from zerone.engines.host import Host
from zerone.environments import catalogue, drawing, shaping
from zerone.environments.changing_maze import ChangingMaze, ChangingMazeState
from zerone.environments.gym.vector import make_vector
from zerone.environments.maze import Maze
from zerone.environments.wrappers import AutoReset, DiscretizedActions, ShapedReward, TimeLimit, evaluation_environment

KEY = jax.random.key(0)
MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))


def shortest(layout):
    """The number of steps from S to G, by breadth-first search in the layout."""
    cells = {(r, c): x for r, line in enumerate(layout) for c, x in enumerate(line) if x != "#"}
    start = next(place for place, x in cells.items() if x == "S")
    steps, waiting = {start: 0}, collections.deque([start])
    while waiting:
        row, column = waiting.popleft()
        if cells[row, column] == "G":
            return steps[row, column]
        for down, right in MOVES:
            there = row + down, column + right
            if there in cells and there not in steps:
                steps[there] = steps[row, column] + 1
                waiting.append(there)
    return None


def test_the_books_shortest_ways():
    dyna = catalogue.make("zerone/DynaMaze-v0").environment
    assert (dyna.height, dyna.width, shortest(dyna.layout)) == (6, 9, 14)
    blocking = catalogue.make("zerone/BlockingMaze-v0").environment
    assert (shortest(blocking.layout), shortest(blocking.later), blocking.change_at) == (10, 16, 1000)
    shortcut = catalogue.make("zerone/ShortcutMaze-v0").environment
    assert (shortest(shortcut.layout), shortest(shortcut.later), shortcut.change_at) == (16, 10, 3000)
    assert sum(row.count("#") for row in dyna.layout) == 7  # figure 8.2


def test_the_maze_changes_after_so_many_steps_and_not_one_before():
    maze = ChangingMaze(change_at=5)
    gap = 3 * 9 + 8 - 9  # above the gap of the first maze
    for steps, passes in ((4, True), (5, False)):
        state = ChangingMazeState(jnp.int32(gap), jnp.int32(steps))
        cell, after, reward, terminated, _ = maze.step(KEY, state, jnp.int32(1))
        assert int(cell) == (gap + 9 if passes else gap)
        assert int(after.steps) == steps + 1
        assert (float(reward), bool(terminated)) == (0.0, False)
    inside = ChangingMazeState(jnp.int32(gap + 9), jnp.int32(9))  # where the wall appears
    assert int(maze.step(KEY, inside, jnp.int32(0))[0]) == gap
    goal = ChangingMazeState(jnp.int32(7), jnp.int32(0))
    assert tuple(map(float, maze.step(KEY, goal, jnp.int32(3))[2:4])) == (1.0, 1.0)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("steps", [0, 7])
def test_before_and_after_it_is_the_plain_maze(steps):
    maze = ChangingMaze(change_at=3)
    plain = Maze(layout=maze.later if steps else maze.layout)
    for cell in range(54):
        for action in range(4):
            ours = maze.step(KEY, ChangingMazeState(jnp.int32(cell), jnp.int32(steps)), jnp.int32(action))
            theirs = plain.step(KEY, dataclasses.replace(plain.reset(KEY)[1], cell=jnp.int32(cell)), jnp.int32(action))
            assert [float(ours[i]) for i in (0, 2, 3)] == [float(theirs[i]) for i in (0, 2, 3)]


def wrapped(environment):
    return TimeLimit(ShapedReward(environment, shaping.tenth), 4)


def test_what_outlives_an_episode_goes_through_the_wrappers():
    environment = wrapped(ChangingMaze())
    _, fresh = environment.reset(KEY)
    ended = fresh
    for _ in range(4):
        _, ended, *_ = environment.step(KEY, ended, jnp.int32(0))
    begun = environment.carry_over(ended, fresh)
    assert int(begun.steps) == 0  # the counter starts again
    assert int(begun.inner.inner.steps) == 4
    assert int(begun.inner.inner.cell) == int(fresh.inner.inner.cell)
    plain = wrapped(Maze())
    _, state = plain.reset(KEY)
    assert plain.carry_over(state, state) == state


class Forgets(ChangingMaze):
    """A broken twin: its counter does not survive the end of an episode, so it never changes."""

    def carry_over(self, ended, fresh):
        del ended
        return fresh


def played(environment, steps):
    """The steps that the environment has counted after `steps` steps with autoreset."""
    environment = AutoReset(environment)
    _, state = environment.reset(KEY)

    def one(state, key):
        return environment.step(key, state, jnp.int32(0))[0], None

    state, _ = jax.lax.scan(one, state, jax.random.split(KEY, steps))
    return int(state.inner.steps)


def test_autoreset_counts_on_and_the_broken_twin_does_not():
    assert played(TimeLimit(ChangingMaze(), 7), 100) == 100
    forgetful = jax.tree_util.register_dataclass(Forgets, [], ["layout", "later", "change_at"])
    assert played(TimeLimit(forgetful(), 7), 100) == 100 % 7


def test_the_compiled_engine_counts_over_episodes_and_other_environments_keep_their_program():
    engine = Compiled(QLearning(environments=3), catalogue.make("zerone/BlockingMaze-v0", limit=20))
    carry = engine.init(0)
    (carry,) = engine.advance([carry], [0], [0], 150)
    assert carry.simulation.state.inner.steps.tolist() == [150] * 3
    assert carry.simulation.state.steps.tolist() == [10] * 3


def test_the_host_engine_and_gymnasium_count_over_episodes():
    def make():
        return gymnasium.make("zerone/BlockingMaze-v0", max_episode_steps=20)

    vectors = []

    def vector(number, seed):
        vectors.append(make_vector(make, "maze", number, seed))
        return vectors[-1]

    engine = Host(QLearning(), vector, vector)
    carry = engine.init(0)
    engine.advance([carry], [0], [0], 150)
    inner = vectors[-1].envs[0].unwrapped._state
    assert int(inner.inner.steps) == 150
    engine.close()
    environment = make()
    environment.reset(seed=1)
    for _ in range(30):
        if environment.step(environment.action_space.sample())[3]:
            environment.reset()
    assert int(environment.unwrapped._state.inner.steps) == 30
    environment.reset(seed=1)
    assert int(environment.unwrapped._state.inner.steps) == 0


@pytest.mark.thorough
def test_the_way_is_lost_and_found_again():
    """Q-learning takes the path of ten steps, then runs into the wall, then finds that of sixteen: seeds 0 to 4."""
    made = catalogue.make("zerone/BlockingMaze-v0", change_at=30_000)
    algorithm = QLearning(learning_rate=0.5, discount=0.95, epsilon=0.2)
    engine = Compiled(algorithm, made)
    before = Compiled(algorithm, TimeLimit(Maze(layout=made.environment.layout), made.limit))
    for seed in range(5):
        (carry,) = engine.advance([engine.init(seed)], [seed], [0], 30_000)
        policy = engine.policy(carry)
        assert before.evaluate(policy, 0, 0, 1).lengths.tolist() == [10]
        assert engine.evaluate(policy, 0, 0, 1).returns.tolist() == [0]  # evaluated in the changed maze
        (carry,) = engine.advance([carry], [seed], [30_000], 300_000)
        judgement = engine.evaluate(engine.policy(carry), 0, 0, 1)
        assert (judgement.returns.tolist(), judgement.lengths.tolist()) == ([1], [16])


def test_it_is_judged_and_drawn_as_it_is():
    environment = catalogue.make("zerone/ShortcutMaze-v0")
    assert evaluation_environment(environment).environment.change_at == 0
    assert evaluation_environment(environment) == catalogue.make("zerone/ShortcutMaze-v0", change_at=0)
    assert evaluation_environment(TimeLimit(DiscretizedActions(Maze(), 3), 2)) == TimeLimit(
        DiscretizedActions(Maze(), 3), 2
    )
    bare = environment.environment
    for steps, row in ((2999, ". # # # # # # # #"), (3000, ". # # # # # # # .")):
        state = ChangingMazeState(jnp.int32(0), jnp.int32(steps))
        assert drawing.text(bare, state).splitlines()[3] == row
        colour = drawing.frame(bare, state)[16 + 3 * 96 + 48, 16 + 8 * 96 + 48]
        assert np.array_equal(colour, (0x5B, 0x61, 0x6B)) == (steps == 2999)
