"""Sarsa(λ) against Sarsa, and replacing against accumulating traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from zerone.algorithms import catalogue as algorithms
from zerone.base.language import translatable, translated
from zerone.environments import catalogue as environments
from zerone.environments.maze import MazeMap, read_map
from zerone.experiments.protocol import Experiment, Question, Results, Text, difference, ratio
from zerone.experiments.recording import record
from zerone.experiments.tutorial import chapter

if TYPE_CHECKING:
    from zerone.algorithms.protocol import Metrics, Steps
    from zerone.experiments.figure import Sheet
    from zerone.experiments.protocol import Measured, Settings


def keep(state: Any, steps: Steps, metrics: Metrics) -> Any:
    """The greedy action in every cell, and whether the episode has ended."""
    del metrics
    return state.policy.argmax(-1).astype(jnp.int8), (steps.terminated | steps.truncated)[0, 0]


def greedy_way_leads_to_the_goal(maze: MazeMap, actions: np.ndarray) -> np.ndarray:
    """Which of the greedy policies [n, cells] lead from the start to the goal, bool [n]."""
    cells = np.arange(maze.goal.size)
    over = maze.goal | maze.hell
    following = np.where(over, cells, maze.following[cells, actions])
    for _ in range(int(np.ceil(np.log2(cells.size)))):  # doubling: 2, 4, 8, … steps, until more than there are cells
        following = np.take_along_axis(following, following, 1)
    return np.asarray(maze.goal[following[:, maze.start]])


def measure(settings: Settings, seed: int) -> Measured:
    """Whether the greedy path led to the goal after each episode, and after how many episodes it first did."""
    environment: Any = environments.make(settings["environment"])
    chosen = {name: settings[name] for name in ("learning_rate", "discount", "epsilon")}
    more = {name: settings[name] for name in ("trace", "trace_decay") if name in settings}
    algorithm = algorithms.look_up(settings["algorithm"]).make(**chosen, **more)
    _, (actions, done) = record(algorithm, environment, seed, settings["steps"], keep)
    number = settings["episodes"]
    ends = np.flatnonzero(done)[:number]
    found = np.zeros(number)
    found[: len(ends)] = greedy_way_leads_to_the_goal(read_map(environment.environment.layout), actions[ends])
    return {"found": found, "episodes": np.argmax(found) + 1 if found.any() else number}


ARMS = {
    "sarsa": "Sarsa",
    "replacing": translatable("Sarsa(λ), replacing"),
    "accumulating": translatable("Sarsa(λ), accumulating"),
}
MAZES = {"tutorial": translatable("the tutorial's maze: hells"), "dyna": translatable("Dyna's maze: walls")}


def draw(sheet: Sheet, results: Results) -> None:
    """Draw the share of seeds whose greedy path leads to the goal, over episodes."""
    for panel, (maze, title) in enumerate(MAZES.items()):
        for place, (arm, label) in enumerate(ARMS.items()):
            found = results(f"{maze}-{arm}", "found")
            sheet.curve(1 + np.arange(found.shape[1]), 100 * found, label, place, panel)
        sheet.axes[panel].set_title(translated(title), fontsize=11.5)
        sheet.axes[panel].set_ylim(0, 105)
        sheet.label(
            translated("episodes"),
            translated("seeds whose greedy way\nleads to the goal (%)"),
            panel,
            legend=panel == 1,
        )


def compared(maze: str, left: str, right: str) -> Any:
    """The ratio of the numbers of episodes that two arms need."""
    return lambda results: ratio(results(f"{maze}-{left}", "episodes"), results(f"{maze}-{right}", "episodes"))


def facts(results: Results) -> dict[str, float]:
    """The mean number of episodes of every arm, and the percentage of seeds that have found the goal at the end."""
    episodes = {arm.replace("-", "_"): results(arm, "episodes").mean() for arm in results.arms}
    return episodes | {f"{arm.replace('-', '_')}_at_last": 100 * results(arm, "found")[:, -1].mean()
                       for arm in results.arms}  # fmt: skip


COMMON: dict[str, dict[str, Any]] = {
    "tutorial": {"environment": "zerone/Maze-v0", "learning_rate": 0.01, "discount": 0.9, "epsilon": 0.1,
                 "episodes": 100, "steps": 10_000},
    "dyna": {"environment": "zerone/DynaMaze-v0", "learning_rate": 0.1, "discount": 0.95, "epsilon": 0.1,
             "episodes": 60, "steps": 50_000},
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "sarsa": {"algorithm": "sarsa"},
    "replacing": {"algorithm": "sarsa-lambda", "trace": "replacing", "trace_decay": 0.9},
    "accumulating": {"algorithm": "sarsa-lambda", "trace": "accumulating", "trace_decay": 0.9},
}

EXPERIMENT = Experiment(
    name="traces",
    title=Text("Sarsa(λ) and Sarsa: episodes until the goal is found", "Sarsa(λ) 与 Sarsa：多少个回合后找到目标"),
    claim=Text(
        "Sarsa(λ) finds the goal in fewer episodes than Sarsa, and replacing traces beat accumulating ones.",
        "Sarsa(λ) 比 Sarsa 用更少的回合找到目标；替换迹胜过累积迹。",
    ),
    source=chapter("Sarsa(λ)"),
    setup=Text(
        "Sarsa and Sarsa(λ), λ = 0.9, with both kinds of traces. On the tutorial's 4×4 maze with its settings (step "
        "size 0.01, γ = 0.9, one random step in ten, 100 episodes), and on Dyna's 6×9 maze, which has walls but no "
        "hells (0.1, 0.95, 60 episodes). Measured: after how many episodes the greedy way from the start leads to "
        "the goal for the first time; if it never does, the last episode counts.",
        "Sarsa 与 Sarsa(λ)（λ = 0.9，两种迹）。在教程的 4×4 迷宫上用它的设置（步长 0.01，γ = 0.9，十步里一步随机，100 "
        "个回合），并在 Dyna 的 6×9 迷宫上，那里有墙而没有地狱（0.1，0.95，60 个回合）。测量：多少个回合之后，从起点出"
        "发的贪心路线第一次通到目标；从未通到的按最后一个回合算。",
    ),
    environment="zerone/Maze-v0, zerone/DynaMaze-v0",
    arms={f"{maze}-{kind}": {**COMMON[maze], **KINDS[kind]} for maze in COMMON for kind in KINDS},
    measure=measure,
    questions=(
        Question(
            Text(
                "in the tutorial's maze, Sarsa(λ)'s episodes over Sarsa's",
                "在教程的迷宫里，Sarsa(λ) 的回合数除以 Sarsa 的",
            ),
            compared("tutorial", "replacing", "sarsa"),
            below=1,
        ),
        Question(
            Text("there, replacing traces' episodes over accumulating ones'", "在那里，替换迹的回合数除以累积迹的"),
            compared("tutorial", "replacing", "accumulating"),
            below=1,
        ),
        Question(
            Text(
                "in Dyna's maze, Sarsa(λ)'s episodes over Sarsa's", "在 Dyna 的迷宫里，Sarsa(λ) 的回合数除以 Sarsa 的"
            ),
            compared("dyna", "replacing", "sarsa"),
            below=1,
        ),
        Question(
            Text("there, replacing traces' episodes over accumulating ones'", "在那里，替换迹的回合数除以累积迹的"),
            compared("dyna", "replacing", "accumulating"),
            below=1,
        ),
        Question(
            Text(
                "in the tutorial's maze, the share of seeds that know the way after the last episode, Sarsa(λ)'s with "
                "replacing traces minus Sarsa's",
                "在教程的迷宫里，最后一个回合之后认得路的种子比例，用替换迹的 Sarsa(λ) 减去 Sarsa",
            ),
            lambda results: difference(
                results("tutorial-replacing", "found")[:, -1], results("tutorial-sarsa", "found")[:, -1]
            ),
            above=0,
            added=True,
        ),
    ),
    draw=draw,
    look=Text(
        "Above, which curve is first to rise, and which one ends highest: finding the way and keeping it are two "
        "things. Below, how far to the left each curve begins to rise.",
        "上图看哪条曲线先升起、哪条最后最高：找到路和记住路是两回事。下图看每条曲线从多早开始上升。",
    ),
    facts=facts,
    panels=2,
    teaches=Text(
        "A trace updates the whole way with what happened at its end. Where only the goal has a reward, that helps "
        "at once: in Dyna's maze Sarsa knows a way after {dyna_sarsa:.1f} episodes, with replacing traces after "
        "{dyna_replacing:.1f}, with accumulating ones after {dyna_accumulating:.1f} episodes: accumulating traces "
        "reinforce most the actions that were taken most often, and on a random walk many of these lead nowhere. In "
        "the tutorial's maze two hells stand before paradise, and traces spread negative rewards as far as positive "
        "ones: the goal is first found no sooner (after {tutorial_replacing:.0f} episodes, Sarsa "
        "{tutorial_sarsa:.0f}). But once found, the way is kept: after 100 episodes "
        "{tutorial_replacing_at_last:.0f}% of the seeds know the way with replacing traces, "
        "{tutorial_accumulating_at_last:.0f}% with accumulating ones, {tutorial_sarsa_at_last:.0f}% without.",
        "资格迹用路尽头的结果更新整条路。只有目标有奖励时，这马上就有好处：在 Dyna 的迷宫里，Sarsa 在 "
        "{dyna_sarsa:.1f} 个回合后认得路，用替换迹只要 {dyna_replacing:.1f} 个，用累积迹 {dyna_accumulating:.1f} 个："
        "累积迹强化得最多的是采取得最多的动作，而随机走的时候，其中许多毫无结果。教程的迷宫里，天堂之前有两个地狱，迹"
        "把负的奖励传得和正的一样远：第一次找到目标并不更早（{tutorial_replacing:.0f} 个回合后，Sarsa 是 "
        "{tutorial_sarsa:.0f} 个）。但找到之后就能保持：100 个回合后，用替换迹有 {tutorial_replacing_at_last:.0f}% 的"
        "种子认得路，累积迹 {tutorial_accumulating_at_last:.0f}%，不用迹 {tutorial_sarsa_at_last:.0f}%。",
    ),
    minutes=2,
    seeds=200,
    version=2,
    quick_seeds=10,
)
