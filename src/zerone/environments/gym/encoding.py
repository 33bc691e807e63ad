"""Encoding observations for algorithms: as one array of a `Box`, a `Discrete` or a `MultiDiscrete` space.

    encoding = Encoding(environment.observation_space)     # a space of Gymnasium's, or a custom one
    encoding.space                                         # the encoded space
    array = encoding(observation)                          # raises ObservationError if it does not match its space

A `Tuple` or a `Dict` is flattened, however deep. If all its parts are counted (`Discrete`, `MultiDiscrete`,
`MultiBinary`), it becomes a `MultiDiscrete`, which a table can use; otherwise a vector of float32: counted parts
one-hot, bits and the numbers of each `Box` unchanged, but images scaled; the places of images are recorded, so that
networks can use convolutions. Parts that are not numeric (texts, and sequences without a fixed size) are left out. If a
single part remains, it is encoded alone.

64-bit numbers become 32-bit, in which everything is computed. A value that does not fit into the declared dtype, or an
integer that does not fit into 32 bits, raises an error: it would silently become another value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.environments.gym.conversion import shown
from zerone.environments.gym.flattening import LeftOut, flattened, part_of
from zerone.environments.gym.leaves import (
    NARROW,
    Array,
    BoxLeaf,
    CountedLeaf,
    Counts,
    Leaf,
    ObservationError,
    as_array,
)
from zerone.environments.gym.shortcuts import Shortcut, counts_shortcut, row_shortcut, shortcut
from zerone.environments.gym.views import (
    AUTO,
    FIRST,
    NUMBERS,
    ROW,
    BoxView,
    PicturePart,
    RowBox,
    Space,
    describe,
    first_view,
    view_of,
    viewed,
)

MOST_NUMBERS = 2**18
"""The most numbers that counts may become one-hot: the first layer of a network has a row for each, and each step of a
batch as many numbers. PPO takes 3 GB with so many."""


class Encoding:
    """Encodes the observations of one space.

    `given` is the environment's own space, `space` the encoded one, `leaves` are the encoded parts, and `left_out`
    those that cannot be encoded.

    Raises:
        InputError: no part of the space is numeric, or it does not support the `view` (of `views.VIEWS`).
    """

    def __init__(self, given: Any, view: str = AUTO) -> None:
        require_space("observation_space", given)
        self.given: Space = given
        found = list(flattened(given, (), scaled=view in (AUTO, ROW)))
        self.leaves: list[Leaf] = [each for each in found if not isinstance(each, LeftOut)]
        self.left_out = [each for each in found if isinstance(each, LeftOut)]
        if not self.leaves:
            raise InputError(_nothing_to_see(given, self.left_out))
        self.composite = bool(self.leaves[0].path)
        """Whether the environment's space has parts."""
        apart = self.composite or isinstance(given, spaces.MultiBinary)
        self.in_a_row = apart if view == FIRST else len(self.leaves) > 1
        """Whether the parts are joined to one vector; else the only part is encoded alone."""
        self.all_counted = False
        """Whether all numbers of that vector are counts, none of them one-hot."""
        self.space: Space = self._space(view)
        self._shortcut = self._make_shortcut()

    def __call__(self, observation: object) -> Array | int:
        """Encode one observation; a single count may be returned as an int.

        Raises:
            ObservationError: it does not match its space.
        """
        found: Array | int | None
        try:
            found = self._shortcut(observation)
        except Exception:  # not in the usual form: the slow path finds out what is wrong
            found = None
        return self.join(self.read(observation)) if found is None else found

    def read(self, observation: object, batch: bool = False) -> list[Array]:
        """The numbers of each part, not yet encoded; for a batch, each with a leading axis [N, ...].

        Raises:
            ObservationError: a part does not match its space.
        """
        if not self.composite:
            return [self.leaves[0].read(observation, batch)]
        return [leaf.read(part_of(self.given, observation, leaf.path, batch), batch) for leaf in self.leaves]

    def join(self, found: Sequence[Array], batch: bool = False) -> Array:
        """Encode the parts returned by `read`, and join them."""
        if not self.in_a_row:
            return self.leaves[0].encode(found[0], batch)
        if self.all_counted:
            rows = [leaf.counted(each, batch) for leaf, each in self._pairs(found) if isinstance(leaf, CountedLeaf)]
        else:
            rows = [leaf.row(each, batch) for leaf, each in self._pairs(found)]
        return np.concatenate(rows, -1).astype(self.space.dtype, copy=False)

    def batch(self, observation: object) -> tuple[Array, bool]:
        """Encode one observation or a batch, as a batch [N, ...]; also returns whether it was a single observation.

        A batch is an array or a list of observations. For a `Tuple` or a `Dict` it may also be a tuple or dictionary of
        batches, as Gymnasium's vector environments return it.

        Raises:
            ObservationError: it is neither, or could be both.
        """
        if not self.composite:
            found, wanted = as_array(observation).shape, tuple(self.leaves[0].space.shape or ())
            if found == wanted:
                return np.asarray(self(observation))[None], True
            if found[1:] != wanted or not found:
                raise ObservationError(
                    translated(
                        "observation of shape {found} is not allowed: must be {wanted} or a batch of it",
                        found=found,
                        wanted=wanted,
                    )
                )
            return self._of_batches(observation), False
        try:
            return np.asarray(self(observation))[None], True
        except ObservationError as error:
            batches: list[Array] = []
            for way in (self._of_batches, self._of_list):
                with suppress(ObservationError):
                    batches.append(way(observation))
            if not batches:
                raise
            if len(batches) > 1:
                raise ObservationError(
                    translated(
                        "this could be a list of observations, or one whose parts are batches: give one at a time"
                    )
                ) from error
            return batches[0], False

    @property
    def recorded(self) -> Space:
        """The space of observations in a dataset: the environment's own, unless that has parts."""
        kept = isinstance(self.given, (spaces.Box, spaces.Discrete, spaces.MultiDiscrete))
        return self.given if kept else self.space

    def _of_batches(self, observation: object) -> Array:
        found = self.read(observation, batch=True)
        if len({len(each) for each in found}) > 1:
            raise ObservationError(translated("the parts of the observation are batches of different lengths"))
        return self.join(found, batch=True)

    def _of_list(self, observations: object) -> Array:
        if not isinstance(observations, (list, tuple, np.ndarray)) or not len(observations):
            raise ObservationError(translated("it is no list of observations"))
        return np.stack([self(each) for each in observations])

    def _make_shortcut(self) -> Shortcut:
        if not self.in_a_row:
            return shortcut(self.leaves[0]) if not self.composite else lambda _: None
        if self.all_counted:
            return counts_shortcut(self.given, [leaf for leaf in self.leaves if isinstance(leaf, CountedLeaf)])
        if self.space.dtype != np.float32:
            return lambda _: None
        return row_shortcut(self.given, self.leaves, (self.space.shape or (0,))[0])

    def _pairs(self, found: Sequence[Array]) -> Iterator[tuple[Leaf, Array]]:
        return zip(self.leaves, found, strict=True)

    def _space(self, view: str) -> Space:
        """The encoded space."""
        if not self.in_a_row:
            alone = self.leaves[0].encoded_space()
            return first_view(alone) if view == FIRST else viewed(alone, AUTO if view == ROW else view)
        if view not in (AUTO, NUMBERS, FIRST, ROW):
            raise InputError(
                translated(
                    "observations = {view!r} is not allowed here: they are {given}, and parts are seen as {auto} "
                    "or {numbers}",
                    view=view,
                    given=describe(self.given),
                    auto=AUTO,
                    numbers=NUMBERS,
                )
            )
        counted = [leaf for leaf in self.leaves if isinstance(leaf, CountedLeaf)]
        if len(counted) == len(self.leaves) and view != FIRST:
            self.all_counted = True
            bits = [leaf.is_bits for leaf in counted for _ in leaf.values]
            return Counts([each for leaf in counted for each in leaf.values], bits)
        width = sum(sum(leaf.values) for leaf in counted)
        if width > MOST_NUMBERS:
            raise InputError(
                translated(
                    "its observations are {given}, which become {width:,} numbers, one for each value that is "
                    "counted: must be at most {most_numbers:,}",
                    given=describe(self.given),
                    width=width,
                    most_numbers=MOST_NUMBERS,
                )
            )
        low, high = (
            np.concatenate(bounds) for bounds in zip(*(leaf.row_bounds() for leaf in self.leaves), strict=True)
        )
        kind = _first_type(self.given) if view == FIRST else np.dtype(np.float32)
        with np.errstate(over="ignore"):
            row = spaces.Box(low.astype(kind), high.astype(kind), low.shape, kind.type)
        if view == AUTO and (pictures := tuple(self._pictures())):
            return RowBox(row.low, row.high, pictures)
        return first_view(row) if view == FIRST else row

    def sees_picture(self, leaf: Leaf) -> bool:
        """Whether a part of several is encoded as an image."""
        return isinstance(self.space, RowBox) and isinstance(leaf, BoxLeaf) and _picture_in(leaf) is not None

    def _pictures(self) -> Iterator[PicturePart]:
        """The images among the parts of the vector."""
        begin = 0
        for leaf in self.leaves:
            seen = _picture_in(leaf)
            if seen is not None and seen.picture is not None:
                yield PicturePart(begin, tuple(leaf.space.shape or ()), seen.axes, seen.picture)
            begin += len(leaf.row_bounds()[0])


