"""The keymap of an environment: the action of each key."""

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
"""Names of actions that mean doing nothing, which are taken while no key is down."""
NUMBERS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclasses.dataclass(frozen=True)
class Keys:
    """A keymap: the action of each key, the action while no key is down (None if there is none), and a description."""

    actions: dict[int, Any]
    idle: Any
    text: str

    def chosen(self, down: Iterable[int]) -> Any:
        """The action of the keys that are down, ordered with the newest last; None if none of them has an action.

        Continuous actions add up, so that two joints can turn at once and opposite keys cancel; of discrete ones, the
        newest key counts.
        """
        known = [key for key in down if key in self.actions]
        if not known or not isinstance(self.idle, np.ndarray):
            return self.actions[known[-1]] if known else None
        meant = [self.actions[key] for key in set(known)]
        every = np.stack(list(self.actions.values()))
        together = self.idle + sum(each - self.idle for each in meant)
        return np.clip(together, every.min(0), every.max(0)).astype(self.idle.dtype)


def keys_for(identity: str, space: Any) -> Keys:
    """The keymap of an environment, from the names of its actions.

    Discrete actions called up, down, left and right are on the arrow keys; every discrete action is on the key of its
    number (0 to 9, then a to z). A single continuous action is lowest with the left arrow, highest with the right one,
    and in the middle without a key. Of two continuous actions, the first uses up (highest) and down (lowest), the
    second left (highest) and right (lowest).

    Raises:
        InputError: the actions cannot be played with a keyboard.
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
    actions: dict[int, Any] = {ord(NUMBERS[i]): start + i for i in range(count)}  # pygame's key codes are ASCII codes
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
