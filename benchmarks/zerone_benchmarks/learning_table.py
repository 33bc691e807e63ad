"""Write the results of `learning` as tables in both languages: the full one, and a short one for README."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

SHOWN = (
    ("q-learning", "zerone/Treasure-v0"), ("q-learning", "zerone/Maze-v0"), ("dqn", "CartPole-v1"),
    ("dqn", "CartPole-v1", "distributional"), ("dqn", "MountainCar-v0"), ("dqn", "zerone/MountainCarSparse-v0"),
    ("dqn", "zerone/MazePixels-v0"),
    ("reinforce", "CartPole-v1"), ("actor-critic", "CartPole-v1"), ("ppo", "CartPole-v1"), ("ppo", "Pendulum-v1"),
    ("ppo", "Pendulum-v1", "objective"), ("ddpg", "Pendulum-v1"), ("td3", "Pendulum-v1"), ("sac", "Pendulum-v1"),
    ("ddpg", "MountainCarContinuous-v0"), ("a3c", "CartPole-v1"), ("a3c", "Pendulum-v1"),
    ("dppo", "Pendulum-v1"), ("ppo", "zerone/Arm-v0"), ("ppo", "zerone/ArmHard-v0"), ("ddpg", "zerone/ArmHard-v0"),
    ("a3c", "zerone/ArmHard-v0"),
)  # fmt: skip
"""The rows of the full table: algorithm, environment and names of settings that differ from the preset.

All are on the compiled engine.
"""

EXTRACT = (
    ("q-learning", "zerone/Maze-v0"), ("dqn", "CartPole-v1"), ("ppo", "CartPole-v1"), ("ddpg", "Pendulum-v1"),
    ("ppo", "zerone/Arm-v0"),
)  # fmt: skip
"""The rows of README's table."""

WORDS = {
    "en": {
        "about": (
            "What a preset promises is measured on {number} seeds, {first} to {last}, on which none was tuned (`make "
            "learn`, one to two hours). *Best* is\nthe policy that did best in the training's own evaluations, *final* "
            "the one at its end. Each plays {episodes} other episodes: the table says how many\nseeds reach the "
            "threshold, and the mean return of the worst. Steps are medians over the seeds; those of evaluations come "
            "on top:"
        ),
        "head": "| Preset | Threshold | Best: seeds, worst | Final: seeds, worst | Steps | of evaluations |",
        "with": ", with",
        "extract": "| Preset | Seeds that reach the threshold | Worst seed | Median steps |",
    },
    "zh": {
        "about": (
            "每个预设的承诺都在 {number} 个种子（{first} 到 {last}）上检验，"
            "预设不是在这些种子上调的（`make learn`，一到两小时）。"
            "“最佳”是训练自己的评估中\n最好的策略，“最终”是训练结束时的策略，都另外玩 {episodes} 个回合："
            "有多少种子达到阈值，最差的种子平均回报是多少。\n步数是各种子的中位数，评估的步数另计："
        ),
        "head": "| 预设 | 阈值 | 最佳：种子数，最差 | 最终：种子数，最差 | 步数 | 评估步数 |",
        "with": "，加",
        "extract": "| 预设 | 达到阈值的种子 | 最差的种子 | 步数中位数 |",
    },
}


def name_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The name by which a row is chosen: algorithm, environment and names of settings, as in `SHOWN`."""
    return row["algorithm"], row["environment"], *row["settings"]


def table(rows: Iterable[Mapping[str, Any]], language: str) -> str:
    """The full table with its introduction, as Markdown in a language ("en" or "zh").

    Raises:
        ValueError: a row of `SHOWN` was not measured, or the rows have different seeds or numbers of episodes.
    """
    words = WORDS[language]
    found = {name_of(row): row for row in rows if row["engine"] == "compiled"}
    missing = [" ".join(name) for name in SHOWN if name not in found]
    if missing:
        raise ValueError(f"not measured: {', '.join(missing)}")
    chosen = [found[name] for name in SHOWN]
    of = {(row["seeds"], row["first_seed"], row["episodes"]) for row in chosen}
    if len(of) > 1:
        raise ValueError(f"rows are of different seeds or episodes: {sorted(of)}")
    ((number, first, episodes),) = of
    about = words["about"].format(number=number, first=f"{first:,}", last=f"{first + number - 1:,}", episodes=episodes)
    return "\n".join([about, "", words["head"], "|---|---|---|---|---|---|", *(_row(row, words) for row in chosen)])


def _row(row: Mapping[str, Any], words: Mapping[str, str]) -> str:
    seeds = row["seeds"]
    different = [f"--{name.replace('_', '-')}" + ("" if value is True else f" {value}")
                 for name, value in row["settings"].items()]  # fmt: skip
    preset = f"`{row['algorithm']}` `{row['environment']}`"
    if different:
        preset += f"{words['with']} `{' '.join(different)}`"
    cells = [
        preset,
        f"{row['level']:g}",
        f"{row['reached']} / {seeds}, {row['worst']:.4g}",
        f"{row['last_reached']} / {seeds}, {row['last_worst']:.4g}",
        f"{row['median_steps']:,.0f}",
        f"{row['evaluation_steps']:,.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def extract(rows: Iterable[Mapping[str, Any]], language: str) -> str:
    """README's table, which shows only the best policies. All rows of `EXTRACT` must have been measured."""
    words = WORDS[language]
    found = {name_of(row): row for row in rows if row["engine"] == "compiled"}
    lines = [words["extract"], "|---|---|---|---|"]
    for row in (found[name] for name in EXTRACT):
        cells = [f"{row['reached']} / {row['seeds']}", f"{row['worst']:.4g}", f"{row['median_steps']:,.0f}"]
        lines.append(f"| `{row['algorithm']}` `{row['environment']}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def write(rows: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """Write the tables between their markers in docs/speed.md, README.md and the Chinese versions of both.

    Raises:
        ValueError: a page has no such markers, or a row is missing (see `table`).
    """
    for page, marker, made in (("docs/speed", "learning", table), ("README", "learning-extract", extract)):
        for ending, language in ((".md", "en"), (".zh.md", "zh")):
            place = folder / f"{page}{ending}"
            text = place.read_text("utf-8")
            before, begin, rest = text.partition(f"<!-- {marker} -->\n")
            _, end, after = rest.partition(f"\n<!-- /{marker} -->")
            if not end:
                raise ValueError(f"{place}: no place for the table")
            place.write_text(before + begin + made(rows, language) + end + after, "utf-8")
