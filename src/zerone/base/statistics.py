"""Statistics over seeds: mean, median, interquartile mean, probability of improvement, steps to a threshold.

Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical Precipice, NeurIPS 2021 (arXiv 2108.13264),
say what to report, and why intervals over seeds rather than the best curve. Each function reduces the last axis of its
arrays, so that one call handles all resamples of a bootstrap. `intervals.py` has their confidence intervals.
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
    """The median over the last axis; infinity (a threshold never reached) counts as the largest number."""
    return np.asarray(np.median(values, axis=-1))


def left_out(number: int) -> int:
    """How many of `number` values the interquartile mean leaves out at each end: none if there are three."""
    return number // 4


def interquartile_mean(values: np.ndarray) -> np.ndarray:
    """The mean of the middle half over the last axis: less noisy than the median, more robust than the mean.

    Agarwal et al. 2021, section 4.3. Of n values ⌊n/4⌋ are left out at each end, as in their own `rliable`.
    """
    ordered = np.sort(np.asarray(values, np.float64), axis=-1)
    out = left_out(ordered.shape[-1])
    return mean(ordered[..., out : ordered.shape[-1] - out])


def difference_of_means(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The mean of `left` minus that of `right`."""
    return np.asarray(mean(left) - mean(right))


def ratio_of_means(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The mean of `left` divided by the mean of `right`."""
    return np.asarray(mean(left) / mean(right))


def probability_of_improvement(better: np.ndarray, worse: np.ndarray) -> np.ndarray:
    """The probability that a value of `better` exceeds one of `worse`, with ties counted half: Mann-Whitney U / (n m).

    Agarwal et al. 2021, section 4.3; Mann and Whitney 1947. The values are along the last axes.
    """
    left, right = np.asarray(better)[..., :, None], np.asarray(worse)[..., None, :]
    return np.asarray(np.mean((left > right) + 0.5 * (left == right), axis=(-2, -1)))


def first_reached(steps: np.ndarray, values: np.ndarray, level: float) -> float:
    """The first of `steps` at which the value is at least `level`; infinity if there is none. NaN is skipped."""
    reached = np.flatnonzero(np.asarray(values) >= level)
    return float(np.asarray(steps)[reached[0]]) if reached.size else np.inf
