"""Processes that play environments, seen from their parent: starting, requests, losses, replacement, ending.

Gymnasium's `AsyncVectorEnv` is not used: it has one process per environment, and cannot continue when one of them dies;
with spawned processes it imports the user's program again; and it does not check what its environments return. Why a
process is started as a program, and never forked: see `environment_process`.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
import weakref
from typing import Any, Protocol

import numpy as np

from zerone.base.bits import outside
from zerone.base.errors import InputError, RunError, said
from zerone.base.language import language, translated
from zerone.base.saved_types import ProcessesConfig
from zerone.environments.gym import environment_process as inside
from zerone.environments.gym.environment_process import Reply
from zerone.environments.gym.shared_arrays import new_memory
from zerone.environments.gym.step_timeout import late

MOST_PROCESSES = 1_024


MOST_LOSSES, WITHIN_CALLS = 3, 1_000
"""A process that is lost this often within this many calls of its environments is not replaced again."""


SECONDS_TO_MAKE = 60.0
"""The minimum time limit for making an environment, even if the step timeout is shorter."""


SECONDS_TO_END = 3.0
"""Time for processes to end by themselves: a little longer than they give their environments."""


COMMAND = "import sys; sys.path[:] = {path!r}; from {module} import main; main({arguments})"


class LostError(Exception):
    """A process has died or does not respond; with a description."""


class Played(Protocol):
    """A vector whose environments are in processes."""

    closed: bool

    def open_again(self, process: int) -> None:
        """Make the environments again in a process that has replaced a lost one."""
        ...


class _Process:
    """One process, seen from its parent."""

    def __init__(self, number: int, of: int, noting: int, notes: np.ndarray) -> None:
        self.name = translated("process {number} of {of}", number=number + 1, of=of)
        self._notes = notes
        notes[inside.DOING] = 0  # the previous process's note
        self._socket, theirs = socket.socketpair()
        self._timeout: float | None = None
        arguments = f"{theirs.fileno()}, {noting}, {number}, {outside.wide}, {language()!r}"
        command = COMMAND.format(path=sys.path, module=inside.__name__, arguments=arguments)
        with theirs:
            try:  # in its own process group: without Ctrl-C, and it can be ended together with its children
                self._program = subprocess.Popen(  # noqa: S603 - this very program
                    [sys.executable, "-c", command], stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(), noting),
                    process_group=0,
                )  # fmt: skip
            except OSError as error:
                self._socket.close()
                raise InputError(
                    translated("{name} cannot be started: {error}", name=self.name, error=error.strerror)
                ) from error

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._program.pid

    def ask(self, kind: bytes, vector: int, data: bytes = b"", file: int | None = None) -> None:
        """Send a request. If the process is gone, waiting for the answer detects it."""
        with contextlib.suppress(OSError):
            self._socket.sendall(inside.REQUEST.pack(kind, vector, len(data)) + (data if file is None else b""))
            if file is not None:
                socket.send_fds(self._socket, [data], [file])

    def answer(self, limit: float | None) -> Reply | None:
        """Wait for the answer to a request: None if it succeeded and there is nothing to report.

        Raises:
            LostError: the process has ended, or a call of an environment takes longer than `limit` seconds.
        """
        self._wait_at_most(None if limit is None else min(max(limit / 10, 0.02), 0.25))
        calls, since = -1, 0.0
        while True:
            try:
                kind = self._socket.recv(1)
            except TimeoutError:
                now, there = time.monotonic(), int(self._notes[inside.CALLS])
                if there != calls or not self._notes[inside.DOING]:
                    calls, since = there, now
                elif limit is not None and now - since > self._longest(limit):
                    raise LostError(
                        translated("{doing} {late} in {name}", doing=self._doing(), late=late(limit), name=self.name)
                    ) from None
                continue
            except OSError:
                kind = b""
            if kind == inside.DONE:
                return None
            if not kind:
                end, doing = self._end(), self._doing()
                during = translated("{name} {end} in {doing}", name=self.name, end=end, doing=doing)
                raise LostError(during if doing else f"{self.name} {end}")
            self._wait_at_most(None)
            reply: Reply = pickle.loads(self._received(inside.LENGTH.unpack(self._received(4))[0]))  # noqa: S301 - ours
            return reply

    def _received(self, length: int) -> bytes:
        found = b""
        while len(found) < length:
            part = self._socket.recv(length - len(found))
            if not part:
                raise LostError(f"{self.name} {self._end()}")
            found += part
        return found

    def _wait_at_most(self, seconds: float | None) -> None:
        if seconds != self._timeout:
            self._socket.settimeout(seconds)
            self._timeout = seconds

    def _longest(self, limit: float) -> float:
        """The time limit of a call: making the first environment of a process includes imports."""
        making = self._notes[inside.DOING] == inside.DOINGS.index(inside.MAKING)
        return max(limit, SECONDS_TO_MAKE) if making else limit

    def _doing(self) -> str:
        return inside.DOINGS[int(self._notes[inside.DOING])]

    @property
    def step(self) -> int:
        """The step that an environment has begun last."""
        return int(self._notes[inside.STEPS])

    @property
    def calls(self) -> int:
        """The number of calls of its environments."""
        return int(self._notes[inside.CALLS])

    def _end(self) -> str:
        """A description of how it has ended."""
        try:
            code = self._program.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            return translated("does not answer any more")
        if code >= 0:
            return translated("ended with exit code {code}", code=code)
        with contextlib.suppress(ValueError):
            return translated("was killed by {signal}", signal=signal.Signals(-code).name)
        return translated("was killed by signal {number}", number=-code)

    def leave(self) -> None:
        """Let it end by itself, by closing the socket."""
        self._socket.close()

    def kill(self, until: float) -> None:
        """Wait until it and its children have ended; kill them at the time `until`."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._program.wait(max(0.0, until - time.monotonic()))
        with contextlib.suppress(OSError):
            os.killpg(self.pid, signal.SIGKILL)
        self._program.wait()


