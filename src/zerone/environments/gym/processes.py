"""Environments in processes of their own, each behind its guard: the same steps as in turn, side by side.

    processes = Processes(8)
    vector = processes.vector(make, "World-v0", number=16, run_seed=0)     # two environments in each process

Gymnasium's `AsyncVectorEnv` is not used: it gives each environment a process, and cannot go on without one that is
gone; it imports the person's program again where processes are spawned; and what comes from its environments is not
looked at. Why a process is started as a program, and never forked: see `environment_process`.
"""

from __future__ import annotations

import contextlib
import copy
import mmap
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Iterable, Mapping
from typing import Any

import cloudpickle  # Gymnasium needs it, too
import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from zerone.base.bits import outside
from zerone.base.errors import InputError, RunError, said
from zerone.base.language import language, translated
from zerone.base.notices import Notices
from zerone.environments.gym import environment_process as inside
from zerone.environments.gym.allowed import AT_THE_END, NOW, Allowing
from zerone.environments.gym.encoding import Encoding
from zerone.environments.gym.environment_process import Reply, Wanted
from zerone.environments.gym.shared_arrays import Layout, SharedArrays, new_memory
from zerone.environments.gym.step_timeout import current, late
from zerone.environments.gym.vector import Maker, OwnVector, say_what_is_seen
from zerone.environments.gym.views import AUTO

MOST_PROCESSES = 1_024
MOST_LOSSES, WITHIN_CALLS = 3, 1_000
"""A process that is lost so often within so many calls of its environments is not replaced any more."""
SECONDS_TO_MAKE = 60.0
"""In which an environment must be made where there is a step timeout, though that be shorter."""
SECONDS_TO_END = 3.0
"""In which processes must end by themselves: a little longer than they give their environments."""
COMMAND = "import sys; sys.path[:] = {path!r}; from {module} import main; main({arguments})"


class LostError(Exception):
    """A process is no more, or does not answer; with the words for it."""


class _Process:
    """One of them, as it is seen from here."""

    def __init__(self, number: int, of: int, noting: int, notes: np.ndarray[Any, Any]) -> None:
        self.name = translated("process {number} of {of}", number=number + 1, of=of)
        self._notes = notes
        notes[inside.DOING] = 0  # whatever the one before was doing
        self._socket, theirs = socket.socketpair()
        self._timeout: float | None = None
        arguments = f"{theirs.fileno()}, {noting}, {number}, {outside.wide}, {language()!r}"
        command = COMMAND.format(path=sys.path, module=inside.__name__, arguments=arguments)
        with theirs:
            try:  # in a group of its own: Ctrl-C is not for it, and what it starts can be ended with it
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
        """By which the system knows it."""
        return self._program.pid

    def ask(self, kind: bytes, vector: int, data: bytes = b"", file: int | None = None) -> None:
        """Send a request. That nobody is there is noticed when the answer is waited for."""
        with contextlib.suppress(OSError):
            self._socket.sendall(inside.REQUEST.pack(kind, vector, len(data)) + (data if file is None else b""))
            if file is not None:
                socket.send_fds(self._socket, [data], [file])

    def answer(self, limit: float | None) -> Reply | None:
        """What comes of a request: None where it is done and nothing is to be said.

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
        """How long a call may take: the first environment of a process is imported while it is made."""
        making = self._notes[inside.DOING] == inside.DOINGS.index(inside.MAKING)
        return max(limit, SECONDS_TO_MAKE) if making else limit

    def _doing(self) -> str:
        return inside.DOINGS[int(self._notes[inside.DOING])]

    @property
    def step(self) -> int:
        """Which step of an environment it has begun last."""
        return int(self._notes[inside.STEPS])

    @property
    def calls(self) -> int:
        """How often it has called an environment."""
        return int(self._notes[inside.CALLS])

    def _end(self) -> str:
        """How it has ended."""
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
        """Let it end by itself, soon."""
        self._socket.close()

    def kill(self, until: float) -> None:
        """See to its end, and to that of all that it has started, by force after this time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._program.wait(max(0.0, until - time.monotonic()))
        with contextlib.suppress(OSError):
            os.killpg(self.pid, signal.SIGKILL)
        self._program.wait()


