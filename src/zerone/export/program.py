"""A policy as a list of operations, the common form from which files of different formats are made.

    program = Program()
    seen = program.input("observation", (4,), "float32")
    hidden = seen.dense(weight, bias, "relu")
    program.action = hidden.dense(weight, bias).argmax()

Each operation computes one value from others, as defined under its name in `player.OPERATIONS`. All values have a batch
axis in front, which the shapes here leave out.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.export.player import ACTIVATIONS

AFTER = "next_"
"""The prefix of a memory's name where it is an output of a file."""


@dataclasses.dataclass(frozen=True)
class Input:
    """An input of a program: a part of the observation, found at `path` (the keys of nested containers)."""

    name: str
    path: tuple[Any, ...]
    shape: tuple[int, ...]
    type: str


@dataclasses.dataclass(frozen=True)
class Memory:
    """A memory of a recurrent policy: an additional input (`name`) and output (`after`) for each row of a batch.

    The input is the output of the previous step; at the beginning of an episode it is `begins`, or 0 everywhere.
    """

    name: str
    after: str
    shape: tuple[int, ...]
    type: str
    begins: Any = 0


@dataclasses.dataclass(frozen=True)
class Operation:
    """`gives = kind(*of, **settings, **arrays)`."""

    kind: str
    of: tuple[str, ...]
    gives: str
    settings: dict[str, Any]
    arrays: dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class Value:
    """The result of an operation, with a shape (without the batch axis) and a dtype. Each method adds an operation."""

    program: Program
    name: str
    shape: tuple[int, ...]
    type: str = "float32"

    @property
    def width(self) -> int:
        """The size of the last axis."""
        return self.shape[-1]

    def cast(self, kind: DTypeLike) -> Value:
        """The value in another dtype; the value itself if it has that dtype."""
        name = np.dtype(kind).name
        return self if name == self.type else self._then("cast", self.shape, name, kind=name)

    def add(self, number: ArrayLike) -> Value:
        """The sum with a number or an array of this value's shape."""
        return self._then("add", self.shape, self.type, number=np.asarray(number, self.type))

    def divide(self, by: float) -> Value:
        """The quotient with a number, as float32."""
        return self._then("divide", self.shape, by=by)

    def reshape(self, *shape: int) -> Value:
        """The value in another shape."""
        assert math.prod(shape) == math.prod(self.shape)  # noqa: S101 - shapes are ours
        return (
            self
            if shape == self.shape
            else self._then("reshape", shape, self.type, axes=len(self.shape), shape=list(shape))
        )

    def transpose(self, axes: Sequence[int]) -> Value:
        """The value with permuted axes, counted without the batch axis."""
        return self._then("transpose", tuple(self.shape[axis] for axis in axes), self.type, axes=list(axes))

    def part(self, begin: int, end: int) -> Value:
        """The numbers from `begin` to `end` of a row."""
        return self._then("part", (end - begin,), self.type, begin=begin, end=end)

    def one_hot(self, number: ArrayLike, value: ArrayLike) -> Value:
        """A row of float32 whose place i is 1 if this row's integer at index `number[i]` is `value[i]`, else 0."""
        where, equal = np.asarray(number, np.int64), np.asarray(value, np.int64)
        return self._then("one_hot", equal.shape, number=where, value=equal)

    def place(self, start: ArrayLike, worth: ArrayLike) -> Value:
        """The table row for a row of integers x: Σ_i (x_i - start_i) worth_i."""
        arrays = {"start": np.asarray(start, np.int64), "worth": np.asarray(worth, np.int64)}
        return self._then("place", (), "int64", **arrays)

    def look_up(self, table: ArrayLike) -> Value:
        """The row of a table whose index is this integer."""
        rows = np.asarray(table, np.float32)
        return self._then("look_up", rows.shape[1:], table=rows)

    def dense(self, weight: ArrayLike, bias: ArrayLike, activation: str = "linear") -> Value:
        """`activation(x W + b)`, for a weight [inputs, outputs]."""
        layer = _layer(weight, bias, activation)
        return self._then("dense", layer["bias"].shape, **layer)

    def convolve(
        self, weight: ArrayLike, bias: ArrayLike, kernel: int, stride: int, padding: Sequence[int],
        activation: str = "linear",
    ) -> Value:  # fmt: skip
        """A convolution of a picture; `padding` with zeros is given for the top, left, bottom and right."""
        layer = _layer(weight, bias, activation)
        around = [padding[0] + padding[2], padding[1] + padding[3]]
        places = [(side + more - kernel) // stride + 1 for side, more in zip(self.shape[:2], around, strict=True)]
        shape = (*places, layer["bias"].size)
        return self._then("convolve", shape, kernel=kernel, stride=stride, padding=list(padding), **layer)

    def activate(self, activation: str) -> Value:
        """The value after an activation."""
        return self._then("activate", self.shape, activation=_known(activation))

    def duel(self, advantage: Value) -> Value:
        """Q = V + A - mean A, where this value is V."""
        return self._then("duel", advantage.shape, "float32", (advantage,))

    def normalize(
        self, mean: ArrayLike, by: ArrayLike, limit: float, scale: ArrayLike = 1, shift: ArrayLike = 0
    ) -> Value:  # fmt: skip
        """`(x - mean) / by`, clipped to ± `limit`, times `scale`, plus `shift`."""
        numbers = {"mean": mean, "by": by, "scale": scale, "shift": shift}
        arrays = {name: np.asarray(each, np.float32) for name, each in numbers.items()}
        return self._then("normalize", self.shape, limit=limit, **arrays)

    def layer_norm(
        self, scale: ArrayLike, shift: ArrayLike, activation: str = "linear", epsilon: float = 1e-5
    ) -> Value:
        """Layer normalisation of a row, with `scale` and `shift`, then an activation."""
        arrays = {"scale": np.asarray(scale, np.float32), "shift": np.asarray(shift, np.float32)}
        return self._then("layer_norm", self.shape, epsilon=epsilon, activation=_known(activation), **arrays)

    def gru(self, hidden: Value, weight: ArrayLike, bias: ArrayLike) -> Value:
        """The next state of a gated recurrent unit whose state is `hidden`, where this value is its input x W + b."""
        arrays = {"weight": np.asarray(weight, np.float32), "bias": np.asarray(bias, np.float32)}
        return self._then("gru", hidden.shape, "float32", (hidden,), **arrays)

    def argmax(self) -> Value:
        """The index of the largest number of a row, with a mask among the allowed ones; the first of equal ones."""
        mask = self.program.mask
        scores = self if mask is None else self._then("allow", self.shape, "float32", (mask,))
        self.program.scores = scores
        return scores._then("argmax", (), "int64")

    def choose(self, values: Sequence[int]) -> Value:
        """The `argmax` of each of several parts of a row, whose sizes are `values`."""
        self.program.scores = self
        cuts = list(itertools.accumulate(values))[:-1]
        return self._then("choose", (len(values),), "int64", cuts=cuts)

    def bound(self, bounded: ArrayLike, middle: ArrayLike, reach: ArrayLike, low: ArrayLike, high: ArrayLike) -> Value:
        """`middle + reach * x` with x clipped to [-1, 1] for `bounded` components, and all clipped to [low, high]."""
        limits = {"middle": middle, "reach": reach, "low": low, "high": high}
        arrays = {name: np.asarray(each, np.float32) for name, each in limits.items()}
        return self._then("bound", self.shape, bounded=np.asarray(bounded, bool), **arrays)

    def round(self) -> Value:
        """The nearest integers, as float32."""
        self.program.scores = self
        return self._then("round", self.shape)

    def _then(
        self, kind: str, shape: tuple[int, ...], type: str = "float32", others: tuple[Value, ...] = (), /,  # noqa: A002
        **settings: Any,
    ) -> Value:  # fmt: skip
        return self.program.operation(kind, (self, *others), shape, type, settings)


def join(parts: Sequence[Value]) -> Value:
    """Concatenate rows."""
    if len(parts) == 1:
        return parts[0]
    width = sum(each.width for each in parts)
    return parts[0].program.operation("join", parts, (width,), parts[0].type, {})


class Program:
    """The inputs, the operations in order, and the value that is the action.

    `scores` is the value from which a discrete action is chosen: Q values or logits.
    """

    def __init__(self) -> None:
        self.inputs: list[Input] = []
        self.operations: list[Operation] = []
        self.memory: list[Memory] = []
        self.mask: Value | None = None
        """The action mask, an additional input, if the policy uses one."""
        self.action: Value | None = None
        self.scores: Value | None = None

    @property
    def names(self) -> list[str]:
        """The names of all inputs, including memories and the action mask."""
        mask = [] if self.mask is None else [self.mask.name]
        return [each.name for each in self.inputs] + [each.name for each in self.memory] + mask

    def input(self, name: str, shape: tuple[int, ...], kind: DTypeLike, path: tuple[Any, ...] = ()) -> Value:
        """Add an input: the part of an observation at `path`.

        Raises:
            InputError: a key of the path is neither a text nor an integer.
        """
        for key in path:
            if not isinstance(key, (str, int)):
                raise InputError(
                    translated(
                        "a part of the observations is called {key!r}: must be a text or a whole number", key=key
                    )
                )
        found = Input(name, path, shape, np.dtype(kind).name)
        self.inputs.append(found)
        return Value(self, name, shape, found.type)

    def remember(self, shape: tuple[int, ...], kind: DTypeLike = np.float32) -> Value:
        """Add a memory: the value stored by the previous step, or 0 everywhere at the beginning of an episode."""
        name = self.free("memory", len(self.memory))
        self.memory.append(Memory(name, name, shape, np.dtype(kind).name))
        return Value(self, name, shape, np.dtype(kind).name)

    def leave(self, memory: Value, after: Value) -> None:
        """Store a value in a memory for the next step."""
        place = next(place for place, each in enumerate(self.memory) if each.name == memory.name)
        self.memory[place] = dataclasses.replace(self.memory[place], after=after.name)

    def free(self, name: str, number: int) -> str:
        """A name that is not in use by an input."""
        found = f"{name}_{number}"
        taken = self.names
        while found in taken or AFTER + found in taken:
            found += "_"
        return found

    def operation(
        self, kind: str, of: Sequence[Value], shape: tuple[int, ...], type: str, settings: dict[str, Any]  # noqa: A002
    ) -> Value:  # fmt: skip
        """Add an operation, and return its result."""
        gives = self.free(kind, len(self.operations))
        arrays = {name: each for name, each in settings.items() if isinstance(each, np.ndarray)}
        rest = {name: each for name, each in settings.items() if name not in arrays}
        self.operations.append(Operation(kind, tuple(each.name for each in of), gives, rest, arrays))
        return Value(self, gives, shape, type)


def _layer(weight: ArrayLike, bias: ArrayLike, activation: str) -> dict[str, Any]:
    return {
        "weight": np.asarray(weight, np.float32),
        "bias": np.asarray(bias, np.float32),
        "activation": _known(activation),
    }


def _known(activation: str) -> str:
    if activation not in ACTIVATIONS:
        raise InputError(
            translated(
                "activation {activation!r} is not allowed in an export: allowed: {listed}",
                activation=activation,
                listed=", ".join(ACTIVATIONS),
            )
        )
    return activation
