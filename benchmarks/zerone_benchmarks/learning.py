"""Every preset on many seeds: does it learn what it promises? (`python -m zerone_benchmarks.learning`).

Trains each pair with its preset, evaluates 100 greedy episodes of each seed on episodes that no training has seen,
and says how many seeds reach the level. Of tables more is asked, and known exactly. The last greedy policy of an
off-policy one must be optimal in every state that can be reached from the start, by value iteration. An on-policy one
learns what is best while it explores: ε-greedy around its last table must be worth, at the start, as much as the best
of all ε-greedy policies (policy iteration), less `TOLERANCE`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

# What is promised: algorithm, environment, engine, mean return, steps at the most; then, where there is more to say,
# what differs from the preset, and the mean length of an episode at the most.
PROMISES: tuple[tuple[Any, ...], ...] = (
    ("q-learning", "zerone/Treasure-v0", "compiled", 1.0, 10_000),
    ("q-learning", "zerone/Maze-v0", "compiled", 1.0, 100_000),
    ("q-learning", "zerone/Cliff-v0", "compiled", -13.0, 200_000),
    ("sarsa", "zerone/Treasure-v0", "compiled", 1.0, 10_000),
    ("sarsa", "zerone/Maze-v0", "compiled", 1.0, 100_000),
    ("sarsa", "zerone/Cliff-v0", "compiled", -17.0, 1_000_000),
    ("sarsa-lambda", "zerone/Treasure-v0", "compiled", 1.0, 10_000),
    ("sarsa-lambda", "zerone/Maze-v0", "compiled", 1.0, 1_000_000),
    ("sarsa-lambda", "zerone/Cliff-v0", "compiled", -17.0, 2_000_000),
    ("monte-carlo", "zerone/Treasure-v0", "compiled", 1.0, 10_000),
    ("monte-carlo", "zerone/Maze-v0", "compiled", 1.0, 2_000_000),
    ("monte-carlo", "zerone/Cliff-v0", "compiled", -17.0, 20_000_000),
    ("dyna-q", "zerone/Treasure-v0", "compiled", 1.0, 2_000),
    ("dyna-q", "zerone/Maze-v0", "compiled", 1.0, 30_000),
    ("dyna-q", "zerone/Cliff-v0", "compiled", -13.0, 50_000),
    ("dqn", "CartPole-v1", "compiled", 475.0, 50_000),
    ("dqn", "CartPole-v1", "compiled", 475.0, 50_000, {"double": True}),
    ("dqn", "CartPole-v1", "compiled", 475.0, 50_000, {"dueling": True}),
    ("dqn", "CartPole-v1", "compiled", 475.0, 50_000, {"prioritized": True}),
    ("dqn", "CartPole-v1", "compiled", 475.0, 50_000, {"double": True, "dueling": True, "prioritized": True}),
    ("dqn", "zerone/MazeFeatures-v0", "compiled", 1.0, 20_000, {}, 6.0),
    ("dqn", "zerone/MazePixels-v0", "compiled", 1.0, 16_000, {}, 6.0),
    ("dqn", "MountainCar-v0", "compiled", -110.0, 120_000),
    ("dqn", "zerone/MountainCarSparse-v0", "compiled", -130.0, 320_000, {}, 130.0),
    ("reinforce", "CartPole-v1", "compiled", 475.0, 150_000),
    ("actor-critic", "CartPole-v1", "compiled", 475.0, 160_000),
    ("ddpg", "Pendulum-v1", "compiled", -170.0, 30_000),
    ("ddpg", "zerone/ArmHard-v0", "compiled", 0.9, 150_000),
    ("ppo", "CartPole-v1", "compiled", 475.0, 100_000),
    ("ppo", "Pendulum-v1", "compiled", -200.0, 200_000),
    ("ppo", "zerone/Arm-v0", "compiled", 0.98, 50_000),
    ("ppo", "Pendulum-v1", "compiled", -220.0, 200_000, {"objective": "kl"}),
    ("ppo", "zerone/ArmHard-v0", "compiled", 0.98, 1_200_000),
    ("a3c", "CartPole-v1", "compiled", 475.0, 320_000),
    ("a3c", "Pendulum-v1", "compiled", -220.0, 4_096_000),
    ("a3c", "zerone/ArmHard-v0", "compiled", 0.9, 2_048_000),
    ("dppo", "CartPole-v1", "compiled", 475.0, 100_000),
    ("dppo", "Pendulum-v1", "compiled", -200.0, 200_000),
    ("dppo", "Pendulum-v1", "compiled", -200.0, 200_000, {"gather": "gradients"}),
    ("dppo", "zerone/Arm-v0", "compiled", 0.98, 50_000),
    ("dqn", "CartPole-v1", "host", 475.0, 50_000),
    ("ppo", "CartPole-v1", "host", 475.0, 100_000),
)
TABLES = ("q-learning", "sarsa", "sarsa-lambda", "monte-carlo", "dyna-q")
HOST_SEEDS = 5
FRESH_EPISODES = 12_345
"""The seed of the episodes that are judged on: neither a training's nor the default of `zerone evaluate`."""
TOLERANCE = 0.05
"""How much an on-policy table may be worth less than the best ε-greedy policy, as a share of that one's value."""


class Task(NamedTuple):
    """A task in which nothing is left to chance, as tables [states, actions], and the state that it starts in."""

    following: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    start: int


def task_of(environment: str, states: int, actions: int) -> Task:
    """The tables of an environment, without its clock, from a step of every action in every state."""
    import jax

    import zerone as zo

    task = zo.make(environment).environment
    key = jax.random.key(0)
    first, example = task.reset(key)
    make_state = type(example)

    def step(cell: Any, action: Any) -> tuple[Any, ...]:
        following, _, reward, terminated, _ = task.step(key, make_state(cell), action)
        return following, reward, terminated

    grid = np.meshgrid(np.arange(states, dtype=np.int32), np.arange(actions, dtype=np.int32), indexing="ij")
    following, reward, terminated = jax.tree.map(np.asarray, jax.vmap(jax.vmap(step))(*grid))
    return Task(following, reward, terminated, int(np.asarray(first)))


