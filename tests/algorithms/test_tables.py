"""Properties of all tabular algorithms: common faults, their optima, and Sarsa's distance from the cliff."""

import dataclasses

import gymnasium
import jax
import numpy as np
import pytest
from gymnasium import spaces
from textbook import best_soft_values, learned, policy_values, soft_policy
from toys import chain, cliff, cycle, equal_bits, optimal_values, table

from zerone.algorithms.dyna_q import DynaQ
from zerone.algorithms.monte_carlo import MonteCarlo
from zerone.algorithms.q_learning import QLearning
from zerone.algorithms.sarsa import Sarsa
from zerone.algorithms.sarsa_lambda import SarsaLambda
from zerone.base.pytree import configured
from zerone.engines.compiled import Compiled
from zerone.engines.host import Host
from zerone.environments.gym.vector import make_vector
from zerone.environments.spaces import Spaces
from zerone.environments.wrappers import TimeLimit

EACH = {
    "q-learning": QLearning,
    "sarsa": Sarsa,
    "accumulating": lambda **kind: SarsaLambda(trace="accumulating", trace_decay=0.8, **kind),
    "replacing": lambda **kind: SarsaLambda(trace="replacing", trace_decay=0.8, **kind),
    "first visit": lambda **kind: MonteCarlo(visits="first", averaging=False, **kind),
    "every visit": lambda **kind: MonteCarlo(visits="every", averaging=False, **kind),
    "dyna-q": lambda **kind: DynaQ(planning_steps=3, **kind),
}
ALL = pytest.mark.parametrize("make", EACH.values(), ids=EACH)


def _broken(algorithm, change):
    """The same algorithm, but it learns from `change(steps)`."""
    kind = type(algorithm)

    def update(self, state, steps, key):
        return kind.update(self, state, change(steps), key)

    twin = configured(type("Broken", (kind,), {"update": update, "__annotations__": {}}))
    return twin(**{field.name: getattr(algorithm, field.name) for field in dataclasses.fields(algorithm)})


@pytest.mark.thorough(after=1)
@ALL
def test_a_reward_for_ever_is_worth_fifty_through_any_number_of_time_limits(make):
    algorithm = make(learning_rate=0.5, discount=0.98, epsilon=1.0)
    for found in learned(algorithm, cycle(), 12_000):
        np.testing.assert_allclose(found, 50.0, rtol=0.02)
    # Broken twin: truncation treated as termination. Then the value of the start is the return of eight steps.
    twin = _broken(algorithm, lambda steps: dataclasses.replace(steps, terminated=steps.terminated | steps.truncated))
    for found in learned(twin, cycle(), 12_000):
        assert found.max() < 30


@pytest.mark.thorough(after=1)
@ALL
def test_two_steps_of_reward_one_are_worth_what_they_are(make):
    algorithm = make(learning_rate=0.5, discount=0.98, epsilon=1.0)
    for found in learned(algorithm, chain(), 400):
        np.testing.assert_allclose(found[:2], [[1.98, 1.98], [1.0, 1.0]], rtol=1e-3)
    # Broken twin: no mask at terminations, so the state after the end has its value in the table instead of 0.
    twin = _broken(
        algorithm,
        lambda steps: dataclasses.replace(
            steps, terminated=steps.terminated & False, truncated=steps.terminated | steps.truncated
        ),
    )
    for found in learned(twin, chain(), 400):
        assert found[:2].max() > 3


@pytest.mark.thorough(after=1)
@ALL
def test_parallel_environments_learn_the_same_values(make):
    environment = table([(1, 0), 1], [(0.0, 0.5), (1.0, 0.0)], [(0, 1), 1])
    for found in learned(make(learning_rate=0.05, discount=0.9, epsilon=1.0, environments=4), environment, 2_000):
        # With ε = 1 all policies are the same: Sarsa's target uses the mean of the next action values.
        on_policy = not isinstance(make(), QLearning | DynaQ)
        np.testing.assert_allclose(found[0], [0.45 if on_policy else 0.9, 0.5], atol=0.15 if on_policy else 1e-3)
        np.testing.assert_allclose(found[1], [1.0, 0.0], atol=1e-3)


