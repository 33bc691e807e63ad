"""Whether what an HDF5 file declares is really in it, and fits into memory: asked before anything is read.

A file of a few kilobytes can declare arrays of gigabytes: what was never written reads as zeros, and a megabyte of
zeros is packed into a kilobyte.
"""

from __future__ import annotations

import math
from typing import Any

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.memory import machine_memory

MOST_UNPACKED = 1100
"""Bytes that one byte of a file can stand for: deflate, the strongest of the usual packers, reaches 1,032."""
COPIES = 3
"""How often steps are held at most: as read, one after the other, and as an engine learns from them."""


class Storage:
    """What has been read of a file so far, against its size and the memory."""

    def __init__(self, size: int) -> None:
        self._size, self._memory, self._declared = size, machine_memory(), 0

    def admit(self, name: str, array: Any) -> None:
        """Take account of an array of the file. Raises `InputError` if it should not be read."""
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
    """Whether every number of an array of h5py's was written."""
    if array.chunks is None:
        return bool(array.id.get_storage_size() >= array.nbytes)
    chunks = math.prod(-(-length // chunk) for length, chunk in zip(array.shape, array.chunks, strict=True))
    return bool(array.id.get_num_chunks() >= chunks)
