"""When a training reports, evaluates, saves and ends, counted in iterations, so that no clock decides a result."""

from __future__ import annotations

import dataclasses
from typing import Any

from zerone.algorithms.protocol import Algorithm
from zerone.base.errors import InputError
from zerone.runs.asked import MOST_STEPS

ROWS, EVALUATIONS = 100, 20
"""How many rows of the log and how many evaluations a training has unless told otherwise."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """Everything is due at whole multiples of these; `block` is the number of steps in one iteration."""

    block: int
    total: int
    report_every: int
    evaluate_every: int
    save_every: int

    def next_stop(self, iteration: int, chunk: int) -> int:
        """The next iteration after `iteration` at which the host must look; at most `chunk` later."""
        periods = (self.report_every, self.evaluate_every, self.save_every)
        stops = [(iteration // period + 1) * period for period in periods]
        return min(self.total, iteration + max(1, chunk), *stops)

    def has_row(self, iteration: int) -> bool:
        """Whether the log gets a row after `iteration`: when something is reported or evaluated."""
        return self.due(iteration, self.report_every) or self.due(iteration, self.evaluate_every)

    def row_before(self, iteration: int) -> int:
        """The iteration of the row before the one of `iteration`; 0 if there is none."""
        return max((iteration - 1) // period * period for period in (self.report_every, self.evaluate_every))

    def due(self, iteration: int, period: int) -> bool:
        """Whether what happens every `period` happens after `iteration`; everything happens at the end."""
        return iteration % period == 0 or iteration == self.total


def make_plan(
    algorithm: Algorithm, steps: int, evaluate_every: int | None = None, save_every: int | None = None
) -> Plan:
    """The plan of a training of at least `steps` steps: whole updates, so at most one update more than asked.

    `evaluate_every` and `save_every` are in steps, rounded to whole updates; by default there are 20 evaluations
    and a checkpoint after each.

    Raises:
        InputError: `steps`, `evaluate_every` or `save_every` below 1.
    """
    for name, value in (("steps", steps), ("evaluate_every", evaluate_every), ("save_every", save_every)):
        if value is not None and (type(value) is not int or value < 1):
            raise InputError(f"{name} = {value!r} is not allowed: must be a whole number, at least 1")
    block = algorithm.steps_per_update * algorithm.environments
    total = -(-steps // block)
    evaluate = max(1, total // EVALUATIONS if evaluate_every is None else evaluate_every // block)
    # A row of the log never straddles an evaluation, so that both are one row.
    report = max(1, evaluate // max(1, round(evaluate * ROWS / total)))
    return Plan(block, total, report, evaluate, evaluate if save_every is None else max(1, save_every // block))


def describe(plan: Plan) -> dict[str, Any]:
    """The plan as JSON, in steps."""
    return {
        "steps": plan.total * plan.block,
        "report_every": plan.report_every * plan.block,
        "evaluate_every": plan.evaluate_every * plan.block,
        "save_every": plan.save_every * plan.block,
    }


def read(algorithm: Algorithm, described: dict[str, Any]) -> Plan:
    """The plan that was described. Raises `InputError` where it is none of this algorithm."""
    block = algorithm.steps_per_update * algorithm.environments
    names = ("steps", "report_every", "evaluate_every", "save_every")
    for name in names:
        value, most = int(described[name]), MOST_STEPS + block - 1
        if value % block or not block <= value <= most:
            raise InputError(f"{name} = {value} is not allowed: must be a multiple of {block}, the steps of an update, "
                             f"and at most {most}")  # fmt: skip
    return Plan(block, *(int(described[name]) // block for name in names))
