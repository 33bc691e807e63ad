"""A notice about observations far outside their space's bounds: Gymnasium allows them, but they are often errors."""

from __future__ import annotations

import numpy as np

from zerone.base.language import translated

Array = np.ndarray


class Bounds:
    """The bounds of one part of an observation, and the distance that counts as far outside.

    That is the width between two finite bounds; with one bound or no width, the bound's absolute value, at least 1.
    """

    def __init__(self, low: Array, high: Array) -> None:
        """`low` and `high` are float64 arrays of the part's shape."""
        self._low, self._high = low, high
        with np.errstate(over="ignore", invalid="ignore"):  # an infinite width: nothing is far outside
            width = np.where(np.isfinite(low) & np.isfinite(high), high - low, 0)
            below, above = (np.where(width > 0, width, np.maximum(1, np.abs(bound))) for bound in (low, high))
            self._lowest, self._highest = low - below, high + above
        self._never = bool(np.isneginf(self._lowest).all() and np.isposinf(self._highest).all())

    def look(self, found: Array) -> str | None:
        """A description of the values that are far outside; None if there are none."""
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
