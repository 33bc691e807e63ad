"""From the first reward on, prioritised replay reaches the flag in fewer steps per episode than uniform replay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zerone.base.language import translatable, translated
from zerone.base.statistics import median
from zerone.environments import catalogue as environments
from zerone.experiments.protocol import Experiment, Question, Results, Text, estimate, ratio
from zerone.experiments.recording import episodes, record
from zerone.experiments.tutorial import DQN_SETTINGS, chapter, dqn

if TYPE_CHECKING:
    from zerone.algorithms.protocol import Array, Metrics, Steps
    from zerone.experiments.figure import Sheet
    from zerone.experiments.protocol import Measured, Settings

LOOK, SHOWN = 500, 20_000


def keep(state: Any, steps: Steps, metrics: Metrics) -> tuple[Array, Array]:
    """The reward of the step, and whether the flag was reached."""
    del state, metrics
    return steps.reward[0, 0], steps.terminated[0, 0]


def measure(settings: Settings, seed: int) -> Measured:
    """When the flag was first reached, and the lengths of the episodes from then on, with the unfinished last one."""
    environment = environments.make("zerone/MountainCarSparse-v0", limit=0)
    _, (reward, done) = record(dqn(settings), environment, seed, settings["steps"], keep)
    ends = episodes(reward, done).ends
    first = ends[0] if len(ends) else len(done) - 1
    after = done[first + 1 :]
    flags = np.zeros(settings["steps"] // LOOK)
    counted = np.cumsum(after)[LOOK - 1 :: LOOK]
    flags[: len(counted)] = counted
    flags[len(counted) :] = counted[-1] if len(counted) else 0
    return {
        "first": int(first) + 1,
        "flags": flags,
        "steps": len(after) / (1 + int(after.sum())),
        "found": len(ends) > 0,
    }


ARMS = {"uniform": translatable("uniform replay"), "prioritized": translatable("prioritised replay")}


def since_first(results: Results, arm: str, name: str) -> np.ndarray:
    """A measurement of the seeds that reached the flag; of all seeds if none did, as in a short trial."""
    found = results(arm, "found") > 0
    return results(arm, name)[found] if found.any() else results(arm, name)


def draw(sheet: Sheet, results: Results) -> None:
    """Draw the number of flags reached since the first (above), and steps per episode for each seed (below)."""
    for place, (arm, label) in enumerate(ARMS.items()):
        flags = since_first(results, arm, "flags")[:, : SHOWN // LOOK]
        sheet.curve(LOOK * (1 + np.arange(flags.shape[1])), flags, label, place)
    sheet.label(translated("steps after the first +10"), translated("flags reached since"))
    sheet.points(list(ARMS.values()), [since_first(results, arm, "steps") for arm in ARMS], panel=1)
    sheet.label(translated("steps per episode after the first +10"), "", 1, legend=False)


def facts(results: Results) -> dict[str, float]:
    """The means of the measurements."""
    return {f"middle_{arm}": float(median(since_first(results, arm, "steps"))) for arm in ARMS} | {
        f"{name}_{arm}": since_first(results, arm, name).mean() for arm in ARMS for name in ("steps", "first")} | {
        f"never_{arm}": float((results(arm, "found") == 0).sum()) for arm in ARMS}  # fmt: skip


COMMON: dict[str, Any] = {
    **DQN_SETTINGS, "learning_rate": 0.005, "target_period": 500, "memory": 10_000, "warmup": 10_000,
    "epsilon_steps": 18_000.0, "steps": 60_000,
}  # fmt: skip

EXPERIMENT = Experiment(
    name="priorities",
    title=Text("Prioritised and uniform replay on MountainCar", "MountainCar 上的优先回放与均匀回放"),
    claim=Text(
        "From the first +10 on, prioritised replay reaches the flag in fewer steps per episode than uniform replay.",
        "从第一个 +10 起，优先回放每回合用比均匀回放更少的步数到达旗子。",
    ),
    source=chapter("prioritised replay", "优先经验回放"),
    setup=Text(
        "DQN with uniform and with prioritised replay (α = 0.6, β from 0.4 to 1 over 600 updates) on MountainCar, -1 "
        "a step and +10 at the flag, without a time limit as in the tutorial: 20 hidden units, step size 0.005, γ = "
        "0.9, a memory of 10,000 steps, 60,000 steps in all; ε falls to 0.1 over 18,000 updates. The TD error is that "
        "of the chosen action, and nothing is bootstrapped past the flag. Measured from the first +10 on: steps per "
        "episode, for the seeds that reach it.",
        "均匀回放与优先回放（α = 0.6，β 在 600 次更新里从 0.4 升到 1）的 DQN，环境是 MountainCar，每步 -1，旗子 +10，"
        "照教程不设时间限制：20 个隐藏单元，步长 0.005，γ = 0.9，记忆 10,000 步，共 60,000 步；ε 在 18,000 次更新里降"
        "到 0.1。TD 误差取所选动作的，到旗子之后不再自举。从第一个 +10 起测量：每回合的步数，"
        "只算到达过的种子。",
    ),
    environment="zerone/MountainCarSparse-v0",
    arms={
        "uniform": COMMON,
        "prioritized": {**COMMON, "prioritized": True, "importance_steps": 600.0, "importance_clock": "updates"},
    },
    measure=measure,
    questions=(
        Question(
            Text(
                "prioritised replay's steps per episode over uniform replay's",
                "优先回放每回合的步数除以均匀回放的",
            ),
            lambda results: ratio(
                since_first(results, "prioritized", "steps"), since_first(results, "uniform", "steps")
            ),
            below=1,
        ),
        Question(
            Text(
                "the median over seeds of prioritised replay's steps per episode over that of uniform replay's",
                "优先回放每回合步数的中位数除以均匀回放的中位数",
            ),
            lambda results: estimate(
                since_first(results, "prioritized", "steps"),
                since_first(results, "uniform", "steps"),
                statistic=lambda ours, theirs: median(ours) / median(theirs),
            ),
            below=1,
            added=True,
        ),
    ),
    draw=draw,
    look=Text(
        "Below, the few dots far to the right: the seeds in which the first reward was hardly ever replayed. They "
        "move the mean much more than the median.",
        "下图看最右边的几个点：这些种子几乎没有回放过第一个奖励。它们对平均值的影响远大于对中位数的影响。",
    ),
    facts=facts,
    panels=2,
    teaches=Text(
        "From the first +10 on an episode takes {steps_prioritized:.0f} steps with prioritised replay and "
        "{steps_uniform:.0f} with uniform replay, averaged over seeds; the medians are {middle_prioritized:.0f} and "
        "{middle_uniform:.0f}: the averages depend on a few unlucky seeds. (The first +10 comes after "
        "{first_prioritized:.0f} and {first_uniform:.0f} steps, mostly by chance; {never_prioritized:.0f} and "
        "{never_uniform:.0f} seeds never reach it and are left out.) Among ten thousand stored steps a uniform "
        "minibatch of 32 contains the one that matters about once in three hundred updates; a prioritised one contains "
        "it as long as its TD error is large. Seeds differ by far more than the tutorial's one curve can show.",
        "从第一个 +10 起，对种子平均，优先回放每回合用 {steps_prioritized:.0f} 步，均匀回放用 {steps_uniform:.0f} 步；"
        "中位数是 {middle_prioritized:.0f} 和 {middle_uniform:.0f}，平均值受少数几个不走运的种子影响很大。（第一个 +10 "
        "分别在 {first_prioritized:.0f} 和 {first_uniform:.0f} 步之后，多半靠运气；分别有 {never_prioritized:.0f} 个和 "
        "{never_uniform:.0f} 个种子始终没有到达，不计在内。）记住的一万步里，均匀抽的 32 步大约三百次更新才碰到一次要紧"
        "的那一步；按优先级抽，只要它的 TD 误差还大就会抽到。种子之间的差别，远比教程那一条曲线能显示的大。",
    ),
    minutes=6,
    seeds=40,
    version=3,
    quick={"steps": 30_000},
)
