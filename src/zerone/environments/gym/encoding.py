"""What an environment shows, as algorithms are given it: one array of a `Box`, a `Discrete` or a `MultiDiscrete`.

    encoding = Encoding(environment.observation_space)     # of Gymnasium's, or somebody's own
    encoding.space                                         # what algorithms are given
    array = encoding(observation)                          # raises ObservationError where it is not what was promised

A `Tuple` or a `Dict` is taken apart, however deep. If all its parts are counted (`Discrete`, `MultiDiscrete`,
`MultiBinary`), it becomes a `MultiDiscrete`, which a table can hold; else a row of float32: what is counted one-hot,
bits and the numbers of each `Box` as they are, pictures among them scaled; which of them are pictures is kept, so that
networks see these by convolutions. Parts without numbers (texts, and what has
no fixed size) are left out. If a single part remains, that is what is seen.

Numbers of 64 bits become numbers of 32, in which everything is computed. A value that the declared type cannot hold, or
a whole number that those 32 cannot, is refused: it would become another one in silence.
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
from zerone.environments.gym.exchange import shown
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
from zerone.environments.gym.taken_apart import LeftOut, part_of, taken_apart
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

MOST_NUMBERS = 2**24
"""Numbers in a row that one observation can become; more of them, once for each step, fill any memory."""


class Encoding:
    """From the observations of one space to those that algorithms are given.

    `given` is the environment's own space, `space` what it becomes, `leaves` are the parts that are seen, and
    `left_out` those that cannot be.

    Raises:
        InputError: nothing in the space is numbers, or it cannot be seen as `view` (of `views.VIEWS`) says.
    """

    def __init__(self, given: Any, view: str = AUTO) -> None:
        require_space("observation_space", given)
        self.given: Space = given
        found = list(taken_apart(given, (), scaled=view in (AUTO, ROW)))
        self.leaves: list[Leaf] = [each for each in found if not isinstance(each, LeftOut)]
        self.left_out = [each for each in found if isinstance(each, LeftOut)]
        if not self.leaves:
            raise InputError(_nothing_to_see(given, self.left_out))
        self.composite = bool(self.leaves[0].path)
        """Whether the environment's space has parts."""
        apart = self.composite or isinstance(given, spaces.MultiBinary)
        self.in_a_row = apart if view == FIRST else len(self.leaves) > 1
        """Whether the parts are put in one row, or a single part is seen as it is."""
        self.all_counted = False
        """Whether all numbers of that row are counted, none of them one-hot."""
        self.space: Space = self._space(view)
        self._shortcut = self._make_shortcut()

    def __call__(self, observation: object) -> Array | int:
        """One observation, as algorithms are given it; a count alone may be an int.

        Raises:
            ObservationError: it is not what its space promises.
        """
        found: Array | int | None
        try:
            found = self._shortcut(observation)
        except Exception:  # not of the usual form: what is wrong is said on the long way
            found = None
        return self.join(self.read(observation)) if found is None else found

    def read(self, observation: object, batch: bool = False) -> list[Array]:
        """The numbers of each part as they were given; of a batch of observations with an axis more.

        Raises:
            ObservationError: one of them is not what its space promises.
        """
        if not self.composite:
            return [self.leaves[0].read(observation, batch)]
        return [leaf.read(part_of(self.given, observation, leaf.path, batch), batch) for leaf in self.leaves]

    def join(self, found: Sequence[Array], batch: bool = False) -> Array:
        """What was read, as algorithms are given it."""
        if not self.in_a_row:
            return self.leaves[0].encode(found[0], batch)
        if self.all_counted:
            rows = [leaf.counted(each, batch) for leaf, each in self._pairs(found) if isinstance(leaf, CountedLeaf)]
        else:
            rows = [leaf.row(each, batch) for leaf, each in self._pairs(found)]
        return np.concatenate(rows, -1).astype(self.space.dtype, copy=False)

    def batch(self, observation: object) -> tuple[Array, bool]:
        """One observation or a batch of them, as a batch; and whether it was only one.

        A batch is an array of observations, or a list of them. Of a `Tuple` or a `Dict` it may be one whose parts are
        batches, as Gymnasium's vectors have it.

        Raises:
            ObservationError: it is none, or could be two things.
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
        """The space of what a dataset keeps: the environment's own, where that has no parts."""
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
        """What the observations become."""
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
        """Whether a part is seen as a picture beside others."""
        return isinstance(self.space, RowBox) and isinstance(leaf, BoxLeaf) and _picture_in(leaf) is not None

    def _pictures(self) -> Iterator[PicturePart]:
        """The pictures among the parts that are in a row."""
        begin = 0
        for leaf in self.leaves:
            seen = _picture_in(leaf)
            if seen is not None and seen.picture is not None:
                yield PicturePart(begin, tuple(leaf.space.shape or ()), seen.axes, seen.picture)
            begin += len(leaf.row_bounds()[0])


def _picture_in(leaf: Leaf) -> BoxView | None:
    """How a part is seen that is a picture; None if it is none."""
    seen = view_of(leaf.encoded_space()) if isinstance(leaf, BoxLeaf) else None
    return None if seen is None or seen.picture is None else seen


def require_space(name: str, space: object) -> None:
    """Raise `InputError` unless it is a space of Gymnasium's."""
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
    """The type that Gymnasium's `flatten_space` gives to what has parts, in at most 32 bits."""
    flat: Any = spaces.flatten_space(space)
    kind: np.dtype = np.dtype(NARROW.get(flat.dtype.name, flat.dtype))
    return kind
