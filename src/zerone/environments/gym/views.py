"""How a `Box` is encoded: as an image or as a vector of numbers, scaled or not.

Only images are scaled: a grid world's 147 symbols stored as bytes are not brightnesses, and would be almost equal after
a division by 255. Only `view_of` decides what is an image; the user can override it with one of `VIEWS` (`viewed`).
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, TypeAlias

import gymnasium
import numpy as np
from gymnasium import spaces

from zerone.base.errors import InputError, nearest
from zerone.base.language import translated

Space: TypeAlias = gymnasium.Space[Any]

AUTO, PICTURE, GRID, NUMBERS, SCALED = "auto", "picture", "grid", "numbers", "scaled"
VIEWS = {
    AUTO: "by its shape and bounds",
    PICTURE: "a picture, scaled to at most 1 by its bounds",
    GRID: "a picture whose numbers are taken as they are, such as the symbols of a grid world",
    NUMBERS: "a row of numbers, as they are",
    SCALED: "a row of numbers, scaled to at most 1 by their bounds",
}
"""The encodings that the user can choose, with their descriptions."""

FIRST = "first"
"""The encoding of runs older than the option: bytes are always scaled, and parts are never images."""

ROW = "row"
"""The encoding of runs older than images among parts: all parts are one vector, images flattened."""

SMALLEST_SIDE = 9
"""Minimum shorter side of an image in pixels, needed by three convolutions."""
SMALLEST_GREY = 36
"""Minimum shorter side of byte arrays without a channel axis, which could as well be tables of numbers."""
MOST_LISTED = 16
"""If there are more numbers than this, only the first are named."""
AS_GOOD_AS_NONE = 1e30
"""A bound of this size counts as infinite: some spaces use the largest number of a dtype."""
LARGEST_SCALE = 2**16 - 1
"""Bounds above this are not used for scaling: the values are usually far below."""


class ViewedBox(spaces.Box):
    """A `Box` with its view."""

    def __init__(self, space: spaces.Box, view: str) -> None:
        low, high = sound_bounds(space)
        kind: Any = space.dtype.type
        super().__init__(low.astype(kind), high.astype(kind), space.shape, kind)
        self.view = view


def sound_bounds(space: spaces.Box) -> tuple[np.ndarray, np.ndarray]:
    """The bounds as float64; infinite where a custom `Box` has NaN, or a lower bound above the upper."""
    low, high = (np.broadcast_to(np.asarray(each, np.float64), space.shape) for each in (space.low, space.high))
    widest = (-np.inf, np.inf)
    if space.dtype.kind in "iu":
        info = np.iinfo(space.dtype.name)
        widest = (float(info.min), float(info.max))
    broken = ~(low <= high)
    return np.where(broken, widest[0], low), np.where(broken, widest[1], high)


@dataclasses.dataclass(frozen=True)
class PicturePart:
    """An image within a vector: it begins at index `begin`, and has the environment's `shape`.

    Its axes are transposed by `axes` (None: unchanged) to height, width and channels: `picture`.
    """

    begin: int
    shape: tuple[int, ...]
    axes: tuple[int, ...] | None
    picture: tuple[int, int, int]

    @property
    def end(self) -> int:
        """The index after its last number."""
        return self.begin + math.prod(self.shape)


class RowBox(spaces.Box):
    """A vector of the joined parts of an observation, some of which are images."""

    def __init__(self, low: np.ndarray, high: np.ndarray, pictures: tuple[PicturePart, ...]) -> None:
        super().__init__(low, high, low.shape, np.float32)
        self.pictures = pictures


@dataclasses.dataclass(frozen=True)
class BoxView:
    """How the numbers of a `Box` are converted for a network.

    The axes of the box are transposed by `axes` (None: unchanged). The result is an image with the shape `picture`
    (height, width, channels), or a vector of `width` numbers. Each number is divided by `scale`.
    """

    width: int
    scale: float = 1.0
    axes: tuple[int, ...] | None = None
    picture: tuple[int, int, int] | None = None

    def describe(self) -> str:
        """As text: `a picture of 84 × 84 with 4 channels, scaled by 255`."""
        several = self.picture is None and self.width != 1
        how = translated("as they are") if several else translated("as it is")
        if self.scale != 1:
            how = translated("scaled by {scale:g}", scale=self.scale)
        if self.picture is None:
            what = translated("{count:,} numbers", count=self.width) if several else translated("1 number")
        else:
            height, width, channels = self.picture
            depth = translated("{count} channels", count=channels) if channels > 1 else translated("1 channel")
            what = translated("a picture of {height} × {width} with {channels}", height=height, width=width,
                              channels=depth)  # fmt: skip
        return translated("{what}, {how}", what=what, how=how)


def view_of(space: spaces.Box) -> BoxView:
    """The automatic encoding of a `Box`.

    An image has three axes, the shortest of which are its channels (the last one of equally short axes), and sides of
    at least `SMALLEST_SIDE`; a fourth axis in front or at the end means several images (stacked frames), whose channels
    are joined. Bytes from 0 to 255 with two axes are an image, too, if they are large enough. Images of any dtype are
    divided by their upper bound, if that is the same for all pixels and the lower bound is at least 0. Everything else
    is a vector, unchanged.
    """
    view = space.view if isinstance(space, ViewedBox) else AUTO
    if view == FIRST:
        return _first_view(space)
    width = math.prod(space.shape)
    if view in (NUMBERS, SCALED):
        return BoxView(width, _scale(space) if view == SCALED else 1.0)
    found = _picture(space.shape, 1 if view != AUTO else SMALLEST_SIDE)
    if found is None or (view == AUTO and len(space.shape) == 2 and not _is_grey(space)):
        return BoxView(width)
    axes, shape = found
    return BoxView(width, 1.0 if view == GRID else _scale(space), axes, shape)


def require_view(view: object) -> None:
    """Raise `InputError` unless `view` is one of `VIEWS`."""
    if not isinstance(view, str) or view not in VIEWS:
        raise InputError(
            translated("observations = {view!r} is not allowed: {hint}", view=view, hint=nearest(str(view), VIEWS))
        )


def viewed(space: Space, view: str) -> Space:
    """The space with the user's choice of its encoding.

    Raises:
        InputError: the space does not support this view, or the choice would be ignored.
    """
    require_view(view)
    if view == AUTO:
        return space
    problem = translated("observations = {view!r} is not allowed here", view=view)
    if not isinstance(space, spaces.Box):
        raise InputError(
            translated(
                "{problem}: they are {space}, which can be seen in one way only", problem=problem, space=describe(space)
            )
        )
    if view in (PICTURE, GRID) and _picture(space.shape, 1) is None:
        raise InputError(
            translated(
                "{problem}: they are {space}, which have no height and width", problem=problem, space=describe(space)
            )
        )
    if view == SCALED and _scale(space) == 1:
        raise InputError(
            translated(
                "{problem}: their bounds are not 0 and one number from above 1 to {largest_scale}, the same for all",
                problem=problem,
                largest_scale=LARGEST_SCALE,
            )
        )
    return ViewedBox(space, view)


def first_view(space: Space) -> Space:
    """The space with the encoding of runs older than the option."""
    return ViewedBox(space, FIRST) if isinstance(space, spaces.Box) else space


def in_doubt(space: Space) -> bool:
    """Whether an image could as well be a grid of symbols: it is small and in bytes."""
    if not isinstance(space, spaces.Box) or isinstance(space, ViewedBox) or space.dtype != np.uint8:
        return False
    picture, scale = view_of(space).picture, _scale(space)
    return picture is not None and min(picture[:2]) < SMALLEST_GREY and scale == 255


def _picture(shape: tuple[int, ...], smallest: int) -> tuple[tuple[int, ...] | None, tuple[int, int, int]] | None:
    """The transposition of the axes (None: unchanged), and height, width and channels; None if it is no image."""
    if len(shape) == 4:
        if inner := _picture(shape[1:], smallest):
            height, width, channels = inner[1]
            if shape[0] < min(height, width):
                down, across, deep = inner[0] or (0, 1, 2)
                return (down + 1, across + 1, 0, deep + 1), (height, width, shape[0] * channels)
        if inner := _picture(shape[:-1], smallest):
            height, width, channels = inner[1]
            if shape[-1] < min(height, width):
                return (*inner[0], 3) if inner[0] else None, (height, width, channels * shape[-1])
        return None
    if len(shape) == 2:
        return (None, (shape[0], shape[1], 1)) if min(shape) >= smallest else None
    if len(shape) != 3 or min(shape) < 1:
        return None
    if shape[0] < min(shape[1:]):
        axes, (channels, height, width) = (1, 2, 0), shape
    else:
        axes, (height, width, channels) = None, shape
    return (axes, (height, width, channels)) if min(height, width) >= smallest else None


def _scale(space: spaces.Box) -> float:
    """The common upper bound of all numbers, if they can be scaled by it; else 1."""
    low, high = np.asarray(space.low), np.asarray(space.high)
    if not high.size or (low != 0).any() or (high != high.flat[0]).any():
        return 1.0
    bound = float(high.flat[0])
    return bound if 1 < bound <= LARGEST_SCALE else 1.0


def _is_grey(space: spaces.Box) -> bool:
    return space.dtype == np.uint8 and min(space.shape) >= SMALLEST_GREY and _scale(space) == 255


def _first_view(space: spaces.Box) -> BoxView:
    shape, width = space.shape, math.prod(space.shape)
    scale = 255.0 if space.dtype == np.uint8 else 1.0
    if len(shape) == 3 and space.dtype == np.uint8 and shape[0] < SMALLEST_SIDE <= min(shape[1:]):
        return BoxView(width, scale, (1, 2, 0), (shape[1], shape[2], shape[0]))
    if len(shape) == 3 and min(shape[:2]) >= SMALLEST_SIDE:
        return BoxView(width, scale, None, (shape[0], shape[1], shape[2]))
    return BoxView(width, scale)


def describe(space: object) -> str:
    """A short description of a space: `Discrete(16)`, `Box(4,)`, `Tuple(Discrete(32), Discrete(2))`."""
    if isinstance(space, spaces.Discrete):
        return f"Discrete({space.n})" if space.start == 0 else f"Discrete({space.n}, start={space.start})"
    if isinstance(space, spaces.Box):
        return f"Box{space.shape}"
    if isinstance(space, spaces.MultiDiscrete):
        values = [str(int(each)) for each in space.nvec.reshape(-1)]
        return f"MultiDiscrete({', '.join([*values[:MOST_LISTED], '…'] if values[MOST_LISTED:] else values)})"
    if isinstance(space, spaces.Tuple):
        return f"Tuple({', '.join(map(describe, space.spaces))})"
    if isinstance(space, spaces.Dict):
        return f"Dict({', '.join(f'{name}: {describe(each)}' for name, each in space.spaces.items())})"
    return str(space) if isinstance(space, spaces.MultiBinary) else type(space).__name__
