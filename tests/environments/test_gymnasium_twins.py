"""CartPole, both MountainCars, Acrobot and Pendulum, compared with Gymnasium's transition by transition."""

from __future__ import annotations

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zerone.environments import catalogue
from zerone.environments.acrobot import Acrobot, AcrobotState
from zerone.environments.cartpole import CartPole, CartPoleState
from zerone.environments.mountain_car import ContinuousMountainCar, MountainCar, MountainCarState
from zerone.environments.pendulum import Pendulum, PendulumState

TWINS = {
    "CartPole-v1": (CartPole, CartPoleState),
    "MountainCar-v0": (MountainCar, MountainCarState),
    "MountainCarContinuous-v0": (ContinuousMountainCar, MountainCarState),
    "Acrobot-v1": (Acrobot, AcrobotState),
    "Pendulum-v1": (Pendulum, PendulumState),
}
HIGH = {
    "CartPole-v1": [2.6, 4.0, 0.23, 4.0],
    "MountainCar-v0": [1.2, 0.07],
    "MountainCarContinuous-v0": [1.2, 0.07],
    # At higher speeds, a step of 0.2 s would enlarge float32's rounding errors.
    "Acrobot-v1": [np.pi, np.pi, 2 * np.pi, 3 * np.pi],
    "Pendulum-v1": [10.0, 8.0],
}
PUSHES = {"MountainCarContinuous-v0": 1.0, "Pendulum-v1": 3.0}  # largest actions; the others are discrete
TOLERANCE = 1e-4
KEY = jax.random.key(0)


def gymnasium_steps(name, states, actions):
    """Gymnasium's observation, reward and end for each (state, action) separately."""
    twin = gymnasium.make(name).unwrapped
    twin.reset(seed=0)
    observations, rewards, ends = [], [], []
    for state, action in zip(states, actions, strict=True):
        twin.state = np.array(state, np.float64)
        twin.steps_beyond_terminated = None
        observation, reward, terminated, _, _ = twin.step(action)
        observations.append(observation)
        rewards.append(reward)
        ends.append(terminated)
    return np.stack(observations), np.array(rewards), np.array(ends)


def our_steps(name, states, actions):
    make, state_of = TWINS[name]
    columns = [jnp.asarray(states[:, i], jnp.float32) for i in range(states.shape[1])]
    step = jax.jit(jax.vmap(make().step, in_axes=(None, 0, 0)))
    observations, _, rewards, ends, _ = step(KEY, state_of(*columns), jnp.asarray(actions))
    return np.asarray(observations), np.asarray(rewards), np.asarray(ends)


