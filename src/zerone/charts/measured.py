"""What was measured of a run, as curves over its seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zerone.base.by_seed import rows_by_seed
from zerone.base.intervals import FEWEST_FOR_INTERVAL, mean_bounds

Columns = Mapping[str, np.ndarray]
MOST_STEPS = 4_000
MARGIN = 0.05
"""Above and below what an axis shows, as a part of it."""

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#B8A800")
"""Okabe and Ito's, told apart by people who see red and green alike (the yellow is darkened for a white page)."""


@dataclasses.dataclass(frozen=True)
class Curve:
    """One measure of one run over seeds: [steps], [seeds, steps]; and whether seeds ended before the last step."""

    steps: np.ndarray
    values: np.ndarray
    ended_early: bool

    @property
    def mean(self) -> np.ndarray:
        """The mean over the seeds that have a value."""
        known = np.isfinite(self.values)
        return np.asarray(np.where(known, self.values, 0.0).sum(0) / np.maximum(known.sum(0), 1))

    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of the mean over seeds at each step; NaN where there are none to give."""
        return mean_bounds(self.values.T)


def curve(columns: Columns, name: str) -> Curve | None:
    """The curve of one column of a run's table; None where nothing was measured.

    A seed that has ended keeps its last value, or the mean would be that of the slow ones only. Between two
    values of a seed (no episode ended there) it goes straight. Of more than `MOST_STEPS` steps so many are taken, at
    equal distances: that is more than a figure has pixels.
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
    """Whether a table has a column of this name, and a number in it."""
    return name in columns and bool(np.isfinite(columns[name]).any())


def limit(axes: Any, shown: Sequence[np.ndarray]) -> None:
    """Let an axis go from the least to the greatest of what is shown: of few seeds an interval may be far wider."""
    known = np.concatenate([np.ravel(each)[np.isfinite(np.ravel(each))] for each in shown])
    if known.size and np.ptp(known) > 0:
        low, high = float(known.min()), float(known.max())
        air = MARGIN * (high - low)
        axes.set_ylim(low - air, high + air)


def shade(axes: Any, drawn: Curve, color: str) -> None:
    """The spread over seeds: an interval where there are enough of them, else from one seed to the other."""
    seeds = len(drawn.values)
    if seeds > 1:
        low, high = drawn.interval() if seeds >= FEWEST_FOR_INTERVAL else (drawn.values.min(0), drawn.values.max(0))
        axes.fill_between(drawn.steps, low, high, color=color, alpha=0.18, linewidth=0)


def colors(runs: Sequence[Any]) -> list[str]:
    """A colour for each run."""
    return [COLORS[place % len(COLORS)] for place in range(len(runs))]
