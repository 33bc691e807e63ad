"""Curves of a run's metrics over its seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zerone.base.by_seed import rows_by_seed
from zerone.base.errors import InputError
from zerone.base.intervals import FEWEST_FOR_INTERVAL, mean_bounds

Columns = Mapping[str, np.ndarray]
MOST_STEPS = 4_000
MARGIN = 0.05
"""Free space above and below the curves, as a fraction of their range."""

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#B8A800")
"""Okabe and Ito's palette, safe for colour-blind readers (the yellow is darkened for a white page)."""


class NoReturnError(InputError):
    """A run has no return yet: no episode has ended."""


@dataclasses.dataclass(frozen=True)
class Curve:
    """One metric of a run over its seeds.

    Attributes:
        steps: The environment steps, [steps].
        values: The metric, float [seeds, steps]; NaN before a seed's first value.
        ended_early: Whether some seeds ended before others.
    """

    steps: np.ndarray
    values: np.ndarray
    ended_early: bool

    @property
    def mean(self) -> np.ndarray:
        """The mean over the seeds that have a value, [steps]."""
        known = np.isfinite(self.values)
        return np.asarray(np.where(known, self.values, 0.0).sum(0) / np.maximum(known.sum(0), 1))

    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """The confidence interval of the mean at each step, two arrays [steps]; NaN where there is none."""
        return mean_bounds(self.values.T)


def curve(columns: Columns, name: str) -> Curve | None:
    """The curve of one column of a run's table; None if the column is missing or has no finite value.

    A seed that has ended keeps its last value; otherwise the mean would be over the slower seeds only. Between two
    values of a seed (where no episode ended), the curve is interpolated linearly. If there are more than `MOST_STEPS`
    steps, that many are chosen evenly, which is more than a figure has pixels.
    """
    if not is_measured(columns, name):
        return None
    step, value = columns["step"], columns[name]
    known = np.isfinite(value)
    steps = np.unique(step[known])
    if len(steps) > MOST_STEPS:
        steps = steps[np.linspace(0, len(steps) - 1, MOST_STEPS).round().astype(int)]
    values: list[np.ndarray] = []
    lasts: list[int] = []
    for rows in rows_by_seed(columns).values():
        mine = rows[known[rows]]
        if mine.size:
            values.append(np.interp(steps, step[mine], value[mine], left=np.nan))
            lasts.append(int(step[rows[-1]]))
    return Curve(steps, np.stack(values), min(lasts) < max(lasts))


def is_measured(columns: Columns, name: str) -> bool:
    """Whether a table has a column of this name with at least one finite value."""
    return name in columns and bool(np.isfinite(columns[name]).any())


def limit(axes: Any, shown: Sequence[np.ndarray]) -> None:
    """Limit the y axis to the range of the curves: with few seeds, the intervals may be far wider than the curves."""
    known = np.concatenate([np.ravel(each)[np.isfinite(np.ravel(each))] for each in shown])
    if known.size and np.ptp(known) > 0:
        low, high = float(known.min()), float(known.max())
        air = MARGIN * (high - low)
        axes.set_ylim(low - air, high + air)


def shade(axes: Any, drawn: Curve, color: str) -> None:
    """Shade the confidence interval over seeds; with two seeds, the range between them."""
    seeds = len(drawn.values)
    if seeds > 1:
        low, high = drawn.interval() if seeds >= FEWEST_FOR_INTERVAL else (drawn.values.min(0), drawn.values.max(0))
        axes.fill_between(drawn.steps, low, high, color=color, alpha=0.18, linewidth=0)


def colors(runs: Sequence[Any]) -> list[str]:
    """A colour for each run."""
    return [COLORS[place % len(COLORS)] for place in range(len(runs))]
