"""What networks are made of: features of observations, fully connected layers, and the two heads made of them."""

from __future__ import annotations

import abc
import dataclasses
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from gymnasium import spaces

from zerone.base.language import translatable, translated
from zerone.environments.gym.encoding import MOST_NUMBERS
from zerone.environments.gym.leaves import Counts
from zerone.environments.gym.views import BoxView, PicturePart, RowBox, Space, view_of
from zerone.environments.spaces import cells, digits
from zerone.parts.returns import dueling_values

Array = jax.Array
Activation = Callable[[Array], Array]


def refuse_observations(space: Space) -> str | None:
    """Why a network cannot take observations of this space, in a few words; None if it can."""
    if not isinstance(space, (spaces.Box, spaces.Discrete, spaces.MultiDiscrete)):
        return translated("it needs Box, Discrete or MultiDiscrete observations")
    features = Features.of_space(space)
    if features.one_hot > MOST_NUMBERS:
        line = translatable("it needs observations of at most {most:,} values in all, since each becomes a number")
        return translated(line, most=MOST_NUMBERS)
    return None if features.width else translated("it needs observations with a number in them")


@dataclasses.dataclass(frozen=True)
class Features:
    """A function from observations to float32 features: one-hot for discrete spaces, by `view_of` for a `Box`.

    `values` are the numbers of values of the components of a `Discrete` or `MultiDiscrete` space (empty for a `Box`):
    each component is one-hot, except `bits`, which stay numbers. `shape` is that of an observation as algorithms have
    it. A picture becomes [height, width, channels], anything else a row, which may contain `pictures`. Leading axes are
    batch axes. It is hashable, so that networks can have it as a static field.
    """

    shape: tuple[int, ...]
    values: tuple[int, ...] = ()
    bits: tuple[bool, ...] = ()
    view: BoxView | None = None
    pictures: tuple[PicturePart, ...] = ()

    @staticmethod
    def of_space(space: Space) -> Features:
        """The features of observations from `space`, as `from_environment` gives them."""
        shape = () if cells(space) is not None else tuple(space.shape or ())
        if isinstance(space, spaces.Discrete):
            return Features(shape, (int(space.n),), (False,))
        if isinstance(space, spaces.MultiDiscrete):
            values = digits(space)
            return Features(shape, values, space.bits if isinstance(space, Counts) else (False,) * len(values))
        assert isinstance(space, spaces.Box)  # noqa: S101 - `refuse` has let nothing else through
        return Features(shape, view=view_of(space), pictures=space.pictures if isinstance(space, RowBox) else ())

    def row(self, observation: Array, convolution: Callable[[Array], Array] | None) -> Array:
        """Each observation as one row of float32 numbers, [..., width], from a `convolution` if there is one."""
        x = self(observation)
        if convolution is not None:
            return convolution(x)
        return x.reshape(*x.shape[:-3], -1) if self.picture else x

    @property
    def picture(self) -> tuple[int, int, int] | None:
        """Height, width and channels of a picture; None for a row of numbers."""
        return None if self.view is None else self.view.picture

    @property
    def width(self) -> int:
        """The number of features of an observation."""
        each = (1 if bit else n for n, bit in zip(self.values, self.bits, strict=True))
        return sum(each) if self.view is None else self.view.width

    @property
    def one_hot(self) -> int:
        """How many of the features are one-hot: the number of values of all components that are not bits."""
        return sum(n for n, bit in zip(self.values, self.bits, strict=True) if not bit)

    def __call__(self, observation: Array) -> Array:
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

    def _counted(self, observation: Array, leading: tuple[int, ...]) -> Array:
        flat = jnp.moveaxis(observation.reshape(*leading, -1), -1, 0)
        counted = flat if self.shape else jnp.unravel_index(observation, self.values)
        each = [
            number[..., None].astype(jnp.float32) if bit else jax.nn.one_hot(number, n)
            for number, n, bit in zip(counted, self.values, self.bits, strict=True)
        ]
        return jnp.concatenate(each, -1)


class Memoryless(eqx.Module):
    """The base of networks without a memory: theirs is `()`. Networks with one are in `recurrent.py`.

    memory          = network.initial_memory(N)
    output, memory  = network.step(memory, observation)               one step of N episodes
    outputs, after  = network.along(memory, observations, begins)     T steps, [T, N, ...]

    `along` takes the memory before the first step; `begins` (bool [T, N]) says where an episode begins. Without a
    memory, observations may have any leading axes.
    """

    @abc.abstractmethod
    def __call__(self, observation: Array) -> Any:
        """Outputs for observations with any leading axes."""

    def initial_memory(self, number: int) -> tuple[()]:
        """The empty memory, for any number of episodes."""
        del number
        return ()

    def step(self, memory: Any, observation: Array) -> tuple[Array, Any]:
        """Outputs for observations with any leading axes, and the unchanged memory."""
        return self(observation), memory

    def along(self, memory: Any, observation: Array, begins: Array | None) -> tuple[Array, Any]:
        """Outputs for observations with any leading axes, and the unchanged memory."""
        del begins
        return self(observation), memory


class Linear(eqx.Module):
    """`x W + b`, for `x` with any leading axes.

    The weight is [inputs, outputs], so that a batch needs no transposition: a sixth faster on a CPU than
    `equinox.nn.Linear` under `vmap`.
    """

    weight: Array
    bias: Array

    def __call__(self, x: Array) -> Array:
        y = x @ self.weight
        return y + jnp.broadcast_to(self.bias, y.shape)


