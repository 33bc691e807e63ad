"""Something that an open page looks at, in a thread of its own: trainings, an arm, a person at play.

The thread computes; the server's thread only reads the newest frame and puts messages into a queue.
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
"""Messages of the page that wait to be carried out."""
SECONDS_ALONE = 60.0
"""How long it plays on when nobody looks."""

_cores = max(2, os.cpu_count() or 1)
computing, compiling = Turns(_cores), Turns(_cores)


@dataclasses.dataclass(frozen=True)
class Refresh:
    """Something has changed in another thread: show it."""


class Watched(ABC):
    """What the server knows of it. Who makes one says how it begins (`_make`) and what it does then (`_turn`)."""

    def __init__(self, name: str, wake: Callable[[], None], setups: Sequence[Setup] = ()) -> None:
        """`wake` is called from the thread when there is something new to send."""
        self.name, self.setups = name, tuple(setups)
        self.state = "compiling"
        """`compiling`, `ready`, `refused` or `failed`."""
        self.text = ""
        """What is to be said of that: one line."""
        self.about: list[dict[str, Any]] = []
        self.frame: str | None = None
        """The newest one, as JSON."""
        self.number = 0
        """How many frames there have been."""
        self.curves: list[Curve] = []
        self.playing = False
        self.seen = time.monotonic()
        """When somebody looked last."""
        self.watchers = 0
        self._wake, self._wanted = wake, True
        self._messages: queue.SimpleQueue[Told | Refresh | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._due = 0.0
        self._thread = threading.Thread(target=self._run, name=f"zerone lab: {name[:6]}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def tell(self, message: Told) -> None:
        """Hand over what the page asks for; who asks a hundred times before anything was done is not heard."""
        if self._messages.qsize() < MOST_WAITING:
            self._messages.put(message)

    def want_frame(self) -> None:
        """Say that the newest frame has been sent, so that another one is wanted."""
        self._wanted = True
        self.seen = time.monotonic()

    def close(self) -> None:
        """End it. A thread that compiles ends when it has compiled."""
        self._closed.set()
        self._messages.put(None)

    def join(self, seconds: float) -> None:
        """Wait for its end, for so long at most."""
        self._thread.join(seconds)

    def kept(self) -> dict[str, Any] | None:
        """All that is needed to be here again after the server has ended; None where that is not kept."""
        return None

    @abstractmethod
    def _make(self) -> None:
        """What is needed before the first frame; it may compile."""

    @abstractmethod
    def _turn(self) -> None:
        """A little of what it does; called again and again."""

    def _run(self) -> None:
        try:
            with compiling.turn():
                if not self._closed.is_set():  # a person who has begun another one meanwhile does not wait for this one
                    self._make()
            while not self._closed.is_set():
                self._turn()
        except ZeroneError as error:
            self._end("refused" if isinstance(error, InputError) else "failed", str(error))
        except MemoryError:
            self._end("failed", "out of memory: choose a smaller memory, batch, network or number of environments")
        except Exception as error:  # noqa: BLE001, RUF100 - whatever it is, the page says so, and others go on
            self._end("failed", unexpected(error))

    def _end(self, state: str, text: str) -> None:
        self.playing, self.state, self.text = False, state, text
        self._wake()

    def _ready(self) -> None:
        self.state = "ready"
        self._wake()

    def _next(self) -> Told | Refresh | None:
        """The next message; while it plays, None as soon as something is due."""
        with suppress(queue.Empty):
            if not self.playing:
                return self._messages.get()
            wait = self._due - time.monotonic()
            return self._messages.get(timeout=wait) if wait > 0 else self._messages.get_nowait()
        return None

    def _tell(self, frame: dict[str, Any]) -> None:
        """Let a frame be sent."""
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
    """One line for an error that nobody has thought of."""
    first = str(error).strip().partition("\n")[0]
    return f"unexpected {type(error).__name__}: {first or 'no message'}"
