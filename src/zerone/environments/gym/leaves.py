"""The numeric parts (leaves) of an observation: read, validated and encoded.

A leaf is a space without parts: a `Box` (`BoxLeaf`), or a counted one (`CountedLeaf`): `Discrete`, `MultiDiscrete`,
`MultiBinary`. Both have the same methods:

    found = leaf.read(value)        the unchanged numbers; raises ObservationError if they do not match the space
    leaf.encode(found)              encoded alone, in `leaf.encoded_space()`, with at most 32 bits
    leaf.row(found)                 encoded as part of a float32 vector, within `leaf.row_bounds()`

A batch of observations has one more axis, in front.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any, TypeAlias

import numpy as np
from gymnasium import spaces
from numpy.typing import DTypeLike

from zerone.base.language import translatable, translated
from zerone.environments.gym.conversion import has_masked, shown
from zerone.environments.gym.kinds import PartPath
from zerone.environments.gym.views import Space, describe, sound_bounds, view_of

Array: TypeAlias = np.ndarray

NARROW = {"float64": np.float32, "int64": np.int32, "uint64": np.uint32}
"""The 32-bit dtypes that replace 64-bit dtypes."""
LARGEST = 2**31 - 1
"""The largest count in 32 bits."""


class ObservationError(ValueError):
    """An observation that does not match its space; the message is complete by itself."""


def name_of(path: PartPath) -> str:
    """The name of a part: `image`, `hand[0]`, `[1].place`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def subject_of(path: PartPath) -> str:
    """The subject of an error message."""
    whole = translated("the observation")
    return translated("{part} of the observation", part=name_of(path)) if path else whole


def as_array(value: object, path: PartPath = ()) -> Array:
    """The part at `path` of an observation as a numeric array. Raises `ObservationError` if it is not numeric."""
    if has_masked(value):
        raise ObservationError(
            translated("{subject} has masked entries, which are no numbers: fill them", subject=subject_of(path))
        )
    try:
        found = np.asarray(value)
    except Exception as error:  # any exception of a foreign class's conversion
        raise ObservationError(
            translated(
                "{subject} is {kind}, not an array of numbers", subject=subject_of(path), kind=type(value).__name__
            )
        ) from error
    if found.dtype.kind not in "biuf":
        if isinstance(value, np.ndarray):
            raise ObservationError(
                translated(
                    "{subject} is an array of the type {kind}, not of numbers (bool, int, uint or float)",
                    subject=subject_of(path),
                    kind=found.dtype,
                )
            )
        what = "None" if value is None else type(value).__name__
        raise ObservationError(
            translated("{subject} is {what}, not an array of numbers", subject=subject_of(path), what=what)
        )
    return found


@dataclasses.dataclass(frozen=True)
class _Placed:
    """A space without parts, and its path in the observation."""

    path: PartPath
    space: Space

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.space.shape or ())

    @property
    def name(self) -> str:
        return name_of(self.path)

    @property
    def subject(self) -> str:
        return subject_of(self.path)

    def shaped(self, value: object, batch: bool) -> Array:
        """The value as a numeric array of the right shape. Raises `ObservationError`."""
        found, shape = as_array(value, self.path), self.shape
        if found.shape[batch:] == shape and found.ndim == len(shape) + batch:
            return found
        if batch:
            raise ObservationError(
                translated(
                    "{subject} is of shape {found}, not of shape {wanted}, where N is the number of environments",
                    subject=self.subject,
                    found=found.shape,
                    wanted=f"(N, {', '.join(map(str, shape))})" if shape else "(N,)",
                )
            )
        raise ObservationError(
            translated(
                "{subject} is of shape {found}, not of shape {shape}",
                subject=self.subject,
                found=found.shape,
                shape=shape,
            )
        )


@dataclasses.dataclass(frozen=True)
class BoxLeaf(_Placed):
    """A part with bounded numbers. As part of a vector, an image is scaled if `scaled`."""

    space: spaces.Box
    scaled: bool = True

    def read(self, value: Any, batch: bool = False) -> Array:
        """The unchanged numbers. Raises `ObservationError` if the space's dtype cannot hold them."""
        kind = self.space.dtype
        usual = type(value) is np.ndarray and value.dtype == kind and value.shape == self.space.shape
        found = value if usual and not batch else self.shaped(value, batch)
        if found.dtype.kind == "f" and not np.isfinite(found).all():
            raise ObservationError(translated("{subject} has NaN or infinity in it", subject=self.subject))
        if found.dtype != kind:
            self._cast(found, kind, translatable("the type {kind} of its space cannot hold"))
        return found

    def _cast(self, found: Array, kind: DTypeLike, cannot: str) -> Array:
        """The numbers in another dtype. Raises `ObservationError` if it cannot hold them; floats may lose precision."""
        with np.errstate(over="ignore", invalid="ignore"):
            cast: Array = found.astype(kind)
            if cast.dtype.kind == "f":
                if not np.isfinite(cast).all():
                    raise ObservationError(
                        translated(
                            "{subject} has NaN or infinity in it, as {kind}", subject=self.subject, kind=np.dtype(kind)
                        )
                    )
                return cast
            lost = cast != found
        if lost.any():
            raise ObservationError(
                translated(
                    "{subject} has {number} in it, which {cannot}",
                    subject=self.subject,
                    number=found[lost].flat[0],
                    cannot=translated(cannot, kind=kind) if cannot else "",
                )
            )
        return cast

    def encoded_space(self) -> spaces.Box:
        """A box with at most 32 bits: 64-bit dtypes become 32-bit, and bounds are clipped to their range."""
        space = self.space
        if space.dtype.itemsize <= 4 and (np.asarray(space.low) <= np.asarray(space.high)).all():
            return space
        kind: Any = space.dtype.type if space.dtype.itemsize <= 4 else NARROW.get(space.dtype.name, np.float32)
        low, high = sound_bounds(space)
        if np.dtype(kind).kind in "iu":
            info = np.iinfo(kind)
            low, high = np.clip(low, info.min, info.max), np.clip(high, info.min, info.max)
        with np.errstate(over="ignore"):
            return spaces.Box(low.astype(kind), high.astype(kind), space.shape, kind)

    @functools.cached_property
    def _encoded_type(self) -> np.dtype:
        return self.encoded_space().dtype

    def encode(self, found: Array, batch: bool = False) -> Array:
        """Convert read numbers to `encoded_space`. Raises `ObservationError` if it cannot hold them."""
        del batch
        if found.dtype == self._encoded_type:
            return found
        return self._cast(found, self._encoded_type, translatable("is beyond the 32 bits that are computed with"))

    @functools.cached_property
    def scale(self) -> float:
        """The divisor of its numbers in a vector."""
        view = view_of(self.encoded_space())
        return view.scale if view.picture and self.scaled else 1.0

    def row(self, found: Array, batch: bool = False) -> Array:
        """Read numbers as part of a float32 vector."""
        row = self._cast(found, np.float32, "").reshape(*found.shape[:batch], -1)
        return row if self.scale == 1 else row / np.float32(self.scale)

    def row_bounds(self) -> tuple[Array, Array]:
        """The bounds of `row`'s numbers, as two arrays."""
        low, high = (bound.reshape(-1) / self.scale for bound in sound_bounds(self.space))
        return low, high


