"""Separating a command's own output from everything else that its process prints.

An environment may print in Python, in native code, or from a program that it starts. With `--json` or `--quiet` none
of that may appear in the results.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from zerone.base.language import translated
from zerone.base.place import in_short


@dataclasses.dataclass(frozen=True)
class Streams:
    """The streams that a command itself writes to."""

    results: TextIO
    """Standard output."""
    person: TextIO
    """Standard error."""


_person: TextIO | None = None
"""The stream of `tell` while standard error is redirected."""

_late: bool | None = None
"""Whether output after the results is discarded (True) or goes to standard error (False); None: not redirected."""


@contextlib.contextmanager
def apart(quiet: bool) -> Iterator[Streams]:
    """Until the end of the block, all foreign output goes to standard error, or nowhere if `quiet`."""
    global _late, _person
    _late = quiet
    with contextlib.ExitStack() as ends:
        out, error = sys.stdout, sys.stderr
        streams = Streams(ends.enter_context(_kept(out, 1)), ends.enter_context(_kept(error, 2)))
        nowhere = ends.enter_context(Path(os.devnull).open("w", encoding="utf-8")) if quiet else None
        for stream, number in ((out, 1), (error, 2)) if nowhere else ((out, 1),):
            ends.enter_context(_redirected(stream, number, nowhere or error))
        ends.enter_context(contextlib.redirect_stdout(nowhere or error))
        if nowhere:
            ends.enter_context(contextlib.redirect_stderr(nowhere))
            ends.enter_context(_messages_to(streams.person))
            _person = streams.person
        try:
            yield streams
        finally:
            _person = None


def tell(line: str) -> None:
    """Print a line for the user on the terminal, even while foreign output is redirected."""
    print(f"zerone: {in_short(line)}", file=_person or sys.stderr, flush=True)


def end() -> None:
    """From now on, redirect foreign output until the process ends."""
    if _late is None:
        return
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        nowhere = os.open(os.devnull, os.O_WRONLY) if _late else None
        os.dup2(2 if nowhere is None else nowhere, 1)
        if nowhere is not None:
            sys.stderr.flush()
            os.dup2(nowhere, 2)


def _is_descriptor(stream: TextIO, number: int) -> bool:
    """Whether a stream writes to that file descriptor, and was not replaced by another stream."""
    try:
        return stream.fileno() == number
    except (AttributeError, OSError, ValueError):
        return False


@contextlib.contextmanager
def _kept(stream: TextIO, number: int) -> Iterator[TextIO]:
    """A stream to the current target of `stream`, which stays valid when the descriptor is redirected."""
    if not _is_descriptor(stream, number):
        yield stream
        return
    stream.flush()
    with open(os.dup(number), "w", encoding=stream.encoding, errors="replace", buffering=1) as kept:  # noqa: PTH123
        yield kept


@contextlib.contextmanager
def _redirected(stream: TextIO, number: int, target: TextIO) -> Iterator[None]:
    """Redirect a file descriptor to `target`: native code and child programs write to descriptors."""
    try:
        there = target.fileno()
    except (AttributeError, OSError, ValueError):
        there = number
    if there == number or not _is_descriptor(stream, number):
        yield
        return
    stream.flush()
    before = os.dup(number)
    os.dup2(there, number)
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
        with contextlib.suppress(OSError, AttributeError, TypeError):
            ctypes.CDLL(None).fflush(None)  # C has its own buffer
        os.dup2(before, number)
        os.close(before)


@contextlib.contextmanager
def _messages_to(stream: TextIO) -> Iterator[None]:
    """Send Zerone's own messages in the block to that stream."""
    logger, handler = logging.getLogger("zerone"), logging.StreamHandler(stream)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def episodes(number: int) -> str:
    """`1 episode`, `1,000 episodes`."""
    return translated("1 episode") if number == 1 else translated("{episodes:,} episodes", episodes=number)


def steps(number: int) -> str:
    """`1 step`, `1,000 steps`."""
    return translated("1 step") if number == 1 else translated("{steps:,} steps", steps=number)
