"""Q-learning equals the textbook's step by step, with the same random numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium import spaces
from toys import Table, chain, cycle, optimal_values, table

from zerone.algorithms.protocol import Steps
from zerone.algorithms.q_learning import QLearning, State
from zerone.engines.compiled import Compiled
from zerone.engines.rollout import OWN_PLAY
from zerone.engines.streams import TRAIN
from zerone.environments import catalogue
from zerone.environments.maze import MazeState
from zerone.environments.spaces import Spaces
from zerone.environments.treasure import TreasureState
from zerone.environments.wrappers import Clock
from zerone.training.algorithm_setup import make_algorithm


def _by_hand(algorithm, environment, seed, iterations, worth=np.max):
    """The algorithm as in a textbook, in NumPy, with the random numbers that the engine draws for each iteration.

    `worth` computes the value of a state from its action values.
    """
    engine = Compiled(algorithm, environment)
    table = np.zeros((environment.observation_space.n, environment.action_space.n), np.float32)
    step, reset = jax.jit(environment.step), jax.jit(environment.reset)

    @jax.jit
    def chance(i):
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), TRAIN), i)
        return OWN_PLAY.draw(algorithm, environment, table, key, seed, i)

    seen, state = reset(jax.random.key(0))  # both environments always start in the same state
    first = seen
    for i in range(iterations):
        noise = np.asarray(chance(i).noise)[0, 0]
        best = np.flatnonzero(table[seen] == table[seen].max())
        choice = np.arange(table.shape[1]) if noise[0] < np.float32(algorithm.epsilon) else best
        action = int(choice[noise[1:][choice].argmax()])
        following, state, reward, terminated, truncated, _ = step(jax.random.key(0), state, action)
        target = float(reward) + algorithm.discount * (0.0 if terminated else float(worth(table[following])))
        table[seen, action] += algorithm.learning_rate * (target - table[seen, action])
        seen = following
        if terminated or truncated:
            seen, state = reset(jax.random.key(0))
            assert seen == first
    engine.close()
    return table


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("name", ["zerone/Treasure-v0", "zerone/Maze-v0"])
@pytest.mark.parametrize("seed", [0, 7])
def test_it_equals_the_textbook_step_for_step(name, seed):
    algorithm = QLearning(learning_rate=0.5, discount=0.9, epsilon=0.3)
    environment = catalogue.make(name, limit=20)
    engine = Compiled(algorithm, environment)
    (carry,) = engine.advance([engine.init(seed)], [seed], [0], 600)
    expected = _by_hand(algorithm, environment, seed, 600)
    assert np.abs(expected).max() > 0.3  # it has learnt something
    np.testing.assert_allclose(carry.state.policy, expected, rtol=1e-5, atol=1e-6)
    engine.close()


def test_the_comparison_finds_another_target():
    algorithm = QLearning(learning_rate=0.5, discount=0.9, epsilon=0.3)
    environment = catalogue.make("zerone/Treasure-v0", limit=20)
    engine = Compiled(algorithm, environment)
    (carry,) = engine.advance([engine.init(0)], [0], [0], 600)
    engine.close()
    broken = _by_hand(algorithm, environment, 0, 600, worth=np.mean)  # Expected Sarsa of a random policy
    assert not np.allclose(carry.state.policy, broken, rtol=0.05, atol=0.05)


def _update(algorithm, table, *, observation, action, reward, following, terminated, truncated=False):
    def each(x):
        return jnp.atleast_1d(jnp.array(x))[None]

    steps = Steps(*map(each, (observation, action, reward, following, terminated, truncated)), ())
    return algorithm.update(State(jnp.array(table, jnp.float32)), steps, jax.random.key(0))


@pytest.mark.parametrize(
    ("terminated", "truncated", "expected"), [(False, False, 3.2), (False, True, 3.2), (True, False, 1.4)]
)
def test_one_update_worked_by_hand(terminated, truncated, expected):
    # Q(0, 1) = 1; r = 5; max Q(1, ·) = 20: 1 + 0.1 (5 + 0.9 · 20 - 1) = 3.2, or 1.4 if the step terminates.
    state, _ = _update(
        QLearning(learning_rate=0.1, discount=0.9), [[0, 1], [20, 10]],
        observation=0, action=1, reward=5.0, following=1, terminated=terminated, truncated=truncated,
    )  # fmt: skip
    np.testing.assert_allclose(state.policy, [[0, expected], [20, 10]], rtol=1e-6)


def test_several_environments_are_learnt_from_one_after_the_other():
    # 0 + 0.1 (1 - 0) = 0.1, then 0.1 + 0.1 (3 - 0.1) = 0.39; the third step leads to that state: 0.1 (5 + 0.9 · 0.39).
    state, _ = _update(
        QLearning(learning_rate=0.1, discount=0.9, environments=3), [[0, 0], [0, 0]],
        observation=[0, 0, 1], action=[1, 1, 0], reward=[1.0, 3.0, 5.0], following=[1, 1, 0],
        terminated=[True, True, False], truncated=[False] * 3,
    )  # fmt: skip
    np.testing.assert_allclose(state.policy, [[0, 0.39], [0.5351, 0]], rtol=1e-6)


def _learned(environment, algorithm, iterations, seeds=3):
    engine = Compiled(algorithm, environment)
    carries = engine.advance([engine.init(s) for s in range(seeds)], list(range(seeds)), [0] * seeds, iterations)
    engine.close()
    return [np.asarray(carry.state.policy) for carry in carries]


def test_a_reward_for_ever_is_worth_fifty_through_any_number_of_time_limits():
    for learned in _learned(cycle(), QLearning(learning_rate=0.5, discount=0.98), 6000):
        np.testing.assert_allclose(learned, 50.0, rtol=1e-3)  # 7.204 if the time limit were a termination


def test_two_steps_of_reward_one_are_worth_what_they_are():
    for learned in _learned(chain(), QLearning(learning_rate=0.5, discount=0.98, epsilon=1.0), 400):
        np.testing.assert_allclose(learned[:2].max(-1), [1.98, 1.0], rtol=1e-4)


def states_of(name):
    """All states of a grid environment, wrapped in the state of its time limit."""
    environment = catalogue.make(name)
    make = TreasureState if "Treasure" in name else MazeState
    cells = jnp.arange(environment.observation_space.n)
    return environment, jax.vmap(lambda cell: Clock(make(cell), jnp.int32(0)))(cells)


def tables_of(name):
    """The environment's tables, from one step with every action in every state."""
    environment, states = states_of(name)
    actions = jnp.arange(environment.action_space.n)
    step = jax.vmap(jax.vmap(environment.step, (None, None, 0)), (None, 0, None))
    following, _, reward, terminal, _, _ = jax.jit(step)(jax.random.key(0), states, actions)

    return Table(np.asarray(following), np.asarray(reward), np.asarray(terminal), np.zeros(1, int))


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(("name", "start_value"), [("zerone/Treasure-v0", 0.9**4), ("zerone/Maze-v0", 0.9**5)])
def test_the_preset_finds_the_optimal_policy_on_each_of_twenty_seeds(name, start_value):
    algorithm, training = make_algorithm("q-learning", name)
    tables = tables_of(name)
    optimal = optimal_values(tables, algorithm.discount)
    assert optimal[0].max() == pytest.approx(start_value)
    found = [
        _walk(tables, learned) for learned in _learned(catalogue.make(name), algorithm, training["steps"], seeds=20)
    ]
    for learned, visited in found:
        # The values are exact along the greedy path; other states are visited too seldom to be compared.
        assert visited[-1] is True
        for state in visited[:-1]:
            assert optimal[state][learned[state].argmax()] == pytest.approx(optimal[state].max())
            assert learned[state].max() == pytest.approx(optimal[state].max(), rel=0.01)


def _walk(tables, learned):
    """The states that the greedy policy visits from the start, and whether its episode terminates."""
    state, visited = 0, []
    while state not in visited:
        action = int(learned[state].argmax())
        visited.append(state)
        if tables.terminal[state][action]:
            return learned, [*visited, True]
        state = int(tables.following[state][action])
    return learned, [*visited, False]


def test_it_refuses_what_no_table_can_hold():
    discrete, box = spaces.Discrete(3), spaces.Box(-1.0, 1.0, (2,))
    assert QLearning().refuse(Spaces(discrete, discrete)) is None
    assert QLearning().refuse(Spaces(box, discrete)) == (
        "a table needs observations made of Discrete, MultiDiscrete or MultiBinary"
    )
    assert QLearning().refuse(Spaces(discrete, box)) == "a table needs Discrete actions"


def test_parallel_environments_learn_the_same_values():
    environment = table([(1, 0), 1], [(0.0, 0.5), (1.0, 0.0)], [(0, 1), 1])
    for learned in _learned(environment, QLearning(learning_rate=0.1, epsilon=1.0, environments=4), 500):
        np.testing.assert_allclose(learned[:2], [[0.9, 0.5], [1.0, 0.0]], atol=1e-3)
