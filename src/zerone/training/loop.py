"""The training loop: advance, and now and then report, evaluate and save.

What is in the run folder depends on the configuration and the seeds alone, never on the clock: how many
iterations are run at once (the chunk) only decides how often the host looks up.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zerone.base.compilation import give_back_memory
from zerone.base.errors import InputError, RunError, ZeroneError
from zerone.base.place import as_seen
from zerone.engines.protocol import Engine, Heeds, Row, Stopped, for_seeds
from zerone.training import checkpoint, schema
from zerone.training.evaluation import Account, Evaluator
from zerone.training.fields import checked
from zerone.training.folder import RunFolder
from zerone.training.interrupt import Interrupted, Request
from zerone.training.metrics import MetricsWriter
from zerone.training.metrics_table import logs
from zerone.training.schedule import Schedule

GLANCE_SECONDS = 0.5
"""How long a chunk lasts: how often progress is shown and Ctrl-C is heard."""


class DivergedError(RunError):
    """Learning has lost its numbers: going on would change nothing any more."""


@dataclasses.dataclass
class Learner:
    """One seed of a training: where it is, and the best it has been."""

    seed: int
    carry: Any
    iteration: int = 0
    evaluation: float | None = None
    solved_at_step: int | None = None
    best: float = -np.inf
    best_step: int = 0
    best_policy: Any = None
    account: Account = dataclasses.field(default_factory=Account)

    def facts(self) -> dict[str, Any]:
        """What a checkpoint must know of this seed besides its arrays."""
        names = ("iteration", "evaluation", "solved_at_step")
        return {name: getattr(self, name) for name in names} | {"account": dataclasses.asdict(self.account)}


@dataclasses.dataclass(frozen=True)
class TrainingStatus:
    """What there is to show between two chunks."""

    steps: int
    total: int
    seconds: float
    steps_per_second: float
    """On the wall, evaluations included."""
    evaluating: float
    """The share of that time that evaluations took."""
    latest_return: float | None
    solved: int
    seeds: int
    note: str = ""
    judging: int = 0
    """How many episodes of each seed are played at the end, to judge its best policy; 0 until then."""


def exploring(rows: Sequence[Mapping[str, Any]]) -> str:
    """How much is explored, in the words of a line of progress: `ε 0.05` or `σ 0.2`; nothing if it is not measured."""
    for name, symbol in (("epsilon", "ε"), ("noise", "σ")):
        values = [float(row[name]) for row in rows if row.get(name) is not None]
        if values and np.isfinite(values).all():
            return f"{symbol} {np.mean(values):.2g}"
    return ""


class Training:
    """All seeds of a run, from wherever they are to the end."""

    def __init__(
        self,
        engine: Engine,
        folder: RunFolder,
        plan: Schedule,
        seeds: Sequence[int],
        *,
        evaluator: Evaluator,
        stop_when_solved: bool,
        keep_last: int,
        about: Mapping[str, Any],
        chunk: int | None,
        on_progress: Callable[[TrainingStatus, Callable[[], Any]], None],
    ) -> None:
        self.engine, self.folder, self.plan = engine, folder, plan
        self.evaluator = evaluator
        self.stop_when_solved, self.keep_last, self.about = stop_when_solved, keep_last, about
        self.chunk, self.on_progress = chunk, on_progress
        self.began = time.perf_counter()
        self.learners = [Learner(seed, None) for seed in seeds]
        self.iteration = 0
        self.looked = True
        self.saved_iteration: int | None = None
        self.steady_steps, self.steady_seconds, self.startup_seconds = 0, 0.0, 0.0
        share = getattr(engine.algorithm, "epsilon", None)  # a table's is always the same, and not measured
        self._note = f"ε {share:.2g}" if isinstance(share, float) else ""
        self.evaluation_seconds = 0.0

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the log behind `seed` and `step`."""
        return (
            "episodes",
            "return",
            "length",
            *self.engine.algorithm.metrics,
            "evaluation_return",
            "evaluation_length",
            *(("evaluation_episodes", "evaluation_cut") if self.counts_episodes else ()),
        )

    @functools.cached_property
    def counts_episodes(self) -> bool:
        """Whether the log says how many episodes an evaluation had: that of an older run that is resumed does not."""
        return self.folder.config.get("evaluation") is not None or logs(self.folder.metrics_path, "evaluation_episodes")

    def _announce(self) -> None:
        """Show that the training is about to begin: compiling comes first, and takes seconds."""
        self._show([], 0.0, [])

    def begin(self) -> None:
        """Start every seed from nothing."""
        self._announce()
        self.engine.prepare(self.evaluator.ways.episodes, self.evaluator.ways.how)
        for learner in self.learners:
            learner.carry = self.engine.init(learner.seed)

    def resume(self) -> None:
        """Go on from the newest checkpoint, or from nothing if none was saved yet."""
        if self.folder.latest() is None:
            self.begin()
            return
        path, arrays, about = self.folder.load_latest()
        checkpoint.expect(about, path, **self.about)
        self._announce()  # nothing is shown of a training that cannot go on
        example = self.engine.saved_example()
        about = self._plausible(checked(about, schema.CHECKPOINT, path), path)
        self.iteration = self.saved_iteration = about["iteration"]
        self.looked = about["looked"]
        for learner in self.learners:
            facts = about["learners"][str(learner.seed)]
            learner.iteration, learner.evaluation = facts["iteration"], facts["evaluation"]
            learner.solved_at_step = facts["solved_at_step"]
            learner.account = Account(**facts.get("account") or {})
            prefix, what = f"seed-{learner.seed}/", "checkpoint"
            carry = checkpoint.restore(example, arrays, path=path, what=what, prefix=prefix)
            learner.carry = self.engine.resume(carry, learner.seed, learner.iteration)
        self._resume_best()

    def _plausible(self, about: dict[str, Any], path: Path) -> dict[str, Any]:
        """What a checkpoint says of itself, if that can be of this training. Raises `InputError`."""
        last = self.plan.total
        if about["iteration"] > last or about["step"] != about["iteration"] * self.plan.block:
            raise InputError(f"{path}: iteration = {about['iteration']} (step {about['step']}) is not allowed: must be "
                             f"at most {last}, of {self.plan.block} steps each")  # fmt: skip
        # Some seeds are ahead of the others where a request to stop came between; but no row or evaluation is.
        farthest = self.plan.next_stop(about["iteration"], last)
        for learner in self.learners:
            facts = about["learners"].get(str(learner.seed))
            if facts is None:
                raise InputError(f"{path}: 'learners.{learner.seed}' is missing")
            if facts["iteration"] > farthest:
                raise InputError(f"{path}: learners.{learner.seed}.iteration = {facts['iteration']} is not allowed: "
                                 f"must be at most {farthest}")  # fmt: skip
        return about

    def _resume_best(self) -> None:
        path = self.folder.best_path
        if not path.exists():
            return
        arrays, about = self.folder.read_best()
        checkpoint.expect(about, path, **self.about)
        example = self.engine.policy_example()
        for learner in self.learners:
            facts = about["learners"].get(str(learner.seed))
            if facts is not None:
                prefix = f"seed-{learner.seed}/policy/"
                learner.best_step = facts["step"]
                learner.best = -np.inf if facts["return_mean"] is None else facts["return_mean"]
                learner.best_policy = checkpoint.restore(example, arrays, path=path, what="checkpoint", prefix=prefix)

    def run(self, writer: MetricsWriter, request: Request) -> None:
        """Train to the end.

        Raises:
            RunError: the environment, the disk or learning (`DivergedError`) failed; the last good checkpoint is kept
                and named.
            Interrupted: `request` was made; a checkpoint was saved.
        """
        if isinstance(self.engine, Heeds):
            self.engine.heed(request.asked)
        if self.iteration == 0 and self.engine.name != "compiled":
            self._save(writer)  # an environment may fail at any step: there is always something to go back to
        try:
            self._run(writer, request)
        except Stopped as stopped:
            for learner in self.learners:
                learner.iteration = learner.carry.iteration
            self.iteration = min((each.iteration for each in self._active()), default=self.iteration)
            self._save(writer)
            raise Interrupted from stopped
        except ZeroneError as error:
            kind = DivergedError if isinstance(error, DivergedError) else RunError
            raise kind(f"{error}; {kept_in(self.folder)}") from error

    def _run(self, writer: MetricsWriter, request: Request) -> None:
        chunk = 1 if self.chunk is None else self.chunk
        if not self.looked:  # it was stopped in the middle of it
            self._report(self._looked_at(), writer, 0.0)
        while active := self._active():
            target = self.plan.next_stop(self.iteration, chunk)
            started = time.perf_counter()
            self._advance(active, target)
            took = time.perf_counter() - started
            first, steps = not self.startup_seconds, (target - self.iteration) * self.plan.block * len(active)
            if first:
                give_back_memory()  # what compiling has freed
                self.startup_seconds = time.perf_counter() - self.began
            elif self.chunk is None:
                chunk = max(1, min(2 * chunk, round(chunk * GLANCE_SECONDS / max(took, 1e-4))))
            self.iteration = target
            self._report(active, writer, time.perf_counter() - self.began)
            if not first:
                self.steady_steps += steps
                self.steady_seconds += time.perf_counter() - started
            if request.made:
                self._save(writer)
                raise Interrupted

    def _active(self) -> list[Learner]:
        if self.iteration >= self.plan.total:
            return []
        return [each for each in self.learners if not (self.stop_when_solved and each.solved_at_step is not None)]

    def _looked_at(self) -> list[Learner]:
        """The seeds that were active until this iteration, those that have been found to solve it only now, too."""
        step = self.iteration * self.plan.block
        return [each for each in self.learners if not self.stop_when_solved or each.solved_at_step in (None, step)]

    def _advance(self, active: list[Learner], target: int) -> None:
        active = [learner for learner in active if learner.iteration < target]  # one may be ahead, when one was stopped
        carries = [learner.carry for learner in active]
        firsts = [learner.iteration for learner in active]
        advanced = self.engine.advance(carries, [learner.seed for learner in active], firsts, target)
        for learner, carry in zip(active, advanced, strict=True):
            learner.carry, learner.iteration = carry, target

    def _report(self, active: list[Learner], writer: MetricsWriter, seconds: float) -> None:
        """Report, evaluate and save what is due after this iteration, then show progress."""
        plan, step = self.plan, self.iteration * self.plan.block
        rows: list[dict[str, Any]] = []
        latest = [each.evaluation for each in self.learners if each.evaluation is not None]
        if plan.has_row(self.iteration):
            first = plan.row_before(self.iteration)
            reports = [self.engine.report(learner.carry, first, self.iteration) for learner in active]
            judged = self._judged(active, [row for row, _ in reports], step)
            for learner, (row, carry), found in zip(active, reports, judged, strict=True):
                learner.carry = carry
                rows.append({"seed": learner.seed, "step": step, **row, **found})
            writer.write(rows)
            self._note = exploring(rows) or self._note
            latest = [float(row["return"]) for row in rows if row["return"] is not None] or latest
        if plan.due(self.iteration, plan.save_every) or not self._active():
            self._save(writer)
        self._show(active, seconds, latest)

    def _judged(self, active: list[Learner], rows: list[Row], step: int) -> list[Row]:
        """What is found of the policies of the seeds, if they are looked at now; `rows` are of the log until here.

        Until all are judged nothing is: a request to stop leaves it all to do.
        """
        before = [dataclasses.replace(each, account=dataclasses.replace(each.account)) for each in active]
        for learner, row in zip(active, rows, strict=True):
            if row["length"] is not None:
                learner.account.trained_length = float(row["length"])
        if not self.plan.has_look(self.iteration):
            return [{} for _ in active]
        started, self.looked = time.perf_counter(), False
        try:
            found = for_seeds(self.engine, lambda learner: self._evaluate(learner, step), active)
        except Stopped:
            for learner, was in zip(active, before, strict=True):
                vars(learner).update(vars(was))
            raise
        self.evaluation_seconds += time.perf_counter() - started
        self.looked = True
        return found

    def show_judging(self, episodes: int) -> None:
        """Show that at the end so many episodes of each seed are played, to judge its best policy."""
        self._show(self.learners, time.perf_counter() - self.began, [], episodes)

    def _show(self, active: list[Learner], seconds: float, latest: list[float], judging: int = 0) -> None:
        per_second = self.steady_steps / self.steady_seconds if self.steady_seconds else 0.0
        evaluating = self.evaluation_seconds / seconds if seconds else 0.0
        mean = float(np.mean(latest)) if latest else None
        solved = sum(each.solved_at_step is not None for each in self.learners)
        total = self.plan.total * self.plan.block
        seeds = len(self.learners)
        steps = self.iteration * self.plan.block
        now = TrainingStatus(steps, total, seconds, per_second, evaluating, mean, solved, seeds, self._note, judging)
        self.on_progress(now, lambda: self.engine.policy(active[0].carry))

    def _evaluate(self, learner: Learner, step: int) -> Row:
        """Judge a seed's policy, if there is time for it; remember it if none was better.

        A seed that ends because it is solved keeps the policy that has shown it, twice: one that was better once may
        only have been lucky then.
        """
        policy = self._sound_policy(learner)
        known, last = learner.solved_at_step is not None, self.iteration == self.plan.total
        found = self.evaluator.look(learner.account, policy, learner.seed, step, known, last)
        if found is None:
            if last and not known:
                # There was no time for a look. What has learnt longest is taken for the best then.
                learner.best, learner.best_step, learner.best_policy = -np.inf, step, policy
            return {}
        if not np.isfinite(found.mean):
            raise DivergedError(
                f"{self._place(learner)}: an evaluation's return is {found.mean}: actions or rewards are no numbers"
            )
        learner.evaluation = found.mean
        solves = not known and self.evaluator.solves(learner.account, policy, learner.seed, step, found)
        if solves:
            learner.solved_at_step = step
        if found.mean >= learner.best or (solves and self.stop_when_solved):
            learner.best, learner.best_step, learner.best_policy = found.mean, step, policy
        row: Row = {
            "evaluation_return": np.float32(found.mean),
            "evaluation_length": np.float32(found.lengths.mean(dtype=np.float64)),
        }
        if self.counts_episodes:
            row |= {
                "evaluation_episodes": np.float32(len(found.returns)),
                "evaluation_cut": np.float32(found.cut.sum()),
            }
        return row

    def _sound_policy(self, learner: Learner) -> Any:
        """A copy of a seed's policy. Raises `DivergedError` if it has lost its numbers, which it never finds again."""
        policy = self.engine.policy(learner.carry)
        arrays = checkpoint.flatten(policy).values()
        if not all(np.isfinite(each).all() for each in arrays if np.issubdtype(each.dtype, np.floating)):
            rate = "; a smaller learning_rate may help" if hasattr(self.engine.algorithm, "learning_rate") else ""
            raise DivergedError(
                f"{self._place(learner)}: the policy has become NaN or infinite, learning diverged{rate}"
            )
        return policy

    def _place(self, learner: Learner) -> str:
        step = learner.iteration * self.plan.block
        return f"{self.about['algorithm']} on {self.about['environment']}, seed {learner.seed}, step {step}"

    def _save(self, writer: MetricsWriter) -> None:
        if self.saved_iteration == self.iteration:
            return
        writer.sync()
        step = self.iteration * self.plan.block
        for learner in self.learners:
            self._sound_policy(learner)  # what is lost does not push out what is good
        best: dict[str, np.ndarray] = {}
        facts: dict[str, Any] = {}
        for learner in self.learners:
            if learner.best_policy is not None:
                best |= checkpoint.flatten(learner.best_policy, f"seed-{learner.seed}/policy/")
                judged = learner.best if np.isfinite(learner.best) else None  # it may never have been looked at
                facts[str(learner.seed)] = {"return_mean": judged, "step": learner.best_step}
        if best:
            checkpoint.save(self.folder.best_path, best, {**self.about, "learners": facts})
        arrays: dict[str, np.ndarray] = {}
        for learner in self.learners:
            arrays |= checkpoint.flatten(self.engine.saved(learner.carry), f"seed-{learner.seed}/")
        about = {**self.about, "iteration": self.iteration, "step": step, "looked": self.looked}
        about["learners"] = {str(each.seed): each.facts() for each in self.learners}
        checkpoint.save(self.folder.checkpoint_path(step), arrays, about)
        self.saved_iteration = self.iteration
        self.folder.prune(self.keep_last)


def kept_in(folder: RunFolder) -> str:
    """The end of the line of an error: what is kept of a run."""
    latest = folder.latest()
    return "no checkpoint was saved yet" if latest is None else f"the last checkpoint is {as_seen(latest)}"
