"""The training loop: advance, and at fixed iterations report, evaluate and save.

The contents of the run folder depend only on the configuration and the seeds, never on the clock: the number of
iterations per call (the chunk) only decides how often control returns to Python.
"""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol, cast

import numpy as np

from zerone.base.compilation import give_back_memory
from zerone.base.errors import InputError, RunError, ZeroneError
from zerone.base.language import joined, translated
from zerone.engines.protocol import Stoppable, Stopped
from zerone.training import saving
from zerone.training.agent import Agent
from zerone.training.algorithm_setup import settings_of
from zerone.training.columns import columns
from zerone.training.episodes import advance_by_episodes
from zerone.training.events import Number, Preparing, Progress, Rows, Saved, Saving, Started
from zerone.training.interrupt import Interrupted, Request
from zerone.training.job import DivergedError, Job, Learner
from zerone.training.listeners import CallbackError, Listeners, Stop
from zerone.training.metrics_table import columns_of
from zerone.training.selection import Selection

CHUNK_SECONDS = 0.5
"""Target duration of a chunk: how often progress is shown and Ctrl-C is checked."""


class CountsIterations(Protocol):
    """A carry of an engine that can stop within an iteration (`Heeds`)."""

    iteration: int


@dataclasses.dataclass
class Clock:
    """The duration of a training. The first chunk counts as startup, because it includes compiling."""

    began: float = dataclasses.field(default_factory=time.perf_counter)
    startup_seconds: float = 0.0
    steady_steps: int = 0
    steady_seconds: float = 0.0

    @property
    def steps_per_second(self) -> float | None:
        """The speed after the first chunk; None before."""
        return self.steady_steps / self.steady_seconds if self.steady_seconds else None


