"""Training from a dataset: which options fit, what a run stores about it, and that a resumed run uses the same one."""

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
    """The dataset of a new training; None if it uses none.

    Raises:
        InputError: the algorithm is on-policy, or the dataset cannot be read, or was recorded with another reward
            than the environment's.
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
    """The name of the environment's reward that was recorded, as far as the dataset says."""
    told: Any = dataset.metadata.get("zerone")
    for name in ("environment", "options", "reward"):
        told = told.get(name) if isinstance(told, dict) else None
    return TASK_REWARD if told is None else str(told)[:40]


def begin(driver: Engine, dataset: Dataset | None, environment: str, own_play: float | None) -> DatasetConfig | None:
    """Pass a dataset to an engine; returns its description for the run's configuration.

    Raises:
        InputError: the environment's spaces differ from the dataset's.
    """
    if dataset is None:
        return None
    driver.learn_from(dataset.study(driver.spaces, environment, own_play))
    return dataset.facts(own_play)


def go_on(driver: Engine, config: Config, run: Path, dataset: str | Path | None) -> None:
    """Pass the dataset of a resumed run to its engine; `dataset` is its new path, if it was moved.

    Raises:
        InputError: the dataset is not there, or is a different one.
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
