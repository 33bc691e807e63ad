"""Validation and conversion of actions, rewards and termination flags at the interface of an environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from zerone.base.errors import InputError
from zerone.base.language import translated

LARGEST_REWARD = float(np.finfo(np.float32).max)
LONGEST_REPR = 80


def action_converter(space: gymnasium.Space[Any]) -> Callable[[object], object]:
    """A function that converts actions to what `space.sample()` returns: its dtype and shape, as a writable copy.

    A policy's actions are views of memory that does not belong to the environment, with the dtype of the computation.
    The function raises `ValueError` for an action that cannot be converted. Composite spaces accept any action
    unchanged.
    """
    if isinstance(space, spaces.Discrete):
        return _Choice(space.dtype.type)
    if isinstance(space, (spaces.Box, spaces.MultiDiscrete, spaces.MultiBinary)):
        return _Numbers(space)
    return _unchanged


def _unchanged(action: object) -> object:
    return action


class _Choice:
    """Converts to a NumPy integer scalar."""

    def __init__(self, kind: type[np.integer]) -> None:
        self._kind = kind

    def __call__(self, action: object) -> object:
        if type(action) is self._kind:  # scalars are immutable
            return action
        array = np.asarray(action)
        if array.size != 1 or array.dtype.kind not in "biu":
            raise ValueError(translated("{action}, not a whole number", action=shown(action)))
        return self._kind(array.item())


class _Numbers:
    """Converts to a new array."""

    def __init__(self, space: gymnasium.Space[Any]) -> None:
        self._kind: np.dtype = np.dtype(space.dtype)
        self._shape = tuple(space.shape or ())

    def __call__(self, action: object) -> np.ndarray:
        given = np.asarray(action)
        if given.dtype == self._kind and given.shape == self._shape:  # the usual case, in a tenth of the time
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
    """A reward as a float, finite even as float32; None if it is no such number."""
    if not isinstance(value, (float, int)):
        array = _one(value)
        if array is None or array.dtype.kind not in "biuf":
            return None
        value = array.item()
    return float(value) if -LARGEST_REWARD <= value <= LARGEST_REWARD else None


def flag_of(value: object) -> bool | None:
    """`terminated` or `truncated` as a bool; accepts booleans, 0 and 1. None for anything else."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    array = _one(value)
    if array is None or array.dtype.kind not in "biu" or array.item() not in (0, 1):
        return None
    return bool(array.item())


def array_of(value: Any) -> np.ndarray:
    """A foreign value as an array. Raises `ValueError` if it has masked entries: NumPy would drop the mask."""
    if has_masked(value):
        raise ValueError("masked entries")  # what is said about the value is the caller's
    return np.asarray(value)


def has_masked(value: object) -> bool:
    """Whether an array, or one in a list, has masked entries: numbers that its environment calls invalid."""
    if isinstance(value, (list, tuple)):
        return any(has_masked(each) for each in value if isinstance(each, (list, tuple, np.ma.MaskedArray)))
    return isinstance(value, np.ma.MaskedArray) and bool(np.ma.getmaskarray(value).any())


def _one(value: object) -> np.ndarray | None:
    """An array with a single element; None for several elements or a Python container."""
    if value is None or isinstance(value, (str, bytes, list, tuple, dict, set, frozenset)):
        return None
    try:
        array = array_of(value)
    except Exception:  # any exception of a foreign type's conversion
        return None
    return array if array.size == 1 else None


def shown(value: object) -> str:
    """A short `repr` for an error message, on one line, for any value."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # an integer with too many digits, or a foreign type
        return f"a {type(value).__name__}"
    return text if len(text) <= LONGEST_REPR else text[: LONGEST_REPR - 1] + "…"


def raised(error: BaseException) -> str:
    """An exception of foreign code on one line: `raised OSError: the simulator is gone`."""
    if isinstance(error, SystemExit):
        return translated("called sys.exit({code})", code="" if error.code is None else shown(error.code))
    try:
        text = " ".join(str(error).split())
    except Exception:  # a foreign exception
        text = ""
    kind = type(error).__name__
    return translated("raised {kind}: {text}", kind=kind, text=text) if text else translated("raised {kind}", kind=kind)


def attribute_of(env: object, name: str) -> Any:
    """An attribute of a foreign environment, None if there is none; a property may run any code.

    Raises:
        InputError: reading it raised an exception.
    """
    try:
        return getattr(env, name, None)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # any exception of foreign code, also sys.exit
        raise InputError(translated("its {name} {error}", name=name, error=raised(error))) from error
