"""Learning curves: the returns of runs against environment steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from zerone.base.errors import InputError
from zerone.base.files import replacing
from zerone.base.intervals import CONFIDENCE, FEWEST_FOR_INTERVAL
from zerone.base.language import joined, translatable, translated
from zerone.base.wide import width
from zerone.charts.fonts import figure_language
from zerone.charts.formats import FIGURE_SUFFIXES
from zerone.charts.measured import COLORS as COLORS
from zerone.charts.measured import Columns, NoReturnError, colors, curve, is_measured, limit, shade
from zerone.charts.panels import draw_panel, panels

INK, GRID = "#23262B", "#D9DCE1"
MOST_MARKERS = 40
SOLVED, THRESHOLD = translatable("solved: {level:g}"), translatable("threshold: {level:g}")
"""Labels of the horizontal line at a return."""
FEW = 5
"""With fewer seeds, a note says that intervals are wide."""
NOTE_WIDTH, LONG_NAME, LONGER_NAME = 100, 36, 40
UNDER_AXIS, UNDER_TICKS, UNDER_STEPS = 0.12, 0.38, 0.62
"""Inches from the upper panel down to its legend: below the axis, below the tick labels, or below the axis title."""


@dataclasses.dataclass(frozen=True)
class About:
    """The algorithm and environment of a run, for titles and notes.

    Attributes:
        algorithm: The name of the algorithm.
        environment: The id of the environment.
        shaped: Whether training uses a shaped reward; evaluation always uses the task's own.
        bound: The largest value that any policy can have in any state, if known.
        stochastic: Whether evaluation samples from the policy instead of acting greedily.
    """

    algorithm: str
    environment: str
    shaped: bool = False
    bound: float | None = None
    stochastic: bool = False


def draw(
    runs: Sequence[tuple[str, Columns]],
    path: str | Path,
    solved_at: float | None = None,
    about: Sequence[About] = (),
) -> None:
    """Draw the learning curves of runs and write them atomically to a PNG, SVG or PDF file, chosen by the suffix.

    Args:
        runs: The name and the table of each run, with the columns `seed`, `step`, `return`, `evaluation_return` and
            more: arrays of one length [rows].
        path: The file; an existing one is replaced.
        solved_at: The return that counts as solved.
        about: The algorithm and environment of each run, if known.

    Raises:
        InputError: the suffix is not allowed, there is no run, or a run has no return in its table yet.
        RunError: the file cannot be written.
    """
    path = require_figure(path)
    if not runs:
        raise InputError(translated("no run to draw: name at least one"))
    require_something(runs)
    with styled():
        save(_figure(runs, solved_at, about), path)


def require_figure(path: str | Path) -> Path:
    """Return the path if its suffix is one of `FIGURE_SUFFIXES`; otherwise raise `InputError`."""
    path = Path(path)
    if path.suffix.lower() not in FIGURE_SUFFIXES:
        raise InputError(
            translated(
                "figure {path} is not allowed: must end in {listed}", path=path, listed=", ".join(FIGURE_SUFFIXES)
            )
        )
    return path


def require_something(runs: Sequence[tuple[str, Columns]]) -> None:
    """Raise `NoReturnError` if one of the runs has neither a training nor an evaluation return yet."""
    for name, columns in runs:
        if not (is_measured(columns, "return") or is_measured(columns, "evaluation_return")):
            raise NoReturnError(translated("{name}: nothing to draw yet: no episode has ended", name=name))


@contextmanager
def styled() -> Iterator[None]:
    """Use the style and the fonts of Zerone's figures inside the block."""
    import matplotlib as mpl

    with figure_language() as families, mpl.rc_context({**style(), "font.family": families}):
        yield


def style() -> dict[Any, Any]:
    """Matplotlib settings that all figures share."""
    return {
        "font.size": 12, "axes.edgecolor": INK, "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK,
        "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
        "grid.color": GRID, "grid.linewidth": 0.8, "axes.axisbelow": True, "legend.frameon": False,
        "svg.hashsalt": "zerone", "axes.titlelocation": "left", "axes.titleweight": "bold", "axes.titlesize": 13,
    }  # fmt: skip


