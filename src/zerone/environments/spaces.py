"""Gymnasium's spaces as algorithms see them: actions counted from 0 or scaled to [-1, 1], observations as floats."""

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
"""Cells of a `MultiDiscrete` space that a table can have."""
MOST_VALUES = 2**31 - 1
"""Values of one number that is counted: it is counted in 32 bits."""


@dataclasses.dataclass(frozen=True)
class Spaces:
    """The two spaces of one environment (not of a vector of them), the observations as algorithms are given them.

    `encoded` says what they have become that of, if it is known.
    """

    observation: Space
    action: Space
    encoded: Encoding | None = None
    masked: bool = False
    """Whether a mask says at each step which actions are allowed."""

    @functools.cached_property
    def encoding(self) -> Encoding:
        """From what the environment shows to what algorithms are given."""
        return self.encoded or Encoding(self.observation)


def refuse_actions(space: Space) -> str | None:
    """Why actions of this space cannot be chosen, of one of the kinds that can be; None if they can."""
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
    """Whether all of these whole numbers fit into 32 bits."""
    return all(-(2**31) <= int(each) <= 2**31 - 1 for bound in bounds for each in np.reshape(bound, -1))


def digits(space: spaces.MultiDiscrete) -> tuple[int, ...]:
    """How many values each number of a `MultiDiscrete` observation can have."""
    return tuple(int(each) for each in space.nvec.reshape(-1))


def cells(space: Space) -> int | None:
    """How many different observations there are, if a table can hold them: None if they are too many, or not counted.

    `Discrete`: its values. `MultiDiscrete`: the product of its numbers' values, up to `LARGEST_TABLE`.
    """
    if isinstance(space, spaces.Discrete):
        return int(space.n) if space.n <= MOST_VALUES else None
    if isinstance(space, spaces.MultiDiscrete):
        product = math.prod(digits(space))
        return product if product <= LARGEST_TABLE else None
    return None


def count(space: Space, what: str) -> int:
    """Number of values of a `Discrete` space. Raises `InputError` for any other, naming `what` it is for."""
    if not isinstance(space, spaces.Discrete):
        raise InputError(
            translated("{what} must be Discrete, not {space}", what=translated(what), space=describe(space))
        )
    return int(space.n)


ArrayT = TypeVar("ArrayT", jax.Array, np.ndarray)


def to_environment(space: Space, action: ArrayT) -> ArrayT:
    """An algorithm's action as the environment takes it, in the space's dtype. Leading axes are batch axes.

    `Discrete`: 0..n-1 becomes start..start+n-1, as do the numbers of a `MultiDiscrete`; those of a `MultiBinary` are 0
    or 1 already. `Box`: what has two finite bounds is clipped to [-1, 1] and stretched from low to high, whatever their
    asymmetry, and rounded where it is whole numbers or booleans; what has not is only clipped to the bound it has.
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
    bounded, middle, reach = action_scale(space, action.shape)
    stretched = numpy.where(bounded, middle + reach * numpy.clip(action, -1.0, 1.0), action)
    clipped = numpy.clip(stretched, *(np.broadcast_to(bound, action.shape) for bound in action_bounds(space)))
    if space.dtype.kind in "iub":
        clipped = numpy.round(clipped)
    # In a program 64 bits are 32, unless JAX was asked for them: the host makes of it what the environment takes.
    kind = space.dtype if numpy is np else jax.dtypes.canonicalize_dtype(space.dtype)
    sent: ArrayT = clipped.astype(kind)
    return sent


def to_algorithm(space: Space, action: np.ndarray) -> np.ndarray:
    """An action that an environment was given, as an algorithm would have drawn it: `to_environment` undone.

    `Discrete`: int32, counted from 0. `Box`: float32, what has two bounds scaled to [-1, 1]; not clipped.
    """
    if isinstance(space, spaces.Discrete):
        return (action - int(space.start)).astype(np.int32)
    assert isinstance(space, spaces.Box)  # noqa: S101 - `refuse` has let nothing else through
    bounded, middle, reach = action_scale(space, action.shape)
    # A dimension whose bounds are equal says nothing of what was drawn: 0.
    scaled = (action.astype(np.float64) - middle) / np.where(reach == 0, np.inf, reach)
    return np.where(bounded, scaled, action).astype(np.float32)


def action_bounds(space: spaces.Box) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and highest of a `Box` in float32, none of them outside of it: float32 may round a bound outwards."""
    with np.errstate(over="ignore"):
        low, high = space.low.astype(np.float32), space.high.astype(np.float32)
    inner_low = np.where(low < space.low, np.nextafter(low, np.float32(np.inf)), low)
    inner_high = np.where(high > space.high, np.nextafter(high, np.float32(-np.inf)), high)
    empty = inner_low > inner_high  # a width that float32 does not know
    return np.where(empty, low, inner_low), np.where(empty, high, inner_high)


def has_bounds(space: spaces.Box) -> np.ndarray:
    """Where a `Box` has a lower and an upper bound; the largest number of a type is none."""
    low, high = (np.asarray(bound, np.float64) for bound in (space.low, space.high))
    return (low > -AS_GOOD_AS_NONE) & (high < AS_GOOD_AS_NONE)


def action_scale(space: spaces.Box, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where a `Box` has two bounds, and there the middle and the half width (float32)."""
    low, high = (np.broadcast_to(bound, shape).astype(np.float64) for bound in (space.low, space.high))
    bounded = np.broadcast_to(has_bounds(space), shape)
    lowest, highest = np.where(bounded, low, -1.0), np.where(bounded, high, 1.0)
    return bounded, (lowest / 2 + highest / 2).astype(np.float32), (highest / 2 - lowest / 2).astype(np.float32)


def from_environment(space: Space, observation: jax.Array) -> jax.Array:
    """An environment's observation as algorithms see it: `Discrete` counted from 0 (int32), the rest as it is.

    A `MultiDiscrete` observation is one number too, if a table can hold all there are (`cells`): Σ_i x_i Π_{j>i} n_j,
    each x_i counted from 0 (the mixed radix system, as `numpy.ravel_multi_index` has it); else each is counted from 0.
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
    """An observation as algorithms see it, all zeros: its shape and dtype."""
    kind = jax.dtypes.canonicalize_dtype(space.dtype or jnp.float32)  # 64 bits become 32, as in JAX
    shape = jax.eval_shape(lambda x: from_environment(space, x), jax.ShapeDtypeStruct(space.shape or (), kind))
    return jnp.zeros(shape.shape, shape.dtype)


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
