"""Statistics over seeds: mean, median, interquartile mean, probability of improvement, time to a level.

What to report, and why an interval over seeds instead of the best curve: Agarwal et al., Deep Reinforcement Learning
at the Edge of the Statistical Precipice, NeurIPS 2021 (arXiv 2108.13264). A statistic here reduces the last axis of its
arrays, so that one call takes all the resamples of a bootstrap. How sure such a number is, `intervals.py` says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Statistic = Callable[..., Any]


def mean(values: np.ndarray) -> np.ndarray:
    """The mean over the last axis."""
    return np.asarray(np.mean(values, axis=-1, dtype=np.float64))


def median(values: np.ndarray) -> np.ndarray:
    """The median over the last axis; infinity (never) counts as the largest of numbers."""
    return np.asarray(np.median(values, axis=-1))


def left_out(number: int) -> int:
    """How many of so many values the interquartile mean leaves out at each end: none of three."""
    return number // 4


def interquartile_mean(values: np.ndarray) -> np.ndarray:
    """The mean of the middle half over the last axis: less noisy than the median, less easily led than the mean.

    Agarwal et al. 2021, section 4.3. Of n values ⌊n/4⌋ are left out at each end, as in their own `rliable`.
    """
    ordered = np.sort(np.asarray(values, np.float64), axis=-1)
    out = left_out(ordered.shape[-1])
    return mean(ordered[..., out : ordered.shape[-1] - out])


def difference_of_means(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The mean of `left` minus that of `right`."""
    return np.asarray(mean(left) - mean(right))


def ratio_of_means(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The mean of `left` over that of `right`."""
    return np.asarray(mean(left) / mean(right))


def probability_of_improvement(better: np.ndarray, worse: np.ndarray) -> np.ndarray:
    """The chance that a value of `better` is above one of `worse`, ties counted half: Mann and Whitney's U / (n m).

    Agarwal et al. 2021, section 4.3; Mann and Whitney 1947. The values are along the last axes.
    """
    left, right = np.asarray(better)[..., :, None], np.asarray(worse)[..., None, :]
    return np.asarray(np.mean((left > right) + 0.5 * (left == right), axis=(-2, -1)))


def first_reached(steps: np.ndarray, values: np.ndarray, level: float) -> float:
    """The first of `steps` at which the value is at least `level`; infinity if it never is. NaN is no value."""
    reached = np.flatnonzero(np.asarray(values) >= level)
    return float(np.asarray(steps)[reached[0]]) if reached.size else np.inf
