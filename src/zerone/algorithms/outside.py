"""Algorithms from outside: registered in Python, named as `module:Name`, or brought by an installed package.

An installed package brings them as entry points of the group `zerone.algorithms`, by their names.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any

import jax
import jax.numpy as jnp

from zerone.algorithms.protocol import Algorithm, Key, initial_memory
from zerone.base.errors import InputError
from zerone.base.modules import import_named, require_trusted
from zerone.parts.spaces import Spaces, example

GROUP = "zerone.algorithms"
_FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "refuse": ("spaces",),
    "check": (),
    "init": ("key", "spaces"),
    "noise": ("policy", "key", "shape"),
    "act": ("policy", "memory", "observation", "noise"),
    "update": ("state", "steps", "key"),
}
"""What an algorithm must have (see `protocol`), and what each takes besides the algorithm itself."""
_NUMBERS = ("environments", "steps_per_update", "warmup_updates")

_registered: dict[str, type[Any]] = {}


def remember(kind: type[Any], taken: Callable[[str], bool]) -> None:
    """Let `kind` be found by its `name`. Registering the same class again, as a notebook does, replaces it.

    Raises:
        InputError: it does not fit the protocol, or its name is `taken` by another one.
    """
    require_algorithm(kind, getattr(kind, "__qualname__", repr(kind)))
    before = _registered.get(kind.name)
    another = before is not None and place_of(before) != place_of(kind)
    if taken(kind.name) or another:
        raise InputError(f"algorithm {kind.name!r} is there already: give {kind.__qualname__} another name")
    _registered[kind.name] = kind


def find(name: str) -> type[Any] | None:
    """The class of a name that is registered or `module:Name`, or that an installed package brings; else None.

    Raises:
        InputError: the module of `module:Name` cannot be imported, or has no such algorithm; or the name stands in a
            file and nobody trusts it.
    """
    if name in _registered:
        return _registered[name]
    if ":" in name:
        return _of_module(name)
    for point in entry_points(group=GROUP, name=name):
        try:
            kind: type[Any] = point.load()
        except Exception as error:
            raise InputError(f"algorithm {name!r}, of an installed package, cannot be imported: {error}") from error
        require_algorithm(kind, point.value)
        return kind
    return None


def is_registered(name: str) -> bool:
    """Whether a class of this name was registered in this process."""
    return name in _registered


def place_of(kind: type[Any]) -> str:
    """Where a class is: `module:Name`."""
    return f"{kind.__module__}:{kind.__qualname__}"


def source_of(kind: type[Any]) -> str | None:
    """From where a class can be had again, as `module:Name`; None where its name leads to nothing, or something else.

    So it is for a class that was made inside of a function.
    """
    found: Any = sys.modules.get(kind.__module__)
    for part in kind.__qualname__.split("."):
        found = getattr(found, part, None)
    return place_of(kind) if isinstance(found, type) and place_of(found) == place_of(kind) else None


def require_memory(algorithm: Algorithm, spaces: Spaces) -> None:
    """Raise `InputError` unless `act` gives back an action, a memory like the one that it got, and extras."""
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
        raise InputError(f"{algorithm.name} is no algorithm: its act must give back (action, memory, extras)")
    shapes, given = ([f"{x.dtype}{list(x.shape)}" for x in jax.tree.leaves(each)] for each in (before, found[1]))
    same = str(jax.tree.structure(before)) == str(jax.tree.structure(found[1]))
    if shapes != given or not same:
        begins = f"{', '.join(shapes) or '()'}, as it begins" if shapes else "(), as there is no initial_memory"
        raise InputError(
            f"{algorithm.name} is no algorithm: its act gives back the memory {', '.join(given) or '()'}, "
            f"but must give back one like {begins}"
        )


def _of_module(name: str) -> type[Any]:
    require_trusted(name, what="algorithm")
    module, _, inside = str(name).partition(":")
    import_named(name, "algorithm")
    found: Any = importlib.import_module(module)
    for part in inside.split("."):
        found = getattr(found, part, None)
    if found is None:
        there = [each.__name__ for each in vars(sys.modules[module]).values() if _fits(each)]
        has = f"it has {', '.join(there)}" if there else "it has no algorithm"
        raise InputError(f"algorithm {name}: module {module!r} has no {inside!r}: {has}")
    require_algorithm(found, str(name))
    kind: type[Any] = found
    return kind


def _fits(kind: Any) -> bool:
    try:
        require_algorithm(kind, "")
    except InputError:
        return False
    return True


def require_algorithm(kind: Any, name: str) -> None:
    """Raise `InputError` that says what a class lacks to be an algorithm (`protocol.Algorithm`)."""
    if not isinstance(kind, type) or not dataclasses.is_dataclass(kind):
        raise InputError(f"{name} is no algorithm: it must be a class made with zerone.base.pytree's `configured`")
    for attribute, wanted in (("name", str), ("metrics", Mapping)):
        if not isinstance(getattr(kind, attribute, None), wanted):
            raise InputError(f"{name} is no algorithm: it lacks `{attribute}`")
    for attribute in _NUMBERS:
        if not hasattr(kind, attribute):
            raise InputError(f"{name} is no algorithm: it lacks the number `{attribute}`")
    for function, takes in _FUNCTIONS.items():
        found = getattr(kind, function, None)
        words = f"{function}({', '.join(takes)})"
        if not callable(found):
            raise InputError(f"{name} is no algorithm: it lacks the function {words}")
        try:
            inspect.signature(found).bind(None, *takes)
        except TypeError:
            raise InputError(f"{name} is no algorithm: its {function} must take {words}") from None