def linears(key: Array, shapes: Sequence[tuple[int, int]], scales: Sequence[float]) -> list[Linear]:
    """Layers of these shapes [inputs, outputs]: uniform weights of deviation scale/√inputs, biases 0. Consumes `key`.

    LeCun et al. 1998, section 4.6. All weights are one draw: each further one takes a tenth of a second to compile.
    """
    drawn = jax.random.uniform(key, (sum(math.prod(shape) for shape in shapes),), minval=-1.0)
    layers: list[Linear] = []
    for shape, scale in zip(shapes, scales, strict=True):
        mine, drawn = drawn[: math.prod(shape)], drawn[math.prod(shape) :]
        deviation = scale / math.sqrt(shape[0])
        layers.append(Linear(mine.reshape(shape) * (math.sqrt(3) * deviation), jnp.zeros(shape[1])))
    return layers


class LayerNorm(eqx.Module):
    """Layer normalisation, with a learnt scale and shift: Ba et al. 2016 (arXiv 1607.06450)."""

    scale: Array
    shift: Array

    @staticmethod
    def for_widths(widths: Sequence[int]) -> tuple[LayerNorm, ...]:
        """A normalisation for each of the layers of these widths."""
        return tuple(LayerNorm(jnp.ones(width), jnp.zeros(width)) for width in widths)

    def __call__(self, x: Array) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        normal = centred * jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + 1e-5)
        return normal * jnp.broadcast_to(self.scale, x.shape) + jnp.broadcast_to(self.shift, x.shape)


def through(x: Array, layers: Sequence[Linear], norms: Sequence[LayerNorm], activation: Activation) -> Array:
    """The output of hidden layers, one after the other; with `norms` each is normalised before its activation."""
    for i, layer in enumerate(layers):
        x = layer(x)
        x = activation(norms[i](x) if norms else x)
    return x


class MLP(eqx.Module):
    """Fully connected layers with an activation between them; the last is linear.

    `gain` scales the hidden layers' weights (√2 keeps the variance through a ReLU: He et al. 2015), `last` the
    output's: a small one makes a policy start almost uniform.
    """

    layers: tuple[Linear, ...]
    norms: tuple[LayerNorm, ...]
    activation: Activation = eqx.field(static=True)

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: Sequence[int],
        outputs: int,
        *,
        activation: Activation = jax.nn.relu,
        layer_norm: bool = False,
        gain: float = math.sqrt(2),
        last: float = 1.0,
    ) -> None:
        scales = [gain] * len(hidden) + [last]
        self.layers = tuple(linears(key, list(itertools.pairwise((inputs, *hidden, outputs))), scales))
        self.norms = LayerNorm.for_widths(hidden) if layer_norm else ()
        self.activation = activation

    def __call__(self, x: Array) -> Array:
        return self.layers[-1](through(x, self.layers[:-1], self.norms, self.activation))


class Dueling(eqx.Module):
    """An MLP with two streams: the state's value V(s), and the advantages A(s, a) of the actions.

    Wang et al. 2016 (arXiv 1511.06581), section 3 and eq. 9. Both streams read the whole last hidden layer. With
    `separate` each reads one half of it, and they share the layers before it, as in the paper's section 4.1; then it
    has no more weights than the plain MLP. It takes the same arguments as `MLP`. Where each action has several outputs
    (`each`), one after the other, so has the state, and eq. 9 holds for each of them.
    """

    layers: tuple[Linear, ...]
    norms: tuple[LayerNorm, ...]
    value: Linear
    advantage: Linear
    activation: Activation = eqx.field(static=True)
    separate: bool = eqx.field(static=True)

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: Sequence[int],
        outputs: int,
        *,
        activation: Activation = jax.nn.relu,
        layer_norm: bool = False,
        gain: float = math.sqrt(2),
        last: float = 1.0,
        separate: bool = False,
        each: int = 1,
    ) -> None:
        read_by_both = hidden[-1] if hidden else inputs
        half = read_by_both // 2
        read = (half, read_by_both - half) if separate else (read_by_both, read_by_both)
        shapes = [*itertools.pairwise((inputs, *hidden)), (read[0], each), (read[1], outputs)]
        *layers, self.value, self.advantage = linears(key, shapes, [gain] * len(hidden) + [last, last])
        self.layers = tuple(layers)
        self.norms = LayerNorm.for_widths(hidden) if layer_norm else ()
        self.activation = activation
        self.separate = separate

    def __call__(self, x: Array) -> Array:
        value, advantage = self.streams(x)
        each = value.shape[-1]
        if each == 1:
            return dueling_values(value, advantage)
        table = jnp.swapaxes(advantage.reshape(*advantage.shape[:-1], -1, each), -1, -2)
        values = dueling_values(value[..., None], table)
        return jnp.swapaxes(values, -1, -2).reshape(advantage.shape)

    def streams(self, x: Array) -> tuple[Array, Array]:
        """V(s), [..., 1], and A(s, a) of each action, [..., n], before their mean is subtracted."""
        x = through(x, self.layers, self.norms, self.activation)
        if not self.separate:
            return self.value(x), self.advantage(x)
        half = self.value.weight.shape[0]
        return self.value(x[..., :half]), self.advantage(x[..., half:])
