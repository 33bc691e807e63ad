"""Seeds of one training, spread over processes of a Ray cluster: each computes what it would on one machine.

A process keeps the carries of its seeds between two requests. A request says how a seed has come to where it is: the
checkpoint that it began with, and after which iterations rows of the log were taken since. So a process in the place of
a lost one computes the seed again from there, to the same bits where the engine is compiled; in environments that
Python steps it goes on from the checkpoint with new episodes, as a resumed training does.

Evaluations and all files are this process's own.
"""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import numpy as np

from zerone.base.bits import in_32_bits
from zerone.base.compilation import keep_compiled_programs
from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.notices import kept_in, notices
from zerone.cluster.judged_here import JudgedHere
from zerone.cluster.ray_connection import connect
from zerone.cluster.supervisor import Supervisor
from zerone.engines.offline_data import OfflineData
from zerone.engines.protocol import GREEDY, Engine, Evaluation, EvaluationSettings, Observer, Row
from zerone.environments.gym.step_timeout import limited

REQUEST_TIMEOUT = 60.0
"""Seconds that a process may take for a request, beyond what one before it took, unless told otherwise."""


ENOUGH = 1_000
"""Observations that are brought here, for a line about their scales."""
A_WHILE = 10.0
"""Seconds for which a seed is computed again before the process says that it lives."""


class Place(NamedTuple):
    """Where a seed is, and how it came there."""

    seed: int
    iteration: int
    begin: int
    """The iteration of the checkpoint that it began with; 0 without one."""
    checkpoint: tuple[Any, ...]
    """A reference to the checkpoint's arrays; empty where it began from nothing."""
    rows: tuple[int, ...]
    """The iterations since, after which rows of the log were taken."""


class Reported(NamedTuple):
    """What a process says at a row of the log: the row, lines for the person, and observations that were asked for."""

    row: Row
    lines: tuple[str, ...]
    seen: tuple[np.ndarray, ...]


@dataclasses.dataclass
class Remote:
    """The carry of a seed as this process has it."""

    place: Place
    slot: int


@dataclasses.dataclass(frozen=True)
class SeedTask:
    """What a process needs to know: the engine, which makes its environments there."""

    engine: Engine
    name: str
    step_timeout: float | None = None

    def worker(self, algorithm: object, number: int) -> SeedWorker:
        """Become process `number`."""
        del algorithm, number
        return SeedWorker(self)


class Kept(NamedTuple):
    """A carry, after how many iterations it is, and whether it is without what the row of the log there has told."""

    carry: object
    iteration: int
    reported: bool = False


