"""The measurements of experiments with deep agents, compared with numbers computed by hand and with Gymnasium."""

from __future__ import annotations

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zerone.environments import catalogue as environments
from zerone.environments.spaces import Spaces
from zerone.experiments.claims import cost, moving_reward, overestimation, praise
from zerone.experiments.tutorial import DQN_SETTINGS, dqn


def agent(identity, **settings):
    environment = environments.make(identity)
    algorithm = dqn({**DQN_SETTINGS, "learning_rate": 0.01, "memory": 64, "warmup": 32, "not_of_dqn": 1, **settings})
    spaces = Spaces(environment.observation_space, environment.action_space)
    return algorithm, environment, algorithm.init(jax.random.key(1), spaces)


def test_the_moving_reward_begins_with_the_first_return():
    np.testing.assert_allclose(moving_reward.moving(np.array([-100.0, 0.0, -200.0])), [-100, -99, -100.01])


def test_praise_by_hand():
    # γ = 0.5, four rewards of 1: G = 1.875, 1.75, 1.5, 1; mean 1.53125, deviation 0.33512.
    np.testing.assert_allclose(praise.praise(4, 1.0, 0.5), [1.02575, 0.65275, -0.09325, -1.58526], atol=1e-4)
    np.testing.assert_allclose(praise.praise(4, -1.0, 0.5), -praise.praise(4, 1.0, 0.5))
    assert not praise.praise(1, 1.0, 0.5).any()  # an episode of one step has a deviation of 0


@pytest.mark.thorough
def test_the_return_from_upright_is_gymnasiums():
    algorithm, environment, state = agent("zerone/Pendulum11-v0")
    key, horizon = jax.random.key(5), 30
    value, truth = overestimation.upright(algorithm, environment.environment, state.policy, horizon, key)
    angle, speed = jax.random.uniform(key, (2, overestimation.STARTS), minval=-1.0) * 0.1
    theirs = gymnasium.make("Pendulum-v1").unwrapped
    theirs.reset(seed=0)
    theirs.state = np.array([angle[0], speed[0]], np.float64)
    observation, total = jnp.array([jnp.cos(angle[0]), jnp.sin(angle[0]), speed[0]]), 0.0
    for time in range(horizon):
        action = int(algorithm.act(state.policy, (), observation[None])[0][0])
        observation, reward, *_ = theirs.step(np.array([(action - 5) / 2.5]))
        total += 0.9**time * float(reward) / 10
        observation = jnp.asarray(observation)
    assert float(truth[0]) == pytest.approx(total, rel=1e-3)
    assert value.shape == (overestimation.STARTS,)


@pytest.mark.thorough
def test_with_targets_that_stay_the_cost_falls_to_nothing_and_with_moving_ones_it_need_not():
    algorithm, _, state = agent("zerone/MazeFeatures-v0", target_period=20, learning_rate=0.01)
    random = np.random.default_rng(0)
    data = state.memory.data
    data = type(data)(
        jnp.asarray(random.uniform(-1, 1, data.observation.shape), jnp.float32),
        jnp.asarray(random.integers(0, 4, data.action.shape), jnp.int32), jnp.zeros_like(data.reward),
        jnp.asarray(random.uniform(-1, 1, data.next_observation.shape), jnp.float32), jnp.full_like(data.discount, 0.9),
    )  # fmt: skip
    memory = type(state.memory)(data, state.memory.cursor, jnp.int32(64), state.memory.priorities)
    network, keys = state.policy.network, jax.random.split(jax.random.key(2), 400)
    still = np.asarray(cost.study(algorithm, memory, network, network, jnp.bool_(False), keys))
    moving = np.asarray(cost.study(algorithm, memory, network, network, jnp.bool_(True), keys))
    np.testing.assert_allclose(still[:20], moving[:20], rtol=1e-4)  # equal until the reward first moves
    assert still[-20:].mean() < 0.5 * still[:20].mean()
    assert not np.allclose(still[25:60], moving[25:60], rtol=0.05)
