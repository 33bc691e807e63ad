"""The sessions that there are, and how they outlive the server: a small file of set-ups and positions.

Iteration i of a training is a function of the set-up and of i. So nothing else has to be kept: the same bits
come again.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zerone.base.errors import InputError
from zerone.base.files import read_object, replacing
from zerone.lab.messages import ARM, Disturb, Take, read_disturb
from zerone.lab.session import Session
from zerone.lab.setups import Setup, read_setup

if TYPE_CHECKING:
    from zerone.lab.watched import Watched

MOST_SESSIONS = 24
MOST_KEPT = 24
MOST_STEPS = 10**12
FILE = "lab.json"
LARGEST_FILE = 1_000_000
SECONDS_TO_END = 0.4
"""How long the end of all sessions is waited for: one that compiles would take longer, and has nothing to save."""


class Sessions:
    """All sessions of a server, by their names."""

    def __init__(self, runs: Path) -> None:
        """`runs` is the folder in which `lab.json` is kept; it is made when there is something to keep."""
        self._root, self._file = runs, runs / FILE
        self._open: dict[str, Watched] = {}
        self._kept: dict[str, dict[str, Any]] = {}
        self._written = ""
        self.trainings: list[str] = []
        """The runs that were being trained when the server before ended, and those of this one."""

    def load(self) -> None:
        """Remember the sessions of the server before. What is damaged is left out: it is only a convenience."""
        try:
            there = self._file.is_file() and not self._file.is_symlink()
            found = read_object(self._file, LARGEST_FILE) if there else {}
            self._kept = {each["name"]: each for each in found.get("sessions", [])[:MOST_KEPT]}
            self.trainings = [each for each in found.get("trainings", []) if isinstance(each, str)]
        except (InputError, KeyError, TypeError, AttributeError):
            self._kept, self.trainings = {}, []

    def save(self) -> None:
        """Write down where each session is."""
        ready = {name: each.kept() for name, each in list(self._open.items()) if each.state == "ready"}
        everything = self._kept | {name: kept for name, kept in ready.items() if kept is not None}
        about = {"sessions": list(everything.values())[-MOST_KEPT:], "trainings": self.trainings}
        text = json.dumps(about, ensure_ascii=False)
        if text == self._written or not (everything or self.trainings or self._written):
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self._file) as file:
            file.write(text.encode())
        self._written = text

    def begin(self, setups: Sequence[Setup], wake: Callable[[], None]) -> Watched:
        """A new session.

        Raises:
            InputError: there are too many, and each is looked at.
        """
        return self._add(Session(self._room(), setups, wake))

    def take(self, asked: Take, wake: Callable[[], None]) -> Watched:
        """An environment that a person plays, or an arm that follows the mouse.

        Raises:
            InputError: there are too many, and each is looked at.
        """
        name = self._room()
        if asked.environment == ARM:
            from zerone.lab.arm import ArmFollows

            return self._add(ArmFollows(name, wake))
        from zerone.lab.play import Play

        return self._add(Play(name, asked.environment, asked.seed, self._root, wake))

    def find(self, name: str, wake: Callable[[], None]) -> Watched | None:
        """The session of a name: one that is open, or one of the server before, which begins where that was."""
        if name in self._open:
            return self._open[name]
        kept = self._kept.pop(name, None)
        if kept is None:
            return None
        try:
            setups = [read_setup(each) for each in kept["setups"]]
            at = kept["at"] if type(kept["at"]) is int and 0 <= kept["at"] < MOST_STEPS else 0
        except (InputError, KeyError, TypeError):
            return None
        self._room()
        return self._add(Session(name, setups[:4], wake, at, _changes(kept.get("changes"))))

    def end(self, session: Watched) -> None:
        """End one, and forget it."""
        self._open.pop(session.name, None)
        session.close()

    def close(self) -> None:
        """End all of them."""
        for session in self._open.values():
            session.close()
        until = time.monotonic() + SECONDS_TO_END
        for session in self._open.values():
            session.join(max(0.0, until - time.monotonic()))

    def _add(self, session: Watched) -> Watched:
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


def _changes(kept: Any) -> list[tuple[int, Disturb]]:
    """What was changed in a session. What is damaged is left out, with all that came after it."""
    found: list[tuple[int, Disturb]] = []
    with suppress(InputError, TypeError, ValueError, AttributeError):
        for at, kind, value in kept or []:
            if type(at) is not int or not 0 <= at < MOST_STEPS:
                break
            found.append((at, read_disturb({"kind": kind, "value": value})))
    return found
