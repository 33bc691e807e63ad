"""Algorithms from outside: registered in Python, named as `module:Name`, or brought by an installed package.

An installed package brings them as entry points of the group `zerone.algorithms`, by their names.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from zerone.algorithms.protocol import Algorithm, Key, initial_memory
from zerone.base.errors import InputError
from zerone.base.language import translatable, translated
from zerone.base.outside import Outside, require_functions
from zerone.environments.spaces import Spaces, example

_FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "refuse": ("spaces",),
    "check": (),
    "init": ("key", "spaces"),
    "noise": ("policy", "key", "shape"),
    "act": ("policy", "memory", "observation", "noise"),
    "update": ("state", "steps", "key"),
}
"""The functions of an algorithm (see `protocol`), and their arguments besides the algorithm itself."""
_NUMBERS = ("environments", "steps_per_update", "warmup_updates")


def require_memory(algorithm: Algorithm, spaces: Spaces) -> None:
    """Raise `InputError` unless `act` returns an action, a memory of the same structure as its argument, and extras."""
    number = algorithm.environments

    def acted(key: Key) -> tuple[Any, Any]:
        policy = algorithm.init(key, spaces).policy
        noise = jax.tree.map(lambda x: x[0], algorithm.noise(policy, key, (1, number)))
        one = example(spaces.observation)
        seen = jnp.broadcast_to(one, (number, *one.shape))
        memory = initial_memory(algorithm, policy, number)
        return memory, algorithm.act(policy, memory, seen, noise)

    before, found = jax.eval_shape(acted, jax.random.key(0))
    if not isinstance(found, tuple) or len(found) != 3:
        raise InputError(
            translated(
                "{algorithm} is no algorithm: its act must give back (action, memory, extras)", algorithm=algorithm.name
            )
        )
    shapes, given = ([f"{x.dtype}{list(x.shape)}" for x in jax.tree.leaves(each)] for each in (before, found[1]))
    same = str(jax.tree.structure(before)) == str(jax.tree.structure(found[1]))
    if shapes != given or not same:
        begins = f"{', '.join(shapes) or '()'}, as it begins" if shapes else "(), as there is no initial_memory"
        raise InputError(
            translated(
                "{algorithm} is no algorithm: its act gives back the memory {listed}, but must give back one like "
                "{begins}",
                algorithm=algorithm.name,
                listed=", ".join(given) or "()",
                begins=begins,
            )
        )


def require_algorithm(kind: Any, name: str) -> None:
    """Raise `InputError` if a class is not an algorithm (`protocol.Algorithm`); the message names what is missing."""
    if not isinstance(kind, type) or not dataclasses.is_dataclass(kind):
        raise InputError(
            translated(
                "{name} is no algorithm: it must be a class made with zerone.base.pytree's `configured`", name=name
            )
        )
    for attribute, wanted in (("name", str), ("metrics", Mapping)):
        if not isinstance(getattr(kind, attribute, None), wanted):
            raise InputError(
                translated("{name} is no algorithm: it lacks `{attribute}`", name=name, attribute=attribute)
            )
    for attribute in _NUMBERS:
        if not hasattr(kind, attribute):
            raise InputError(
                translated("{name} is no algorithm: it lacks the number `{attribute}`", name=name, attribute=attribute)
            )
    require_functions(kind, name, "algorithm", _FUNCTIONS)


NAMES = Outside(translatable("algorithm"), "zerone.algorithms", require_algorithm)


def remember(kind: type[Any], taken: frozenset[str]) -> None:
    """Register the class `kind` by its `name`. Registering a class again, as in a notebook, replaces it.

    Raises:
        InputError: it does not fit the protocol, or its name is one of those `taken`, or of another one.
    """
    require_algorithm(kind, getattr(kind, "__qualname__", repr(kind)))
    NAMES.remember(kind.name, kind, kind.name in taken)


def find(name: str) -> type[Any] | None:
    """The class of a name that is registered or `module:Name`, or that an installed package brings; else None.

    Raises:
        InputError: the module of `module:Name` cannot be imported, or has no such algorithm; or the name stands in a
            file and nobody trusts it.
    """
    found: type[Any] | None = NAMES.find(name)
    place = None if found is not None else NAMES.place(name)
    if place is not None:
        raise NAMES.missing(place)
    return found


def is_registered(name: str) -> bool:
    """Whether a class of this name was registered in this process."""
    return name in NAMES.registered
