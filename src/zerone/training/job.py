"""The state shared by all parts of the training loop: what is trained, where it is saved, and each seed's progress."""

from __future__ import annotations

import dataclasses

import numpy as np

from zerone.base.errors import RunError
from zerone.base.language import translated
from zerone.base.saved_types import LearnerState
from zerone.engines.protocol import Engine
from zerone.training import checkpoint
from zerone.training.algorithm_setup import settings_of
from zerone.training.evaluation import Account
from zerone.training.folder import RunFolder
from zerone.training.schedule import Schedule


class DivergedError(RunError):
    """Learning has diverged (NaN or infinity in the policy): continuing would change nothing."""


@dataclasses.dataclass
class Learner:
    """The state of one seed of a training, and its best policy so far."""

    seed: int
    carry: object
    iteration: int = 0
    evaluation: float | None = None
    solved_at_step: int | None = None
    episodes: int = 0
    """Episodes that had ended at the last row of the log."""
    best: float = -np.inf
    best_step: int = 0
    best_policy: object = None
    account: Account = dataclasses.field(default_factory=Account)

    def facts(self) -> LearnerState:
        """The state of this seed that a checkpoint stores besides its arrays."""
        return {
            "iteration": self.iteration,
            "evaluation": self.evaluation,
            "solved_at_step": self.solved_at_step,
            "episodes": self.episodes,
            "account": self.account.describe(),
        }

    def keep_best(self, policy: object, mean: float, step: int) -> None:
        """Store a copy of a policy as the best."""
        self.best, self.best_step, self.best_policy = mean, step, policy


class Job:
    """A training: its engine, folder and schedule, and a learner per seed."""

    def __init__(self, engine: Engine, folder: RunFolder, schedule: Schedule) -> None:
        self.engine, self.folder, self.schedule = engine, folder, schedule
        self.timetable = schedule.timetable(engine.algorithm)
        self.learners = [Learner(seed, None) for seed in schedule.seeds]
        self.about = {
            "algorithm": engine.algorithm.name,
            "environment": folder.config["environment"]["id"],
            "engine": engine.name,
        }

    def has_all_episodes(self, learner: Learner) -> bool:
        """Whether a seed has had all requested episodes, and that was reported."""
        return self.schedule.episodes is not None and learner.episodes >= self.schedule.episodes

    def ends(self, learner: Learner) -> bool:
        """Whether a seed had its last episode in this iteration, and that has not been reported yet."""
        wanted = self.schedule.episodes
        if wanted is None or learner.episodes >= wanted:
            return False
        return learner.episodes + self.engine.episodes_ended(learner.carry) >= wanted

    @property
    def block(self) -> int:
        """Environment steps per iteration."""
        return self.timetable.block

    def sound_policy(self, learner: Learner) -> object:
        """A copy of a seed's policy. Raises `DivergedError` if it contains NaN or infinity."""
        policy = self.engine.policy(learner.carry)
        arrays = checkpoint.flatten(policy).values()
        if not all(np.isfinite(each).all() for each in arrays if np.issubdtype(each.dtype, np.floating)):
            what = translated("the policy has become NaN or infinite, learning diverged")
            if not self.engine.steps_one_by_one:  # else each reward has been checked
                what += translated(", or a reward was no finite number")
            if "learning_rate" in settings_of(self.engine.algorithm):
                what += translated("; a smaller learning_rate may help")
            raise self.diverged(learner, what)
        return policy

    def diverged(self, learner: Learner, what: str) -> DivergedError:
        """The error of a seed whose learning has diverged."""
        step = learner.iteration * self.block
        return DivergedError(
            translated("{algorithm} on {environment}, seed {seed}, step {step}: {what}",
                       algorithm=self.about["algorithm"], environment=self.about["environment"], seed=learner.seed,
                       step=step, what=what)
        )  # fmt: skip
