"""The allowed actions of an environment played by Python: from `info["action_mask"]`, or from a function."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from gymnasium import spaces

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.environments.gym.conversion import array_of, shown
from zerone.environments.gym.views import Space

Masks: TypeAlias = np.ndarray
IN_INFO = "action_mask"
"""The key of the mask in the info of Gymnasium's environments (Taxi)."""
NOW, AT_THE_END = "allowed", "allowed_at_the_end"
"""The keys of the masks in our vectors' info: for the current, and for final observations (SAME_STEP mode)."""


class MaskError(ValueError):
    """An invalid mask; the text says what is wrong, and follows the name of the environment or function."""


class EmptyMaskError(MaskError):
    """A mask that allows no action."""


def read_mask(found: object, shape: tuple[int, ...]) -> Masks:
    """A mask, or several as rows, as bool of `shape`. Raises `MaskError` if it is invalid or allows nothing."""
    try:
        mask = array_of(found)
    except ValueError:  # rows of different lengths, or masked entries
        mask = np.empty(0, object)
    if mask.dtype.kind not in "biuf":
        raise MaskError(
            translated("the action mask is {found}, not one of true and false or of 1 and 0", found=shown(found))
        )
    if mask.shape != shape:
        raise MaskError(
            translated(
                "the action mask has the shape {found}, not {shape}: one for each action", found=mask.shape, shape=shape
            )
        )
    if mask.dtype != bool and not ((mask == 0) | (mask == 1)).all():
        raise MaskError(
            translated("the action mask is {found}, not one of true and false or of 1 and 0", found=shown(found))
        )
    mask = mask.astype(bool)
    if not mask.any(-1).all():
        raise EmptyMaskError(translated("the action mask allows nothing"))
    return mask


@dataclasses.dataclass(frozen=True)
class MaskSource:
    """The source of an environment's masks: a function of the observation, or, without one, its info."""

    function: Callable[[Any], object] | None = None

    def actions_of(self, space: Space, name: str) -> int:
        """The number of actions. Raises `InputError` if the action space is not discrete from 0 on."""
        if not isinstance(space, spaces.Discrete):
            raise InputError(translated("action masks are for Discrete actions; those of {name} are not", name=name))
        return int(space.n)

    def of(
        self, observation: object, info: object, actions: int, *, terminated: bool = False, over: bool = False
    ) -> Masks:
        """The mask after a reset or a step. At the end of an episode an empty mask becomes all true: no action follows.

        Raises:
            MaskError: there is none, or it is invalid.
        """
        if terminated:  # no action follows, so the mask does not matter
            return np.ones(actions, bool)
        if self.function is not None:
            found = self.function(observation)
        elif isinstance(info, Mapping) and IN_INFO in info:
            found = info[IN_INFO]
        else:
            raise MaskError(translated("its info has no action_mask"))
        try:
            return read_mask(found, (actions,))
        except EmptyMaskError:
            if over:
                return np.ones(actions, bool)
            raise
