"""Conversion between an environment's spaces and what algorithms use.

Algorithms use discrete actions that start at 0, continuous actions scaled to [-1, 1], and observations as arrays.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from gymnasium import spaces

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.environments.gym.encoding import Encoding
from zerone.environments.gym.views import AS_GOOD_AS_NONE, Space, describe

LARGEST_TABLE = 2**20
"""The most rows that a table over a `MultiDiscrete` space may have."""
MOST_VALUES = 2**31 - 1
"""The most values that a discrete number may have, since it is stored in 32 bits."""


@dataclasses.dataclass(frozen=True)
class Spaces:
    """The observation and action space of a single environment (not of a vector of environments).

    `observation` is the space of the encoded observations that algorithms get; `encoded` is the encoding, if known.
    """

    observation: Space
    action: Space
    encoded: Encoding | None = None
    masked: bool = False
    """Whether there is an action mask at each step."""

    @functools.cached_property
    def encoding(self) -> Encoding:
        """The encoding from the environment's observations to those that algorithms get."""
        return self.encoded or Encoding(self.observation)


def refuse_actions(space: Space) -> str | None:
    """The reason why actions of a space of a supported kind cannot be used; None if they can."""
    if max(choices_in(space), default=0) > MOST_VALUES or not _fits(getattr(space, "start", 0)):
        return translated("it needs actions that are counted from -{count:,} to {count:,}", count=MOST_VALUES)
    if not numbers(space):
        return translated("it needs actions with a number in them")
    if isinstance(space, spaces.Box) and not (space.low <= space.high).all():
        return translated("it needs bounds of which the lower is not above the upper")
    if isinstance(space, spaces.Box) and space.dtype.kind in "iu" and not _fits(space.low, space.high):
        return translated("it needs whole numbers within 32 bits as actions")
    return None


def _fits(*bounds: Any) -> bool:
    """Whether all of these integers fit into 32 bits."""
    return all(-(2**31) <= int(each) <= 2**31 - 1 for bound in bounds for each in np.reshape(bound, -1))


def digits(space: spaces.MultiDiscrete) -> tuple[int, ...]:
    """The number of values of each component of a `MultiDiscrete` space."""
    return tuple(int(each) for each in space.nvec.reshape(-1))


def cells(space: Space) -> int | None:
    """The number of rows of a table over this space: None if there are too many or the space is not discrete.

    `Discrete`: its number of values. `MultiDiscrete`: the product of its components' numbers, up to `LARGEST_TABLE`.
    """
    if isinstance(space, spaces.Discrete):
        return int(space.n) if space.n <= MOST_VALUES else None
    if isinstance(space, spaces.MultiDiscrete):
        product = math.prod(digits(space))
        return product if product <= LARGEST_TABLE else None
    return None


def count(space: Space, what: str) -> int:
    """The number of values of a `Discrete` space. For other spaces, raises an `InputError` that begins with `what`."""
    if not isinstance(space, spaces.Discrete):
        raise InputError(
            translated("{what} must be Discrete, not {space}", what=translated(what), space=describe(space))
        )
    return int(space.n)


ArrayT = TypeVar("ArrayT", jax.Array, np.ndarray)


