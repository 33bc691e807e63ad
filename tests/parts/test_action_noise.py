"""Correlated action noise: its statistics in closed form, and that it continues within an episode."""

import jax
import numpy as np
import pytest

from zerone.base.errors import InputError
from zerone.parts.action_noise import OrnsteinUhlenbeck, White

PULL = 0.15


def walk(process, steps, shape):
    """The noise [T, N, d] of N parallel episodes of T steps."""
    noise = process.noise(jax.random.key(1), (steps, *shape))

    def one(path, noise):
        value, path = process.step(path, noise)
        return path, value

    _, values = jax.jit(lambda: jax.lax.scan(one, process.init(shape), noise))()
    return np.asarray(values), np.float64(noise)


def test_the_stationary_variance_and_the_autocorrelation_are_those_of_the_closed_form():
    values = walk(OrnsteinUhlenbeck(PULL), 4_000, (100, 2))[0][200:]
    # Standard errors over the 200 paths, which are independent.
    paths = values.reshape(len(values), -1)
    variance = (paths**2).mean(0)
    stationary = 1 / (1 - (1 - PULL) ** 2)
    assert abs(variance.mean() - stationary) < 4 * variance.std() / len(variance) ** 0.5
    assert abs(values.mean()) < 4 * paths.mean(0).std() / len(variance) ** 0.5
    forgetful = walk(Forgetful(PULL), 4_000, (100, 2))[0][200:].reshape(len(values), -1)
    for lag in (1, 5, 20):
        covariance = (paths[lag:] * paths[:-lag]).mean(0)
        expected = stationary * (1 - PULL) ** lag
        assert abs(covariance.mean() - expected) < 4 * covariance.std() / len(variance) ** 0.5
        assert abs((forgetful[lag:] * forgetful[:-lag]).mean() - expected) > 0.05
    independent = (paths[:, 0::2] * paths[:, 1::2]).mean()  # the two components of an action
    assert abs(independent) < 0.05


class Forgetful(OrnsteinUhlenbeck):
    """The broken twin: it keeps no state from step to step."""

    def step(self, path, noise):
        return OrnsteinUhlenbeck.step(self, path * 0, noise)


def test_each_value_is_what_is_left_of_the_last_one_and_a_new_number():
    found, normal = walk(OrnsteinUhlenbeck(PULL), 24, (3, 2))
    x = np.zeros((3, 2))
    for t in range(len(normal)):
        x = (1 - PULL) * x + normal[t]
        np.testing.assert_allclose(found[t], x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("process", [OrnsteinUhlenbeck(1.0), White()])
def test_with_a_pull_of_one_it_is_white_noise_and_white_noise_is_the_normal_numbers_themselves(process):
    found, normal = walk(process, 20, (3, 2))
    np.testing.assert_allclose(found, normal, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pull", [0.0, 1.5, -0.1])
def test_a_pull_that_makes_no_sense_is_refused(pull):
    with pytest.raises(InputError, match=rf"pull = {pull} is not allowed: must be above 0 and at most 1"):
        OrnsteinUhlenbeck(pull)
