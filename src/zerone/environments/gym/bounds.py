"""Observations far outside of the bounds that their space promises: legal for Gymnasium, but hardly meant so."""

from __future__ import annotations

import numpy as np

from zerone.base.language import translated

Array = np.ndarray


class Bounds:
    """The bounds of one part of an observation, and how far outside is far.

    Far is what is outside by more than the width between two bounds; by more than a bound itself, and at least 1, where
    there is one bound or no width.
    """

    def __init__(self, low: Array, high: Array) -> None:
        """`low` and `high` are float64, of the shape of what is seen."""
        self._low, self._high = low, high
        with np.errstate(over="ignore", invalid="ignore"):  # wider than a float can be: nothing is far outside
            width = np.where(np.isfinite(low) & np.isfinite(high), high - low, 0)
            below, above = (np.where(width > 0, width, np.maximum(1, np.abs(bound))) for bound in (low, high))
            self._lowest, self._highest = low - below, high + above
        self._never = bool(np.isneginf(self._lowest).all() and np.isposinf(self._highest).all())

    def look(self, found: Array) -> str | None:
        """What of it is far outside, in words; None where nothing is."""
        if self._never:
            return None
        far = (found < self._lowest) | (found > self._highest)
        if not far.any():
            return None
        place = tuple(int(each) for each in np.argwhere(far)[0]) if far.ndim else ()
        number = translated("number {listed}", listed=", ".join(map(str, place)))
        which = number if place else translated("it")
        return translated(
            "{which} is {found:.4g}, its bounds are {low:.4g} and {high:.4g}",
            which=which,
            found=found[place],
            low=self._low[place],
            high=self._high[place],
        )