class Processes:
    """Processes that play environments. They are started on first use, and ended by `close`.

    With `replace`, a lost process is replaced: the current step is undone, its episodes count as truncated before it,
    and new ones begin.
    """

    def __init__(self, number: int, replace: bool = False) -> None:
        """Raise `InputError` if `number` is not allowed."""
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MOST_PROCESSES:
            raise InputError(
                translated(
                    "processes = {number!r} is not allowed: must be a whole number from 1 to {most_processes:,}",
                    number=number,
                    most_processes=MOST_PROCESSES,
                )
            )
        if not hasattr(os, "fork"):
            raise InputError(
                translated("processes = {number} is not allowed here: it needs Linux or macOS", number=number)
            )
        self.number, self.replace, self.replaced = number, replace, 0
        self._running: list[_Process] = []
        self._vectors: weakref.WeakValueDictionary[int, Played] = weakref.WeakValueDictionary()
        self._made = 0
        self._losses: list[list[int]] = [[] for _ in range(number)]
        self._noting: int | None = None
        weakref.finalize(self, _end_all, self._running)

    def describe(self) -> ProcessesConfig:
        """As a run's configuration stores it; the inverse of `read`."""
        return {"number": self.number, "replace_lost": self.replace}

    @staticmethod
    def read(saved: ProcessesConfig | None) -> Processes | None:
        """The processes in a configuration, if any."""
        return None if saved is None else Processes(saved["number"], saved["replace_lost"])

    def __reduce__(self) -> tuple[Any, ...]:
        return Processes, (self.number, self.replace)  # new processes

    @property
    def pids(self) -> list[int]:
        """The process ids of the running processes."""
        return [each.pid for each in self._running]

    def take(self, vector: Played) -> int:
        """Register a vector; returns the number by which the processes know it. Starts them if necessary."""
        self._start()
        self._made += 1
        number = self._made % 2**16
        self._vectors[number] = vector
        return number

    def close(self) -> None:
        """End all processes, and close the vectors that they play."""
        for each in [*self._vectors.values()]:
            each.closed = True
        self._vectors.clear()
        _end_all(self._running)
        if self._noting is not None:
            os.close(self._noting)
            self._noting = None

    def __getitem__(self, number: int) -> _Process:
        return self._running[number]

    def _start(self) -> None:
        if self._running:
            return
        self._noting = new_memory(self.number * inside.NOTES * 8)
        self._notes = np.ndarray((self.number, inside.NOTES), np.int64, mmap.mmap(self._noting, 0))
        self._losses = [[] for _ in range(self.number)]
        try:
            for number in range(self.number):
                self._running.append(self._begun(number))
        except BaseException:
            self.close()
            raise

    def _begun(self, number: int) -> _Process:
        assert self._noting is not None  # noqa: S101 - made at the start
        return _Process(number, self.number, self._noting, self._notes[number])

    def require_replaceable(self, number: int, line: str) -> None:
        """Raise `RunError` with the line about a lost process, unless it may be replaced."""
        calls = self._losses[number]
        calls.append(self._running[number].calls)
        if not self.replace:
            raise RunError(line)
        if len(calls) >= MOST_LOSSES and calls[-1] - calls[-MOST_LOSSES] < WITHIN_CALLS:
            raise RunError(
                translated(
                    "{line}; it was lost {most_losses} times within {within_calls:,} calls, and is not replaced again",
                    line=line,
                    most_losses=MOST_LOSSES,
                    within_calls=WITHIN_CALLS,
                )
            )

    def replace_lost(self, number: int) -> None:
        """Replace a process; each vector makes its environments in the new one, in which no episode has begun."""
        lost = self._running[number]
        lost.leave()
        lost.kill(time.monotonic())
        self._running[number] = self._begun(number)
        self.replaced += 1
        for each in [*self._vectors.values()]:
            each.open_again(number)


def _end_all(running: list[_Process]) -> None:
    for each in running:
        each.leave()
    until = time.monotonic() + SECONDS_TO_END
    while running:
        running.pop().kill(until)


def asked_for(number: int | None, replace_lost: bool) -> Processes | None:
    """The processes that the options describe; None for none. Raises `InputError` if they are not allowed."""
    if number is None:
        if replace_lost:
            raise InputError(
                translated(
                    "{option} is not allowed without {needed}: there is none to be lost",
                    option=said("--replace-lost", "replace_lost=True"),
                    needed=said("--processes", "processes="),
                )
            )
        return None
    return Processes(number, replace_lost)
