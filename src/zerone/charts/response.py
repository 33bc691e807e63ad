"""Response figure of a sweep: the return against the values of the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from zerone.base.language import translated
from zerone.charts.curves import COLORS, INK, require_figure, save, styled

MOST_LINES = len(COLORS)
LOGARITHMIC_FROM = 10
"""The ratio of the largest to the smallest value from which on an axis is logarithmic."""


class Point(Protocol):
    """One combination of settings, with its returns."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """The value of each setting, by name."""
        ...

    @property
    def values(self) -> np.ndarray:
        """The return of each seed, [seeds]."""
        ...

    @property
    def mean(self) -> float:
        """The mean over seeds."""
        ...

    @property
    def interval(self) -> tuple[float, float] | None:
        """The confidence interval of the mean, if there is one."""
        ...


def draw(
    names: Sequence[str], points: Sequence[Point], best: Point, path: str | Path, *, title: str, measure: str
) -> None:
    """Draw the response to settings and write it atomically to a PNG, SVG or PDF file, chosen by the suffix.

    A single setting gives one curve. A grid of two settings gives one curve for each value of the setting with fewer
    values. More settings, or points that form no grid, give one panel per setting with all the points.

    Raises:
        InputError: the suffix is not allowed.
        RunError: the file cannot be written.
    """
    path = require_figure(path)
    with styled():
        save(_figure(names, points, best, title, measure), path)


def _figure(names: Sequence[str], points: Sequence[Point], best: Point, title: str, measure: str) -> Any:
    from matplotlib.figure import Figure

    lines = _lines(names, points)
    shown = [names[0]] if lines is None and len(names) == 1 else list(names) if lines is None else [lines[0]]
    figure: Any = Figure(figsize=(8.0, 1.2 + 3.8 * len(shown)), dpi=150, layout="constrained")
    panels: Any = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for axes, name in zip(panels, shown, strict=True):
        if lines is None:
            _draw_line(axes, points, name, COLORS[0], None, joined=len(names) == 1)
        else:
            for color, (label, of) in zip(COLORS, lines[1].items(), strict=False):
                _draw_line(axes, of, name, color, label, joined=True)
        place = _places([best], name, points)
        what = ", ".join(f"{key} = {_short(value)}" for key, value in best.settings.items())
        axes.plot(place, [best.mean], marker="*", markersize=17, color=INK, linestyle="none", zorder=5,
                  label=translated("best: {what}", what=what))  # fmt: skip
        _label(axes, name, points)
        axes.set_ylabel(translated("return"))
        axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.16), ncols=2, fontsize=10.5)
    panels[0].set_title(title)
    bars = translated("mean of {seeds} seeds and its 95% interval; dots: single seeds", seeds=len(best.values))
    what = translated("return: {measure}", measure=translated(measure))
    figure.supxlabel(f"{what}\n{bars}", fontsize=9.5, color="#5B616B")
    return figure


def _lines(names: Sequence[str], points: Sequence[Point]) -> tuple[str, dict[str, list[Point]]] | None:
    """For a grid of two settings: the one on the x axis, and the points for each value of the other; else None."""
    if len(names) != 2:
        return None
    counts = {name: len({_hashable(point.settings[name]) for point in points}) for name in names}
    if len(points) != counts[names[0]] * counts[names[1]] or min(counts.values()) > MOST_LINES:
        return None
    along, other = sorted(names, key=lambda name: -counts[name])
    found: dict[str, list[Point]] = {}
    for point in points:
        found.setdefault(f"{other} = {_short(point.settings[other])}", []).append(point)
    return along, found


def _draw_line(axes: Any, points: Sequence[Point], name: str, color: str, label: str | None, joined: bool) -> None:
    at = np.array(_places(points, name, points))
    order = np.argsort(at, kind="stable")
    means = np.array([point.mean for point in points])
    lost = ~np.isfinite(means)
    means[lost] = np.nan  # a gap in the line
    bounds = np.array([point.interval or (np.nan, np.nan) for point in points])
    axes.plot(at[order], means[order], color=color, linewidth=2.2, marker="o", label=label,
              linestyle="-" if joined else "none")  # fmt: skip
    axes.vlines(at, bounds[:, 0], bounds[:, 1], color=color, linewidth=4.5, alpha=0.35)
    if lost.any():
        axes.plot(at[lost], np.full(lost.sum(), 0.03), color=color, marker="x", markersize=9, linestyle="none",
                  transform=axes.get_xaxis_transform(), label=translated("learning diverged"))  # fmt: skip
    for place, point in zip(at[~lost], (point for point in points if np.isfinite(point.mean)), strict=True):
        axes.plot(np.full(len(point.values), place), point.values, color=color, marker=".", markersize=4,
                  alpha=0.5, linestyle="none")  # fmt: skip


def _values_of(name: str, points: Sequence[Point]) -> list[Any]:
    """The distinct values of a setting, in the order in which they first occur."""
    return list(dict.fromkeys(_hashable(point.settings[name]) for point in points))


def _is_number(name: str, points: Sequence[Point]) -> bool:
    return all(type(value) in (int, float) for value in _values_of(name, points))


def _places(shown: Sequence[Point], name: str, points: Sequence[Point]) -> list[float]:
    """Positions on the x axis: the values themselves if they are numbers, else their order."""
    values = [_hashable(point.settings[name]) for point in shown]
    if _is_number(name, points):
        return [float(value) for value in values]
    known = _values_of(name, points)
    return [float(known.index(value)) for value in values]


def _label(axes: Any, name: str, points: Sequence[Point]) -> None:
    axes.set_xlabel(name)
    values = _values_of(name, points)
    if not _is_number(name, points):
        axes.set_xticks(range(len(values)), [_short(value) for value in values])
    elif min(values) > 0 and max(values) >= LOGARITHMIC_FROM * min(values):
        axes.set_xscale("log")


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _short(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return "-".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
