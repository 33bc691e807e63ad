"""The options of a sweep: validated before it begins, stored in `sweep.json`, and validated again when that is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zerone.base.claim import is_abandoned
from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.modules import ForeignId
from zerone.base.saved_types import SweepConfig
from zerone.studies.search import Choices, Grid, Optuna, Range, Search, require_few, require_space
from zerone.studies.sweep_result import made_with
from zerone.training import schema, validation
from zerone.training.folder_kind import SWEEP


def read_config(path: Path) -> SweepConfig:
    """The options of the sweep in a folder. Raises `InputError` if there is none, or it is damaged."""
    config = read_names(path)
    with schema.naming(path / SWEEP):
        config["space"] = {name: _listed(each) for name, each in config["space"].items()}
        space = _space(config)
        require_space(config["algorithm"], space, config["driver"])
        require_different(space, config["settings"])
        require_other_seeds(config["seeds"])
        for each in corners(space, config["driver"], config["points"]):
            made_with(config, each)
    return config


def read_names(path: Path) -> SweepConfig:
    """The fields of a sweep's file, each validated by itself; nothing that it names is made."""
    require_sweep(path)
    found = schema.read(path / SWEEP, schema.SWEEP)
    found["algorithm"] = ForeignId(found["algorithm"], found["sources"].get("algorithm"))
    found["environment"] = ForeignId(found["environment"], found["sources"].get("environment"))
    found["action_mask"] = ForeignId(found["action_mask"])
    return found


def require_sweep(path: Path) -> None:
    """Raise `InputError` unless `path` is the folder of a sweep."""
    if not (path / SWEEP).exists():
        raise InputError(translated("{path}: not the folder of a sweep (it has no {sweep})", path=path, sweep=SWEEP))


def require_free(path: Path) -> None:
    """Raise `InputError` unless a new sweep can be created at `path`."""
    if path.exists() and not is_abandoned(path):
        raise InputError(
            translated("{path}: exists already; go on with a sweep with resume, or choose another folder", path=path)
        )


def require_different(space: Mapping[str, Choices], settings: Mapping[str, Any]) -> None:
    """Raise `InputError` if a setting is both varied and fixed."""
    both = sorted(set(space) & set(settings))
    if both:
        raise InputError(translated("{both} is not allowed twice: it is varied, or it has one value", both=both[0]))


def require_other_seeds(seeds: list[int]) -> None:
    """Raise `InputError` unless as many further seeds exist, for confirming the best setting."""
    validation.require_seed(max(seeds) + len(seeds))


def corners(space: Mapping[str, Choices], driver: str, points: int) -> list[dict[str, Any]]:
    """Settings that represent all of a sweep for validation: a whole grid; with Optuna one value at a time."""
    if driver == "grid":
        require_few(space, points)
        return Grid(space, points).trials
    ends = {name: [each.low, each.high] if isinstance(each, Range) else each for name, each in space.items()}
    first = {name: values[0] for name, values in ends.items()}
    return [{**first, name: value} for name, values in ends.items() for value in values]


def search_of(config: SweepConfig) -> Search:
    """The search for the sweep's settings."""
    space = _space(config)
    return Grid(space, config["points"]) if config["driver"] == "grid" else Optuna(space, config["trials"])


def described(choices: Choices) -> Any:
    """Choices as JSON values."""
    return dataclasses.asdict(choices) if isinstance(choices, Range) else list(choices)


def _space(config: SweepConfig) -> dict[str, Choices]:
    return {name: Range(each["low"], each["high"]) if isinstance(each, dict) else each
            for name, each in config["space"].items()}  # fmt: skip


def _listed(choices: Any) -> Any:
    """Choices read from JSON, which has no tuples: layer widths are one value."""
    if isinstance(choices, dict):
        return choices
    found: list[Any] = choices
    return [tuple(each) if isinstance(each, list) else each for each in found]
