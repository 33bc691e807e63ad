"""A decorator for all public functions: 32-bit computation, the caller's working directory, and the step timeout."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from zerone.base.bits import in_32_bits
from zerone.base.errors import InputError, ZeroneError
from zerone.base.language import translatable, translated
from zerone.base.place import fixed_working_folder, in_short
from zerone.base.scalars import python_numbers
from zerone.base.values import short
from zerone.environments.gym.step_timeout import limited
from zerone.training.interrupt import last_resort

P = ParamSpec("P")
R = TypeVar("R")

_KINDS: Mapping[str, tuple[type, str]] = {
    "bool": (bool, translatable("True or False")),
    "str": (str, translatable("a text")),
    "Mapping": (Mapping, translatable("a dictionary of names")),
}
"""Kinds of parameters by their annotations: a class, and what a value must be in words."""


def entry(function: Callable[P, R]) -> Callable[P, R]:
    """A version of the function that computes in 32 bits and resolves paths from the caller's working directory.

    NumPy's and JAX's scalars among its arguments become Python's numbers: a count may come from an array.

    If it has a keyword `step_timeout`, that limits every environment step within the call.
    """
    parameters = inspect.signature(function).parameters

    @functools.wraps(function)
    def entered(*arguments: P.args, **named: P.kwargs) -> R:
        numbers: Any = python_numbers(arguments), python_numbers(named)
        seconds: Any = numbers[1].get("step_timeout")
        with fixed_working_folder(), in_32_bits(), limited(seconds, last_resort()):
            try:
                _require_kinds(parameters, numbers[0], numbers[1])
                return function(*numbers[0], **numbers[1])
            except ZeroneError as error:
                error.args = (in_short(str(error)),)
                raise

    return entered


def _require_kinds(
    parameters: Mapping[str, inspect.Parameter], values: tuple[Any, ...], named: Mapping[str, Any]
) -> None:
    """Raise `InputError` for a flag, a text or a dictionary that is none: `"no"` must not count as true."""
    for name, value in (dict(zip(parameters, values, strict=False)) | dict(named)).items():
        annotation = str(parameters[name].annotation) if name in parameters else ""
        kind, may_be_none = annotation.removesuffix(" | None").partition("[")[0], annotation.endswith(" | None")
        if kind not in _KINDS or (value is None and may_be_none):
            continue
        wanted, allowed = _KINDS[kind]
        all_texts = not isinstance(value, Mapping) or all(isinstance(each, str) for each in value)
        if not (isinstance(value, wanted) and all_texts):
            raise InputError(
                translated("{name} = {value} is not allowed: must be {allowed}", name=name, value=short(value),
                           allowed=translated(allowed))
            )  # fmt: skip
