"""What must hold of every table: the traps, its own optimum, and how far Sarsa keeps from the cliff."""

import dataclasses

import jax
import numpy as np
import pytest
from gymnasium import spaces
from textbook import best_soft_values, learned, policy_values, soft_policy
from toys import chain, cliff, cycle, table

from zerone.algorithms.dyna_q import DynaQ
from zerone.algorithms.monte_carlo import MonteCarlo
from zerone.algorithms.q_learning import QLearning
from zerone.algorithms.sarsa import Sarsa
from zerone.algorithms.sarsa_lambda import SarsaLambda
from zerone.base.pytree import configured
from zerone.parts.spaces import Spaces

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
    """The same algorithm, which takes `change(steps)` for the steps."""
    kind = type(algorithm)

    def update(self, state, steps, key):
        return kind.update(self, state, change(steps), key)

    twin = configured(type("Broken", (kind,), {"update": update, "__annotations__": {}}))
    return twin(**{field.name: getattr(algorithm, field.name) for field in dataclasses.fields(algorithm)})


@ALL
def test_a_reward_for_ever_is_worth_fifty_through_any_number_of_time_limits(make):
    algorithm = make(learning_rate=0.5, discount=0.98, epsilon=1.0)
    for found in learned(algorithm, cycle(), 12_000):
        np.testing.assert_allclose(found, 50.0, rtol=0.02)
    # Broken twin: the limit taken for an end. The start is then worth what eight steps bring.
    twin = _broken(algorithm, lambda steps: dataclasses.replace(steps, terminated=steps.terminated | steps.truncated))
    for found in learned(twin, cycle(), 12_000):
        assert found.max() < 30


@ALL
def test_two_steps_of_reward_one_are_worth_what_they_are(make):
    algorithm = make(learning_rate=0.5, discount=0.98, epsilon=1.0)
    for found in learned(algorithm, chain(), 400):
        np.testing.assert_allclose(found[:2], [[1.98, 1.98], [1.0, 1.0]], rtol=1e-3)
    # Broken twin: no mask, so what follows the end is worth as much as the state that it is drawn in.
    twin = _broken(
        algorithm,
        lambda steps: dataclasses.replace(
            steps, terminated=steps.terminated & False, truncated=steps.terminated | steps.truncated
        ),
    )
    for found in learned(twin, chain(), 400):
        assert found[:2].max() > 3


@ALL
def test_parallel_environments_learn_the_same_values(make):
    environment = table([(1, 0), 1], [(0.0, 0.5), (1.0, 0.0)], [(0, 1), 1])
    for found in learned(make(learning_rate=0.05, epsilon=1.0, environments=4), environment, 2_000):
        # With ε 1 every policy is the same: Sarsa's value of going on is the mean of what follows.
        on_policy = not isinstance(make(), QLearning | DynaQ)
        np.testing.assert_allclose(found[0], [0.45 if on_policy else 0.9, 0.5], atol=0.15 if on_policy else 1e-3)
        np.testing.assert_allclose(found[1], [1.0, 0.0], atol=1e-3)


@ALL
def test_it_refuses_what_no_table_can_hold(make):
    discrete, box = spaces.Discrete(3), spaces.Box(-1.0, 1.0, (2,))
    assert make().refuse(Spaces(discrete, discrete)) is None
    assert "needs Discrete" in make().refuse(Spaces(box, discrete))
    assert make().refuse(Spaces(discrete, box)) == "a table needs Discrete actions"


@ALL
def test_the_same_draws_are_used_once(make, key_reuse_raises):
    algorithm = make()
    state = algorithm.init(jax.random.key(0), Spaces(spaces.Discrete(3), spaces.Discrete(2)))
    action, _ = algorithm.act(state.policy, np.zeros(1, np.int32), algorithm.noise(state.policy, jax.random.key(1), (1,)))
    assert action.shape == (1,)


EDGE, EPSILON = -13.0, 0.1


def test_beside_the_cliff_q_learning_earns_fifty_less_and_sarsa_keeps_away():
    # Example 6.6, exactly: the shortest way is 13 steps along the edge, and who walks it with ε 0.1 falls off now and
    # then. The best of all ε-greedy policies keeps a row away from the edge or two.
    world = cliff().environment
    start = world.starts[0]
    best = best_soft_values(world, EPSILON, 1.0)
    assert best[start].max() == pytest.approx(-20.7, abs=0.5)
    shortest = policy_values(world, soft_policy(_along_the_edge(), EPSILON), 1.0)
    assert (soft_policy(_along_the_edge(), EPSILON)[start] * shortest[start]).sum() == pytest.approx(-50, abs=2)
