"""The wrappers, and a detector of lost last observations with the broken twin that it must find."""

from __future__ import annotations

import dataclasses

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from zerone.base.errors import InputError
from zerone.base.pytree import configured, struct
from zerone.environments import shaping
from zerone.environments.cartpole import CartPole
from zerone.environments.pendulum import Pendulum, PendulumState
from zerone.environments.treasure import Treasure
from zerone.environments.wrappers import (
    AutoReset,
    DiscretizedActions,
    ShapedReward,
    StepResult,
    TimeLimit,
    evaluation_environment,
)

KEY = jax.random.key(0)


@struct
class Count:
    """The number of steps taken, float32."""

    steps: jax.Array


@configured
class Counter:
    """The observation is the number of steps in the episode; it ends after `length` steps; reward 1 per step."""

    length: int = 5
    observation_space = gymnasium.spaces.Box(0, 1000, (), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, key):
        del key
        return jnp.float32(0), Count(jnp.float32(0))

    def step(self, key, state, action):
        del key, action
        steps = state.steps + 1
        return steps, Count(steps), jnp.float32(1), steps >= self.length, {}


def ends(length, limit, steps):
    environment = TimeLimit(Counter(length), limit)
    _, state = environment.reset(KEY)
    found = []
    for _ in range(steps):
        _, state, _, terminated, truncated, _ = environment.step(KEY, state, jnp.int32(0))
        found.append((bool(terminated), bool(truncated)))
    return found


def test_a_time_limit_truncates_and_never_terminates():
    assert ends(5, 3, 3) == [(False, False), (False, False), (False, True)]
    assert ends(2, 3, 2) == [(False, False), (True, False)]
    assert ends(3, 3, 3)[-1] == (True, True)
    assert not any(truncated for _, truncated in ends(9, 0, 9))
    with pytest.raises(InputError, match="at least 0"):
        TimeLimit(Counter(), -1)


@struct
class LosesLast(AutoReset):
    """A broken twin: the stored next observation is already the first one of the new episode."""

    def step(self, key, state, action, fresh=None):
        state, outcome = AutoReset.step(self, key, state, action, fresh)
        return state, dataclasses.replace(outcome, next_observation=outcome.observation)


def transitions(environment, steps, copies=3):
    """(observation, outcome) of `steps` steps in `copies` parallel environments, with time as the first axis."""
    observation, state = jax.vmap(environment.reset)(jax.random.split(KEY, copies))

    def body(carry, key):
        observation, state = carry
        actions = jnp.zeros(copies, jnp.int32)
        state, outcome = jax.vmap(environment.step)(jax.random.split(key, copies), state, actions)
        return (outcome.observation, state), (observation, outcome)

    return jax.lax.scan(body, (observation, state), jax.random.split(KEY, steps))[1]


def last_observations_kept(environment, steps=40):
    """The detector: in every transition of a counter, the next observation must be the observation plus 1."""
    observations, outcomes = transitions(environment, steps)
    return bool(jnp.all(outcomes.next_observation == observations + 1))


@settings(max_examples=12, deadline=None)
@given(length=some.integers(1, 6), limit=some.integers(0, 6))
def test_autoreset_keeps_the_last_observation(length, limit):
    environment = AutoReset(TimeLimit(Counter(length), limit))
    assert last_observations_kept(environment)
    observations, outcomes = transitions(environment, 40)
    episode = min(length, limit) if limit else length
    over = outcomes.terminated | outcomes.truncated
    assert over[:, 0].tolist() == [(step + 1) % episode == 0 for step in range(40)]
    assert observations[:, 0].tolist() == [step % episode for step in range(40)]


@pytest.mark.parametrize(("length", "limit"), [(5, 3), (3, 5), (3, 3)])
def test_the_detector_finds_a_lost_last_observation(length, limit):
    assert not last_observations_kept(LosesLast(TimeLimit(Counter(length), limit)))


def test_autoreset_begins_with_a_fresh_draw_each_time():
    environment = AutoReset(TimeLimit(CartPole(), 2))
    _, outcomes = transitions(environment, 40, copies=1)
    first = np.asarray(outcomes.observation)[np.asarray(outcomes.truncated)]
    assert len(np.unique(first[:, 0])) == len(first) == 20
    assert np.all(np.abs(first) <= 0.05)


