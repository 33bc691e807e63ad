"""Medians and ratios of what was measured in turns."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Spread:
    """The median of some numbers, and the least and the greatest of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """The spread of the values; None if there are none."""
        return cls(median(values), min(values), max(values)) if values else None


def ratios(subject: Mapping[int, float], other: Mapping[int, float]) -> Spread | None:
    """The spread of the ratios subject / other, each taken within one round.

    A round's two runs are neighbours in time, so what slows the machine for a while slows both and cancels. Rounds
    that only one of the two finished are left out; None if none is left.
    """
    return Spread.of([subject[turn] / other[turn] for turn in sorted(subject.keys() & other.keys()) if other[turn]])
