"""`zerone check`: whether an environment is sound, how it is encoded, and which algorithms support it."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

import click

from zerone.base.language import joined, translated
from zerone.cli.around import around_options, wrappers_of
from zerone.cli.options import LARGEST_SEED, VIEWS, OneOf, Whole, debug_option, json_option
from zerone.cli.options import as_json as print_json
from zerone.cli.settings import environment_options

if TYPE_CHECKING:
    from zerone.training.environment_check import Report
    from zerone.training.extent import Observed

MOST_STEPS = 1_000_000
MOST_PARTS = 12
"""Maximum number of observation parts whose values are reported."""
WORTH_A_PROCESS = 0.5
"""Milliseconds per step above which `--processes` is recommended."""


@click.command(
    epilog="""\b
    Ends with 0 if the environment is sound, with 1 if it is not, and with 2 if there is no such environment.

    \b
    Examples:
      zerone check Blackjack-v1
      zerone check your_module:YourId-v0 --steps 2000"""
)
@click.argument("environment", metavar="ENVIRONMENT")
@click.option("--steps", type=Whole(1, MOST_STEPS), help="Random steps to play. Default: 400.")
@click.option("--seed", type=Whole(0, LARGEST_SEED), help="Of the environment and the actions. Default: 0.")
@click.option("--observations", type=OneOf(*VIEWS), help="How they would be seen, as for zerone train.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Of the environment. Can be repeated.")
@around_options
@json_option
@debug_option
def check(
    environment: str, options: tuple[str, ...], wrappers: tuple[str, ...], frame_stack: int | None,
    frame_skip: int | None, as_json: bool, **typed: Any,
) -> None:  # fmt: skip
    """Is ENVIRONMENT sound, how is it seen, and which algorithms can learn in it?

    A few hundred random steps are played: what comes of them must be what Gymnasium's interface promises, within the
    bounds of its spaces, and the same with the same seed. Gymnasium's own checker is asked as well.
    """
    from zerone.cli.train import require_environment
    from zerone.environments.gym.around import around
    from zerone.training import environment_check

    asked = {name: value for name, value in typed.items() if value is not None}
    outer = around(wrappers_of(wrappers), frame_stack or 1, frame_skip or 1)
    with contextlib.redirect_stdout(sys.stderr):  # keep the environment's prints out of the results
        require_environment(environment)
        report = environment_check.check(environment, environment_options(environment, options), around=outer, **asked)
    if as_json:
        print_json(report.as_json())
    else:
        _print(report)
    if not report.sound:
        raise click.exceptions.Exit(1)


def _print(report: Report) -> None:
    from zerone.cli.lists import lines_of, print_lines

    counted = len(report.problems)
    rows = [*lines_of(report.facts), (translated("played"), _played(report))]
    rows += _in_column(translated("observed"), [_observed(each) for each in report.observed[:MOST_PARTS]])
    if report.steps_per_second is not None:
        rows.append((translated("speed"), _speed(report.steps_per_second)))
    wrong = translated("no: {count} problems", count=counted) if counted > 1 else translated("no: 1 problem")
    rows.append((translated("sound"), translated("yes") if report.sound else wrong))
    rows += [(translated("problem"), each) for each in report.problems]
    rows += [(translated("note"), each) for each in report.notes]
    if report.gymnasium is not None:
        rows += _in_column("gymnasium", report.gymnasium or [translated("its own checker finds nothing")])
    able = [name for name, reason in report.algorithms.items() if reason is None]
    rows.append((translated("algorithms"), ", ".join(able) or translated("none")))
    reasons: dict[str, list[str]] = {}
    for name, reason in report.algorithms.items():
        if reason is not None:
            reasons.setdefault(reason, []).append(name)
    rows += [(translated("not"), translated("{what}: {result}", what=", ".join(names), result=translated(reason)))
             for reason, names in reasons.items()]  # fmt: skip
    print_lines(rows)


def _in_column(word: str, texts: list[str]) -> list[tuple[str, str]]:
    """Rows of a table about one topic, which is named only in the first row."""
    return [(word if place == 0 else "", text) for place, text in enumerate(texts)]


def _observed(part: Observed) -> str:
    name = f"{part['name']} " if part["name"] else ""
    seen = translated("{low:.4g} to {high:.4g}, mean {mean:.3g}, deviation {deviation:.3g}", low=part["low"],
                      high=part["high"], mean=part["mean"], deviation=part["deviation"])  # fmt: skip
    return f"{name}{seen}"


def _speed(steps_per_second: float) -> str:
    slow = 1000 / steps_per_second > WORTH_A_PROCESS
    text = translated("{speed:,.0f} steps a second, {time:.2g} ms each", speed=steps_per_second,
                      time=1000 / steps_per_second)  # fmt: skip
    return joined([text, translated("--processes plays several side by side")]) if slow else text


def _played(report: Report) -> str:
    steps, count = report.steps, len(report.returns)
    if not count:
        return translated("{steps:,} random steps, in which no episode ended", steps=steps)
    if count == 1:
        return translated("{steps:,} random steps, 1 episode ended, with a return of {low:g}", steps=steps,
                          low=report.returns[0])  # fmt: skip
    low, high = min(report.returns), max(report.returns)
    if low == high:
        return translated("{steps:,} random steps, {count:,} episodes ended, with a return of {low:g}", steps=steps,
                          count=count, low=low)  # fmt: skip
    return translated("{steps:,} random steps, {count:,} episodes ended, with a return of {low:g} to {high:g}",
                      steps=steps, count=count, low=low, high=high)  # fmt: skip
