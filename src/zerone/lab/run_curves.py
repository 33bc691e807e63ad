"""The curves of a run for the page: columns of its table of metrics for each seed, reduced to a few hundred points."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from zerone.base.by_seed import rows_by_seed
from zerone.lab.folders import is_plain
from zerone.training.metrics_table import read_metrics

if TYPE_CHECKING:
    from zerone.training.folder import RunFolder

MOST_POINTS, MOST_SEEDS = 240, 20
LEFT_OUT = ("seed", "step", "episodes", "evaluation_episodes", "evaluation_cut", "evaluation_length")
FIRST = ("evaluation_return", "return", "length")
MOST_COLUMNS = 16
FIGURES = 5


def curves_of(folder: RunFolder) -> dict[str, Any]:
    """`curves`, with a list of [step, value] for each column and seed, and `at`, the last step of all seeds.

    Raises:
        InputError: the table is damaged.
    """
    if not is_plain(folder.metrics_path):
        return {"curves": [], "at": 0}
    table = read_metrics(folder.path)
    seeds = list(rows_by_seed(table).values())[:MOST_SEEDS]
    names = [name for name in FIRST if name in table]
    names += [name for name in table if name not in (*FIRST, *LEFT_OUT)]
    curves = [
        {"name": name, "seeds": [_thinned(table["step"][rows], table[name][rows]) for rows in seeds]}
        for name in names[:MOST_COLUMNS]
    ]
    at = int(table["step"].max()) if table["step"].size else 0
    return {"curves": [each for each in curves if any(each["seeds"])], "at": at}


def _thinned(steps: np.ndarray, values: np.ndarray) -> list[list[float]]:
    """The points with finite values; if there are more than `MOST_POINTS`, the means of neighbours."""
    there = np.isfinite(values)
    steps, values = steps[there], values[there]
    if not steps.size:
        return []
    parts = np.array_split(np.arange(steps.size), min(MOST_POINTS, steps.size))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        means = [float(np.mean(values[part])) for part in parts]
    return [
        [int(steps[part[-1]]), float(f"{mean:.{FIGURES}g}")]
        for part, mean in zip(parts, means, strict=True)
        if math.isfinite(mean)
    ]
