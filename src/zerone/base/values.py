"""Conversion of values from a file or a program to the type of their default."""

from __future__ import annotations

import json
import math
from typing import Any, cast

from zerone.base.errors import InputError
from zerone.base.language import translated

LARGEST_COUNT = 2_000_000_000
"""The largest integer that a setting may have: compiled programs count in 32 bits."""


def typed(value: Any, default: Any, name: str) -> Any:
    """Convert a value to the type of `default`: an int to a float and a list to a tuple, if the default is one.

    Raises:
        InputError: the value, or an element of it, is of another type, or is too large for a float.
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
    """A value as text for an error, cut to 100 characters."""
    text = repr(value)
    return text if len(text) <= 100 else text[:100] + "…"


def can_be_written(value: Any) -> bool:
    """Whether a value can be written as JSON: it contains no lone surrogate, and no infinite number or NaN."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return False
    return True


def is_finite(number: float) -> bool:
    """Whether a number is finite as a float, which a whole number may be too large for."""
    try:
        return math.isfinite(number)
    except OverflowError:
        return False