class Processes:
    """Some processes that play environments. They are started when the first is needed, and end with `close`.

    With `replace` one that is lost is replaced: the steps under way have not happened, its episodes count
    as truncated before them, and others begin.
    """

    def __init__(self, number: int, replace: bool = False) -> None:
        """Raise `InputError` where so many cannot be."""
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
        self._vectors: weakref.WeakValueDictionary[int, InProcesses] = weakref.WeakValueDictionary()
        self._made = 0
        self._losses: list[list[int]] = [[] for _ in range(number)]
        self._noting: int | None = None
        weakref.finalize(self, _end_all, self._running)

    def describe(self) -> dict[str, Any]:
        """As a run's configuration has it."""
        return {"number": self.number, "replace_lost": self.replace}

    @staticmethod
    def read(saved: Mapping[str, Any] | None) -> Processes | None:
        """What a configuration says."""
        return None if saved is None else Processes(saved["number"], saved["replace_lost"])

    def __reduce__(self) -> tuple[Any, ...]:
        return Processes, (self.number, self.replace)  # others

    @property
    def pids(self) -> list[int]:
        """Those of the processes that are running."""
        return [each.pid for each in self._running]

    def vector(
        self, make: Maker, identity: str, number: int, run_seed: int, view: str = AUTO, notices: Notices | None = None,
        allowing: Allowing | None = None,
    ) -> InProcesses:  # fmt: skip
        """As `make_vector`: `number` environments, the first of them in the first process, and so on in turn.

        Raises:
            InputError: an environment cannot be made, or cannot be sent to a process.
            RunError: a process is lost while it makes one.
        """
        self._start()
        self._made += 1
        about = make, identity, number, run_seed, view, notices or Notices(), allowing
        made = InProcesses(self, self._made % 2**16, *about)
        self._vectors[made.number] = made
        try:
            made.open()
        except BaseException:
            self.close()
            raise
        return made

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
        """Raise `RunError` with the line about the loss of a process, unless it may be replaced."""
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
        """Put another process in the place of one; each vector gets environments in it, in which nothing has begun."""
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


