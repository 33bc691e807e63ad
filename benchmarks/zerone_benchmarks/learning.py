"""Every preset on many seeds: does it learn what it promises? (`python -m zerone_benchmarks.learning`).

Trains each pair with its preset, evaluates 100 greedy episodes of each seed on episodes that no training has seen,
and says how many seeds reach the level. For tables the greedy policy must be optimal in every state from which
the start can be reached, by value iteration.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

# What is promised: algorithm, environment, engine, mean return, steps at the most; and what differs from the preset.
PROMISES: tuple[tuple[Any, ...], ...] = (
    ("q-learning", "zerone/Treasure-v0", "compiled", 1.0, 10_000),
    ("q-learning", "zerone/Maze-v0", "compiled", 1.0, 100_000),
    ("dqn", "CartPole-v1", "compiled", 475.0, 50_000),
    ("dqn", "MountainCar-v0", "compiled", -110.0, 120_000),
    ("reinforce", "CartPole-v1", "compiled", 475.0, 150_000),
    ("actor-critic", "CartPole-v1", "compiled", 475.0, 160_000),
    ("ppo", "CartPole-v1", "compiled", 475.0, 100_000),
    ("ppo", "Pendulum-v1", "compiled", -200.0, 200_000),
    ("ppo", "Pendulum-v1", "compiled", -220.0, 200_000, {"objective": "kl"}),
    ("dqn", "CartPole-v1", "host", 475.0, 50_000),
    ("ppo", "CartPole-v1", "host", 475.0, 100_000),
)
HOST_SEEDS = 5
FRESH_EPISODES = 12_345
"""The seed of the episodes that are judged on: neither a training's nor the default of `zerone evaluate`."""


def optimal(table: np.ndarray, environment: str, discount: float) -> bool:
    """Whether the greedy policy of a table earns the optimal value in every state, by value iteration."""
    import jax

    import zerone as zo

    made = zo.make(environment)
    task = made.environment  # without the clock
    states, actions = table.shape
    key = jax.random.key(0)
    first, example = task.reset(key)
    make_state = type(example)

    def step(cell: Any, action: Any) -> tuple[Any, ...]:
        following, _, reward, terminated, _ = task.step(key, make_state(cell), action)
        return following, reward, terminated

    grid = np.meshgrid(np.arange(states, dtype=np.int32), np.arange(actions, dtype=np.int32), indexing="ij")
    following, reward, terminated = jax.tree.map(np.asarray, jax.vmap(jax.vmap(step))(*grid))
    reached = {int(np.asarray(first))}
    while more := {int(following[s, a]) for s in reached for a in range(actions) if not terminated[s, a]} - reached:
        reached |= more
    best = np.zeros(states)
    for _ in range(1_000):
        value = reward + discount * np.where(terminated, 0.0, best[following])
        best = value.max(1)
    return all(value[s, table[s].argmax()] >= best[s] - 1e-9 for s in reached)


def judge(
    algorithm: str, environment: str, engine: str, level: float, budget: int, seeds: int, settings: dict[str, Any]
) -> dict[str, Any]:
    """Train one pair and compare it with what is promised."""
    import zerone as zo

    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        out = Path(folder) / "run"
        run = zo.train(algorithm, environment, seeds=seeds, engine=engine, out=out, figure=False, settings=settings)
        seconds = time.perf_counter() - began
        result = run.result or {}
        found = run.evaluate(episodes=100, seed=FRESH_EPISODES)
        returns = [one["return_mean"] for one in found.get("seeds", [found])]
        steps = [one["steps"] for one in result["seeds"]]
        good = [value >= level and used <= budget for value, used in zip(returns, steps, strict=True)]
        if algorithm == "q-learning":
            discount = run.config["algorithm"]["settings"]["discount"]
            tables = [np.asarray(run.agent(seed)._policy) for seed in run.seeds]
            good = [ok and optimal(table, environment, discount) for ok, table in zip(good, tables, strict=True)]
    return {
        "algorithm": algorithm, "environment": environment, "engine": engine, "level": level, "budget": budget,
        "settings": settings, "seeds": seeds, "reached": sum(good), "worst": min(returns),
        "median": float(np.median(returns)),
        "median_steps": float(np.median(steps)), "most_steps": max(steps), "seconds": seconds,
    }  # fmt: skip


def main() -> int:
    """Judge all promises, or those whose text contains what is asked for; exit 1 if one is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="parts of names, such as dqn, CartPole or host")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    results: list[dict[str, Any]] = []
    for algorithm, environment, engine, level, budget, *changed in PROMISES:
        settings = changed[0] if changed else {}
        name = " ".join([algorithm, environment, engine, *settings])
        if asked.only and not all(part in name for part in asked.only):
            continue
        seeds = min(asked.seeds, HOST_SEEDS) if engine == "host" else asked.seeds
        one = judge(algorithm, environment, engine, level, budget, seeds, settings)
        results.append(one)
        print(
            f"{name:60s} {one['reached']:2d} of {seeds} seeds reach {level:g}; worst {one['worst']:.1f}, "
            f"median {one['median']:.1f}, after {one['median_steps']:,.0f} steps (at most {one['most_steps']:,}), "
            f"{one['seconds']:.0f} s",
            file=sys.stderr if asked.json else sys.stdout, flush=True,
        )  # fmt: skip
    if asked.json:
        print(json.dumps(results))
    return 0 if all(one["reached"] == one["seeds"] for one in results) else 1


if __name__ == "__main__":
    sys.exit(main())
