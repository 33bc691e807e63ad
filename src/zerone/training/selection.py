"""Which policy of each seed is the best: evaluated when there is time for it, and remembered."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

import numpy as np

from zerone.engines.protocol import Row, Stopped
from zerone.environments import catalogue as environments
from zerone.training.columns import COUNTED
from zerone.training.evaluation import Evaluator
from zerone.training.events import Evaluated
from zerone.training.job import Job, Learner
from zerone.training.metrics_table import columns_of
from zerone.training.side_by_side import for_seeds


class Selection:
    """Evaluates the policies of a training, and keeps the best of each seed.

    Attributes:
        counts_episodes: Whether the log says how many episodes an evaluation had.
        complete: Whether all that was due to be evaluated has been.
        seconds: How long evaluations have taken.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        config, schedule = job.folder.config, job.schedule
        known = config["environment"]["known"] and environments.ours(config["environment"]["id"]) is not None
        self._evaluator = Evaluator(job.engine, schedule.evaluation, known, schedule.steps, schedule.stop_when_solved)
        # The log of an older run that is resumed does not say how many episodes an evaluation had.
        there = columns_of(job.folder.metrics_path) if config.get("evaluation") is None else COUNTED
        self.counts_episodes = "evaluation_episodes" in there
        self.complete = True
        self.seconds = 0.0

    def evaluate(
        self, learners: Sequence[Learner], rows: Sequence[Row], iteration: int, ends: bool = False
    ) -> list[tuple[Row, Evaluated | None]]:
        """What is found of the policies of the seeds, if they are due now; `rows` are of the log until here.

        They are if the training `ends` for them. Until all are evaluated none is: a request to stop leaves it all to
        do.
        """
        before = [dataclasses.replace(each, account=dataclasses.replace(each.account)) for each in learners]
        for learner, row in zip(learners, rows, strict=True):
            if row["length"] is not None:
                learner.account.trained_length = float(row["length"])
        if not (ends or self._job.timetable.has_look(iteration)):
            return [({}, None) for _ in learners]
        started, self.complete = time.perf_counter(), False
        try:
            found = for_seeds(self._job.engine, lambda learner: self._evaluate(learner, iteration, ends), learners)
        except Stopped:
            for learner, was in zip(learners, before, strict=True):
                vars(learner).update(vars(was))
            raise
        self.seconds += time.perf_counter() - started
        self.complete = True
        return found

    def take_last(self, iteration: int) -> bool:
        """Let the last policy be the best of each seed that has none: the training ends. Whether there was such a seed.

        What has learnt longest is taken for the best where there was no time to evaluate any.
        """
        without = [each for each in self._job.learners if each.best_policy is None]
        for learner in without:
            learner.keep_best(self._job.sound_policy(learner), -np.inf, iteration * self._job.block)
        return bool(without)

    def _evaluate(self, learner: Learner, iteration: int, ends: bool) -> tuple[Row, Evaluated | None]:
        """Evaluate a seed's policy, if there is time for it; remember it if none was better.

        A seed that ends because it is solved keeps the policy that has shown it, twice: one that was better once may
        only have been lucky then.
        """
        step, stops = iteration * self._job.block, self._job.schedule.stop_when_solved
        policy = self._job.sound_policy(learner)
        known, last = learner.solved_at_step is not None, ends or iteration == self._job.timetable.total
        found = self._evaluator.look(learner.account, policy, learner.seed, step, known, last)
        if found is None:
            if last and not known:
                learner.keep_best(policy, -np.inf, step)  # see `take_last`
            return {}, None
        if not np.isfinite(found.mean):
            raise self._job.diverged(
                learner, f"an evaluation's return is {found.mean}: actions or rewards are no numbers"
            )
        learner.evaluation = found.mean
        solves = not known and self._evaluator.solves(learner.account, policy, learner.seed, step, found)
        if solves:
            learner.solved_at_step = step
        best = found.mean >= learner.best or (solves and stops)
        if best:
            learner.keep_best(policy, found.mean, step)
        row: Row = {
            "evaluation_return": np.float32(found.mean),
            "evaluation_length": np.float32(found.lengths.mean(dtype=np.float64)),
        }
        if self.counts_episodes:
            row |= {
                "evaluation_episodes": np.float32(len(found.returns)),
                "evaluation_cut": np.float32(found.cut.sum()),
            }
        event = Evaluated(
            learner.seed, step, found.mean, tuple(found.returns.tolist()), tuple(found.lengths.tolist()),
            int(found.cut.sum()), best, solves or known,
        )  # fmt: skip
        return row, event
