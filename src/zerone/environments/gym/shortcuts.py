"""Fast encoding of observations in their usual form; any other form is left to `Encoding.read`.

A Python environment may step in ten microseconds: checks that take as long would halve its speed. Each shortcut is a
function that returns None if anything is unusual: then the slow path finds out what is wrong, or that nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from gymnasium import spaces

from zerone.environments.gym.kinds import PartPath
from zerone.environments.gym.leaves import Array, BoxLeaf, CountedLeaf, Leaf
from zerone.environments.gym.views import Space

Shortcut: TypeAlias = Callable[[object], Array | int | None]
Writer: TypeAlias = Callable[[Array, object], bool]
_LARGEST = float(np.finfo(np.float32).max)
_WHOLE = (int, np.int64, np.int32)


def shortcut(leaf: Leaf) -> Shortcut:
    """A fast version of `leaf.encode(leaf.read(observation))`."""
    if isinstance(leaf, BoxLeaf):
        return _box(leaf)
    if isinstance(leaf.space, spaces.Discrete) and leaf.encoded_space() is leaf.space:
        return _discrete(leaf)
    return _none


def _none(observation: object) -> None:
    del observation


def _box(leaf: BoxLeaf) -> Shortcut:
    kind, shape = leaf.space.dtype, tuple(leaf.space.shape)
    narrow = leaf.encoded_space().dtype
    if kind.itemsize > 4 and kind.kind != "f":
        return _none

    def whole(observation: object) -> Array | int | None:
        if type(observation) is not np.ndarray or observation.dtype != kind or observation.shape != shape:
            return None
        return observation

    def floats(observation: object) -> Array | int | None:
        if type(observation) is not np.ndarray or observation.dtype != kind or observation.shape != shape:
            return None
        return observation if np.isfinite(observation).all() else None

    def wide(observation: object) -> Array | int | None:
        if type(observation) is not np.ndarray or observation.dtype != kind or observation.shape != shape:
            return None
        return observation.astype(narrow) if np.abs(observation).max() <= _LARGEST else None

    return whole if kind.kind != "f" else floats if kind.itemsize <= 4 else wide


def _discrete(leaf: CountedLeaf) -> Shortcut:
    (values,), start = leaf.values, int(leaf.start)

    def discrete(observation: Any) -> Array | int | None:
        return observation if type(observation) in _WHOLE and 0 <= observation - start < values else None

    return discrete


def row_shortcut(given: Space, leaves: Sequence[Leaf], width: int) -> Shortcut:
    """A fast encoder for parts that are joined to a vector of `width` float32 numbers."""
    tuples = list(_tuples(given, ()))
    writers: list[tuple[PartPath, Writer]] = []
    begin = 0
    for leaf in leaves:
        end = begin + len(leaf.row_bounds()[0])
        write = _box_writer(leaf, begin, end) if isinstance(leaf, BoxLeaf) else _count_writer(leaf, begin, end)
        writers.append((leaf.path, write))
        begin = end

    def row(observation: Any) -> Array | int | None:
        if tuples and not _tuples_match(observation, tuples):
            return None
        out = np.zeros(width, np.float32)
        for path, write in writers:
            value = observation
            for key in path:
                value = value[key]
            if not write(out, value):
                return None
        return out if np.isfinite(out).all() else None

    return row


def counts_shortcut(given: Space, leaves: Sequence[CountedLeaf]) -> Shortcut:
    """A fast encoder for parts that are joined to a vector of counts."""
    if not all(isinstance(leaf.space, spaces.Discrete) for leaf in leaves):
        return _none
    tuples = list(_tuples(given, ()))
    known = [(leaf.path, int(leaf.start), leaf.values[0]) for leaf in leaves]

    def counts(observation: Any) -> Array | int | None:
        if tuples and not _tuples_match(observation, tuples):
            return None
        found: list[int] = []
        for path, start, values in known:
            value = observation
            for key in path:
                value = value[key]
            if type(value) not in _WHOLE or not 0 <= value - start < values:
                return None
            found.append(value - start)
        return np.array(found, np.int64)

    return counts


def _tuples(space: object, path: PartPath) -> Iterator[tuple[PartPath, int]]:
    """The paths of the tuples in a space, with their lengths."""
    if isinstance(space, spaces.Tuple):
        yield path, len(space.spaces)
    if isinstance(space, (spaces.Tuple, spaces.Dict)):
        for key, part in space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces):
            yield from _tuples(part, (*path, key))


def _tuples_match(observation: Any, tuples: list[tuple[PartPath, int]]) -> bool:
    for path, length in tuples:
        value = observation
        for key in path:
            value = value[key]
        if type(value) not in (tuple, list) or len(value) != length:
            return False
    return True


def _box_writer(leaf: BoxLeaf, begin: int, end: int) -> Writer:
    kind, shape, scale = leaf.space.dtype, tuple(leaf.space.shape), np.float32(leaf.scale)
    wide = kind.kind == "f" and kind.itemsize > 4

    def write(out: Array, value: object) -> bool:
        if type(value) is not np.ndarray or value.dtype != kind or value.shape != shape:
            return False
        if wide and not np.abs(value).max() <= _LARGEST:
            return False
        out[begin:end] = value.reshape(-1)
        if scale != 1:
            out[begin:end] /= scale
        return True

    return write


def _count_writer(leaf: CountedLeaf, begin: int, end: int) -> Writer:
    shape = leaf.shape
    if isinstance(leaf.space, spaces.Discrete):
        start, values = int(leaf.start), leaf.values[0]

        def one(out: Array, value: Any) -> bool:
            if type(value) not in _WHOLE or not 0 <= value - start < values:
                return False
            out[begin + value - start] = 1
            return True

        return one

    def several(out: Array, value: object) -> bool:
        if type(value) is not np.ndarray or value.dtype.kind not in "iu" or value.shape != shape:
            return False
        if leaf.is_bits and value.min() >= 0 and value.max() <= 1:
            out[begin:end] = value.reshape(-1)
            return True
        return False

    return several