class Training:
    """All seeds of a run, from the current state to the end."""

    def __init__(self, job: Job, listeners: Listeners, chunk: int | None) -> None:
        self.job, self.chunk = job, chunk
        self.listeners = listeners
        self.selection = Selection(job)
        self.clock = Clock()
        self.iteration = 0
        self._saved_iteration: int | None = None
        self._resumed = False
        share = settings_of(job.engine.algorithm).get("epsilon")  # a table's is constant, and so not measured
        self._note = f"ε {share:.2g}" if isinstance(share, float) else ""
        listeners.agent = self._agent

    @property
    def columns(self) -> dict[str, str]:
        """The columns of the log behind `seed` and `step`, with their meaning.

        Columns added by callbacks are kept when a run is resumed without those callbacks; their new cells are empty.
        """
        own = columns(self.job.engine.algorithm, self.selection.counts_episodes)
        there = columns_of(self.job.folder.metrics_path) if self._resumed else []
        added = there[2 + len(own) :] if there[2 : 2 + len(own)] == list(own) else []
        return own | dict.fromkeys(added, "") | self.listeners.metrics

    @property
    def goes_on(self) -> bool:
        """Whether any seed has steps left to train."""
        return bool(self._active())

    @property
    def stopped(self) -> Stop | None:
        """The callback that ended the training early, with its reason; None if it ran to its normal end."""
        return self.listeners.stop if self.goes_on else None

    def begin(self) -> None:
        """Initialize every seed."""
        engine, how = self.job.engine, self.job.schedule.evaluation
        self._tell_preparing()
        engine.prepare(how.episodes, how.how)
        for learner in self.job.learners:
            learner.carry = engine.init(learner.seed)

    def resume(self) -> None:
        """Continue from the newest checkpoint, or from the start if none was saved yet."""
        self._resumed = True
        if self.job.folder.latest() is None:
            self.begin()
            return
        path, arrays, about = saving.read_newest(self.job)
        self._tell_preparing()  # only after the checkpoint was accepted
        self.iteration, self.selection.complete = saving.restore(self.job, path, arrays, about)
        self._saved_iteration = self.iteration

    def run(self, request: Request) -> None:
        """Train to the end, or until a callback requests a stop.

        Raises:
            RunError: the environment, the disk, a callback (`CallbackError`) or learning (`DivergedError`) failed; the
                last good checkpoint is kept and named.
            Interrupted: `request` was set; a checkpoint was saved.
        """
        engine = self.job.engine
        if isinstance(engine, Stoppable):
            engine.stop_when(request.asked)
        self.listeners.tell(self._started())
        if self.iteration == 0 and engine.name != "compiled":
            self._save()  # an environment may fail at any step, so there is always a checkpoint to return to
        try:
            self._run(request)
        except Stopped as stopped:
            for learner in self.job.learners:
                learner.iteration = cast("CountsIterations", learner.carry).iteration
            self.iteration = min((each.iteration for each in self._active()), default=self.iteration)
            self._save()
            raise Interrupted from stopped
        except ZeroneError as error:
            kind = type(error) if isinstance(error, (CallbackError, DivergedError)) else RunError
            raise kind(joined([str(error), saving.kept_in(self.job.folder)])) from error

    def _run(self, request: Request) -> None:
        chunk = 1 if self.chunk is None else self.chunk
        if not self.selection.complete:  # it was stopped during an evaluation
            self._report(self._evaluated_last(), 0.0)
        while not self._ends_early() and (active := self._active()):
            target = self.job.timetable.next_stop(self.iteration, chunk)
            started = time.perf_counter()
            self._advance(active, target)
            took = time.perf_counter() - started
            first, steps = not self.clock.startup_seconds, (target - self.iteration) * self.job.block * len(active)
            if first:
                give_back_memory()  # memory that compiling no longer needs
                self.clock.startup_seconds = time.perf_counter() - self.clock.began
            elif self.chunk is None:
                chunk = max(1, min(2 * chunk, round(chunk * CHUNK_SECONDS / max(took, 1e-4))))
            self.iteration = target
            self._report(active, time.perf_counter() - self.clock.began)
            if not first:
                self.clock.steady_steps += steps
                self.clock.steady_seconds += time.perf_counter() - started
            if request.made:
                self._save()
                raise Interrupted

    def _ends_early(self) -> bool:
        """Carry out the requests of callbacks since the last chunk; returns whether the training ends here."""
        listeners = self.listeners
        if listeners.stop is not None and self.selection.take_last(self.iteration):
            self._saved_iteration = None  # the checkpoint does not contain these best policies yet
        if listeners.save_asked or listeners.stop is not None or listeners.failure is not None:
            listeners.save_asked = False
            self._save()
        if listeners.failure is not None:
            raise listeners.failure
        return listeners.stop is not None

    def _active(self) -> list[Learner]:
        if self.iteration >= self.job.timetable.total:
            return []
        stops = self.job.schedule.stop_when_solved
        going = [each for each in self.job.learners if not (stops and each.solved_at_step is not None)]
        return [each for each in going if not self.job.has_all_episodes(each)]

    def _evaluated_last(self) -> list[Learner]:
        """The seeds that were active until this iteration, including those just found to have solved it."""
        step, stops = self.iteration * self.job.block, self.job.schedule.stop_when_solved
        found = [each for each in self.job.learners if not stops or each.solved_at_step in (None, step)]
        return [each for each in found if not self.job.has_all_episodes(each)]

    def _advance(self, active: list[Learner], target: int) -> None:
        active = [learner for learner in active if learner.iteration < target]  # after a stop, some are ahead
        if self.job.schedule.episodes is not None:
            advance_by_episodes(self.job, active, target)
            return
        carries = [learner.carry for learner in active]
        firsts = [learner.iteration for learner in active]
        advanced = self.job.engine.advance(carries, [learner.seed for learner in active], firsts, target)
        for learner, carry in zip(active, advanced, strict=True):
            learner.carry, learner.iteration = carry, target

    def _report(self, active: list[Learner], seconds: float) -> None:
        """Report, evaluate and save what is due after this iteration, then report the progress."""
        timetable = self.job.timetable
        active = self._without_ended(active)
        latest = [each.evaluation for each in self.job.learners if each.evaluation is not None]
        if timetable.has_row(self.iteration):
            rows = self._rows(active, self.iteration)
            self._note = exploring(rows) or self._note
            latest = [float(row["return"]) for row in rows if row["return"] is not None] or latest
        going = self._active()
        if self.job.schedule.episodes is not None and not going:
            self.iteration = max(each.iteration for each in self.job.learners)
        if timetable.due(self.iteration, timetable.save_every) or not going:
            self._save()
        self.listeners.tell(self._progress(seconds, latest))

    def _without_ended(self, active: list[Learner]) -> list[Learner]:
        """The seeds that continue. Those that had all their episodes are reported and evaluated, each at its end."""
        ended = [each for each in active if self.job.ends(each)]
        # In the order of their ends, as if each iteration were checked.
        for learner in sorted(ended, key=lambda each: each.iteration):
            self._rows([learner], learner.iteration, ends=True)
        return [each for each in active if each not in ended]

    def _rows(self, active: list[Learner], iteration: int, ends: bool = False) -> list[dict[str, Number]]:
        """Log the measurements of some seeds up to an iteration, with their evaluations; returns the rows."""
        first, step = self.job.timetable.row_before(iteration), iteration * self.job.block
        reports = [self.job.engine.report(learner.carry, first, iteration) for learner in active]
        evaluated = self.selection.evaluate(active, [row for row, _ in reports], iteration, ends)
        for _, event in evaluated:
            if event is not None:
                self.listeners.tell(event)
        rows: list[dict[str, Number]] = []
        for learner, (row, carry), (found, _) in zip(active, reports, evaluated, strict=True):
            learner.carry, learner.episodes = carry, learner.episodes + int(row["episodes"] or 0)
            whole: dict[str, Number] = {"seed": learner.seed, "step": step, **row, **found}
            rows.append(whole | self.listeners.measured(whole))
        self.listeners.tell(Rows(step, tuple(MappingProxyType(row) for row in rows)))
        return rows

    def tell_final_evaluation(self) -> None:
        """Report that the final evaluation of each seed's best policy begins, with its number of episodes."""
        plan, limit = self.job.schedule.evaluation, self.job.engine.time_limit
        now = self._progress(time.perf_counter() - self.clock.began, [], plan.episodes)
        if limit is None:
            now = dataclasses.replace(now, note=translated("at most {steps:,} steps each", steps=plan.how.limit))
        self.listeners.tell(now)

    def _tell_preparing(self) -> None:
        total, seeds = self.job.schedule.steps, len(self.job.learners)
        self.listeners.tell(Preparing(Progress(0, total, seeds=seeds, note=self._note)))

    def _started(self) -> Started:
        job = self.job
        return Started(
            job.folder.path, copy.deepcopy(job.folder.config), MappingProxyType(self.columns), job.schedule.seeds,
            self.iteration * job.block, self._resumed,
        )  # fmt: skip

    def _progress(self, seconds: float, latest: list[float], final_episodes: int = 0) -> Progress:
        job = self.job
        steps, episodes = self.iteration * job.block, self._episodes()
        return Progress(
            steps=steps,
            total=job.timetable.total * job.block if episodes is None else self._likely(steps, episodes),
            seconds=seconds,
            steps_per_second=self.clock.steps_per_second or 0.0,
            evaluating=self.selection.seconds / seconds if seconds else 0.0,
            latest_return=float(np.mean(latest)) if latest else None,
            solved=sum(each.solved_at_step is not None for each in job.learners),
            seeds=len(job.learners),
            note=self._note,
            final_episodes=final_episodes,
            episodes=episodes,
            total_episodes=job.schedule.episodes,
        )

    def _episodes(self) -> int | None:
        """Ended episodes of the active seed that has the fewest; None if the training counts steps."""
        wanted = self.job.schedule.episodes
        if wanted is None:
            return None
        last = max(each.iteration for each in self.job.learners)  # a seed that solved the environment has ended, too
        counted = self._active() or [each for each in self.job.learners if each.iteration == last]
        return min([wanted, *(each.episodes + self.job.engine.episodes_ended(each.carry) for each in counted)])

    def _likely(self, steps: int, had: int) -> int:
        """An estimate of the steps of a training that counts episodes, from the lengths of its episodes so far."""
        wanted = self.job.schedule.episodes or 1
        if had >= wanted:
            return steps
        return round(steps * wanted / had) if had and steps else max(self.job.schedule.steps, 2 * steps)

    def _agent(self, seed: int | None) -> Agent:
        """The current agent of a seed; by default of the first one that is still training."""
        active, engine = self._active() or self.job.learners, self.job.engine
        if seed is not None:
            active = [each for each in self.job.learners if each.seed == seed]
        if not active:
            raise InputError(f"seed {seed} is not trained: there are {', '.join(map(str, self.job.schedule.seeds))}")
        learner = active[0]
        if learner.carry is None:
            raise InputError("there is no policy yet: ask for it once the training has started")
        return Agent(engine, engine.policy(learner.carry), learner.seed, self.job.about["environment"])

    def _save(self) -> None:
        if self._saved_iteration == self.iteration:
            return
        step = self.iteration * self.job.block
        self.listeners.tell(Saving(step))
        path = saving.save(self.job, self.iteration, self.selection.complete)
        self._saved_iteration = self.iteration
        self.listeners.tell(Saved(step, path))


def exploring(rows: Sequence[Mapping[str, Number]]) -> str:
    """The current exploration as shown with the progress: `ε 0.05` or `σ 0.2`; empty if it is not measured."""
    for name, symbol in (("epsilon", "ε"), ("noise", "σ")):
        values = [float(value) for row in rows if (value := row.get(name)) is not None]
        if values and np.isfinite(values).all():
            return f"{symbol} {np.mean(values):.2g}"
    return ""
