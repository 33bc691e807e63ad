"""What the adapters share: options as static fields, so that two environments made alike are one program."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Options: TypeAlias = tuple[tuple[str, Any], ...]
"""Names and values, sorted."""


def as_options(chosen: Mapping[str, Any]) -> Options:
    """Options that can be hashed."""
    return tuple(sorted((name, tuple(each) if isinstance(each, list) else each) for name, each in chosen.items()))


def plain(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Those that a person can type: numbers, texts, and true or false."""
    return {name: value for name, value in defaults.items() if isinstance(value, (bool, int, float, str))}


def arguments_of(function: Callable[..., Any]) -> dict[str, Any]:
    """What a function takes by name that has a default which a person could have typed."""
    empty = inspect.Parameter.empty
    found = {each.name: each.default for each in inspect.signature(function).parameters.values()}
    return plain({name: default for name, default in found.items() if default is not empty})


def text_of(thing: Any) -> str:
    """The first line of what is written about something."""
    return (inspect.getdoc(thing) or "").strip().partition("\n")[0].rstrip(".")
