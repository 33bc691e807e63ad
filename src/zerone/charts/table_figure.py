"""Figure of Q tables: values and greedy arrows over the grid, and eligibility traces as footprints."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.charts.curves import INK, save
from zerone.charts.fonts import figure_language
from zerone.charts.formats import FIGURE_SUFFIXES
from zerone.charts.table_cells import EACH_ACTION, GREY, Scale, Sheet, paint_trace, paint_values, shown_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zerone.player.tables import Table, Trace

WIDEST, HIGHEST = 9.6, 10.4
"""The maximum size in inches of all grids together."""
LARGEST_CELL, SMALLEST_CELL, NARROWEST = 1.5, 0.05, 4.6
TITLE, BAR, NOTES, AIR = 0.62, 0.62, 0.24, 0.3
"""Inches for the title above a grid, a colour bar, a line of notes, and the margin."""


@dataclasses.dataclass(frozen=True, eq=False)
class Picture:
    """One table with its titles, and the eligibility trace of an episode if the algorithm has one.

    `environment` is the id of the environment; tables of the same environment share a colour scale.
    """

    title: str
    subtitle: str
    environment: str
    table: Table
    trace: Trace | None = None
    trace_subtitle: str = ""


@dataclasses.dataclass(frozen=True)
class Arrangement:
    """A layout: the pictures per row, whether traces are below their tables, and the side of a cell in inches."""

    across: int
    below: bool
    cell: float

    def columns(self, traces: bool) -> int:
        """The number of grids in a row."""
        return self.across * (1 + (traces and not self.below))

    def heights(self, pictures: Sequence[Picture]) -> list[tuple[int, bool]]:
        """For each row of pictures: its height in cells, and whether a row of traces is below it."""
        rows = [pictures[first : first + self.across] for first in range(0, len(pictures), self.across)]
        return [(max(each.table.grid.rows for each in row),
                 self.below and any(each.trace is not None for each in row)) for row in rows]  # fmt: skip


def draw(pictures: Sequence[Picture], path: str | Path) -> None:
    """Draw tables beside each other and write them atomically to a PNG, SVG or PDF file, chosen by the suffix.

    Raises:
        InputError: the suffix is not allowed, or there is no table.
        RunError: the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in FIGURE_SUFFIXES:
        raise InputError(
            translated(
                "figure {path} is not allowed: must end in {listed}", path=path, listed=", ".join(FIGURE_SUFFIXES)
            )
        )
    if not pictures:
        raise InputError(translated("no table to draw: name at least one"))
    import matplotlib as mpl

    with figure_language() as families:
        style: dict[Any, Any] = {"font.size": 11, "text.color": INK, "svg.hashsalt": "zerone", "font.family": families}
        with mpl.rc_context(style):
            save(_figure(pictures), path)


def arrange(pictures: Sequence[Picture]) -> Arrangement:
    """Find the layout with the largest cells; a trace is always beside or below its table."""
    traces = any(each.trace is not None for each in pictures)
    columns = max(each.table.grid.columns for each in pictures)
    found = Arrangement(1, True, 0.0)
    for across in range(1, len(pictures) + 1):
        for below in (False, True):
            tried = Arrangement(across, below, 0.0)
            beside, heights = tried.columns(traces), tried.heights(pictures)
            titles = TITLE * sum(1 + traced for _, traced in heights)
            wide = (WIDEST - AIR * (beside - 1)) / (beside * columns)
            high = (HIGHEST - titles) / sum(rows * (1 + traced) for rows, traced in heights)
            cell = max(SMALLEST_CELL, min(LARGEST_CELL, wide, high))
            if cell > found.cell + 1e-9:
                found = Arrangement(across, below, cell)
    return found


