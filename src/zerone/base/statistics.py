"""Statistics over seeds: bootstrap intervals, interquartile mean, probability of improvement, time to a level.

What to report, and why an interval over seeds instead of the best curve: Agarwal et al., Deep Reinforcement Learning
at the Edge of the Statistical Precipice, NeurIPS 2021 (arXiv 2108.13264). A statistic here reduces the last axis of its
arrays, so that one call takes all the resamples of a bootstrap. The resamples are always the same ones: equal numbers
give equal intervals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 10_000
FEWEST_FOR_INTERVAL = 3
"""Below this many seeds no interval is given: resampling two numbers says next to nothing about a third."""

_BLOCK = 2**22
"""About how many numbers a statistic is given at once."""

Statistic = Callable[..., Any]


def mean(values: np.ndarray) -> np.ndarray:
    """The mean over the last axis."""
    return np.asarray(np.mean(values, axis=-1, dtype=np.float64))


def median(values: np.ndarray) -> np.ndarray:
    """The median over the last axis; infinity (never) counts as the largest of numbers."""
    return np.asarray(np.median(values, axis=-1))


def interquartile_mean(values: np.ndarray) -> np.ndarray:
    """The mean of the middle half over the last axis: less noisy than the median, less easily led than the mean.

    Agarwal et al. 2021, section 4.3. Of n values ⌊n/4⌋ are left out at each end, as in their own `rliable`.
    """
    ordered = np.sort(np.asarray(values, np.float64), axis=-1)
    left_out = ordered.shape[-1] // 4
    return mean(ordered[..., left_out : ordered.shape[-1] - left_out])


def probability_of_improvement(better: np.ndarray, worse: np.ndarray) -> np.ndarray:
    """The chance that a value of `better` is above one of `worse`, ties counted half: Mann and Whitney's U / (n m).

    Agarwal et al. 2021, section 4.3; Mann and Whitney 1947. The values are along the last axes.
    """
    left, right = np.asarray(better)[..., :, None], np.asarray(worse)[..., None, :]
    return np.asarray(np.mean((left > right) + 0.5 * (left == right), axis=(-2, -1)))


def bootstrap_interval(
    *samples: Any,
    statistic: Statistic = mean,
    paired: bool = False,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> tuple[float, float]:
    """Bounds of a statistic of one or several samples over seeds: the percentile bootstrap.

    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13. Each sample is resampled by itself
    (Agarwal et al. 2021 call it stratified), or, if `paired`, all by the same seeds.

    Args:
        samples: One array [seeds] for each that is compared, and as many arguments for `statistic`.
        statistic: A function of arrays [..., seeds] that reduces the last axis.
        paired: Whether the samples are of the same seeds, one for one.
        confidence: How often an interval made so holds the true value.
        resamples: How many.

    Raises:
        ValueError: a sample is empty or not flat, or paired samples have not one length.
    """
    arrays = [np.asarray(each, np.float64) for each in samples]
    if not arrays or any(each.ndim != 1 or not each.size for each in arrays):
        raise ValueError(f"a sample is one number for each seed, not of shape {[each.shape for each in arrays]}")
    if paired and len({each.size for each in arrays}) > 1:
        raise ValueError(f"paired samples must be of one length, not {[each.size for each in arrays]}")
    random = np.random.default_rng(0)
    drawn = [random.integers(0, each.size, (resamples, each.size)) for each in arrays[: 1 if paired else None]]
    drawn *= len(arrays) if paired else 1
    block = max(1, _BLOCK // int(np.prod([each.size for each in arrays])))
    found = np.concatenate([
        np.atleast_1d(statistic(*(each[rows[at : at + block]] for each, rows in zip(arrays, drawn, strict=True))))
        for at in range(0, resamples, block)
    ])  # fmt: skip
    tail = (1 - confidence) / 2
    # Between a number and infinity nothing can be interpolated.
    method: Any = "linear" if np.isfinite(found).all() else "inverted_cdf"
    low, high = np.quantile(found, [tail, 1 - tail], method=method)
    return float(low), float(high)


def first_reached(steps: np.ndarray, values: np.ndarray, level: float) -> float:
    """The first of `steps` at which the value is at least `level`; infinity if it never is. NaN is no value."""
    reached = np.flatnonzero(np.asarray(values) >= level)
    return float(np.asarray(steps)[reached[0]]) if reached.size else np.inf
