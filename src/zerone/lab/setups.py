"""Set-ups of trainings on the page, which contain only Zerone's own names and plain values.

So a set-up cannot import code, name a file, or create something very large.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from zerone.base.errors import InputError, nearest
from zerone.base.language import translated
from zerone.base.values import is_finite, short

LARGEST_SEED = 2**32 - 1
LONGEST_TEXT, LONGEST_SIDE = 100, 24


@dataclasses.dataclass(frozen=True)
class Setup:
    """The set-up of a training."""

    algorithm: str
    environment: str
    seed: int = 0
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])

    def as_json(self) -> dict[str, Any]:
        """The set-up as a JSON object."""
        return {**dataclasses.asdict(self), "settings": dict(self.settings), "options": dict(self.options)}


def read_setup(given: Any) -> Setup:
    """Parse a set-up from a JSON object.

    Raises:
        InputError: the set-up is invalid, or contains a name that is not Zerone's own.
    """
    from zerone.algorithms.catalogue import entries as algorithms
    from zerone.environments.entries import ENTRIES

    asked = object_of(given, "a set-up")
    unknown = set(asked) - {field.name for field in dataclasses.fields(Setup)}
    if unknown:
        raise InputError(f"a set-up has no {short(min(unknown))}")
    algorithm = named(asked.get("algorithm"), "algorithm", [entry.name for entry in algorithms()])
    environment = named(asked.get("environment"), "environment", [entry.id for entry in ENTRIES])
    seed = seed_of(asked.get("seed", 0))
    settings, options = (_plain(asked.get(name, {}), name) for name in ("settings", "options"))
    _require_small_layouts(environment, options)
    return Setup(algorithm, environment, seed, settings, options)


def seed_of(seed: Any) -> int:
    """Return the seed if it is valid; otherwise raise `InputError`."""
    if type(seed) is not int or not 0 <= seed <= LARGEST_SEED:
        raise InputError(f"seed = {short(seed)} is not allowed: must be a whole number from 0 to {LARGEST_SEED:,}")
    return seed


def _plain(given: Any, name: str) -> dict[str, Any]:
    """Validate settings or options: each must be a number, a boolean, a word, or a list of these."""
    found = object_of(given, name)
    for key, value in found.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str) and (len(each) > LONGEST_TEXT or ":" in each or "/" in each or "\\" in each):
                # `module:Name` would be imported and a path would be read, which only the command line may do.
                raise InputError(
                    translated("{name} = {value} is not allowed on the page: give it to zerone train",
                               name=key, value=short(each))
                )  # fmt: skip
            if not isinstance(each, (str, bool, int, float)):
                raise InputError(
                    translated("{name} = {value} is not allowed: must be a number, a switch or a word",
                               name=key, value=short(value))
                )  # fmt: skip
            if isinstance(each, (int, float)) and not is_finite(each):
                raise InputError(
                    translated("{name} = {value!r} is not allowed: must be a finite number", name=key, value=each)
                )
    return found


def _require_small_layouts(environment: str, options: Mapping[str, Any]) -> None:
    """Raise `InputError` unless all layouts are small and given as rows rather than as the name of a file."""
    from zerone.environments import catalogue

    drawn = {each.name for each in catalogue.options(catalogue.look_up(environment)) if each.legend is not None}
    for name in drawn & set(options):
        require_small(name, options[name])


def require_small(name: str, rows: Any) -> None:
    """Raise `InputError` unless `rows` are rows of characters of at most `LONGEST_SIDE` by `LONGEST_SIDE` cells."""
    if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
        raise InputError(
            translated("{name} = {value} is not allowed on the page: must be rows of characters",
                       name=name, value=short(rows))
        )  # fmt: skip
    if len(rows) > LONGEST_SIDE or any(len(row) > LONGEST_SIDE for row in rows):
        raise InputError(
            translated(
                "{name} is not allowed on the page: at most {most} by {most} cells", name=name, most=LONGEST_SIDE
            )
        )


def named(given: Any, what: str, allowed: list[str]) -> str:
    """Return the name if it is allowed; otherwise raise `InputError`."""
    if not isinstance(given, str) or len(given) > LONGEST_TEXT:
        raise InputError(f"{what} = {short(given)} is not allowed: must be a name")
    if given not in allowed:
        raise InputError(
            translated("{what} {given!r} is not on the page: {nearest}", what=what, given=given,
                       nearest=nearest(given, allowed, translated("the page lists all")))
        )  # fmt: skip
    return given


def object_of(given: Any, name: str) -> dict[str, Any]:
    """A copy of a JSON object. Raises `InputError` if it is not an object, or has more than 100 entries."""
    if not isinstance(given, dict) or len(given) > 100:
        raise InputError(f"{name} is not allowed: must be an object")
    return dict(given)
