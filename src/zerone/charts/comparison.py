"""Figure of several runs: learning curves, scores with intervals, and the probability that one run beats another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from zerone.base.language import translated
from zerone.charts.curves import (
    INK,
    THRESHOLD,
    About,
    draw_returns,
    notes,
    require_figure,
    require_something,
    save,
    styled,
    thousands,
    title,
)
from zerone.charts.measured import Columns, colors

Bounds = tuple[float, float]


class Score(Protocol):
    """The scores of one run, as the figure shows them."""

    @property
    def name(self) -> str:
        """The name of the run."""
        ...

    @property
    def mean(self) -> float:
        """The mean over seeds."""
        ...

    @property
    def mean_interval(self) -> Bounds | None:
        """The confidence interval of the mean, if there is one."""
        ...

    @property
    def iqm(self) -> float:
        """The interquartile mean over seeds."""
        ...

    @property
    def iqm_interval(self) -> Bounds | None:
        """The confidence interval of the interquartile mean, if there is one."""
        ...


class Duel(Protocol):
    """The probability of improvement of one run over another."""

    @property
    def better(self) -> str:
        """The name of the run that may be better."""
        ...

    @property
    def worse(self) -> str:
        """The name of the other run."""
        ...

    @property
    def probability(self) -> float:
        """The probability that a seed of `better` scores higher than a seed of `worse`."""
        ...

    @property
    def interval(self) -> Bounds | None:
        """The confidence interval of the probability, if there is one."""
        ...


def draw(
    runs: Sequence[tuple[str, Columns]], scores: Sequence[Score], pairs: Sequence[Duel], path: str | Path,
    threshold: float | None = None, about: Sequence[About] = (),
) -> None:  # fmt: skip
    """Draw a comparison of runs and write it atomically to a PNG, SVG or PDF file, chosen by the suffix.

    Args:
        runs: The name and the table of metrics of each run.
        scores: The scores of each run, in the same order.
        pairs: The comparisons to show.
        path: The file; an existing one is replaced.
        threshold: The return at which to draw a horizontal line.
        about: The algorithm and environment of each run, if known.

    Raises:
        InputError: the suffix is not allowed, or a run has no return in its table yet.
        RunError: the file cannot be written.
    """
    path = require_figure(path)
    require_something(runs)
    with styled():
        save(_figure(runs, scores, pairs, threshold, about), path)


def _figure(
    runs: Sequence[tuple[str, Columns]], scores: Sequence[Score], pairs: Sequence[Duel], threshold: float | None,
    about: Sequence[About] = (),
) -> Any:  # fmt: skip
    from matplotlib.figure import Figure

    heights = 4.6 + 0.3 * len(runs), 0.9 + 0.62 * len(scores), 0.9 + 0.5 * len(pairs)
    figure: Any = Figure(figsize=(8.0, sum(heights)), dpi=150, layout="constrained")
    axes: Any = figure.subplots(3, 1, gridspec_kw={"height_ratios": heights})
    draw_returns(axes[0], runs, threshold, THRESHOLD, about=about)
    axes[0].xaxis.set_major_formatter(thousands)
    axes[0].set_xlim(left=0)
    axes[0].set_title(translated("{title}: return against environment steps", title=title(runs, about)))
    axes[0].set_ylabel("")
    _draw_scores(axes[1], scores)
    _draw_pairs(axes[2], pairs)
    figure.supxlabel(notes(runs, about), fontsize=9.5, color="#5B616B")
    return figure


def _draw_scores(axes: Any, scores: Sequence[Score]) -> None:
    """Draw mean (circle) and interquartile mean (square) of each run, with intervals."""
    for place, (color, score) in enumerate(zip(colors(scores), scores, strict=True)):
        _draw_point(axes, score.mean, score.mean_interval, place, color, "o")
        _draw_point(axes, score.iqm, score.iqm_interval, place + 0.26, color, "s")
    _name_rows(axes, [score.name for score in scores])
    axes.set_title(translated("return of the best policy of each seed: ● mean, ■ interquartile mean"))


def _draw_pairs(axes: Any, pairs: Sequence[Duel]) -> None:
    """Draw the probability of improvement of each pair; at 0.5 neither run is better."""
    for place, pair in enumerate(pairs):
        _draw_point(axes, pair.probability, pair.interval, place, INK, "D")
    axes.axvline(0.5, color=INK, linestyle=(0, (5, 4)), linewidth=1.3)
    _name_rows(axes, [f"{pair.better} > {pair.worse}" for pair in pairs])
    axes.set_xlim(-0.02, 1.02)
    axes.set_title(translated("probability that a seed of the one beats a seed of the other"))


def _name_rows(axes: Any, names: Sequence[str]) -> None:
    """Write each row's name above its points; beside the axes, a long name would narrow them."""
    for place, name in enumerate(names):
        axes.text(0.005, place - 0.2, name, transform=axes.get_yaxis_transform(), fontsize=10, va="bottom",
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.8})  # fmt: skip
    axes.set_yticks([])
    axes.set_ylim(len(names) - 0.4, -0.75)


def _draw_point(axes: Any, value: float, bounds: Bounds | None, height: float, color: str, marker: str) -> None:
    if bounds is not None:
        axes.plot(bounds, [height, height], color=color, linewidth=4.5, alpha=0.35, solid_capstyle="butt")
    axes.plot([value], [height], color=color, marker=marker, markersize=7, linestyle="none")