def _figure(pictures: Sequence[Picture]) -> Any:
    from matplotlib.figure import Figure

    chosen, cell = arrange(pictures), arrange(pictures).cell
    traces = any(each.trace is not None for each in pictures)
    scales, notes = _scales(pictures, cell), _notes(pictures, cell)
    columns, beside = max(each.table.grid.columns for each in pictures), chosen.columns(traces)
    heights = [(rows * cell + TITLE, traced) for rows, traced in chosen.heights(pictures)]
    wide = max(beside * columns * cell + AIR * (beside - 1), NARROWEST)
    width = wide + 2 * AIR
    height = sum(high * (1 + traced) for high, traced in heights)
    height += BAR * len(scales) + NOTES * len(notes) + AIR / 2
    figure: Any = Figure(figsize=(width, height), dpi=150)

    def box(left: float, bottom: float, across: float, up: float) -> tuple[float, float, float, float]:
        """Convert inches to fractions of the figure."""
        return (AIR + left) / width, bottom / height, across / width, up / height

    def sheet(column: int, top: float, picture: Picture, title: str, subtitle: str) -> Sheet:
        """Create the axes of one grid and write its titles above."""
        grid, left, top = picture.table.grid, column * (columns * cell + AIR), top - TITLE
        for raised, words, size, weight in ((0.29, title, 13, "bold"), (0.08, subtitle, 10, "normal")):
            figure.text(*box(left, top + raised, 0, 0)[:2], words, fontsize=size, fontweight=weight, va="bottom")
        axes = figure.add_axes(box(left, top - grid.rows * cell, grid.columns * cell, grid.rows * cell))
        return Sheet(axes, grid, cell)

    top = height
    for row, (high, traced) in enumerate(heights):
        for place, each in enumerate(pictures[row * chosen.across : (row + 1) * chosen.across]):
            column = place * (1 + (traces and not chosen.below))
            paint_values(sheet(column, top, each, each.title, each.subtitle), each.table, scales.get(each.environment))
            if each.trace is not None:
                column, lower = (column, top - high) if chosen.below else (column + 1, top)
                steps = sheet(column, lower, each, translated("trace of a greedy episode"), each.trace_subtitle)
                paint_trace(steps, each.table, each.trace)
        top -= high * (1 + traced)
    best = translated("value of the best action, max Q(s, a)")
    what = translated("value of an action, Q(s, a)") if cell >= EACH_ACTION else best
    for place, (environment, scale) in enumerate(reversed(scales.items())):
        axes = figure.add_axes(box(0, NOTES * len(notes) + BAR * place + 0.36, min(wide, 5.0), 0.13))
        _bar(figure, axes, scale, what if len(scales) == 1 else f"{what}, {environment}")
    for place, note in enumerate(reversed(notes)):
        figure.text(*box(0, NOTES * place + 0.1, 0, 0)[:2], note, fontsize=9.5, color=GREY, va="bottom")
    return figure


def _scales(pictures: Sequence[Picture], cell: float) -> dict[str, Scale]:
    """One colour scale for each environment, over all of its tables; none if nothing has been learnt there."""
    found: dict[str, list[np.ndarray]] = {}
    for each in pictures:
        found.setdefault(each.environment, []).append(shown_values(each.table, cell >= EACH_ACTION))
    together = {name: np.concatenate(values) for name, values in found.items()}
    return {name: Scale.of(values) for name, values in together.items() if values.size}


def _bar(figure: Any, axes: Any, scale: Scale, label: str) -> None:
    """Draw the colour bar."""
    bar = figure.colorbar(scale.map, cax=axes, orientation="horizontal")
    axes.set_xlim(scale.low, scale.high)
    bar.outline.set_visible(False)
    axes.tick_params(labelsize=9.5, length=3, color=GREY, pad=2)
    axes.set_title(label, loc="left", fontsize=9.5, pad=3)


def _notes(pictures: Sequence[Picture], cell: float) -> list[str]:
    """The notes below the figure that explain its symbols."""
    arrows = translated("arrow: a greedy action, several where they are equal; blue frame: the start")
    heads = translated("arrowhead: a greedy action, several where they are equal; blue frame: the start")
    notes = [heads if cell >= EACH_ACTION else arrows]
    if any((each.table.grid.acts & ~each.table.learnt).any() for each in pictures):
        notes.append(translated("grey with a dot: no action is known to be better than another"))
    if any(each.trace is not None for each in pictures):
        notes.append(translated("footprints: how much of the next error each step will be taught, E(s, a)"))
    return notes
