"""Modules that a name (`module:Name`) leads to: importing one runs its code, so a file may not have it done."""

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
"""Environments of Gymnasium that make another one, whose id is their option `env_id`."""
MAIN = "__main__"


class ForeignId(str):
    """A name that stands in a file: it can name something, but has no module imported for it.

    Files may be from anybody. What reads a name out of one makes it a `ForeignId`, and `require_trusted` stands where
    modules are imported, so no way leads around it. `source` is where the file says that it is: `module:Name`.
    """

    source: str | None

    def __new__(cls, text: str, source: str | None = None) -> ForeignId:
        made = super().__new__(cls, text)
        made.source = source
        return made


def require_trusted(
    id: str, options: Mapping[str, Any] = {}, what: str = "environment"  # noqa: A002 - Gymnasium's word
) -> None:  # fmt: skip
    """Raise `InputError` if a name out of a file leads to a module that the person's own program has not imported."""
    if not isinstance(id, ForeignId):
        return
    inner = options.get("env_id") if id.rpartition(":")[2] in _CALLING else None
    for named in (str(id), str(inner or "")):
        module = named.partition(":")[0]
        if ":" in named and module not in sys.modules and module != name_of_main():
            raise InputError(
                translated(
                    "{what} {named!r} stands in a file and would import the module {module!r}: if you trust it, "
                    "{advice}",
                    what=translated(what),
                    named=named,
                    module=module,
                    advice=said(translated("pass --trust"), translated("import {module} first", module=module)),
                )
            )


def import_named(id: str, what: str = "environment") -> None:  # noqa: A002
    """Import the module of an id, if it has one. Raises `InputError`, whatever the module does when it is imported."""
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
    """What `module:Name` names; its module is imported.

    Raises:
        InputError: the module cannot be imported or has no such name; or the id stands in a file and nobody trusts it.
    """
    require_trusted(id, what=what)
    import_named(id, what)
    return imported_object(str(id), what)


def imported_object(id: str, what: str) -> Any:  # noqa: A002
    """What `module:Name` names in a module that is imported already. Raises `InputError` if it has no such name."""
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
    """The module of a name; the program that runs, where that is its own."""
    return sys.modules[MAIN] if name == name_of_main() else importlib.import_module(name)


def name_of_main() -> str:
    """What the program that runs is called where another one imports it; `__main__` where none can.

    A class in `world.py` is `world:World` also while that file is run itself, so that a run of it can be loaded later.
    """
    main = sys.modules.get(MAIN)
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    file = Path(getattr(main, "__file__", None) or "")
    return file.stem if file.suffix == ".py" and file.stem.isidentifier() else MAIN


def place_of(thing: Any) -> str:
    """Where a class or a function is: `module:Name`."""
    module = thing.__module__
    inside = getattr(thing, "__qualname__", type(thing).__qualname__)  # an object can be a function, too
    return f"{name_of_main() if module == MAIN else module}:{inside}"


def source_of(thing: Any) -> str | None:
    """From where a class or a function can be had again, as `module:Name`; None where that leads to something else.

    So it is for what was made inside of a function.
    """
    if not (isinstance(getattr(thing, "__module__", None), str) and hasattr(thing, "__qualname__")):
        return None
    found: Any = sys.modules.get(thing.__module__)
    for part in thing.__qualname__.split("."):
        found = getattr(found, part, None)
    same = found is thing or (isinstance(found, type) and place_of(found) == place_of(thing))  # a cell that ran again
    return place_of(thing) if same else None
