"""Flattening composite spaces (`Tuple` and `Dict`, however deep) and their observations into parts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from zerone.base.language import translated
from zerone.environments.gym.conversion import shown
from zerone.environments.gym.kinds import PartPath
from zerone.environments.gym.leaves import BoxLeaf, CountedLeaf, Leaf, ObservationError, name_of, subject_of
from zerone.environments.gym.views import Space, describe


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """A part that cannot be encoded."""

    path: PartPath
    space: Space

    def __str__(self) -> str:
        return f"{name_of(self.path)} ({describe(self.space)})" if self.path else describe(self.space)


def flattened(space: Any, path: PartPath, scaled: bool) -> Iterator[Leaf | LeftOut]:
    """The leaf spaces of a space."""
    if isinstance(space, (spaces.Dict, spaces.Tuple)):
        parts = space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces)
        for key, part in parts:
            yield from flattened(part, (*path, key), scaled)
        return
    shape, kind = space.shape, np.dtype(space.dtype) if space.dtype is not None else None
    if shape is None or kind is None or kind.kind not in "biuf" or 0 in shape:
        yield LeftOut(path, space)
    elif isinstance(space, (spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)):
        yield CountedLeaf(path, space)
    elif isinstance(space, spaces.Box):
        yield BoxLeaf(path, space, scaled)
    else:  # a custom space, but an array of numbers: its bounds are unknown
        number: Any = kind.type
        low, high = (0, 1) if kind.kind == "b" else (-np.inf, np.inf)
        if kind.kind in "iu":
            low, high = np.iinfo(kind).min, np.iinfo(kind).max
        yield BoxLeaf(path, spaces.Box(low, high, shape, number), scaled)


def part_of(space: Any, value: Any, path: PartPath, batch: bool) -> Any:
    """The value of the part at `path` in an observation. Raises `ObservationError` if it is missing."""
    for depth, key in enumerate(path):
        if isinstance(space, spaces.Dict):
            if not isinstance(value, Mapping):
                names = ", ".join(repr(each) for each in space.spaces)
                raise ObservationError(
                    translated(
                        "{subject} is {kind}, not a dictionary with {names}",
                        subject=subject_of(path[:depth]),
                        kind=type(value).__name__,
                        names=names,
                    )
                )
            if key not in value:
                raise ObservationError(
                    translated(
                        "{subject} has no {key!r}, only {listed}",
                        subject=subject_of(path[:depth]),
                        key=key,
                        listed=", ".join(map(repr, value)) or translated("nothing"),
                    )
                )
        else:
            several = isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim and not batch)
            if not several or len(value) != len(space.spaces):
                raise ObservationError(
                    translated(
                        "{subject} is {value}, not a tuple of {count} parts",
                        subject=subject_of(path[:depth]),
                        value=shown(value),
                        count=len(space.spaces),
                    )
                )
        value, space = value[key], space.spaces[key]
    return value
