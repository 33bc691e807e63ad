"""The time limit for a step of an environment, and interrupting a step that exceeds it.

A thread watches the clock and interrupts a late call: in the main thread with a signal, which also wakes it from sleep,
locks and sockets; in another thread with an exception, once it executes Python code. If a call cannot be interrupted,
or catches the exception, the program is ended, if there is a `last_resort`. Only native code that never releases
Python's global lock also blocks the watching thread.
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
from zerone.environments.gym.conversion import shown

if TYPE_CHECKING:
    from types import FrameType

T = TypeVar("T")

PATIENCE = 2.0
"""Seconds within which an interrupted call must end."""

SIGNAL: signal.Signals | None = getattr(signal, "SIGURG", None)
"""Wakes the main thread: it is otherwise unused, and ignored by default. Windows has none."""


class TooLate(BaseException):
    """Raised inside a late call. It is no `Exception`, because retry loops would catch that."""


class LateError(Exception):
    """A call took too long; with a description."""


def late(seconds: float) -> str:
    """The error text for a call that takes longer than `seconds`."""
    return translated("has not returned within {seconds:g} s (step timeout)", seconds=seconds)


class StepTimeout:
    """The time limit of environments in one thread. One call at a time is watched."""

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
        """Call a function of an environment. `fault` makes an error from a description.

        Raises:
            LateError: it did not return in time, or was interrupted.
        """
        self._fault, self._interrupted = fault, None
        try:
            self._until = time.monotonic() + self.seconds
            found = function(*arguments, **named)
            late = self._end()
        except BaseException:
            if self._end():  # whatever the call returned or raised
                raise LateError(self._late) from None
            raise
        if late:
            raise LateError(self._late)
        return found

    def _end(self) -> bool:
        """End the watch of a call; returns whether it was interrupted."""
        while True:
            try:
                with self._lock:  # from here on there are no interrupts
                    self._until = None
                time.sleep(0)  # let a pending interrupt take effect
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
                if now >= again:  # repeatedly: some code catches everything
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
    """Limit each environment call in this thread until the end of the block; None is no limit.

    `last_resort` is called with a message if a call cannot be interrupted, and should end the program.

    Raises:
        InputError: `seconds` is not a finite number above 0.
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
    """The limit of the current context; None if there is none."""
    return _current.get()
