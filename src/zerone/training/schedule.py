"""The options of a training besides algorithm and environment: validated once, and stored in `config.json`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from zerone.algorithms.protocol import Algorithm
from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.saved_types import Config, ScheduleConfig
from zerone.engines.protocol import LONGEST_EVALUATION, EvaluationSettings
from zerone.training import timetable
from zerone.training.evaluation import EVALUATION_EPISODES, EvaluationPlan
from zerone.training.validation import MOST_EPISODES, MOST_STEPS, chosen_seeds, require_count, require_finite

DEFAULT_STEPS = 100_000
LIKELY_LENGTH = 200
"""Assumed steps of an episode, for spacing evaluations, checkpoints and rows of a training that counts episodes."""


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long and with which seeds to train, when and how to evaluate, when to save, and whether to draw figures.

    All counts are environment steps of one seed, rounded to whole updates of the algorithm.
    """

    seeds: tuple[int, ...]
    steps: int
    report_every: int
    evaluate_every: int
    save_every: int
    evaluation: EvaluationPlan
    keep_last: int = 2
    stop_when_solved: bool = False
    figure: bool = True
    episodes: int | None = None
    """Episodes after which each seed ends; then `steps` only determines the spacing of everything else."""

    def describe(self) -> ScheduleConfig:
        """As stored in `config.json`; the inverse of `read`."""
        found: ScheduleConfig = {
            "seeds": list(self.seeds),
            "steps": self.steps,
            "report_every": self.report_every,
            "evaluate_every": self.evaluate_every,
            "save_every": self.save_every,
            "evaluation": self.evaluation.describe(),
            "keep_last": self.keep_last,
            "stop_when_solved": self.stop_when_solved,
            "figure": self.figure,
            "episodes": self.episodes,
            "evaluation_episodes": self.evaluation.episodes,
            "solved_at": self.evaluation.solved_at,
        }
        if self.episodes is None:
            del found["episodes"]
        return found

    @staticmethod
    def read(config: Config) -> Schedule:
        """The schedule of a run, from its configuration."""
        return Schedule(
            tuple(config["seeds"]),
            config["steps"],
            config["report_every"],
            config["evaluate_every"],
            config["save_every"],
            EvaluationPlan.read(config),
            config["keep_last"],
            config["stop_when_solved"],
            config["figure"],
            config.get("episodes"),  # only some runs have it
        )

    def timetable(self, algorithm: Algorithm) -> timetable.Timetable:
        """The schedule in iterations. Raises `InputError` if the counts do not fit the algorithm."""
        found = timetable.read(algorithm, self.describe())
        return found if self.episodes is None else timetable.without_end(algorithm, found)


def make_schedule(
    algorithm: Algorithm,
    preset: Mapping[str, Any],
    *,
    steps: int | None = None,
    episodes: int | None = None,
    seed: int | None = None,
    seeds: int | Sequence[int] | None = None,
    evaluate_every: int | None = None,
    evaluation_episodes: int | None = None,
    evaluation_limit: int | None = None,
    stochastic: bool = False,
    save_every: int | None = None,
    keep_last: int = 2,
    stop_when_solved: bool | None = None,
    solved_at: float | None = None,
    figure: bool = True,
) -> Schedule:
    """The schedule of a training: the user's options (see `zerone.train`), else the preset's, else defaults.

    Raises:
        InputError: a number is not allowed; the message names it.
    """
    if steps is not None and episodes is not None:
        raise InputError(
            translated(
                "steps = {steps} and episodes = {episodes} exclude each other: a training has one length",
                steps=steps,
                episodes=episodes,
            )
        )
    require_count("evaluation_episodes", 1 if evaluation_episodes is None else evaluation_episodes, MOST_EPISODES)
    require_count("evaluation_limit", 1 if evaluation_limit is None else evaluation_limit, MOST_STEPS)
    require_count("keep_last", keep_last)
    require_finite("solved_at", 0.0 if solved_at is None else solved_at)
    chosen = chosen_seeds(seed, seeds)
    tuned = preset if steps is None and episodes is None else {}  # a preset's for its own length only
    episodes = tuned.get("episodes", episodes)
    require_count("episodes", 1 if episodes is None else episodes, MOST_EPISODES)
    usual = tuned.get("steps", DEFAULT_STEPS) if episodes is None else _spacing(algorithm, episodes)
    times = timetable.make_timetable(
        algorithm,
        usual if steps is None else steps,
        tuned.get("evaluate_every") if evaluate_every is None else evaluate_every,
        save_every,
        early=evaluate_every is None,
    )
    plan = EvaluationPlan(
        evaluation_episodes or EVALUATION_EPISODES,
        choose_times=evaluate_every is None,
        choose_episodes=evaluation_episodes is None,
        choose_limit=evaluation_limit is None,
        how=EvaluationSettings(evaluation_limit or LONGEST_EVALUATION, stochastic),
        solved_at=solved_at,
    )
    stops = steps is None and tuned.get("stop_when_solved", episodes is None)
    return Schedule(
        tuple(chosen),
        **timetable.describe(times),
        evaluation=plan,
        keep_last=keep_last,
        stop_when_solved=stops if stop_when_solved is None else stop_when_solved,
        figure=figure,
        episodes=episodes,
    )


def require_counted(schedule: Schedule, recorded: bool, own_play: float | None, spread: int | None) -> None:
    """Raise `InputError` if the training should end after a number of episodes, but they cannot be counted."""
    if schedule.episodes is None:
        return
    if recorded and own_play is None:
        raise InputError(
            translated(
                "episodes = {episodes} is not allowed with a dataset alone, in which none is played",
                episodes=schedule.episodes,
            )
        )
    if spread is not None:
        raise InputError(
            translated("episodes = {episodes} is not allowed with spread: give steps", episodes=schedule.episodes)
        )


def _spacing(algorithm: Algorithm, episodes: int) -> int:
    """An estimate of the steps of so many episodes, whose lengths are unknown, for spacing evaluations and rows."""
    return min(LIKELY_LENGTH * episodes, timetable.most_steps(algorithm))
