"""Advice on the best setting of a sweep: whether it is at the edge of its range, and whether others are as good."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from zerone.algorithms import catalogue as algorithms
from zerone.base.language import translatable, translated

EDGE = 0.05
"""The fraction of a range, at each end, that counts as its edge."""
SAME = 1e-9
"""Means whose relative difference is below this are equal."""
SCHEDULES = {
    "decay_steps": translatable("the step size"),
    "epsilon_steps": "ε",
    "noise_steps": "σ",
    "importance_steps": "β",
}
"""Settings that are the length of a schedule, in steps."""


class RatedSettings(Protocol):
    """A setting that was tried, and its result."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """The swept settings by name."""
        ...

    @property
    def mean(self) -> float:
        """The result: mean over seeds."""
        ...


def notes(
    algorithm: str,
    space: Mapping[str, Any],
    trials: Sequence[RatedSettings],
    best: RatedSettings,
    made: Mapping[str, Any],
    steps: int,
) -> list[str]:
    """Sentences about the `best` of `trials`. `space` was swept; `made` are all settings, including the best ones."""
    ties = [trial for trial in trials if trial is not best and math.isclose(trial.mean, best.mean, rel_tol=SAME)]
    found = [_edge(algorithm, name, space[name], [trial.settings[name] for trial in trials], best.settings[name])
             for name in space]  # fmt: skip
    return [*filter(None, found), *_tie(ties), *_schedules(made, steps)]


def _edge(algorithm: str, name: str, choices: object, tried: Sequence[Any], value: Any) -> str:
    """A sentence if a number is at the edge of its range and may go beyond; otherwise empty."""
    if type(value) not in (int, float):
        return ""
    if isinstance(choices, Mapping):
        low, high = choices["low"], choices["high"]
    elif len(set(tried)) > 2:  # of two values both are at an edge
        low, high = min(tried), max(tried)
    else:
        return ""
    place = _place(value, low, high)
    if EDGE < place < 1 - EDGE:
        return ""
    upper = place > EDGE
    field = next(each for each in dataclasses.fields(algorithms.look_up(algorithm).make) if each.name == name)
    allowed = field.metadata["allowed"]
    if value == (allowed.at_most if upper else allowed.at_least):
        return ""  # values beyond the edge are not allowed
    end = translated("highest") if upper else translated("lowest")
    return translated(
        "{name} = {value:g} is at the {end} end of what was tried: the best may lie beyond it, so widen the range",
        name=name,
        value=value,
        end=end,
    )


def _place(value: float, low: float, high: float) -> float:
    """The position of a value in its range, 0 to 1; on a logarithmic scale if the range is positive."""
    if low > 0:
        value, low, high = (math.log(each) for each in (value, low, high))
    return (value - low) / (high - low)


def _tie(ties: Sequence[RatedSettings]) -> Iterator[str]:
    """A sentence about equally good settings."""
    if not ties:
        return
    others = [
        translated(" and ").join(f"{name} = {_short(value)}" for name, value in each.settings.items())
        for each in ties[:3]
    ]
    more = translated(" and {count} more", count=len(ties) - 3) if len(ties) > 3 else ""
    yield translated(
        "worth exactly the same: {listed}{more}; the first that was tried is called the best",
        listed="; ".join(others),
        more=more,
    )


def _schedules(made: Mapping[str, Any], steps: int) -> Iterator[str]:
    """Sentences about schedules that had not ended after the steps of a trial."""
    for name, what in SCHEDULES.items():
        length, clock = made.get(name), made.get(name.replace("_steps", "_clock"), "steps")
        if not isinstance(length, float) or length <= steps or clock != "steps" or not _changes(made, name):
            continue
        yield (
            translated(
                "{name} = {length:,.0f} is longer than the {steps:,} steps of a trial, so {what} had gone "
                "only {value:.0%} of its way: in longer trainings it goes on",
                name=name,
                length=length,
                steps=steps,
                what=translated(what),
                value=steps / length,
            )
        )


def _changes(made: Mapping[str, Any], name: str) -> bool:
    """Whether the scheduled value changes at all."""
    if name == "decay_steps":
        return bool(made["learning_rate_end"] != 1.0)
    if name == "importance_steps":
        return bool(made["prioritized"])
    ends = name.removesuffix("_steps")
    return bool(made[f"{ends}_start"] != made[f"{ends}_end"])


def _short(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
