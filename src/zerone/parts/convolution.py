"""Convolutions, flattened, for pictures alone or among the parts of an observation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp

from zerone.environments.gym.views import PicturePart
from zerone.parts.layers import Features, Linear, linears

Array = jax.Array


class Convolution(eqx.Module):
    """Three convolutions for pictures [height, width, channels], flattened; large ones as in Mnih et al. 2015.

    Small pictures (below 36 pixels) are padded with zeros, so that the kernels reach every pixel: without padding, the
    last row and column of a small maze would be ignored. Each convolution is a matrix [kernel² channels, features],
    multiplied with the patches under the kernel: in a loop on a CPU, XLA's own convolution is 9 to 19 times slower.
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
    """Pictures [..., height, width, channels] with zeros around them, as the padding SAME."""
    around = same_padding(pictures.shape[-3:-1], kernel, stride)
    return jnp.pad(pictures, [*[(0, 0)] * (pictures.ndim - 3), *around, (0, 0)])


def same_padding(sides: Sequence[int], kernel: int, stride: int) -> list[tuple[int, int]]:
    """The zeros before and after each of the sides for the padding SAME."""
    lacking = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in sides]
    return [(each // 2, each - each // 2) for each in lacking]


def patches(pictures: Array, kernel: int, stride: int) -> Array:
    """The patches under a kernel: [..., height, width, channels] to [..., places, places, kernel² channels]."""
    down, across = (range((side - kernel) // stride * stride + 1)[::stride] for side in pictures.shape[-3:-1])
    seen = [
        pictures[..., i : i + down[-1] + 1 : stride, j : j + across[-1] + 1 : stride, :]
        for i in range(kernel)
        for j in range(kernel)
    ]
    return jnp.concatenate(seen, axis=-1)


class PartConvolutions(eqx.Module):
    """A convolution for each picture in a row of numbers, which holds the parts of an observation.

    The outputs are the other numbers, in their order, followed by the outputs of the convolutions.
    """

    convolutions: tuple[Convolution, ...]
    pictures: tuple[PicturePart, ...] = eqx.field(static=True)
    outputs: int = eqx.field(static=True)

    def __init__(self, key: Array, features: Features) -> None:
        self.pictures = features.pictures
        keys = jax.random.split(key, len(self.pictures))
        made = [Convolution(key, each.picture) for key, each in zip(keys, self.pictures, strict=True)]
        self.convolutions = tuple(made)
        flat = sum(each.end - each.begin for each in self.pictures)
        self.outputs = features.width - flat + sum(each.outputs for each in made)

    def __call__(self, row: Array) -> Array:
        begins = [0, *(each.end for each in self.pictures)]
        ends = [*(each.begin for each in self.pictures), row.shape[-1]]
        others = [row[..., begin:end] for begin, end in zip(begins, ends, strict=True)]
        seen = [
            convolution(picture_of(row, part))
            for convolution, part in zip(self.convolutions, self.pictures, strict=True)
        ]
        return jnp.concatenate([*others, *seen], -1)


def picture_of(row: Array, part: PicturePart) -> Array:
    """The picture [..., height, width, channels] in a row [..., width]."""
    picture = row[..., part.begin : part.end].reshape(*row.shape[:-1], *part.shape)
    if part.axes is not None:
        before = row.ndim - 1
        picture = jnp.transpose(picture, (*range(before), *(before + axis for axis in part.axes)))
    return picture.reshape(*row.shape[:-1], *part.picture)


def convolution_for(key: Array, features: Features) -> Convolution | PartConvolutions:
    """A convolution for observations that are a picture, or one for each picture among their parts. Consumes `key`."""
    if features.pictures:
        return PartConvolutions(key, features)
    assert features.picture is not None  # noqa: S101 - only called where observations have pictures
    return Convolution(key, features.picture)
