"""Fair scheduling of computations: one slot per core, given in turn, with priority for a user's actions."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """A fair semaphore: slots are given in the order in which they were requested.

    Python's semaphores are not fair: a thread that releases its slot and requests one again at once mostly gets it, and
    others wait for ever.
    """

    def __init__(self, slots: int) -> None:
        self._lock = threading.Lock()
        self._free = slots
        self._waiting: deque[threading.Lock] = deque()

    @property
    def waited_for(self) -> bool:
        """Whether threads are waiting for a slot."""
        return bool(self._waiting)

    @contextmanager
    def turn(self, first: bool = False) -> Iterator[None]:
        """Hold a slot inside the block, waiting for it if needed; `first` goes before all waiting threads."""
        with self._lock:
            place = None
            if self._free and not self._waiting:
                self._free -= 1
            else:
                place = threading.Lock()
                place.acquire()
                (self._waiting.appendleft if first else self._waiting.append)(place)
        if place is not None:
            place.acquire()  # a finishing thread passes its slot on by releasing this
        try:
            yield
        finally:
            with self._lock:
                if self._waiting:
                    self._waiting.popleft().release()
                else:
                    self._free += 1
