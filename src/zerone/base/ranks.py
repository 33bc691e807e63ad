"""Confidence intervals of statistics that depend on ranks only: the median and the probability of improvement."""

from __future__ import annotations

import math

import numpy as np

from zerone.base import statistics
from zerone.base.student import student_quantile

Bounds = tuple[float, float]

_JUST_SHORT = 0.0125
"""How far the coverage of a median's interval may fall short: the extremes of five values cover 93.75%."""


def median_bounds(values: np.ndarray, confidence: float) -> Bounds | None:
    """The interval of the median: the narrowest from the r-th smallest to the r-th largest value that covers enough.

    It contains the true median with probability 1 - 2 P(X < r), X binomial with n trials of probability ½.
    """
    number = values.size
    if values.min() == values.max():
        return None
    beyond, found, rank = 0.0, 0, 0
    while rank < number // 2:
        beyond += math.comb(number, rank) / 2**number
        if 1 - 2 * beyond < confidence - _JUST_SHORT - 1e-9:
            break
        rank = found = rank + 1
    if not found:
        return None
    ordered = np.sort(values)
    return float(ordered[found - 1]), float(ordered[number - found])


def improvement_bounds(better: np.ndarray, worse: np.ndarray, confidence: float) -> Bounds | None:
    """The interval of the probability of improvement: all θ that the estimate does not reject.

    A θ is rejected if the estimate is too far from it, measured by the standard error that holds if θ is true.

    Newcombe, Confidence Intervals for an Effect Size Measure Based on the Mann-Whitney Statistic, Part 2, Statistics in
    Medicine 25, 2006: his method 5, with Student's t in the place of the normal quantile.
    """
    found = float(statistics.probability_of_improvement(better, worse))
    number, pairs = (better.size + worse.size) / 2, better.size * worse.size
    reach = student_quantile((1 + confidence) / 2, better.size + worse.size - 2.0)

    def excluded(at: float) -> bool:
        spread = at * (1 - at) * (1 + (number - 1) * ((1 - at) / (2 - at) + at / (1 + at))) / pairs
        return abs(found - at) > reach * math.sqrt(max(spread, 0.0))

    def edge(outside: float) -> float:
        inside = found
        for _ in range(60):
            middle = (inside + outside) / 2
            inside, outside = (inside, middle) if excluded(middle) else (middle, outside)
        return inside

    return edge(0.0), edge(1.0)
