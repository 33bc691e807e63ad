"""With many actions dueling learns faster than natural DQN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

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
    """The rewards from the first gradient update on, added up as in the tutorial's picture."""
    environment = environments.make("zerone/Pendulum25-v0", limit=settings["limit"])
    _, reward = record(dqn(settings), environment, seed, settings["steps"], keep)
    total = np.cumsum(reward[settings["warmup"] :], dtype=np.float64)
    return {"accumulated": total[LOOK - 1 :: LOOK], "total": total[-1]}


HEADS = {"natural": "natural DQN", "dueling": "dueling DQN"}
LIMITS = {"endless": "the tutorial's: no time limit", "limited": "Gymnasium's: a new start every 200 steps"}


def draw(sheet: Sheet, results: Results) -> None:
    """Accumulated reward: flat is upright."""
    for panel, (limit, title) in enumerate(LIMITS.items()):
        for place, (head, label) in enumerate(HEADS.items()):
            accumulated = results(f"{limit}-{head}", "accumulated")
            sheet.curve(LOOK * (1 + np.arange(accumulated.shape[1])), accumulated, label, place, panel)
        sheet.axes[panel].set_title(title, fontsize=11.5)
        sheet.label("gradient updates", "accumulated reward / 10", panel, legend=panel == 0)


def compared(limit: str) -> Any:
    """What dueling earned more than natural DQN."""
    return lambda results: difference(results(f"{limit}-dueling", "total"), results(f"{limit}-natural", "total"))


def facts(results: Results) -> dict[str, float]:
    """What each earned."""
    return {arm.replace("-", "_"): results(arm, "total").mean() for arm in results.arms}


COMMON: dict[str, Any] = {**DQN_SETTINGS, "learning_rate": 0.001, "steps": 18_000}

EXPERIMENT = Experiment(
    name="dueling",
    title=Text("Dueling against natural DQN with 25 torques", "25 个力矩：Dueling 对自然 DQN"),
    claim=Text(
        "With many actions dueling DQN learns faster than natural DQN.", "动作多时，Dueling DQN 比自然 DQN 学得快。"
    ),
    source=chapter("Dueling DQN"),
    setup=Text(
        "DQN with one stream and with two on the pendulum with 25 torques and a tenth of its reward, as in the "
        "tutorial: 20 hidden units (of which each of dueling's streams gets half), step size 0.001, γ = 0.9, a memory "
        "of 3,000 steps, 15,000 updates; without a time limit as there, and with Gymnasium's. Measured: the reward "
        "accumulated while learning.",
        "一条流与两条流的 DQN，环境是 25 个力矩、奖励除以 10 的摆，设置照教程：20 个隐藏单元（Dueling 的两条流各得一"
        "半），步长 0.001，γ = 0.9，记忆 3,000 步，更新 15,000 次；照教程不设时间限制，再用 Gymnasium 的限制做一遍。测"
        "量：学习期间累积的奖励。",
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
                "without a time limit, dueling's accumulated reward minus natural DQN's",
                "不设时间限制时，Dueling 累积的奖励减去自然 DQN 的",
            ),
            compared("endless"),
            above=0,
        ),
        Question(
            Text(
                "with Gymnasium's, dueling's accumulated reward minus natural DQN's",
                "用 Gymnasium 的限制时，Dueling 累积的奖励减去自然 DQN 的",
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
        "While learning, dueling DQN accumulates {endless_dueling:.0f} and natural DQN {endless_natural:.0f} without "
        "a time limit, {limited_dueling:.0f} and {limited_natural:.0f} with Gymnasium's. Two streams share what a "
        "state is worth: each step teaches it for all 25 torques at once. With networks of 20 units and this few "
        "updates, seeds differ by more than that gains: one curve of each, as in the tutorial, shows luck.",
        "学习期间，不设时间限制时，Dueling DQN 累积 {endless_dueling:.0f}，自然 DQN {endless_natural:.0f}；用 "
        "Gymnasium 的限制时，分别是 {limited_dueling:.0f} 和 {limited_natural:.0f}。两条流共用状态的价值：每一步同时为"
        " 25 个力矩教了它。网络只有 20 个单元、更新又这么少时，种子之间的差别比这点好处大：像教程那样各画一条曲线，看"
        "到的是运气。",
    ),
    minutes=6,
    seeds=40,
    version=2,
    quick={"steps": 8_000},
)
