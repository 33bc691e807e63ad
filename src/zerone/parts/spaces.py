"""Gymnasium's spaces as algorithms see them: actions counted from 0 or scaled to [-1, 1], observations as floats."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, TypeAlias, TypeVar

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium import spaces

from zerone.base.errors import InputError

Space: TypeAlias = gymnasium.Space[Any]


@dataclasses.dataclass(frozen=True)
class Spaces:
    """The two spaces of one environment (not of a vector of them)."""

    observation: Space
    action: Space


def refuse_observations(space: Space) -> str | None:
    """Why a network cannot see what is in this space; None if it can."""
    if not isinstance(space, (spaces.Box, spaces.Discrete, spaces.MultiDiscrete)):
        return "it needs Box, Discrete or MultiDiscrete observations"
    return None if Features.of(space).width else "it needs observations with a number in them"


LARGEST_TABLE = 2**20
"""Cells of a `MultiDiscrete` space that a table can have."""


def describe(space: Space) -> str:
    """A space in a few words: `Discrete(16)`, `Discrete(5, start=1)`, `Box(4,)`, else Gymnasium's own text."""
    if isinstance(space, spaces.Discrete):
        return f"Discrete({space.n})" if space.start == 0 else f"Discrete({space.n}, start={space.start})"
    if isinstance(space, spaces.Box):
        return f"Box{space.shape}"
    if isinstance(space, spaces.MultiDiscrete):
        return f"MultiDiscrete({', '.join(map(str, digits(space)))})"
    return str(space)


def digits(space: spaces.MultiDiscrete) -> tuple[int, ...]:
    """How many values each number of a `MultiDiscrete` observation can have."""
    return tuple(int(each) for each in space.nvec.reshape(-1))


def cells(space: Space) -> int | None:
    """How many different observations there are, if a table can hold them: None if they are too many, or not counted.

    `Discrete`: its values. `MultiDiscrete`: the product of its numbers' values, up to `LARGEST_TABLE`.
    """
    if isinstance(space, spaces.Discrete):
        return int(space.n)
    if isinstance(space, spaces.MultiDiscrete):
        product = math.prod(digits(space))
        return product if product <= LARGEST_TABLE else None
    return None


def count(space: Space, what: str) -> int:
    """Number of values of a `Discrete` space. Raises `InputError` for any other, naming `what` it is for."""
    if not isinstance(space, spaces.Discrete):
        raise InputError(f"{what} must be Discrete, not {describe(space)}")
    return int(space.n)


ArrayT = TypeVar("ArrayT", jax.Array, np.ndarray)


def to_environment(space: Space, action: ArrayT) -> ArrayT:
    """An algorithm's action as the environment takes it, in the space's dtype. Leading axes are batch axes.

    `Discrete`: 0..n-1 becomes start..start+n-1, as do the numbers of a `MultiDiscrete`; those of a `MultiBinary` are 0
    or 1 already. `Box`: what has two finite bounds is clipped to [-1, 1] and
    stretched from low to high, whatever their asymmetry; what has not is only clipped to the bound it has.
    The algorithm keeps its own, unclipped action: its density is that of what it drew. Works on JAX's arrays
    inside of programs and on NumPy's on the host.
    """
    numpy: Any = action.__array_namespace__()
    if isinstance(space, spaces.Discrete):
        discrete: ArrayT = (action + int(space.start)).astype(np.int32)
        return discrete
    if isinstance(space, (spaces.MultiDiscrete, spaces.MultiBinary)):
        start = space.start if isinstance(space, spaces.MultiDiscrete) else 0
        chosen: ArrayT = (action + np.broadcast_to(np.int32(start), action.shape)).astype(np.int32)
        return chosen
    assert isinstance(space, spaces.Box)  # noqa: S101 - `refuse` has let nothing else through
    bounded, middle, reach = _scale(space, action.shape)
    stretched = numpy.where(bounded, middle + reach * numpy.clip(action, -1.0, 1.0), action)
    clipped = numpy.clip(stretched, *(np.broadcast_to(bound, action.shape) for bound in _bounds(space)))
    if np.issubdtype(space.dtype, np.integer):
        clipped = numpy.round(clipped)
    sent: ArrayT = clipped.astype(space.dtype)
    return sent


def to_algorithm(space: Space, action: np.ndarray) -> np.ndarray:
    """An action that an environment was given, as an algorithm would have drawn it: `to_environment` undone.

    `Discrete`: int32, counted from 0. `Box`: float32, what has two bounds scaled to [-1, 1]; not clipped.
    """
    if isinstance(space, spaces.Discrete):
        return (action - int(space.start)).astype(np.int32)
    assert isinstance(space, spaces.Box)  # noqa: S101 - `refuse` has let nothing else through
    bounded, middle, reach = _scale(space, action.shape)
    # A dimension whose bounds are equal says nothing of what was drawn: 0.
    scaled = (action.astype(np.float64) - middle) / np.where(reach == 0, np.inf, reach)
    return np.where(bounded, scaled, action).astype(np.float32)


