"""What a training is asked besides its algorithm and environment: made and checked once, and kept in `config.json`."""

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
from zerone.training.evaluation import EVALUATION_EPISODES, Ways
from zerone.training.validation import MOST_EPISODES, MOST_STEPS, chosen_seeds, require_count

DEFAULT_STEPS = 100_000
LIKELY_LENGTH = 200
"""Steps of an episode by which evaluations, checkpoints and rows of a training that counts episodes are spaced."""


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long, on which seeds, when and how it evaluates, when it saves, and what is drawn at the end.

    All counts are environment steps of a seed, in whole updates of the algorithm.
    """

    seeds: tuple[int, ...]
    steps: int
    report_every: int
    evaluate_every: int
    save_every: int
    evaluation: Ways
    keep_last: int = 2
    stop_when_solved: bool = False
    figure: bool = True
    episodes: int | None = None
    """How many each seed has before it ends; then `steps` is nothing but what all else is spaced by."""

    def describe(self) -> ScheduleConfig:
        """As `config.json` has it; `read` reads it back."""
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
        """That of a run, from its configuration."""
        return Schedule(
            tuple(config["seeds"]),
            config["steps"],
            config["report_every"],
            config["evaluate_every"],
            config["save_every"],
            Ways.read(config),
            config["keep_last"],
            config["stop_when_solved"],
            config["figure"],
            config.get("episodes"),  # which only some runs have
        )

    def timetable(self, algorithm: Algorithm) -> timetable.Timetable:
        """The same in iterations. Raises `InputError` where they are none of this algorithm."""
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
    """The schedule of a training: what a person asks (see `zerone.train`), else what the preset says, else a default.

    Raises:
        InputError: a number that is not allowed; the line names it.
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
    chosen = chosen_seeds(seed, seeds)
    tuned = preset if steps is None and episodes is None else {}  # of the training itself, for its length alone
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
    ways = Ways(
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
        evaluation=ways,
        keep_last=keep_last,
        stop_when_solved=stops if stop_when_solved is None else stop_when_solved,
        figure=figure,
        episodes=episodes,
    )


def require_counted(schedule: Schedule, recorded: bool, own_play: float | None, spread: int | None) -> None:
    """Raise `InputError` where episodes are asked for that cannot be counted."""
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
    """Steps by which a training of so many episodes is divided: nobody knows how long they will be."""
    return min(LIKELY_LENGTH * episodes, timetable.most_steps(algorithm))
