"""Evaluating policies on episodes that had no part in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict, cast

import numpy as np

from zerone.base.language import readable
from zerone.engines.protocol import GREEDY, LONGEST_EVALUATION, Engine, EvaluationSettings
from zerone.training.side_by_side import for_seeds

EVALUATION_SEED = 0
"""The default seed of the episodes of final evaluations and of `zerone evaluate`."""
_USUAL = {"limit": LONGEST_EVALUATION, "stochastic": False, "cut": 0}


class Evaluated(dict[str, Any]):
    """The result of an evaluation: the object of `evaluate --json`, a dictionary with a one-line representation."""

    def __repr__(self) -> str:
        said = {name: value for name, value in self.items() if name not in _USUAL or value != _USUAL[name]}
        return f"Evaluated({', '.join(f'{name}={_short(value)}' for name, value in said.items())})"


def _short(value: object) -> str:
    if isinstance(value, list):
        return f"[{len(value)} numbers]"
    return readable(value) if isinstance(value, float) else repr(value)


class JudgedSeed(TypedDict):
    """The evaluation of one seed's policy; all seeds play the same episodes."""

    seed: int
    return_mean: float
    return_std: float
    length_mean: float
    cut: int
    returns: list[float]


class Judged(TypedDict):
    """The object of `evaluate --json`. With several seeds, each entry of `returns` is one seed's mean."""

    episodes: int
    evaluation_seed: int
    limit: int
    stochastic: bool
    seed: NotRequired[int]
    return_mean: float
    return_std: float
    length_mean: float
    cut: int
    returns: list[float]
    seeds: NotRequired[list[JudgedSeed]]


def judge(
    engine: Engine, policies: Mapping[int, object], episodes: int, seed: int, how: EvaluationSettings = GREEDY
) -> Judged:
    """Evaluate the policy of each seed on the same episodes."""
    judged = for_seeds(engine, lambda policy: engine.evaluate(policy, seed, 0, episodes, how), [*policies.values()])
    found = dict(zip(policies, judged, strict=True))
    per_seed: list[JudgedSeed] = [
        {
            "seed": each,
            "return_mean": one.mean,
            "return_std": one.deviation,
            "length_mean": float(one.lengths.mean(dtype=np.float64)),
            "cut": int(one.cut.sum()),
            "returns": [float(value) for value in one.returns],
        }
        for each, one in found.items()
    ]
    about: dict[str, object] = {
        "episodes": episodes, "evaluation_seed": seed, "limit": how.limit, "stochastic": how.stochastic,
    }  # fmt: skip
    if how.search is not None:
        about |= how.search.describe()
    if len(per_seed) == 1:
        return cast("Judged", {**about, **per_seed[0]})
    mean = sum(one["return_mean"] for one in per_seed) / len(per_seed)
    spread = (sum((one["return_mean"] - mean) ** 2 for one in per_seed) / max(1, len(per_seed) - 1)) ** 0.5
    lengths = sum(one["length_mean"] for one in per_seed) / len(per_seed)
    return cast(
        "Judged",
        {
            **about,
            "return_mean": mean,
            "return_std": spread,  # over seeds, not over episodes: each seed is one result
            "length_mean": lengths,
            "cut": sum(one["cut"] for one in per_seed),
            "returns": [one["return_mean"] for one in per_seed],
            "seeds": per_seed,
        },
    )
