"""The log's columns besides `seed` and `step`, with their meaning."""

from __future__ import annotations

from zerone.algorithms.protocol import Algorithm
from zerone.base.errors import InputError
from zerone.base.language import translatable, translated

PLAYED = {
    "episodes": "episodes that ended since the row before",
    "return": "mean return of the episodes that ended: exploring, and on the reward that is learnt from",
    "length": "mean length of these episodes, in steps",
}
EVALUATED = {
    "evaluation_return": "mean return of the evaluation episodes, on the task's own reward",
    "evaluation_length": "mean length of the evaluation episodes, in steps",
}
COUNTED = {
    "evaluation_episodes": "how many evaluation episodes there were",
    "evaluation_cut": "how many of them had not ended at the limit, and were cut",
}
"""Columns that the logs of older runs lack."""


def columns(algorithm: Algorithm, counted: bool = True) -> dict[str, str]:
    """The columns of every training with an algorithm; callbacks may add more.

    Raises:
        InputError: a metric of the algorithm has the name of another column.
    """
    for name in algorithm.metrics:
        if name in {"seed", "step", *PLAYED, *EVALUATED, *COUNTED}:
            line = translatable("{algorithm}: the metric {name!r} is in the log already: rename it")
            raise InputError(translated(line, algorithm=algorithm.name, name=name))
    return {**PLAYED, **algorithm.metrics, **EVALUATED, **(COUNTED if counted else {})}