def _bounds(space: spaces.Box) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and highest of a `Box` in float32, none of them outside of it: float32 may round a bound outwards."""
    low, high = space.low.astype(np.float32), space.high.astype(np.float32)
    inner_low = np.where(low < space.low, np.nextafter(low, np.float32(np.inf)), low)
    inner_high = np.where(high > space.high, np.nextafter(high, np.float32(-np.inf)), high)
    empty = inner_low > inner_high  # a width that float32 does not know
    return np.where(empty, low, inner_low), np.where(empty, high, inner_high)


def _scale(space: spaces.Box, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where a `Box` has two finite bounds, and there the middle and the half width (float32)."""
    low, high = (np.broadcast_to(bound, shape).astype(np.float64) for bound in (space.low, space.high))
    bounded = np.isfinite(low) & np.isfinite(high)
    lowest, highest = np.where(bounded, low, -1.0), np.where(bounded, high, 1.0)
    return bounded, (lowest / 2 + highest / 2).astype(np.float32), (highest / 2 - lowest / 2).astype(np.float32)


def from_environment(space: Space, observation: jax.Array) -> jax.Array:
    """An environment's observation as algorithms see it: `Discrete` counted from 0 (int32), the rest as it is.

    A `MultiDiscrete` observation is one number too, if a table can hold all there are (`cells`): Σ_i x_i Π_{j>i} n_j,
    each x_i counted from 0 (the mixed radix system, as `numpy.ravel_multi_index` has it); else each is counted from 0.
    """
    if isinstance(space, spaces.Discrete):
        return (observation - int(space.start)).astype(jnp.int32)
    if isinstance(space, spaces.MultiDiscrete):
        counted = (observation - np.broadcast_to(space.start, observation.shape)).astype(jnp.int32)
        if cells(space) is None:
            return counted
        each = digits(space)
        worth = np.array([math.prod(each[i + 1 :]) for i in range(len(each))], np.int32)
        flat = counted.reshape(*counted.shape[: counted.ndim - len(space.shape)], -1)
        return (flat * np.broadcast_to(worth, flat.shape)).sum(-1, dtype=jnp.int32)
    return observation


def example(space: Space) -> jax.Array:
    """An observation as algorithms see it, all zeros: its shape and dtype."""
    kind = jax.dtypes.canonicalize_dtype(space.dtype or jnp.float32)  # 64 bits become 32, as in JAX
    shape = jax.eval_shape(lambda x: from_environment(space, x), jax.ShapeDtypeStruct(space.shape or (), kind))
    return jnp.zeros(shape.shape, shape.dtype)


@dataclasses.dataclass(frozen=True)
class Features:
    """From observations to float32 for a network: counted values one-hot, bytes scaled to [0, 1], the rest as it is.

    `values` are how many values each number of a `Discrete` or `MultiDiscrete` space has, and none for a `Box`: its
    numbers are one-hot one after the other. A picture keeps its `shape`, which is height, width and channels (those go
    last if they came first); anything else becomes one axis. Leading axes are batch axes. Hashable, so that a network
    can hold one.
    """

    shape: tuple[int, ...]
    values: tuple[int, ...]
    bytes: bool
    picture: bool
    channels_first: bool = False

    @staticmethod
    def of(space: Space) -> Features:
        """The features of observations from `space`, as `from_environment` gives them."""
        values: tuple[int, ...] = ()
        if isinstance(space, spaces.Discrete):
            values = (int(space.n),)
        elif isinstance(space, spaces.MultiDiscrete):
            values = digits(space)
        shape, first = () if cells(space) is not None else space.shape or (), has_channels_first(space)
        if first:
            shape = (*shape[1:], shape[0])
        return Features(shape, values, space.dtype == np.uint8, is_image(space), first)

    @property
    def width(self) -> int:
        """How many numbers one observation becomes."""
        return sum(self.values) or math.prod(self.shape)

    def __call__(self, observation: jax.Array) -> jax.Array:
        leading = observation.shape[: observation.ndim - len(self.shape)]
        if self.values:
            flat = jnp.moveaxis(observation.reshape(*leading, -1), -1, 0)
            counted = flat if self.shape else jnp.unravel_index(observation, self.values)
            each = [jax.nn.one_hot(number, n) for number, n in zip(counted, self.values, strict=True)]
            return jnp.concatenate(each, -1)
        if self.channels_first:
            observation = jnp.moveaxis(observation, -3, -1)
        scaled = observation.astype(jnp.float32) / (255.0 if self.bytes else 1.0)
        if self.picture:
            return scaled
        return scaled.reshape(*leading, self.width)


SMALLEST_SIDE = 9
"""Pixels of a picture's shorter side: what three convolutions need."""


def is_image(space: Space) -> bool:
    """Whether observations are pictures: height, width and channels, or bytes with the channels first."""
    if not isinstance(space, spaces.Box) or len(space.shape) != 3:
        return False
    return min(space.shape[:2]) >= SMALLEST_SIDE or has_channels_first(space)


def has_channels_first(space: Space) -> bool:
    """Whether observations are bytes [channels, height, width], such as the stacked frames of an Atari game."""
    if not isinstance(space, spaces.Box) or len(space.shape) != 3 or space.dtype != np.uint8:
        return False
    return space.shape[0] < SMALLEST_SIDE <= min(space.shape[1:])


def choices_in(space: Space) -> tuple[int, ...]:
    """How many values each choice of an action has: one choice in a `Discrete`, several in others, none in a `Box`."""
    if isinstance(space, spaces.Discrete):
        return (int(space.n),)
    if isinstance(space, spaces.MultiDiscrete):
        return digits(space)
    return (2,) * math.prod(space.shape) if isinstance(space, spaces.MultiBinary) else ()


def numbers(space: Space) -> int:
    """How many numbers a policy says about an action: one for each value of a choice, each dimension of a `Box`."""
    return sum(choices_in(space)) or math.prod(space.shape or ())
