"""The fields of all saved JSON objects: `config.json`, `sweep.json`, `result.json` and a checkpoint's `about`.

A folder may come from anybody, or may have been edited. So a file is validated as a whole when it is read, and later
code can rely on it. A new field is one line here: `Maybe`, if there are folders without it, with the default that
describes those folders. Unknown fields are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from zerone.base.errors import InputError
from zerone.base.files import read_object
from zerone.base.language import translated
from zerone.base.modules import ForeignId
from zerone.base.saved_types import (
    AccountState,
    AlgorithmConfig,
    AroundConfig,
    Best,
    BestState,
    Checkpoint,
    Config,
    DatasetConfig,
    EnvironmentConfig,
    EvaluationConfig,
    LearnerState,
    Live,
    ProcessesConfig,
    RangeConfig,
    Result,
    SeedResult,
    Sources,
    SweepConfig,
    WrapperConfig,
)
from zerone.training.fields import (
    Check,
    Maybe,
    anything,
    by_name,
    checked,
    either,
    fields,
    many,
    number,
    one_of,
    or_none,
    refuse,
    text,
    truth,
    whole,
)
from zerone.training.presets import KINDS, TUNED
from zerone.training.validation import LARGEST_SEED, MOST_EPISODES, MOST_SEEDS, MOST_STEPS, MOST_TRIALS

T = TypeVar("T")

VIEWS = ("auto", "picture", "grid", "numbers", "scaled", "first", "row")
"""Encodings of observations (`environments/gym/views.py`); the last is that of runs older than the option."""


NO_MASK = "off"
"""The constant of `environments/base.py`, repeated because that imports JAX, and reading a configuration must not."""
MOST_FRAMES, MOST_PROCESSES = 1_000, 1_024
"""The constants of `environments/gym/around.py` and `processes.py`."""


def _foreign_id(value: object, where: str) -> ForeignId:
    """The id or name of an environment; reading it from a file imports nothing."""
    return ForeignId(text(value, where))


def _option(value: object, where: str) -> Any:
    """An environment option; a text may name a shaped reward."""
    found = anything(value, where)
    return ForeignId(found) if isinstance(found, str) else found


def _algorithm(value: object, where: str) -> AlgorithmConfig:
    """An algorithm; its name is combined with the `source` stored beside it."""
    found = _ALGORITHM(value, where)
    found["name"] = ForeignId(found["name"], found["source"])
    return found


def _environment(value: object, where: str) -> EnvironmentConfig:
    """An environment; its id is combined with the `source` stored beside it."""
    found = _ENVIRONMENT(value, where)
    found["id"] = ForeignId(found["id"], found["source"])
    return found


def _some_seeds(value: object, where: str) -> list[int]:
    found = many(whole(0, LARGEST_SEED), at_least=1, distinct=True)(value, where)
    if len(found) > MOST_SEEDS:
        raise refuse(where, value, translated("at most {count:,} seeds", count=MOST_SEEDS))
    return found


_DATASET = fields(
    DatasetConfig,
    path=text,
    id=text,
    episodes=whole(1),
    steps=whole(1),
    sha256=text,
    own_play=Maybe(or_none(number(0, 1))),
)
_EVALUATION = fields(
    EvaluationConfig,
    choose_times=truth,
    choose_episodes=truth,
    choose_limit=truth,
    limit=whole(1, MOST_STEPS),
    stochastic=truth,
)
_ACCOUNT = fields(
    AccountState,
    looks=whole(),
    looking=whole(),
    testing=whole(),
    steps=whole(),
    trained_length=or_none(number(0)),
    judged_length=or_none(number(0)),
)
_AROUND = Maybe(
    or_none(
        fields(
            AroundConfig,
            frame_skip=whole(1, MOST_FRAMES),
            wrappers=many(fields(WrapperConfig, name=_foreign_id, options=by_name(anything))),
            frame_stack=whole(1, MOST_FRAMES),
        )
    )
)
"""Wrappers of an environment (`environments/gym/around.py`)."""
_PROCESSES = Maybe(or_none(fields(ProcessesConfig, number=whole(1, MOST_PROCESSES), replace_lost=truth)))
_ALGORITHM = fields(AlgorithmConfig, name=text, settings=by_name(anything), source=Maybe(or_none(_foreign_id)))
_ENVIRONMENT = fields(
    EnvironmentConfig,
    id=text,
    options=by_name(_option),
    known=truth,
    observations=Maybe(one_of(*VIEWS), "first"),
    around=_AROUND,
    action_mask=Maybe(text, "off"),
    source=Maybe(or_none(_foreign_id)),
)
CONFIG = fields(
    Config,
    format=whole(1),
    zerone=text,
    algorithm=_algorithm,
    environment=_environment,
    engine=one_of("compiled", "host", "cluster"),
    processes=_PROCESSES,
    dataset=Maybe(or_none(_DATASET)),
    seeds=_some_seeds,
    steps=whole(1, MOST_STEPS),
    episodes=Maybe(or_none(whole(1, MOST_EPISODES))),
    report_every=whole(1),
    evaluate_every=whole(1),
    save_every=whole(1),
    evaluation_episodes=whole(1, 1_000_000),
    evaluation=Maybe(or_none(_EVALUATION)),
    keep_last=Maybe(whole(1), 2),
    solved_at=Maybe(or_none(number())),
    stop_when_solved=Maybe(truth, False),
    figure=Maybe(truth, True),
    callbacks=Maybe(many(_foreign_id), []),
)
SWEEP = fields(
    SweepConfig,
    format=Maybe(whole(1, 1), 1),
    algorithm=_foreign_id,
    environment=_foreign_id,
    sources=Maybe(fields(Sources, algorithm=Maybe(or_none(_foreign_id)), environment=Maybe(or_none(_foreign_id))), {}),
    options=by_name(_option),
    observations=Maybe(one_of(*VIEWS[:-2]), "auto"),
    around=_AROUND,
    processes=_PROCESSES,
    settings=by_name(anything),
    preset=Maybe(one_of(*KINDS), TUNED),
    action_mask=Maybe(text, NO_MASK),
    space=by_name(either(fields(RangeConfig, low=number(), high=number()), many(anything, at_least=1))),
    driver=one_of("grid", "optuna"),
    points=whole(2, MOST_TRIALS),
    trials=whole(1, MOST_TRIALS),
    measure=one_of("mean", "last", "best"),
    steps=whole(1, MOST_STEPS),
    seeds=_some_seeds,
    engine=one_of("auto", "compiled", "host"),
)
RESULT = fields(
    Result,
    algorithm=text,
    steps_per_second=or_none(number(0)),
    startup_seconds=number(0),
    seeds=many(
        fields(
            SeedResult,
            seed=whole(0, LARGEST_SEED),
            return_mean=or_none(number()),
            returns=Maybe(or_none(many(or_none(number())))),
        ),
        at_least=1,
    ),
)
CHECKPOINT = fields(
    Checkpoint,
    iteration=whole(),
    step=whole(),
    looked=Maybe(truth, True),
    learners=by_name(
        fields(
            LearnerState,
            iteration=whole(),
            evaluation=or_none(number()),
            solved_at_step=or_none(whole()),
            episodes=Maybe(whole(), 0),
            account=Maybe(or_none(_ACCOUNT)),
        )
    ),
)
"""The `about` of a checkpoint to resume from, without the fields that identify the run."""
BEST = fields(Best, learners=by_name(fields(BestState, return_mean=or_none(number()), step=whole())))
LIVE = fields(Live, step=whole())


def read(path: Path, check: Check[T]) -> T:
    """The validated object in a file, with defaults filled in. Raises `InputError`, which names file and field."""
    return checked(read_object(path), check, path)


@contextmanager
def naming(path: object) -> Iterator[None]:
    """Add the file's path to an `InputError` raised in the block."""
    try:
        yield
    except InputError as error:
        if str(error).startswith((f"{path}: ", f"{path}：")):
            raise
        raise InputError(translated("{path}: {error}", path=path, error=error)) from error