class SeedWorker:
    """A process: carries of seeds, and where each is."""

    def __init__(self, task: SeedTask) -> None:
        keep_compiled_programs()
        self._task, self._engine = task, task.engine
        self._kept: dict[int, Kept] = {}
        self._half_way: dict[int, tuple[int, object, int]] = {}
        """Of seeds that are computed again: the iteration of the checkpoint, the carry, and how far it is."""
        self._lines: list[str] = []
        self._seen: list[np.ndarray] = []

    @contextmanager
    def limits(self) -> Iterator[None]:
        """In which all that follows is done. What hangs in native code ends the process, and is replaced."""
        with in_32_bits(), limited(self._task.step_timeout, lambda _: os._exit(1)):
            yield

    @contextmanager
    def _heard(self) -> Iterator[None]:
        """While lines for the person are kept, until a row of the log takes them along."""
        with kept_in(self._lines):
            yield

    def advance(self, places: Sequence[Place], last: int) -> bool | None:
        """Run the iterations of some seeds up to `last`."""
        for place in places:
            if self._kept.get(place.seed, Kept(None, -1)).iteration == last:  # it was done when this was last asked
                continue
            with self._heard():
                before = self._carry(place)
                if before is None:
                    return None
                (carry,) = self._engine.advance([before], [place.seed], [place.iteration], last)
            self._kept[place.seed] = Kept(carry, last)
        return True

    def report(self, place: Place, first: int, last: int, observe: bool) -> Reported | None:
        """The row of the log of a seed; from the first time on that it is asked for, also what is observed."""
        self._engine.observer = self._observe if observe else None
        with self._heard():
            before = self._carry(place)
            if before is None:
                return None
            row, carry = self._engine.report(before, first, last)
        self._kept[place.seed] = Kept(carry, last, reported=True)
        found = Reported(row, tuple(self._lines), tuple(self._seen))
        self._seen.clear()
        return found

    def _observe(self, observations: np.ndarray) -> None:
        if sum(map(len, self._seen)) < ENOUGH:
            self._seen.append(np.array(observations[:ENOUGH]))

    def policy(self, place: Place) -> object:
        """What acts."""
        carry = self._carry(place)
        return None if carry is None else self._engine.policy(carry)

    def saved(self, place: Place) -> object:
        """What a checkpoint keeps."""
        carry = self._carry(place)
        return None if carry is None else jax.tree.map(np.asarray, self._engine.saved(carry))

    def _carry(self, place: Place) -> object:
        """The carry of a seed where it is: the one that is kept here, or computed again; None as long as that lasts."""
        kept = self._kept.get(place.seed)
        if kept is None or kept.iteration != place.iteration:
            kept = self._computed_again(place)
            if kept is None:
                return None
        if place.iteration in place.rows and not kept.reported:  # a lost process had done it
            kept = Kept(self._engine.report(kept.carry, 0, place.iteration)[1], place.iteration, reported=True)
        self._kept[place.seed] = kept
        return kept.carry

    def _computed_again(self, place: Place) -> Kept | None:
        """From its checkpoint to where it is; what the last row would change there is left to do.

        None where that takes longer than a while: who waits hears that this process lives, and asks again.
        """
        begin, carry, at = self._half_way.pop(place.seed, (-1, None, 0))
        if begin != place.begin:
            carry, at = self._begun(place), place.begin
        until, chunk = time.monotonic() + A_WHILE, 1
        for stop in sorted({*place.rows, place.iteration}):
            while at < stop:
                began, upto = time.monotonic(), min(stop, at + chunk)
                (carry,) = self._engine.advance([carry], [place.seed], [at], upto)
                at, now = upto, time.monotonic()
                chunk = 2 * chunk if now - began < 1 else max(1, chunk // 2)
                if now > until and at < place.iteration:
                    self._half_way[place.seed] = place.begin, carry, at
                    return None
            if at == stop < place.iteration:  # once more changes nothing
                carry = self._engine.report(carry, 0, at)[1]
        return Kept(carry, place.iteration)

    def _begun(self, place: Place) -> object:
        if not place.checkpoint:
            return self._engine.init(place.seed)
        import ray

        return self._engine.resume(ray.get(place.checkpoint[0]), place.seed, place.begin)


class Spread(JudgedHere):
    """An engine whose seeds are advanced in processes of a cluster. See `Engine` for the methods.

    `engine` is what each process has, and judges here. The processes are there from `start` to `close`.
    """

    observer: Observer | None = None

    def __init__(self, engine: Engine, name: str, processes: int) -> None:
        super().__init__(engine)
        self._say, self._observed = notices(), 0
        self._name, self._number = name, processes
        self.algorithm, self.name, self.steps_one_by_one = engine.algorithm, engine.name, engine.steps_one_by_one
        self._begun = 0
        self._turn = threading.Lock()  # seeds are judged side by side, each in a thread

    def start(self, address: str | None, worker_timeout: float | None, step_timeout: float | None) -> None:
        """See `StartsWorkers`."""
        self._connection = connect(address)
        timeout = REQUEST_TIMEOUT if worker_timeout is None else worker_timeout
        task = SeedTask(self.evaluator, self._name, step_timeout)
        self._crew = Supervisor(self._connection, self._number, None, task, timeout)

    def learn_from(self, data: OfflineData) -> None:
        del data
        raise InputError(translated("spread is not allowed with recorded steps: they are on this machine alone"))

    def step_cost(self, width: int) -> int:
        return self.evaluator.step_cost(width)

    def prepare(self, episodes: int, how: EvaluationSettings = GREEDY) -> None:
        del episodes, how  # each program is compiled when it is first used, here and there

    def init(self, seed: int) -> Remote:
        return self._placed(Place(seed, 0, 0, (), ()))

    def resume(self, saved: object, seed: int, iteration: int) -> Remote:
        kept = self._workers.share(jax.tree.map(np.asarray, saved))
        return self._placed(Place(seed, iteration, iteration, (kept,), ()))

    def _placed(self, place: Place) -> Remote:
        slot, self._begun = self._begun % self._number, self._begun + 1
        return Remote(place, slot)

    def advance(self, carries: Sequence[Remote], seeds: Sequence[int], first: Sequence[int], last: int) -> list[Remote]:
        del seeds, first  # a place knows
        places: dict[int, list[Place]] = {}
        for each in carries:
            places.setdefault(each.slot, []).append(each.place)
        for slot, there in places.items():
            self._workers.ask("advance", slot, "advance", there, last)
        while places:
            slot, done = self._workers.answer("advance")
            if done is None:
                self._workers.ask("advance", slot, "advance", places[slot], last)
            else:
                del places[slot]
        return [Remote(each.place._replace(iteration=last), each.slot) for each in carries]

    def report(self, carry: Remote, first: int, last: int) -> tuple[Row, Remote]:
        found: Reported = self._asked(carry, "report", first, last, self._observes)
        for line in found.lines:
            self._say(line)
        for each in found.seen:
            if self.observer is not None:
                self.observer(each)
            self._observed += len(each)
        place = carry.place
        return found.row, Remote(place._replace(rows=(*place.rows, place.iteration)), carry.slot)

    @property
    def _observes(self) -> bool:
        """Whether observations are to be brought here."""
        return self.observer is not None and self._observed < ENOUGH

    def episodes_ended(self, carry: Remote) -> int:
        raise AssertionError(carry)  # a training that counts episodes is not spread

    def policy(self, carry: Remote) -> Any:
        return self._asked(carry, "policy")

    def saved(self, carry: Remote) -> Any:
        found, place = self._asked(carry, "saved"), carry.place
        carry.place = Place(place.seed, place.iteration, place.iteration, (self._workers.share(found),), ())
        return found

    def _asked(self, carry: Remote, what: str, *arguments: object) -> Any:
        """What the process of a seed answers."""
        found = None
        with self._turn:
            while found is None:
                self._workers.ask(what, carry.slot, what, carry.place, *arguments)
                found = self._workers.answer(what)[1]
        return found

    def policy_example(self) -> Any:
        return self.evaluator.policy_example()

    def saved_example(self) -> Any:
        return self.evaluator.saved_example()

    def evaluate(
        self, policy: object, seed: int, index: int, episodes: int, how: EvaluationSettings = GREEDY, first: int = 0
    ) -> Evaluation:
        return self.evaluator.evaluate(policy, seed, index, episodes, how, first)

    def facts(self) -> dict[str, Any]:
        return self.evaluator.facts()