def optimal(table: np.ndarray, task: Task, discount: float) -> bool:
    """Whether the greedy policy of a table earns the optimal value in every state that can be reached."""
    following, reward, terminated, start = task
    reached = {start}
    while (
        more := {int(following[s, a]) for s in reached for a in range(table.shape[1]) if not terminated[s, a]} - reached
    ):
        reached |= more
    best = np.zeros(len(table))
    for _ in range(1_000):
        value = reward + discount * np.where(terminated, 0.0, best[following])
        best = value.max(1)
    return all(value[s, table[s].argmax()] >= best[s] - 1e-9 for s in reached)


def soft_values(table: np.ndarray, task: Task, discount: float, epsilon: float) -> tuple[float, np.ndarray]:
    """What ε-greedy around a table is worth at the start, and its Q(s, a): V = (I - γ P)⁻¹ r, exactly."""
    following, reward, terminated, start = task
    states, actions = table.shape
    policy = np.eye(actions)[table.argmax(1)] * (1 - epsilon) + epsilon / actions
    moves = np.zeros((states, states))
    np.add.at(moves, (np.arange(states)[:, None].repeat(actions, 1), following), policy * ~terminated)
    value = np.linalg.solve(np.eye(states) - discount * moves, (policy * reward).sum(1))
    return float(value[start]), reward + discount * np.where(terminated, 0.0, value[following])


def soft_gap(table: np.ndarray, task: Task, discount: float, epsilon: float) -> float:
    """How much less ε-greedy around a table is worth than the best of all ε-greedy policies, as a share of that.

    Policy iteration over them: Sutton & Barto 2018, section 5.4.
    """
    best, values = soft_values(np.zeros(table.shape), task, discount, epsilon)
    for _ in range(1_000):
        improved, values = soft_values(values, task, discount, epsilon)
        if improved <= best + 1e-12:
            break
        best = improved
    return (best - soft_values(table, task, discount, epsilon)[0]) / abs(best)


def judge(
    algorithm: str,
    environment: str,
    engine: str,
    level: float,
    budget: int,
    seeds: int,
    settings: dict[str, Any],
    longest: float = float("inf"),
) -> dict[str, Any]:
    """Train one pair and compare it with what is promised."""
    import zerone as zo
    from zerone.algorithms.catalogue import look_up

    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        out = Path(folder) / "run"
        run = zo.train(algorithm, environment, seeds=seeds, engine=engine, out=out, figure=False, settings=settings)
        seconds = time.perf_counter() - began
        result = run.result or {}
        found = run.evaluate(episodes=100, seed=FRESH_EPISODES)
        returns = [one["return_mean"] for one in found.get("seeds", [found])]
        lengths = [one["length_mean"] for one in found.get("seeds", [found])]
        steps = [one["steps"] for one in result["seeds"]]
        good = [
            value >= level and used <= budget and length <= longest
            for value, used, length in zip(returns, steps, lengths, strict=True)
        ]
        gaps: list[float] = []
        trained = run.config["algorithm"]["settings"]
        if algorithm in TABLES:
            tables = [np.asarray(run.agent(seed, "last")._policy) for seed in run.seeds]
            task = task_of(environment, *tables[0].shape)
            if look_up(algorithm).policy == "off-policy":
                fit = [optimal(table, task, trained["discount"]) for table in tables]
            else:
                gaps = [soft_gap(table, task, trained["discount"], trained["epsilon"]) for table in tables]
                fit = [gap <= TOLERANCE for gap in gaps]
            good = [ok and right for ok, right in zip(good, fit, strict=True)]
    return {
        "algorithm": algorithm, "environment": environment, "engine": engine, "level": level, "budget": budget,
        "settings": settings, "seeds": seeds, "reached": sum(good), "worst": min(returns),
        "median": float(np.median(returns)),
        "median_steps": float(np.median(steps)), "most_steps": max(steps), "seconds": seconds,
        "worst_soft_gap": max(gaps, default=None), "median_soft_gap": float(np.median(gaps)) if gaps else None,
    }  # fmt: skip


def main() -> int:
    """Judge all promises, or those whose text contains what is asked for; exit 1 if one is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="parts of names, such as dqn, CartPole or host")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    results: list[dict[str, Any]] = []
    for algorithm, environment, engine, level, budget, *more in PROMISES:
        settings = more[0] if more else {}
        name = " ".join([algorithm, environment, engine, *settings])
        if asked.only and not all(part in name for part in asked.only):
            continue
        seeds = min(asked.seeds, HOST_SEEDS) if engine == "host" else asked.seeds
        one = judge(algorithm, environment, engine, level, budget, seeds, settings, *more[1:])
        results.append(one)
        gap = f" (ε-greedy at most {one['worst_soft_gap']:.2%} below the best)" if one["worst_soft_gap"] else ""
        print(
            f"{name:60s} {one['reached']:2d} of {seeds} seeds reach {level:g}; worst {one['worst']:.4g}, "
            f"median {one['median']:.4g}, after {one['median_steps']:,.0f} steps (at most {one['most_steps']:,}), "
            f"{one['seconds']:.0f} s{gap}",
            file=sys.stderr if asked.json else sys.stdout, flush=True,
        )  # fmt: skip
    if asked.json:
        print(json.dumps(results))
    return 0 if all(one["reached"] == one["seeds"] for one in results) else 1


if __name__ == "__main__":
    sys.exit(main())
