"""The trainings started on the page. Each is a separate process, which continues when the page is closed.

They end with the server; their names are saved (`sessions`), so that the next server resumes unfinished ones.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
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
"""A replay memory with more transitions than this makes large checkpoints, of which fewer are kept."""
SECONDS_TO_SAVE, SECONDS_TO_END = 0.6, 5.0


class Trainings:
    """The running trainings by the names of their runs, and the errors of failed ones."""

    def __init__(self, folders: Folders, wake: Callable[[], None] = lambda: None) -> None:
        self._folders, self._wake = folders, wake
        self._lock = threading.Lock()
        self._going: dict[str, subprocess.Popen[bytes]] = {}
        self._failed: dict[str, str] = {}
        self._closing = False

    @property
    def names(self) -> list[str]:
        """The runs whose trainings have not ended."""
        return list(self._going)

    def failure(self, name: str) -> str:
        """The error of a failed training; empty if it has not failed."""
        return self._failed.get(name, "")

    def begin(self, setup: Setup, steps: int | None, seeds: int) -> str:
        """Start a training in a new folder below the root, and return its name.

        Raises:
            InputError: too many trainings are running.
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
        """Resume a run that was stopped.

        Raises:
            InputError: there is no such run, it has finished, is running, or needs a user's code.
        """
        found = self._folders.find(name)
        folder = RunFolder.open(found.path)
        setup_of(folder.config)
        state = self._folders.state(found)
        ending = self._going.get(name)
        if state == "stopped" and ending is not None:  # it has saved its checkpoint, and is about to end
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
        """Stop a training, which saves a checkpoint first.

        Raises:
            InputError: the training was not started on the page, or has ended.
        """
        process = self._going.get(name)
        if process is None:
            raise InputError(f"{name[:100]}: not a training of this page: it is stopped where it was begun")
        _close_pipe(process)

    def go_on(self, names: list[str]) -> None:
        """Resume unfinished trainings of the previous server. Those that cannot be resumed stay stopped."""
        for name in names[:MOST_AT_ONCE]:
            with suppress(InputError):
                self.resume(name)

    def let_go(self) -> None:
        """Tell all trainings to save a checkpoint and end."""
        self._closing = True
        for process in list(self._going.values()):
            _close_pipe(process)

    def close(self) -> None:
        """Like `let_go`, and wait a little; trainings that take longer still save their checkpoints."""
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
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
        self._going[name] = process
        self._failed.pop(name, None)
        threading.Thread(target=self._wait, args=(name, process, errors), daemon=True).start()

    def _wait(self, name: str, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        code = process.wait()
        _close_pipe(process)
        errors.seek(0)
        lines = errors.read(10_000).decode(errors="replace").strip().split("\n")
        errors.close()
        if code not in (0, 130):
            self._failed[name] = lines[-1][:500] or _how_it_ended(code)
        if not self._closing and self._going.get(name) is process:  # else the next server resumes it
            del self._going[name]
        self._wake()


def _how_it_ended(code: int) -> str:
    """The error of a training process that ended without a message."""
    if code < 0:
        with suppress(ValueError):
            return f"the training was killed (signal {signal.Signals(-code).name})"
    return f"the training has ended with exit code {code}"


def _is_free(place: Path) -> bool:
    return not os.path.lexists(place)


def _close_pipe(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    with suppress(OSError):
        process.stdin.close()
