"""Confidence intervals over seeds that reach their nominal coverage from three seeds on.

The percentile bootstrap does not with few seeds: its 95% interval of a mean misses the true value in 24% of cases with
3 seeds and in 9% with 10, because resamples never leave the range of the sample. So each statistic has its own method:

    mean, difference and ratio of means     Student's t (Welch's, Fieller's), widened to Hall's correction for skewness
                                            where that reaches farther
    interquartile mean                      Yuen's t of the winsorised values, with the same correction
    median                                  order statistics, which are exact; from 5 seeds on
    probability of improvement              Newcombe's, with Student's t
    any other function                      the bootstrap with tails corrected for few seeds; from 10 seeds on

`tests/base/test_intervals.py` measures the coverage. The functions return None where there is no interval: with too few
values, or if all values are equal, because these do not show how much other seeds would differ. No interval accounts
for events so rare that no seed has shown them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from zerone.base import statistics
from zerone.base.ranks import improvement_bounds, median_bounds
from zerone.base.statistics import Statistic
from zerone.base.student import student_quantile

Bounds = tuple[float, float]

CONFIDENCE = 0.95
RESAMPLES = 10_000
FEWEST_FOR_INTERVAL, FEWEST_FOR_MEDIAN, FEWEST_FOR_BOOTSTRAP = 3, 5, 10
"""The fewest seeds for an interval: of most statistics, of a median, and of one that needs the bootstrap."""
FEW_THAT_AGREE = 10
"""With fewer seeds than this, equal scores may be a coincidence: see `parts_of_means`."""

_BLOCK = 2**22
"""About how many numbers are passed to a statistic at once, to bound the memory of the bootstrap."""
_EQUAL = 1e-12
"""Values whose relative difference is below this count as equal: it is due to rounding."""


def interval(
    *samples: Any, statistic: Statistic = statistics.mean, paired: bool = False, confidence: float = CONFIDENCE
) -> Bounds | None:
    """The confidence interval of a statistic of one or more samples over seeds; None where there is none.

    Args:
        samples: One array [seeds] for each argument of `statistic`.
        statistic: A function of `statistics.py`, or any function of arrays [..., seeds] that reduces the last axis.
        paired: Whether the samples are of the same seeds, in the same order.
        confidence: The share of such intervals that contain the true value.

    Raises:
        ValueError: a sample is empty or not one-dimensional, or paired samples differ in length.
    """
    arrays = [np.asarray(each, np.float64) for each in samples]
    if not arrays or any(each.ndim != 1 or not each.size for each in arrays):
        raise ValueError(f"a sample is one number for each seed, not of shape {[each.shape for each in arrays]}")
    if paired and len({each.size for each in arrays}) > 1:
        raise ValueError(f"paired samples must be of one length, not {[each.size for each in arrays]}")
    if min(each.size for each in arrays) < fewest(statistic):
        return None
    if statistic is statistics.mean:
        return _as_floats(mean_bounds(arrays[0], confidence))
    if statistic is statistics.median:
        return median_bounds(arrays[0], confidence)
    if statistic is statistics.interquartile_mean:
        return interquartile_bounds(arrays[0], confidence=confidence)
    if statistic is statistics.probability_of_improvement and not paired:
        return improvement_bounds(arrays[0], arrays[1], confidence)
    if statistic is statistics.difference_of_means:
        return _difference_bounds(arrays[0], arrays[1], paired, confidence)
    if statistic is statistics.ratio_of_means:
        return _ratio_bounds(arrays[0], arrays[1], paired, confidence)
    return bootstrap_interval(*arrays, statistic=statistic, paired=paired, confidence=confidence)


def fewest(statistic: Statistic) -> int:
    """The smallest number of seeds for which this statistic has an interval."""
    if statistic is statistics.median:
        return FEWEST_FOR_MEDIAN
    known = (statistics.mean, statistics.interquartile_mean, statistics.probability_of_improvement,
             statistics.difference_of_means, statistics.ratio_of_means)  # fmt: skip
    return FEWEST_FOR_INTERVAL if statistic in known else FEWEST_FOR_BOOTSTRAP


def mean_bounds(values: np.ndarray, confidence: float = CONFIDENCE) -> tuple[np.ndarray, np.ndarray]:
    """The interval of the mean over the last axis, for all points of a curve at once.

    Values [..., seeds] that are not finite count as missing; NaN as a bound [...] means that there is no interval.
    """
    known = np.isfinite(values)
    count = known.sum(-1)
    number = np.maximum(count, 1)
    middle = np.where(known, values, 0.0).sum(-1, dtype=np.float64) / number
    deviations = np.where(known, values - middle[..., None], 0.0)
    square = (deviations**2).sum(-1)
    differs = (count >= FEWEST_FOR_INTERVAL) & (np.sqrt(square) > _EQUAL * np.abs(middle) * number)
    square = np.where(differs, square, 1.0)
    error = np.sqrt(square / np.maximum(count - 1, 1) / number)
    skewness = (deviations**3).sum(-1) / number / (square / number) ** 1.5 / np.sqrt(number)
    reach = np.vectorize(lambda n: student_quantile((1 + confidence) / 2, max(1.0, n - 1.0)), otypes=[float])(count)
    low, high = _skew_adjusted(middle, error, reach, skewness)
    return np.where(differs, low, np.nan), np.where(differs, high, np.nan)


def _skew_adjusted(middle: Any, error: Any, reach: Any, skewness: Any) -> tuple[Any, Any]:
    """Student's bounds, or Hall's where those are farther from the estimate: skewed values need one longer side.

    Hall, On the Removal of Skewness by Transformation, Journal of the Royal Statistical Society B 54, 1992: a monotone
    cubic of t whose distribution is less skewed. `skewness` is that of the estimate, not of the values.

    Args:
        middle: The estimate.
        error: Its standard error.
        reach: The quantile of Student's t.
        skewness: The skewness of the estimate.
    """
    cubic = np.where(np.abs(skewness) > 1e-9, skewness, 1.0) / 3

    def back(y: Any) -> Any:
        moved = (np.cbrt(1 + 3 * cubic * (y - skewness / 6)) - 1) / cubic
        return np.where(np.abs(skewness) > 1e-9, moved, y)

    low = np.minimum(middle - reach * error, middle - back(reach) * error)
    high = np.maximum(middle + reach * error, middle - back(-reach) * error)
    return low, high


def combined_bounds(
    middle: float, parts: Sequence[tuple[float, float]], third: float, size: float, confidence: float = CONFIDENCE
) -> Bounds | None:
    """The interval of an estimate whose variance is a sum of parts, each with its own degrees of freedom.

    Satterthwaite, An Approximate Distribution of Estimates of Variance Components, Biometrics Bulletin 2, 1946. A part
    is negative if it subtracts what two others both include; the sum is never taken below the largest part.

    Args:
        middle: The estimate.
        parts: The variance and the degrees of freedom of each part.
        third: The third central moment of the estimate.
        size: The magnitude of the values behind the estimate; a spread below its rounding error gives None.
        confidence: As for `interval`.
    """
    greatest = max(part for part, _ in parts)
    variance = max(sum(part for part, _ in parts), greatest)
    if variance <= 0 or math.sqrt(variance) <= _EQUAL * size:
        return None
    freedom = variance**2 / sum(part**2 / free for part, free in parts if part)
    reach = student_quantile((1 + confidence) / 2, max(1.0, freedom))
    low, high = _skew_adjusted(middle, math.sqrt(variance), reach, third / variance**1.5)
    return float(low), float(high)


def part_of_mean(values: np.ndarray) -> tuple[tuple[float, float], float]:
    """For the mean of the values [n]: its variance with the degrees of freedom, and its third central moment."""
    number = values.size
    deviations = values - values.mean()
    third = float((deviations**3).mean()) * (number / (number - 1)) ** 1.5 / number**2
    return (float(deviations @ deviations) / (number - 1) / number, number - 1.0), third


def parts_of_means(*samples: np.ndarray) -> list[tuple[tuple[float, float], float]]:
    """`part_of_mean` of each sample, where small samples of equal values borrow the spread of the widest sample.

    Three seeds with the same return do not show that a fourth would have it as well. Without the borrowed spread, their
    difference from a sample with one failed seed would look more certain than it is.
    """
    found = [part_of_mean(each) for each in samples]
    spreads = [part[0] * each.size for each, (part, _) in zip(samples, found, strict=True)]
    widest = int(np.argmax(spreads))
    (own, freedom), third = found[widest]
    lent = sum(spreads[widest] / each.size for each, spread in zip(samples, spreads, strict=True)
               if spread == 0 and each.size < FEW_THAT_AGREE)  # fmt: skip
    found[widest] = (own + lent, freedom), third
    return found


def _difference_bounds(left: np.ndarray, right: np.ndarray, paired: bool, confidence: float) -> Bounds | None:
    """Welch's interval of a difference of means; for paired samples the interval of the mean difference."""
    if paired:
        return _as_floats(mean_bounds(left - right, confidence))
    (part, third), (other, less) = parts_of_means(left, right)
    size = float(np.abs(left).max() + np.abs(right).max())
    return combined_bounds(float(left.mean() - right.mean()), [part, other], third - less, size, confidence)


