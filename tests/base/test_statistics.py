"""Statistics over seeds, compared with examples of books and with SciPy. For intervals see `test_intervals.py`."""

import numpy as np
import pytest
from scipy import stats

from zerone.base.statistics import (
    first_reached,
    interquartile_mean,
    median,
    probability_of_improvement,
)


def test_the_interquartile_mean() -> None:
    assert interquartile_mean(np.array([5, 8, 4, 38, 8, 6, 9, 7, 7, 3, 1, 6])) == 6.5  # by hand: 5, 6, 6, 7, 7, 8
    values = np.random.default_rng(0).normal(size=(3, 23))
    np.testing.assert_allclose(interquartile_mean(values), stats.trim_mean(values, 0.25, axis=-1))
    assert interquartile_mean(np.array([1.0, 2.0, 30.0])) == 11  # of three values none is left out


def test_the_probability_of_improvement_is_mann_and_whitneys() -> None:
    males, females = np.array([19, 22, 16, 29, 24]), np.array([20, 11, 17, 12])  # SciPy's example: U = 17
    assert probability_of_improvement(males, females) == 17 / 20
    assert probability_of_improvement(females, males) == 3 / 20
    assert probability_of_improvement(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == 0.5
    random = np.random.default_rng(0)
    left, right = random.integers(0, 5, 17), random.integers(1, 6, 9)  # with many ties
    u = stats.mannwhitneyu(left, right).statistic
    assert probability_of_improvement(left, right) == pytest.approx(u / (17 * 9))
    assert (left[:, None] > right).mean() != pytest.approx(u / (17 * 9))  # the broken twin ignores ties


def test_time_to_a_level() -> None:
    steps, values = np.array([10, 20, 30]), np.array([np.nan, 5.0, 4.0])
    assert first_reached(steps, values, 5) == 20
    assert first_reached(steps, values, 6) == np.inf
    assert median(np.array([10, 20, 30, 40, np.inf])) == 30  # one of the five seeds never reached the level
