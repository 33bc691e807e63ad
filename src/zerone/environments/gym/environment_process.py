"""A process that plays some environments for another: what runs in it, from its first line to its end.

It is a program of its own, started with `exec`, never a fork: a process that has used JAX has threads, which a fork
does not copy, though it copies the locks that they hold. It imports no JAX unless an environment does.

Who asks sends a request (`REQUEST`: which one, of which vector, bytes that follow), and gets `DONE`, or `SAID` with a
pickle: both ends are the same program and the same person, and the socket has no name. It ends where that socket does.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import mmap
import os
import pickle
import select
import signal
import socket
import struct
import sys
import threading
import time
from typing import Any

import cloudpickle
import numpy as np

from zerone.base.bits import as_outside, look_outside, outside
from zerone.base.errors import InputError, ZeroneError
from zerone.base.language import in_language, translated
from zerone.base.notices import Notices
from zerone.environments.gym.allowed import Allowing
from zerone.environments.gym.global_random import GlobalChance
from zerone.environments.gym.guard import Guard, guarded
from zerone.environments.gym.kinds import Maker
from zerone.environments.gym.shared_arrays import Layout, SharedArrays
from zerone.environments.gym.sources import require_separate
from zerone.environments.gym.views import Space

REQUEST = struct.Struct("<cHI")
LENGTH = struct.Struct("<I")
MAKE, ATTACH, RESET, STEP, PLAY, NAME, DROP = (bytes([each]) for each in b"marspnd")
"""Make environments; find their arrays; reset them; step them, and begin again where they end; or only step them; name
a seed in errors; forget them."""
DONE, SAID = b"k", b"p"

CALLS, PLACE, DOING, STEPS = range(4)
"""What a process notes before each call of an environment: how many there were, in which copy, what it is, its step."""
NOTES = 4
MAKING = "the making of it"
DOINGS = ("", MAKING, "reset", "step")
"""What it can be; nothing where no environment is called."""

SECONDS_TO_CLOSE = 2.0
"""In which environments must be closed after the process that asks is gone."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The environments that a process makes for a vector: `make` makes one, `places` are theirs in the vector."""

    make: Maker
    identity: str
    places: tuple[int, ...]
    run_seed: int
    view: str
    allowing: Allowing | None = None


@dataclasses.dataclass(frozen=True)
class Reply:
    """What is said besides that something is done: a fault, or what a person should know."""

    value: Any = None
    notices: tuple[tuple[str, str | None], ...] = ()
    fault: str | None = None
    bad_input: bool = False
    exited: bool = False
    """Whether the fault is `sys.exit`, by which an environment means its process to end."""


