"""Every algorithm finds the known values of environments that each test one ability (after rejax's probes)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import optimal_values, small_a3c, small_actor_critic, small_dqn, small_ppo, small_reinforce, table

from zerone.algorithms.dqn import DQN
from zerone.algorithms.q_learning import QLearning
from zerone.engines.compiled import Compiled

SEEDS = range(4)
PROBES = {
    "one step": table([0], [1], [1]),
    "the observation decides": table([0, 1], [1, -1], [1, 1], starts=(0, 1)),
    "one step later": table([1, 0], [0, 1], [0, 1]),
    "the action decides": table([0], [(1, -1)], [1]),
    "both decide": table([0, 1], [(1, -1), (-1, 1)], [1, 1], starts=(0, 1)),
    "now or later": table([(0, 1), 0], [(0.5, 0), 1], [(1, 0), 1]),
    "for ever": table([0], [0.1], [0]),
}
LEARNERS = {
    "q-learning": (QLearning(learning_rate=0.2, discount=0.9, epsilon=0.5), 3000),
    "dqn": (small_dqn(epsilon_end=0.5), 700),
    "dqn with every part": (
        small_dqn(epsilon_end=0.5, double=True, dueling=True, prioritized=True, n_steps=2, importance_steps=2000.0),
        700,
    ),
    "reinforce": (small_reinforce(), 3000),
    "actor-critic": (small_actor_critic(entropy_bonus=0.0), 1500),
    # RMSProp's steps do not shrink by themselves: with a constant step size the values would keep fluctuating.
    "a3c": (small_a3c(entropy_bonus=0.0, learning_rate_end=0.0, decay_steps=24_000.0), 1500),
    "ppo": (small_ppo(), 150),
    "ppo with the penalty": (small_ppo(objective="kl"), 150),
}
STATES = jnp.arange(4)


@jax.jit
def _judged(algorithm, policy):
    """The value of each state, and its greedy action."""
    greedy, *_ = algorithm.act(policy, (), STATES)
    if isinstance(algorithm, (QLearning, DQN)):
        values = policy if isinstance(algorithm, QLearning) else policy.network(STATES)
        return values.max(-1), greedy
    return getattr(policy, "shared", policy).value(STATES), greedy


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("probe", PROBES)
def test_known_values_are_found_by_every_seed(learner, probe):
    algorithm, iterations = LEARNERS[learner]
    environment = PROBES[probe]
    engine = Compiled(algorithm, environment)
    carries = engine.advance([engine.init(s) for s in SEEDS], list(SEEDS), [0] * len(SEEDS), iterations)
    engine.close()
    truth = optimal_values(environment.environment, 0.9)
    reached = sorted({*environment.environment.starts.tolist(), *([1] if "later" in probe else [])})
    for carry in carries:
        values, greedy = map(np.asarray, _judged(algorithm, carry.state.policy))
        np.testing.assert_allclose(values[reached], truth.max(-1)[reached], atol=0.06)
        np.testing.assert_allclose(truth[reached, greedy[reached]], truth.max(-1)[reached])
