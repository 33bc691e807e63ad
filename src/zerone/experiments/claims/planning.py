"""Dyna: with more planning steps per environment step, fewer episodes are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zerone.algorithms.dyna_q import DynaQ
from zerone.base.language import translated
from zerone.environments import catalogue as environments
from zerone.environments.maze import read_map
from zerone.experiments.claims.traces import keep
from zerone.experiments.protocol import Experiment, Question, Results, Text, ratio
from zerone.experiments.recording import record

if TYPE_CHECKING:
    from zerone.environments.maze import MazeMap
    from zerone.experiments.figure import Sheet
    from zerone.experiments.protocol import Measured, Settings

SHORTEST = 14


def way_lengths(maze: MazeMap, actions: np.ndarray) -> np.ndarray:
    """The path length from start to goal of greedy policies [n, cells]; the number of cells if there is no path."""
    number = np.arange(len(actions))
    cell, steps = np.full(len(actions), maze.start), np.zeros(len(actions), int)
    for _ in range(maze.goal.size):
        steps += ~maze.goal[cell]
        cell = np.where(maze.goal[cell], cell, maze.following[cell, actions[number, cell]])
    return steps


def measure(settings: Settings, seed: int) -> Measured:
    """The length of each episode, and the number of episodes until the greedy path is a shortest one."""
    environment: Any = environments.make("zerone/DynaMaze-v0")
    algorithm = DynaQ(learning_rate=0.1, discount=0.95, epsilon=0.1, planning_steps=settings["planning_steps"])
    _, (actions, done) = record(algorithm, environment, seed, settings["steps"], keep)
    number = settings["episodes"]
    ends = np.flatnonzero(done)[:number]
    shortest = way_lengths(read_map(environment.environment.layout), actions[ends]) == SHORTEST
    return {
        "length": np.diff(ends, prepend=-1),
        "steps": ends[-1] + 1,
        "episodes": np.argmax(shortest) + 1 if shortest.any() else number,
    }


PLANNED = (0, 5, 50)


def draw(sheet: Sheet, results: Results) -> None:
    """Draw the length of each episode."""
    for place, planned in enumerate(PLANNED):
        length = results(f"planning-{planned}", "length")
        label = (
            translated("no planning (Q-learning)")
            if planned == 0
            else translated("{planned} planned steps", planned=planned)
        )
        sheet.curve(1 + np.arange(length.shape[1]), length, label, place)
    sheet.line(SHORTEST, translated("shortest way: {steps} steps", steps=SHORTEST))
    sheet.axes[0].set_yscale("log")
    sheet.label(translated("episode"), translated("steps to the goal"))


def facts(results: Results) -> dict[str, float]:
    """The number of episodes until the greedy path is a shortest one, and the total number of steps."""
    return {f"{measure}_{planned}": results(f"planning-{planned}", measure).mean()
            for planned in PLANNED for measure in ("episodes", "steps")}  # fmt: skip


def fewer(measure: str, left: int, right: int) -> Any:
    """The ratio of a measurement between two numbers of planning steps."""
    return lambda results: ratio(results(f"planning-{left}", measure), results(f"planning-{right}", measure))


EXPERIMENT = Experiment(
    name="planning",
    title=Text("Dyna-Q: planning steps and real episodes", "Dyna-Q：规划步数与真实的回合"),
    claim=Text(
        "With a model beside the environment the shortest way is found in fewer episodes, the more steps are planned.",
        "在环境之外再从模型里学习，规划得越多，找到最短路所需的回合越少。",
    ),
    source=Text(
        "Sutton & Barto 2018, section 8.2, figure 8.2; tutorial, first chapter",
        "Sutton & Barto 2018，8.2 节、图 8.2；教程第一章",
    ),
    setup=Text(
        "Dyna-Q with 0, 5 and 50 planned steps after each real one, on the 6×9 maze with step size 0.1, γ = 0.95 and "
        "one random step in ten. Measured: after how many of 50 episodes the greedy way is one of 14 steps, the "
        "shortest (50 if never), and the number of all steps in them, the book's measure. (The questions about all "
        "steps were added after a first run, and the seeds raised twice, from 30 to 100 and to 400, since the others "
        "were left undecided.)",
        "每个真实步之后规划 0、5、50 步的 Dyna-Q，在 6×9 迷宫上，步长 0.1，γ = 0.95，十步里一步随机。测量：50 个回合"
        "里，多少个之后贪心路线是最短的 14 步（从未达到算 50）；以及这些回合走的总步数，即书中的量。（关于总步数的两"
        "个问题是第一次运行之后加的；由于另两个未决，种子先从 30 个增到 100 个，再增到 400 个。）",
    ),
    environment="zerone/DynaMaze-v0",
    arms={
        f"planning-{planned}": {"planning_steps": planned, "episodes": 50, "steps": 8_000 if planned else 60_000}
        for planned in PLANNED
    },
    measure=measure,
    questions=(
        Question(
            Text("episodes with 5 planned steps over those without planning", "规划 5 步的回合数除以不规划的"),
            fewer("episodes", 5, 0),
            below=0.5,
        ),
        Question(
            Text("episodes with 50 planned steps over those with 5", "规划 50 步的回合数除以规划 5 步的"),
            fewer("episodes", 50, 5),
            below=1,
        ),
        Question(
            Text(
                "steps walked in 50 episodes with 5 planned over those without",
                "规划 5 步时 50 个回合走的总步数除以不规划的",
            ),
            fewer("steps", 5, 0),
            below=0.5,
            added=True,
        ),
        Question(
            Text(
                "steps walked in 50 episodes with 50 planned over those with 5",
                "规划 50 步时 50 个回合走的总步数除以规划 5 步的",
            ),
            fewer("steps", 50, 5),
            below=1,
            added=True,
        ),
    ),
    draw=draw,
    look=Text(
        "The first ten episodes: how many of them it takes until a curve has come down to the dashed line.",
        "看最初十个回合：每条曲线用多少个回合降到虚线附近。",
    ),
    quick_seeds=10,
    version=2,
    facts=facts,
    teaches=Text(
        "Without planning a real step updates one cell, so the value of the goal spreads back by one cell in each "
        "episode: {steps_0:,.0f} steps are taken in 50 episodes, {steps_5:,.0f} with five imagined steps after each "
        "real one, {steps_50:,.0f} with fifty. Where steps in the environment are expensive and computing is cheap, "
        "a model pays off at once; but most of the gain comes from the first few imagined steps. And imagined steps "
        "only repeat what has happened: the greedy way is one of the shortest after {episodes_0:.0f}, "
        "{episodes_5:.0f} and {episodes_50:.0f} episodes, since a way of 16 steps, once it is known, is only left by "
        "exploring steps. That is luck, and the reason why more planning could not be distinguished from less here.",
        "不规划时，一个真实步只更新一个格子，目标的价值每个回合只往回传一格：50 个回合走 {steps_0:,.0f} 步；每个真实"
        "步之后想象五步，走 {steps_5:,.0f} 步；想象五十步，走 {steps_50:,.0f} 步。与环境交互代价高、计算便宜时，模型"
        "马上就划算；但好处大多来自最初想象的那几步。而且想象只能重复经历过的事：贪心路线分别在 {episodes_0:.0f}、"
        "{episodes_5:.0f}、{episodes_50:.0f} 个回合之后才是最短的，因为一旦认得一条 16 步的路，只有探索的一步才会离开"
        "它。那是运气，也是这里分不出规划多少有何差别的原因。",
    ),
    minutes=2,
    seeds=400,
)
