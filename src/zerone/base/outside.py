"""Names of users' algorithms, environments and rewards: registered, `module:Name`, or an installed entry point.

A name that a user types or writes in a program is looked up in all three ways. A name that was read from a file
(`ForeignId`) finds what this process has registered or already imported. Anything else, including installed packages,
is imported only if the user has declared the file trusted: otherwise a folder could choose which code runs.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any

from zerone.base.errors import InputError
from zerone.base.language import joined, translated
from zerone.base.modules import (
    MAIN,
    ForeignId,
    import_named,
    module_called,
    name_of_main,
    place_of,
    require_trusted,
)


def _is_something(thing: Any) -> bool:
    return thing is not None


class Outside:
    """A registry of users' own objects of one kind: algorithms, environments or shaped rewards."""

    def __init__(
        self, what: str, group: str, require: Callable[[Any, str], None], meant: Callable[[Any], bool] = _is_something
    ) -> None:
        """Create an empty registry.

        Args:
            what: The name of the kind in errors, such as "algorithm".
            group: The entry-point group through which installed packages add objects of this kind.
            require: Called with an object and its name; raises `InputError` if the object does not fit this kind.
            meant: Whether an object found in a module is of this kind: `module:Name` may name another kind.
        """
        self.what, self.group, self.require, self._meant = what, group, require, meant
        self.registered: dict[str, Any] = {}

    def remember(self, name: str, thing: Any, taken: bool) -> None:
        """Register `thing` under `name`. Registering the same definition again, as a notebook does, replaces it.

        Args:
            name: The name.
            thing: The class or function.
            taken: Whether one of Zerone's own objects has the name.

        Raises:
            InputError: `thing` does not fit, or the name belongs to another object.
        """
        called = getattr(thing, "__qualname__", repr(thing))
        self.require(thing, called)
        before = self.registered.get(name)
        if taken or (before is not None and place_of(before) != place_of(thing)):
            raise InputError(
                translated(
                    "{what} {name!r} is there already: give {called} another name",
                    what=translated(self.what),
                    name=name,
                    called=called,
                )
            )
        self.registered[name] = thing

    def find(self, name: str) -> Any | None:
        """The object called `name`; None if it is not registered or its module has no such object.

        Raises:
            InputError: the module cannot be imported, the object does not fit, or the name is from a file that is not
                trusted.
        """
        if name in self.registered:
            return self.registered[name]
        place = self.place(name)
        if place is None:
            return None
        require_trusted(ForeignId(place) if isinstance(name, ForeignId) else place, what=self.what)
        return self.at(place)

    def place(self, name: str) -> str | None:
        """The `module:Name` of an unregistered object: given by its file, by itself or by an installed package."""
        source = name.source if isinstance(name, ForeignId) else None
        if source is not None or ":" in name:
            return str(source or name)
        return _installed_entry_points(self.group, tuple(sys.path)).get(str(name))

    def brought(self) -> list[str]:
        """The registered names and those of installed packages, sorted."""
        return sorted({*self.registered, *_installed_entry_points(self.group, tuple(sys.path))})

    def is_imported(self, name: str) -> bool:
        """Whether the object called `name` can be found without importing a module."""
        if name in self.registered:
            return True
        module = (self.place(name) or "").partition(":")[0]
        return module in sys.modules or module == name_of_main()

    def at(self, place: str) -> Any | None:
        """Import `place` (`module:Name`) and return the object; None if there is no object of this kind.

        Raises:
            InputError: the module cannot be imported, or the object does not fit.
        """
        module, _, inside = place.partition(":")
        import_named(place, self.what)
        found: Any = module_called(module)
        for part in inside.split("."):
            found = getattr(found, part, None)
        if found is None or not self._meant(found):
            return None
        self.require(found, place)
        return found

    def missing(self, place: str) -> InputError:
        """The error for a `module:Name` that does not exist; it lists what the module has instead."""
        module, _, inside = place.partition(":")
        if module == MAIN:
            return InputError(
                translated(
                    "{what} {place} was made in a notebook or at a prompt: to use it elsewhere, put it into a module",
                    what=translated(self.what),
                    place=place,
                )
            )
        there = self.in_module(module)
        none = translated("it has no {what}", what=translated(self.what))
        has = translated("it has {names}", names=", ".join(there)) if there else none
        return InputError(
            translated(
                "{what} {place}: module {module!r} has no {inside!r}: {has}",
                what=translated(self.what),
                place=place,
                module=module,
                inside=inside,
                has=has,
            )
        )

    def in_module(self, module: str) -> list[str]:
        """The names of the fitting objects in an imported module."""
        found = vars(module_called(module)).items() if module in sys.modules else ()
        return [name for name, each in found if not name.startswith("_") and self._fits(each)]

    def _fits(self, thing: Any) -> bool:
        try:
            self.require(thing, "")
        except InputError:
            return False
        return True


@functools.cache
def _installed_entry_points(group: str, path: tuple[str, ...]) -> dict[str, str]:
    """The entry points of a group in the installed packages: each name with its `module:Name`."""
    del path  # only a key of the cache: `entry_points` searches `sys.path`
    return {point.name: f"{point.module}:{point.attr}" for point in entry_points(group=group)}


def require_functions(
    kind: type[Any], name: str, what: str, functions: Mapping[str, tuple[str, ...]], lacks: Sequence[str] = ()
) -> None:
    """Raise `InputError` if a class lacks some of these functions, or if one takes other arguments.

    `lacks` is what else it lacks: the error names everything at once.
    """
    words = {function: f"{function}({', '.join(takes)})" for function, takes in functions.items()}
    missing = [
        *lacks,
        *(
            translated("the function {words}", words=words[each])
            for each in functions
            if not callable(getattr(kind, each, None))
        ),
    ]
    if missing:
        raise InputError(
            translated("{name} is not a valid {what}: it lacks {listed}", name=name, what=translated(what),
                       listed=joined(missing))
        )  # fmt: skip
    for function, takes in functions.items():
        if not takes_these(getattr(kind, function), (None, *takes)):
            raise InputError(
                translated(
                    "{name} is not a valid {what}: its {function} must take {words}",
                    name=name,
                    what=translated(what),
                    function=function,
                    words=words[function],
                )
            )


def takes_these(function: Callable[..., Any], values: tuple[str | None, ...]) -> bool:
    """Whether a function takes this many positional arguments, with none of these names in another position."""
    try:
        signature = inspect.signature(function)
        bound = signature.bind(*values)
    except (TypeError, ValueError):
        return False
    return not any(name in values and value != name for name, value in bound.arguments.items() if value is not None)
