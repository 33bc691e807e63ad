"""What an environment is given and gives back besides observations: actions, rewards, ends. One rule for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from zerone.base.language import translated

LARGEST_REWARD = float(np.finfo(np.float32).max)
LONGEST_REPR = 80


def taker(space: gymnasium.Space[Any]) -> Callable[[object], object]:
    """A function that makes of an action what `space.sample()` would be: of its dtype and shape, and writable.

    A policy's actions are views of memory that is not the environment's, and of the type that computing them took. The
    function raises `ValueError` for what cannot be such an action. Spaces put together of others take any.
    """
    if isinstance(space, spaces.Discrete):
        return _Choice(space.dtype.type)
    if isinstance(space, (spaces.Box, spaces.MultiDiscrete, spaces.MultiBinary)):
        return _Numbers(space)
    return _unchanged


def _unchanged(action: object) -> object:
    return action


class _Choice:
    """One whole number, a scalar of NumPy's."""

    def __init__(self, kind: type[np.integer]) -> None:
        self._kind = kind

    def __call__(self, action: object) -> object:
        if type(action) is self._kind:  # a scalar cannot be written into
            return action
        array = np.asarray(action)
        if array.size != 1 or array.dtype.kind not in "biu":
            raise ValueError(translated("{action}, not a whole number", action=shown(action)))
        return self._kind(array.item())


class _Numbers:
    """An array of its own."""

    def __init__(self, space: gymnasium.Space[Any]) -> None:
        self._kind: np.dtype = np.dtype(space.dtype)
        self._shape = tuple(space.shape or ())

    def __call__(self, action: object) -> np.ndarray:
        given = np.asarray(action)
        if given.dtype == self._kind and given.shape == self._shape:  # the usual case, and a tenth of the time
            return given.copy()
        if given.dtype.kind not in "biuf":
            raise ValueError(translated("{action}, not an array of numbers", action=shown(action)))
        with np.errstate(invalid="ignore"):
            taken = given.astype(self._kind)
        if self._kind != given.dtype and self._kind.kind in "iu" and not (taken == given).all():
            raise ValueError(translated("{action}, which {kind} cannot hold", action=shown(action), kind=self._kind))
        if taken.shape != self._shape:
            if taken.size != np.prod(self._shape, dtype=int):
                raise ValueError(
                    translated("of shape {found}, not of shape {shape}", found=taken.shape, shape=self._shape)
                )
            taken = taken.reshape(self._shape)
        return taken


def reward_of(value: Any) -> float | None:
    """The number that a reward is, finite also as the float32 that it will become; None if it is none."""
    if not isinstance(value, (float, int)):
        array = _one(value)
        if array is None or array.dtype.kind not in "biuf":
            return None
        value = array.item()
    return float(value) if -LARGEST_REWARD <= value <= LARGEST_REWARD else None


def flag_of(value: object) -> bool | None:
    """The truth that `terminated` or `truncated` is: a boolean, or 0 or 1; None if it is none."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    array = _one(value)
    if array is None or array.dtype.kind not in "biu" or array.item() not in (0, 1):
        return None
    return bool(array.item())


def _one(value: object) -> np.ndarray | None:
    """An array of one thing; None for what holds several, or is a container of Python's."""
    if value is None or isinstance(value, (str, bytes, list, tuple, dict, set, frozenset)):
        return None
    try:
        array = np.asarray(value)
    except Exception:  # whatever somebody's own type does when it is asked for its numbers
        return None
    return array if array.size == 1 else None


def shown(value: object) -> str:
    """`repr` for an error: one line, of a length that can be read, whatever the value is."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a number too long to be written, or somebody's own type
        return f"a {type(value).__name__}"
    return text if len(text) <= LONGEST_REPR else text[: LONGEST_REPR - 1] + "…"


def raised(error: BaseException) -> str:
    """What code of somebody else's did, in one line: `raised OSError: the simulator is gone`."""
    if isinstance(error, SystemExit):
        return translated("called sys.exit({code})", code="" if error.code is None else shown(error.code))
    try:
        text = " ".join(str(error).split())
    except Exception:  # somebody's own exception
        text = ""
    kind = type(error).__name__
    return translated("raised {kind}: {text}", kind=kind, text=text) if text else translated("raised {kind}", kind=kind)
