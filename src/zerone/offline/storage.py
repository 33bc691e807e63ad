"""Checking, before anything is read, that an HDF5 file contains what it declares, and that it fits into memory.

A file of a few kilobytes can declare arrays of gigabytes: missing chunks read as zeros, and a megabyte of zeros is
compressed to a kilobyte.
"""

from __future__ import annotations

import math
from typing import Any

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.memory import machine_memory

MOST_UNPACKED = 1100
"""Maximum compression ratio: deflate, the strongest of the usual filters, reaches 1,032."""
COPIES = 3
"""How many copies of the steps exist at most: as read, concatenated, and in the engine."""


class Storage:
    """Counts the bytes read from a file so far, and compares them with its size and the memory."""

    def __init__(self, size: int) -> None:
        self._size, self._memory, self._declared = size, machine_memory(), 0

    def admit(self, name: str, array: Any) -> None:
        """Count an array of the file. Raises `InputError` if it must not be read."""
        if not is_stored(array):
            raise InputError(
                translated("{name} are {size:,} numbers, of which not all are in the file", name=name, size=array.size)
            )
        self._declared += int(array.nbytes)
        if self._declared > MOST_UNPACKED * self._size:
            raise InputError(
                translated(
                    "{name} make {declared:,.0f} MB of a file of {size:,.3f} MB: no recording is packed like that",
                    name=name,
                    declared=self._declared / 1000000.0,
                    size=self._size / 1000000.0,
                )
            )
        if self._memory is not None and COPIES * self._declared > self._memory:
            raise InputError(
                translated(
                    "{name} make {declared:,.1f} GB, which is held up to {copies} times, but there is "
                    "{memory:,.1f} GB of memory",
                    name=name,
                    declared=self._declared / 1000000000.0,
                    copies=COPIES,
                    memory=self._memory / 1000000000.0,
                )
            )


def is_stored(array: Any) -> bool:
    """Whether an h5py array is stored completely in its file."""
    if array.chunks is None:
        return bool(array.id.get_storage_size() >= array.nbytes)
    chunks = math.prod(-(-length // chunk) for length, chunk in zip(array.shape, array.chunks, strict=True))
    return bool(array.id.get_num_chunks() >= chunks)
