"""`zerone compare`: which of several runs is better, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from zerone.cli.options import Finite, Place, debug_option, json_option, require_file_place
from zerone.cli.options import as_json as print_json
from zerone.show.formats import FIGURE_SUFFIXES

if TYPE_CHECKING:
    from pathlib import Path

    from zerone.runs.comparing import Comparison


@click.command()
@click.argument("runs", nargs=-1, required=True, type=Place("RUN"), metavar="RUN RUN...")
@click.option("--threshold", type=Finite(), metavar="RETURN", help="Mean return to be reached. Default: what the runs "
              "count as solved.")  # fmt: skip
@click.option("--out", type=Place("FILE"), help="Draw it, too: a .png, .svg or .pdf.")
@json_option
@debug_option
def compare(runs: tuple[Path, ...], threshold: float | None, out: Path | None, as_json: bool) -> None:
    """Compare finished RUNs in one environment, each of at least three seeds: statistics with 95% intervals."""
    if out is not None:
        require_file_place("--out", out, FIGURE_SUFFIXES)
    from zerone.runs.comparing import compare

    found = compare(runs, threshold)
    if out is not None:
        found.plot(out)
    if as_json:
        print_json({**found.facts(), "figure": None if out is None else str(out)})
        return
    _print(found)
    if out is not None:
        click.echo(f"\n{out}")


def _print(found: Comparison) -> None:
    """Two tables and what their words mean."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    level = None if found.threshold is None else f"{found.threshold:g}"
    scores = Table("run", "seeds", "mean return", "interquartile mean", title=found.environment, title_justify="left",
                   box=box.SIMPLE_HEAD)  # fmt: skip
    for column in ("reached", "steps to", "seconds to") if level else ():
        scores.add_column(f"{column} {level}")
    for run in found.runs:
        cells = [run.name, str(len(run.seeds)), _bounded(run.mean, run.mean_interval),
                 _bounded(run.iqm, run.iqm_interval)]  # fmt: skip
        if run.reached is not None:
            seconds = run.reached.seconds_median
            cells += [f"{run.reached.seeds} / {len(run.seeds)}",
                      _bounded(run.reached.steps_median, run.reached.steps_interval),
                      "unknown" if seconds is None else _number(seconds)]  # fmt: skip
        scores.add_row(*cells)
    pairs = Table("", "probability of improvement", "difference", box=box.SIMPLE_HEAD)
    for pair in found.pairs:
        pairs.add_row(f"{pair.better} > {pair.worse}", _bounded(pair.probability, pair.interval),
                      _bounded(pair.difference, pair.difference_interval))  # fmt: skip
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 200  # in a file no column need be broken
    console.print(scores, pairs)
    console.print("In brackets: 95% intervals over seeds and episodes. Steps and seconds: medians over seeds.")
    for note in found.notes():
        console.print(f"Note: {note}.")


def _bounded(value: float, bounds: tuple[float, float] | None) -> str:
    """A number and its bounds; a dash where it has none."""
    if bounds is None:
        return f"{_number(value)} [-]"
    return f"{_number(value)} [{_number(bounds[0])}, {_number(bounds[1])}]"


def _number(value: Any) -> str:
    """A number as short as it can be read."""
    if value == float("inf"):
        return "never"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"
