"""A person at the keyboard: which keys do what in an environment, and a window that is played in."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pygame
from gymnasium import spaces

from zerone.base.errors import InputError
from zerone.environments import catalogue
from zerone.environments.window import Window
from zerone.parts.spaces import describe
from zerone.show.play import Env, Moment, frame_of, frames_per_second
from zerone.show.stage import HOLD_SECONDS, captioned

if TYPE_CHECKING:
    from collections.abc import Callable

ARROWS = {"up": pygame.K_UP, "down": pygame.K_DOWN, "left": pygame.K_LEFT, "right": pygame.K_RIGHT}
IDLE = ("coast", "nothing", "stay", "wait")
"""What an action is called that is taken while no key is down."""
NUMBERS = "0123456789abcdefghijklmnopqrstuvwxyz"
FASTEST_IN_TURNS = 10
"""Steps in a second up to which an environment waits for each move; faster ones run on, like a game."""


@dataclasses.dataclass(frozen=True)
class Keys:
    """What each key does, what is done while none is down (None: what was done last), and how to say so."""

    actions: dict[int, Any]
    idle: Any
    text: str


def keys_for(identity: str, space: Any) -> Keys:
    """The keys of an environment, from what its actions are called.

    Up, down, left and right are the arrow keys; any action of a `Discrete` space has the key of its number (0 to 9,
    then a to z). One continuous action is lowest on the left arrow, highest on the right, else in the middle.

    Raises:
        InputError: a person has not enough hands for these actions.
    """
    if isinstance(space, spaces.Discrete) and space.n <= len(NUMBERS):
        actions: dict[int, Any]
        start, entry = int(space.start), catalogue.find(identity)
        names = [] if entry is None else [name.strip() for name in entry.action.split(",")]
        names = names if len(names) == space.n else []
        actions = {ord(NUMBERS[i]): start + i for i in range(int(space.n))}  # pygame's number of a letter is its code
        arrows = [(i, name) for i, name in enumerate(names) if name in ARROWS]
        actions |= {ARROWS[name]: start + i for i, name in arrows}
        idle = next((start + i for i, name in enumerate(names) if name in IDLE), None)
        by_number = f"keys 0 to {NUMBERS[int(space.n) - 1]}"
        text = f"arrow keys: {', '.join(name for _, name in arrows)}" if arrows else by_number
        return Keys(actions, idle, text + (f" (or {by_number})" if arrows and len(arrows) < len(names) else ""))
    if isinstance(space, spaces.Box) and int(np.prod(space.shape)) == 1 and np.isfinite((space.low, space.high)).all():
        low, high = space.low, space.high
        middle = (low / 2 + high / 2).astype(space.dtype)
        actions = {ARROWS["left"]: low, ARROWS["down"]: low, ARROWS["right"]: high, ARROWS["up"]: high}
        return Keys(actions, middle, f"arrow keys: left {low.item():g}, right {high.item():g}")
    raise InputError(
        f"{identity} cannot be played with a keyboard: its actions are {describe(space)}; that needs "
        f"Discrete actions, {len(NUMBERS)} at most, or a single one between two bounds"
    )


class Keyboard:
    """Plays an environment with the keys that a person presses in a window; Escape, or closing it, is the end.

    A slow environment waits for each move. A fast one begins with the first key and then goes on at its speed:
    with the key that is down, else with nothing, or where the environment knows no nothing, with what was done last.
    `over` can end it from outside.
    """

    def __init__(self, environment: Env, identity: str, over: Callable[[], bool]) -> None:
        self.keys = keys_for(identity, environment.action_space)
        self._environment, self._over = environment, over
        speed = frames_per_second(environment)
        self._in_turns = speed <= FASTEST_IN_TURNS
        title = f"{identity}: {self.keys.text}; Esc: end"  # where it can be read whatever the width of the picture
        self._window = Window(title, max(speed, 2.0 * FASTEST_IN_TURNS) if self._in_turns else speed)
        self._frame = np.zeros((1, 1, 3), np.uint8)
        self._last: Any = None
        self._begun = False

    def look(self, moment: Moment) -> None:
        """Show a moment; the last of an episode stays for a while."""
        self._frame = captioned(frame_of(self._environment), moment.describe(), f"{self.keys.text}; Esc: end")
        if moment.step == 0:
            self._begun, self._last = False, None
        if moment.ended:
            for _ in range(round(HOLD_SECONDS * self._window.frames_per_second)):
                self._window.show(self._frame)

    def act(self, observation: Any) -> Any:
        """The action that the person takes; None if it is enough."""
        del observation  # a person sees the picture
        while not self._over():
            self._window.show(self._frame)
            if self._window.closed:
                break
            pressed = [key for key in self._window.pressed if key in self.keys.actions]
            if self._in_turns or not self._begun:
                if pressed:
                    self._begun, self._last = True, self.keys.actions[pressed[0]]
                    return self._last
                continue
            held = [key for key in (*pressed, *self._window.held) if key in self.keys.actions]
            if held:
                self._last = self.keys.actions[held[-1]]
            elif self.keys.idle is not None:
                return self.keys.idle
            return self._last
        return None

    def close(self) -> None:
        """Take the window off the screen."""
        self._window.close()
