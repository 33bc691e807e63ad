"""Dyna-Q equals the textbook's with the same random numbers; its model is exact; planning saves episodes."""

import numpy as np
import pytest
from textbook import by_hand, trained
from toys import cycle, dyna_maze, equal_bits, graph

from zerone.algorithms.dyna_q import DynaQ
from zerone.algorithms.q_learning import QLearning
from zerone.base.errors import InputError
from zerone.engines.compiled import Compiled


class Textbook:
    """Sutton & Barto 2018, section 8.2, with the bonus of section 8.3; the model is a dict in order of first visits."""

    def __init__(self, algorithm, shape):
        self.table, self.setting = np.zeros(shape, np.float32), algorithm
        self.model, self.time = {}, 0

    def learn(self, steps):
        for step in steps:
            lesson = self._change(self.table, (step.state, step.action), step.reward, step.following, step.terminated)
            self.table[step.state, step.action] += lesson
        self.time += 1
        for step in steps:
            untried = range(self.table.shape[1]) if self.setting.exploration_bonus > 0 else [step.action]
            for action in untried:
                self.model.setdefault((step.state, action), (0.0, step.state, False, 0))
            self.model[step.state, step.action] = (step.reward, step.following, step.terminated, self.time)
        pairs = list(self.model)
        for step in steps:
            for chance in step.chance:
                pair = pairs[int(chance * np.float32(len(pairs)))]
                reward, following, terminated, tried = self.model[pair]
                reward += self.setting.exploration_bonus * np.sqrt(self.time - tried)
                self.table[pair] += self._change(self.table, pair, reward, following, terminated)

    def _change(self, table, pair, reward, following, terminated):
        follows = 0.0 if terminated else float(table[following].max())
        return self.setting.learning_rate * (reward + self.setting.discount * follows - float(table[pair]))


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("environments", [1, 3, 20])
@pytest.mark.parametrize("bonus", [0.0, 0.05])
def test_it_equals_the_textbook_step_for_step(bonus, environments):
    algorithm = DynaQ(
        learning_rate=0.1, discount=0.9, epsilon=0.3, planning_steps=3, exploration_bonus=bonus,
        environments=environments,
    )  # fmt: skip
    expected, ends = by_hand(algorithm, graph(), 5, 300, Textbook(algorithm, (4, 2)))
    assert min(ends) > 5  # both terminated and truncated episodes
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(trained(algorithm, graph(), 5, 300).policy, expected, rtol=1e-3, atol=1e-3)


class Idle(Textbook):
    """A broken twin: planning steps ignore the value of the next state."""

    def learn(self, steps):
        self.planning = False
        super().learn(steps)

    def _change(self, table, pair, reward, following, terminated):
        change = super()._change(table, pair, reward, following, terminated or self.planning)
        self.planning = True  # after the one real step
        return change


def test_the_comparison_finds_planning_that_looks_no_step_ahead():
    algorithm = DynaQ(learning_rate=0.1, discount=0.9, epsilon=0.3, planning_steps=3)
    broken, _ = by_hand(algorithm, graph(), 5, 100, Idle(algorithm, (4, 2)))
    assert not np.allclose(trained(algorithm, graph(), 5, 100).policy, broken, rtol=0.05, atol=0.05)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("environments", [1, 4])
def test_without_planning_it_is_q_learning_bit_for_bit(environments):
    same = {"learning_rate": 0.2, "discount": 0.9, "epsilon": 0.3, "environments": environments}
    one = trained(DynaQ(planning_steps=0, exploration_bonus=1.0, **same), graph(), 3, 300)
    assert equal_bits(one.policy, trained(QLearning(**same), graph(), 3, 300).policy)
    assert not equal_bits(one.policy, trained(DynaQ(planning_steps=1, **same), graph(), 3, 300).policy)


def test_the_model_is_the_environment_wherever_it_has_been():
    world = dyna_maze()
    model = trained(DynaQ(planning_steps=1, epsilon=0.5), world, 0, 20_000).model
    tried, tables = model.known, world.environment
    assert tried.sum() == 4 * 46  # 47 cells are free; no action is ever taken in the goal
    for known, true in ((model.reward, tables.reward), (model.following, tables.following),
                        (model.terminated, tables.terminal)):  # fmt: skip
        np.testing.assert_array_equal(known[tried], true[tried])
    assert not model.reward[~tried].any()
    pairs = model.pairs[: model.number]
    np.testing.assert_array_equal(np.sort(pairs), np.flatnonzero(tried))  # each once
    assert model.clock == 20_000


