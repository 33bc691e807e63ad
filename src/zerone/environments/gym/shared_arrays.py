"""Arrays in shared memory, through which a vector and the processes of its environments exchange data."""

from __future__ import annotations

import contextlib
import dataclasses
import mmap
import os
import tempfile

import numpy as np

ALIGNED = 64
"""Arrays begin at multiples of this many bytes."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """The number of environments, and the shape and dtype name of an observation and an action."""

    number: int
    observation: tuple[tuple[int, ...], str]
    action: tuple[tuple[int, ...], str]
    allowed: int = 0
    """The number of actions in masks; 0 without masks."""

    def fields(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """The shape and dtype of each array."""
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
    """The arrays of a vector of environments; `file` is the descriptor of their anonymous memory."""

    observation: np.ndarray
    """After the last step; if an episode has begun since, its first one."""
    final: np.ndarray
    """The last observation of an episode that ended with this step."""
    action: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    which: np.ndarray
    """Marks the environments that a request is for."""
    seed: np.ndarray
    """Seeds for resets; -1 for none."""
    allowed: np.ndarray
    """The mask of allowed actions for `observation`."""
    allowed_at_the_end: np.ndarray
    """The mask of allowed actions for `final`."""

    def __init__(self, layout: Layout, file: int | None = None) -> None:
        """Lay out the arrays in new memory, or map them from the memory of `file`, which is then closed."""
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
        """Release the memory in the process that has made it."""
        with contextlib.suppress(OSError):
            os.close(self.file)


def new_memory(size: int) -> int:
    """An anonymous file of this size: the system frees it when no process has it open, however they end."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("zerone")
    else:
        with tempfile.TemporaryFile() as temporary:
            file = os.dup(temporary.fileno())
    os.ftruncate(file, size)
    return file
