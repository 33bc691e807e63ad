"""The sessions of a server, and the file from which the next server restores them: set-ups and positions.

Iteration i of a training is a function of the set-up and i only, so the restored training is bit-identical.
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
from zerone.base.values import can_be_written
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
"""How long to wait for the end of all sessions; one that is compiling would take longer, but has nothing to save."""


class Sessions:
    """All sessions of a server, by their names."""

    def __init__(self, runs: Path) -> None:
        """`runs` is the folder of `lab.json`; it is created when there is something to save."""
        self._root, self._file = runs, runs / FILE
        self._open: dict[str, Watched] = {}
        self._kept: dict[str, dict[str, Any]] = {}
        self._written = ""
        self.trainings: list[str] = []
        """The names of unfinished trainings, of the previous server or of this one."""

    def load(self) -> None:
        """Load the sessions of the previous server. Damaged entries are ignored, as they are only a convenience."""
        try:
            there = self._file.is_file() and not self._file.is_symlink()
            found = read_object(self._file, LARGEST_FILE) if there else {}
            if not can_be_written(found):  # what is kept is written again
                return
            self._kept = {each["name"]: each for each in found.get("sessions", [])[:MOST_KEPT]}
            self.trainings = [each for each in found.get("trainings", []) if isinstance(each, str)]
        except (InputError, KeyError, TypeError, AttributeError):
            self._kept, self.trainings = {}, []

    def save(self) -> None:
        """Save the position of each session."""
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
        """Begin a session of trainings.

        Raises:
            InputError: there are too many sessions, and all are being watched.
        """
        return self._add(Session(self._room(), setups, wake))

    def take(self, asked: Take, wake: Callable[[], None]) -> Watched:
        """Begin a session in which a user plays an environment, or in which an arm follows the mouse.

        Raises:
            InputError: there are too many sessions, and all are being watched.
        """
        name = self._room()
        if asked.environment == ARM:
            from zerone.lab.arm import ArmFollows

            return self._add(ArmFollows(name, wake))
        from zerone.lab.play import Play

        return self._add(Play(name, asked.environment, asked.seed, self._root, wake))

    def find(self, name: str, wake: Callable[[], None]) -> Watched | None:
        """An open session, or a restored one of the previous server; None if there is none of this name."""
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
        """End a session and remove it."""
        self._open.pop(session.name, None)
        session.close()

    def close(self) -> None:
        """End all sessions."""
        for session in self._open.values():
            session.close()
        until = time.monotonic() + SECONDS_TO_END
        for session in self._open.values():
            session.join(max(0.0, until - time.monotonic()))

    def _add(self, session: Watched) -> Watched:
        self._open[session.name] = session
        return session

    def _room(self) -> str:
        """Make room for another session, by ending the least recently watched one if needed, and return a new name."""
        while len(self._open) >= MOST_SESSIONS:
            oldest = min(self._open.values(), key=lambda session: (session.watchers > 0, session.seen))
            if oldest.watchers:
                raise InputError(f"there are {MOST_SESSIONS} sessions, and each is looked at: close a page first")
            self.end(oldest)
        return secrets.token_urlsafe(18)


def _changes(kept: Any) -> list[tuple[int, Disturb]]:
    """Parse the stored changes of a session, up to the first damaged one."""
    found: list[tuple[int, Disturb]] = []
    with suppress(InputError, TypeError, ValueError, AttributeError):
        for at, kind, value in kept or []:
            if type(at) is not int or not 0 <= at < MOST_STEPS:
                break
            found.append((at, read_disturb({"kind": kind, "value": value})))
    return found
