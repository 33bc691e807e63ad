"""Comparing runs with statistics over seeds: which is better, and how certain that is.

The *score* of a seed is its mean return in `result.json`: that of its best policy, on episodes that were not used to
select that policy. All seeds are evaluated on the same episodes, so the randomness of the episodes is part of the
interval of one run's mean, and cancels in the difference of two. The statistics of the scores are those of Agarwal et
al. 2021 (`base/statistics.py`).
"""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zerone.base.by_seed import rows_by_seed
from zerone.base.errors import InputError
from zerone.base.intervals import (
    CONFIDENCE,
    FEWEST_FOR_MEDIAN,
    Bounds,
    interquartile_bounds,
    interval,
)
from zerone.base.language import translated
from zerone.base.place import as_seen
from zerone.base.saved_types import Result, SeedResult
from zerone.base.scalars import python_numbers
from zerone.base.shared import episodes_parts, shared_bounds
from zerone.base.statistics import (
    difference_of_means,
    first_reached,
    interquartile_mean,
    left_out,
    mean,
    median,
    probability_of_improvement,
)
from zerone.base.values import short
from zerone.charts.image import Figure
from zerone.studies.comparable import is_compiled, require_comparable
from zerone.training.folder import RunFolder, names_of
from zerone.training.metrics_table import read_metrics, require_column
from zerone.training.notebook import about_of
from zerone.training.run import Run
from zerone.training.validation import require_finite


@dataclasses.dataclass(frozen=True)
class Reached:
    """When the seeds of a run first reached the threshold. Infinity: never; None: unknown."""

    seeds: int
    steps_median: float
    steps_interval: Bounds | None
    """None if there are too few seeds, or all are equal."""
    seconds_median: float | None
    """Wall-clock time since the start of the run, with all seeds in parallel, including its start-up."""


@dataclasses.dataclass(frozen=True)
class Compared:
    """The statistics of one run."""

    name: str
    path: Path
    algorithm: str
    evaluation_engine: str
    """The engine of the evaluation: other engines play other episodes."""
    seeds: tuple[int, ...]
    steps: int
    """The maximum steps of a seed."""
    scores: np.ndarray
    """float64 [seeds]."""
    returns: np.ndarray | None = dataclasses.field(repr=False)
    """[seeds, episodes]; None for runs older than this field."""
    mean: float
    mean_interval: Bounds | None
    iqm: float
    iqm_interval: Bounds | None
    reached: Reached | None
    """None without a threshold."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """The probability that a seed of `better` scores above one of `worse`, and the difference of their mean scores."""

    better: str
    worse: str
    probability: float
    interval: Bounds | None
    difference: float
    difference_interval: Bounds | None


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A comparison of several runs in one environment."""

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
            "notes": self.notes(),
        }

    def notes(self) -> list[str]:
        """Notes on how to interpret the numbers."""
        said: list[str] = []
        lengths = {each.name: each.steps for each in self.runs}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{name} {steps:,}" for name, steps in lengths.items())
            said.append(
                translated(
                    "the runs have different lengths (steps of a seed: {listed}): a longer one has had more time",
                    listed=listed,
                )
            )
        fewest = min(len(each.seeds) for each in self.runs)
        if not left_out(fewest):
            said.append(translated("of {seeds} seeds the interquartile mean is the mean: there is nothing to leave out",
                                   seeds=fewest))  # fmt: skip
        if fewest < FEW_SEEDS:
            said.append(
                translated(
                    "{seeds} seeds are few: a difference that is not very large cannot be told from luck", seeds=fewest
                )
            )
        if self.threshold is not None and fewest < FEWEST_FOR_MEDIAN:
            said.append(translated("the median steps have an interval from {seeds} seeds on", seeds=FEWEST_FOR_MEDIAN))
        if any(each.mean_interval is None for each in self.runs):
            said.append(
                translated(
                    "seeds that all score the same have no interval: they do not show how much others would differ"
                )
            )
        if any(each.returns is None for each in self.runs):
            said.append(translated("an older run has not kept its episodes: its intervals leave out their luck"))
        return said

    def plot(self, out: str | Path) -> Figure:
        """Draw curves, scores and pairs to a file: PNG, SVG or PDF by its suffix."""
        from zerone.charts.comparison import draw

        curves = [(each.name, table) for each, table in zip(self.runs, self.tables, strict=True)]
        about = [about_of(RunFolder.open(each.path).config) for each in self.runs]
        draw(curves, self.runs, self.pairs, out, self.threshold, about)
        return Figure(out)


FEW_SEEDS = 5
"""With fewer seeds than this, a note says that they are few."""


