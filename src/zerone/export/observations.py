"""The encoding of observations, from the environment's form to the form that networks and tables get, as operations."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import numpy as np
from gymnasium import spaces

from zerone.environments.gym.encoding import Encoding
from zerone.environments.gym.leaves import BoxLeaf, CountedLeaf
from zerone.environments.spaces import digits
from zerone.export.program import Program, Value, join
from zerone.parts.layers import Features
from zerone.parts.normalization import LIMIT, WANTED, Scales

OUTPUT, MASK = "action", "action_mask"
"""The names of the output and of the action mask's input."""


def mask_name(encoding: Encoding) -> str:
    """The name of the action mask's input, distinct from the names of the observation's parts."""
    name = MASK
    while name in input_names(encoding):
        name += "_"
    return name


class Seen:
    """The encoded observation in a program, for networks (`features`) and for tables (`state`).

    Each part of a `Dict` or `Tuple` observation is an input of the program under its name, such as `hand[0]`; an
    observation without parts is the input `observation`.
    """

    def __init__(self, program: Program, encoding: Encoding) -> None:
        self.encoding, self._scales = encoding, Scales()
        self._values = [
            program.input(name, tuple(leaf.space.shape or ()), leaf.space.dtype, leaf.path)
            for name, leaf in zip(input_names(encoding), encoding.leaves, strict=True)
        ]

    def by(self, scales: Scales) -> Seen:
        """The same observation, normalised with the scales of a policy."""
        seen = copy.copy(self)
        seen._scales = scales
        return seen

    def features(self, features: Features) -> Value:
        """The input of a network: a row of numbers, or a picture [height, width, channels]: `layers.Features`."""
        view = features.view
        if view is None:
            return self._counted().one_hot(*columns(features.values, features.bits, self._starts()))
        if not self.encoding.in_a_row:
            alone = self._values[0]
            alone = alone if view.axes is None else alone.transpose(view.axes)
            shape = view.picture or (view.width,)
        else:
            alone, shape = self._row().cast(self.encoding.space.dtype or np.float32), (view.width,)
        numbers = alone.cast(np.float32)
        numbers = (numbers if view.scale == 1 else numbers.divide(view.scale)).reshape(*shape)
        if self._scales.observation is None:
            return numbers
        constants = self._scales.observation.constants(WANTED[self._scales.how])
        mean, unit, scale, middle = (np.asarray(each).reshape(shape) for each in constants)
        if not self._scales.pictures:
            return numbers.normalize(mean, unit, LIMIT, scale, middle)
        pieces: list[Value] = []
        for begin, end, picture in pieces_of(view.width, self._scales.pictures):
            piece, here = numbers.part(begin, end), slice(begin, end)
            if not picture:
                piece = piece.normalize(mean[here], unit[here], LIMIT, scale[here], middle[here])
            pieces.append(piece)
        return join(pieces)

    def state(self) -> Value:
        """The row of a table for the observation: see `environments.spaces.from_environment`."""
        space = self.encoding.space
        each = digits(space) if isinstance(space, spaces.MultiDiscrete) else (0,)
        return self._counted().place(self._starts(), [math.prod(each[i + 1 :]) for i in range(len(each))])

    def _counted(self) -> Value:
        """All integers of the observation in a row."""
        return join([value.cast(np.int64).reshape(math.prod(value.shape)) for value in self._values])

    def _starts(self) -> np.ndarray:
        leaves = [leaf for leaf in self.encoding.leaves if isinstance(leaf, CountedLeaf)]
        return np.concatenate([leaf.start.reshape(-1) for leaf in leaves])

    def _row(self) -> Value:
        """The parts in a row of float32, as in `Encoding.join`."""
        rows: list[Value] = []
        for leaf, value in zip(self.encoding.leaves, self._values, strict=True):
            flat = value.reshape(math.prod(value.shape))
            if isinstance(leaf, BoxLeaf):
                numbers = flat.cast(np.float32)
                rows.append(numbers if leaf.scale == 1 else numbers.divide(leaf.scale))
            else:
                bits = (leaf.is_bits,) * len(leaf.values)
                rows.append(flat.cast(np.int64).one_hot(*columns(leaf.values, bits, leaf.start.reshape(-1))))
        return join(rows)


def pieces_of(width: int, pictures: Sequence[tuple[int, int]]) -> list[tuple[int, int, bool]]:
    """Cut a row of numbers where pictures begin and end: the begin and end of each piece, and if it is a picture."""
    found: list[tuple[int, int, bool]] = []
    at = 0
    for begin, end in pictures:
        found += [(at, begin, False), (begin, end, True)]
        at = end
    return [each for each in [*found, (at, width, False)] if each[0] < each[1]]


def input_names(encoding: Encoding) -> list[str]:
    """The names of an observation's parts in a file: all different, and different from the output's."""
    names: list[str] = []
    for leaf in encoding.leaves:
        name = leaf.name or "observation"
        while name in (*names, OUTPUT):
            name += "_"
        names.append(name)
    return names


def columns(values: Sequence[int], bits: Sequence[bool], starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The layout of a one-hot row: for each place, the index of the integer that decides it, and the value for a 1."""
    each = [np.array([1]) if bit else np.arange(n) for n, bit in zip(values, bits, strict=True)]
    number = np.repeat(np.arange(len(each)), [len(mine) for mine in each])
    return number, np.concatenate(each) + np.asarray(starts, np.int64)[number]
