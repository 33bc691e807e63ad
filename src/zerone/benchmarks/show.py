"""Results as tables for the terminal, and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from zerone.benchmarks.works import TIME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType
    from rich.table import Table

    from zerone.benchmarks.harness import Result, Standing
    from zerone.benchmarks.spread import Spread
    from zerone.benchmarks.works import Comparison

COLUMNS = {
    "steps_per_cpu_second": "steps / CPU s",
    "steps_per_second": "steps / s",
    "import_seconds": "import s",
    "startup_seconds": "start s",
    "process_wall_seconds": "whole s",
    "return_reached": "return",
    "peak_megabytes": "MB",
}
LEGEND = (
    "  import, start: CPU seconds before the first step that counts; whole: the process\n"
    "  in wall seconds; MB: its peak. Medians (least to greatest)."
)


def number(value: float) -> str:
    """A number as text with three significant digits, or as an integer with separated thousands from 100 on."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spread_text(spread: Spread | None) -> str:
    """A median, followed by minimum and maximum if these differ."""
    if spread is None:
        return "-"
    middle, low, high = number(spread.median), number(spread.low), number(spread.high)
    return middle if low == high else f"{middle} ({low} – {high})"  # noqa: RUF001  a range's dash


def claim_text(comparison: Comparison, ratio: float) -> str:
    """The claim about a ratio, and whether it holds; empty without a claim."""
    if comparison.at_least is not None:
        claim = f"at least {comparison.at_least:g}"
    elif comparison.at_most is not None:
        claim = f"at most {comparison.at_most:g}"
    else:
        return ""
    return f"{claim}: {'yes' if comparison.met(ratio) else 'NO'}"


def trouble(standing: Standing) -> str | None:
    """The reason, in one line, why a contestant has fewer runs than rounds; None if it has all."""
    if standing.absent:
        return standing.absent
    return next((f"failed: {why}" for why in standing.failures.values()), None)


def parts(result: Result) -> Iterator[RenderableType]:
    """The parts to print: title, table, notes and ratios."""
    table = figures(result)
    yield f"{result.bench.name}: {result.bench.title}"
    if table.row_count:
        yield table
    yield from notes(result)
    yield from claims(result)


def figures(result: Result) -> Table:
    """A table with a row for each contestant that has run; only the compared measurement shows its spread."""
    from rich.table import Table

    names = [name for name in COLUMNS if any(standing.numbers(name) for standing in result.standings)]
    table = Table(box=None)
    table.add_column("", no_wrap=True)
    table.add_column("steps", justify="right", no_wrap=True)
    for name in names:
        table.add_column(COLUMNS[name], justify="right", no_wrap=True)
    for standing in result.standings:
        spreads = ((name, standing.spread(name)) for name in names)
        texts = (spread_text(s) if name == result.figure or s is None else number(s.median) for name, s in spreads)
        if standing.runs:
            table.add_row(standing.contestant.name, f"{standing.contestant.steps:,}", *texts)
    return table


def notes(result: Result) -> Iterator[str]:
    """Explanations of the table, and failures."""
    if any(standing.runs for standing in result.standings):
        yield LEGEND
    for standing in result.standings:
        if kind := next((run["return_is"] for run in standing.runs.values() if run.get("return_is")), ""):
            yield f"  return of {standing.contestant.name}: {kind}"
    for standing in result.standings:
        why = trouble(standing)
        if why and not standing.absent:  # peers that are not installed are reported elsewhere
            yield f"  {standing.contestant.name}: {why}"


def claims(result: Result) -> Iterator[str]:
    """The ratios, and whether the claims about them hold."""
    what = "time" if result.bench.measure == TIME else "speed"
    for comparison, spread in result.comparisons():
        pair = f"{comparison.subject} / {comparison.other}"
        yield f"  {what} of {pair}: {spread_text(spread)}   {claim_text(comparison, spread.median)}".rstrip()
    for cost in result.memory_costs():
        if cost.held is not None:
            yield f"  memory of {cost.contestant}: holds {cost.held:.2f} times its payload"
        if cost.growth is not None:
            yield f"  memory of {cost.contestant}: the process's peak grew by {cost.growth:.2f} times the payload"


def as_data(result: Result) -> dict[str, Any]:
    """The result as a JSON object with all runs, medians and ratios."""
    return {
        "name": result.bench.name,
        "title": result.bench.title,
        "measure": result.bench.measure,
        "hyperparameters": result.bench.hyperparameters,
        "contestants": [
            {
                "name": standing.contestant.name,
                "peer": standing.contestant.peer,
                "steps": standing.contestant.steps,
                "trouble": trouble(standing),
                "medians": {name: spread.median for name in COLUMNS if (spread := standing.spread(name))},
                "runs": [run | {"round": turn} for turn, run in standing.runs.items()],
            }
            for standing in result.standings
        ],
        "comparisons": [
            asdict(comparison) | {"ratio": asdict(spread), "met": comparison.met(spread.median)}
            for comparison, spread in result.comparisons()
        ],
        "memory_over_payload": [asdict(cost) for cost in result.memory_costs()],
    }
