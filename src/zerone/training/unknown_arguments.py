"""Helpful errors for unknown arguments of a function, and for swapped arguments."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from zerone.base.errors import MOST_LISTED, InputError, closest, said
from zerone.base.language import translated
from zerone.base.meanings import asked, meanings, setting_meant
from zerone.base.synonyms import ALGORITHMS, SETTINGS

P = ParamSpec("P")
R = TypeVar("R")


def answering(function: Callable[P, R]) -> Callable[P, R]:
    """The function, with an `InputError` that suggests the intended argument when an unknown one is passed."""
    parameters = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def answered(*values: P.args, **words: P.kwargs) -> R:
        for word, value in words.items():
            if word not in parameters:
                given = dict(zip(parameters, values, strict=False)) | words
                answer = _meant(word, value, function.__name__, parameters, given.get("algorithm"))
                raise InputError(f"{function.__name__}() has no argument {word!r}: {answer}")
        return function(*values, **words)

    return answered


def _meant(word: str, value: object, function: str, parameters: list[str], algorithm: object) -> str:
    """A suggestion for an argument that a function does not have."""
    trains = "settings" in parameters and algorithm is not None
    kind, fields = _settings_of(algorithm) if trains else ("", [])
    found = [word] if word in fields else meanings(word, SETTINGS, fields)
    if found:
        one = f"{kind}({found[0]}={value!r})" if kind else f"settings={{{found[0]!r}: {value!r}}}"
        return f"it is a setting of the algorithm: {one}"
    answer, near = asked(word, parameters, training=trains), closest(word, parameters)
    if answer is not None or near is not None:
        return answer or f"did you mean {near!r}?"
    meant = setting_meant(word, fields)
    if meant is not None:
        return f"{meant}, a setting of the algorithm"
    few = len(parameters) <= MOST_LISTED
    return f"it has {', '.join(parameters)}" if few else f"help(zo.{function}) lists what it has"


def _settings_of(algorithm: object) -> tuple[str, list[str]]:
    """The settings of an algorithm, and the class name if it is an object; `InputError` if the name is unknown."""
    from zerone.algorithms import catalogue

    if isinstance(algorithm, str):
        return "", [field.name for field in dataclasses.fields(catalogue.look_up(algorithm).make)]
    kind = type(algorithm)
    return kind.__name__, [field.name for field in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else []


def swapped(algorithm: str, environment: str) -> InputError | None:
    """The error for algorithm and environment given in the wrong order; None if they are not."""
    from zerone.environments.names import is_known, meant
    from zerone.training import presets

    known = presets.algorithms()
    if is_known(environment) or algorithm in known or not (environment in known or meanings(environment, ALGORITHMS)):
        return None
    algorithm = meant(algorithm) or algorithm
    right = said(f"zerone train {environment} {algorithm}", f"zo.train({environment!r}, {algorithm!r})")
    return InputError(translated("the algorithm comes first, then the environment: {command}", command=right))
