"""Seeding the global generators of Python and NumPy while an environment plays, without changing them for the user.

Environments should draw from a generator of their own, but some draw from `random` or `np.random`. Within a
`GlobalChance` those are seeded; afterwards their old states are restored. Its stream is kept, and continues when the
context is entered again.
"""

from __future__ import annotations

import random
import threading
from typing import Any, TypeAlias

import numpy as np

States: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]
"""The states of Python's and of NumPy's generator."""
_lock = threading.RLock()
"""Held while the generators are in use. They are shared by all threads: a second playing thread does not seed them."""


class GlobalChance:
    """A random stream for the global generators, used as a context manager."""

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
    else:  # a replaced generator, which `np.random.seed` does not accept
        chance.set_state(kind(seed).state)


def _put(states: States) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])
