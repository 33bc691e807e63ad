"""Relative paths are resolved from the working folder in which a call began.

The working folder belongs to the whole process, and an environment may change it at any time: on import, when it is
created or in a step. So every public call begins with `fixed_working_folder`, and every path goes through `absolute`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

from zerone.base.errors import InputError
from zerone.base.language import translated

_here: ContextVar[Path | None] = ContextVar("here", default=None)


@contextlib.contextmanager
def fixed_working_folder() -> Iterator[None]:
    """Resolve relative paths from the current working folder until the end of the block.

    Inside of another `fixed_working_folder`, the outer block's folder stays in use.
    """
    if _here.get() is not None:
        yield
        return
    token = _here.set(_working_folder())
    try:
        yield
    finally:
        _here.reset(token)


def here() -> Path:
    """The folder from which relative paths are resolved."""
    return _here.get() or _working_folder()


def absolute(path: str | os.PathLike[str]) -> Path:
    """The absolute form of a path, which stays valid when the working folder changes.

    Raises:
        InputError: it is no path.
    """
    given: object = path
    if not isinstance(given, (str, os.PathLike)):
        raise InputError(translated("{given!r} is not allowed: must be a path, such as 'runs/one'", given=given))
    return here() / path


def as_seen(path: Path) -> Path:
    """A path relative to `here()` if it lies below that folder, else unchanged; for messages."""
    return path.relative_to(here()) if path.is_relative_to(here()) and path != here() else path


def in_short(line: str) -> str:
    """A line of text in which the paths are shortened as `as_seen` shortens them."""
    prefix = str(here())
    return line if prefix == here().anchor else line.replace(prefix + os.sep, "")


def _working_folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:  # the working folder was removed
        return Path(os.environ.get("PWD", os.sep))
