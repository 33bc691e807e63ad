"""Noise over time: its statistics in closed form, and that blocks are joined to one path."""

import jax
import numpy as np
import pytest

from zerone.base.errors import InputError
from zerone.parts.action_noise import OrnsteinUhlenbeck, White

PULL = 0.15


def walk(process, blocks, shape, ended=None):
    """The values [T, N, d] of some blocks one after the other; `ended` [blocks, T, N] says where episodes did."""

    def one(path, at):
        key, over = at
        noise = process.noise(key, shape)
        values = jax.vmap(process.value, (None, 0))(path, noise)
        return process.after(path, values, over), values

    ended = np.zeros((blocks, *shape[:2]), bool) if ended is None else ended
    keys = jax.random.split(jax.random.key(1), blocks)
    _, values = jax.jit(lambda: jax.lax.scan(one, process.init(shape[1:]), (keys, ended)))()
    return np.asarray(values).reshape(-1, *shape[1:])


def draws(blocks, shape):
    """The standard normal numbers of `walk`, [T, N, d]."""
    keys = jax.random.split(jax.random.key(1), blocks)
    return np.float64(jax.vmap(lambda key: jax.random.normal(key, shape))(keys)).reshape(-1, *shape[1:])


@pytest.mark.parametrize("length", [1, 8])
def test_the_stationary_variance_and_the_autocorrelation_are_those_of_the_closed_form(length):
    values = walk(OrnsteinUhlenbeck(PULL), 4_000 // length, (length, 100, 2))[200:]
    # Standard errors from the 200 paths, which are independent.
    paths = values.reshape(len(values), -1)
    variance = (paths**2).mean(0)
    stationary = 1 / (1 - (1 - PULL) ** 2)
    assert abs(variance.mean() - stationary) < 4 * variance.std() / len(variance) ** 0.5
    assert abs(values.mean()) < 4 * paths.mean(0).std() / len(variance) ** 0.5
    for lag in (1, 5, 20):
        covariance = (paths[lag:] * paths[:-lag]).mean(0)
        expected = stationary * (1 - PULL) ** lag
        assert abs(covariance.mean() - expected) < 4 * covariance.std() / len(variance) ** 0.5
        # Broken twin: blocks that each begin anew, which blocks of one step would make white noise of.
        if length == 1:
            anew = walk(Forgetful(PULL), 4_000, (1, 100, 2))[200:].reshape(len(values), -1)
            assert abs((anew[lag:] * anew[:-lag]).mean() - expected) > 0.05
    independent = (paths[:, 0::2] * paths[:, 1::2]).mean()  # of the two numbers of an action
    assert abs(independent) < 0.05


class Forgetful(OrnsteinUhlenbeck):
    """The broken twin: nothing is handed on from block to block."""

    def after(self, path, values, ended):
        del values, ended
        return path * 0


@pytest.mark.parametrize("length", [1, 4])
def test_blocks_are_one_path_that_begins_anew_where_an_episode_did(length):
    blocks, number = 24 // length, 3
    ended = np.random.default_rng(0).random((blocks, length, number)) < 0.15
    found = walk(OrnsteinUhlenbeck(PULL), blocks, (length, number, 2), ended)
    normal, over = draws(blocks, (length, number, 2)), ended.reshape(-1, number)
    x, truth = np.zeros((number, 2)), []
    since = np.full(number, True)  # whether the block has seen no end yet
    compared = 0
    for t in range(len(normal)):
        since = np.full(number, True) if t % length == 0 else since
        x = (1 - PULL) * x + normal[t]
        truth.append(x.copy())
        np.testing.assert_allclose(found[t][since], x[since], rtol=1e-4, atol=1e-5)
        compared += since.sum()
        x[over[t]] = 0.0  # the next one begins with 0: what follows in the same block cannot know that yet
        since = since & ~over[t]
    assert over.sum() > 5
    assert compared == len(normal) * number if length == 1 else compared > 50


def test_with_a_pull_of_one_it_is_white_noise_and_white_noise_is_the_normal_numbers_themselves():
    shape = (4, 3, 2)
    np.testing.assert_allclose(walk(OrnsteinUhlenbeck(1.0), 5, shape), draws(5, shape), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(walk(White(), 5, shape), draws(5, shape), rtol=1e-6)


@pytest.mark.parametrize("pull", [0.0, 1.5, -0.1])
def test_a_pull_that_makes_no_sense_is_refused(pull):
    with pytest.raises(InputError, match=rf"pull = {pull} is not allowed: must be above 0 and at most 1"):
        OrnsteinUhlenbeck(pull)
