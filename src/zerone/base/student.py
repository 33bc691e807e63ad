"""Quantiles of Student's t distribution without SciPy, whose import takes half a second; the tests compare with it."""

from __future__ import annotations

import functools
import math

_TERMS, _MOST_STEPS = 500, 200


@functools.cache
def student_quantile(probability: float, freedom: float) -> float:
    """The quantile at `probability` (in (0, 1)) of Student's distribution with `freedom` > 0 degrees of freedom."""
    if probability == 0.5:
        return 0.0
    if probability < 0.5:
        return -student_quantile(1 - probability, freedom)
    low, high = 0.0, 1.0
    while student_probability(high, freedom) < probability:
        low, high = high, 2 * high
    t = high
    for _ in range(_MOST_STEPS):  # Newton's method, with bisection where a step would leave the bounds
        excess = student_probability(t, freedom) - probability
        low, high = (low, t) if excess > 0 else (t, high)
        following = t - excess / _density(t, freedom)
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - t) <= 1e-13 * abs(t):
            break
        t = following
    return t


def _density(t: float, freedom: float) -> float:
    """The density of Student's distribution: Abramowitz and Stegun 1964, eq. 26.7.2."""
    front = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(freedom * math.pi)
    return math.exp(front - (freedom + 1) / 2 * math.log1p(t * t / freedom))


def student_probability(t: float, freedom: float) -> float:
    """The probability of a value of at most `t`: Abramowitz and Stegun 1964, eq. 26.7.1 and 26.5.27."""
    tail = 0.5 * _incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5)
    return 1 - tail if t > 0 else tail


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # the continued fraction converges faster on the other side
        return 1 - _incomplete_beta(1 - x, b, a)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(log_front) / a / _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction 1 + d_1/(1 + d_2/(1 + …)), Abramowitz and Stegun 1964, eq. 26.5.8, by Lentz's method."""
    found, above, below = 1.0, 1.0, 0.0
    for term in range(1, _TERMS):
        m = term // 2
        if term % 2:
            d = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            d = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        below = 1 / (1 + d * below)
        above = 1 + d / above
        found *= above * below
        if abs(above * below - 1) < 1e-15:
            break
    return found
