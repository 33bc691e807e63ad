"""Learning curves: what runs returned, against the steps they took."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from zerone.base.errors import InputError
from zerone.base.files import replacing
from zerone.base.intervals import CONFIDENCE, FEWEST_FOR_INTERVAL, mean_bounds
from zerone.show.formats import FIGURE_SUFFIXES

Columns = Mapping[str, np.ndarray]

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#B8A800")
"""Okabe and Ito's, told apart by people who see red and green alike (the yellow is darkened for a white page)."""
COSTS = ("cost", "value_loss", "critic_loss", "critic_cost", "td_error")
"""What the second panel shows: the first of these that is measured, else whatever is called a cost, loss or error."""
VALUES = {"q": "Q of the\nchosen action"}
"""What the third panel shows, where it is measured: values that the agent believes in, and what they are called."""
INK, GRID = "#23262B", "#D9DCE1"
MOST_MARKERS = 40
NOTE_WIDTH, LONG_NAME = 100, 36
UNDER_TICKS, UNDER_STEPS = 0.12, 0.62
"""Inches between the upper panel and its legend: below its ticks alone, or below what is written there, too."""


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
    values of a seed (no episode ended there) it goes straight.
    """
    if name not in columns:
        return None
    seed, step, value = columns["seed"], columns["step"], columns[name]
    known = np.isfinite(value)
    if not known.any():
        return None
    steps = np.unique(step[known])
    seeds = np.unique(seed[known])
    values = np.empty((len(seeds), len(steps)))
    lasts: list[int] = []
    for row, each in enumerate(seeds):
        mine = known & (seed == each)
        order = np.argsort(step[mine], kind="stable")
        values[row] = np.interp(steps, step[mine][order], value[mine][order], left=np.nan)
        lasts.append(int(step[seed == each].max()))
    return Curve(steps, values, min(lasts) < max(lasts))


def draw(runs: Sequence[tuple[str, Columns]], path: str | Path, solved_at: float | None = None) -> None:
    """Draw the learning curves of runs into one file, a PNG, SVG or PDF by its suffix, all or nothing.

    Args:
        runs: The name of each run, and its table: columns `seed`, `step`, `return`, `evaluation_return` and more.
        path: Where to. An earlier file goes.
        solved_at: The return that counts as solved.

    Raises:
        InputError: another suffix, no run, or runs in which nothing was measured yet.
        RunError: the file cannot be written.
    """
    path = require_figure(path)
    if not runs:
        raise InputError("no run to draw: name at least one")
    require_something(runs)
    with styled():
        save(_figure(runs, solved_at), path)


def require_figure(path: str | Path) -> Path:
    """The path, if it is of a kind that can be drawn; else raises `InputError`."""
    path = Path(path)
    if path.suffix.lower() not in FIGURE_SUFFIXES:
        raise InputError(f"figure {path} is not allowed: must end in {', '.join(FIGURE_SUFFIXES)}")
    return path


def require_something(runs: Sequence[tuple[str, Columns]]) -> None:
    """Raise `InputError` if in one of the runs nothing was measured yet."""
    for name, columns in runs:
        if curve(columns, "return") is None and curve(columns, "evaluation_return") is None:
            raise InputError(f"{name}: nothing to draw yet: no episode has ended")


def styled() -> AbstractContextManager[None]:
    """The look of every figure, while it lasts."""
    import matplotlib as mpl

    return mpl.rc_context(style())


def style() -> dict[Any, Any]:
    """What all figures have in common, as Matplotlib's settings."""
    return {
        "font.size": 12, "axes.edgecolor": INK, "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK,
        "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
        "grid.color": GRID, "grid.linewidth": 0.8, "axes.axisbelow": True, "legend.frameon": False,
        "svg.hashsalt": "zerone", "axes.titlelocation": "left", "axes.titleweight": "bold", "axes.titlesize": 13,
    }  # fmt: skip