@pytest.mark.thorough(after=1)
@ALL
@pytest.mark.parametrize("learning_rate", [0.1, 1.0])
@pytest.mark.parametrize("environments", [8, 32, 100])
def test_however_many_hit_one_entry_it_learns_what_is_true(make, environments, learning_rate):
    # In the circle all environments move together, so many steps of a block change the same few entries. With a step of
    # size n α for n such steps (all changes computed from the old table and added), values diverge from n α = 2 on.
    algorithm = make(learning_rate=learning_rate, discount=0.9, epsilon=1.0, environments=environments)
    for found in learned(algorithm, cycle(), 800):
        np.testing.assert_allclose(found, 10.0, rtol=1e-3)


@pytest.mark.thorough(after=2)
@ALL
@pytest.mark.parametrize("environments", [32, 100])
def test_where_chance_decides_values_stay_where_they_belong(make, environments):
    environment = table([(0, 1), (2, 3), (3, 0), (1, 2)], [(1, 0), (0, 1), (-1, 0.5), (0.3, 0)], [0] * 4, (0, 1, 2, 3))
    algorithm = make(learning_rate=0.02, discount=0.9, epsilon=1.0, environments=environments)
    if isinstance(algorithm, QLearning | DynaQ):
        expected = optimal_values(environment.environment, 0.9)
    else:
        expected = policy_values(environment.environment, np.full((4, 2), 0.5), 0.9)
    for found in learned(algorithm, environment, 800):
        np.testing.assert_allclose(found, expected, atol=0.35)


@ALL
def test_it_refuses_what_no_table_can_hold(make):
    discrete, box = spaces.Discrete(3), spaces.Box(-1.0, 1.0, (2,))
    assert make().refuse(Spaces(discrete, discrete)) is None
    assert "needs observations made of Discrete" in make().refuse(Spaces(box, discrete))
    assert make().refuse(Spaces(discrete, box)) == "a table needs Discrete actions"


@pytest.mark.thorough(after=6)
@ALL
@pytest.mark.usefixtures("key_reuse_raises")
def test_the_same_draws_are_used_once(make):
    algorithm = make()
    state = algorithm.init(jax.random.key(0), Spaces(spaces.Discrete(3), spaces.Discrete(2)))
    noise = algorithm.noise(state.policy, jax.random.key(1), (1,))
    action, *_ = algorithm.act(state.policy, (), np.zeros(1, np.int32), noise)
    assert action.shape == (1,)


EPSILON = 0.1


def _earns(world, values):
    """The exact mean undiscounted return of the ε-greedy policy of these values from the start."""
    policy, start = soft_policy(values, EPSILON), world.starts[0]
    return (policy[start] * policy_values(world, policy, 1.0)[start]).sum()


