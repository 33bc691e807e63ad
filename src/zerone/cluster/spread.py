"""Spreading the seeds of one training over processes of a Ray cluster, with the results of a single machine.

A process keeps the carries of its seeds between requests. A request contains the history of a seed: the checkpoint that
it began with, and the iterations after which log rows were taken since. So a replacement for a lost process can compute
the seed again from there, with the same bits on the compiled engine; in environments played by Python it continues from
the checkpoint with new episodes, as a resumed training does.

Evaluations and all files are made by this process. Policies and checkpoints are sent as their arrays alone. The
structure of a tree may contain functions, such as an activation; a function that is sent is another object when it
arrives, for which JAX compiles everything again.
"""

from __future__ import annotations

import dataclasses
import functools
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
from zerone.cluster.ray_connection import connect
from zerone.cluster.ray_engine import RayEngine
from zerone.cluster.supervisor import Supervisor
from zerone.engines.offline_data import OfflineData
from zerone.engines.protocol import GREEDY, Engine, Evaluation, EvaluationSettings, Observer, Row
from zerone.environments.gym.step_timeout import limited

REQUEST_TIMEOUT = 60.0
"""Default time limit of a process for a request, in addition to the duration of the previous one."""


ENOUGH = 1_000
"""Observations that are sent here for a notice about their scales."""
A_WHILE = 10.0
"""Seconds of recomputing a seed after which the process reports that it is alive."""


class Place(NamedTuple):
    """The position of a seed in its training, and how it got there."""

    seed: int
    iteration: int
    begin: int
    """The iteration of the checkpoint that it began with; 0 without one."""
    checkpoint: tuple[Any, ...]
    """A reference to the checkpoint's arrays; empty if it began without one."""
    rows: tuple[int, ...]
    """The iterations since then after which log rows were taken."""


class Reported(NamedTuple):
    """The answer to a request for a log row: the row, notices for the user, and observations if requested."""

    row: Row
    lines: tuple[str, ...]
    seen: tuple[np.ndarray, ...]


@dataclasses.dataclass
class Remote:
    """A seed's carry as this process represents it."""

    place: Place
    slot: int


@dataclasses.dataclass(frozen=True)
class SeedTask:
    """The data from which a process starts: the engine, which makes its environments there."""

    engine: Engine
    name: str
    step_timeout: float | None = None

    def worker(self, algorithm: object, number: int) -> SeedWorker:
        """Make process `number`."""
        del algorithm, number
        return SeedWorker(self)


class Kept(NamedTuple):
    """A carry, its iteration, and whether its sums were already reset by the log row at that iteration."""

    carry: object
    iteration: int
    reported: bool = False


class SeedWorker:
    """A process: the carries of its seeds."""

    def __init__(self, task: SeedTask) -> None:
        keep_compiled_programs()
        self._task, self._engine = task, task.engine
        self._kept: dict[int, Kept] = {}
        self._recomputing: dict[int, tuple[int, object, int]] = {}
        """Seeds that are being recomputed: the iteration of the checkpoint, the carry, and the iteration reached."""
        self._lines: list[str] = []
        self._seen: list[np.ndarray] = []

    @contextmanager
    def limits(self) -> Iterator[None]:
        """The context of all calls. If native code hangs, the process is ended and replaced."""
        with in_32_bits(), limited(self._task.step_timeout, lambda _: os._exit(1)):
            yield

    @contextmanager
    def _collecting_notices(self) -> Iterator[None]:
        """Collect notices for the user, which the next log row takes along."""
        with kept_in(self._lines):
            yield

    def advance(self, places: Sequence[Place], last: int) -> bool | None:
        """Run the iterations of some seeds up to `last`."""
        for place in places:
            if self._kept.get(place.seed, Kept(None, -1)).iteration == last:  # done already, when it was last requested
                continue
            with self._collecting_notices():
                before = self._carry(place)
                if before is None:
                    return None
                (carry,) = self._engine.advance([before], [place.seed], [place.iteration], last)
            self._kept[place.seed] = Kept(carry, last)
        return True

    def report(self, place: Place, first: int, last: int, observe: bool) -> Reported | None:
        """The log row of a seed; with `observe`, later rows also have observations."""
        self._engine.observer = self._observe if observe else None
        with self._collecting_notices():
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

    def policy(self, place: Place) -> list[np.ndarray] | None:
        """The arrays of the current policy."""
        carry = self._carry(place)
        return None if carry is None else _arrays(self._engine.policy(carry))

    def saved(self, place: Place) -> list[np.ndarray] | None:
        """The arrays of the part of a seed's state that a checkpoint saves."""
        carry = self._carry(place)
        return None if carry is None else _arrays(self._engine.saved(carry))

    def _carry(self, place: Place) -> object:
        """The carry of a seed at its position: kept here, or recomputed; None while recomputing takes long."""
        kept = self._kept.get(place.seed)
        if kept is None or kept.iteration != place.iteration:
            kept = self._recomputed(place)
            if kept is None:
                return None
        if place.iteration in place.rows and not kept.reported:  # a lost process had taken this row
            kept = Kept(self._engine.report(kept.carry, 0, place.iteration)[1], place.iteration, reported=True)
        self._kept[place.seed] = kept
        return kept.carry

    def _recomputed(self, place: Place) -> Kept | None:
        """Recompute a seed from its checkpoint to its position; the effect of the last row is left to the caller.

        Returns None if that takes long: the waiting process learns that this one is alive, and sends the request again.
        """
        begin, carry, at = self._recomputing.pop(place.seed, (-1, None, 0))
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
                    self._recomputing[place.seed] = place.begin, carry, at
                    return None
            if at == stop < place.iteration:  # taking the row again changes nothing
                carry = self._engine.report(carry, 0, at)[1]
        return Kept(carry, place.iteration)

    def _begun(self, place: Place) -> object:
        if not place.checkpoint:
            return self._engine.init(place.seed)
        import ray

        saved = _with_arrays(self._engine.saved_example(), ray.get(place.checkpoint[0]))
        return self._engine.resume(saved, place.seed, place.begin)


