"""One training as all parts of the loop see it: what is trained, where it is kept, and how far each seed is."""

from __future__ import annotations

import dataclasses

import numpy as np

from zerone.base.errors import RunError
from zerone.base.saved_types import LearnerState
from zerone.engines.protocol import Engine
from zerone.training import checkpoint
from zerone.training.algorithm_setup import settings_of
from zerone.training.evaluation import Account
from zerone.training.folder import RunFolder
from zerone.training.schedule import Schedule


class DivergedError(RunError):
    """Learning has lost its numbers: going on would change nothing any more."""


@dataclasses.dataclass
class Learner:
    """One seed of a training: where it is, and the best it has been."""

    seed: int
    carry: object
    iteration: int = 0
    evaluation: float | None = None
    solved_at_step: int | None = None
    episodes: int = 0
    """How many have ended until the last row of the log."""
    best: float = -np.inf
    best_step: int = 0
    best_policy: object = None
    account: Account = dataclasses.field(default_factory=Account)

    def facts(self) -> LearnerState:
        """What a checkpoint must know of this seed besides its arrays."""
        return {
            "iteration": self.iteration,
            "evaluation": self.evaluation,
            "solved_at_step": self.solved_at_step,
            "episodes": self.episodes,
            "account": self.account.describe(),
        }

    def keep_best(self, policy: object, mean: float, step: int) -> None:
        """Take a policy for the best."""
        self.best, self.best_step, self.best_policy = mean, step, policy


class Job:
    """A training: its engine, folder and schedule, and a learner of each seed."""

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
        """Whether a seed has had all episodes that were asked for, and has been reported since."""
        return self.schedule.episodes is not None and learner.episodes >= self.schedule.episodes

    def ends(self, learner: Learner) -> bool:
        """Whether a seed has had them with this iteration, and there is its end to be reported."""
        wanted = self.schedule.episodes
        if wanted is None or learner.episodes >= wanted:
            return False
        return learner.episodes + self.engine.episodes_ended(learner.carry) >= wanted

    @property
    def block(self) -> int:
        """Steps of an iteration."""
        return self.timetable.block

    def sound_policy(self, learner: Learner) -> object:
        """A copy of a seed's policy. Raises `DivergedError` if it has lost its numbers, which it never finds again."""
        policy = self.engine.policy(learner.carry)
        arrays = checkpoint.flatten(policy).values()
        if not all(np.isfinite(each).all() for each in arrays if np.issubdtype(each.dtype, np.floating)):
            rate = "; a smaller learning_rate may help" if "learning_rate" in settings_of(self.engine.algorithm) else ""
            raise self.diverged(learner, f"the policy has become NaN or infinite, learning diverged{rate}")
        return policy

    def diverged(self, learner: Learner, what: str) -> DivergedError:
        """The error of a seed that has lost its numbers."""
        step = learner.iteration * self.block
        return DivergedError(
            f"{self.about['algorithm']} on {self.about['environment']}, seed {learner.seed}, step {step}: {what}"
        )