def compare(runs: Sequence[Run | str | Path], threshold: float | None = None) -> Comparison:
    """Compare finished runs in one environment: mean, interquartile mean, chance of improvement, time to a threshold.

    Args:
        runs: At least two, each a `Run` or a run folder, with at least three seeds each.
        threshold: The mean return to reach, for the time to the threshold; by default the runs' own solved threshold.

    Raises:
        InputError: fewer than two runs, one of them twice, unfinished, or with too few seeds; different environments;
            or no `threshold`, and different ones in the runs.
    """
    given: object = runs
    if isinstance(given, (str, os.PathLike)) or not isinstance(given, Iterable):
        raise InputError(
            translated("runs = {given} is not allowed: must be a list of at least two runs", given=short(given))
        )
    threshold = python_numbers(threshold)
    require_finite("threshold", 0.0 if threshold is None else threshold)
    folders = [RunFolder.open(each) for each in runs]
    results = require_comparable(folders)
    if threshold is None:
        levels = {folder.config.get("solved_at") for folder in folders}
        if len(levels) > 1:
            listed = ", ".join("none" if each is None else f"{each:g}" for each in sorted(levels, key=str))
            raise InputError(
                translated(
                    "threshold is missing: the runs count as solved at different returns ({listed})", listed=listed
                )
            )
        threshold = levels.pop()
    tables = [read_metrics(folder.path) for folder in folders]
    for folder, table in zip(folders, tables, strict=True):
        require_column(table, "evaluation_return", folder.metrics_path)
    rows = zip(names_of(folders), folders, results, tables, strict=True)
    compared = tuple(_compared(*row, threshold) for row in rows)
    pairs = tuple(_pair(left, right) for left, right in itertools.combinations(compared, 2))
    environment = str(folders[0].config["environment"]["id"])
    return Comparison(environment, threshold, compared, pairs, tuple(tables))


def _compared(
    name: str, folder: RunFolder, result: Result, table: Mapping[str, np.ndarray], threshold: float | None
) -> Compared:
    scores = np.array([each["return_mean"] for each in result["seeds"]], np.float64)
    returns = _returns(result["seeds"])
    last = int(table["step"].max()) if len(table["step"]) else 0
    ours = is_compiled(folder.config["environment"])
    engine = str(folder.config["engine"])
    evaluation_engine = ("compiled" if ours else "host") if engine == "cluster" else engine
    seeds = tuple(each["seed"] for each in result["seeds"])
    return Compared(
        name,
        folder.path,
        result["algorithm"],
        evaluation_engine,
        seeds,
        last,
        scores,
        returns,
        float(mean(scores)),
        interval(scores) if returns is None else shared_bounds([returns]),
        float(interquartile_mean(scores)),
        _interquartile_interval(scores, returns),
        None if threshold is None else _reached(table, result, threshold),
    )


def _returns(seeds: Sequence[SeedResult]) -> np.ndarray | None:
    """Returns [seeds, episodes]; None if they were not saved."""
    rows = [each.get("returns") for each in seeds]
    return np.array(rows, np.float64) if all(rows) and len({len(row) for row in rows if row}) == 1 else None


def _interquartile_interval(scores: np.ndarray, returns: np.ndarray | None) -> Bounds | None:
    """The interval of the interquartile mean, including the randomness of the shared episodes."""
    if returns is None:
        return interval(scores, statistic=interquartile_mean)
    out = left_out(len(scores))
    middle = np.argsort(scores, kind="stable")[out : len(scores) - out]
    if len(middle) == len(scores):
        return shared_bounds([returns])
    return interquartile_bounds(scores, episodes_parts(returns[middle]))


def _reached(table: Mapping[str, np.ndarray], result: Result, threshold: float) -> Reached:
    seeds = [each["seed"] for each in result["seeds"]]
    rows = rows_by_seed(table)
    mine = [rows.get(seed, np.zeros(0, np.int64)) for seed in seeds]
    firsts = np.array([first_reached(table["step"][of], table["evaluation_return"][of], threshold) for of in mine])
    middle, speed = float(median(firsts)), result["steps_per_second"]
    seconds = result["startup_seconds"] + middle * len(seeds) / speed if speed else None
    return Reached(int(np.isfinite(firsts).sum()), middle, interval(firsts, statistic=median), seconds)


def _pair(left: Compared, right: Compared) -> Pair:
    chance = probability_of_improvement(left.scores, right.scores)
    bounds = interval(left.scores, right.scores, statistic=probability_of_improvement)
    more = float(difference_of_means(left.scores, right.scores))
    return Pair(left.name, right.name, float(chance), bounds, more, _difference_interval(left, right))


def _difference_interval(left: Compared, right: Compared) -> Bounds | None:
    """The interval of the difference: shared episodes cancel, but runs of two engines have different episodes."""
    both = left.returns, right.returns
    if both[0] is None or both[1] is None:
        return interval(left.scores, right.scores, statistic=difference_of_means)
    same = left.evaluation_engine == right.evaluation_engine and both[0].shape[1] == both[1].shape[1]
    return shared_bounds([both[0], both[1]], (1.0, -1.0), same)


def _facts(run: Compared) -> dict[str, Any]:
    facts = {
        "name": run.name,
        "run": str(as_seen(run.path)),
        "algorithm": run.algorithm,
        "seeds": list(run.seeds),
        "steps": run.steps,
        "returns": run.scores.tolist(),
        "mean": run.mean,
        "mean_interval": run.mean_interval,
        "iqm": run.iqm,
        "iqm_interval": run.iqm_interval,
        "reached": None if run.reached is None else dataclasses.asdict(run.reached),
    }
    return facts
