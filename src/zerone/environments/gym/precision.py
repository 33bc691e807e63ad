"""Whether 32-bit numbers, in which everything is computed, still distinguish an environment's observations.

Seconds since 1970 are about 1.7 · 10⁹, where float32 numbers are 128 apart: two moments a minute apart become equal.
"""

from __future__ import annotations

import numpy as np

from zerone.base.language import translated

Array = np.ndarray

FIRST_LOOKS = 256
"""The first observations are all examined, later two in a row out of each this many: examining is expensive."""
FEWEST_LEVELS = 1000
"""A number with fewer distinct float32 values than this over its observed range loses information."""
NOISE = 2e-10
"""Floats whose relative difference is below this differ only by the environment's own rounding."""


class Precision:
    """Examines the numbers of one part of successive observations."""

    def __init__(self) -> None:
        self._last: Array | None = None
        self._low: Array | None = None
        self._high: Array | None = None

    def look(self, found: Array, near: bool) -> str | None:
        """A description of what was lost since the last call; None if nothing, or if that was not one step ago."""
        if found.dtype.itemsize < 4 or found.dtype == np.float32 or found.dtype.kind == "b":
            return None
        last, self._last = self._last, found.copy()
        if last is None or self._low is None or self._high is None:
            self._low = self._high = found.astype(np.float64)
            return None
        self._low, self._high = np.minimum(self._low, found), np.maximum(self._high, found)
        if not near:
            return None
        narrow = found.astype(np.float32)
        lost = (last != found) & (last.astype(np.float32) == narrow)
        if not lost.any():
            return None
        size = np.maximum(np.abs(self._low), np.abs(self._high)).astype(np.float32)
        reach = self._high - self._low
        noise = NOISE * size if found.dtype.kind == "f" else 0
        lost &= (np.spacing(size) * FEWEST_LEVELS > reach) & (reach > noise)
        if not lost.any():
            return None
        place = tuple(int(each) for each in np.argwhere(lost)[0]) if lost.ndim else ()
        number = translated("number {listed}", listed=", ".join(map(str, place)))
        which = number if place else translated("it")
        return translated(
            "{which} was {last} and {found}, which are one number in 32 bits ({narrow:.10g})",
            which=which,
            last=last[place],
            found=found[place],
            narrow=narrow[place],
        )
