"""The base of sessions that pages watch: trainings, an arm, a user who plays. Each has its own thread.

That thread computes; the server's thread only reads the latest frame and puts messages into a queue.
"""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from zerone.base.errors import InputError, RunError, ZeroneError
from zerone.lab.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zerone.lab.curve import Curve
    from zerone.lab.messages import Told
from zerone.lab.setups import Setup

MOST_WAITING = 100
"""The most unhandled messages of the page."""
SECONDS_ALONE = 60.0
"""How long a session continues to play while no page watches it."""

_cores = max(2, os.cpu_count() or 1)
computing, compiling = Turns(_cores), Turns(_cores)


@dataclasses.dataclass(frozen=True)
class Refresh:
    """A message from another thread: something has changed, so show a new frame."""


class Watched(ABC):
    """A session with its thread. Subclasses implement `_make`, its beginning, and `_turn`, which is then repeated."""

    def __init__(self, name: str, wake: Callable[[], None], setups: Sequence[Setup] = ()) -> None:
        """`wake` is called from the thread when there is something new to send."""
        self.name, self.setups = name, tuple(setups)
        self.state = "compiling"
        """`compiling`, `ready`, `refused` or `failed`."""
        self.text = ""
        """A one-line message about the state."""
        self.about: list[dict[str, Any]] = []
        self.frame: str | None = None
        """The latest frame as JSON."""
        self.number = 0
        """The number of frames so far."""
        self.curves: list[Curve] = []
        self.playing = False
        self.seen = time.monotonic()
        """When a page last received a frame."""
        self.watchers = 0
        self._wake, self._wanted = wake, True
        self._messages: queue.SimpleQueue[Told | Refresh | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._due = 0.0
        self._thread = threading.Thread(target=self._run, name=f"zerone lab: {name[:6]}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def tell(self, message: Told) -> None:
        """Queue a message of the page; it is dropped if `MOST_WAITING` messages are waiting."""
        if self._messages.qsize() < MOST_WAITING:
            self._messages.put(message)

    def want_frame(self) -> None:
        """Request another frame, after the latest one has been sent."""
        self._wanted = True
        self.seen = time.monotonic()

    def close(self) -> None:
        """End the session. A compiling thread ends after the compilation."""
        self._closed.set()
        self._messages.put(None)

    def join(self, seconds: float) -> None:
        """Wait for the end of the thread, for at most `seconds`."""
        self._thread.join(seconds)

    def kept(self) -> dict[str, Any] | None:
        """The data from which the next server can restore the session; None if it cannot be restored."""
        return None

    @abstractmethod
    def _make(self) -> None:
        """Prepare the first frame; may compile."""

    @abstractmethod
    def _turn(self) -> None:
        """Do a small part of the work; called repeatedly."""

    def _run(self) -> None:
        try:
            with compiling.turn():
                if not self._closed.is_set():  # the user may have started another session meanwhile
                    self._make()
            while not self._closed.is_set():
                self._turn()
        except ZeroneError as error:
            self._end("refused" if isinstance(error, InputError) else "failed", str(error))
        except MemoryError:
            self._end("failed", "out of memory: choose a smaller memory, batch, network or number of environments")
        except Exception as error:  # noqa: BLE001, RUF100 - the page shows any error, and other sessions continue
            self._end("failed", unexpected(error))

    def _end(self, state: str, text: str) -> None:
        self.playing, self.state, self.text = False, state, text
        self._wake()

    def _ready(self) -> None:
        self.state = "ready"
        self._wake()

    def _next(self) -> Told | Refresh | None:
        """Wait for the next message; while playing, return None as soon as a step is due."""
        with suppress(queue.Empty):
            if not self.playing:
                return self._messages.get()
            wait = self._due - time.monotonic()
            return self._messages.get(timeout=wait) if wait > 0 else self._messages.get_nowait()
        return None

    def _tell(self, frame: dict[str, Any]) -> None:
        """Set the latest frame and wake the server to send it. Raises `RunError` if it contains NaN or infinity."""
        try:
            text = json.dumps(
                {"is": "frame", "session": self.name, "playing": self.playing, **frame},
                allow_nan=False, separators=(",", ":"), ensure_ascii=False,
            )  # fmt: skip
        except ValueError:
            raise RunError("it has diverged: its numbers are no longer finite. A smaller learning rate helps") from None
        self.frame, self.number, self._wanted = text, self.number + 1, False
        self._wake()


def unexpected(error: Exception) -> str:
    """A one-line message for an unexpected error."""
    first = str(error).strip().partition("\n")[0]
    return f"unexpected {type(error).__name__}: {first or 'no message'}"
