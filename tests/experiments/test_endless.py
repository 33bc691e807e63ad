"""An episode that is not remembered teaches what a remembered one does."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zerone.environments.mountain_car import MountainCar
from zerone.experiments import endless

MOMENTS = jax.jit(endless.moments)


def test_moments_are_those_of_the_returns():
    left = 0.9 ** np.arange(37, 0, -1)
    np.testing.assert_allclose(MOMENTS(jnp.float32(37), jnp.float32(0.9)), [left.mean(), left.std()], rtol=1e-5)


def test_the_gradient_is_that_of_the_whole_episode():
    """Played again step by step with the same chance: G by its recursion, normalised, and one gradient of it all."""
    environment, discount, key = MountainCar(force=0.005), 0.99, jax.random.key(3)  # strong: up in some hundred steps
    policy = jax.jit(lambda: endless.create(environment, (10,), 0))()
    played = endless.play(policy, environment, jnp.float32(discount), jnp.int32(10_000), key)
    length = int(played.length)
    assert endless.BLOCK // 4 < length < 10_000
    assert bool(played.over)
    assert length % endless.BLOCK
    reset_key, noise_key = jax.random.split(key)
    observation, state = environment.reset(reset_key)
    draw = jax.jit(lambda block: policy.noise(jax.random.fold_in(noise_key, block), (endless.BLOCK, 1)))

    @jax.jit
    def step(observation, state, noise):
        action = policy.act(observation[None], noise)[0][0]
        return action, environment.step(key, state, action)

    seen, done, over = [], [], False
    while not over:
        block, place = divmod(len(seen), endless.BLOCK)
        if place == 0:
            noise = np.asarray(draw(block))
        seen.append(np.asarray(observation))
        action, (observation, state, _, over, _) = step(observation, state, noise[place])
        done.append(np.asarray(action))
    assert len(seen) == length
    returns, following = np.zeros(length), 0.0
    for time in reversed(range(length)):
        following = returns[time] = -1 + discount * following
    weights = np.float32((returns - returns.mean()) / returns.std())

    def praise(policy, seen, done):
        return (weights * policy.distribution(seen).log_probability(done)).sum()

    truth = jax.tree.leaves(jax.jit(jax.grad(praise))(policy, np.stack(seen), np.stack(done)))
    mean, deviation = map(np.asarray, MOMENTS(jnp.float32(length), jnp.float32(discount)))
    for plain, discounted, true in zip(*map(jax.tree.leaves, (played.plain, played.discounted)), truth, strict=True):
        ours = (np.asarray(discounted) - mean * plain) / deviation
        np.testing.assert_allclose(ours, true, rtol=1e-3, atol=1e-3 * float(np.abs(true).max() + 1e-6))


def test_an_episode_that_does_not_end_is_cut():
    policy = endless.create(MountainCar(), (10,), 0)
    played = endless.play(policy, MountainCar(force=0.0), jnp.float32(0.99), jnp.int32(1000), jax.random.key(0))
    assert not bool(played.over)
    assert int(played.length) == pytest.approx(1000, abs=endless.BLOCK)
