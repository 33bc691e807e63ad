"""Import of objects named `module:Name`. Importing runs code, so names read from files need the user's consent."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from zerone.base.errors import InputError, said
from zerone.base.language import translated

_CALLING = ("GymV21Environment-v0", "GymV26Environment-v0")
"""Gymnasium environments that create another environment, whose id is their option `env_id`."""
MAIN = "__main__"


class ForeignId(str):
    """A name that was read from a file and must not cause an import unless the user trusts the file.

    Files may be from anybody. Code that reads a name from a file makes it a `ForeignId`, and every place that imports
    modules calls `require_trusted`. `source` is the object's location according to the file, as `module:Name`.
    """

    source: str | None

    def __new__(cls, text: str, source: str | None = None) -> ForeignId:
        made = super().__new__(cls, text)
        made.source = source
        return made


def require_trusted(
    id: str, options: Mapping[str, Any] = {}, what: str = "environment"  # noqa: A002 - Gymnasium's word
) -> None:  # fmt: skip
    """Raise `InputError` if a name from a file belongs to a module that the user's program has not imported itself."""
    if not isinstance(id, ForeignId):
        return
    inner = options.get("env_id") if id.rpartition(":")[2] in _CALLING else None
    for named in (str(id), str(inner or "")):
        module = named.partition(":")[0]
        if ":" in named and module not in sys.modules and module != name_of_main():
            raise InputError(
                translated(
                    "{what} {named!r} is named in a file and would import the module {module!r}: if you trust it, "
                    "{advice}",
                    what=translated(what),
                    named=named,
                    module=module,
                    advice=said(translated("pass --trust"), translated("import {module} first", module=module)),
                )
            )


def import_named(id: str, what: str = "environment") -> None:  # noqa: A002
    """Import the module of an id such as `module:Name`. Every exception of the import is raised as an `InputError`."""
    module, colon, _ = id.partition(":")
    if not colon:
        return
    try:
        module_called(module)
    except (Exception, SystemExit) as error:
        reason = " ".join(str(error).split())
        if not isinstance(error, ImportError):
            reason = f"{type(error).__name__}: {reason}"
        raise InputError(
            translated(
                "{what} {id}: module {module!r} cannot be imported: {reason}",
                what=translated(what),
                id=id,
                module=module,
                reason=reason,
            )
        ) from error


def named_object(id: str, what: str) -> Any:  # noqa: A002
    """Import the module and return the object that `module:Name` names.

    Raises:
        InputError: the module cannot be imported or has no such name, or the id is from a file that is not trusted.
    """
    require_trusted(id, what=what)
    import_named(id, what)
    return imported_object(str(id), what)


def imported_object(id: str, what: str) -> Any:  # noqa: A002
    """The object that `module:Name` names in an already imported module. Raises `InputError` if there is none."""
    module, _, inside = id.partition(":")
    found: Any = module_called(module)
    for part in inside.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise InputError(
            translated(
                "{what} {id}: module {module!r} has no {inside!r}",
                what=translated(what),
                id=id,
                module=module,
                inside=inside,
            )
        )
    return found


def module_called(name: str) -> ModuleType:
    """Import and return a module; if it is the file that is run as the main program, return `__main__`."""
    from zerone.base.compilation import keep_compiled_programs

    keep_compiled_programs()  # a module that computes an array starts JAX
    return sys.modules[MAIN] if name == name_of_main() else importlib.import_module(name)


def name_of_main() -> str:
    """The name under which other programs can import the main program; `__main__` if they cannot.

    A class `World` in `world.py` is `world:World` even while `world.py` is the main program, so that its runs can be
    loaded by other programs later.
    """
    main = sys.modules.get(MAIN)
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    file = Path(getattr(main, "__file__", None) or "")
    return file.stem if file.suffix == ".py" and file.stem.isidentifier() else MAIN


def place_of(thing: Any) -> str:
    """The location of a class or a function, as `module:Name`."""
    module = thing.__module__
    inside = getattr(thing, "__qualname__", type(thing).__qualname__)  # an instance with `__call__`
    return f"{name_of_main() if module == MAIN else module}:{inside}"


def source_of(thing: Any) -> str | None:
    """The `module:Name` from which another program can import a class or function; None if there is no such name.

    Classes and functions that are defined inside of a function have none.
    """
    if not (isinstance(getattr(thing, "__module__", None), str) and hasattr(thing, "__qualname__")):
        return None
    found: Any = sys.modules.get(thing.__module__)
    for part in thing.__qualname__.split("."):
        found = getattr(found, part, None)
    same = found is thing or (isinstance(found, type) and place_of(found) == place_of(thing))  # a cell that ran again
    return place_of(thing) if same else None
