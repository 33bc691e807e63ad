"""Which keys of a keyboard do what in an environment."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pygame
from gymnasium import spaces

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.environments import catalogue
from zerone.environments.gym.views import describe

if TYPE_CHECKING:
    from collections.abc import Iterable

ARROWS = {"up": pygame.K_UP, "down": pygame.K_DOWN, "left": pygame.K_LEFT, "right": pygame.K_RIGHT}
IDLE = ("coast", "nothing", "stay", "wait")
"""What an action is called that is taken while no key is down."""
NUMBERS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclasses.dataclass(frozen=True)
class Keys:
    """What each key does, what is done while none is down (None: nothing can be), and how to say so."""

    actions: dict[int, Any]
    idle: Any
    text: str

    def chosen(self, down: Iterable[int]) -> Any:
        """The action of the keys that are down, the newest last; None if none of them does anything.

        Continuous actions add up, so that two joints turn at once and opposite keys hold still; of others the newest
        counts.
        """
        known = [key for key in down if key in self.actions]
        if not known or not isinstance(self.idle, np.ndarray):
            return self.actions[known[-1]] if known else None
        meant = [self.actions[key] for key in set(known)]
        every = np.stack(list(self.actions.values()))
        together = self.idle + sum(each - self.idle for each in meant)
        return np.clip(together, every.min(0), every.max(0)).astype(self.idle.dtype)


def keys_for(identity: str, space: Any) -> Keys:
    """The keys of an environment, from what its actions are called.

    Up, down, left and right are the arrow keys; any action of a `Discrete` space has the key of its number (0 to 9,
    then a to z). One continuous action is lowest on the left arrow, highest on the right, else in the middle. Of two
    the first is highest on the up arrow and lowest on the down arrow, the second on left and right.

    Raises:
        InputError: a person has not enough hands for these actions.
    """
    entry = catalogue.find(identity)
    names = [] if entry is None else [name.strip() for name in entry.action.split(":")[0].split(",")]
    if isinstance(space, spaces.Discrete) and space.n <= len(NUMBERS):
        return _discrete(int(space.start), int(space.n), names)
    if isinstance(space, spaces.Box) and space.shape in ((), (1,), (2,)):
        low, high = space.low, space.high
        if np.isfinite((low, high)).all():
            middle = (low / 2 + high / 2).astype(space.dtype)
            return _pair(low, middle, high, names) if space.shape == (2,) else _single(low, middle, high)
    raise InputError(
        translated(
            "{identity} cannot be played with a keyboard: its actions are {space}; that needs Discrete actions, "
            "{count} at most, or one or two between bounds",
            identity=identity,
            space=describe(space),
            count=len(NUMBERS),
        )
    )


def _discrete(start: int, count: int, names: list[str]) -> Keys:
    names = names if len(names) == count else []
    actions: dict[int, Any] = {ord(NUMBERS[i]): start + i for i in range(count)}  # pygame's number is the letter's
    arrows = [(i, name) for i, name in enumerate(names) if name in ARROWS]
    actions |= {ARROWS[name]: start + i for i, name in arrows}
    idle = next((start + i for i, name in enumerate(names) if name in IDLE), None)
    by_number = translated("keys 0 to {last}", last=NUMBERS[count - 1])
    text = translated("arrow keys: {names}", names=", ".join(translated(name) for _, name in arrows))
    others = translated(" (or {keys})", keys=by_number) if arrows and len(arrows) < len(names) else ""
    return Keys(actions, idle, text + others if arrows else by_number)


def _single(low: np.ndarray, middle: np.ndarray, high: np.ndarray) -> Keys:
    actions = {ARROWS["left"]: low, ARROWS["down"]: low, ARROWS["right"]: high, ARROWS["up"]: high}
    return Keys(actions, middle, f"arrow keys: left {low.item():g}, right {high.item():g}")


def _pair(low: np.ndarray, middle: np.ndarray, high: np.ndarray, names: list[str]) -> Keys:
    def only(which: int, bound: np.ndarray) -> np.ndarray:
        return np.where(np.arange(2) == which, bound, middle)

    actions = {
        ARROWS["up"]: only(0, high), ARROWS["down"]: only(0, low),
        ARROWS["left"]: only(1, high), ARROWS["right"]: only(1, low),
    }  # fmt: skip
    first, second = names if len(names) == 2 else ("the first action", "the second")
    return Keys(actions, middle, f"up, down: {first}  left, right: {second}")
