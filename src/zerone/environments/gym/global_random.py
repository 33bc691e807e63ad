"""The global generators of Python and NumPy: seeded where an environment plays, the person's own everywhere else.

Environments should draw from a generator of their own, but some draw from `random` or `np.random`. Within a
`GlobalChance` those are seeded, and afterwards as they were. What it has drawn is kept: entered again, it goes on.
"""

from __future__ import annotations

import random
import threading
from typing import Any, TypeAlias

import numpy as np

States: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]
"""Of Python's generator, and of NumPy's."""
_lock = threading.RLock()
"""Held while the generators are not the person's. They belong to all threads: a second one that plays does without."""


class GlobalChance:
    """A stream of chance from the global generators, to be entered as a context."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._stream: States | None = None
        self._before: list[States | None] = []

    def __enter__(self) -> None:
        if not _lock.acquire(blocking=False):
            self._before.append(None)
            return
        self._before.append(_states())
        if self._stream is None:
            random.seed(self._seed)
            _seed_numpy(self._seed % 2**32)
        else:
            _put(self._stream)

    def __exit__(self, *_: object) -> None:
        before = self._before.pop()
        if before is None:
            return
        self._stream = _states()
        _put(before)
        _lock.release()


def _states() -> States:
    return random.getstate(), np.random.get_state(legacy=False)


def _seed_numpy(seed: int) -> None:
    chance: Any = np.random
    kind = type(chance.get_bit_generator())
    if kind is np.random.MT19937:
        np.random.seed(seed)
    else:  # somebody has put another generator in its place, which `np.random.seed` does not take
        chance.set_state(kind(seed).state)


def _put(states: States) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])
