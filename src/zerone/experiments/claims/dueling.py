"""With many actions dueling learns faster than plain DQN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zerone.base.language import translatable, translated
from zerone.environments import catalogue as environments
from zerone.experiments.protocol import Experiment, Question, Results, Text, difference
from zerone.experiments.recording import record
from zerone.experiments.tutorial import DQN_SETTINGS, chapter, dqn

if TYPE_CHECKING:
    from zerone.algorithms.protocol import Array, Metrics, Steps
    from zerone.experiments.figure import Sheet
    from zerone.experiments.protocol import Measured, Settings

LOOK = 200


def keep(state: Any, steps: Steps, metrics: Metrics) -> Array:
    """The reward of the step."""
    del state, metrics
    return steps.reward[0, 0]


def measure(settings: Settings, seed: int) -> Measured:
    """The cumulative reward from the first gradient update on, as in the tutorial's figure."""
    environment = environments.make("zerone/Pendulum25-v0", limit=settings["limit"])
    _, reward = record(dqn(settings), environment, seed, settings["steps"], keep)
    total = np.cumsum(reward[settings["warmup"] :], dtype=np.float64)
    return {"accumulated": total[LOOK - 1 :: LOOK], "total": total[-1]}


HEADS = {"natural": translatable("plain DQN"), "dueling": "dueling DQN"}
LIMITS = {
    "endless": translatable("the tutorial's: no time limit"),
    "limited": translatable("Gymnasium's: a new start every 200 steps"),
}


def draw(sheet: Sheet, results: Results) -> None:
    """Draw the cumulative reward; it is flat while the pendulum is upright."""
    for panel, (limit, title) in enumerate(LIMITS.items()):
        for place, (head, label) in enumerate(HEADS.items()):
            accumulated = results(f"{limit}-{head}", "accumulated")
            sheet.curve(LOOK * (1 + np.arange(accumulated.shape[1])), accumulated, label, place, panel)
        sheet.axes[panel].set_title(translated(title), fontsize=11.5)
        sheet.label(translated("gradient updates"), translated("accumulated reward / 10"), panel, legend=panel == 0)


def compared(limit: str) -> Any:
    """The cumulative reward of dueling minus that of plain DQN."""
    return lambda results: difference(results(f"{limit}-dueling", "total"), results(f"{limit}-natural", "total"))


def facts(results: Results) -> dict[str, float]:
    """The cumulative rewards, and the percentage of seeds in which dueling's is higher."""
    better = {
        f"better_{limit}": 100 * (results(f"{limit}-dueling", "total") > results(f"{limit}-natural", "total")).mean()
        for limit in LIMITS
    }
    return {arm.replace("-", "_"): results(arm, "total").mean() for arm in results.arms} | better


COMMON: dict[str, Any] = {**DQN_SETTINGS, "learning_rate": 0.001, "steps": 18_000}

EXPERIMENT = Experiment(
    name="dueling",
    title=Text("Dueling and plain DQN with 25 torques", "25 种力矩：Dueling DQN 与普通 DQN"),
    claim=Text(
        "With many actions dueling DQN learns faster than plain DQN.", "动作多时，Dueling DQN 比普通 DQN 学得快。"
    ),
    source=chapter("Dueling DQN"),
    setup=Text(
        "DQN with one stream and with two on the pendulum with 25 torques and a tenth of its reward, with the "
        "tutorial's settings: 20 hidden units, all of which both of dueling's streams read, step size 0.001, γ = 0.9, "
        "a replay memory of 3,000 steps, 15,000 updates. Once without a time limit, as in the tutorial, and once with "
        "Gymnasium's. Measured: the reward accumulated while learning, from the first update on.",
        "单分支与双分支的 DQN，环境是 25 种力矩、奖励取十分之一的单摆，用教程的设置：20 个隐藏单元，Dueling 的两个分支"
        "都读取全部单元，步长 0.001，γ = 0.9，经验回放 3,000 步，更新 15,000 次。一次像教程那样不设时间限制，一次用 "
        "Gymnasium 的限制。测量：从第一次更新起，学习期间累积的奖励。",
    ),
    environment="zerone/Pendulum25-v0",
    arms={
        f"{limit}-{head}": {**COMMON, "limit": steps, "dueling": head == "dueling"}
        for limit, steps in (("endless", 0), ("limited", 200))
        for head in HEADS
    },
    measure=measure,
    questions=(
        Question(
            Text(
                "without a time limit, dueling's accumulated reward minus plain DQN's",
                "不设时间限制时，Dueling 累积的奖励减去普通 DQN 的",
            ),
            compared("endless"),
            above=0,
        ),
        Question(
            Text(
                "with Gymnasium's, dueling's accumulated reward minus plain DQN's",
                "用 Gymnasium 的限制时，Dueling 累积的奖励减去普通 DQN 的",
            ),
            compared("limited"),
            above=0,
        ),
    ),
    draw=draw,
    look=Text(
        "Where the curves part: a flatter curve is a pendulum that stays upright for longer.",
        "看两条曲线从哪里分开：曲线越平，摆直立的时间越长。",
    ),
    facts=facts,
    panels=2,
    teaches=Text(
        "While it learns, dueling DQN accumulates {endless_dueling:.0f} and plain DQN {endless_natural:.0f} "
        "without a time limit, {limited_dueling:.0f} and {limited_natural:.0f} with Gymnasium's. Both streams read "
        "the same hidden layer, and one of them learns the value of a state: each step updates it for all 25 torques "
        "at once. A single seed of each, as in the tutorial, mostly shows luck: here {better_endless:.0f}% of the "
        "seeds are better with dueling without a time limit, and {better_limited:.0f}% with one.",
        "学习期间，不设时间限制时，Dueling DQN 累积 {endless_dueling:.0f}，普通 DQN {endless_natural:.0f}；用 "
        "Gymnasium 的限制时，分别是 {limited_dueling:.0f} 和 {limited_natural:.0f}。两个分支读取同一个隐藏层，其中一个"
        "学状态的价值：每一步都同时为 25 种力矩更新它。像教程那样各画一个种子，看到的多半是运气：这里不设时间限制时，"
        "{better_endless:.0f}% 的种子用 Dueling 更好；设了限制时是 {better_limited:.0f}%。",
    ),
    minutes=6,
    seeds=40,
    version=2,
    quick={"steps": 8_000},
)
