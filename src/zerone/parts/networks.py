"""Networks. A network is a pytree that can be called on observations with any leading batch axes.

So a Flax or Haiku module fits as well: `Applied(apply, parameters)` makes one such pytree of its two functions.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from zerone.environments.gym.views import Space
from zerone.parts.convolution import Convolution, PartConvolutions
from zerone.parts.features import Features
from zerone.parts.layers import MLP, Dueling

Array = jax.Array


def seeing(
    key: Array, features: Features, *, convolved: bool = True
) -> tuple[Convolution | PartConvolutions | None, int]:
    """What sees the pictures, if observations are some or have some, and how many numbers are seen. Consumes `key`."""
    if features.pictures and convolved:
        parts = PartConvolutions(key, features)
        return parts, parts.outputs
    if not features.picture:
        return None, features.width
    if not convolved:
        return None, math.prod(features.picture)
    convolution = Convolution(key, features.picture)
    return convolution, convolution.outputs


def seen_by(features: Features, convolution: Convolution | PartConvolutions | None, observation: Array) -> Array:
    """Observations with any leading axes as numbers in a row."""
    x = features(observation)
    if convolution is not None:
        return convolution(x)
    return x.reshape(*x.shape[:-3], -1) if features.picture else x


class Memoryless(eqx.Module):
    """What a network has that remembers nothing of an episode: its memory is `()`. Others are in `recurrent.py`.

    memory          = network.initial_memory(N)
    output, memory  = network.step(memory, observation)               one step of N episodes
    outputs, after  = network.along(memory, observations, begins)     T steps, [T, N, ...]

    In `along` the memory is that before the first step, and an episode begins where `begins` [T, N] says so. Without
    a memory the axes are any.
    """

    @abc.abstractmethod
    def __call__(self, observation: Array) -> Any:
        """Outputs for observations with any leading axes."""

    def initial_memory(self, number: int) -> tuple[()]:
        """Nothing, however many episodes begin."""
        del number
        return ()

    def step(self, memory: Any, observation: Array) -> tuple[Array, Any]:
        """Outputs for observations with any leading axes, and the memory as it was."""
        return self(observation), memory

    def along(self, memory: Any, observation: Array, begins: Array | None) -> tuple[Array, Any]:
        """Outputs for observations with any leading axes, and nothing."""
        del begins
        return self(observation), memory


class Network(Memoryless):
    """From raw observations of a space to outputs: features, a convolution if they are pictures, then a head.

    The head gets `further` numbers beside what is seen, such as an action. Pictures that are not `convolved` are as
    many numbers as they have.
    """

    features: Features = eqx.field(static=True)
    outputs: int = eqx.field(static=True)
    convolution: Convolution | PartConvolutions | None
    mlp: MLP | Dueling

    def __init__(
        self,
        key: Array,
        space: Space,
        hidden: Sequence[int],
        outputs: int,
        head: type[MLP] | type[Dueling] = MLP,
        further: int = 0,
        convolved: bool = True,
        **options: Any,
    ) -> None:
        picture_key, mlp_key = jax.random.split(key)
        self.features = Features.of(space)
        self.outputs = outputs
        self.convolution, inputs = seeing(picture_key, self.features, convolved=convolved)
        self.mlp = head(mlp_key, inputs + further, hidden, outputs, **options)

    def __call__(self, observation: Array, further: Array | None = None) -> Array:
        x = seen_by(self.features, self.convolution, observation)
        if further is not None:
            x = jnp.concatenate([x, further], -1)
        return self.mlp(x)


class Applied(eqx.Module):
    """A network of another library: its parameters are the leaves, its `apply(parameters, x)` is static."""

    apply: Callable[[Any, Array], Any] = eqx.field(static=True)
    parameters: Any

    def __call__(self, x: Array) -> Any:
        return self.apply(self.parameters, x)
