"""Figures of experiments, legible at half their width: title, means and intervals over seeds, number of seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zerone.base.intervals import interval, mean_bounds
from zerone.base.language import translated
from zerone.base.statistics import Statistic, mean
from zerone.base.wide import wrapped
from zerone.charts.curves import COLORS, INK, save, styled, thousands

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from zerone.experiments.protocol import Results
    from zerone.experiments.verdict import Verdict

WIDTH, PANEL, DPI = 6.4, 3.5, 130
MARKERS = "osD^vP*X"
CROWDED = 10_000
"""From this number on, tick labels are written as 10k, so that they do not overlap at half width."""


class Sheet:
    """The drawing surface of an experiment: `axes`, one for each panel, and functions that draw samples over seeds."""

    def __init__(self, axes: Sequence[Any]) -> None:
        self.axes = list(axes)

    def curve(
        self, x: Any, values: np.ndarray, label: str, place: int, panel: int = 0, marked: bool = False,
        statistic: Statistic = mean,
    ) -> None:  # fmt: skip
        """Draw the mean (or another statistic) of curves [seeds, points] over `x` [points], with its interval shaded.

        `label` is translated. `place` selects the colour, and the marker if the points are `marked`.
        """
        color = COLORS[place % len(COLORS)]
        low, high = intervals(values, statistic)
        marker = MARKERS[place % len(MARKERS)] if marked else None
        middle = statistic(values.T)
        self.axes[panel].plot(x, middle, color=color, label=translated(label), linewidth=2, marker=marker, markersize=5)
        self.axes[panel].fill_between(x, low, high, color=color, alpha=0.2, linewidth=0)
        if np.max(x) >= CROWDED:
            self.axes[panel].xaxis.set_major_formatter(thousands)

    def points(self, labels: Sequence[str], samples: Sequence[np.ndarray], panel: int = 0) -> None:
        """Draw a row per label (translated): each seed as a small dot, the mean as a large one, and its interval."""
        axes = self.axes[panel]
        for row, sample in enumerate(samples):
            color = COLORS[row % len(COLORS)]
            bounds = interval(sample)
            spread = np.linspace(-0.22, 0.22, len(sample)) if len(sample) > 1 else np.zeros(1)
            axes.plot(sample, row + spread, ".", color=color, alpha=0.45, markersize=6)
            if bounds is not None:
                axes.plot(bounds, [row, row], color=color, linewidth=4, solid_capstyle="butt")
            axes.plot([sample.mean()], [row], MARKERS[row % len(MARKERS)], color=color, markersize=9,
                      markeredgecolor="white")  # fmt: skip
        axes.set_yticks(range(len(labels)), [translated(each) for each in labels])
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")

    def line(self, level: float, label: str, panel: int = 0, vertical: bool = False) -> None:
        """Draw a dashed line at a reference value."""
        draw = self.axes[panel].axvline if vertical else self.axes[panel].axhline
        draw(level, color=INK, linestyle=(0, (5, 4)), linewidth=1.3, label=label)

    def label(self, x: str, y: str, panel: int = 0, legend: bool = True, **more: Any) -> None:
        """Label the axes and add a legend; `more` are Matplotlib's arguments for the legend."""
        self.axes[panel].set_xlabel(x)
        self.axes[panel].set_ylabel(y)
        if legend:
            self.axes[panel].legend(**{"fontsize": 10, "handlelength": 1.6, **more})


def intervals(values: np.ndarray, statistic: Statistic = mean) -> tuple[np.ndarray, np.ndarray]:
    """The intervals of a statistic of curves [seeds, points]: two arrays [points], with NaN where there is none."""
    if statistic is mean:
        return mean_bounds(values.T)
    bounds = [interval(point, statistic=statistic) or (np.nan, np.nan) for point in values.T]
    low, high = np.asarray(bounds).T
    return low, high


def write(verdict: Verdict, results: Results, path: Path) -> None:
    """Draw an experiment's figure and write it atomically to `path` (a PNG), and as SVG beside it."""
    from matplotlib.figure import Figure

    experiment = verdict.experiment
    with styled():
        drawn: Any = Figure(figsize=(WIDTH, PANEL * experiment.panels + 0.6), dpi=DPI, layout="constrained")
        sheet = Sheet(drawn.subplots(experiment.panels, 1, squeeze=False)[:, 0])
        experiment.draw(sheet, results)
        drawn.suptitle("\n".join(wrapped(experiment.title.here, 56)), x=0.01, ha="left", weight="bold", fontsize=13)
        below = translated("{seeds} seeds; shaded or barred: 95% interval over seeds", seeds=results.seeds)
        if verdict.quick:
            below = translated("only a look: {below}", below=below)
        drawn.supxlabel(below, fontsize=9.5, color="#5B616B")
        save(drawn, path)
        save(drawn, path.with_suffix(".svg"))
