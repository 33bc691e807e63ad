"""An observation as the environment returns it, become what algorithms are given: as operations."""

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
from zerone.parts.features import Features
from zerone.parts.normalization import LIMIT, WANTED, Scales

OUTPUT, MASK = "action", "action_mask"
"""What the output is called, and the input that says which actions are allowed."""


def mask_name(encoding: Encoding) -> str:
    """What that input is called where a part of the observations may have its name."""
    name = MASK
    while name in input_names(encoding):
        name += "_"
    return name


class Seen:
    """What is seen of an observation, for networks (`features`) and for tables (`state`).

    Each part of a `Dict` or a `Tuple` is an input of the program by its name, such as `hand[0]`; what has no parts is
    the input `observation`.
    """

    def __init__(self, program: Program, encoding: Encoding) -> None:
        self.encoding, self._scales = encoding, Scales()
        self._values = [
            program.input(name, tuple(leaf.space.shape or ()), leaf.space.dtype, leaf.path)
            for name, leaf in zip(input_names(encoding), encoding.leaves, strict=True)
        ]

    def by(self, scales: Scales) -> Seen:
        """The same, as a policy with these scales sees it."""
        seen = copy.copy(self)
        seen._scales = scales
        return seen

    def features(self, features: Features) -> Value:
        """What a network is given: a row of numbers, or a picture [height, width, channels]. `Features.of(space)`."""
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
        """Which row of a table it is: see `environments.spaces.from_environment`."""
        space = self.encoding.space
        each = digits(space) if isinstance(space, spaces.MultiDiscrete) else (0,)
        return self._counted().place(self._starts(), [math.prod(each[i + 1 :]) for i in range(len(each))])

    def _counted(self) -> Value:
        """All whole numbers in a row, as they are given."""
        return join([value.cast(np.int64).reshape(math.prod(value.shape)) for value in self._values])

    def _starts(self) -> np.ndarray:
        leaves = [leaf for leaf in self.encoding.leaves if isinstance(leaf, CountedLeaf)]
        return np.concatenate([leaf.start.reshape(-1) for leaf in leaves])

    def _row(self) -> Value:
        """The parts in a row of float32: as `Encoding.join` has them."""
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
    """A row of numbers cut where pictures begin and end: from where to where, and whether it is a picture."""
    found: list[tuple[int, int, bool]] = []
    at = 0
    for begin, end in pictures:
        found += [(at, begin, False), (begin, end, True)]
        at = end
    return [each for each in [*found, (at, width, False)] if each[0] < each[1]]


def input_names(encoding: Encoding) -> list[str]:
    """What the parts of an observation are called in a file: each otherwise, and none as the output is."""
    names: list[str] = []
    for leaf in encoding.leaves:
        name = leaf.name or "observation"
        while name in (*names, OUTPUT):
            name += "_"
        names.append(name)
    return names


def columns(values: Sequence[int], bits: Sequence[bool], starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each place in a row of ones and zeros: which number decides it, and which value of that makes it 1."""
    each = [np.array([1]) if bit else np.arange(n) for n, bit in zip(values, bits, strict=True)]
    number = np.repeat(np.arange(len(each)), [len(mine) for mine in each])
    return number, np.concatenate(each) + np.asarray(starts, np.int64)[number]
