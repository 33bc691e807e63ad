"""Lines for the person who trains: about what goes on, but not quite as it seems. Each is said once."""

from __future__ import annotations

import logging
from collections.abc import Callable


def _warn(line: str) -> None:
    logging.getLogger("zerone").warning("zerone: %s", line)


class Notices:
    """Says a line once: as a warning of Python's logger `zerone`, which is standard error, unless `say` is given."""

    def __init__(self, say: Callable[[str], None] = _warn) -> None:
        self._said: set[str] = set()
        self._say = say

    def __call__(self, line: str, about: str | None = None) -> None:
        """Say it, unless something was said `about` the same before (by default the line itself)."""
        if (about or line) not in self._said:
            self._said.add(about or line)
            self._say(line)
