"""Users' environments written in JAX: registered, named as `module:Name`, or part of an installed package.

An installed package declares them as entry points of the group `zerone.environments`, named by their ids. This module
does not import JAX.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import gymnasium

from zerone.base.errors import InputError
from zerone.base.language import translatable, translated
from zerone.base.outside import Outside, require_functions, takes_these

_FUNCTIONS = {"reset": ("key",), "step": ("key", "state", "action")}
_SPACES = ("observation_space", "action_space")
_WORDS = ("limit", "reward")
"""Options that every environment has, so no field may have these names."""
LIMIT, LEVEL, ACTIONS = "max_episode_steps", "reward_threshold", "action_names"
"""Optional class attributes, named as in Gymnasium: the time limit, the mean return at which the environment is solved,
and the names of the actions."""


def looks_like_one(thing: Any) -> bool:
    """Whether a class or object is meant as an environment written in JAX, whether or not it is a valid one."""
    kind = thing if isinstance(thing, type) else type(thing)
    others = (gymnasium.Env, gymnasium.vector.VectorEnv)
    if issubclass(kind, others) or any(each.__module__.split(".")[0] == "gym" for each in kind.__mro__):
        return False
    step, has = getattr(kind, "step", None), [each for each in (*_FUNCTIONS, *_SPACES) if hasattr(kind, each)]
    if dataclasses.is_dataclass(kind):
        return len(has) >= 2
    return callable(step) and takes_these(step, (None, *_FUNCTIONS["step"]))


def says(kind: type[Any], word: str) -> Any:
    """The value of a class attribute; None if the class has none, or if it is a property of objects."""
    found = getattr(kind, word, None)
    return None if isinstance(found, property) else found


def require_environment(kind: Any, name: str) -> None:
    """Raise `InputError` unless a class is an environment whose fields can be options."""
    require_functions_and_spaces(kind, name)
    for field in dataclasses.fields(kind):
        if field.name in _WORDS:
            raise InputError(
                translated(
                    "{name} is not a valid environment: its field {field!r} is an option that every environment has: "
                    "give it another name",
                    name=name,
                    field=field.name,
                )
            )


def require_functions_and_spaces(kind: Any, name: str) -> None:
    """Raise `InputError` unless a class has all that `base.Environment` requires."""
    if not isinstance(kind, type) or not dataclasses.is_dataclass(kind):
        raise InputError(
            translated(
                "{name} is not a valid environment: it must be a class made with zerone.base.pytree's `configured`",
                name=name,
            )
        )
    require_functions(kind, name, "environment", _FUNCTIONS)
    for space in _SPACES:
        if not hasattr(kind, space) and space not in {each.name for each in dataclasses.fields(kind)}:
            raise InputError(
                translated("{name} is not a valid environment: it lacks `{space}`", name=name, space=space)
            )
    limit, level = says(kind, LIMIT), says(kind, LEVEL)
    if limit is not None and (type(limit) is not int or limit < 0):
        raise InputError(
            translated(
                "{name}: {field} = {value!r} is not allowed: must be a whole number, at least 0",
                name=name,
                field=LIMIT,
                value=limit,
            )
        )
    if level is not None and not (type(level) in (int, float) and math.isfinite(level)):
        raise InputError(
            translated(
                "{name}: {field} = {value!r} is not allowed: must be a number", name=name, field=LEVEL, value=level
            )
        )
    actions = says(kind, ACTIONS)
    if actions is not None and not (isinstance(actions, tuple) and all(isinstance(each, str) for each in actions)):
        raise InputError(
            translated(
                "{name}: {field} = {value!r} is not allowed: must be a tuple of texts",
                name=name,
                field=ACTIONS,
                value=actions,
            )
        )


ENVIRONMENTS = Outside(translatable("environment"), "zerone.environments", require_environment, meant=looks_like_one)
"""`find` returns None if a module has no environment of a name: importing it may have registered one with Gymnasium."""
