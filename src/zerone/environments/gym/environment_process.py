"""A process that plays some environments for another one: the whole program.

It is started with `exec`, never forked: a process that has used JAX has threads, which a fork does not copy, although
it copies the locks that they hold. It imports no JAX unless an environment does.

The parent sends a request (`REQUEST`: the kind, the vector, the number of bytes that follow), and gets `DONE`, or
`SAID` with a pickle: both ends are the same program of the same user, and the socket has no name. The process ends when
the socket is closed.
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

from zerone.base.bits import look_outside, outside
from zerone.base.errors import InputError, ZeroneError
from zerone.base.language import in_language, translated
from zerone.base.notices import Notices
from zerone.environments.gym.allowed import MaskSource
from zerone.environments.gym.global_random import GlobalChance
from zerone.environments.gym.guard import Guard, guarded
from zerone.environments.gym.kinds import Maker
from zerone.environments.gym.shared_arrays import Layout, SharedArrays
from zerone.environments.gym.sources import made_with_its_bits, require_separate
from zerone.environments.gym.views import Space

REQUEST = struct.Struct("<cHI")
LENGTH = struct.Struct("<I")
MAKE, ATTACH, RESET, STEP, PLAY, NAME, DROP = (bytes([each]) for each in b"marspnd")
"""Kinds of requests: make environments; attach their arrays; reset; step, and reset those that end; only step; set
the seed named in errors; drop the environments."""
DONE, SAID = b"k", b"p"

CALLS, PLACE, DOING, STEPS = range(4)
"""The note made before each call of an environment: the number of calls, the copy, the kind of call, its step."""
NOTES = 4
MAKING = "the making of it"
DOINGS = ("", MAKING, "reset", "step", "close")
"""Kinds of calls; empty if no environment is being called."""

SECONDS_TO_CLOSE = 2.0
"""Time to close the environments after the parent is gone."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The environments that a process makes for a vector: `make` makes one, `places` are their indices."""

    make: Maker
    identity: str
    places: tuple[int, ...]
    run_seed: int
    view: str
    mask_source: MaskSource | None = None


@dataclasses.dataclass(frozen=True)
class Reply:
    """The content of an answer other than plain success: an error, or notices for the user."""

    value: Any = None
    notices: tuple[tuple[str, str | None], ...] = ()
    fault: str | None = None
    bad_input: bool = False
    exited: bool = False
    """Whether the error is `sys.exit`, with which an environment wants to end its process."""


class _Slot:
    """The environments of one vector."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.envs: dict[int, Guard] = {}
        self.arrays: SharedArrays | None = None
        self.chance = GlobalChance(0)


class EnvironmentProcess:
    """Carries out requests until the parent is gone."""

    def __init__(self, asking: socket.socket, notes: np.ndarray) -> None:
        self._asking, self._notes = asking, notes
        self._slots: dict[int, _Slot] = {}
        self._playing: _Slot | None = None
        self._heard: list[tuple[str, str | None]] = []
        self._notices = Notices(lambda _: None)

    def run(self) -> None:
        """Carry out requests until the socket is closed."""
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
        if kind == ATTACH:  # it comes with a file descriptor
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
                for place, env in self._slots.pop(number).envs.items():
                    self._note(place, 4, env.steps)
                    env.close()
            else:
                self._switch(slot)
                self._play(slot, kind)
        except ZeroneError as error:
            exited = isinstance(error.__cause__, SystemExit)
            return Reply(fault=str(error), bad_input=isinstance(error, InputError), exited=exited)
        return None

    def _made(self, number: int, data: bytes) -> bytes:
        """Make the environments; returns their spaces as bytes."""
        wanted: Wanted = pickle.loads(data)  # noqa: S301 - from the process that started this one
        slot = self._slots[number] = _Slot(wanted)
        notices = _CollectedNotices(self._heard)
        for place in wanted.places:
            self._note(place, 1, 0)
            made = made_with_its_bits(wanted.make)
            about = wanted.identity, wanted.run_seed, wanted.view, notices, wanted.mask_source
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
            self._seed_global_generators(slot, arrays)
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

    def _seed_global_generators(self, slot: _Slot, arrays: SharedArrays) -> None:
        """Seed the global generators if episodes begin with seeds of their own."""
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
        """Switch the global generators to those of this vector."""
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
    """Write an environment's current observation to the shared arrays."""
    arrays.observation[place] = env.encoded
    if env.actions is not None:
        arrays.allowed[place] = env.allowed


def require_alike(identity: str, found: list[tuple[Space, Space]]) -> None:
    """Raise `InputError` if copies of an environment have observation or action spaces of different shapes."""
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


class _CollectedNotices(Notices):
    """Collects notices, which the parent passes to the user."""

    def __init__(self, lines: list[tuple[str, str | None]]) -> None:
        super().__init__()
        self._lines = lines

    def __call__(self, line: str, about: str | None = None) -> None:
        if (about or line) not in self._said:
            self._said.add(about or line)
            self._lines.append((line, about))


class _ParentGone(Exception):  # noqa: N818 - the end that every such process has
    """The parent is gone."""


def _received(asking: socket.socket, length: int) -> bytes:
    """Receive `length` bytes."""
    found = b""
    while len(found) < length:
        part = asking.recv(length - len(found))
        if not part:
            raise _ParentGone
        found += part
    return found


def _end_with(asking: int) -> None:
    """End this process, and those that its environments have started, once the parent is gone."""
    watch = select.poll()
    watch.register(asking, 0)  # only its closing
    watch.poll()
    time.sleep(SECONDS_TO_CLOSE)
    with contextlib.suppress(OSError):
        os.killpg(os.getpgid(0), signal.SIGKILL)


def main(asking: int, noting: int, number: int, wide: bool, spoken: str) -> None:
    """Run the program: `asking` is a socket, `noting` shared memory for all processes' notes, `number` our index.

    `wide` says whether 64 bits are enabled outside of Zerone; `spoken` is the language of error messages.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the parent
    outside.wide = wide
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    threading.Thread(target=_end_with, args=(asking,), name="zerone: end", daemon=True).start()
    memory = mmap.mmap(noting, 0)
    notes = np.ndarray((len(memory) // 8 // NOTES, NOTES), np.int64, memory)[number]
    process = EnvironmentProcess(socket.socket(fileno=asking), notes)
    with contextlib.suppress(_ParentGone, ConnectionError), in_language(spoken):
        process.run()
    process.close()
    os._exit(0)  # do not wait for threads that an environment has left running
