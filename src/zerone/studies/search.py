"""Choosing the settings of a sweep: a grid, or Optuna's proposals."""

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
"""Maximum number of successive proposals that were tried already, before another setting is chosen."""


@dataclasses.dataclass(frozen=True)
class Range:
    """From `low` to `high`, both included; spaced logarithmically, or linearly if `low` is not positive."""

    low: float
    high: float

    @property
    def by_factors(self) -> bool:
        """Whether the spacing is logarithmic."""
        return self.low > 0

    def points(self, number: int) -> list[float]:
        """`number` values, rounded to a few digits."""
        spaced = np.geomspace if self.by_factors else np.linspace
        inner = [float(f"{value:.{DIGITS}g}") for value in spaced(self.low, self.high, number)[1:-1]]
        return [self.low, *inner, self.high]


Choices: TypeAlias = "Range | Sequence[Any]"
"""The values of a setting in a sweep: a range, or a sequence of values."""


class Search(Protocol):
    """A sequence of trials. `ask` may depend only on results passed to `tell` before."""

    @property
    def number(self) -> int:
        """The number of settings."""
        ...

    def ask(self) -> Iterator[dict[str, Any]]:
        """Generate the settings of one trial after another; `tell` must be called before the next is taken."""
        ...

    def tell(self, value: float) -> None:
        """Report the result of the last trial."""
        ...


class Grid:
    """All combinations, in order."""

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
    """The proposals of Optuna's tree-structured Parzen estimator, with a fixed seed, so that a sweep can be resumed.

    Good settings are proposed repeatedly. Training them again would give no new information, so no setting is tried
    twice: Optuna is told the known result, and asked for another one.
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
        return int(min(self._trials, math.prod(_number_of_values(each) for each in self._choices.values())))

    def ask(self) -> Iterator[dict[str, Any]]:
        for _ in range(self.number):
            self._asked = self._new_proposal()
            if self._asked is None:
                return
            yield {name: self._value(name, found) for name, found in self._asked.params.items()}

    def _new_proposal(self) -> Any:
        """A proposal that was not tried yet; after many repetitions the first untried setting; None if none is left."""
        for _ in range(PATIENCE):
            asked = self._study.ask(self._space)
            if self._key(asked.params) not in self._worth:
                return asked
            self._study.tell(asked, self._worth[self._key(asked.params)])
        places = (_proposable_values(each) for each in self._choices.values())
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


def _number_of_values(choices: Choices) -> float:
    """The number of different values."""
    if not isinstance(choices, Range):
        return len(choices)
    return choices.high - choices.low + 1 if _is_whole(choices) else math.inf


def _proposable_values(choices: Choices) -> Iterable[Any]:
    """All values that Optuna can propose, in order; for a range of floats a limited number."""
    if not isinstance(choices, Range):
        return range(len(choices))
    return range(int(choices.low), int(choices.high) + 1) if _is_whole(choices) else choices.points(MOST_TRIALS + 1)


def _is_whole(choices: Range) -> bool:
    return isinstance(choices.low, int) and isinstance(choices.high, int)


def _distribution(choices: Choices) -> optuna.distributions.BaseDistribution:
    from optuna import distributions

    if not isinstance(choices, Range):
        # By index, because Optuna cannot store a tuple of widths.
        return distributions.CategoricalDistribution(range(len(choices)))
    if _is_whole(choices):
        return distributions.IntDistribution(int(choices.low), int(choices.high), log=choices.by_factors)
    return distributions.FloatDistribution(choices.low, choices.high, log=choices.by_factors)


def import_optuna() -> Any:
    """Optuna; raises `InputError` with the install command if it is missing."""
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise InputError(translated("driver optuna needs Optuna: {command}", command=install("sweep"))) from error
    return optuna


def require_few(space: Mapping[str, Choices], points: int) -> None:
    """Raise `InputError` if a grid has too many settings."""
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
    """Raise `InputError` unless every name in `space` is a setting that `driver` can vary."""
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
    except TypeError:  # lists and other unhashable objects are no values of a setting
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