class CountedLeaf(_Placed):
    """One count, or an array of counts, each from its own start value."""

    space: spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary

    @functools.cached_property
    def values(self) -> tuple[int, ...]:
        """The number of values of each count."""
        space = self.space
        if isinstance(space, spaces.Discrete):
            return (int(space.n),)
        if isinstance(space, spaces.MultiBinary):
            return (2,) * math.prod(space.shape)
        return tuple(int(each) for each in space.nvec.reshape(-1))

    @property
    def is_bits(self) -> bool:
        """Whether its counts are encoded as 0 or 1; all others are encoded one-hot."""
        return isinstance(self.space, spaces.MultiBinary)

    @functools.cached_property
    def start(self) -> Array:
        """The start value of each count."""
        return np.broadcast_to(np.asarray(getattr(self.space, "start", 0), np.int64), self.shape)

    @functools.cached_property
    def _number(self) -> Array:
        return np.array(self.values, np.int64).reshape(self.space.shape)

    def read(self, value: object, batch: bool = False) -> Array:
        """The unchanged counts. Raises `ObservationError` if they are not in the space."""
        found = self.shaped(value, batch)
        with np.errstate(invalid="ignore"):
            whole = found.astype(np.int64)
            counted = whole - self.start
        if (whole != found).any() or (counted < 0).any() or (counted >= self._number).any():
            raise ObservationError(
                translated(
                    "{subject} is {found}, not in {space}",
                    subject=self.subject,
                    found=shown(found.tolist()),
                    space=describe(self.space),
                )
            )
        return whole

    def encoded_space(self) -> Space:
        """The same space if it has integers of usual size; else one that counts from 0."""
        space, start = self.space, self.start
        last = [int(each) for each in (start + (self._number - 1)).reshape(-1)]
        small = all(-LARGEST <= each <= LARGEST for each in (*start.reshape(-1).tolist(), *last))
        if isinstance(space, spaces.Discrete):
            return space if small and space.dtype == np.int64 else spaces.Discrete(self.values[0])
        if isinstance(space, spaces.MultiDiscrete) and small and space.dtype in (np.int64, np.int32):
            return space
        return Counts(self.values, [self.is_bits] * len(self.values))

    @functools.cached_property
    def _keeps_space(self) -> bool:
        return self.encoded_space() is self.space

    def encode(self, found: Array, batch: bool = False) -> Array:
        """Convert read counts to `encoded_space`."""
        if self._keeps_space:
            return found
        counted = self.counted(found, batch)
        return counted[..., 0] if isinstance(self.space, spaces.Discrete) else counted

    def counted(self, found: Array, batch: bool = False) -> Array:
        """Read counts as a vector, each counted from 0."""
        counted: Array = found - self.start
        return counted.reshape(*found.shape[:batch], -1)

    def row(self, found: Array, batch: bool = False) -> Array:
        """Read counts as part of a float32 vector: one-hot, but bits unchanged."""
        counted = self.counted(found, batch)
        if self.is_bits:
            return counted.astype(np.float32)
        hot = np.zeros((*counted.shape[:-1], sum(self.values)), np.float32)
        places = counted + np.cumsum((0, *self.values[:-1]))
        np.put_along_axis(hot, places, np.float32(1), -1)
        return hot

    def row_bounds(self) -> tuple[Array, Array]:
        """The bounds of `row`'s numbers, as two arrays."""
        width = len(self.values) if self.is_bits else sum(self.values)
        return np.zeros(width), np.ones(width)


class Counts(spaces.MultiDiscrete):
    """A vector of counts from 0. `bits` are used as numbers 0 or 1, the others one-hot."""

    def __init__(self, values: tuple[int, ...] | list[int], bits: list[bool]) -> None:
        super().__init__(np.array(values, np.int64))
        self.bits = tuple(bits)


Leaf: TypeAlias = BoxLeaf | CountedLeaf
