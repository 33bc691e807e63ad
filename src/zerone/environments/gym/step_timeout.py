"""How long an environment may take for a step, and the end of one that takes longer.

A thread watches the clock. A call that is late is interrupted where it is: in the main thread by a signal, which also
wakes it from sleep, locks and sockets; in another thread as soon as it is in Python code. What cannot be interrupted
so, or catches whatever interrupts it, ends the program, where somebody has said how (`last_resort`). Only native code
that never lets go of Python's lock stops this thread, too.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from zerone.base.errors import InputError, ZeroneError
from zerone.base.language import translated
from zerone.environments.gym.exchange import shown

if TYPE_CHECKING:
    from types import FrameType

T = TypeVar("T")

PATIENCE = 2.0
"""Seconds in which what is interrupted must end."""

SIGNAL: signal.Signals | None = getattr(signal, "SIGURG", None)
"""What wakes the main thread: nobody sends it unasked, and it is ignored unless somebody listens. Windows has none."""


class TooLate(BaseException):
    """Raised inside of a call that is late. It is no `Exception`: code that tries everything again would catch it."""


class LateError(Exception):
    """A call that took too long; with the words for it."""


def late(seconds: float) -> str:
    """What is said of a call that takes longer."""
    return translated("has not returned within {seconds:g} s (step timeout)", seconds=seconds)


class StepTimeout:
    """The limit of what environments do in one thread. One call at a time is watched."""

    def __init__(self, seconds: float, last_resort: Callable[[str], None] | None) -> None:
        self.seconds, self._last_resort = seconds, last_resort
        self._late = late(seconds)
        self._thread = threading.get_ident()
        self._is_main = threading.current_thread() is threading.main_thread()
        self._lock, self._closed = threading.Lock(), threading.Event()
        self._until: float | None = None
        self._interrupted: float | None = None
        self._fault: Callable[[str], ZeroneError] = ZeroneError
        self._watch = threading.Thread(target=self._watching, name="zerone: step timeout", daemon=True)

    def call(
        self, fault: Callable[[str], ZeroneError], function: Callable[..., T], *arguments: object, **named: object
    ) -> T:
        """What a function of an environment returns. `fault` makes a whole line of the words about it.

        Raises:
            LateError: it has not returned in time, or not by itself.
        """
        self._fault, self._interrupted = fault, None
        try:
            self._until = time.monotonic() + self.seconds
            found = function(*arguments, **named)
            late = self._end()
        except BaseException:
            if self._end():  # whatever it has made of the interruption
                raise LateError(self._late) from None
            raise
        if late:
            raise LateError(self._late)
        return found

    def _end(self) -> bool:
        """End a call; whether it was interrupted."""
        while True:
            try:
                with self._lock:  # from here on nothing is interrupted any more
                    self._until = None
                time.sleep(0)  # and what was is over
                return self._interrupted is not None
            except TooLate:
                continue

    def __enter__(self) -> StepTimeout:
        if self._is_main and SIGNAL is not None:
            self._before = signal.signal(SIGNAL, self._wake)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._watch.join()
        if self._is_main and SIGNAL is not None:
            signal.signal(SIGNAL, self._before)

    def _wake(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._interrupted is not None and self._until is not None:
            raise TooLate

    def _watching(self) -> None:
        again = 0.0
        while not self._closed.wait(min(max(self.seconds / 20, 0.02), 0.25)):
            with self._lock:
                now = time.monotonic()
                if self._until is None or now < self._until:
                    continue
                if self._interrupted is None:
                    self._interrupted = again = now
                if now >= again:  # more than once: there is code that catches everything
                    self._interrupt()
                    again = now + PATIENCE / 4
                in_vain = now - self._interrupted > PATIENCE
            if in_vain and self._last_resort is not None:
                self._last_resort(str(self._fault(self._late)))

    def _interrupt(self) -> None:
        if self._is_main and SIGNAL is not None:
            signal.pthread_kill(self._thread, SIGNAL)
        else:
            thread, error = ctypes.c_ulong(self._thread), ctypes.py_object(TooLate)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, error)


_current: ContextVar[StepTimeout | None] = ContextVar("step_timeout", default=None)


@contextlib.contextmanager
def limited(seconds: float | None, last_resort: Callable[[str], None] | None = None) -> Iterator[None]:
    """Let nothing that an environment does in this thread take longer, until the end of the block; None is no limit.

    `last_resort` gets a line about a call that cannot be interrupted, and should end the program.

    Raises:
        InputError: `seconds` is no finite number above 0.
    """
    if seconds is None:
        yield
        return
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < math.inf:
        raise InputError(
            translated(
                "step_timeout = {seconds} is not allowed: must be a finite number above 0", seconds=shown(seconds)
            )
        )
    with StepTimeout(float(seconds), last_resort) as limit:
        token = _current.set(limit)
        try:
            yield
        finally:
            _current.reset(token)


def current() -> StepTimeout | None:
    """The limit that holds here."""
    return _current.get()
