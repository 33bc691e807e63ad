"""A policy as a short list of operations: what leaves, before it is a file of one kind or another.

    program = Program()
    seen = program.input("observation", (4,), "float32")
    hidden = seen.dense(weight, bias, "relu")
    program.action = hidden.dense(weight, bias).argmax()

Each operation makes one value of others; what it computes is what `player.OPERATIONS` has under its name. All values
have the axis of the batch in front, which no shape here says.
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
"""Before the name of what is remembered, where it is an output of a file."""


@dataclasses.dataclass(frozen=True)
class Input:
    """A number or an array of an observation: where it is in that (`path`), and what it is."""

    name: str
    path: tuple[Any, ...]
    shape: tuple[int, ...]
    type: str


@dataclasses.dataclass(frozen=True)
class Memory:
    """What a policy remembers of an episode: an input and an output more, of each row of a batch.

    The input is what the output was at the step before; where an episode begins it is `begins`, or 0 everywhere.
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
    """What an operation gives, of a shape (without the batch's axis) and a type. Each method is an operation more."""

    program: Program
    name: str
    shape: tuple[int, ...]
    type: str = "float32"

    @property
    def width(self) -> int:
        """How many numbers are in a row."""
        return self.shape[-1]

    def cast(self, kind: DTypeLike) -> Value:
        """The same numbers in another type; itself if they are of that already."""
        name = np.dtype(kind).name
        return self if name == self.type else self._then("cast", self.shape, name, kind=name)

    def add(self, number: ArrayLike) -> Value:
        """A number added, or an array of them of one's own shape."""
        return self._then("add", self.shape, self.type, number=np.asarray(number, self.type))

    def divide(self, by: float) -> Value:
        """All divided by one number, as float32."""
        return self._then("divide", self.shape, by=by)

    def reshape(self, *shape: int) -> Value:
        """The same numbers, arranged otherwise."""
        assert math.prod(shape) == math.prod(self.shape)  # noqa: S101 - shapes are ours
        return (
            self
            if shape == self.shape
            else self._then("reshape", shape, self.type, axes=len(self.shape), shape=list(shape))
        )

    def transpose(self, axes: Sequence[int]) -> Value:
        """The axes in another order; the batch's is not counted."""
        return self._then("transpose", tuple(self.shape[axis] for axis in axes), self.type, axes=list(axes))

    def part(self, begin: int, end: int) -> Value:
        """Some numbers of a row."""
        return self._then("part", (end - begin,), self.type, begin=begin, end=end)

    def one_hot(self, number: ArrayLike, value: ArrayLike) -> Value:
        """A row of float32, in which place i is 1 where `number[i]` of these whole numbers is `value[i]`, else 0."""
        where, equal = np.asarray(number, np.int64), np.asarray(value, np.int64)
        return self._then("one_hot", equal.shape, number=where, value=equal)

    def place(self, start: ArrayLike, worth: ArrayLike) -> Value:
        """Which row of a table a row of whole numbers means: each counted from its start, times what it is worth."""
        arrays = {"start": np.asarray(start, np.int64), "worth": np.asarray(worth, np.int64)}
        return self._then("place", (), "int64", **arrays)

    def look_up(self, table: ArrayLike) -> Value:
        """The row of a table that a whole number means."""
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
        """The same of each patch of a picture; the padding with zeros is said of the top, left, bottom and right."""
        layer = _layer(weight, bias, activation)
        around = [padding[0] + padding[2], padding[1] + padding[3]]
        places = [(side + more - kernel) // stride + 1 for side, more in zip(self.shape[:2], around, strict=True)]
        shape = (*places, layer["bias"].size)
        return self._then("convolve", shape, kernel=kernel, stride=stride, padding=list(padding), **layer)

    def activate(self, activation: str) -> Value:
        """An activation alone."""
        return self._then("activate", self.shape, activation=_known(activation))

    def duel(self, advantage: Value) -> Value:
        """Q = V + A - mean A, for a value that is V."""
        return self._then("duel", advantage.shape, "float32", (advantage,))

    def normalize(
        self, mean: ArrayLike, by: ArrayLike, limit: float, scale: ArrayLike = 1, shift: ArrayLike = 0
    ) -> Value:  # fmt: skip
        """`(x - mean) / by` within ± `limit`, times `scale`, plus `shift`."""
        numbers = {"mean": mean, "by": by, "scale": scale, "shift": shift}
        arrays = {name: np.asarray(each, np.float32) for name, each in numbers.items()}
        return self._then("normalize", self.shape, limit=limit, **arrays)

    def layer_norm(
        self, scale: ArrayLike, shift: ArrayLike, activation: str = "linear", epsilon: float = 1e-5
    ) -> Value:
        """The numbers of a row with mean 0 and deviation 1, times `scale`, plus `shift`, through an activation."""
        arrays = {"scale": np.asarray(scale, np.float32), "shift": np.asarray(shift, np.float32)}
        return self._then("layer_norm", self.shape, epsilon=epsilon, activation=_known(activation), **arrays)

    def gru(self, hidden: Value, weight: ArrayLike, bias: ArrayLike) -> Value:
        """The state of a gated recurrent unit after `hidden`, for a value that is what it reads, `x W + b`."""
        arrays = {"weight": np.asarray(weight, np.float32), "bias": np.asarray(bias, np.float32)}
        return self._then("gru", hidden.shape, "float32", (hidden,), **arrays)

    def argmax(self) -> Value:
        """Which number of a row is the largest, the first of several."""
        mask = self.program.mask
        scores = self if mask is None else self._then("allow", self.shape, "float32", (mask,))
        self.program.scores = scores
        return scores._then("argmax", (), "int64")

    def choose(self, values: Sequence[int]) -> Value:
        """The same of each of several parts of a row, of `values` numbers each."""
        self.program.scores = self
        cuts = list(itertools.accumulate(values))[:-1]
        return self._then("choose", (len(values),), "int64", cuts=cuts)

    def bound(self, bounded: ArrayLike, middle: ArrayLike, reach: ArrayLike, low: ArrayLike, high: ArrayLike) -> Value:
        """`middle + reach * x`, with x within [-1, 1], where it is `bounded`; and all within `low` and `high`."""
        limits = {"middle": middle, "reach": reach, "low": low, "high": high}
        arrays = {name: np.asarray(each, np.float32) for name, each in limits.items()}
        return self._then("bound", self.shape, bounded=np.asarray(bounded, bool), **arrays)

    def round(self) -> Value:
        """The nearest whole numbers, still as float32."""
        self.program.scores = self
        return self._then("round", self.shape)

    def _then(
        self, kind: str, shape: tuple[int, ...], type: str = "float32", others: tuple[Value, ...] = (), /,  # noqa: A002
        **settings: Any,
    ) -> Value:  # fmt: skip
        return self.program.operation(kind, (self, *others), shape, type, settings)


def join(parts: Sequence[Value]) -> Value:
    """One row of several."""
    if len(parts) == 1:
        return parts[0]
    width = sum(each.width for each in parts)
    return parts[0].program.operation("join", parts, (width,), parts[0].type, {})


class Program:
    """The inputs, the operations in order, and which of their values is the action.

    `scores` is what the action was chosen by, if it is one of several: values, or probabilities.
    """

    def __init__(self) -> None:
        self.inputs: list[Input] = []
        self.operations: list[Operation] = []
        self.memory: list[Memory] = []
        self.mask: Value | None = None
        """Which actions are allowed, if the policy keeps to a mask: an input more."""
        self.action: Value | None = None
        self.scores: Value | None = None

    @property
    def names(self) -> list[str]:
        """What the inputs are called, what is remembered among them."""
        mask = [] if self.mask is None else [self.mask.name]
        return [each.name for each in self.inputs] + [each.name for each in self.memory] + mask

    def input(self, name: str, shape: tuple[int, ...], kind: DTypeLike, path: tuple[Any, ...] = ()) -> Value:
        """A number or an array that an observation has at `path`."""
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
        """What an earlier step of the episode has left; 0 everywhere where it begins."""
        name = self.free("memory", len(self.memory))
        self.memory.append(Memory(name, name, shape, np.dtype(kind).name))
        return Value(self, name, shape, np.dtype(kind).name)

    def leave(self, memory: Value, after: Value) -> None:
        """What is left in the place of that for the next step."""
        place = next(place for place, each in enumerate(self.memory) if each.name == memory.name)
        self.memory[place] = dataclasses.replace(self.memory[place], after=after.name)

    def free(self, name: str, number: int) -> str:
        """A name that no input has."""
        found = f"{name}_{number}"
        taken = self.names
        while found in taken or AFTER + found in taken:
            found += "_"
        return found

    def operation(
        self, kind: str, of: Sequence[Value], shape: tuple[int, ...], type: str, settings: dict[str, Any]  # noqa: A002
    ) -> Value:  # fmt: skip
        """One operation more, and what it gives."""
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
