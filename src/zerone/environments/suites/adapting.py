"""Helpers of the adapters. Options are hashable static fields, so that equal environments share a compiled program."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Options: TypeAlias = tuple[tuple[str, Any], ...]
"""Pairs of name and value, sorted by name."""


def as_options(chosen: Mapping[str, Any]) -> Options:
    """Convert options to a hashable form."""
    return tuple(sorted((name, tuple(each) if isinstance(each, list) else each) for name, each in chosen.items()))


def plain(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults that can be given on the command line: numbers, texts and booleans."""
    return {name: value for name, value in defaults.items() if isinstance(value, (bool, int, float, str))}


def arguments_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The arguments of a function whose defaults are `plain`, with these defaults."""
    empty = inspect.Parameter.empty
    found = {each.name: each.default for each in inspect.signature(function).parameters.values()}
    return plain({name: default for name, default in found.items() if default is not empty})


def text_of(thing: Any) -> str:
    """The first line of a docstring, without its full stop."""
    return (inspect.getdoc(thing) or "").strip().partition("\n")[0].rstrip(".")