def _ratio_bounds(left: np.ndarray, right: np.ndarray, paired: bool, confidence: float) -> Bounds | None:
    """Fieller's interval: all ratios ρ for which the interval of left - ρ right contains 0.

    It is infinite if the interval of the denominator's mean contains 0.

    Fieller, Some Problems in Interval Estimation, Journal of the Royal Statistical Society B 16, 1954.
    """
    below = _as_floats(mean_bounds(right, confidence)) or (float(right.mean()),) * 2
    if below[0] <= 0 <= below[1]:
        return -math.inf, math.inf
    ratio = float(left.mean() / right.mean())
    if _difference_bounds(left, ratio * right, paired, confidence) is None:
        return None

    def excluded(at: float) -> bool:
        found = _difference_bounds(left, at * right, paired, confidence)
        return found is None or not found[0] <= 0 <= found[1]

    return _end_of_interval(excluded, ratio, -1.0), _end_of_interval(excluded, ratio, 1.0)


def _end_of_interval(excluded: Callable[[float], bool], inside: float, direction: float) -> float:
    """The end of an interval, searched from a point inside of it; infinite if the search finds no end."""
    step = direction * max(abs(inside), 1e-6) * 1e-3
    while not excluded(inside + step):
        step *= 2
        if abs(step) > 1e12 * max(abs(inside), 1.0):
            return math.copysign(math.inf, direction)
    outside = inside + step
    for _ in range(30):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if excluded(middle) else (middle, outside)
    return inside