class _Slot:
    """The environments of one vector."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.envs: dict[int, Guard] = {}
        self.arrays: SharedArrays | None = None
        self.chance = GlobalChance(0)


class EnvironmentProcess:
    """Does what it is asked, until nobody can ask any more."""

    def __init__(self, asking: socket.socket, notes: np.ndarray) -> None:
        self._asking, self._notes = asking, notes
        self._slots: dict[int, _Slot] = {}
        self._playing: _Slot | None = None
        self._heard: list[tuple[str, str | None]] = []
        self._notices = Notices(lambda _: None)

    def run(self) -> None:
        """Until the socket is closed."""
        while True:
            kind, number, length = REQUEST.unpack(_received(self._asking, REQUEST.size))
            reply = self._answer(kind, number, length)
            self._notes[DOING] = 0
            if reply is None and not self._heard:
                self._asking.sendall(DONE)
                continue
            reply = dataclasses.replace(reply or Reply(), notices=tuple(self._heard))
            self._heard.clear()
            data = pickle.dumps(reply)
            self._asking.sendall(SAID + LENGTH.pack(len(data)) + data)

    def close(self) -> None:
        """Close all environments."""
        for slot in self._slots.values():
            for env in slot.envs.values():
                env.close()

    def _answer(self, kind: bytes, number: int, length: int) -> Reply | None:
        if kind == ATTACH:  # with the memory itself, which is not bytes
            data, files, _, _ = socket.recv_fds(self._asking, length, 1)
            data += _received(self._asking, length - len(data))
            layout: Layout = pickle.loads(data)  # noqa: S301 - from the process that started this one
            self._slots[number].arrays = SharedArrays(layout, files[0])
            return None
        data = _received(self._asking, length)
        try:
            if kind == MAKE:
                return Reply(self._made(number, data))
            slot = self._slots[number]
            if kind == NAME:
                for env in slot.envs.values():
                    env.run_seed = int.from_bytes(data, "little")
            elif kind == DROP:
                self._switch(None)
                for env in self._slots.pop(number).envs.values():
                    env.close()
            else:
                self._switch(slot)
                self._play(slot, kind)
        except ZeroneError as error:
            exited = isinstance(error.__cause__, SystemExit)
            return Reply(fault=str(error), bad_input=isinstance(error, InputError), exited=exited)
        return None

    def _made(self, number: int, data: bytes) -> bytes:
        """The spaces of environments that are made now, as bytes."""
        wanted: Wanted = pickle.loads(data)  # noqa: S301 - from the process that started this one
        slot = self._slots[number] = _Slot(wanted)
        notices = _Heard(self._heard)
        for place in wanted.places:
            self._note(place, 1, 0)
            with as_outside():
                made = wanted.make()
            about = wanted.identity, wanted.run_seed, wanted.view, notices, wanted.allowing
            slot.envs[place] = guarded(made, *about)
        require_separate(env for each in self._slots.values() for env in each.envs.values())
        look_outside()
        first = next(iter(slot.envs.values()))
        require_alike(wanted.identity, [(each.encoding.space, each.action_space) for each in slot.envs.values()])
        return bytes(cloudpickle.dumps((first.encoding.given, first.action_space)))

    def _play(self, slot: _Slot, kind: bytes) -> None:
        arrays = slot.arrays
        assert arrays is not None  # noqa: S101 - they are the second thing that is asked
        if kind == RESET:
            self._seed_global_chance(slot, arrays)
        for place, env in slot.envs.items():
            if not arrays.which[place]:
                continue
            if kind == RESET:
                seed = int(arrays.seed[place])
                self._reset(slot, place, None if seed < 0 else seed)
                continue
            self._note(place, 3, env.steps + 1)
            action = arrays.action[place]
            _, arrays.reward[place], terminated, truncated, _ = env.step(action)
            arrays.terminated[place], arrays.truncated[place] = terminated, truncated
            if kind == STEP and (terminated or truncated):
                arrays.final[place] = env.encoded
                if env.actions is not None:
                    arrays.allowed_at_the_end[place] = env.allowed
                self._reset(slot, place, None)
            else:
                _show(env, arrays, place)

    def _seed_global_chance(self, slot: _Slot, arrays: SharedArrays) -> None:
        """Where episodes begin with seeds of their own, the global generators do as well."""
        seeds = [int(arrays.seed[place]) for place in slot.envs if arrays.which[place]]
        if seeds and seeds[0] >= 0:
            self._switch(None)
            slot.chance = GlobalChance(seeds[0])
            self._switch(slot)

    def _reset(self, slot: _Slot, place: int, seed: int | None) -> None:
        env, arrays = slot.envs[place], slot.arrays
        assert arrays is not None  # noqa: S101 - as above
        self._note(place, 2, env.steps)
        env.reset(seed=seed)
        _show(env, arrays, place)

    def _switch(self, slot: _Slot | None) -> None:
        """Let the global generators be those of this vector."""
        if slot is self._playing:
            return
        if self._playing is not None:
            self._playing.chance.__exit__()
        self._playing = slot
        if slot is not None:
            slot.chance.__enter__()

    def _note(self, place: int, doing: int, step: int) -> None:
        self._notes[PLACE], self._notes[DOING], self._notes[STEPS] = place, doing, step
        self._notes[CALLS] += 1


def _show(env: Guard, arrays: SharedArrays, place: int) -> None:
    """Lay out what an environment shows now."""
    arrays.observation[place] = env.encoded
    if env.actions is not None:
        arrays.allowed[place] = env.allowed


def require_alike(identity: str, found: list[tuple[Space, Space]]) -> None:
    """Raise `InputError` if copies of an environment have spaces, of observations or of actions, of other shapes."""
    for each in found[1:]:
        for one, other in zip(found[0], each, strict=True):
            if (one.shape, one.dtype) != (other.shape, other.dtype):
                raise InputError(
                    translated(
                        "environment {identity}: its copies have different spaces, {one} and {other}",
                        identity=identity,
                        one=one,
                        other=other,
                    )
                )


class _Heard(Notices):
    """Lines for the person, who is somewhere else."""

    def __init__(self, lines: list[tuple[str, str | None]]) -> None:
        super().__init__()
        self._lines = lines

    def __call__(self, line: str, about: str | None = None) -> None:
        if (about or line) not in self._said:
            self._said.add(about or line)
            self._lines.append((line, about))


class _Gone(Exception):  # noqa: N818 - the end that every such process has
    """Nobody asks any more."""


def _received(asking: socket.socket, length: int) -> bytes:
    """So many bytes."""
    found = b""
    while len(found) < length:
        part = asking.recv(length - len(found))
        if not part:
            raise _Gone
        found += part
    return found


def _end_with(asking: int) -> None:
    """End this process, and those that its environments have started, once nobody can ask any more."""
    watch = select.poll()
    watch.register(asking, 0)  # nothing but its end
    watch.poll()
    time.sleep(SECONDS_TO_CLOSE)
    with contextlib.suppress(OSError):
        os.killpg(os.getpgid(0), signal.SIGKILL)


def main(asking: int, noting: int, number: int, wide: bool, spoken: str) -> None:
    """The whole program: `asking` is a socket, `noting` memory for the notes of all processes, this one's `number`.

    `wide` says whether 64 bits are switched on outside of Zerone, `spoken` in which language it says what is wrong.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    outside.wide = wide
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    threading.Thread(target=_end_with, args=(asking,), name="zerone: end", daemon=True).start()
    memory = mmap.mmap(noting, 0)
    notes = np.ndarray((len(memory) // 8 // NOTES, NOTES), np.int64, memory)[number]
    process = EnvironmentProcess(socket.socket(fileno=asking), notes)
    with contextlib.suppress(_Gone, ConnectionError), in_language(spoken):
        process.run()
    process.close()
    os._exit(0)  # what an environment has left running is not waited for