def draw(name, count, seed):
    """Random states from the whole space, also beyond its limits, and actions; float32."""
    rng = np.random.default_rng(seed)
    states = rng.uniform(-1, 1, (count, len(HIGH[name]))) * HIGH[name]
    if name.startswith("MountainCar"):
        states[:, 0] = rng.uniform(-1.2, 0.6, count)
        states[: count // 8, 0] = -1.2
        states[count // 8 : count // 4, 0] = rng.uniform(0.4, 0.6, count // 4 - count // 8)
    if name in PUSHES:
        actions = (rng.uniform(-1, 1, (count, 1)) * PUSHES[name]).astype(np.float32)
    else:
        actions = rng.integers(0, 2 if name == "CartPole-v1" else 3, count)
    return states.astype(np.float32), actions


@pytest.mark.thorough(after=3)
@pytest.mark.parametrize("name", TWINS)
def test_random_transitions_are_equal(name):
    states, actions = draw(name, 4000, seed=1)
    expected, expected_rewards, expected_ends = gymnasium_steps(name, states, actions)
    observations, rewards, ends = our_steps(name, states, actions)
    assert np.array_equal(ends, expected_ends)
    np.testing.assert_allclose(observations, expected, atol=TOLERANCE, rtol=0)
    np.testing.assert_allclose(rewards, expected_rewards, atol=TOLERANCE, rtol=0)
    assert observations.dtype == expected.dtype == np.float32
    assert rewards.dtype == np.float32
    assert ends.dtype == bool
    if name != "Pendulum-v1":
        assert 100 < ends.sum() < 3900, "the sample must show both ends and no ends"


def neighbours(number, count=4):
    """The float32 numbers next to `number`, `count` on each side."""
    found = [np.float32(number)]
    for direction in (-np.inf, np.inf):
        each = np.float32(number)
        for _ in range(count):
            each = np.nextafter(each, np.float32(direction))
            found.append(each)
    return found


def test_cart_pole_agrees_on_the_very_limits():
    """Without velocity the position stays the same: every float32 near the limit must have the same result as there."""
    states = [[sign * x, 0, 0, 0] for sign in (-1, 1) for x in neighbours(CartPole.position_limit)]
    states += [[0, 0, sign * angle, 0] for sign in (-1, 1) for angle in neighbours(CartPole.angle_limit)]
    states = np.array(states, np.float32)
    actions = np.zeros(len(states), np.int64)
    _, _, expected = gymnasium_steps("CartPole-v1", states, actions)
    _, _, ends = our_steps("CartPole-v1", states, actions)
    assert np.array_equal(ends, expected)
    assert 0 < ends.sum() < len(ends)


@pytest.mark.parametrize(("moves", "limit"), [(0, CartPole.position_limit), (2, CartPole.angle_limit)])
def test_cart_pole_disagrees_only_within_float32_of_a_limit(moves, limit):
    rng = np.random.default_rng(2)
    states = np.zeros((4000, 4))
    states[:, moves + 1] = rng.uniform(-3, 3, 4000)
    states[:, moves] = limit + rng.uniform(-1e-5, 1e-5, 4000) - 0.02 * states[:, moves + 1]
    states = states.astype(np.float32)
    actions = np.zeros(4000, np.int64)
    _, _, expected = gymnasium_steps("CartPole-v1", states, actions)
    _, _, ends = our_steps("CartPole-v1", states, actions)
    exact = states[:, moves].astype(float) + 0.02 * states[:, moves + 1].astype(float)
    disagree = ends != expected
    assert disagree.mean() < 0.02
    assert np.all(np.abs(exact - limit)[disagree] < np.spacing(np.float32(limit)))


def rollout_action(name, observation, rng):
    if name == "CartPole-v1":  # balances the pole, so that the time limit is reached
        return int(observation @ np.array([0.1, 0.3, 2.0, 1.0]) > 0)
    if name not in PUSHES:
        return int(rng.integers(3))
    return rng.uniform(-1, 1, 1).astype(np.float32) * (2 if name == "Pendulum-v1" else 1)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("name", TWINS)
def test_whole_episodes_are_equal_up_to_the_time_limit(name):
    environment = catalogue.make(name)
    reset, step = jax.jit(environment.reset), jax.jit(environment.step)
    twin = gymnasium.make(name)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        observation, state = reset(jax.random.key(seed))
        twin.reset(seed=seed)
        twin.unwrapped.state = np.array(jax.tree.leaves(state.inner), np.float64)
        while True:
            action = rollout_action(name, np.asarray(observation), rng)
            if not name.startswith("MountainCar"):  # upright, differences double in 0.2 s: compare steps
                twin.unwrapped.state = np.array(jax.tree.leaves(state.inner), np.float64)
            observation, state, reward, terminated, truncated, _ = step(KEY, state, action)
            expected, expected_reward, *expected_ends, _ = twin.step(action)
            np.testing.assert_allclose(observation, expected, atol=TOLERANCE, rtol=0)
            assert float(reward) == pytest.approx(expected_reward, abs=TOLERANCE)
            assert [bool(terminated), bool(truncated)] == expected_ends
            if terminated or truncated:
                break
        assert truncated
        assert int(state.steps) == twin.spec.max_episode_steps


@pytest.mark.parametrize("name", TWINS)
def test_first_states_are_spread_as_gymnasiums(name):
    ours = np.asarray(jax.jit(jax.vmap(TWINS[name][0]().reset))(jax.random.split(KEY, 2000))[0])
    twin = gymnasium.make(name).unwrapped
    theirs = np.stack([twin.reset(seed=seed)[0] for seed in range(2000)])
    for quantile in (0.0, 0.25, 0.5, 0.75, 1.0):
        spread = np.ptp(theirs, axis=0) + 1e-6
        assert np.all(np.abs(np.quantile(ours, quantile, 0) - np.quantile(theirs, quantile, 0)) < 0.08 * spread)


@pytest.mark.parametrize("name", TWINS)
def test_spaces_are_gymnasiums(name):
    ours, twin = TWINS[name][0](), gymnasium.make(name)
    assert ours.action_space == twin.action_space
    assert ours.observation_space.dtype == twin.observation_space.dtype
    np.testing.assert_array_equal(ours.observation_space.low, twin.observation_space.low)
    np.testing.assert_array_equal(ours.observation_space.high, twin.observation_space.high)


def test_pendulum_stays_exact_however_often_it_turns():
    environment = Pendulum()
    state = PendulumState(jnp.float32(0.0), jnp.float32(8.0))
    twin = gymnasium.make("Pendulum-v1").unwrapped
    twin.reset(seed=0)
    twin.state = np.array([0.0, 8.0])
    step = jax.jit(environment.step)
    action = np.array([2.0], np.float32)
    for _ in range(200):
        observation, state, reward, _, _ = step(KEY, state, action)
        expected, expected_reward, *_ = twin.step(action)
        np.testing.assert_allclose(observation, expected, atol=TOLERANCE, rtol=0)
        assert float(reward) == pytest.approx(expected_reward, abs=TOLERANCE)
    assert twin.state[0] > 50


def test_constants_are_leaves_so_a_batch_of_them_runs_at_once():
    state = CartPoleState(*(jnp.float32(each) for each in (0.0, 0.1, 0.05, -0.1)))

    def after_a_push(half_length):
        return CartPole(half_length=half_length).step(KEY, state, jnp.int32(1))[0]

    lengths = jnp.array([0.25, 0.5, 1.0])
    together = jax.jit(jax.vmap(after_a_push))(lengths)
    for one, length in zip(together, lengths, strict=True):
        np.testing.assert_allclose(one, after_a_push(length), rtol=1e-5)
    assert len({float(each[3]) for each in together}) == 3