def test_with_a_bonus_untried_actions_of_seen_states_are_planned_as_leading_nowhere():
    seen = trained(DynaQ(planning_steps=1, exploration_bonus=0.1, epsilon=0.0), dyna_maze(), 0, 3).model
    tried = seen.tried > 0
    states = np.unique(np.flatnonzero(tried) // 4)
    assert seen.number == 4 * len(states) == seen.known.sum()
    untried = seen.known & ~tried
    np.testing.assert_array_equal(seen.following[untried], np.nonzero(untried)[0])
    assert not seen.reward[untried].any()
    assert not seen.terminated[untried].any()


def test_a_bonus_makes_it_try_again_what_it_has_long_not_tried():
    # No step in the circle has a reward, so without a bonus all actions stay equal.
    def gaps(bonus):
        model = trained(
            DynaQ(planning_steps=5, exploration_bonus=bonus, epsilon=0.0, learning_rate=0.5), cycle(), 0, 2000
        )
        return (model.model.clock - model.model.tried).max()

    assert gaps(1.0) < 60  # 8 pairs, tried in turn
    assert gaps(0.0) > 1000  # the first action that gave a reward is taken for ever


def test_one_planned_pair_in_the_list_is_drawn_as_often_as_another():
    model = trained(DynaQ(planning_steps=1, epsilon=1.0), graph(), 0, 500).model
    assert model.number == 6  # three states, two actions

    def pair(chance):
        step = model.predicted(chance, 0.0)
        return int(step.observation), int(step.action)

    drawn = [pair(chance) for chance in (np.arange(60, dtype=np.float32) + 0.5) / 60]
    assert {each: drawn.count(each) for each in drawn} == {(s, a): 10 for s in range(3) for a in range(2)}
    assert pair(np.float32(1 - 2**-24)) == drawn[-1]  # the largest number that can be drawn


def _greedy_length(world, table):
    """How many steps the greedy policy takes to the goal; 100 if it does not reach it."""
    state = int(world.starts[0])
    for length in range(1, 100):
        action = table[state].argmax()
        if world.terminal[state, action]:
            return length
        state = int(world.following[state, action])
    return 100


def _episodes_until_shortest(planning, seeds, cap):
    """Per seed, the episodes finished when the greedy path is first 14 steps long; infinite if more than `cap`."""
    environment, found = dyna_maze(), []
    engine = Compiled(DynaQ(learning_rate=0.1, discount=0.95, epsilon=0.1, planning_steps=planning), environment)
    for seed in seeds:
        carry, iteration, needed = engine.init(seed), 0, None
        while needed is None:
            (carry,) = engine.advance([carry], [seed], [iteration], iteration + 50)
            iteration += 50
            episodes = float(carry.simulation.ended.count.sum())
            if episodes > cap:
                needed = np.inf
            elif _greedy_length(environment.environment, np.asarray(carry.state.policy)) == 14:
                needed = max(episodes, 1.0)
        found.append(needed)
    engine.close()
    return found


@pytest.mark.thorough
def test_fifty_planning_steps_find_the_shortest_way_in_a_tenth_of_the_episodes():
    # Sutton & Barto 2018, figure 8.2. The median over seeds, as now and then a seed settles on a path of 16 steps.
    seeds = range(30)
    planned = np.median(_episodes_until_shortest(50, seeds, cap=50))
    assert planned <= 5
    assert np.median(_episodes_until_shortest(0, seeds, cap=10 * planned)) > 10 * planned


@pytest.mark.parametrize("steps", [-1, 2.5])
def test_a_number_of_planning_steps_that_is_none_is_refused(steps):
    with pytest.raises(InputError, match=r"planning_steps = .* is not allowed"):
        DynaQ(planning_steps=steps)
    with pytest.raises(InputError, match=r"exploration_bonus = -1.0 is not allowed: must be at least 0"):
        DynaQ(exploration_bonus=-1.0)
