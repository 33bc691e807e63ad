"""The exact probability of the greedy action, and schedules from start to end."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from zerone.parts import exploration

DRAWS = 50_000


def _played(rule, values, epsilon, seed=0):
    values = jnp.array(values, jnp.float32)
    noise = exploration.epsilon_greedy_noise(jax.random.key(seed), (DRAWS,), len(values))
    return np.asarray(rule(jnp.broadcast_to(values, (DRAWS, len(values))), epsilon, noise))


def _is_likely(times, probability):
    return stats.binomtest(int(times), DRAWS, probability).pvalue > 1e-6


def _explores_only_among_the_others(values, epsilon, noise):
    """The broken twin: exploration never takes the greedy action, so its probability is only 1 - ε."""
    best = values.argmax(-1)
    other = noise[..., 1:].at[jnp.arange(len(best)), best].set(-1.0).argmax(-1)
    return jnp.where(noise[..., 0] < epsilon, other, best)


RULES = [exploration.epsilon_greedy, exploration.epsilon_greedy_ties]


@pytest.mark.thorough(after=4)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("epsilon", "actions"), [(0.1, 2), (0.3, 4), (0.9, 3), (1.0, 5)])
def test_the_greedy_action_is_played_with_one_minus_epsilon_plus_its_random_share(rule, epsilon, actions):
    values = np.arange(actions)[::-1]
    played = _played(rule, values, epsilon)
    assert _is_likely((played == 0).sum(), 1 - epsilon + epsilon / actions)
    for other in range(1, actions):
        assert _is_likely((played == other).sum(), epsilon / actions)
    broken = _played(_explores_only_among_the_others, values, epsilon)
    assert not _is_likely((broken == 0).sum(), 1 - epsilon + epsilon / actions)


@pytest.mark.parametrize("rule", RULES)
def test_without_epsilon_only_the_greedy_action_is_played(rule):
    assert (_played(rule, [0.0, 3.0, 1.0], 0.0) == 1).all()


def test_ties_are_broken_uniformly_and_argmax_does_not():
    values, epsilon = [2.0, 1.0, 2.0, 2.0], 0.2
    probability = np.array([0.8 / 3 + 0.05, 0.05, 0.8 / 3 + 0.05, 0.8 / 3 + 0.05])

    def fits(played):
        return stats.chisquare(np.bincount(played, minlength=4), probability * DRAWS).pvalue > 1e-6

    assert fits(_played(exploration.epsilon_greedy_ties, values, epsilon))
    assert not fits(_played(exploration.epsilon_greedy, values, epsilon))


def test_whether_to_explore_is_independent_of_what_wins():
    noise = exploration.epsilon_greedy_noise(jax.random.key(3), (DRAWS,), 2)
    assert noise.shape == (DRAWS, 3)
    assert 0 <= noise.min() <= noise.max() < 1
    assert np.abs(np.corrcoef(noise, rowvar=False) - np.eye(3)).max() < 5 / np.sqrt(DRAWS)


def test_greedy_is_the_first_maximum_of_each_row():
    values = jnp.array([[[1.0, 2.0, 2.0], [3.0, 0.0, 1.0]]])
    found = exploration.greedy(values)
    np.testing.assert_array_equal(found, [[1, 0]])
    assert found.dtype == jnp.int32


@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(0, 3))
@settings(deadline=None)
def test_a_linear_schedule_runs_from_start_to_end_and_stays(start, end, fraction):
    found = float(exploration.linear_schedule(start, end, fraction))
    assert found == pytest.approx(start + (end - start) * min(fraction, 1.0), abs=1e-4)


def test_a_linear_schedule_is_exact_at_its_ends():
    ends = [float(exploration.linear_schedule(1.0, 0.05, jnp.float32(f))) for f in (0.0, 0.5, 1.0, 7.0)]
    assert ends == pytest.approx([1.0, 0.525, 0.05, 0.05], abs=1e-7)


def test_an_exponential_schedule_falls_by_equal_factors_and_stays():
    found = [float(exploration.exponential_schedule(1.0, 0.01, jnp.float32(f))) for f in (0.0, 0.25, 0.5, 1.0, 9.0)]
    assert found == pytest.approx([1.0, 0.01**0.25, 0.1, 0.01, 0.01], rel=1e-5)
