"""When a training reports, evaluates, saves and ends, in iterations, so that results never depend on the clock."""

from __future__ import annotations

import bisect
import dataclasses

from zerone.algorithms.protocol import Algorithm
from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.saved_types import ScheduleConfig
from zerone.training.algorithm_setup import settings_of
from zerone.training.validation import MOST_STEPS, require_count

ROWS, EVALUATIONS = 100, 20
"""Approximate number of log rows, and the maximum number of evaluations at even spacing."""
FIRST_LOOK, LATER = 50, 1.25
"""Steps before the first evaluation, and the factor by which the distance grows until evaluations are evenly
spaced: fast early learning becomes visible early."""


@dataclasses.dataclass(frozen=True)
class Timetable:
    """Reports, evaluations and checkpoints are due at multiples of these; `block` is the steps per iteration."""

    block: int
    total: int
    report_every: int
    evaluate_every: int
    save_every: int
    early: tuple[int, ...] = ()
    """Iterations after which a policy may be evaluated, besides the multiples of `evaluate_every`."""

    def next_stop(self, iteration: int, chunk: int) -> int:
        """The next iteration after `iteration` at which something is due; at most `chunk` later."""
        periods = (self.report_every, self.evaluate_every, self.save_every)
        stops = [(iteration // period + 1) * period for period in periods]
        place = bisect.bisect_right(self.early, iteration)
        stops += self.early[place : place + 1]
        return min(self.total, iteration + max(1, chunk), *stops)

    def has_row(self, iteration: int) -> bool:
        """Whether the log gets a row after `iteration`: when a report or an evaluation is due."""
        return self.due(iteration, self.report_every) or self.has_evaluation(iteration)

    def has_evaluation(self, iteration: int) -> bool:
        """Whether the policy may be evaluated after `iteration`."""
        place = bisect.bisect_left(self.early, iteration)
        return iteration in self.early[place : place + 1] or self.due(iteration, self.evaluate_every)

    def row_before(self, iteration: int) -> int:
        """The iteration of the row before that of `iteration`; 0 if there is none."""
        before = self.early[: bisect.bisect_left(self.early, iteration)]
        periods = (self.report_every, self.evaluate_every)
        return max(*((iteration - 1) // period * period for period in periods), *before[-1:])

    def due(self, iteration: int, period: int) -> bool:
        """Whether something with this period is due after `iteration`; everything is due at the end."""
        return iteration % period == 0 or iteration == self.total


def make_timetable(
    algorithm: Algorithm, steps: int, evaluate_every: int | None = None, save_every: int | None = None,
    early: bool = False,
) -> Timetable:  # fmt: skip
    """The timetable of a training of at least `steps` steps: whole updates, so at most one update more than requested.

    `evaluate_every` and `save_every` are in steps, rounded to whole updates; the defaults are a twentieth of the
    training. `early` adds evaluations before the first of these.

    Raises:
        InputError: `steps`, `evaluate_every` or `save_every` is below 1, or too large to be counted.
    """
    block = algorithm.steps_per_update * algorithm.environments
    if block > MOST_STEPS:
        settings = f"steps_per_update = {algorithm.steps_per_update}, environments = {algorithm.environments}"
        raise InputError(
            translated(
                "{algorithm} with {settings} takes {block} steps before an update: at most {most_steps}",
                algorithm=algorithm.name,
                settings=settings,
                block=block,
                most_steps=MOST_STEPS,
            )
        )
    require_count("steps", steps, most_steps(algorithm))
    for name, value in (("evaluate_every", evaluate_every), ("save_every", save_every)):
        if value is not None:
            require_count(name, value, MOST_STEPS)
    total = -(-steps // block)
    evaluate = max(1, total // EVALUATIONS if evaluate_every is None else evaluate_every // block)
    # Each evaluation coincides with a row, so that both are one row of the log. The spacing is rounded up, so that
    # there are no more rows than intended: a row costs as much as many steps.
    report = -(-evaluate // max(1, round(evaluate * ROWS / total)))
    save = evaluate if save_every is None else max(1, save_every // block)
    return Timetable(block, total, report, evaluate, save, _early(block, total, evaluate) if early else ())


def _early(block: int, total: int, every: int) -> tuple[int, ...]:
    """Iterations whose distances grow by a factor, until they are `every` apart."""
    found: list[int] = []
    steps = float(FIRST_LOOK)
    while (at := max(1, round(steps / block))) <= min(total, every / (LATER - 1)):
        found.append(at)
        steps *= LATER
    return tuple(dict.fromkeys(found))


def most_steps(algorithm: Algorithm) -> int:
    """The maximum steps of a seed, in whole updates: neither steps nor gradient updates may exceed 32 bits."""
    block = algorithm.steps_per_update * algorithm.environments
    updates: int = settings_of(algorithm).get("updates", 1)
    return MOST_STEPS // max(block, updates) * block


def without_end(algorithm: Algorithm, timetable: Timetable) -> Timetable:
    """The timetable without a fixed number of steps, limited only by how many steps can be counted."""
    return dataclasses.replace(timetable, total=most_steps(algorithm) // timetable.block)


def describe(timetable: Timetable) -> dict[str, int]:
    """As a JSON object, in steps."""
    return {
        "steps": timetable.total * timetable.block,
        "report_every": timetable.report_every * timetable.block,
        "evaluate_every": timetable.evaluate_every * timetable.block,
        "save_every": timetable.save_every * timetable.block,
    }


def read(algorithm: Algorithm, described: ScheduleConfig) -> Timetable:
    """The inverse of `describe`. Raises `InputError` if the counts do not fit this algorithm."""
    block = algorithm.steps_per_update * algorithm.environments
    counts = {
        "steps": described["steps"], "report_every": described["report_every"],
        "evaluate_every": described["evaluate_every"], "save_every": described["save_every"],
    }  # fmt: skip
    for name, value in counts.items():
        most = most_steps(algorithm) if name == "steps" else MOST_STEPS
        if value % block or not block <= value <= most:
            raise InputError(
                translated(
                    "{name} = {value} is not allowed: must be a multiple of {block}, the steps of an update, and "
                    "at most {most}",
                    name=name,
                    value=value,
                    block=block,
                    most=most,
                )
            )
    total, report, evaluate, save = (value // block for value in counts.values())
    evaluation = described.get("evaluation")
    early = evaluation is not None and evaluation["choose_times"]
    return Timetable(block, total, report, evaluate, save, _early(block, total, evaluate) if early else ())
