"""Which of several runs is better, and how sure that is: statistics over seeds.

A seed's *score* is what `result.json` says of it: the mean return of greedy episodes of its best policy, on episodes
that had no part in choosing that policy. What is said of the scores is from Agarwal et al. 2021 (`base/statistics.py`).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zerone.base.errors import InputError
from zerone.base.statistics import (
    CONFIDENCE,
    FEWEST_FOR_INTERVAL,
    bootstrap_interval,
    first_reached,
    interquartile_mean,
    mean,
    median,
    probability_of_improvement,
)
from zerone.environments import catalogue as environments
from zerone.runs.folder import RunFolder, names_of
from zerone.runs.metrics_table import read_metrics
from zerone.runs.run import Run

Bounds = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Reached:
    """When the seeds of a run first reached the threshold. Infinity: never; None: not known."""

    seeds: int
    steps_median: float
    steps_interval: Bounds
    seconds_median: float | None
    """Wall time from the start of the run, all seeds side by side: its start-up and its steady speed."""


@dataclasses.dataclass(frozen=True)
class Compared:
    """One run among others."""

    name: str
    path: Path
    algorithm: str
    seeds: tuple[int, ...]
    scores: np.ndarray
    """One for each seed, float64."""
    mean: float
    mean_interval: Bounds
    iqm: float
    iqm_interval: Bounds
    reached: Reached | None
    """None where there is no threshold."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """How likely a seed of `better` scores above one of `worse`."""

    better: str
    worse: str
    probability: float
    interval: Bounds


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Several runs in one environment."""

    environment: str
    threshold: float | None
    runs: tuple[Compared, ...]
    pairs: tuple[Pair, ...]
    tables: tuple[Mapping[str, np.ndarray], ...] = dataclasses.field(repr=False)
    """The columns of each run's `metrics.csv`."""

    def facts(self) -> dict[str, Any]:
        """The object of `zerone compare --json`."""
        return {
            "environment": self.environment,
            "threshold": self.threshold,
            "confidence": CONFIDENCE,
            "runs": [_facts(each) for each in self.runs],
            "pairs": [dataclasses.asdict(each) for each in self.pairs],
        }

    def plot(self, out: str | Path) -> Path:
        """Draw curves, scores and pairs into one file, a PNG, SVG or PDF by its suffix."""
        from zerone.show.comparison import draw

        curves = [(each.name, table) for each, table in zip(self.runs, self.tables, strict=True)]
        draw(curves, self.runs, self.pairs, out, self.threshold)
        return Path(out)


def compare(runs: Sequence[Run | str | Path], threshold: float | None = None) -> Comparison:
    """Compare finished runs in one environment: mean, interquartile mean, chance of improvement, time to a threshold.

    Args:
        runs: At least two, each a `Run` or a run folder, each of at least three seeds.
        threshold: The mean return whose first evaluation counts as having reached it; by default what the runs count
            as solved.

    Raises:
        InputError: fewer than two runs, one of them twice, not finished or of too few seeds; different environments;
            or no threshold given and different ones in the runs.
    """
    folders = [RunFolder.open(each.path if isinstance(each, Run) else each) for each in runs]
    results = _require_comparable(folders)
    if threshold is None:
        levels = {folder.config.get("solved_at") for folder in folders}
        if len(levels) > 1:
            listed = ", ".join("none" if each is None else f"{each:g}" for each in sorted(levels, key=str))
            raise InputError(f"threshold is missing: the runs count as solved at different returns ({listed})")
        threshold = levels.pop()
    tables = [read_metrics(folder.path) for folder in folders]
    rows = zip(names_of(folders), folders, results, tables, strict=True)
    compared = tuple(_compared(*row, threshold) for row in rows)
    pairs = tuple(_pair(left, right) for left, right in itertools.combinations(compared, 2))
    environment = str(folders[0].config["environment"]["id"])
    return Comparison(environment, threshold, compared, pairs, tuple(tables))


def _require_comparable(folders: Sequence[RunFolder]) -> list[dict[str, Any]]:
    """The results of runs, if they can be compared; else raises `InputError`."""
    if len(folders) < 2:
        raise InputError(f"{len(folders)} run is too few to compare: name at least two")
    places = [folder.path.resolve() for folder in folders]
    results: list[dict[str, Any]] = []
    for number, folder in enumerate(folders):
        if places[number] in places[:number]:
            raise InputError(f"{folder.path}: named twice: a run is not compared with itself")
        result = folder.read_result()
        if result is None:
            raise InputError(f"{folder.path}: has no result yet: end it with zerone train --resume {folder.path}")
        if len(result["seeds"]) < FEWEST_FOR_INTERVAL:
            raise InputError(
                f"{folder.path}: seeds = {len(result['seeds'])} is not allowed: an interval over seeds needs at least "
                f"{FEWEST_FOR_INTERVAL} (zerone plot draws runs of fewer)"
            )
        results.append(result)
    tasks = [_task(folder.config["environment"]) for folder in folders]
    for folder, task in zip(folders, tasks, strict=True):
        if task != tasks[0]:
            raise InputError(
                f"{folder.path}: is of {_described(task)}, {folders[0].path} of {_described(tasks[0])}: "
                "only runs in one environment can be compared"
            )
    return results


def _task(environment: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """What is judged by: what was only learnt from, such as a shaped reward, may differ."""
    entry = environments.find(environment["id"])
    options = dict(environment["options"])
    return environment["id"], options if entry is None else environments.as_judged(entry.id, options)


def _described(task: tuple[str, dict[str, Any]]) -> str:
    return " ".join([task[0], *(f"{name}={value}" for name, value in task[1].items())])


def _compared(
    name: str, folder: RunFolder, result: Mapping[str, Any], table: Mapping[str, np.ndarray], threshold: float | None
) -> Compared:
    scores = np.array([each["return_mean"] for each in result["seeds"]], np.float64)
    return Compared(
        name, folder.path, result["algorithm"], tuple(each["seed"] for each in result["seeds"]), scores,
        float(mean(scores)), bootstrap_interval(scores),
        float(interquartile_mean(scores)), bootstrap_interval(scores, statistic=interquartile_mean),
        None if threshold is None else _reached(table, result, threshold),
    )  # fmt: skip


def _reached(table: Mapping[str, np.ndarray], result: Mapping[str, Any], threshold: float) -> Reached:
    seeds = [each["seed"] for each in result["seeds"]]
    mine = [table["seed"] == seed for seed in seeds]
    firsts = np.array([first_reached(table["step"][of], table["evaluation_return"][of], threshold) for of in mine])
    middle, speed = float(median(firsts)), result["steps_per_second"]
    seconds = result["startup_seconds"] + middle * len(seeds) / speed if speed else None
    interval = bootstrap_interval(firsts, statistic=median)
    return Reached(int(np.isfinite(firsts).sum()), middle, interval, seconds)


def _pair(left: Compared, right: Compared) -> Pair:
    chance = probability_of_improvement(left.scores, right.scores)
    interval = bootstrap_interval(left.scores, right.scores, statistic=probability_of_improvement)
    return Pair(left.name, right.name, float(chance), interval)


def _facts(run: Compared) -> dict[str, Any]:
    facts = {
        "name": run.name,
        "run": str(run.path),
        "algorithm": run.algorithm,
        "seeds": list(run.seeds),
        "returns": run.scores.tolist(),
        "mean": run.mean,
        "mean_interval": run.mean_interval,
        "iqm": run.iqm,
        "iqm_interval": run.iqm_interval,
        "reached": None if run.reached is None else dataclasses.asdict(run.reached),
    }
    return facts