def _figure(runs: Sequence[tuple[str, Columns]], solved_at: float | None, about: Sequence[About] = ()) -> Any:
    # `pyplot` would look for a display, and takes half a second longer to import.
    from matplotlib.figure import Figure

    tables = [columns for _, columns in runs]
    lower = panels(tables)
    heights = [4.4, *(panel.height for panel in lower)]
    figure: Any = Figure(figsize=(8.0, sum(heights)), dpi=150, layout="constrained")
    ratios = [4.4 - 0.8 * bool(lower), *heights[1:]]  # then the last panel has the tick labels of the steps
    axes: Any = figure.subplots(
        len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": ratios}
    )[:, 0]  # fmt: skip
    draw_returns(axes[0], runs, solved_at, under=UNDER_AXIS if lower else UNDER_STEPS, about=about)
    bounds = {each.bound for each in about}
    for below, panel in zip(axes[1:], lower, strict=True):
        draw_panel(below, tables, panel, bounds.copy().pop() if len(bounds) == 1 else None)
    several = max(_seed_counts(runs)) > 1
    axes[-1].set_xlabel(translated("environment steps of each seed") if several else translated("environment steps"))
    axes[-1].xaxis.set_major_formatter(thousands)
    axes[-1].set_xlim(left=0)
    axes[0].set_title(title(runs, about))
    remarks = notes(runs, about)
    if remarks:
        figure.supxlabel(remarks, fontsize=9.5, color="#5B616B")
    return figure


def title(runs: Sequence[tuple[str, Columns]], about: Sequence[About]) -> str:
    """The title of a figure: the algorithm and environment of the runs, as far as they are known and shared."""
    if len(runs) == 1:
        return on(about[0].algorithm, about[0].environment) if about else runs[0][0]
    environments = {each.environment for each in about}
    if len(environments) == 1:
        return translated("learning curves on {environment}", environment=environments.pop())
    return translated("learning curves")


def on(algorithm: str, environment: str) -> str:
    """The phrase `dqn on CartPole-v1` in the current language."""
    return translated("{algorithm} on {environment}", algorithm=algorithm, environment=environment)


def draw_returns(
    axes: Any,
    runs: Sequence[tuple[str, Columns]],
    solved_at: float | None,
    level: str = SOLVED,
    under: float = UNDER_TICKS,
    about: Sequence[About] = (),
) -> None:
    """Draw the returns of runs: training in a light line, evaluation in a strong one, and the legend below the axes.

    Args:
        axes: Matplotlib's axes.
        runs: The name and the table of each run.
        solved_at: The return at which to draw a horizontal line.
        level: The label of that line, with a place for `{level}`.
        under: The distance of the legend from the axes in inches.
        about: The algorithm and environment of each run, if known.
    """
    from matplotlib.transforms import ScaledTranslation

    shown: list[np.ndarray] = []
    for color, name, (_, columns) in zip(colors(runs), _names(runs, about), runs, strict=True):
        training, evaluation = curve(columns, "return"), curve(columns, "evaluation_return")
        seeds = max(len(each.values) for each in (training, evaluation) if each is not None)
        of = translated("mean of {seeds} seeds", seeds=seeds) if seeds > 1 else translated("one seed")
        alone = len(runs) == 1
        shown += [] if training is None else [training.mean]
        shown += [] if evaluation is None else [evaluation.values]
        if training is not None:
            shaped = _is_shaped(about)
            light = translated("training, exploring, shaped reward") if shaped else translated("training, exploring")
            label = _over(light, of) if alone else _over(name, of) if evaluation is None else None
            marker = "o" if len(training.steps) == 1 else None  # a line through one point would be invisible
            axes.plot(
                training.steps,
                training.mean,
                color=color,
                alpha=0.38,
                linewidth=1.4,
                marker=marker,
                markersize=4.5,
                label=label,
            )
        if evaluation is not None:
            strong = _evaluation(about) + (translated(", task's reward") if _is_shaped(about) else "")
            label = _over(strong if alone else name, of)
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
            shade(axes, evaluation, color)
    shown += [] if solved_at is None else [np.array([solved_at])]
    limit(axes, shown)
    if solved_at is not None:
        axes.axhline(
            solved_at, color=INK, linestyle=(0, (5, 4)), linewidth=1.3, label=translated(level, level=solved_at)
        )
    axes.set_ylabel(translated("return per episode"))
    handles, labels = axes.get_legend_handles_labels()
    if len(runs) == 1:  # the strong curve first, though it is drawn over the light one
        order = sorted(range(len(labels)), key=lambda place: labels[place].startswith(translated("training")))
        handles, labels = [handles[place] for place in order], [labels[place] for place in order]
    longest = max(map(width, labels))
    crowded = len(runs) > 4 or longest > (LONG_NAME if len(runs) > 1 else LONGER_NAME)
    # Below the axes and their labels, the legend covers nothing.
    below = ScaledTranslation(0.0, -under, axes.figure.dpi_scale_trans)
    axes.legend(handles, labels, loc="upper left", bbox_to_anchor=(0.0, 0.0), bbox_transform=axes.transAxes + below,
                ncols=1 if crowded else 2, fontsize=10.5, borderaxespad=0.2, handlelength=1.8,
                columnspacing=1.4)  # fmt: skip