class InProcesses(OwnVector):
    """Environments that are played by processes; see `Processes.vector`.

    Where an episode ends another begins within the same step (Gymnasium's SAME_STEP mode): it is one request. Where
    processes were replaced, `info["lost"]` says in which environments nothing happened but that an episode begins.
    """

    def __init__(
        self, processes: Processes, number: int, make: Maker, identity: str, environments: int, run_seed: int,
        view: str, notices: Notices, allowing: Allowing | None,
    ) -> None:  # fmt: skip
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.number, self.num_envs, self.closed = number, environments, False
        self._processes, self._make, self._identity = processes, make, identity
        self._run_seed, self._view, self._notices, self._allowing = run_seed, view, notices, allowing
        self._places = [range(first, environments, processes.number) for first in range(processes.number)]
        self._users = [each for each, places in enumerate(self._places) if places]
        self._lost = np.zeros(environments, bool)
        self._losses = np.zeros(environments, int)
        self._seeds = np.zeros(environments, np.int64)
        self._arrays: SharedArrays

    def open(self) -> None:
        """Make the environments, in all processes side by side, and the memory that is shared with them."""
        for each in self._users:
            self._processes[each].ask(inside.MAKE, self.number, self._wanted(each))
        found = [reply.value for each in self._users if (reply := self._answered(each)) is not None]
        given: list[tuple[gymnasium.Space[Any], gymnasium.Space[Any]]] = [cloudpickle.loads(each) for each in found]
        inside.require_alike(self._identity, [(Encoding(seen, self._view).space, acts) for seen, acts in given])
        self.encoding = Encoding(given[0][0], self._view)
        say_what_is_seen(self.encoding, self._identity, self._notices)
        seen, acts = self.encoding.space, given[0][1]
        self.single_observation_space, self.single_action_space = seen, acts
        self.observation_space = batch_space(seen, self.num_envs)
        self.action_space = batch_space(acts, self.num_envs)
        observation, action = ((tuple(each.shape or ()), np.dtype(each.dtype).str) for each in (seen, acts))
        actions = 0 if self._allowing is None else self._allowing.actions_of(acts, self._identity)
        self._layout = Layout(self.num_envs, observation, action, actions)
        self._arrays = SharedArrays(self._layout)
        self._arrays.allowed[:] = True  # where nothing has begun
        weakref.finalize(self, self._arrays.close)
        for each in self._users:
            self._attach(each)

    def open_again(self, process: int) -> None:
        """The same in one process, which has taken the place of another; the episodes there are lost."""
        if process not in self._users or self.closed:
            return
        self._processes[process].ask(inside.MAKE, self.number, self._wanted(process))
        self._answered(process)
        self._attach(process)
        self._lost[self._places[process]] = True

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray[Any, Any], dict[str, Any]]:
        """Begin an episode in each environment, or only where `options["reset_mask"]` is true."""
        seeds = seed if isinstance(seed, list) else [seed] * self.num_envs
        mask = self._all(np.ones(self.num_envs, bool) if options is None else options["reset_mask"])
        self._lost &= ~mask
        for i in np.flatnonzero(mask):
            self._arrays.seed[i] = -1 if seeds[i] is None else seeds[i]
            self._seeds[i] = self._seeds[i] if seeds[i] is None else seeds[i]
        self._begin(mask)
        return self._arrays.observation[: self.num_envs].copy(), self._masks()

    def step(self, actions: Any) -> tuple[Any, ...]:
        """One step of each environment, and the first of the next episode where one ends."""
        return self._played(inside.STEP, actions, np.ones(self.num_envs, bool))

    def step_only(self, actions: Any, which: Iterable[int]) -> tuple[Any, ...]:
        mask = np.zeros(self.num_envs, bool)
        mask[list(which)] = True
        return self._played(inside.PLAY, actions, mask)

    def first(self, number: int) -> InProcesses:
        if number == self.num_envs:
            return self
        few = copy.copy(self)  # which shares all that it knows of its environments
        few.num_envs = number
        return few

    def name_seed(self, seed: int) -> None:
        if seed == self._run_seed:
            return
        self._run_seed = seed
        self._asked(inside.NAME, self._users, seed.to_bytes(8, "little"))

    def close_extras(self, **kwargs: Any) -> None:
        """Close each environment."""
        del kwargs
        if self._processes.pids and not self.closed:
            self._asked(inside.DROP, self._users)

    def _played(self, kind: bytes, actions: Any, which: np.ndarray[Any, Any]) -> tuple[Any, ...]:
        arrays, number = self._arrays, self.num_envs
        arrays.which[:] = self._all(which) & ~self._lost
        arrays.action[:number] = actions
        self._ask_where(kind)
        lost = self._lost[:number] & which
        happened = which & ~lost
        reward = np.where(happened, arrays.reward[:number], 0.0)
        terminated, truncated = arrays.terminated[:number] & happened, arrays.truncated[:number] & happened
        info: dict[str, Any] = {}
        if kind == inside.STEP and (terminated | truncated).any():
            info["final_obs"] = arrays.final[:number].copy()
            if self._allowing is not None:
                info[AT_THE_END] = arrays.allowed_at_the_end[:number].copy()
        if lost.any():
            info["lost"] = lost
            self._begin_elsewhere(self._all(lost))
        return arrays.observation[:number].copy(), reward, terminated, truncated, info | self._masks()

    def _masks(self) -> dict[str, Any]:
        """What an info says of masks."""
        return {} if self._allowing is None else {NOW: self._arrays.allowed[: self.num_envs].copy()}

    def _begin_elsewhere(self, lost: np.ndarray[Any, Any]) -> None:
        """Begin episodes in environments that were made again; not with the seed with which they began before."""
        for i in np.flatnonzero(lost):
            self._losses[i] += 1
            chance = np.random.SeedSequence([int(self._seeds[i]), int(self._losses[i])])
            self._arrays.seed[i] = chance.generate_state(1)[0]
        self._lost &= ~lost
        self._begin(lost)

    def _begin(self, wanted: np.ndarray[Any, Any]) -> None:
        while wanted.any():
            self._arrays.which[:] = wanted
            self._ask_where(inside.RESET)
            wanted = wanted & self._lost  # where a process was lost meanwhile, once more
            self._lost &= ~wanted

    def _all(self, some: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """A mask of the first environments, as one of all."""
        found = np.zeros(len(self._lost), bool)
        found[: len(some)] = some
        return found

    def _ask_where(self, kind: bytes) -> None:
        """Ask the processes in which there is anything to do, and wait for all of them."""
        which = self._arrays.which
        self._asked(kind, [each for each in self._users if which[self._places[each]].any()])

    def _asked(self, kind: bytes, users: list[int], data: bytes = b"") -> None:
        try:
            for each in users:
                self._processes[each].ask(kind, self.number, data)
            lost = [each for each in users if not self._is_done(each)]
            for each in lost:
                self._processes.replace_lost(each)
        except BaseException:  # Ctrl-C, too: who has asked for something that nobody waits for cannot be asked again
            self._processes.close()
            raise

    def _is_done(self, process: int) -> bool:
        """Whether a process has done its work, and not been lost."""
        try:
            reply = self._processes[process].answer(_limit())
        except LostError as error:
            line = self._line(process, str(error))
        else:
            if reply is None or reply.fault is None:
                self._hear(reply)
                return True
            if not reply.exited:
                raise self._fault(process, reply)
            line = str(self._fault(process, reply))
        self._processes.require_replaceable(process, line)
        self._notices(
            translated("{line}; it is replaced, and its episodes count as truncated", line=line),
            about=f"loss of {process}",
        )
        return False

    def _answered(self, process: int) -> Reply | None:
        """What a process says that makes environments; one that is lost there is not replaced."""
        try:
            reply = self._processes[process].answer(_limit())
        except LostError as error:
            raise RunError(self._line(process, str(error))) from None
        self._hear(reply)
        if reply is not None and reply.fault is not None:
            raise self._fault(process, reply)
        return reply

    def _attach(self, process: int) -> None:
        self._processes[process].ask(inside.ATTACH, self.number, pickle.dumps(self._layout), self._arrays.file)
        self._answered(process)

    def _hear(self, reply: Reply | None) -> None:
        for line, about in () if reply is None else reply.notices:
            self._notices(line, about)

    def _fault(self, process: int, reply: Reply) -> InputError | RunError:
        if reply.bad_input:
            return InputError(str(reply.fault))
        name = self._processes[process].name
        return RunError(translated("{fault} ({name})", fault=reply.fault, name=name))

    def _line(self, process: int, what: str) -> str:
        there = self._processes[process]
        return translated(
            "environment {identity}, seed {run_seed}, step {steps}: {what}",
            identity=self._identity,
            run_seed=self._run_seed,
            steps=there.step,
            what=what,
        )

    def _wanted(self, process: int) -> bytes:
        places = tuple(self._places[process])
        wanted = Wanted(self._make, self._identity, places, self._run_seed, self._view, self._allowing)
        try:
            return bytes(cloudpickle.dumps(wanted))
        except Exception as error:
            reason = " ".join(str(error).split())
            raise InputError(
                translated(
                    "environment {identity} cannot be sent to a process: {kind}: {reason}",
                    identity=self._identity,
                    kind=type(error).__name__,
                    reason=reason,
                )
            ) from error


class PlayedApart:
    """What an engine is given of processes: those that play what it learns in, and what it is judged in."""

    def __init__(
        self, processes: Processes, learnt: Maker, judged: Maker, identity: str, view: str, notices: Notices,
        allowing: Allowing | None = None,
    ) -> None:  # fmt: skip
        self._processes, self._learnt, self._judged = processes, learnt, judged
        self._identity, self._seen = identity, (view, notices, allowing)

    @property
    def number(self) -> int:
        """How many processes."""
        return self._processes.number

    @property
    def replaced(self) -> int:
        """How many were lost, and others put in their place."""
        return self._processes.replaced

    def learnt_in(self, number: int, seed: int) -> InProcesses:
        """So many environments to learn in."""
        return self._processes.vector(self._learnt, self._identity, number, seed, *self._seen)

    def judged_in(self, number: int, seed: int) -> InProcesses:
        """So many to be judged in."""
        return self._processes.vector(self._judged, self._identity, number, seed, *self._seen)

    def close(self) -> None:
        """End the processes."""
        self._processes.close()


def _limit() -> float | None:
    """Seconds that a call of an environment may take, where that is limited."""
    limit = current()
    return None if limit is None else limit.seconds


def asked_for(number: int | None, replace_lost: bool) -> Processes | None:
    """The processes that a person asks for; None for none. Raises `InputError` where they cannot be."""
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
