"""Intervals of what only asks which value is larger: the median, and the probability of improvement."""

from __future__ import annotations

import math

import numpy as np

from zerone.base import statistics
from zerone.base.student import student_quantile

Bounds = tuple[float, float]

_JUST_SHORT = 0.0125
"""How much less than promised a median's interval may hold: 93.75% between the least and the greatest of five."""


def median_bounds(values: np.ndarray, confidence: float) -> Bounds | None:
    """From the r-th least to the r-th greatest, which holds the true median with 1 - 2 P(fewer than r of n tosses)."""
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
    """All probabilities θ that the one found is not too far from, for the error that it would have if θ were true.

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
