"""A window on the screen that shows frames."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pygame

from zerone.base.errors import InputError, RunError
from zerone.base.language import translated

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNSEEN_DRIVERS = ("dummy", "offscreen")


class Window:
    """Shows frames, at most `frames_per_second` of them; the window opens with the first one.

    A program has one window: a second `Window` takes the place of the first. The user may close it at any time, also
    with Escape; `closed` is then true, and later frames are not shown.

    `held` are the keys (pygame's numbers) that are down, the newest last; `pressed` are those that went down since the
    last `show` began.
    """

    def __init__(self, title: str = "Zerone", frames_per_second: float = 30.0) -> None:
        self.title = title
        self.frames_per_second = frames_per_second
        self.closed = False
        self.held: list[int] = []
        self.pressed: list[int] = []
        self._screen: pygame.Surface | None = None
        self._clock = pygame.time.Clock()
        self.pointer: tuple[int, int] | None = None
        """The pixel (column, row) under the mouse; None while it is outside, and until it moves."""

    def show(self, frame: NDArray[np.uint8]) -> None:
        """Show a frame, uint8 [height, width, 3], then wait until it is time for the next."""
        self.pressed = []
        if self.closed:
            return
        size = (frame.shape[1], frame.shape[0])
        lost = self._screen is not pygame.display.get_surface()
        if self._screen is None or lost or self._screen.get_size() != size:
            self._screen = self._open(size)
        pygame.surfarray.blit_array(self._screen, frame.transpose(1, 0, 2))
        pygame.display.flip()
        self._clock.tick(self.frames_per_second)
        for event in pygame.event.get():
            if event.type in (pygame.MOUSEMOTION, pygame.WINDOWLEAVE):
                self.pointer = event.pos if event.type == pygame.MOUSEMOTION else None
            escape = event.type == pygame.KEYDOWN and event.key == pygame.K_ESCAPE
            if event.type == pygame.QUIT or escape:
                self.close()
                return
            if event.type in (pygame.KEYDOWN, pygame.KEYUP) and event.key in self.held:
                self.held.remove(event.key)
            if event.type == pygame.KEYDOWN:
                self.held.append(event.key)
                self.pressed.append(event.key)

    def close(self) -> None:
        """Close the window. Closing it again has no effect."""
        if self._screen is not None:
            pygame.display.quit()
        self._screen = None
        self.closed = True

    def _open(self, size: tuple[int, int]) -> pygame.Surface:
        require_display()
        try:
            pygame.display.init()
            if not _chosen_driver() and pygame.display.get_driver() in UNSEEN_DRIVERS:
                pygame.display.quit()
                raise InputError(translated("no window can be opened: the display does not answer"))
            pygame.display.set_caption(self.title)
            return pygame.display.set_mode(size)
        except pygame.error as error:
            raise RunError(translated("no window could be opened: {error}", error=error)) from error


def require_display(instead: str = "") -> None:
    """Raise `InputError` if there is no display for a window, as far as that is known before opening one.

    The message ends with `instead`: the options that need no window, if there are any.

    Without a display, SDL silently falls back to a driver that shows nothing. To choose that driver on purpose, set
    SDL_VIDEODRIVER.
    """
    if _chosen_driver() or not sys.platform.startswith("linux"):
        return
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        advice = translated("; without a window: {options}", options=instead) if instead else ""
        raise InputError(
            translated("no window can be opened: neither DISPLAY nor WAYLAND_DISPLAY is set{advice}", advice=advice)
        )


def _chosen_driver() -> str:
    return os.environ.get("SDL_VIDEODRIVER") or os.environ.get("SDL_VIDEO_DRIVER") or ""