def _picture_in(leaf: Leaf) -> BoxView | None:
    """How a part that is an image is encoded; None if it is no image."""
    seen = view_of(leaf.encoded_space()) if isinstance(leaf, BoxLeaf) else None
    return None if seen is None or seen.picture is None else seen


def require_space(name: str, space: object) -> None:
    """Raise `InputError` unless `space` is a Gymnasium space."""
    if not isinstance(space, gymnasium.Space):
        of = type(space).__module__.split(".")[0]
        what = f"of the type {of}.{type(space).__name__}" if of != "builtins" else shown(space)
        raise InputError(
            translated("{name} is {what}, not a space of Gymnasium's (gymnasium.spaces)", name=name, what=what)
        )


def _nothing_to_see(given: Space, left_out: Sequence[LeftOut]) -> str:
    parts = f" ({', '.join(map(str, left_out))})" if left_out and left_out[0].path else ""
    return translated(
        "its observations are {given}, in which no number has a fixed place{parts}: put a gymnasium.ObservationWrapper "
        "around the environment that makes an array of numbers of them",
        given=describe(given),
        parts=parts,
    )


def _first_type(space: Space) -> np.dtype:
    """The dtype that Gymnasium's `flatten_space` gives to a space with parts, with at most 32 bits."""
    flat: Any = spaces.flatten_space(space)
    kind: np.dtype = np.dtype(NARROW.get(flat.dtype.name, flat.dtype))
    return kind
