"""Names from outside: registered in Python, `module:Name`, or the entry point of an installed package.

A name that a person types or writes in a program is looked for in all three ways. A name that stands in a file
(`ForeignId`) leads to what this process has registered, and to modules that are imported already; to all others,
those of installed packages too, only when somebody has said that it is trusted: to load code because a folder names
it would be the folder's choice.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.modules import (
    MAIN,
    ForeignId,
    import_named,
    module_called,
    name_of_main,
    place_of,
    require_trusted,
)


def _anything(thing: Any) -> bool:
    return thing is not None


class Outside:
    """What people bring of one kind: algorithms, environments, shaped rewards."""

    def __init__(
        self, what: str, group: str, require: Callable[[Any, str], None], meant: Callable[[Any], bool] = _anything
    ) -> None:
        """Keep names of a kind.

        Args:
            what: What one is called in an error: "algorithm".
            group: The group of entry points by which an installed package brings some.
            require: Raises `InputError` that says what something lacks to be one; it is given how that is called.
            meant: Whether something in a module is meant as one at all: names of other kinds may have the same form.
        """
        self.what, self.group, self.require, self._meant = what, group, require, meant
        self.registered: dict[str, Any] = {}

    def remember(self, name: str, thing: Any, taken: bool) -> None:
        """Let `thing` be found by `name`. Registering it again, as a notebook does, replaces it.

        Raises:
            InputError: it does not fit, or another one has the name (`taken`: one that was not registered).
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
        """What a name leads to; None where nobody has brought it, or its module has nothing of that name.

        Raises:
            InputError: its module cannot be imported, or what it leads to does not fit; or the name stands in a file
                and nobody trusts it.
        """
        if name in self.registered:
            return self.registered[name]
        place = self.place(name)
        if place is None:
            return None
        require_trusted(ForeignId(place) if isinstance(name, ForeignId) else place, what=self.what)
        return self.at(place)

    def place(self, name: str) -> str | None:
        """Where what is not registered would be: as its file says, itself, or as an installed package says."""
        source = name.source if isinstance(name, ForeignId) else None
        if source is not None or ":" in name:
            return str(source or name)
        return _brought(self.group, tuple(sys.path)).get(str(name))

    def brought(self) -> list[str]:
        """The names that are registered, and those of installed packages."""
        return sorted({*self.registered, *_brought(self.group, tuple(sys.path))})

    def is_imported(self, name: str) -> bool:
        """Whether what a name leads to can be had without importing anything."""
        if name in self.registered:
            return True
        module = (self.place(name) or "").partition(":")[0]
        return module in sys.modules or module == name_of_main()

    def at(self, place: str) -> Any | None:
        """What is at a place (`module:Name`), which is imported; None where there is nothing that is meant as one.

        Raises:
            InputError: the module cannot be imported, or what is there does not fit.
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
        """The error of a place at which there is nothing: what its module has instead."""
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
        """The names of what fits in a module that is imported."""
        found = vars(module_called(module)).items() if module in sys.modules else ()
        return [name for name, each in found if not name.startswith("_") and self._fits(each)]

    def _fits(self, thing: Any) -> bool:
        try:
            self.require(thing, "")
        except InputError:
            return False
        return True


@functools.cache
def _brought(group: str, path: tuple[str, ...]) -> dict[str, str]:
    """The entry points of a group in the packages that are installed along `path`: name and place."""
    del path  # where they are looked for
    return {point.name: f"{point.module}:{point.attr}" for point in entry_points(group=group)}


def require_functions(kind: type[Any], name: str, what: str, functions: Mapping[str, tuple[str, ...]]) -> None:
    """Raise `InputError` that says which of these functions a class lacks, or which takes other arguments."""
    for function, takes in functions.items():
        found = getattr(kind, function, None)
        words = f"{function}({', '.join(takes)})"
        if not callable(found):
            raise InputError(
                translated(
                    "{name} is no {what}: it lacks the function {words}", name=name, what=translated(what), words=words
                )
            )
        if not takes_these(found, (None, *takes)):
            raise InputError(
                translated(
                    "{name} is no {what}: its {function} must take {words}",
                    name=name,
                    what=translated(what),
                    function=function,
                    words=words,
                )
            )


def takes_these(function: Callable[..., Any], values: tuple[str | None, ...]) -> bool:
    """Whether a function can be called with as many values, and does not call them the same in another order."""
    try:
        signature = inspect.signature(function)
        bound = signature.bind(*values)
    except (TypeError, ValueError):
        return False
    return not any(name in values and value != name for name, value in bound.arguments.items() if value is not None)
