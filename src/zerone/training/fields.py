"""What may stand in a file, field by field: small checks that are put together to tables (see `saved`).

A check takes a value and where it stands, and gives the value back, with the defaults of what is not said. What is not
allowed is an `InputError` that names the field, the value and what is allowed. Fields that a table does not know are
left as they are: they are from a later Zerone that reads and writes the same format.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any, Generic, TypeAlias, TypeVar, cast

from zerone.base.errors import InputError
from zerone.base.language import translatable, translated

T = TypeVar("T")
S = TypeVar("S")
Check: TypeAlias = Callable[[object, str], T]

LARGEST = 2**53
"""The largest whole number that JSON's readers agree on."""
LONGEST = 1000
"""Characters of a text."""


@dataclasses.dataclass(frozen=True)
class Maybe:
    """A field that may be missing: then it has its default, as in files from before there was such a field."""

    check: Check[object]
    default: object = None


def checked(value: object, check: Check[T], path: object) -> T:
    """A value out of the file `path`, with its defaults. Raises `InputError`, which names file and field."""
    try:
        return check(value, "")
    except InputError as error:
        raise InputError(translated("{path}: {error}", path=path, error=error)) from error


def whole(low: int = 0, high: int = LARGEST) -> Check[int]:
    """A whole number, `low` and `high` allowed."""
    between, above = translatable("a whole number from {low} to {high}"), translatable("a whole number, at least {low}")
    allowed = between if high < LARGEST else above
    return _simple(allowed, lambda value: type(value) is int and low <= value <= high, low=low, high=high)


def number(low: float = -1e300, high: float = 1e300) -> Check[float]:
    """A finite number, `low` and `high` allowed."""
    finite, between = translatable("a finite number"), translatable("a number from {low:g} to {high:g}")
    allowed = finite if high == 1e300 else between
    return _simple(allowed, lambda value: type(value) in (int, float) and low <= value <= high, low=low, high=high)


def one_of(*words: str) -> Check[str]:
    """One of some words."""
    return _simple(translatable("one of {words}"), lambda value: value in words, words=", ".join(words))


def truth(value: object, where: str) -> bool:
    """True or false."""
    found: bool = _simple(translatable("true or false"), lambda value: type(value) is bool)(value, where)
    return found


def text(value: object, where: str) -> str:
    """A text on one line, which a terminal can show."""
    found: str = _simple(translatable("a text on one line"), _is_text)(value, where)
    return found


def anything(value: object, where: str) -> Any:
    """Whatever JSON has: it is checked where it is used."""
    return _simple(translatable("text that can be written"), _can_be_written)(value, where)


def or_none(check: Check[T]) -> Check[T | None]:
    """What `check` allows, or null."""

    def holds(value: object, where: str) -> T | None:
        return None if value is None else check(value, where)

    return holds


def many(check: Check[T], at_least: int = 0, distinct: bool = False) -> Check[list[T]]:
    """A list of what `check` allows."""

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
    """An object of any names; each has what `check` allows."""

    def holds(value: object, where: str) -> dict[str, T]:
        named = _object(value, where)
        return {text(name, f"a name in {where}"): check(each, _below(where, name)) for name, each in named.items()}

    return holds


class Fields(Generic[T]):
    """An object of a type, with the fields that are `known`, and perhaps others."""

    def __init__(self, of: type[T], known: dict[str, Check[object] | Maybe]) -> None:
        self.of, self.known = of, known

    def __call__(self, value: object, where: str) -> T:
        """The object with its defaults. Raises `InputError` where a field is missing or not allowed."""
        found = dict(_object(value, where))
        for name, check in self.known.items():
            if name in found:
                inner = check.check if isinstance(check, Maybe) else check
                found[name] = inner(found[name], _below(where, name))
            elif isinstance(check, Maybe):
                found[name] = check.default
            else:
                raise InputError(translated("{where!r} is missing", where=_below(where, name)))
        return cast("T", found)


def fields(of: type[T], /, **known: Check[object] | Maybe) -> Fields[T]:
    """An object of a type, which has these fields."""
    return Fields(of, known)


def either(one: Check[T], other: Check[S]) -> Check[T | S]:
    """An object that `one` allows; else what `other` allows."""

    def holds(value: object, where: str) -> T | S:
        return (one if isinstance(value, dict) else other)(value, where)

    return holds


def refuse(where: str, value: object, allowed: str) -> InputError:
    """The error of a field that has a value which is not allowed."""
    shown = json.dumps(value, default=repr)
    return InputError(
        translated(
            "{where} = {value} is not allowed: must be {allowed}",
            where=where,
            value=shown if len(shown) <= 60 else shown[:60] + "…",
            allowed=allowed,
        )
    )


def _simple(allowed: str, holds: Callable[[Any], bool], **values: object) -> Check[Any]:
    """What `holds` of; `allowed` says so, with `values`, and is translated when something is refused."""

    def check(value: object, where: str) -> object:
        if not holds(value):
            raise refuse(where, value, translated(allowed, **values))
        return value

    return check


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and len(value) <= LONGEST


def _can_be_written(value: object) -> bool:
    """Whether a value has no half of a character (a lone surrogate), and no number beyond all others."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return False
    return True


def _object(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise refuse(where, value, translated("an object"))
    return cast("dict[str, object]", value)


def _below(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