def to_environment(space: Space, action: ArrayT) -> ArrayT:
    """Convert an algorithm's action to the environment's action, in the space's dtype. Leading axes are batch axes.

    `Discrete` and `MultiDiscrete`: 0..n-1 becomes start..start+n-1. `MultiBinary`: 0 and 1 are unchanged. `Box`: a
    component with two finite bounds is clipped to [-1, 1] and mapped linearly to [low, high]; other components are only
    clipped to the bound that they have. Integer and boolean components are rounded. The algorithm stores its own,
    unclipped action, because the density is that of the sample. Works with JAX arrays inside of programs and with NumPy
    arrays on the host.
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
    bounded, middle, reach = action_scale(space, action.shape)
    stretched = numpy.where(bounded, middle + reach * numpy.clip(action, -1.0, 1.0), action)
    clipped = numpy.clip(stretched, *(np.broadcast_to(bound, action.shape) for bound in action_bounds(space)))
    if space.dtype.kind in "iub":
        clipped = numpy.round(clipped)
    # In a program, 64-bit types become 32-bit ones unless JAX has 64 bits enabled; the host converts afterwards.
    kind = space.dtype if numpy is np else jax.dtypes.canonicalize_dtype(space.dtype)
    sent: ArrayT = clipped.astype(kind)
    return sent


def to_algorithm(space: Space, action: np.ndarray) -> np.ndarray:
    """Convert an environment's action back to an algorithm's action: the inverse of `to_environment`.

    `Discrete`: int32 from 0. `Box`: float32, with the components that have two bounds scaled to [-1, 1]; not clipped.
    """
    if isinstance(space, spaces.Discrete):
        return (action - int(space.start)).astype(np.int32)
    assert isinstance(space, spaces.Box)  # noqa: S101 - `refuse` has let nothing else through
    bounded, middle, reach = action_scale(space, action.shape)
    # If both bounds are equal, the algorithm's action cannot be recovered: use 0.
    scaled = (action.astype(np.float64) - middle) / np.where(reach == 0, np.inf, reach)
    return np.where(bounded, scaled, action).astype(np.float32)


def action_bounds(space: spaces.Box) -> tuple[np.ndarray, np.ndarray]:
    """The bounds of a `Box` in float32, adjusted where rounding to float32 would place them outside of it."""
    with np.errstate(over="ignore"):
        low, high = space.low.astype(np.float32), space.high.astype(np.float32)
    inner_low = np.where(low < space.low, np.nextafter(low, np.float32(np.inf)), low)
    inner_high = np.where(high > space.high, np.nextafter(high, np.float32(-np.inf)), high)
    empty = inner_low > inner_high  # the interval contains no float32 number
    return np.where(empty, low, inner_low), np.where(empty, high, inner_high)


def has_bounds(space: spaces.Box) -> np.ndarray:
    """Which components of a `Box` have two finite bounds (bool); the largest number of a dtype counts as infinite."""
    low, high = (np.asarray(bound, np.float64) for bound in (space.low, space.high))
    return (low > -AS_GOOD_AS_NONE) & (high < AS_GOOD_AS_NONE)


def action_scale(space: spaces.Box, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which components of a `Box` have two bounds, their middle and their half width, broadcast to `shape`.

    The middle is 0 and the half width 1 (float32) for components without two bounds.
    """
    low, high = (np.broadcast_to(bound, shape).astype(np.float64) for bound in (space.low, space.high))
    bounded = np.broadcast_to(has_bounds(space), shape)
    lowest, highest = np.where(bounded, low, -1.0), np.where(bounded, high, 1.0)
    return bounded, (lowest / 2 + highest / 2).astype(np.float32), (highest / 2 - lowest / 2).astype(np.float32)


def from_environment(space: Space, observation: jax.Array) -> jax.Array:
    """Convert an environment's observation for algorithms: `Discrete` to int32 from 0, other kinds unchanged.

    A `MultiDiscrete` observation becomes one int32 number if a table can have a row for each (`cells`):
    Σ_i x_i Π_{j>i} n_j with each x_i from 0 (mixed radix, as in `numpy.ravel_multi_index`). Otherwise only its
    components are shifted to start at 0.
    """
    if isinstance(space, spaces.Discrete):
        return observation.astype(jnp.int32) - int(space.start)
    if isinstance(space, spaces.MultiDiscrete):
        counted = observation.astype(jnp.int32) - np.broadcast_to(np.int32(space.start), observation.shape)
        if cells(space) is None:
            return counted
        each = digits(space)
        worth = np.array([math.prod(each[i + 1 :]) for i in range(len(each))], np.int32)
        flat = counted.reshape(*counted.shape[: counted.ndim - len(space.shape)], -1)
        return (flat * np.broadcast_to(worth, flat.shape)).sum(-1, dtype=jnp.int32)
    return observation


def example(space: Space) -> jax.Array:
    """An observation of zeros, with the shape and dtype that algorithms get."""
    kind = jax.dtypes.canonicalize_dtype(space.dtype or jnp.float32)  # 64 bits become 32, as in JAX
    shape = jax.eval_shape(lambda x: from_environment(space, x), jax.ShapeDtypeStruct(space.shape or (), kind))
    return jnp.zeros(shape.shape, shape.dtype)


def choices_in(space: Space) -> tuple[int, ...]:
    """The number of values of each discrete component of an action: one for `Discrete`, none for `Box`."""
    if isinstance(space, spaces.Discrete):
        return (int(space.n),)
    if isinstance(space, spaces.MultiDiscrete):
        return digits(space)
    return (2,) * math.prod(space.shape) if isinstance(space, spaces.MultiBinary) else ()


def numbers(space: Space) -> int:
    """The number of a policy's outputs: one per value of each discrete component, or one per dimension of a `Box`."""
    return sum(choices_in(space)) or math.prod(space.shape or ())
