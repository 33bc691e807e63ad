"""Statistics over seeds, against the examples of books and against SciPy."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from zerone.base.statistics import (
    bootstrap_interval,
    first_reached,
    interquartile_mean,
    mean,
    median,
    probability_of_improvement,
)

TREATED = np.array([94, 197, 16, 38, 99, 141, 23], float)
CONTROL = np.array([52, 104, 146, 10, 51, 30, 40, 27, 46], float)
"""Efron and Tibshirani 1993, table 2.1: how many days mice survived an operation."""


def test_the_percentile_interval_of_the_mice() -> None:
    low, high = bootstrap_interval(TREATED, confidence=0.90)
    # Their table 13.1, of 1,000 resamples: 49.7 to 126.7. The error of those is about 2 days.
    assert low == pytest.approx(49.7, abs=3)
    assert high == pytest.approx(126.7, abs=3)


@pytest.mark.parametrize("statistic", [mean, median, interquartile_mean])
def test_an_interval_is_scipys(statistic: Callable[[np.ndarray], np.ndarray]) -> None:
    ours = bootstrap_interval(TREATED, statistic=statistic, resamples=500)

    def along(x: np.ndarray, axis: int) -> np.ndarray:
        assert axis == -1
        return statistic(x)

    theirs = stats.bootstrap((TREATED,), along, n_resamples=500, method="percentile", vectorized=True,
                             rng=np.random.default_rng(0))  # fmt: skip
    assert ours == pytest.approx(tuple(theirs.confidence_interval))


@pytest.mark.parametrize("paired", [False, True])
def test_an_interval_of_a_difference_is_scipys(paired: bool) -> None:
    def difference(left: np.ndarray, right: np.ndarray, axis: int = -1) -> np.ndarray:
        return left.mean(axis) - right.mean(axis)

    samples = TREATED, CONTROL[:7] if paired else CONTROL
    ours = bootstrap_interval(*samples, statistic=difference, paired=paired, resamples=500)
    theirs = stats.bootstrap(samples, difference, n_resamples=500, method="percentile", paired=paired,
                             vectorized=True, rng=np.random.default_rng(0))  # fmt: skip
    assert ours == pytest.approx(tuple(theirs.confidence_interval))


def test_an_interval_holds_the_true_mean_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    held = 0
    for _ in range(400):
        low, high = bootstrap_interval(random.normal(1.0, 2.0, 40), resamples=1000)
        held += low <= 1.0 <= high
    # 95% of 400 is 380, and percentile intervals of 40 are a little narrow: 93%. Three deviations of 400 tosses: 4%.
    assert 0.89 <= held / 400 <= 0.98


def test_paired_is_narrower_where_seeds_are_alike_and_equal_numbers_give_equal_intervals() -> None:
    luck = np.random.default_rng(1).normal(0, 10, 20)
    left, right = luck + 1, luck

    def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return mean(a) - mean(b)

    assert bootstrap_interval(left, right, statistic=difference, paired=True) == pytest.approx((1, 1))
    low, high = bootstrap_interval(left, right, statistic=difference)
    assert high - low > 5
    assert (low, high) == bootstrap_interval(left, right, statistic=difference)


def test_large_samples_are_taken_in_blocks() -> None:
    values = np.arange(1000.0)
    chance = bootstrap_interval(values, values, statistic=probability_of_improvement, resamples=40)
    assert 0.4 < chance[0] < 0.5 < chance[1] < 0.6


def test_the_interquartile_mean() -> None:
    assert interquartile_mean(np.array([5, 8, 4, 38, 8, 6, 9, 7, 7, 3, 1, 6])) == 6.5  # by hand: 5, 6, 6, 7, 7, 8
    values = np.random.default_rng(0).normal(size=(3, 23))
    np.testing.assert_allclose(interquartile_mean(values), stats.trim_mean(values, 0.25, axis=-1))
    assert interquartile_mean(np.array([1.0, 2.0, 30.0])) == 11  # of three none is left out


def test_the_probability_of_improvement_is_mann_and_whitneys() -> None:
    males, females = np.array([19, 22, 16, 29, 24]), np.array([20, 11, 17, 12])  # SciPy's example: U = 17
    assert probability_of_improvement(males, females) == 17 / 20
    assert probability_of_improvement(females, males) == 3 / 20
    assert probability_of_improvement(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == 0.5
    random = np.random.default_rng(0)
    left, right = random.integers(0, 5, 17), random.integers(1, 6, 9)  # with many ties
    u = stats.mannwhitneyu(left, right).statistic
    assert probability_of_improvement(left, right) == pytest.approx(u / (17 * 9))
    assert (left[:, None] > right).mean() != pytest.approx(u / (17 * 9))  # ties left out: the broken twin


def test_time_to_a_level() -> None:
    steps, values = np.array([10, 20, 30]), np.array([np.nan, 5.0, 4.0])
    assert first_reached(steps, values, 5) == 20
    assert first_reached(steps, values, 6) == np.inf
    # Of the seeds one in five never got there: the median stands, its interval may be open.
    assert median(np.array([10, 20, 30, 40, np.inf])) == 30
    low, high = bootstrap_interval(np.array([10, 20, 30, 40, np.inf]), statistic=median)
    assert (low, high) == (10, np.inf)


@pytest.mark.parametrize(
    ("samples", "paired"), [((), False), (([],), False), (([[1.0]],), False), (([1], [1, 2]), True)]
)
def test_what_is_no_sample_is_refused(samples: tuple[object, ...], paired: bool) -> None:
    with pytest.raises(ValueError, match="sample"):
        bootstrap_interval(*samples, paired=paired)
