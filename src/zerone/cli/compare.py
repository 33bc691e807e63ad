"""`zerone compare`: which of several runs is better, and how certain that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zerone.base.language import translated
from zerone.charts.formats import FIGURE_SUFFIXES
from zerone.cli.options import Finite, Place, debug_option, json_option, require_file_place
from zerone.cli.options import as_json as print_json

if TYPE_CHECKING:
    from pathlib import Path

    from zerone.studies.compare import Comparison


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
    from zerone.studies.compare import compare

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
    """Print two tables and an explanation of their columns."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    heads = translated("run"), translated("seeds"), translated("mean return"), translated("interquartile mean")
    scores = Table(*heads, title=found.environment, title_justify="left", box=box.SIMPLE_HEAD)
    for run in found.runs:
        scores.add_row(run.name, str(len(run.seeds)), _bounded(run.mean, run.mean_interval),
                       _bounded(run.iqm, run.iqm_interval))  # fmt: skip
    reached = translated("reached {threshold:g}", threshold=found.threshold or 0)
    times = Table(heads[0], reached, translated("after steps"), translated("seconds"), box=box.SIMPLE_HEAD)
    for run in found.runs:
        if run.reached is not None:
            seconds = run.reached.seconds_median
            times.add_row(run.name, translated("{some} of {all}", some=run.reached.seeds, all=len(run.seeds)),
                          steps_text(run.reached.steps_median, run.reached.steps_interval),
                          translated("unknown") if seconds is None else _number(seconds))  # fmt: skip
    pairs = Table("", translated("probability of improvement"), translated("difference"), box=box.SIMPLE_HEAD)
    for pair in found.pairs:
        pairs.add_row(f"{pair.better} > {pair.worse}", _bounded(pair.probability, pair.interval),
                      _bounded(pair.difference, pair.difference_interval))  # fmt: skip
    console = Console(highlight=False, markup=False, emoji=False)
    for table in (scores, *([times] if times.row_count else []), pairs):
        for column in table.columns[1:]:
            column.no_wrap = True  # numbers are never wrapped, names may be
        table.columns[0].overflow = "fold"
        console.print(table)
    click.echo(
        translated("In brackets: 95% intervals over seeds and episodes. Steps and seconds: medians\nover seeds.")
    )
    for note in found.notes():
        click.echo(translated("Note: {note}.", note=note))


def steps_text(middle: float, bounds: tuple[float, float] | None) -> str:
    """The median step with its interval, as text; described in words if some seeds never got there."""
    if middle == float("inf") and (bounds is None or bounds[0] == float("inf")):
        return translated("never")
    first = translated("most never") if middle == float("inf") else _number(middle)
    if bounds is None:
        return first if middle == float("inf") else f"{first} [-]"
    last = translated(" or more]") if bounds[1] == float("inf") else f", {_number(bounds[1])}]"
    return f"{first} [{_number(bounds[0])}{last}"


def _bounded(value: float, bounds: tuple[float, float] | None) -> str:
    """A number with its interval; a dash if there is no interval."""
    if bounds is None:
        return f"{_number(value)} [-]"
    return f"{_number(value)} [{_number(bounds[0])}, {_number(bounds[1])}]"


def _number(value: float) -> str:
    """A number with three significant digits."""
    if value == float("inf"):
        return translated("never")
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"
