"""The trainings that were begun from the page: each a process of its own, which survives the page and not the server.

Their names are written down (`sessions`), so that the next server goes on with those that had not ended.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from zerone.base.errors import InputError
from zerone.lab.folders import Folders
from zerone.lab.run_policies import setup_of
from zerone.lab.setups import Setup
from zerone.training.folder import RunFolder
from zerone.training.run import plain_name

MOST_AT_ONCE = max(2, os.cpu_count() or 1)
MANY_KEPT, FEW_KEPT = 20, 4
LARGE_MEMORY = 20_000
"""Transitions: checkpoints with more of them in it are megabytes, and fewer are kept."""
SECONDS_TO_SAVE, SECONDS_TO_END = 0.6, 5.0


class Trainings:
    """Those that are going on, by the names of their runs; and what was said of those that could not."""

    def __init__(self, folders: Folders, wake: Callable[[], None] = lambda: None) -> None:
        self._folders, self._wake = folders, wake
        self._lock = threading.Lock()
        self._going: dict[str, subprocess.Popen[bytes]] = {}
        self._failed: dict[str, str] = {}
        self._closing = False

    @property
    def names(self) -> list[str]:
        """The runs of those that have not ended."""
        return list(self._going)

    def failure(self, name: str) -> str:
        """Why a training has ended before its end; empty where it has not."""
        return self._failed.get(name, "")

    def begin(self, setup: Setup, steps: int | None, seeds: int) -> str:
        """Train into a new folder below the root; its name.

        Raises:
            InputError: too many are going on.
        """
        named = plain_name(setup.algorithm, setup.environment)
        with self._lock:
            self._require_room()
            places = ((f"{named}-{n}", self._folders.root / f"{named}-{n}") for n in itertools.count(1))
            name, place = next((name, place) for name, place in places if name not in self._going and _is_free(place))
            memory = setup.settings.get("memory")
            large = isinstance(memory, int) and memory > LARGE_MEMORY
            order = {
                "setup": setup.as_json(), "steps": steps, "seeds": seeds, "out": str(place),
                "keep_last": FEW_KEPT if large else MANY_KEPT,
            }  # fmt: skip
            self._start(name, order)
        return name

    def resume(self, name: str) -> None:
        """Go on with a run that was stopped.

        Raises:
            InputError: it is not there, has ended, is going on, or has code of its own.
        """
        found = self._folders.find(name)
        folder = RunFolder.open(found.path)
        setup_of(folder.config)
        state = self._folders.state(found)
        ending = self._going.get(name)
        if state == "stopped" and ending is not None:  # it has saved itself, and is about to end
            with suppress(subprocess.TimeoutExpired):
                ending.wait(SECONDS_TO_END)
            self._going.pop(name, None)
        if state == "running" or name in self._going:
            raise InputError(f"{name}: this training is going on already")
        if state == "finished":
            raise InputError(f"{name}: this training has ended: it has nothing left to do")
        with self._lock:
            self._require_room()
            self._start(name, {"resume": str(found.path)})

    def stop(self, name: str) -> None:
        """Let a training end with a checkpoint.

        Raises:
            InputError: it was not begun from the page, or has ended.
        """
        process = self._going.get(name)
        if process is None:
            raise InputError(f"{name[:100]}: not a training of this page: it is stopped where it was begun")
        _let_go(process)

    def go_on(self, names: list[str]) -> None:
        """What the server before had not ended. What cannot go on is left as it is: the list says that it stopped."""
        for name in names[:MOST_AT_ONCE]:
            with suppress(InputError):
                self.resume(name)

    def let_go(self) -> None:
        """Let all of them save themselves, and end."""
        self._closing = True
        for process in list(self._going.values()):
            _let_go(process)

    def close(self) -> None:
        """The same, and wait a little; those that take longer save themselves all the same."""
        self.let_go()
        until = time.monotonic() + SECONDS_TO_SAVE
        for process in list(self._going.values()):
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))

    def _require_room(self) -> None:
        if len(self._going) >= MOST_AT_ONCE:
            raise InputError(f"{len(self._going)} trainings are going on: wait for one to end, or stop one")

    def _start(self, name: str, order: dict[str, Any]) -> None:
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - `_wait` closes it
        process = subprocess.Popen(
            [sys.executable, "-m", "zerone.lab.trainer"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=errors, start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None  # noqa: S101 - it was asked for
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
        self._going[name] = process
        self._failed.pop(name, None)
        threading.Thread(target=self._wait, args=(name, process, errors), daemon=True).start()

    def _wait(self, name: str, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        code = process.wait()
        _let_go(process)
        errors.seek(0)
        lines = errors.read(10_000).decode(errors="replace").strip().split("\n")
        errors.close()
        if code not in (0, 130):
            self._failed[name] = lines[-1][:500] or f"it has ended with exit code {code}"
        if not self._closing and self._going.get(name) is process:  # at the server's end they go on with the next one
            del self._going[name]
        self._wake()


def _is_free(place: Path) -> bool:
    return not os.path.lexists(place)


def _let_go(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None  # noqa: S101 - `_start` has asked for it
    with suppress(OSError):
        process.stdin.close()
