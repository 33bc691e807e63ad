"""A training that studies a dataset: what may, what is written down of it, and that a resumed one studies the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zerone.algorithms import catalogue as algorithms
from zerone.algorithms.protocol import Algorithm
from zerone.base.errors import InputError, said
from zerone.base.language import translated
from zerone.base.place import absolute
from zerone.base.saved_types import Config, DatasetConfig
from zerone.engines.protocol import Engine
from zerone.environments.catalogue import TASK_REWARD
from zerone.offline.dataset import Dataset
from zerone.offline.reading import read


def open_dataset(
    dataset: str | Path | None, own_play: float | None, algorithm: Algorithm, options: Mapping[str, Any]
) -> Dataset | None:
    """The dataset that a training begins with; None if it has none.

    Raises:
        InputError: the algorithm learns from its own play only, or the dataset cannot be read, or was rewarded
            otherwise than the environment shall be.
    """
    if dataset is None:
        if own_play is not None:
            raise InputError(
                translated(
                    "own_play = {own_play!r} is not allowed without a dataset: it all is own play", own_play=own_play
                )
            )
        return None
    algorithms.require_off_policy(algorithm)
    found = read(dataset)
    asked, theirs = options.get("reward", TASK_REWARD), _reward(found)
    if asked != theirs:
        raise InputError(
            translated(
                "reward = {asked!r} is not allowed: dataset {path} was recorded with the reward {theirs!r}",
                asked=str(asked),
                path=found.path,
                theirs=theirs,
            )
        )
    return found


def _reward(dataset: Dataset) -> str:
    """Which of an environment's rewards was recorded, as far as it is said."""
    told: Any = dataset.metadata.get("zerone")
    for name in ("environment", "options", "reward"):
        told = told.get(name) if isinstance(told, dict) else None
    return TASK_REWARD if told is None else str(told)[:40]


def begin(driver: Engine, dataset: Dataset | None, environment: str, own_play: float | None) -> DatasetConfig | None:
    """Let an engine study; what the run's configuration says of it.

    Raises:
        InputError: the environment has other spaces than the dataset.
    """
    if dataset is None:
        return None
    driver.learn_from(dataset.study(driver.spaces, environment, own_play))
    return dataset.facts(own_play)


def go_on(driver: Engine, config: Config, run: Path, dataset: str | Path | None) -> None:
    """Let the engine of a resumed run study what it did before; `dataset` is where that is now, if it was moved.

    Raises:
        InputError: that dataset is not there, or is another one.
    """
    saved = config.get("dataset")
    if saved is None:
        if dataset is not None:
            raise InputError(
                translated(
                    "dataset {dataset} is not allowed: {run} was begun without one, and goes on so",
                    dataset=dataset,
                    run=run,
                )
            )
        return
    place = absolute(saved["path"] if dataset is None else dataset)
    if dataset is None and not place.exists():
        where = said("--from", "dataset=")
        raise InputError(
            translated(
                "{run} studies the dataset {place}, which is gone: say where it is now with {where}",
                run=run,
                place=place,
                where=where,
            )
        )
    found = read(place)
    if found.checksum() != saved["sha256"]:
        raise InputError(
            translated(
                "dataset {place} is not the one that {run} was begun with: {steps:,} steps of other play or "
                "spaces, its SHA-256 is not {sha256}…",
                place=place,
                run=run,
                steps=found.steps,
                sha256=saved["sha256"][:12],
            )
        )
    driver.learn_from(found.study(driver.spaces, config["environment"]["id"], saved["own_play"]))