def _arrays(tree: Any) -> list[np.ndarray]:
    """The arrays of a tree, to be sent."""
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def _with_arrays(example: Any, arrays: list[np.ndarray]) -> Any:
    """The tree with these arrays and the structure of an example."""
    return jax.tree.unflatten(jax.tree.structure(example), arrays)


class Spread(RayEngine):
    """An engine whose seeds are trained in processes of a cluster. See `Engine` for the methods.

    `engine` is the engine of each process, and evaluates here. The processes exist from `start` to `close`.
    """

    observer: Observer | None = None

    def __init__(self, engine: Engine, name: str, processes: int) -> None:
        super().__init__(engine)
        self._say, self._observed = notices(), 0
        self._name, self._number = name, processes
        self.algorithm, self.name, self.steps_one_by_one = engine.algorithm, engine.name, engine.steps_one_by_one
        self._begun = 0
        self._turn = threading.Lock()  # seeds are evaluated in parallel, each in a thread

    def start(self, address: str | None, worker_timeout: float | None, step_timeout: float | None) -> None:
        """See `StartsWorkers`."""
        self._connection = connect(address)
        timeout = REQUEST_TIMEOUT if worker_timeout is None else worker_timeout
        task = SeedTask(self.evaluator, self._name, step_timeout)
        self._supervisor = Supervisor(self._connection, self._number, None, task, timeout)

    def learn_from(self, data: OfflineData) -> None:
        del data
        raise InputError(translated("spread is not allowed with recorded steps: they are on this machine alone"))

    def step_cost(self, width: int) -> int:
        return self.evaluator.step_cost(width)

    def prepare(self, episodes: int, how: EvaluationSettings = GREEDY) -> None:
        del episodes, how  # each program is compiled on first use, here and there

    def init(self, seed: int) -> Remote:
        return self._placed(Place(seed, 0, 0, (), ()))

    def resume(self, saved: object, seed: int, iteration: int) -> Remote:
        kept = self._workers.share(_arrays(saved))
        return self._placed(Place(seed, iteration, iteration, (kept,), ()))

    def _placed(self, place: Place) -> Remote:
        slot, self._begun = self._begun % self._number, self._begun + 1
        return Remote(place, slot)

    def advance(self, carries: Sequence[Remote], seeds: Sequence[int], first: Sequence[int], last: int) -> list[Remote]:
        del seeds, first  # they are stored in a place
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
        """Whether observations should be sent here."""
        return self.observer is not None and self._observed < ENOUGH

    def episodes_ended(self, carry: Remote) -> int:
        raise AssertionError(carry)  # a training that counts episodes is not spread

    def policy(self, carry: Remote) -> Any:
        return _with_arrays(self.policy_example(), self._asked(carry, "policy"))

    def saved(self, carry: Remote) -> Any:
        arrays, place = self._asked(carry, "saved"), carry.place
        carry.place = Place(place.seed, place.iteration, place.iteration, (self._workers.share(arrays),), ())
        return _with_arrays(self.saved_example(), arrays)

    def _asked(self, carry: Remote, what: str, *arguments: object) -> Any:
        """The answer of the process of a seed."""
        found = None
        with self._turn:
            while found is None:
                self._workers.ask(what, carry.slot, what, carry.place, *arguments)
                found = self._workers.answer(what)[1]
        return found

    def policy_example(self) -> Any:
        return self._policy_example

    def saved_example(self) -> Any:
        return self._saved_example

    @functools.cached_property
    def _policy_example(self) -> Any:
        return self.evaluator.policy_example()

    @functools.cached_property
    def _saved_example(self) -> Any:
        return self.evaluator.saved_example()

    def evaluate(
        self, policy: object, seed: int, index: int, episodes: int, how: EvaluationSettings = GREEDY, first: int = 0
    ) -> Evaluation:
        return self.evaluator.evaluate(policy, seed, index, episodes, how, first)

    def facts(self) -> dict[str, Any]:
        return self.evaluator.facts()
