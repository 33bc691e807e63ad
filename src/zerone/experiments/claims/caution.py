"""Sarsa keeps away from the cliff along which Q-learning walks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zerone.algorithms import catalogue as algorithms
from zerone.base.language import translated
from zerone.environments import catalogue as environments
from zerone.environments.cliff import HEIGHT, WIDTH
from zerone.experiments.protocol import Experiment, Question, Results, Text, difference
from zerone.experiments.recording import episodes, record
from zerone.experiments.tutorial import chapter

if TYPE_CHECKING:
    from zerone.algorithms.protocol import Metrics, Steps
    from zerone.experiments.figure import Sheet
    from zerone.experiments.protocol import Measured, Settings

LAST = 100
SMOOTH = 10


def keep(state: Any, steps: Steps, metrics: Metrics) -> Any:
    """The record of each step for `measure`."""
    del state, metrics
    return steps.observation[0, 0], steps.reward[0, 0], (steps.terminated | steps.truncated)[0, 0]


def measure(settings: Settings, seed: int) -> Measured:
    """The return of each episode, and the distance from the edge in the last episodes."""
    algorithm = algorithms.look_up(settings["algorithm"]).make(
        learning_rate=settings["learning_rate"], discount=1.0, epsilon=settings["epsilon"]
    )
    _, (cell, reward, done) = record(algorithm, environments.make("zerone/Cliff-v0"), seed, settings["steps"], keep)
    found = episodes(reward, done)
    number = settings["episodes"]
    begin, end = found.ends[number - LAST - 1] + 1, found.ends[number - 1] + 1
    row, column = np.divmod(cell[begin:end], WIDTH)
    above = (column > 0) & (column < WIDTH - 1)
    return {
        "return": found.returns[:number],
        "last_return": found.returns[number - LAST : number].mean(),
        "distance": (HEIGHT - 1 - row[above]).mean(),
    }


def draw(sheet: Sheet, results: Results) -> None:
    """Draw the returns over episodes."""
    for place, (arm, label) in enumerate((("q-learning", "Q-learning"), ("sarsa", "Sarsa"))):
        returns = results(arm, "return")
        means = returns.reshape(len(returns), -1, SMOOTH).mean(-1)
        sheet.curve(SMOOTH * (np.arange(means.shape[1]) + 0.5), means, label, place)
    sheet.line(-13, translated("shortest way without exploring: -13"))
    sheet.axes[0].set_ylim(-120, 0)
    sheet.label(translated("episode"), translated("return while learning"))


def facts(results: Results) -> dict[str, float]:
    """The numbers in the texts."""
    names = {"q": "q-learning", "sarsa": "sarsa"}
    return {f"{measure}_{short}": results(arm, measure).mean()
            for short, arm in names.items() for measure in ("last_return", "distance")}  # fmt: skip


COMMON = {"learning_rate": 0.5, "epsilon": 0.1, "episodes": 1000, "steps": 120_000}

EXPERIMENT = Experiment(
    name="caution",
    title=Text("Sarsa keeps away from the cliff along which Q-learning walks", "Sarsa 远离悬崖，Q-learning 贴着崖边走"),
    claim=Text(
        "Sarsa keeps away from danger where Q-learning takes the shortest way beside it.",
        "Sarsa 会远离危险，而 Q-learning 走紧挨着危险的最短路。",
    ),
    source=chapter("Sarsa"),
    setup=Text(
        "Q-learning and Sarsa learn for 1,000 episodes on the cliff, with a step size of 0.5 and one random step in "
        "ten (Sutton & Barto 2018, example 6.6). Measured in the last 100 episodes, exploring: the return, and how "
        "many rows above the cliff the path runs.",
        "Q-learning 和 Sarsa 在悬崖上各学 1,000 个回合，步长 0.5，十步里有一步随机（Sutton & Barto 2018，例 6.6）。在"
        "最后 100 个仍在探索的回合里测量：回报，以及所走的路离悬崖几行。",
    ),
    environment="zerone/Cliff-v0",
    arms={name: {"algorithm": name, **COMMON} for name in ("q-learning", "sarsa")},
    measure=measure,
    questions=(
        Question(
            Text("Sarsa's return in an episode minus Q-learning's", "Sarsa 每回合的回报减去 Q-learning 的"),
            lambda results: difference(results("sarsa", "last_return"), results("q-learning", "last_return")),
            above=0,
        ),
        Question(
            Text("Sarsa's distance from the edge minus Q-learning's", "Sarsa 离崖边的距离减去 Q-learning 的"),
            lambda results: difference(results("sarsa", "distance"), results("q-learning", "distance")),
            above=0.5,
            unit=Text("rows", "行"),
        ),
    ),
    draw=draw,
    look=Text(
        "The gap between the curves: both agents explore all the time, and Sarsa loses less by it because it "
        "walks farther from the edge.",
        "两条曲线之间的距离：两者一直在探索，Sarsa 走得离崖边更远，因此损失更少。",
    ),
    facts=facts,
    teaches=Text(
        "Q-learning learns the values of the best moves, so it takes the shortest way, along the edge, from which "
        "exploring steps often make it fall: {last_return_q:.0f} an episode. Sarsa learns the values of its own "
        "behaviour, exploring steps included, and walks {distance_sarsa:.1f} rows above the cliff: "
        "{last_return_sarsa:.0f} an episode. Whether caution is right depends on whether exploration ever ends.",
        "Q-learning 学的是最优动作的价值，所以走沿崖边的最短路，探索时常常掉下去：每回合 {last_return_q:.0f}。Sarsa "
        "学的是自己实际行为的价值，探索的步也算在内，于是走在悬崖以上 {distance_sarsa:.1f} 行处：每回合 "
        "{last_return_sarsa:.0f}。谨慎是否值得，取决于探索是否会停止。",
    ),
    minutes=0.3,
    quick={"episodes": 300, "steps": 60_000},
)
