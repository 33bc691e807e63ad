"""Monte Carlo tree search: it agrees with dynamic programming, and finds the goal of a maze without learning."""

import functools
from typing import Any

import jax
import numpy as np
import pytest
from foreseen import DISCOUNT, Endless, found, iterated
from toys import Table, small_dqn

from zerone.algorithms.q_learning import QLearning
from zerone.engines.compiled import Compiled
from zerone.engines.protocol import EvaluationSettings
from zerone.engines.search import TrueModel
from zerone.engines.tree_search import TreeSearch
from zerone.environments import catalogue
from zerone.environments.wrappers import TimeLimit


def three_steps() -> TimeLimit:
    """Every episode from state 0 ends after three steps with two actions each; the first reward is misleading."""
    states = 7
    following = np.array([(1, 2), (3, 4), (5, 6), *[(0, 0)] * 4])
    reward = np.array([(1, 0), (0, 0.5), (0, 0), (1, 0), (0, 0.25), (0.5, 1), (8, -2)])
    terminal = np.arange(states)[:, None] >= np.array([3, 3])
    return TimeLimit(Table(following.astype(np.int32), reward.astype(np.float32), terminal, np.zeros(1, np.int32)), 2)


NOTHING = np.zeros((7, 2), np.float32)


@functools.cache
def tree_of(simulations: int, model: type = TrueModel) -> Any:
    """The search tree from the start."""
    return jax.tree.map(lambda leaf: leaf[0], found(TreeSearch(simulations), three_steps(), NOTHING, model))


def errors(simulations: int, model: type = TrueModel) -> float:
    """The difference between the values at the start and those of dynamic programming (three sweeps)."""
    exact = iterated(three_steps().environment, NOTHING, 3)
    return float(np.abs(np.asarray(tree_of(simulations, model).values)[0] - exact[0]).max())


@pytest.mark.thorough
def test_values_become_those_of_dynamic_programming_as_simulations_grow():
    few, more, many = (errors(each) for each in (2, 8, 64))
    assert few >= more > many == 0
    assert errors(64, Endless) > 0  # the broken twin continues after a terminal state


@pytest.mark.thorough
def test_plain_objects_say_what_the_tree_says():
    search, tree = TreeSearch(64), tree_of(64)
    left, right = search.futures(tree)
    assert (left.best, right.best, int(search.choose(tree))) == (False, True, 1)
    assert left.visits + right.visits == 64
    (outcome,) = right.outcomes
    assert right.value == outcome.reward + DISCOUNT * outcome.value == 2.0
    assert max(outcome.following, key=lambda each: each.value).outcomes[0].following[0].outcomes[0].terminated == 1


def mean(engine: Compiled, simulations: int, limit: int, episodes: int) -> float:
    policy = engine.policy(engine.init(0))
    search = TreeSearch(simulations) if simulations else None
    return engine.evaluate(policy, 0, 0, episodes, EvaluationSettings(limit, search=search)).mean


@pytest.mark.thorough
def test_it_finds_the_way_out_of_a_maze_of_which_nothing_was_learnt():
    engine = Compiled(QLearning(), catalogue.make("zerone/Maze-v0"))
    assert mean(engine, 0, 200, 8) == 0.0
    assert mean(engine, 32, 200, 8) == 1.0


@pytest.mark.thorough
def test_it_holds_a_pole_up_for_longer_than_an_untrained_network():
    engine = Compiled(small_dqn(), catalogue.make("CartPole-v1"))
    assert mean(engine, 64, 200, 4) > 2 * mean(engine, 0, 200, 4)


@pytest.mark.thorough
def test_a_walker_at_the_cliff_does_not_fall():
    """Without learning all values are 0, so only the search can find the rewards of -1 per step and -100 for a fall."""
    engine = Compiled(QLearning(discount=1.0), catalogue.make("zerone/Cliff-v0"))
    assert mean(engine, 32, 30, 4) >= -30
