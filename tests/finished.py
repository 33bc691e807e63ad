"""Writes run folders with given results, without a training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zerone.training.folder import RunFolder
from zerone.training.metrics import MetricsWriter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def write_run(
    path: Path,
    scores: Sequence[float],
    evaluations: Sequence[Sequence[float]] = (),
    *,
    algorithm: str = "dqn",
    environment: str = "CartPole-v1",
    options: Mapping[str, Any] = {},
    solved_at: float | None = 475.0,
    ended: bool = True,
    returns: Sequence[Sequence[float]] = (),
    engine: str = "compiled",
) -> Path:
    """Write a run whose seed i scored `scores[i]`, and was evaluated every 100 steps as in `evaluations[i]`.

    `returns` are the returns of the episodes behind each seed's score. Older runs do not have them.
    """
    seeds = list(range(len(scores)))
    evaluations = evaluations or [[score / 2, score] for score in scores]
    config = {
        "algorithm": {"name": algorithm, "settings": {}},
        "environment": {"id": environment, "options": dict(options), "known": True},
        "engine": engine, "seeds": seeds, "solved_at": solved_at, "steps": 200, "report_every": 100,
        "evaluate_every": 100, "save_every": 200, "evaluation_episodes": 100,
    }  # fmt: skip
    with RunFolder.create(path, config) as folder:
        with MetricsWriter(path, ["return", "evaluation_return"]) as writer:
            writer.write([
                {"seed": seed, "step": (place + 1) * 100, "return": value - 1, "evaluation_return": value}
                for seed, row in zip(seeds, evaluations, strict=True) for place, value in enumerate(row)
            ])  # fmt: skip
        if ended:
            per_seed = [{"seed": seed, "return_mean": score} for seed, score in zip(seeds, scores, strict=True)]
            for one, row in zip(per_seed, returns, strict=False):
                one["returns"] = list(row)
            folder.write_result({
                "algorithm": algorithm, "seeds": per_seed, "steps_per_second": 50.0, "startup_seconds": 2.0,
            })  # fmt: skip
    return path
