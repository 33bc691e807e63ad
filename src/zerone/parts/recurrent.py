"""Networks with a memory: their outputs depend on all earlier observations of an episode.

They have the functions that `layers.Memoryless` names, so an algorithm needs no branch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence as Many
from typing import Any, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp

from zerone.base.pytree import struct
from zerone.environments.gym.views import Space
from zerone.parts.convolution import Convolution, PartConvolutions, convolution_for
from zerone.parts.layers import MLP, Activation, Dueling, Features, LayerNorm, Linear, linears, through

Array = jax.Array


class Played(Protocol):
    """Steps [T, N, ...] as engines play them (`algorithms/protocol.py: Steps`)."""

    @property
    def observation(self) -> Array: ...
    @property
    def next_observation(self) -> Array: ...
    @property
    def terminated(self) -> Array: ...
    @property
    def truncated(self) -> Array: ...
    @property
    def memory(self) -> Any: ...


@struct
class Sequence:
    """Observations of T steps of N episodes, [T, N, ...], and the memory before the first, [1, N, ...]; see `along`.

    Without a memory, observations may have any leading axes, the memory is `()` and `begins` None.
    """

    memory: Any
    observation: Array
    begins: Array | None

    @property
    def first_memory(self) -> Any:
        """The memory before the first step, [N, ...]."""
        return jax.tree.map(lambda x: x[0], self.memory)


class GRU(eqx.Module):
    """A gated recurrent unit: Cho et al. 2014 (arXiv 1406.1078), with the reset gate after the product.

    r = σ(x W_r + b_r + h U_r),  z = σ(x W_z + b_z + h U_z),  n = tanh(x W_n + b_n + r (h U_n + c)),
    h ← (1 - z) n + z h. The three matrices of each kind are one: `inward` of x, `onward` of h.
    """

    inward: Linear
    onward: Linear

    @staticmethod
    def create(key: Array, inputs: int, width: int) -> GRU:
        """Weights with the standard deviation 1/√inputs of each matrix. Consumes `key`."""
        inward, onward = linears(key, [(inputs, 3 * width), (width, 3 * width)], [1.0, 1.0])
        return GRU(inward, onward)

    @property
    def width(self) -> int:
        """The number of hidden units."""
        return int(self.onward.weight.shape[0])

    def __call__(self, hidden: Array, read: Array) -> Array:
        """The hidden state [..., width] after an input; `read` is `inward(x)`, computed for many steps at once."""
        new, old = (jnp.split(each, 3, -1) for each in (read, self.onward(hidden)))
        reset, keep = jax.nn.sigmoid(new[0] + old[0]), jax.nn.sigmoid(new[1] + old[1])
        candidate = jnp.tanh(new[2] + reset * old[2])
        return (1.0 - keep) * candidate + keep * hidden


class RecurrentNetwork(eqx.Module):
    """Features, a convolution if they are pictures, hidden layers of which the last is a GRU, then a head."""

    features: Features = eqx.field(static=True)
    outputs: int = eqx.field(static=True)
    convolution: Convolution | PartConvolutions | None
    layers: tuple[Linear, ...]
    norms: tuple[LayerNorm, ...]
    gru: GRU
    head: MLP | Dueling
    activation: Activation = eqx.field(static=True)

    def __init__(
        self, key: Array, space: Space, hidden: Many[int], outputs: int, head: type[MLP] | type[Dueling] = MLP, *,
        activation: Activation = jax.nn.relu, layer_norm: bool = False, last: float = 1.0, **options: Any,
    ) -> None:  # fmt: skip
        picture_key, layers_key, gru_key, head_key = jax.random.split(key, 4)
        *before, width = hidden
        self.features, self.outputs, self.activation = Features.of_space(space), outputs, activation
        pictures = self.features.picture or self.features.pictures
        self.convolution = convolution_for(picture_key, self.features) if pictures else None
        inputs = self.features.width if self.convolution is None else self.convolution.outputs
        widths = [inputs, *before]
        shapes = list(zip(widths, before, strict=False))
        self.layers = tuple(linears(layers_key, shapes, [math.sqrt(2)] * len(before))) if before else ()
        self.norms = LayerNorm.for_widths(before) if layer_norm else ()
        self.gru = GRU.create(gru_key, widths[-1], width)
        self.head = head(head_key, width, (), outputs, activation=activation, last=last, **options)

    def initial_memory(self, number: int) -> Array:
        """The memory at the start of `number` episodes, [N, width]."""
        return jnp.zeros((number, self.gru.width))

    def step(self, memory: Array, observation: Array) -> tuple[Array, Array]:
        """Outputs for observations [N, ...], and the memory after them."""
        hidden = self.gru(memory, self._read(observation))
        return self.head(hidden), hidden

    def along(self, memory: Array, observation: Array, begins: Array | None) -> tuple[Array, Array]:
        """Outputs for T steps [T, N, ...], and the memory after each of them."""
        assert begins is not None  # noqa: S101 - sequences always have it

        def one(hidden: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
            read, begins = now
            hidden = self.gru(jnp.where(begins[:, None], 0.0, hidden), read)
            return hidden, hidden

        _, hidden = jax.lax.scan(one, memory, (self._read(observation), begins))
        return self.head(hidden), hidden

    def _read(self, observation: Array) -> Array:
        x = self.features.row(observation, self.convolution)
        return self.gru.inward(through(x, self.layers, self.norms, self.activation))