def interquartile_bounds(
    values: np.ndarray, more: Sequence[tuple[float, float]] = (), confidence: float = CONFIDENCE
) -> Bounds | None:
    """Yuen's interval of the interquartile mean; for three values the interval of the mean.

    Yuen, The Two-Sample Trimmed t for Unequal Population Variances, Biometrika 61, 1974. For the variance, trimmed
    values are replaced by the nearest value that is kept (they are winsorised); the degrees of freedom are the number
    of kept values minus one. `more` are further parts of the variance, as in `combined_bounds`.
    """
    number, out = values.size, statistics.left_out(values.size)
    if not out:
        return _as_floats(mean_bounds(values, confidence))
    kept = number - 2 * out
    ordered = np.sort(values)
    if not np.isfinite(ordered[out : number - out]).all():
        return None
    winsorised = np.clip(ordered, ordered[out], ordered[number - out - 1])
    deviations = winsorised - winsorised.mean()
    square = float(deviations @ deviations)
    part, third = square / (kept * (kept - 1)), 0.0
    if square:
        third = float((deviations**3).mean()) / (square / number) ** 1.5 / math.sqrt(kept) * part**1.5
    parts = [(part, kept - 1.0), *more]
    size = float(np.abs(winsorised).max())
    return combined_bounds(float(statistics.interquartile_mean(values)), parts, third, size, confidence)


def bootstrap_interval(
    *arrays: np.ndarray, statistic: Statistic, paired: bool = False, confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> Bounds:  # fmt: skip
    """The percentile bootstrap interval of any statistic, with tails widened by Student's t for few values.

    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; Hesterberg, What Teachers Should Know
    About the Bootstrap, The American Statistician 69, 2015, section 5.2, for the tails. Each sample is resampled
    independently (Agarwal et al. 2021 call this stratified) or, if `paired`, all with the same indices. The random
    generator has a fixed seed, so equal inputs give equal intervals.
    """
    random = np.random.default_rng(0)
    drawn = [random.integers(0, each.size, (resamples, each.size)) for each in arrays[: 1 if paired else None]]
    drawn *= len(arrays) if paired else 1
    block = max(1, _BLOCK // int(np.prod([each.size for each in arrays])))
    found = np.concatenate([
        np.atleast_1d(statistic(*(each[rows[at : at + block]] for each, rows in zip(arrays, drawn, strict=True))))
        for at in range(0, resamples, block)
    ])  # fmt: skip
    least = min(each.size for each in arrays)
    reach = student_quantile((1 + confidence) / 2, least - 1.0) * math.sqrt(least / (least - 1))
    tail = NormalDist().cdf(-reach)
    # Interpolating between a number and infinity would give NaN.
    method: Any = "linear" if np.isfinite(found).all() else "inverted_cdf"
    low, high = np.quantile(found, [tail, 1 - tail], method=method)
    return float(low), float(high)


def _as_floats(bounds: tuple[np.ndarray, np.ndarray]) -> Bounds | None:
    """The bounds of a single number as floats; None if they are NaN."""
    low, high = (float(each) for each in bounds)
    return None if math.isnan(low) else (low, high)
