"""Lines for the person who trains: about what goes on, but not quite as it seems. Each is said once."""

from __future__ import annotations

import logging


class Notices:
    """Says a line once: as a warning of Python's logger `zerone`, which is standard error unless changed."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def __call__(self, line: str, about: str | None = None) -> None:
        """Say it, unless something was said `about` the same before (by default the line itself)."""
        if (about or line) not in self._said:
            self._said.add(about or line)
            logging.getLogger("zerone").warning("zerone: %s", line)
