"""An episode that is not remembered teaches what a remembered one does."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zerone.environments.mountain_car import MountainCar
from zerone.experiments import endless


def test_moments_are_those_of_the_returns():
    left = 0.9 ** np.arange(37, 0, -1)
    np.testing.assert_allclose(endless.moments(jnp.float32(37), jnp.float32(0.9)), [left.mean(), left.std()], rtol=1e-5)


def test_the_gradient_is_that_of_the_whole_episode():
    """Played again step by step with the same chance: G by its recursion, normalised, and one gradient of it all."""
    environment, discount, key = MountainCar(force=0.005), 0.99, jax.random.key(3)  # strong: up in some hundred steps
    policy = endless.create(environment, (10,), 0)
    played = endless.play(policy, environment, jnp.float32(discount), jnp.int32(10_000), key)
    length = int(played.length)
    assert endless.BLOCK // 4 < length < 10_000
    assert bool(played.over)
    assert length % endless.BLOCK
    reset_key, noise_key = jax.random.split(key)
    observation, state = environment.reset(reset_key)
    seen, done, over = [], [], False
    while not over:
        block, place = divmod(len(seen), endless.BLOCK)
        noise = policy.noise(jax.random.fold_in(noise_key, block), (endless.BLOCK, 1))[place]
        action = policy.act(observation[None], noise)[0][0]
        seen.append(observation)
        done.append(action)
        observation, state, _, over, _ = environment.step(key, state, action)
    assert len(seen) == length
    returns, following = np.zeros(length), 0.0
    for time in reversed(range(length)):
        following = returns[time] = -1 + discount * following
    weights = jnp.asarray((returns - returns.mean()) / returns.std(), jnp.float32)

    def praise(policy):
        return (weights * policy.distribution(jnp.stack(seen)).log_probability(jnp.stack(done))).sum()

    truth = jax.tree.leaves(jax.grad(praise)(policy))
    mean, deviation = endless.moments(jnp.float32(length), jnp.float32(discount))
    for plain, discounted, true in zip(*map(jax.tree.leaves, (played.plain, played.discounted)), truth, strict=True):
        ours = (discounted - mean * plain) / deviation
        np.testing.assert_allclose(ours, true, rtol=1e-3, atol=1e-3 * float(jnp.abs(true).max() + 1e-6))


def test_an_episode_that_does_not_end_is_cut():
    policy = endless.create(MountainCar(), (10,), 0)
    played = endless.play(policy, MountainCar(force=0.0), jnp.float32(0.99), jnp.int32(1000), jax.random.key(0))
    assert not bool(played.over)
    assert int(played.length) == pytest.approx(1000, abs=endless.BLOCK)
