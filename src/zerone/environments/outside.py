"""Environments written in JAX from outside: registered, `module:Name`, or brought by an installed package.

An installed package brings them as entry points of the group `zerone.environments`, by their ids. Reading this imports
no JAX.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import gymnasium

from zerone.base.errors import InputError
from zerone.base.language import translatable, translated
from zerone.base.outside import Outside, require_functions, takes_these

_FUNCTIONS = {"reset": ("key",), "step": ("key", "state", "action")}
_SPACES = ("observation_space", "action_space")
_WORDS = ("limit", "reward")
"""Options that every environment has, so no field may be called so."""
LIMIT, LEVEL, ACTIONS = "max_episode_steps", "reward_threshold", "action_names"
"""What a class may say of itself, in Gymnasium's words: its time limit, the mean return at which it is solved, and what
its actions are called."""


def looks_like_one(thing: Any) -> bool:
    """Whether a class, or the class of an object, means to be an environment written in JAX, sound or not."""
    kind = thing if isinstance(thing, type) else type(thing)
    others = (gymnasium.Env, gymnasium.vector.VectorEnv)
    if issubclass(kind, others) or any(each.__module__.split(".")[0] == "gym" for each in kind.__mro__):
        return False
    step, has = getattr(kind, "step", None), [each for each in (*_FUNCTIONS, *_SPACES) if hasattr(kind, each)]
    if dataclasses.is_dataclass(kind):
        return len(has) >= 2
    return callable(step) and takes_these(step, (None, *_FUNCTIONS["step"]))


def says(kind: type[Any], word: str) -> Any:
    """What a class says of itself; None where it says nothing, or only an object of it does (a property)."""
    found = getattr(kind, word, None)
    return None if isinstance(found, property) else found


def require_environment(kind: Any, name: str) -> None:
    """Raise `InputError` that says what a class lacks to be an environment that can be named."""
    require_functions_and_spaces(kind, name)
    for field in dataclasses.fields(kind):
        if field.name in _WORDS:
            raise InputError(
                translated(
                    "{name} is no environment: its field {field!r} is an option that every environment has: give "
                    "it another name",
                    name=name,
                    field=field.name,
                )
            )


def require_functions_and_spaces(kind: Any, name: str) -> None:
    """Raise `InputError` that says what a class lacks to be an environment (`base.Environment`)."""
    if not isinstance(kind, type) or not dataclasses.is_dataclass(kind):
        raise InputError(
            translated(
                "{name} is no environment: it must be a class made with zerone.base.pytree's `configured`", name=name
            )
        )
    require_functions(kind, name, "environment", _FUNCTIONS)
    for space in _SPACES:
        if not hasattr(kind, space) and space not in {each.name for each in dataclasses.fields(kind)}:
            raise InputError(translated("{name} is no environment: it lacks `{space}`", name=name, space=space))
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
    if level is not None and type(level) not in (int, float):
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
"""None is found also where a module has no environment of that name: then it may register an id with Gymnasium."""
