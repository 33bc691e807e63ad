"""Which settings to try: all of a grid, or what Optuna proposes."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from zerone.algorithms import catalogue as algorithms
from zerone.base.errors import InputError, nearest, said
from zerone.base.extras import install
from zerone.base.language import translated
from zerone.training.validation import MOST_TRIALS

if TYPE_CHECKING:
    import optuna

DRIVERS = ("grid", "optuna")
DIGITS = 4
PATIENCE = 20
"""Proposals in a row of what was tried already, before something else is tried."""


@dataclasses.dataclass(frozen=True)
class Range:
    """From `low` to `high`, both tried; by equal factors, or by equal amounts where it begins at 0 or below."""

    low: float
    high: float

    @property
    def by_factors(self) -> bool:
        """Whether neighbours have one ratio, not one distance."""
        return self.low > 0

    def points(self, number: int) -> list[float]:
        """`number` values, rounded to what a person would type."""
        spaced = np.geomspace if self.by_factors else np.linspace
        inner = [float(f"{value:.{DIGITS}g}") for value in spaced(self.low, self.high, number)[1:-1]]
        return [self.low, *inner, self.high]


Choices: TypeAlias = "Range | Sequence[Any]"
"""What a setting may be in a sweep: a range, or these values."""


class Search(Protocol):
    """A course of trials. `ask` may depend on what was told before, and on nothing else."""

    @property
    def number(self) -> int:
        """How many settings are tried."""
        ...

    def ask(self) -> Iterator[dict[str, Any]]:
        """The settings of one trial after another; each is told of before the next is asked for."""
        ...

    def tell(self, value: float) -> None:
        """What the last trial was worth."""
        ...


class Grid:
    """Every combination, in order."""

    def __init__(self, space: Mapping[str, Choices], points: int) -> None:
        values = [each.points(points) if isinstance(each, Range) else each for each in space.values()]
        self.trials = [dict(zip(space, combination, strict=True)) for combination in itertools.product(*values)]

    @property
    def number(self) -> int:
        return len(self.trials)

    def ask(self) -> Iterator[dict[str, Any]]:
        yield from self.trials

    def tell(self, value: float) -> None:
        pass


class Optuna:
    """What Optuna's tree-structured Parzen estimator proposes; with one seed, so that a sweep can be resumed.

    It proposes the same again where that was good. Training the same again would say nothing new, so no setting is
    tried twice: Optuna is told what it was worth, and asked for another.
    """

    def __init__(self, space: Mapping[str, Choices], trials: int) -> None:
        optuna = import_optuna()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
        self._space = {name: _distribution(choices) for name, choices in space.items()}
        self._choices, self._trials = space, trials
        self._worth: dict[tuple[Any, ...], float] = {}
        self._asked: Any = None

    @property
    def number(self) -> int:
        return int(min(self._trials, math.prod(_different(each) for each in self._choices.values())))

    def ask(self) -> Iterator[dict[str, Any]]:
        for _ in range(self.number):
            self._asked = self._another()
            if self._asked is None:
                return
            yield {name: self._value(name, found) for name, found in self._asked.params.items()}

    def _another(self) -> Any:
        """A proposal that was not tried: soon, or the first that is left; None where none is."""
        for _ in range(PATIENCE):
            asked = self._study.ask(self._space)
            if self._key(asked.params) not in self._worth:
                return asked
            self._study.tell(asked, self._worth[self._key(asked.params)])
        places = (_places(each) for each in self._choices.values())
        left = next((each for each in itertools.product(*places) if each not in self._worth), None)
        if left is None:
            return None
        self._study.enqueue_trial(dict(zip(self._choices, left, strict=True)))
        return self._study.ask(self._space)

    def _key(self, proposed: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(proposed[name] for name in self._choices)

    def _value(self, name: str, found: Any) -> Any:
        choices = self._choices[name]
        return found if isinstance(choices, Range) else choices[found]

    def tell(self, value: float) -> None:
        self._study.tell(self._asked, value)
        self._worth[self._key(self._asked.params)] = value


def _different(choices: Choices) -> float:
    """How many values there are to choose from."""
    if not isinstance(choices, Range):
        return len(choices)
    return choices.high - choices.low + 1 if _is_whole(choices) else math.inf


def _places(choices: Choices) -> Iterable[Any]:
    """All that Optuna can propose for choices, in order; of a range of numbers as many as a person would."""
    if not isinstance(choices, Range):
        return range(len(choices))
    return range(int(choices.low), int(choices.high) + 1) if _is_whole(choices) else choices.points(MOST_TRIALS + 1)


def _is_whole(choices: Range) -> bool:
    return isinstance(choices.low, int) and isinstance(choices.high, int)


def _distribution(choices: Choices) -> optuna.distributions.BaseDistribution:
    from optuna import distributions

    if not isinstance(choices, Range):
        # By number: a tuple of widths is no value that Optuna can keep.
        return distributions.CategoricalDistribution(range(len(choices)))
    if _is_whole(choices):
        return distributions.IntDistribution(int(choices.low), int(choices.high), log=choices.by_factors)
    return distributions.FloatDistribution(choices.low, choices.high, log=choices.by_factors)


def import_optuna() -> Any:
    """Optuna; an `InputError` that says how to install it where it is not there."""
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise InputError(translated("driver optuna needs Optuna: {command}", command=install("sweep"))) from error
    return optuna


def require_few(space: Mapping[str, Choices], points: int) -> None:
    """Raise `InputError` for a grid of more settings than anybody can wait for."""
    number = math.prod(points if isinstance(each, Range) else len(each) for each in space.values())
    if number > MOST_TRIALS:
        raise InputError(
            translated(
                "a grid of {number:,} settings is not allowed: must be at most {most_trials:,}",
                number=number,
                most_trials=MOST_TRIALS,
            )
        )


def require_space(algorithm: str, space: Mapping[str, Choices], driver: str) -> None:
    """Raise `InputError` unless every name of a space is a setting that `driver` can vary."""
    if driver not in DRIVERS:
        raise InputError(
            translated("driver {driver!r} is unknown: {hint}", driver=driver, hint=nearest(driver, DRIVERS))
        )
    fields = {field.name: field for field in dataclasses.fields(algorithms.look_up(algorithm).make)}
    numbers = [name for name, field in fields.items() if type(field.default) is float]
    if not space:
        raise InputError(
            translated(
                "nothing to vary: name a setting, as in {example}=1e-4..1e-2 (can be: {listed})",
                example=numbers[0],
                listed=", ".join(numbers),
            )
        )
    for name, choices in space.items():
        if name not in fields:
            raise InputError(
                translated(
                    "{algorithm} has no setting {name!r}: {hint}",
                    algorithm=algorithm,
                    name=name,
                    hint=algorithms.setting_of(algorithm, name),
                )
            )
        default = fields[name].default
        if driver == "grid" and name not in numbers:
            other = said("--driver optuna", "driver='optuna'")
            raise InputError(
                translated(
                    "{name} is not allowed in one compile: it decides shapes or branches; these can be varied: "
                    "{listed}; for {name} use {other}, which compiles each trial",
                    name=name,
                    listed=", ".join(numbers),
                    other=other,
                )
            )
        if isinstance(choices, Range):
            _require_range(name, choices, type(default))
        elif isinstance(choices, str) or not choices or not _are_distinct(choices):
            raise InputError(
                translated(
                    "{name} = {choices!r} is not allowed: must be a range or distinct values",
                    name=name,
                    choices=choices,
                )
            )


def _are_distinct(choices: Sequence[Any]) -> bool:
    try:
        return len(set(choices)) == len(choices)
    except TypeError:  # a list or an object is no value of a setting
        return False


def _require_range(name: str, choices: Range, kind: type[Any]) -> None:
    if kind not in (int, float):
        raise InputError(
            translated(
                "{name} = {low}..{high} is not allowed: it is no number; list its values",
                name=name,
                low=choices.low,
                high=choices.high,
            )
        )
    if not choices.low < choices.high or not np.isfinite([choices.low, choices.high]).all():
        raise InputError(
            translated(
                "{name} = {low:g}..{high:g} is not allowed: must go up", name=name, low=choices.low, high=choices.high
            )
        )