def _figure(runs: Sequence[tuple[str, Columns]], solved_at: float | None) -> Any:
    # `pyplot` would look for a screen and take half a second longer to import.
    from matplotlib.figure import Figure

    lower = [names for names in ([find(columns) for _, columns in runs] for find in (_cost, _value)) if any(names)]
    panels = 1 + len(lower)
    height = 4.4 + (2.4, 4.0)[len(lower) - 1] if lower else 4.4
    figure: Any = Figure(figsize=(8.0, height), dpi=150, layout="constrained")
    ratios = [2.4, 1.0, 1.0][:panels]
    axes: Any = figure.subplots(panels, 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": ratios})[:, 0]
    draw_returns(axes[0], runs, solved_at, under=UNDER_STEPS if panels == 1 else UNDER_TICKS)
    for below, names in zip(axes[1:], lower, strict=True):
        _draw_measures(below, runs, names)
    axes[-1].set_xlabel("environment steps" + (" of each seed" if max(_seed_counts(runs)) > 1 else ""))
    axes[-1].xaxis.set_major_formatter(thousands)
    axes[-1].set_xlim(left=0)
    axes[0].set_title(runs[0][0] if len(runs) == 1 else "learning curves")
    remarks = notes(runs)
    if remarks:
        figure.supxlabel(remarks, fontsize=9.5, color="#5B616B")
    return figure


def draw_returns(
    axes: Any,
    runs: Sequence[tuple[str, Columns]],
    solved_at: float | None,
    level: str = "solved",
    under: float = UNDER_TICKS,
) -> None:
    """The upper panel: training light, evaluation strong, a line at a level; so many inches `under` it the legend."""
    from matplotlib.transforms import ScaledTranslation

    for color, (name, columns) in zip(colors(runs), runs, strict=True):
        training, evaluation = curve(columns, "return"), curve(columns, "evaluation_return")
        seeds = max(len(each.values) for each in (training, evaluation) if each is not None)
        of = f"mean of {seeds} seeds" if seeds > 1 else "one seed"
        alone = len(runs) == 1
        if training is not None:
            label = f"training, exploring ({of})" if alone else f"{name} ({of})" if evaluation is None else None
            marker = "o" if len(training.steps) == 1 else None  # one point is no line, and would not be seen
            axes.plot(training.steps, training.mean, color=color, alpha=0.38, linewidth=1.4, marker=marker,
                      markersize=4.5, label=label)  # fmt: skip
        if evaluation is not None:
            label = f"evaluation, greedy ({of})" if alone else f"{name} ({of})"
            marker = "o" if len(evaluation.steps) <= MOST_MARKERS else None
            axes.plot(
                evaluation.steps,
                evaluation.mean,
                color=color,
                linewidth=2.4,
                marker=marker,
                markersize=4.5,
                label=label,
            )
            _shade(axes, evaluation, color)
    if solved_at is not None:
        axes.axhline(solved_at, color=INK, linestyle=(0, (5, 4)), linewidth=1.3, label=f"{level}: {solved_at:g}")
    axes.set_ylabel("return per episode")
    handles, labels = axes.get_legend_handles_labels()
    if len(runs) == 1:  # the strong curve first, though it is drawn over the light one
        order = sorted(range(len(labels)), key=lambda place: labels[place].startswith("training"))
        handles, labels = [handles[place] for place in order], [labels[place] for place in order]
    crowded = len(runs) > 4 or (len(runs) > 1 and max(map(len, labels)) > LONG_NAME)
    # Below the axes nothing can be covered, wherever the curves go; nor what is written there, where it is the lowest.
    below = ScaledTranslation(0.0, -under, axes.figure.dpi_scale_trans)
    axes.legend(handles, labels, loc="upper left", bbox_to_anchor=(0.0, 0.0), bbox_transform=axes.transAxes + below,
                ncols=1 if crowded else 2, fontsize=10.5, borderaxespad=0.2, handlelength=1.8,
                columnspacing=1.4)  # fmt: skip


def _shade(axes: Any, drawn: Curve, color: str) -> None:
    """The spread over seeds: an interval where there are enough of them, else from one seed to the other."""
    seeds = len(drawn.values)
    if seeds > 1:
        low, high = drawn.interval() if seeds >= FEWEST_FOR_INTERVAL else (drawn.values.min(0), drawn.values.max(0))
        axes.fill_between(drawn.steps, low, high, color=color, alpha=0.18, linewidth=0)


def _draw_measures(axes: Any, runs: Sequence[tuple[str, Columns]], names: Sequence[str | None]) -> None:
    """A lower panel: of each run the measure of that name, where it has one."""
    highest, lowest = 0.0, np.inf
    for color, (_, columns), name in zip(colors(runs), runs, names, strict=True):
        drawn = None if name is None else curve(columns, name)
        if drawn is None:
            continue
        mean = drawn.mean
        axes.plot(drawn.steps, mean, color=color, linewidth=1.6)
        _shade(axes, drawn, color)
        highest, lowest = max(highest, float(mean.max())), min(lowest, float(mean.min()))
    if lowest > 0 and highest > 100 * lowest:
        axes.set_yscale("log")
    axes.set_ylabel(",\n".join(dict.fromkeys(_plain(name) for name in names if name is not None)))


def _value(columns: Columns) -> str | None:
    return next((name for name in VALUES if curve(columns, name) is not None), None)


def _cost(columns: Columns) -> str | None:
    found = [name for name in columns if any(word in name for word in ("cost", "loss", "error"))]
    ordered = [name for name in COSTS if name in found] + found
    return next((name for name in ordered if curve(columns, name) is not None), None)


def notes(runs: Sequence[tuple[str, Columns]]) -> str:
    """What the reader must know to read the picture right."""
    said: list[str] = []
    if len(runs) > 1:
        said.append("strong: evaluation, greedy; light: training, exploring")
    counts = _seed_counts(runs)
    if 1 < min((each for each in counts if each > 1), default=0) < FEWEST_FOR_INTERVAL:
        said.append("shaded for 2 seeds: from one to the other")
    if max(counts) >= FEWEST_FOR_INTERVAL:
        said.append(f"shaded: {CONFIDENCE:.0%} interval of the mean over seeds")
    drawn = [curve(columns, name) for _, columns in runs for name in ("return", "evaluation_return")]
    if any(each.ended_early for each in drawn if each is not None):
        said.append("a seed that has ended keeps its last value")
    lines: list[str] = []
    for note in said:  # a note is never broken
        if lines and len(lines[-1]) + len(note) < NOTE_WIDTH:
            lines[-1] += "; " + note
        else:
            lines.append(note)
    return "\n".join(lines)


def _seed_counts(runs: Sequence[tuple[str, Columns]]) -> list[int]:
    return [len(np.unique(columns["seed"])) for _, columns in runs]


def colors(runs: Sequence[Any]) -> list[str]:
    """A colour for each run."""
    return [COLORS[place % len(COLORS)] for place in range(len(runs))]


def _plain(name: str) -> str:
    return VALUES.get(name) or name.replace("td_error", "size of TD error").replace("_", " ")


def thousands(value: float, place: int | None = None) -> str:
    """10k, 2.5M: what stays legible when the figure is small."""
    del place
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:g}{letter}"
    return f"{value:g}"


def save(figure: Any, path: Path) -> None:
    """Write a figure to a file of the kind that its suffix says, all or nothing. Raises `RunError` if it cannot."""
    kind = path.suffix.lower().lstrip(".")
    # Without a date equal curves give equal files.
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with replacing(path) as file:
        figure.savefig(file, format=kind, metadata=metadata)
