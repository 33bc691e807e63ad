"""Validation of saved files, field by field: small checks that are combined into tables (see `schema`).

A check takes a value and its place in the file, and returns the value, with defaults filled in. An invalid value raises
an `InputError` that names the field, the value and what is allowed. Fields that a table does not list are kept as they
are: they come from a later Zerone that reads and writes the same format.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any, Generic, TypeAlias, TypeVar, cast

from zerone.base.errors import InputError
from zerone.base.language import translatable, translated
from zerone.base.values import can_be_written

T = TypeVar("T")
S = TypeVar("S")
Check: TypeAlias = Callable[[object, str], T]

LARGEST = 2**53
"""The largest integer that all JSON readers represent exactly."""
LONGEST = 1000
"""Maximum length of a text, in characters."""


@dataclasses.dataclass(frozen=True)
class Maybe:
    """An optional field with a default, for files written before the field existed."""

    check: Check[object]
    default: object = None


def checked(value: object, check: Check[T], path: object) -> T:
    """Check a value read from the file `path`, and fill in defaults. Raises `InputError` naming file and field."""
    try:
        return check(value, "")
    except InputError as error:
        raise InputError(translated("{path}: {error}", path=path, error=error)) from error


def whole(low: int = 0, high: int = LARGEST) -> Check[int]:
    """An integer from `low` to `high`, both included."""
    between, above = translatable("a whole number from {low} to {high}"), translatable("a whole number, at least {low}")
    allowed = between if high < LARGEST else above
    return _predicate_check(allowed, lambda value: type(value) is int and low <= value <= high, low=low, high=high)


def number(low: float = -1e300, high: float = 1e300) -> Check[float]:
    """A finite number from `low` to `high`, both included."""
    finite, between = translatable("a finite number"), translatable("a number from {low:g} to {high:g}")
    allowed = finite if high == 1e300 else between
    return _predicate_check(
        allowed, lambda value: type(value) in (int, float) and low <= value <= high, low=low, high=high
    )


def one_of(*words: str) -> Check[str]:
    """One of the given words."""
    return _predicate_check(translatable("one of {words}"), lambda value: value in words, words=", ".join(words))


def truth(value: object, where: str) -> bool:
    """True or false."""
    found: bool = _predicate_check(translatable("true or false"), lambda value: type(value) is bool)(value, where)
    return found


def text(value: object, where: str) -> str:
    """A text on one line that a terminal can display."""
    found: str = _predicate_check(translatable("a text on one line"), _is_text)(value, where)
    return found


def anything(value: object, where: str) -> Any:
    """Any JSON value: it is checked where it is used."""
    return _predicate_check(translatable("text that can be written"), can_be_written)(value, where)


def or_none(check: Check[T]) -> Check[T | None]:
    """A value that `check` allows, or null."""

    def holds(value: object, where: str) -> T | None:
        return None if value is None else check(value, where)

    return holds


def many(check: Check[T], at_least: int = 0, distinct: bool = False) -> Check[list[T]]:
    """A list of values that `check` allows."""

    def holds(value: object, where: str) -> list[T]:
        if not isinstance(value, list) or len(value) < at_least:
            some = translated("a list of at least {count}", count=at_least)
            raise refuse(where, value, some if at_least else translated("a list"))
        found = [check(each, f"{where}[{place}]") for place, each in enumerate(value)]
        if distinct and len(set(found)) < len(found):
            raise refuse(where, value, translated("a list of different values"))
        return found

    return holds


def by_name(check: Check[T]) -> Check[dict[str, T]]:
    """An object with arbitrary names, whose values `check` allows."""

    def holds(value: object, where: str) -> dict[str, T]:
        named = _object(value, where)
        return {
            text(name, f"a name in {where}"): check(each, _place_of_field(where, name)) for name, each in named.items()
        }

    return holds


class Fields(Generic[T]):
    """An object of a type with the `known` fields, and perhaps others."""

    def __init__(self, of: type[T], known: dict[str, Check[object] | Maybe]) -> None:
        self.of, self.known = of, known

    def __call__(self, value: object, where: str) -> T:
        """Check an object and fill in defaults. Raises `InputError` if a field is missing or invalid."""
        found = dict(_object(value, where))
        for name, check in self.known.items():
            if name in found:
                inner = check.check if isinstance(check, Maybe) else check
                found[name] = inner(found[name], _place_of_field(where, name))
            elif isinstance(check, Maybe):
                found[name] = check.default
            else:
                raise InputError(translated("{where!r} is missing", where=_place_of_field(where, name)))
        return cast("T", found)


def fields(of: type[T], /, **known: Check[object] | Maybe) -> Fields[T]:
    """A check for an object of a type with these fields."""
    return Fields(of, known)


def either(one: Check[T], other: Check[S]) -> Check[T | S]:
    """An object that `one` allows, or else `other`."""

    def holds(value: object, where: str) -> T | S:
        return (one if isinstance(value, dict) else other)(value, where)

    return holds


def refuse(where: str, value: object, allowed: str) -> InputError:
    """The error for an invalid value of a field."""
    shown = json.dumps(value, default=repr)
    return InputError(
        translated(
            "{where} = {value} is not allowed: must be {allowed}",
            where=where,
            value=shown if len(shown) <= 60 else shown[:60] + "…",
            allowed=allowed,
        )
    )


def _predicate_check(allowed: str, holds: Callable[[Any], bool], **values: object) -> Check[Any]:
    """A check by the predicate `holds`; `allowed`, with `values`, is the text for errors, translated."""

    def check(value: object, where: str) -> object:
        if not holds(value):
            raise refuse(where, value, translated(allowed, **values))
        return value

    return check


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and len(value) <= LONGEST


def _object(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise refuse(where, value, translated("an object"))
    return cast("dict[str, object]", value)


def _place_of_field(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
