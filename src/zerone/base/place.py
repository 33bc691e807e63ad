"""Where a person was when something was asked for: paths are meant from there, whatever happens afterwards.

The working folder belongs to the whole process, and an environment may change it: when its module is imported, when it
is made, in any step. So what a person may ask for begins with `asked_here`, and every path goes through `absolute`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

_here: ContextVar[Path | None] = ContextVar("here", default=None)


@contextlib.contextmanager
def asked_here() -> Iterator[None]:
    """Let paths be meant from the working folder of now, until the end of the block; inside of another one from its."""
    if _here.get() is not None:
        yield
        return
    token = _here.set(_working_folder())
    try:
        yield
    finally:
        _here.reset(token)


def here() -> Path:
    """The folder from which paths are meant."""
    return _here.get() or _working_folder()


def absolute(path: str | os.PathLike[str]) -> Path:
    """The same place, whatever the working folder is later."""
    return here() / path


def as_seen(path: Path) -> Path:
    """The same place in short, where it is below the folder from which paths are meant."""
    return path.relative_to(here()) if path.is_relative_to(here()) and path != here() else path


def in_short(line: str) -> str:
    """A line with the places in it as `as_seen` says them."""
    prefix = str(here())
    return line if prefix == here().anchor else line.replace(prefix + os.sep, "")


def _working_folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:  # it was removed: nothing is there to be found
        return Path(os.environ.get("PWD", os.sep))
