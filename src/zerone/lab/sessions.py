"""The sessions that there are, and how they outlive the server: a small file of set-ups and positions.

Iteration i of a training is a function of the set-up and of i. So nothing else has to be kept: the same bits
come again.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from zerone.base.errors import InputError
from zerone.base.files import read_object, replacing
from zerone.lab.messages import Setup, read_setup
from zerone.lab.session import Session

MOST_SESSIONS = 24
MOST_KEPT = 24
FILE = "lab.json"
LARGEST_FILE = 1_000_000


class Sessions:
    """All sessions of a server, by their names."""

    def __init__(self, runs: Path) -> None:
        """`runs` is the folder in which `lab.json` is kept; it is made when there is something to keep."""
        self._file = runs / FILE
        self._open: dict[str, Session] = {}
        self._kept: dict[str, dict[str, Any]] = {}
        self._written = ""

    def load(self) -> None:
        """Remember the sessions of the server before. What is damaged is left out: it is only a convenience."""
        try:
            there = self._file.is_file() and not self._file.is_symlink()
            found = read_object(self._file, LARGEST_FILE).get("sessions", []) if there else []
            self._kept = {each["name"]: each for each in found[:MOST_KEPT]}
        except (InputError, KeyError, TypeError, AttributeError):
            self._kept = {}

    def save(self) -> None:
        """Write down where each session is."""
        everything = self._kept | {
            name: each.kept() for name, each in list(self._open.items()) if each.state == "ready"
        }
        text = json.dumps({"sessions": list(everything.values())[-MOST_KEPT:]}, ensure_ascii=False)
        if not everything or text == self._written:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self._file) as file:
            file.write(text.encode())
        self._written = text

    def begin(self, setups: Sequence[Setup], wake: Callable[[], None]) -> Session:
        """A new session.

        Raises:
            InputError: there are too many, and each is looked at.
        """
        return self._add(Session(self._room(), setups, wake))

    def find(self, name: str, wake: Callable[[], None]) -> Session | None:
        """The session of a name: one that is open, or one of the server before, which begins where that was."""
        if name in self._open:
            return self._open[name]
        kept = self._kept.pop(name, None)
        if kept is None:
            return None
        try:
            setups = [read_setup(each) for each in kept["setups"]]
            at = kept["at"] if type(kept["at"]) is int and 0 <= kept["at"] < 10**12 else 0
        except (InputError, KeyError, TypeError):
            return None
        self._room()
        return self._add(Session(name, setups[:4], wake, at))

    def end(self, session: Session) -> None:
        """End one, and forget it."""
        self._open.pop(session.name, None)
        session.close()

    def close(self) -> None:
        """End all of them."""
        for session in self._open.values():
            session.close()
        for session in self._open.values():
            session.join(0.2)

    def _add(self, session: Session) -> Session:
        self._open[session.name] = session
        return session

    def _room(self) -> str:
        """Make room for one more, and give it a name."""
        while len(self._open) >= MOST_SESSIONS:
            oldest = min(self._open.values(), key=lambda session: (session.watchers > 0, session.seen))
            if oldest.watchers:
                raise InputError(f"there are {MOST_SESSIONS} sessions, and each is looked at: close a page first")
            self.end(oldest)
        return secrets.token_urlsafe(18)
