"""Medians and ratios of measurements over rounds."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Spread:
    """Median, minimum and maximum of some numbers."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """The spread of the values; None if there are none."""
        return cls(median(values), min(values), max(values)) if values else None


def ratios(subject: Mapping[int, float], other: Mapping[int, float]) -> Spread | None:
    """The spread of the ratios subject / other, each computed within one round.

    The two runs of a round are close in time, so a temporary slowdown of the machine affects both and cancels. Rounds
    that only one of them finished are left out; None if there is no common round.
    """
    return Spread.of([subject[turn] / other[turn] for turn in sorted(subject.keys() & other.keys()) if other[turn]])
