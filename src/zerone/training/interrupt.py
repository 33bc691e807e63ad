"""Ctrl-C as a request to stop: the training ends after the current step or chunk, with a checkpoint."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar, copy_context
from typing import NoReturn

from zerone.base.language import translatable, translated

SECONDS_UNTIL_SAID = 1.0
"""A notice is printed if the stop takes longer than this."""

SECONDS_UNTIL_ENDED = 2.0
"""The program is ended if a second request has no effect for this long (only where ending it is allowed)."""

INTERRUPTED = 130
"""Exit code of a program ended by Ctrl-C: 128 + SIGINT (2)."""

STOPPING = translatable("stopping after this step; again to stop now")

SIGNALS = [int(getattr(signal, name)) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
HANG_UP = int(getattr(signal, "SIGHUP", 0))


class Interrupted(KeyboardInterrupt):
    """The training was interrupted, and a checkpoint was saved."""


class Program:
    """The running program: how it prints messages, and its last line if it has to be ended."""

    def __init__(self, say: Callable[[str], None], kept: Callable[[str], str] = str) -> None:
        """`say` prints a line for the user; `kept` adds what was saved to a description of what happened.

        The description is empty if the user interrupted the program.
        """
        self._write, self._kept = say, kept
        self._context = copy_context()  # another thread may end the program

    def say(self, line: str) -> None:
        """Print a line for the user at the terminal."""
        self._context.copy().run(self._write, line)

    def end(self, code: int, what: str = "") -> NoReturn:
        """End the process immediately, from any thread: code that does not respond cannot be ended otherwise."""
        with contextlib.suppress(Exception):
            self.say(self._context.copy().run(self._kept, what) or "interrupted")
        os._exit(code)


_program: ContextVar[Program | None] = ContextVar("program", default=None)


@contextlib.contextmanager
def as_program(program: Program) -> Iterator[None]:
    """Let the code in the block, in this thread, act as that program. Without one, nothing here ends the process."""
    token = _program.set(program)
    try:
        yield
    finally:
        _program.reset(token)


def last_resort() -> Callable[[str], None] | None:
    """A function that ends the program with exit code 1 and a message; None outside `as_program`."""
    program = _program.get()
    return None if program is None else lambda line: program.end(1, line)


class Request:
    """Set by the first Ctrl-C (or SIGTERM, or SIGHUP); the second one interrupts immediately.

    A closing terminal sends SIGHUP more than once, so SIGHUP never counts as the second one.
    """

    def __init__(self) -> None:
        self.made = False
        self.tell: Callable[[int], None] | None = None

    def __call__(self, number: int, frame: object) -> None:
        del frame
        if self.tell is not None:
            self.tell(number)
        if self.made and number != HANG_UP:
            raise KeyboardInterrupt
        if not self.made:
            self.made = True
            self.number = number

    def asked(self) -> bool:
        """Whether a stop was requested."""
        return self.made


@contextlib.contextmanager
def listening() -> Iterator[Request]:
    """A `Request` that Ctrl-C sets until the end of the block. Only the main thread can receive signals.

    If the stop takes a while, a line says so, and how to stop immediately. If a second request has no effect, because
    native code blocks signals or the environment catches it, the program is ended, if there is one (`as_program`).
    """
    request = Request()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    # A process that ignores SIGHUP (nohup) continues when its terminal closes.
    signals = [each for each in SIGNALS if each != HANG_UP or signal.getsignal(each) != signal.SIG_IGN]
    before = [signal.signal(each, request) for each in signals]
    try:
        with _SignalThread(request):
            yield request
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


class _SignalThread:
    """A thread that reacts to signals immediately; Python's handlers wait for the main thread."""

    def __init__(self, request: Request) -> None:
        self._request, self._program = request, _program.get()
        self._stopping = translated(STOPPING)  # translated now: another thread would use English
        self._sender, self._receiver = socket.socketpair()
        self._sender.setblocking(False)
        self._thread = threading.Thread(target=self._listen, name="zerone: signals", daemon=True)

    def __enter__(self) -> None:
        self._before = signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        if self._before != -1:  # in use, e.g. by an event loop: the handler tells us instead
            signal.set_wakeup_fd(self._before)
            self._request.tell = self._tell
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        if self._before == -1:
            signal.set_wakeup_fd(-1)
        self._request.tell = None
        self._tell(0)
        self._thread.join()
        self._sender.close()
        self._receiver.close()

    def _tell(self, number: int) -> None:
        with contextlib.suppress(BlockingIOError):  # the pipe is full of signals already: nothing is lost
            self._sender.send(bytes([number]))

    def _listen(self) -> None:
        asked: list[float] = []
        said = False
        while True:
            wait = None
            if len(asked) > 1:
                wait = asked[1] + SECONDS_UNTIL_ENDED - time.monotonic() if self._program else None
            elif asked and not said:
                wait = asked[0] + SECONDS_UNTIL_SAID - time.monotonic()
            if wait is not None and wait <= 0:
                if len(asked) > 1 and self._program is not None:
                    self._program.end(INTERRUPTED)
                said = True
                self._say(self._stopping)
                continue
            self._receiver.settimeout(wait)
            try:
                heard = self._receiver.recv(64)
            except TimeoutError:
                continue
            if 0 in heard:
                return
            asked += [time.monotonic() for each in heard if each in SIGNALS and not (asked and each == HANG_UP)]

    def _say(self, line: str) -> None:
        with contextlib.suppress(Exception):  # the terminal may be gone
            if self._program is None:
                print(f"zerone: {line}", file=sys.stderr, flush=True)
            else:
                self._program.say(line)
