"""Modules that an id (`module:Id`) names: importing one runs its code, so a file may not have it done."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any

from zerone.base.errors import InputError, said

_CALLING = ("GymV21Environment-v0", "GymV26Environment-v0")
"""Environments of Gymnasium that make another one, whose id is their option `env_id`."""


class ForeignId(str):
    """An id that stands in a file: it can name an environment, but has no module imported for it.

    Files may be from anybody. Whoever reads an id out of one makes it a `ForeignId`, and `require_trusted` stands where
    modules are imported, so no way leads around it.
    """

    __slots__ = ()


def require_trusted(
    id: str, options: Mapping[str, Any] = {}, what: str = "environment"  # noqa: A002 - Gymnasium's word
) -> None:  # fmt: skip
    """Raise `InputError` if an id out of a file names a module that the person's own program has not imported."""
    if not isinstance(id, ForeignId):
        return
    inner = options.get("env_id") if id.rpartition(":")[2] in _CALLING else None
    for named in (str(id), str(inner or "")):
        module = named.partition(":")[0]
        if ":" in named and module not in sys.modules:
            raise InputError(
                f"{what} {named!r} stands in a file and would import the module {module!r}: if you trust it, "
                + said("pass --trust", f"import {module} first")
            )


def import_named(id: str, what: str = "environment") -> None:  # noqa: A002
    """Import the module of an id, if it has one. Raises `InputError`, whatever the module does when it is imported."""
    module, colon, _ = id.partition(":")
    if not colon:
        return
    try:
        importlib.import_module(module)
    except (Exception, SystemExit) as error:
        reason = " ".join(str(error).split())
        if not isinstance(error, ImportError):
            reason = f"{type(error).__name__}: {reason}"
        raise InputError(f"{what} {id}: module {module!r} cannot be imported: {reason}") from error


def named_object(id: str, what: str) -> Any:  # noqa: A002
    """What `module:Name` names; its module is imported.

    Raises:
        InputError: the module cannot be imported or has no such name; or the id stands in a file and nobody trusts it.
    """
    require_trusted(id, what=what)
    import_named(id, what)
    module, _, inside = str(id).partition(":")
    found: Any = sys.modules.get(module)
    for part in inside.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise InputError(f"{what} {id}: module {module!r} has no {inside!r}")
    return found
