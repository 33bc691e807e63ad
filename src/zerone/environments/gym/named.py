"""Gymnasium environments that are not registered, by the place of their class or function: `module:Name`.

Name is an environment class, or a function that returns an environment. So a run of `zerone.train("ppo", world.World)`
can be loaded like any other, and `zerone train ppo world:World` needs no `gymnasium.register`. Options are arguments.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium

from zerone.base.modules import imported_object, module_called, name_of_main, source_of


def place_of_maker(thing: object) -> str | None:
    """The place `module:Name` of an environment class or function; None if it cannot be imported again."""
    return source_of(thing) if _is_class(thing) or inspect.isfunction(thing) else None


def maker_at(place: str, options: Mapping[str, Any], render_mode: str | None) -> Callable[[], Any] | None:
    """A function that makes an environment, from `module:Name`, which is imported; None if there is no such thing.

    `render_mode` is passed only if it is a parameter.
    """
    module, _, name = place.partition(":")
    if not _is_there(module) or not hasattr(module_called(module), name.partition(".")[0]):
        return None
    thing = imported_object(place, "environment")
    if not (_is_class(thing) or inspect.isfunction(thing)):
        return None
    words = dict(options)
    if render_mode is not None and _takes(thing, "render_mode"):
        words["render_mode"] = render_mode
    return functools.partial(thing, **words) if words else thing


def classes_of(module: str) -> list[str]:
    """The names of the environment classes that an imported module itself defines."""
    there = vars(module_called(module)).items() if _is_there(module) else ()
    return [name for name, thing in there if not name.startswith("_") and _is_class(thing) and _is_of(thing, module)]


def _is_there(module: str) -> bool:
    """Whether a module is imported, or is the running program."""
    return module in sys.modules or module == name_of_main()


def _is_class(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, gymnasium.Env)


def _is_of(thing: type[Any], module: str) -> bool:
    return (source_of(thing) or "").partition(":")[0] == module


def _takes(function: Callable[..., Any], name: str) -> bool:
    parameters = inspect.signature(function).parameters
    return name in parameters or any(each.kind is each.VAR_KEYWORD for each in parameters.values())
