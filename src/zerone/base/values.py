"""Values that come from a file or a program, brought to the type that their default has."""

from __future__ import annotations

from typing import Any, cast

from zerone.base.errors import InputError
from zerone.base.language import translated

LARGEST_COUNT = 2_000_000_000
"""The largest whole number that a setting may be: what is counted in programs is counted in 32 bits."""


def typed(value: Any, default: Any, name: str) -> Any:
    """A value as it is kept: of the type of `default`. A whole number is a float, and a list a tuple, where that is.

    Raises:
        InputError: it is of another type, or an entry of a list is.
    """
    if isinstance(default, float) and type(value) is int:
        try:
            return float(value)
        except OverflowError as error:
            raise InputError(
                translated("{name} = {value} is not allowed: must be a finite number", name=name, value=short(value))
            ) from error
    if isinstance(default, tuple) and isinstance(value, (list, tuple)):
        return tuple(
            typed(each, default[0] if default else each, f"{name}[{place}]")
            for place, each in enumerate(cast("list[Any]", value))
        )
    if type(value) is not type(default):
        raise InputError(
            translated(
                "{name} = {value} is not allowed: must be of type {kind}",
                name=name,
                value=short(value),
                kind=type(default).__name__,
            )
        )
    return value


def short(value: Any) -> str:
    """A value in an error: its beginning, if it is long."""
    text = repr(value)
    return text if len(text) <= 100 else text[:100] + "…"