def test_autoreset_takes_a_reset_drawn_before():
    inner = TimeLimit(CartPole(), 1)
    environment = AutoReset(inner)
    _, state = environment.reset(KEY)
    step_key, reset_key = jax.random.split(KEY)
    drawn_inside = environment.step(KEY, state, jnp.int32(0))
    drawn_before = environment.step(step_key, state, jnp.int32(0), inner.reset(reset_key))
    for inside, before in zip(jax.tree.leaves(drawn_inside), jax.tree.leaves(drawn_before), strict=True):
        assert np.array_equal(inside, before)


def test_no_key_is_used_twice():
    environment = AutoReset(TimeLimit(CartPole(), 3))
    with jax.debug_key_reuse(True):
        reset_key, step_key = jax.random.split(jax.random.key(1))
        _, state = jax.jit(environment.reset)(reset_key)
        _, outcome = jax.jit(environment.step)(step_key, state, jnp.int32(0))
    assert isinstance(outcome, StepResult)


def test_discretised_torques_are_spread_as_in_the_tutorial():
    for count in (11, 25):
        environment = DiscretizedActions(Pendulum(), count)
        torques = [float(environment.continuous(jnp.int32(a))[0]) for a in range(count)]
        np.testing.assert_allclose(
            torques, [(a - (count - 1) / 2) / ((count - 1) / 4) for a in range(count)], atol=1e-6
        )
        assert environment.action_space.n == count


def test_a_discretised_step_is_the_continuous_one():
    state = PendulumState(jnp.float32(1.0), jnp.float32(-0.5))
    discrete = DiscretizedActions(Pendulum(), 11).step(KEY, state, jnp.int32(0))
    continuous = Pendulum().step(KEY, state, jnp.array([-2.0]))
    assert np.array_equal(discrete[0], continuous[0])
    assert float(discrete[2]) == float(continuous[2])


def test_only_one_bounded_continuous_action_can_be_discretised():
    with pytest.raises(InputError, match="continuous"):
        DiscretizedActions(CartPole(), 3).continuous(jnp.int32(0))


def test_shaped_rewards_are_the_tutorials():
    x, angle = 0.7, -0.11
    cart = jnp.array([x, 3.0, angle, 2.0])
    expected = (2.4 - abs(x)) / 2.4 - 0.8 + (0.20943951 - abs(angle)) / 0.20943951 - 0.5
    nothing = jnp.float32(0)
    assert float(shaping.cart_pole(cart, nothing, nothing, nothing, cart)) == pytest.approx(expected, abs=1e-6)
    car = jnp.array([-0.9, 0.01])
    assert float(shaping.mountain_car(car, nothing, nothing, nothing, car)) == pytest.approx(0.4, abs=1e-6)
    assert float(shaping.at_flag(car, nothing, nothing, jnp.bool_(True), car)) == 10
    assert float(shaping.at_flag(car, nothing, nothing, jnp.bool_(False), car)) == -1
    assert float(shaping.tenth(car, nothing, jnp.float32(-5), nothing, car)) == -0.5
    assert float(shaping.centred(car, nothing, jnp.float32(-4), nothing, car)) == 0.5


def test_a_shape_sees_the_whole_transition():
    def sum_of_all(observation, action, reward, terminated, following):
        return observation * 1000 + action * 100 + following * 10 + reward + terminated

    environment = ShapedReward(Counter(2), sum_of_all)
    _, state = environment.reset(KEY)
    _, state, first, _, info = environment.step(KEY, state, jnp.int32(3))
    _, state, second, _, _ = environment.step(KEY, state, jnp.int32(4))
    assert (float(first), float(second)) == (311, 1422)
    assert float(info["reward"]) == 1


def test_the_real_reward_stays_in_reach():
    twice = ShapedReward(ShapedReward(Treasure(), shaping.Scaled(0.5)), shaping.Scaled(10.0, offset=3.0))
    environment = TimeLimit(twice, 9)
    _, state = environment.reset(KEY)
    for _ in range(5):
        _, state, shaped, _, _, info = environment.step(KEY, state, jnp.int32(1))
    assert float(info["reward"]) == 1
    assert float(shaped) == pytest.approx(0.5)
    assert evaluation_environment(environment) == TimeLimit(Treasure(), 9)
    assert evaluation_environment(DiscretizedActions(Pendulum(), 5)) == DiscretizedActions(Pendulum(), 5)


def test_equal_shapes_compile_once():
    compiled = jax.jit(lambda environment, key: environment.reset(key)[0])
    for _ in range(2):
        compiled(ShapedReward(Pendulum(), shaping.Scaled(8.0, 8.0)), KEY)
    assert compiled._cache_size() == 1
