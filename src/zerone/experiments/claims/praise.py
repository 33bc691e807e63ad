"""The weights that REINFORCE gives to steps: high for early steps on CartPole, for late ones on MountainCar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zerone.base.language import translatable, translated
from zerone.charts.curves import INK
from zerone.environments import catalogue as environments
from zerone.experiments.protocol import Experiment, Question, Results, Text, estimate
from zerone.experiments.recording import episode_lengths
from zerone.experiments.tutorial import REINFORCE_SETTINGS, chapter, reinforce

if TYPE_CHECKING:
    from zerone.experiments.figure import Sheet
    from zerone.experiments.protocol import Measured, Settings

POINTS = 101
SHARE = 5
"""Early steps are the first fifth of an episode, late steps the last."""


def praise(steps: int, reward: float, discount: float) -> np.ndarray:
    """The tutorial's weights vt for an episode of equal rewards: discounted returns, then normalised."""
    returns, following = np.zeros(steps), 0.0
    for time in reversed(range(steps)):
        following = returns[time] = reward + discount * following
    deviation = returns.std()
    return (returns - returns.mean()) / deviation if deviation > 0 else np.zeros(steps)


def measure(settings: Settings, seed: int) -> Measured:
    """The weights vt over an episode, and their mean over the first fifth minus that over the last fifth."""
    environment = environments.make(settings["environment"], limit=0)
    steps = int(episode_lengths(reinforce(settings), environment, seed, settings["episodes"], settings["budget"])[-1])
    vt = praise(steps, settings["reward"], settings["discount"])
    part = max(1, steps // SHARE)
    course = np.interp(np.linspace(0, 1, POINTS), np.linspace(0, 1, steps), vt)
    return {"course": course, "slant": vt[:part].mean() - vt[-part:].mean(), "steps": steps}


ARMS = {"cartpole": translatable("CartPole, first episode"), "mountain-car": translatable("MountainCar, episode 30")}
CUT = 200
"""Gymnasium's time limit of MountainCar."""


def draw(sheet: Sheet, results: Results) -> None:
    """Draw the weights vt over an episode."""
    for place, (arm, label) in enumerate(ARMS.items()):
        sheet.curve(np.linspace(0, 100, POINTS), results(arm, "course"), label, place)
    cut = praise(CUT, -1, REINFORCE_SETTINGS["discount"])
    sheet.axes[0].plot(np.linspace(0, 100, CUT), cut, color=INK, linestyle=":", linewidth=2,
                       label=translated("MountainCar, cut after {steps} steps, no flag", steps=CUT))  # fmt: skip
    sheet.line(0, translated("neither praise nor blame"))
    sheet.label(
        translated("share of the episode that is over (%)"), translated("vt: normalised return"), loc="upper left"
    )
    sheet.axes[0].set_ylim(-2.5, 7.5)


def facts(results: Results) -> dict[str, float]:
    """The means over seeds."""
    return {f"{name}_{arm.replace('-', '_')}": results(arm, name).mean() for arm in ARMS for name in ("slant", "steps")}


EXPERIMENT = Experiment(
    name="praise",
    title=Text("How REINFORCE weights early and late actions", "REINFORCE 怎样给先后的动作加权"),
    claim=Text(
        "vt is high early and low late on CartPole, and the reverse on MountainCar.",
        "vt 在 CartPole 上先高后低，在 MountainCar 上相反。",
    ),
    source=chapter("policy gradients", "策略梯度"),
    setup=Text(
        "The normalised discounted returns vt of an episode, as in the tutorial: the first one on CartPole (γ = 0.99, "
        "no time limit), and episode 30 on MountainCar (γ = 0.995, no time limit, 10 hidden units, step size 0.02). "
        "Measured: the mean of vt over the first fifth of the episode minus that over the last.",
        "一个回合的标准化折扣回报 vt，照教程：CartPole 的第一个回合（γ = 0.99，无时间限制），MountainCar 的第 30 回合"
        "（γ = 0.995，无时间限制，10 个隐藏单元，步长 0.02）。测量：回合前五分之一的 vt 平均减去后五分之一的。",
    ),
    environment="CartPole-v1, MountainCar-v0",
    arms={
        "cartpole": {
            **REINFORCE_SETTINGS,
            "discount": 0.99,
            "environment": "CartPole-v1",
            "reward": 1.0,
            "episodes": 1,
            "budget": 100_000,
        },
        "mountain-car": {
            **REINFORCE_SETTINGS,
            "environment": "MountainCar-v0",
            "reward": -1.0,
            "episodes": 31,
            "budget": 6_000_000,
        },
    },
    measure=measure,
    questions=(
        Question(
            Text("on CartPole, early vt minus late vt", "在 CartPole 上，早期的 vt 减去晚期的"),
            lambda results: estimate(results("cartpole", "slant")),
            above=0,
        ),
        Question(
            Text("on MountainCar, early vt minus late vt", "在 MountainCar 上，早期的 vt 减去晚期的"),
            lambda results: estimate(results("mountain-car", "slant")),
            below=0,
        ),
    ),
    draw=draw,
    look=Text(
        "Where each curve lies above the dashed line: those steps are made more likely, the others less.",
        "看每条曲线在虚线以上的部分：这些步的动作概率会提高，其余的会降低。",
    ),
    facts=facts,
    teaches=Text(
        "This follows from the definition: where every step has a reward of 1, early steps have the larger returns; "
        "where every step costs 1, late ones have. The difference is {slant_cartpole:.2f} on CartPole and "
        "{slant_mountain_car:.2f} on MountainCar (in standard deviations). So vt does not show which actions brought "
        "the car closer to the flag. If an episode that is cut after 200 steps, far from the flag, is treated as a "
        "complete one, its last actions are reinforced just as much (dotted): that is why a time limit must not be "
        "learnt from as a termination.",
        "这由定义就能得出：每步奖励为 1 时，越早的步回报越大；每步奖励为 -1 时，越晚的步回报越大。早晚之差在 "
        "CartPole 上是 {slant_cartpole:.2f}，在 MountainCar 上是 {slant_mountain_car:.2f}（以标准差计）。所以 vt 并不"
        "说明是哪些动作使小车接近了旗子。一个 200 步就被截断、离旗子还远的回合，如果当作完整的回合，最后的动作同样会"
        "被强化（点线）：所以时间限制不能当作终止来学。",
    ),
    minutes=0.5,
    version=2,
    quick={},
)
