"""Lines for the person who trains: about what goes on, but not quite as it seems. Each is said once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


def _warn(line: str) -> None:
    logging.getLogger("zerone").warning("zerone: %s", line)


class Notices:
    """Says a line once: as a warning of Python's logger `zerone`, which is standard error, unless `say` is given."""

    def __init__(self, say: Callable[[str], None] = _warn) -> None:
        self._said: set[str] = set()
        self._say = say

    def __call__(self, line: str, about: str | None = None) -> None:
        """Say it, unless something was said `about` the same before (by default the line itself)."""
        if (about or line) not in self._said:
            self._said.add(about or line)
            self._say(line)


class _Kept(logging.Handler):
    """Keeps lines in the place of saying them."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage().removeprefix("zerone: ")
        if line not in self._lines:
            self._lines.append(line)


@contextmanager
def kept_in(lines: list[str]) -> Iterator[None]:
    """While it lasts, what is said in this process is kept in `lines`, for a person who is somewhere else."""
    logger, handler = logging.getLogger("zerone"), _Kept(lines)
    before = logger.propagate, logger.handlers[:]
    logger.handlers[:] = [handler]
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate, logger.handlers[:] = before


_SHARED: ContextVar[Notices | None] = ContextVar("zerone_notices", default=None)


def notices() -> Notices:
    """Those of what goes on: of one training, or of all within `said_once`."""
    return _SHARED.get() or Notices()


@contextmanager
def said_once() -> Iterator[None]:
    """While it lasts, what all trainings say is said once."""
    if _SHARED.get() is not None:
        yield
        return
    token = _SHARED.set(Notices())
    try:
        yield
    finally:
        _SHARED.reset(token)
