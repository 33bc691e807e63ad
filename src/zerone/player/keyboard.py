"""A player that shows the environment in a window and acts by the user's keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zerone.base.language import joined, translated
from zerone.environments.gym.kinds import Env
from zerone.environments.window import Window
from zerone.player.episode import Moment, frame_of, frames_per_second
from zerone.player.keymap import keys_for
from zerone.player.letters import in_the_language_of_pictures
from zerone.player.viewer import HOLD_SECONDS, captioned

if TYPE_CHECKING:
    from collections.abc import Callable

FASTEST_IN_TURNS = 10
"""Environments with at most this many steps per second wait for each move; faster ones run like a real-time game."""


class Keyboard:
    """Plays an environment with the keys that a user presses in a window, until Escape or the window is closed.

    A slow environment waits for each move. A fast one begins with the first key and then runs at its speed, with the
    action of the key that is down; without a key, it uses the action for doing nothing, or else repeats the last one.
    `over` is polled, and stops playing when it returns true.
    """

    def __init__(self, environment: Env, identity: str, over: Callable[[], bool]) -> None:
        self.keys = keys_for(identity, environment.action_space)
        self._environment, self._over = environment, over
        speed = frames_per_second(environment)
        self._in_turns = speed <= FASTEST_IN_TURNS
        title = f"{identity}: {self.keys.text}; Esc: end"  # readable even if the picture is narrow
        self._window = Window(title, max(speed, 2.0 * FASTEST_IN_TURNS) if self._in_turns else speed)
        self._frame = np.zeros((1, 1, 3), np.uint8)
        self._last: Any = None
        self._begun = False

    def look(self, moment: Moment) -> None:
        """Show a moment; the last one of an episode is shown for a while."""
        with in_the_language_of_pictures():
            said, keys = moment.describe(), joined([self.keys.text, translated("Esc: end")])
        self._frame = captioned(frame_of(self._environment), said, keys)
        if moment.step == 0:
            self._begun, self._last = False, None
        if moment.ended:
            for _ in range(round(HOLD_SECONDS * self._window.frames_per_second)):
                self._window.show(self._frame)

    def act(self, observation: Any) -> Any:
        """The action that the user takes; None to stop."""
        del observation  # the user sees the picture
        while not self._over():
            self._window.show(self._frame)
            if self._window.closed:
                break
            pressed = [key for key in self._window.pressed if key in self.keys.actions]
            if self._in_turns or not self._begun:
                if pressed:
                    self._begun, self._last = True, self.keys.chosen(pressed[:1])
                    return self._last
                continue
            chosen = self.keys.chosen((*pressed, *self._window.held))
            if chosen is not None:
                self._last = chosen
            elif self.keys.idle is not None:
                return self.keys.idle
            return self._last
        return None

    def close(self) -> None:
        """Close the window."""
        self._window.close()
