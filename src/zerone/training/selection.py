"""Selecting the best policy of each seed: evaluates policies when the budget allows, and keeps the best."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

import numpy as np

from zerone.base.errors import said
from zerone.base.language import translated
from zerone.base.notices import notices
from zerone.engines.protocol import Row, Stopped
from zerone.environments import catalogue as environments
from zerone.training.columns import COUNTED
from zerone.training.evaluation import ASSUMED, Evaluator
from zerone.training.events import Evaluated
from zerone.training.job import Job, Learner
from zerone.training.metrics_table import columns_of
from zerone.training.side_by_side import for_seeds


class Selection:
    """Evaluates the policies of a training, and keeps the best of each seed.

    Attributes:
        counts_episodes: Whether the log has the number of episodes of each evaluation.
        complete: Whether all evaluations that were due have been made.
        seconds: Total duration of the evaluations.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        config, schedule = job.folder.config, job.schedule
        known = config["environment"]["known"] and environments.ours(config["environment"]["id"]) is not None
        self._evaluator = Evaluator(job.engine, schedule.evaluation, known, schedule.steps, schedule.stop_when_solved)
        # The log of an older run that is resumed has no column for the number of episodes.
        there = columns_of(job.folder.metrics_path) if config.get("evaluation") is None else COUNTED
        self.counts_episodes = "evaluation_episodes" in there
        self.complete = True
        self.seconds = 0.0
        self._notices = notices()

    def evaluate(
        self, learners: Sequence[Learner], rows: Sequence[Row], iteration: int, ends: bool = False
    ) -> list[tuple[Row, Evaluated | None]]:
        """Evaluate the policies of the seeds, if that is due; returns the log's `rows` with their evaluations.

        Evaluation is also due if the training `ends` for these seeds. The results are kept only once all seeds are
        evaluated: after a request to stop, all evaluations are repeated.
        """
        before = [dataclasses.replace(each, account=dataclasses.replace(each.account)) for each in learners]
        for learner, row in zip(learners, rows, strict=True):
            if row["length"] is not None:
                learner.account.trained_length = float(row["length"])
            if learner.account.trained_length is None and learner.account.judged_length is None:
                self._say_endless(iteration * self._job.block)
        if not (ends or self._job.timetable.has_evaluation(iteration)):
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
        """Use the last policy as the best of each seed that has none, at the end; whether there was such a seed.

        Without any evaluation, the policy that was trained longest is assumed to be the best.
        """
        without = [each for each in self._job.learners if each.best_policy is None]
        for learner in without:
            learner.keep_best(self._job.sound_policy(learner), -np.inf, iteration * self._job.block)
        return bool(without)

    def _say_endless(self, step: int) -> None:
        """Say once that no episode has ended yet: if none ever does, evaluations go on to their limit."""
        engine, recorded = self._job.engine, self._job.folder.config.get("dataset") is not None
        if recorded or engine.time_limit is not None or step < 2 * ASSUMED * engine.algorithm.environments:
            return
        self._notices(
            translated(
                "{environment}: no episode has ended in {steps:,} steps; if they never end, evaluations take long, and "
                "a time limit helps: {how}",
                environment=self._job.about["environment"],
                steps=step,
                how=said("--wrapper gymnasium.wrappers:TimeLimit,max_episode_steps=N", "gymnasium.wrappers.TimeLimit"),
            ),
            "endless",
        )

    def _evaluate(self, learner: Learner, iteration: int, ends: bool) -> tuple[Row, Evaluated | None]:
        """Evaluate a seed's policy if the budget allows, and store it if none was better.

        A seed that ends because it solved the environment keeps the policy that showed it, twice: an earlier policy
        with a higher return may only have been lucky.
        """
        step, stops = iteration * self._job.block, self._job.schedule.stop_when_solved
        policy = self._job.sound_policy(learner)
        known, last = learner.solved_at_step is not None, ends or iteration == self._job.timetable.total
        found = self._evaluator.evaluate(learner.account, policy, learner.seed, step, known, last)
        if found is None:
            if last and not known:
                learner.keep_best(policy, -np.inf, step)  # see `take_last`
            return {}, None
        if not np.isfinite(found.mean):
            what = translated("an evaluation's return is {mean}: actions or rewards are no numbers", mean=found.mean)
            raise self._job.diverged(learner, what)
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
