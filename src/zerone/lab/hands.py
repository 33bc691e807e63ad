"""What a person does to an environment on the page: keys that are down, or a place that is pointed at."""

from __future__ import annotations

from typing import Any

import numpy as np

from zerone.player.keymap import ARROWS, NUMBERS, Keys, keys_for


class Hands:
    """The keys of an environment (`player.keymap`), by the names that a browser has for them."""

    def __init__(self, identity: str, space: Any) -> None:
        """Find the keys.

        Raises:
            InputError: a person has not enough hands for these actions.
        """
        self._keys: Keys = keys_for(identity, space)
        self._codes = {**ARROWS, **{each: ord(each) for each in NUMBERS}}
        self._down: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What the keys do."""
        return self._keys.text

    @property
    def names(self) -> list[str]:
        """The keys that do something; arrows first, and numbers only where there are no arrows."""
        known = [name for name, code in self._codes.items() if code in self._keys.actions]
        arrows = [name for name in known if name in ARROWS]
        return arrows or known

    @property
    def waits(self) -> bool:
        """Whether doing nothing is no action."""
        return self._keys.idle is None

    @property
    def who(self) -> str:
        """`person` while a key is down, else `agent`."""
        return "person" if self._down else "agent"

    def hold(self, keys: tuple[str, ...]) -> None:
        """These keys are down now, the newest last."""
        self._down = keys

    def action(self) -> Any | None:
        """The action of the keys that are down; None where none of them does anything."""
        return self.of(self._down)

    def of(self, keys: tuple[str, ...]) -> Any | None:
        """The action of some keys."""
        return self._keys.chosen([self._codes[each] for each in keys])

    @property
    def idle(self) -> Any | None:
        """The action of a person who does nothing; None where there is none."""
        idle = self._keys.idle
        return np.array(idle) if isinstance(idle, np.ndarray) else idle
