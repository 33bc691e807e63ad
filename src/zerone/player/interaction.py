"""Mouse and keyboard control in the window in which an agent plays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pygame

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.environments import drawing
from zerone.environments.gym.bridge import GymnasiumEnvironment
from zerone.environments.gym.kinds import Env
from zerone.player.episode import frames_per_second
from zerone.player.keymap import Keys, keys_for

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from zerone.environments.window import Window

PACES = {"×1": 1.0, "×4": 4.0, "×1/4": 0.25}
"""The speeds relative to the natural one, by their labels in the window."""


class ManualControl:
    """User control of a window: the user can move the goal, take over from the agent and change the speed.

    The space bar switches between the agent and the user, who acts with the keys of `keys_for`; Tab changes the speed.
    If the environment's goal can be moved, it follows the mouse while that is in the picture. If the environment has no
    action that means doing nothing (see `Keys.idle`), the episode waits for the user's key.
    """

    def __init__(
        self, environment: Env, identity: str, agent: Callable[[Any], Any], *, remembers: bool = False
    ) -> None:
        """If the agent `remembers` (is recurrent), it also gets observations while the user acts."""
        self.person = False
        self._agent, self._remembers = agent, remembers
        self.keys: Keys | None
        try:
            self.keys = keys_for(identity, environment.action_space)
        except InputError:
            self.keys = None
        self._bridge = goal_bridge(environment)
        self._speed, self._pace = frames_per_second(environment), 0
        self._chosen: Any = None

    def act(self, observation: Any) -> Any:
        """The action of the agent or the user, whichever is in control."""
        action = None if self.person and not self._remembers else self._agent(observation)
        return self._chosen if self.person else action

    def take(self, window: Window, frame: np.ndarray, times: int) -> bool:
        """Handle the user's input since the last picture; return whether the episode may continue.

        `frame` is the environment's picture, which the window shows in its upper left corner, enlarged `times` times.
        """
        for key in window.pressed:
            if key == pygame.K_SPACE and self.keys is not None:
                self.person = not self.person
            if key == pygame.K_TAB:
                self._pace = (self._pace + 1) % len(PACES)
        window.frames_per_second = self._speed * list(PACES.values())[self._pace]
        if self._bridge is not None and window.pointer is not None:
            column, row = (each / times for each in window.pointer)
            place = drawing.place(self._bridge.environment, column, row)
            if place is not None and row < frame.shape[0]:  # the caption is below the picture
                self._bridge.move_goal(*place)
        if self.keys is None or not self.person:
            return True
        self._chosen = self.keys.chosen([*window.held, *window.pressed])
        if self._chosen is None:
            self._chosen = self.keys.idle
        return self._chosen is not None

    def legend(self) -> list[str]:
        """Lines that explain mouse and keys; their number is constant."""
        mouse = [translated("mouse: the goal")] if self._bridge is not None else []
        turn = translated("Space: hand back") if self.person else translated("Space: take over")
        space = [turn] if self.keys is not None else []
        speed = translated("Tab: speed {speed}", speed=list(PACES)[self._pace])
        line = "   ".join([*mouse, *space, speed, translated("Esc: close")])
        return [line] if self.keys is None else [self.keys.text, line]


def goal_bridge(environment: Env) -> GymnasiumEnvironment | None:
    """The bridge of an environment whose goal can be moved with the mouse; None for other environments."""
    bridge = environment.unwrapped
    if isinstance(bridge, GymnasiumEnvironment) and drawing.place(bridge.environment, 0, 0) is not None:
        return bridge
    return None
