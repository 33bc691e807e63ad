"""The discount factor: from how far away a reward still has a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zerone.algorithms.q_learning import QLearning
from zerone.base.language import translated
from zerone.environments import catalogue as environments
from zerone.experiments.protocol import Experiment, Question, Results, Text, estimate
from zerone.experiments.recording import record
from zerone.experiments.tutorial import chapter

if TYPE_CHECKING:
    from zerone.algorithms.protocol import Metrics, Steps
    from zerone.experiments.figure import Sheet
    from zerone.experiments.protocol import Measured, Settings

DISCOUNTS = (0.0, 0.5, 0.8, 0.9, 1.0)
CELLS = 16
AWAY = np.arange(1, CELLS)
"""The number of steps from each cell to the treasure."""


def keep(state: Any, steps: Steps, metrics: Metrics) -> Any:
    """No record of steps: only the final table is used."""
    del state, steps, metrics
    return ()


def measure(settings: Settings, seed: int) -> Measured:
    """The learnt value of every cell, from the treasure's neighbour to the farthest one."""
    algorithm = QLearning(learning_rate=0.5, discount=settings["discount"], epsilon=0.5)
    environment = environments.make("zerone/Treasure-v0", cells=settings["cells"], limit=1_000)
    state, _ = record(algorithm, environment, seed, settings["steps"], keep)
    return {"value": state.policy.max(-1)[-2::-1]}


def arm(discount: float) -> str:
    """The name of a discount's arm."""
    return f"discount-{discount:g}"


def seen(discount: float, away: np.ndarray = AWAY) -> np.ndarray:
    """γ^(k-1): the value of a reward of 1 that is k steps away. Sutton & Barto 2018, eq. 3.8."""
    return np.float64(discount) ** (away - 1)


def miss(results: Results) -> Any:
    """The mean absolute error of the learnt values over cells and discount factors."""
    return estimate(np.mean([abs(results(arm(each), "value") - seen(each)).mean(1) for each in DISCOUNTS], 0))


def draw(sheet: Sheet, results: Results) -> None:
    """Draw the values along the line: learnt ones as markers, the closed form as lines."""
    for place, discount in enumerate(DISCOUNTS):
        sheet.axes[0].plot(AWAY, seen(discount), "--", color="#23262B", linewidth=0.9,
                           label="γ^(k-1)" if place == 0 else None)  # fmt: skip
        sheet.curve(
            AWAY,
            results(arm(discount), "value"),
            translated("learnt with γ = {discount:g}", discount=discount),
            place,
            marked=True,
        )
    sheet.axes[0].set_xticks(AWAY[::2])
    sheet.label(
        translated("steps k to the treasure"),
        translated("value of the cell"),
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
    )


def facts(results: Results) -> dict[str, float]:
    """The value of the farthest cell."""
    far = {discount: results(arm(discount), "value")[:, -1].mean() for discount in DISCOUNTS}
    return {"far_05": far[0.5], "far_09": far[0.9], "far_1": far[1.0], "away": CELLS - 1}


EXPERIMENT = Experiment(
    name="eyesight",
    title=Text("The discount factor and distant rewards", "折扣因子与远处的奖励"),
    claim=Text(
        "With γ = 0 only the next reward is seen, with γ = 1 all that follow are seen undimmed, and in between the "
        "sight fades with distance.",
        "γ = 0 只看得见眼前的奖励，γ = 1 把之后的全部看得清清楚楚，居中则越远越淡。",
    ),
    source=chapter("Q-learning"),
    setup=Text(
        "Q-learning on the treasure line, made 16 cells long, for five γ. Measured: the value of each cell, against "
        "the closed form γ^(k-1) for a treasure k steps away.",
        "Q-learning 在加长到 16 格的寻宝线上，五种 γ。测量：每一格的值，与闭式解比较：宝藏在 k 步之外时为 γ^(k-1)。",
    ),
    environment="zerone/Treasure-v0, cells=16",
    arms={arm(discount): {"discount": discount, "cells": CELLS, "steps": 60_000} for discount in DISCOUNTS},
    measure=measure,
    questions=(
        Question(Text("the learnt values' distance from γ^(k-1)", "学到的值与 γ^(k-1) 的距离"), miss, below=0.01),
        Question(
            Text("with γ = 0, the value two steps away", "γ = 0 时，两步之外的值"),
            lambda results: estimate(results(arm(0.0), "value")[:, 1]),
            above=-0.01,
            below=0.01,
        ),
        Question(
            Text("with γ = 1, the value of the farthest cell", "γ = 1 时，最远一格的值"),
            lambda results: estimate(results(arm(1.0), "value")[:, -1]),
            above=0.99,
            below=1.01,
        ),
    ),
    draw=draw,
    look=Text(
        "How fast each curve falls from left to right: the smaller γ, the sooner a treasure is out of sight.",
        "看每条曲线从左到右降得多快：γ 越小，宝藏越早看不见。",
    ),
    facts=facts,
    teaches=Text(
        "γ says how far the agent sees: {away:.0f} steps away, a treasure of 1 is worth {far_1:.2f} with γ = 1, "
        "{far_09:.2f} with 0.9 and {far_05:.5f} with 0.5, less than any noise. A rule of thumb: it sees about 1 / (1 "
        "- γ) steps, so choose γ by the number of steps to a reward.",
        "γ 决定智能体看多远：{away:.0f} 步之外、值 1 的宝藏，γ = 1 时值 {far_1:.2f}，0.9 时 {far_09:.2f}，0.5 时 "
        "{far_05:.5f}，比任何噪声都小。粗略地说，它看得见 1 / (1 - γ) 步，所以按通往奖励的路有多长来选 γ。",
    ),
    minutes=0.3,
)
