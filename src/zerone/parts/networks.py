"""Networks. A network is a pytree that can be called on observations with any leading batch axes.

So a Flax or Haiku module fits as well: `Applied(apply, parameters)` makes one such pytree of its two functions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from zerone.environments.gym.views import Space
from zerone.parts.returns import dueling_values
from zerone.parts.spaces import Features

Array = jax.Array
Activation = Callable[[Array], Array]


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
    """Layers [inputs, outputs]: weights uniform with standard deviation scale/√inputs, biases 0. Consumes `key`.

    LeCun et al. 1998, section 4.6. All weights are one draw: each further one would cost a newcomer a tenth of a
    second of compiling.
    """
    drawn = jax.random.uniform(key, (sum(math.prod(shape) for shape in shapes),), minval=-1.0)
    layers: list[Linear] = []
    for shape, scale in zip(shapes, scales, strict=True):
        mine, drawn = drawn[: math.prod(shape)], drawn[math.prod(shape) :]
        deviation = scale / math.sqrt(shape[0])
        layers.append(Linear(mine.reshape(shape) * (math.sqrt(3) * deviation), jnp.zeros(shape[1])))
    return layers


class LayerNorm(eqx.Module):
    """The numbers of a layer with mean 0 and deviation 1, then learnt ones: Ba et al. 2016 (arXiv 1607.06450)."""

    scale: Array
    shift: Array

    @staticmethod
    def of(widths: Sequence[int]) -> tuple[LayerNorm, ...]:
        """One for each of these layers."""
        return tuple(LayerNorm(jnp.ones(width), jnp.zeros(width)) for width in widths)

    def __call__(self, x: Array) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        normal = centred * jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + 1e-5)
        return normal * jnp.broadcast_to(self.scale, x.shape) + jnp.broadcast_to(self.shift, x.shape)


def through(x: Array, layers: Sequence[Linear], norms: Sequence[LayerNorm], activation: Activation) -> Array:
    """Hidden layers one after the other; with `norms` each is normalised before its activation."""
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
        self.norms = LayerNorm.of(hidden) if layer_norm else ()
        self.activation = activation

    def __call__(self, x: Array) -> Array:
        return self.layers[-1](through(x, self.layers[:-1], self.norms, self.activation))


class Dueling(eqx.Module):
    """An MLP with two outputs: one says what a state is worth, the other how its actions differ.

    Wang et al. 2016 (arXiv 1511.06581), section 3 and eq. 9. Both streams read all of the last hidden layer. With
    `separate` each has one half of that layer to itself and shares the layers before it, as in the paper's section
    4.1; then it has no more weights than the plain MLP. Made like an `MLP`, from the same arguments.
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
    ) -> None:
        read_by_both = hidden[-1] if hidden else inputs
        half = read_by_both // 2
        read = (half, read_by_both - half) if separate else (read_by_both, read_by_both)
        shapes = [*itertools.pairwise((inputs, *hidden)), (read[0], 1), (read[1], outputs)]
        *layers, self.value, self.advantage = linears(key, shapes, [gain] * len(hidden) + [last, last])
        self.layers = tuple(layers)
        self.norms = LayerNorm.of(hidden) if layer_norm else ()
        self.activation = activation
        self.separate = separate

    def __call__(self, x: Array) -> Array:
        return dueling_values(*self.streams(x))

    def streams(self, x: Array) -> tuple[Array, Array]:
        """V(s), [..., 1], and A(s, a) of each action, [..., n], before its mean is taken from it."""
        x = through(x, self.layers, self.norms, self.activation)
        if not self.separate:
            return self.value(x), self.advantage(x)
        half = self.value.weight.shape[0]
        return self.value(x[..., :half]), self.advantage(x[..., half:])


class Convolution(eqx.Module):
    """Three convolutions for pictures [height, width, channels], flattened; large ones as in Mnih et al. 2015.

    Small ones (below 36 pixels) are padded with zeros, as much as it takes that the kernels reach every pixel: without,
    the last row and column of a small maze would not be seen at all.
    Each is a matrix of weights [kernel² channels, features] that the patches under the kernel are multiplied with:
    inside of a loop, where all learning happens here, XLA's own convolution is nine to nineteen times slower on a CPU.
    """

    layers: tuple[Linear, ...]
    sizes: tuple[tuple[int, int], ...] = eqx.field(static=True)
    padded: bool = eqx.field(static=True)
    outputs: int = eqx.field(static=True)

    def __init__(self, key: Array, shape: tuple[int, ...]) -> None:
        large = min(shape[:2]) >= 36
        plan = [(32, 8, 4), (64, 4, 2), (64, 3, 1)] if large else [(16, 3, 2), (32, 3, 2), (32, 3, 1)]
        channels = (shape[2], *(features for features, _, _ in plan))
        shapes = [(k * k * c, features) for (features, k, _), c in zip(plan, channels, strict=False)]
        self.layers = tuple(linears(key, shapes, [math.sqrt(2)] * len(plan)))
        self.sizes = tuple((kernel, stride) for _, kernel, stride in plan)
        self.padded = not large
        picture = jax.ShapeDtypeStruct((1, *shape), jnp.float32)
        self.outputs = math.prod(jax.eval_shape(self.__call__, picture).shape)

    def __call__(self, pictures: Array) -> Array:
        x = pictures
        for layer, (kernel, stride) in zip(self.layers, self.sizes, strict=True):
            x = jax.nn.relu(layer(patches(padding(x, kernel, stride) if self.padded else x, kernel, stride)))
        return x.reshape(*pictures.shape[:-3], -1)


def padding(pictures: Array, kernel: int, stride: int) -> Array:
    """Zeros around pictures [..., height, width, channels], a place for each `stride` pixels then (SAME)."""
    around = same_padding(pictures.shape[-3:-1], kernel, stride)
    return jnp.pad(pictures, [*[(0, 0)] * (pictures.ndim - 3), *around, (0, 0)])


def same_padding(sides: Sequence[int], kernel: int, stride: int) -> list[tuple[int, int]]:
    """How many zeros that takes before and behind each of the sides."""
    lacking = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in sides]
    return [(each // 2, each - each // 2) for each in lacking]


def patches(pictures: Array, kernel: int, stride: int) -> Array:
    """What a kernel sees at each place: [..., height, width, channels] to [..., places, places, kernel² channels]."""
    down, across = (range((side - kernel) // stride * stride + 1)[::stride] for side in pictures.shape[-3:-1])
    seen = [
        pictures[..., i : i + down[-1] + 1 : stride, j : j + across[-1] + 1 : stride, :]
        for i in range(kernel)
        for j in range(kernel)
    ]
    return jnp.concatenate(seen, axis=-1)


def seeing(key: Array, features: Features, *, convolved: bool = True) -> tuple[Convolution | None, int]:
    """The convolution for pictures, if observations are some, and how many numbers are seen. Consumes `key`."""
    if not features.picture:
        return None, features.width
    if not convolved:
        return None, math.prod(features.picture)
    convolution = Convolution(key, features.picture)
    return convolution, convolution.outputs


def seen_by(features: Features, convolution: Convolution | None, observation: Array) -> Array:
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

    def __call__(self, observation: Array) -> Any:
        raise NotImplementedError

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
    convolution: Convolution | None
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
