"""Warnings about training: something continues, but not quite as the user may expect. Each is shown once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


def _warn(line: str) -> None:
    logging.getLogger("zerone").warning("zerone: %s", line)


class Notices:
    """Shows each line once: with `say` or, by default, as a warning of Python's logger `zerone` on standard error."""

    def __init__(self, say: Callable[[str], None] = _warn) -> None:
        self._said: set[str] = set()
        self._say = say

    def __call__(self, line: str, about: str | None = None) -> None:
        """Show `line`, unless one with the same topic `about` (by default the line itself) was shown before."""
        if (about or line) not in self._said:
            self._said.add(about or line)
            self._say(line)


class _Kept(logging.Handler):
    """A logging handler that appends lines to a list."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage().removeprefix("zerone: ")
        if line not in self._lines:
            self._lines.append(line)


@contextmanager
def kept_in(lines: list[str]) -> Iterator[None]:
    """Append the warnings of this process to `lines` inside the block, so that another process can show them."""
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
    """The `Notices` shared inside `said_once`, or else new ones for one training."""
    return _SHARED.get() or Notices()


@contextmanager
def said_once() -> Iterator[None]:
    """Show warnings that several trainings have in common once inside the block."""
    if _SHARED.get() is not None:
        yield
        return
    token = _SHARED.set(Notices())
    try:
        yield
    finally:
        _SHARED.reset(token)
