"""From observations as algorithms are given them to what a network takes: rows of float32 numbers, and pictures."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from gymnasium import spaces

from zerone.base.language import translated
from zerone.environments.gym.leaves import Counts
from zerone.environments.gym.views import BoxView, PicturePart, RowBox, Space, view_of
from zerone.environments.spaces import MOST_VALUES, cells, choices_in, digits


def refuse_observations(space: Space) -> str | None:
    """Why a network cannot see what is in this space; None if it can."""
    if not isinstance(space, (spaces.Box, spaces.Discrete, spaces.MultiDiscrete)):
        return translated("it needs Box, Discrete or MultiDiscrete observations")
    if max(choices_in(space), default=0) > MOST_VALUES:
        return translated("it needs observations of at most {count:,} values", count=MOST_VALUES)
    return None if Features.of(space).width else translated("it needs observations with a number in them")


@dataclasses.dataclass(frozen=True)
class Features:
    """From observations to float32 for a network: what is counted one-hot, what is in a `Box` as `view_of` says.

    `values` are how many values each number of a `Discrete` or `MultiDiscrete` space has, and none for a `Box`: its
    numbers are one-hot one after the other, but `bits` are the numbers they are. `shape` is that of what an algorithm
    is given. A picture becomes height, width and channels; anything else one axis, in which `pictures` may lie. Leading
    axes are batch axes. Hashable, so that a network can hold one.
    """

    shape: tuple[int, ...]
    values: tuple[int, ...] = ()
    bits: tuple[bool, ...] = ()
    view: BoxView | None = None
    pictures: tuple[PicturePart, ...] = ()

    @staticmethod
    def of(space: Space) -> Features:
        """The features of observations from `space`, as `from_environment` gives them."""
        shape = () if cells(space) is not None else tuple(space.shape or ())
        if isinstance(space, spaces.Discrete):
            return Features(shape, (int(space.n),), (False,))
        if isinstance(space, spaces.MultiDiscrete):
            values = digits(space)
            return Features(shape, values, space.bits if isinstance(space, Counts) else (False,) * len(values))
        assert isinstance(space, spaces.Box)  # noqa: S101 - `refuse` has let nothing else through
        return Features(shape, view=view_of(space), pictures=space.pictures if isinstance(space, RowBox) else ())

    @property
    def picture(self) -> tuple[int, int, int] | None:
        """Height, width and channels; None where it is none."""
        return None if self.view is None else self.view.picture

    @property
    def width(self) -> int:
        """How many numbers one observation becomes."""
        each = (1 if bit else n for n, bit in zip(self.values, self.bits, strict=True))
        return sum(each) if self.view is None else self.view.width

    def __call__(self, observation: jax.Array) -> jax.Array:
        leading = observation.shape[: observation.ndim - len(self.shape)]
        if self.view is None:
            return self._counted(observation, leading)
        if self.view.axes is not None:
            before = range(len(leading))
            observation = jnp.transpose(observation, (*before, *(len(leading) + axis for axis in self.view.axes)))
        scaled = observation.astype(jnp.float32)
        if self.view.scale != 1:
            scaled = scaled / self.view.scale
        return scaled.reshape(*leading, *(self.view.picture or (self.width,)))

    def _counted(self, observation: jax.Array, leading: tuple[int, ...]) -> jax.Array:
        flat = jnp.moveaxis(observation.reshape(*leading, -1), -1, 0)
        counted = flat if self.shape else jnp.unravel_index(observation, self.values)
        each = [
            number[..., None].astype(jnp.float32) if bit else jax.nn.one_hot(number, n)
            for number, n, bit in zip(counted, self.values, self.bits, strict=True)
        ]
        return jnp.concatenate(each, -1)