def _walks(world, values):
    """The rows (from the top) of the cells on the greedy path from the start."""
    cell, rows = int(world.starts[0]), []
    while True:
        rows.append(cell // 12)
        action = values[cell].argmax()
        if world.terminal[cell, action]:
            return rows
        cell = int(world.following[cell, action])


@pytest.mark.thorough
@pytest.mark.usefixtures("optimized")
def test_beside_the_cliff_q_learning_earns_minus_fifty_and_sarsas_detour_minus_twenty_one():
    # Sutton & Barto 2018, example 6.6. The return of each path is exact, from the linear equations of its values.
    environment = cliff()
    world = environment.environment
    best = best_soft_values(world, EPSILON, 1.0)
    assert _earns(world, best) == pytest.approx(-20.7, abs=0.05)
    edge = optimal_values(world, 1.0)
    assert edge[world.starts[0]].max() == -13
    assert _earns(world, edge) == pytest.approx(-51.8, abs=0.05)
    q_learning = QLearning(learning_rate=1.0, discount=1.0, epsilon=EPSILON)
    for found in learned(q_learning, environment, 200_000):
        assert _walks(world, found) == [3, *[2] * 12]  # along the edge
        assert _earns(world, found) == pytest.approx(_earns(world, edge), rel=0.01)
    for algorithm in (
        Sarsa(learning_rate=0.02, discount=1.0, epsilon=EPSILON),
        SarsaLambda(learning_rate=0.01, discount=1.0, epsilon=EPSILON, trace_decay=0.5),
    ):
        for found in learned(algorithm, environment, 1_000_000):
            assert _earns(world, found) >= _earns(world, best) - 0.3
            assert min(_walks(world, found)) <= 1  # a row away from the edge, or two


NUMBERS = spaces.MultiDiscrete([2, 3], start=[5, -1])


class Pair:
    """One step, in JAX: the observation has two numbers, and action 1 has a reward of 1 if the second is 0."""

    observation_space, action_space = NUMBERS, spaces.Discrete(2)

    def reset(self, key):
        seen = jax.random.randint(key, (2,), np.array([5, -1]), np.array([7, 2]))
        return seen, seen

    def step(self, key, state, action):
        del key
        return state, state, ((state[1] == 0) & (action == 1)).astype(np.float32), jax.numpy.bool_(True), {}


class PairEnv(gymnasium.Env):
    """The same environment in Gymnasium."""

    observation_space, action_space = NUMBERS, spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        del options
        super().reset(seed=seed)
        self._seen = self.np_random.integers([5, -1], [7, 2])
        return self._seen, {}

    def step(self, action):
        return self._seen, float(self._seen[1] == 0 and action == 1), True, False, {}


jax.tree_util.register_static(Pair)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("make", [QLearning, lambda **kind: Sarsa(environments=3, **kind), MonteCarlo])
@pytest.mark.parametrize("name", ["compiled", "host"])
def test_several_discrete_numbers_are_learnt_from_on_both_engines(make, name):
    algorithm = make(epsilon=1.0, learning_rate=0.5)
    if name == "compiled":
        engine = Compiled(algorithm, TimeLimit(Pair(), 8))
    else:
        engine = Host(algorithm, lambda number, seed: make_vector(PairEnv, "Pair-v0", number, seed))
    (carry,) = engine.advance([engine.init(0)], [0], [0], 300)
    learnt = engine.policy(carry)
    np.testing.assert_allclose(learnt, [[0, 0], [0, 1], [0, 0]] * 2, atol=0.01)
    acted, _ = engine.act(learnt, (), np.array([[5, 0], [6, 0]]))
    np.testing.assert_array_equal(acted, [1, 1])
    engine.close()


def test_a_host_run_that_is_resumed_does_not_learn_from_an_episode_that_is_lost():
    def make(number, seed):
        return make_vector(lambda: CorridorEnv(), "Corridor-v0", number, seed)

    engine = Host(SarsaLambda(trace="accumulating", trace_decay=1.0), make)
    (carry,) = engine.advance([engine.init(0)], [0], [0], 3)
    saved = jax.tree.map(np.asarray, engine.saved(carry))
    assert saved["state"].ongoing.pending.going.all()
    assert saved["state"].ongoing.trace.any()
    resumed = engine.resume(saved, 0, 3).state
    assert equal_bits(resumed.policy, saved["state"].policy)
    assert not any(np.asarray(leaf).any() for leaf in jax.tree.leaves(resumed.ongoing))
    engine.close()


class CorridorEnv(gymnasium.Env):
    """A corridor in which nothing happens."""

    observation_space, action_space = spaces.Discrete(3), spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        del options
        super().reset(seed=seed)
        return 0, {}

    def step(self, action):
        return 1 + action, 1.0, False, False, {}
