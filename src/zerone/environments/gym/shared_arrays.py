"""Arrays in memory that two processes share: what goes between a vector of environments and those who play it."""

from __future__ import annotations

import contextlib
import dataclasses
import mmap
import os
import tempfile

import numpy as np

ALIGNED = 64
"""Bytes at whose multiples arrays begin."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """How many environments there are, and what an observation and an action of one are: shape, and type by name."""

    number: int
    observation: tuple[tuple[int, ...], str]
    action: tuple[tuple[int, ...], str]
    allowed: int = 0
    """How many actions masks are of; 0 where there are none."""

    def fields(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """Each array with its shape and its type."""
        number = (self.number,)
        return {
            "observation": (number + self.observation[0], self.observation[1]),
            "final": (number + self.observation[0], self.observation[1]),
            "action": (number + self.action[0], self.action[1]),
            "reward": (number, "float64"),
            "terminated": (number, "bool"),
            "truncated": (number, "bool"),
            "which": (number, "bool"),
            "seed": (number, "int64"),
            "allowed": ((*number, self.allowed), "bool"),
            "allowed_at_the_end": ((*number, self.allowed), "bool"),
        }


class SharedArrays:
    """The arrays of a vector of environments; `file` is the memory in which they are, which has no name."""

    observation: np.ndarray
    """After the last step, or of the episode that has begun since."""
    final: np.ndarray
    """The last observation of an episode that ended with this step."""
    action: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    which: np.ndarray
    """In which environments something is asked for."""
    seed: np.ndarray
    """With which one is reset; -1 for none."""
    allowed: np.ndarray
    """Which actions are, where masks say so: of `observation`."""
    allowed_at_the_end: np.ndarray
    """The same of `final`."""

    def __init__(self, layout: Layout, file: int | None = None) -> None:
        """Lay them out in new memory, or find them in that of `file`, which is closed then."""
        places: dict[str, int] = {}
        size = 0
        for name, (shape, kind) in layout.fields().items():
            places[name] = size
            needed = int(np.prod(shape, dtype=np.int64)) * np.dtype(kind).itemsize
            size += -(-needed // ALIGNED) * ALIGNED
        self.file = new_memory(size) if file is None else file
        self._memory = mmap.mmap(self.file, size)
        if file is not None:
            os.close(file)
        for name, (shape, kind) in layout.fields().items():
            setattr(self, name, np.ndarray(shape, kind, self._memory, places[name]))

    def close(self) -> None:
        """Let go of the memory in this process that has made it."""
        with contextlib.suppress(OSError):
            os.close(self.file)


def new_memory(size: int) -> int:
    """A file of so many bytes that is in no folder: it is gone when nobody has it open, whatever becomes of them."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("zerone")
    else:
        with tempfile.TemporaryFile() as temporary:
            file = os.dup(temporary.fileno())
    os.ftruncate(file, size)
    return file
