"""What the files of runs and sweeps hold, for a type checker: what is read there has been checked to be so.

The tables that check it are in `training/schema.py`, one for each class here, with the same fields.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict, final

JSON = dict[str, Any]
"""An object whose names are a person's: settings of an algorithm, options of an environment."""


class AlgorithmConfig(TypedDict):
    """Which algorithm, with every setting."""

    name: str
    settings: JSON
    source: NotRequired[str | None]


class WrapperConfig(TypedDict):
    """One wrapper around an environment."""

    name: str
    options: JSON


class AroundConfig(TypedDict):
    """What is put around an environment."""

    frame_skip: int
    wrappers: list[WrapperConfig]
    frame_stack: int


class ProcessesConfig(TypedDict):
    """In what processes environments are played."""

    number: int
    replace_lost: bool


class DatasetConfig(TypedDict):
    """What recorded steps are learnt from."""

    path: str
    id: str
    episodes: int
    steps: int
    sha256: str
    own_play: float | None


class EnvironmentConfig(TypedDict):
    """Which environment, and how it is made and seen."""

    id: str
    options: JSON
    known: bool
    observations: str
    around: NotRequired[AroundConfig | None]
    action_mask: NotRequired[str]
    source: NotRequired[str | None]


class EvaluationConfig(TypedDict):
    """How policies are evaluated while they learn."""

    choose_times: bool
    choose_episodes: bool
    choose_limit: bool
    limit: int
    stochastic: bool


class ScheduleConfig(TypedDict):
    """How long a training is, and when it does what."""

    seeds: list[int]
    steps: int
    episodes: NotRequired[int | None]
    report_every: int
    evaluate_every: int
    save_every: int
    evaluation_episodes: int
    evaluation: EvaluationConfig | None
    keep_last: int
    solved_at: float | None
    stop_when_solved: bool
    figure: bool


@final
class Config(ScheduleConfig):
    """`config.json`: what is trained."""

    format: int
    zerone: str
    algorithm: AlgorithmConfig
    environment: EnvironmentConfig
    engine: str
    processes: ProcessesConfig | None
    dataset: DatasetConfig | None
    callbacks: list[str]


class SeedResult(TypedDict):
    """What came of one seed; an older result may lack what is not required."""

    seed: int
    return_mean: float | None
    returns: list[float] | None
    solved: bool
    solved_at_step: int | None
    return_std: float | None
    cut: NotRequired[int]
    steps: int
    best_step: int
    evaluation_steps: int


class Stopped(TypedDict):
    """Which callback has ended a training, and why."""

    by: str
    reason: str


class Result(TypedDict):
    """`result.json`: how a training ended. An engine may say more."""

    run: str
    algorithm: str
    environment: str
    engine: str
    stopped: Stopped | None
    steps: int
    seconds: float
    steps_per_second: float | None
    startup_seconds: float
    evaluation_steps: int
    evaluation_seconds: float
    judgement_seconds: float
    stochastic: bool
    return_mean: float | None
    seeds: list[SeedResult]


class AccountState(TypedDict):
    """What evaluations of a seed have taken."""

    looks: int
    looking: int
    testing: int
    steps: int
    trained_length: float | None
    judged_length: float | None


class LearnerState(TypedDict):
    """What a checkpoint says of a seed, besides its arrays."""

    iteration: int
    evaluation: float | None
    solved_at_step: int | None
    episodes: int
    account: AccountState | None


class Checkpoint(TypedDict):
    """What a checkpoint to resume from says of itself."""

    iteration: int
    step: int
    looked: bool
    learners: dict[str, LearnerState]


class BestState(TypedDict):
    """When a policy was the best of its seed, and how good."""

    return_mean: float | None
    step: int


class Best(TypedDict):
    """What the checkpoint of the best policies says of itself."""

    learners: dict[str, BestState]


class Live(TypedDict):
    """What the policy says of itself that a training shows while it goes on."""

    step: int


class Sources(TypedDict, total=False):
    """Where the classes of names from outside are."""

    algorithm: str | None
    environment: str | None


class RangeConfig(TypedDict):
    """From where to where a setting is varied."""

    low: float
    high: float


@final
class SweepConfig(TypedDict):
    """`sweep.json`: what is tried."""

    format: NotRequired[int]
    algorithm: str
    environment: str
    sources: Sources
    options: JSON
    observations: str
    around: AroundConfig | None
    processes: ProcessesConfig | None
    settings: JSON
    preset: str
    action_mask: str
    space: dict[str, Any]
    driver: str
    points: int
    trials: int
    measure: str
    steps: int
    seeds: list[int]
    engine: str
