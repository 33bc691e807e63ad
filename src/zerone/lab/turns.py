"""Who computes when: as many sessions at once as there are cores, each in its turn, and a person's click before all."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Slots that are handed on in the order in which they were asked for.

    A semaphore would do, if it were fair: a thread that gives its slot back and asks again at once mostly gets it, and
    others wait for ever.
    """

    def __init__(self, slots: int) -> None:
        self._lock = threading.Lock()
        self._free = slots
        self._waiting: deque[threading.Lock] = deque()

    @property
    def waited_for(self) -> bool:
        """Whether others wait for a slot."""
        return bool(self._waiting)

    @contextmanager
    def turn(self, first: bool = False) -> Iterator[None]:
        """A slot, when it is our turn; `first` is before all that wait."""
        with self._lock:
            place = None
            if self._free and not self._waiting:
                self._free -= 1
            else:
                place = threading.Lock()
                place.acquire()
                (self._waiting.appendleft if first else self._waiting.append)(place)
        if place is not None:
            place.acquire()  # the one that ends hands its slot on by releasing this
        try:
            yield
        finally:
            with self._lock:
                if self._waiting:
                    self._waiting.popleft().release()
                else:
                    self._free += 1
