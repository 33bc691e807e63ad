"""User control of an environment on the page by keys."""

from __future__ import annotations

from typing import Any

import numpy as np

from zerone.player.keymap import ARROWS, NUMBERS, Keys, keys_for


class PageKeys:
    """The keymap of an environment (`player.keymap`), with the key names of the page."""

    def __init__(self, identity: str, space: Any) -> None:
        """Make the keymap.

        Raises:
            InputError: the actions cannot be played with a keyboard.
        """
        self._keys: Keys = keys_for(identity, space)
        self._codes = {**ARROWS, **{each: ord(each) for each in NUMBERS}}
        self._down: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """A description of the keys."""
        return self._keys.text

    @property
    def names(self) -> list[str]:
        """The keys with an action: the arrow keys, or numbers if there are no arrow keys."""
        known = [name for name, code in self._codes.items() if code in self._keys.actions]
        arrows = [name for name in known if name in ARROWS]
        return arrows or known

    @property
    def waits(self) -> bool:
        """Whether the environment has no action for doing nothing, so that it waits for a key."""
        return self._keys.idle is None

    @property
    def who(self) -> str:
        """`person` while a key is down, else `agent`."""
        return "person" if self._down else "agent"

    def hold(self, keys: tuple[str, ...]) -> None:
        """Set the keys that are down, ordered with the newest last."""
        self._down = keys

    def action(self) -> Any | None:
        """The action of the keys that are down; None if none of them has an action."""
        return self.of(self._down)

    def of(self, keys: tuple[str, ...]) -> Any | None:
        """The action of some keys."""
        return self._keys.chosen([self._codes[each] for each in keys])

    @property
    def idle(self) -> Any | None:
        """The action for doing nothing; None if there is none."""
        idle = self._keys.idle
        return np.array(idle) if isinstance(idle, np.ndarray) else idle
