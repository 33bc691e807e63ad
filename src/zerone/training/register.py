"""`zerone.register`: makes a user's algorithm, environment, shaped reward or callback available by name."""

from __future__ import annotations

from typing import Any

from zerone.algorithms import catalogue as algorithms
from zerone.base.errors import InputError
from zerone.environments import catalogue as environments
from zerone.environments import rewards
from zerone.training import callback_sources
from zerone.training.entry import entry
from zerone.training.events import Callback


@entry
def register(name: str | type[Any], thing: object = None) -> None:
    """Register your own code under a name, for use in Python and for run folders that are loaded in this process.

        zo.register(MyAlgorithm)                   an algorithm, by its own `name`
        zo.register("my/World-v0", MyEnvironment)  an environment written in JAX: a class
        zo.register("near", near)                  a shaped reward: a function, for `options={"reward": "near"}`
        zo.register("patience", Patience)          a callback: a class made from `zo.Callback`

    On the command line, `module:Name` names it without being registered.

    Args:
        name: The name; or the class of an algorithm, which has one.
        thing: The class of an environment or of a callback, or a shaped reward.

    Raises:
        InputError: it does not fulfil the requirements of its kind (the message says which), or the name is taken.
    """
    if not isinstance(name, str):
        if thing is not None:
            raise InputError(f"name {name!r} is not allowed: must be a text, before what it names")
        algorithms.register(name)
    elif not name or any(each.isspace() for each in name):
        raise InputError(f"name {name!r} is not allowed: must be a word without spaces, such as 'my/World-v0'")
    elif thing is None:
        raise InputError(f"{name!r} names nothing: register({name!r}, THING), or register(ALGORITHM)")
    elif isinstance(thing, type) and issubclass(thing, Callback):
        callback_sources.register(name, thing)
    elif isinstance(thing, type):
        environments.register(name, thing)
    elif callable(thing):
        rewards.register(name, thing)
    else:
        raise InputError(f"{name!r}: {type(thing).__name__} cannot be registered: must be the class of an environment "
                         "or a callback, or the function of a shaped reward")  # fmt: skip
