"""The types of the JSON contents of run and sweep folders. Data read from the files has been checked to fit them.

The tables that check it are in `training/schema.py`: one per class, with the same fields.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict, final

JSON = dict[str, Any]
"""An object with names that vary, such as an algorithm's settings or an environment's options."""


class AlgorithmConfig(TypedDict):
    """The algorithm with all its settings. `source` is the `module:Name` of a user-defined class."""

    name: str
    settings: JSON
    source: NotRequired[str | None]


class WrapperConfig(TypedDict):
    """One of Gymnasium's wrappers around an environment."""

    name: str
    options: JSON


class AroundConfig(TypedDict):
    """All wrappers around an environment, in their order: frame skip, wrappers, frame stack."""

    frame_skip: int
    wrappers: list[WrapperConfig]
    frame_stack: int


class ProcessesConfig(TypedDict):
    """The processes that run environments."""

    number: int
    replace_lost: bool


class DatasetConfig(TypedDict):
    """The dataset of recorded steps that is learnt from."""

    path: str
    id: str
    episodes: int
    steps: int
    sha256: str
    own_play: float | None


class EnvironmentConfig(TypedDict):
    """The environment, its options and wrappers, and how observations are encoded."""

    id: str
    options: JSON
    known: bool
    observations: str
    around: NotRequired[AroundConfig | None]
    action_mask: NotRequired[str]
    source: NotRequired[str | None]


class EvaluationConfig(TypedDict):
    """How policies are evaluated during the training."""

    choose_times: bool
    choose_episodes: bool
    choose_limit: bool
    limit: int
    stochastic: bool


class ScheduleConfig(TypedDict):
    """The length of a training, and the times of its reports, evaluations and checkpoints, in steps."""

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
    """`config.json`: all arguments of a training."""

    format: int
    zerone: str
    algorithm: AlgorithmConfig
    environment: EnvironmentConfig
    engine: str
    processes: ProcessesConfig | None
    dataset: DatasetConfig | None
    callbacks: list[str]


class SeedResult(TypedDict):
    """The result of one seed. Results of older versions may lack the fields that are not required."""

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
    """The callback that stopped a training, and its reason."""

    by: str
    reason: str


class Result(TypedDict):
    """`result.json`: the results of a training. Engines may add fields."""

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
    final_evaluation_seconds: float
    stochastic: bool
    return_mean: float | None
    seeds: list[SeedResult]


class AccountState(TypedDict):
    """The number and cost of a seed's evaluations, in environment steps."""

    looks: int
    looking: int
    testing: int
    steps: int
    trained_length: float | None
    judged_length: float | None


class LearnerState(TypedDict):
    """The metadata of one seed in a checkpoint."""

    iteration: int
    evaluation: float | None
    solved_at_step: int | None
    episodes: int
    account: AccountState | None


class Checkpoint(TypedDict):
    """The metadata of a checkpoint to resume from."""

    iteration: int
    step: int
    looked: bool
    learners: dict[str, LearnerState]


class BestState(TypedDict):
    """The step and the mean return of a seed's best policy."""

    return_mean: float | None
    step: int


class Best(TypedDict):
    """The metadata of the checkpoint with the best policies."""

    learners: dict[str, BestState]


class Live(TypedDict):
    """The metadata of the policy that is shown live during a training."""

    step: int


class Sources(TypedDict, total=False):
    """The `module:Name` of user-defined classes."""

    algorithm: str | None
    environment: str | None


class RangeConfig(TypedDict):
    """The range of a setting in a sweep."""

    low: float
    high: float


@final
class SweepConfig(TypedDict):
    """`sweep.json`: all arguments of a sweep."""

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
