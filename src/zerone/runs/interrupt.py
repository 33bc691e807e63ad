"""Ctrl-C as a request: the training ends after the chunk it is in, with a checkpoint."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Interrupted(KeyboardInterrupt):
    """The training was asked to stop, and has saved itself."""


class Request:
    """Set by the first Ctrl-C (or SIGTERM); a second one interrupts at once."""

    def __init__(self) -> None:
        self.made = False

    def __call__(self, number: int, frame: Any) -> None:
        del frame
        if self.made:
            raise KeyboardInterrupt
        self.made = True
        self.number = number


@contextmanager
def listening() -> Iterator[Request]:
    """A `Request` that Ctrl-C sets, until the end of the block. Only the main thread can listen."""
    request = Request()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(each, request) for each in signals]
    try:
        yield request
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)