def _over(what: str, of: str) -> str:
    return translated("{what} ({of})", what=what, of=of)


def _names(runs: Sequence[tuple[str, Columns]], about: Sequence[About]) -> list[str]:
    """The names of runs in a legend: the folder, followed by the algorithm unless the folder's name contains it."""
    if not about:
        return [name for name, _ in runs]
    return [name if each.algorithm in name else f"{name}, {each.algorithm}"
            for (name, _), each in zip(runs, about, strict=True)]  # fmt: skip


def _evaluation(about: Sequence[About]) -> str:
    kinds = {each.stochastic for each in about} or {False}
    if len(kinds) > 1:
        return translated("evaluation")
    return translated("evaluation, stochastic") if kinds == {True} else translated("evaluation, greedy")


def _is_shaped(about: Sequence[About]) -> bool:
    return any(each.shaped for each in about)


def notes(runs: Sequence[tuple[str, Columns]], about: Sequence[About] = ()) -> str:
    """The notes below the figure that explain its lines and shading."""
    said: list[str] = []
    if len(runs) > 1 and _is_shaped(about):
        said += [
            translated("strong: {evaluation}, on the task's own reward", evaluation=_evaluation(about)),
            translated("light: training, exploring, on what is learnt from"),
        ]
    elif len(runs) > 1:
        said.append(translated("strong: {evaluation}; light: training, exploring", evaluation=_evaluation(about)))
    counts = _seed_counts(runs)
    if 1 < min((each for each in counts if each > 1), default=0) < FEWEST_FOR_INTERVAL:
        said.append(translated("shaded for 2 seeds: from one to the other"))
    if max(counts) >= FEWEST_FOR_INTERVAL:
        few = min(each for each in counts if each >= FEWEST_FOR_INTERVAL) < FEW
        shaded = translated("shaded: {confidence:.0%} interval of the mean over seeds", confidence=CONFIDENCE)
        said.append(shaded + (translated(", wide with few of them") if few else ""))
    drawn = [curve(columns, name) for _, columns in runs for name in ("return", "evaluation_return")]
    if any(each.ended_early for each in drawn if each is not None):
        said.append(translated("a seed that has ended keeps its last value"))
    lines: list[str] = []
    for note in said:  # a line is broken between notes only
        if lines and width(lines[-1]) + width(note) < NOTE_WIDTH:
            lines[-1] = joined([lines[-1], note])
        else:
            lines.append(note)
    return "\n".join(lines)


def _seed_counts(runs: Sequence[tuple[str, Columns]]) -> list[int]:
    return [len(np.unique(columns["seed"])) for _, columns in runs]


def thousands(value: float, place: int | None = None) -> str:
    """A short tick label such as `10k` or `2.5M`. `place` is the tick's index, which Matplotlib passes."""
    del place
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:g}{letter}"
    return f"{value:g}"


def save(figure: Any, path: Path) -> None:
    """Write a figure atomically, in the format of the file's suffix. Raises `RunError` if that fails."""
    kind = path.suffix.lower().lstrip(".")
    # Without a date, equal figures give equal files.
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with replacing(path) as file:
        figure.savefig(file, format=kind, metadata=metadata)
