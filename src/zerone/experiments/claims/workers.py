"""The number of steps that each of A3C's parallel workers takes until their common policy reaches a return."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zerone.base.language import translated
from zerone.base.statistics import median
from zerone.charts.curves import COLORS, INK
from zerone.experiments.pendulum import EPISODE, NAME, bins, centres, returns
from zerone.experiments.protocol import Estimate, Experiment, Question, Results, Text, estimate
from zerone.experiments.tutorial import chapter, made

if TYPE_CHECKING:
    from zerone.experiments.figure import Sheet
    from zerone.experiments.protocol import Measured, Settings

LEVEL = -900
RECENT = 48
POINTS = 50
WORKERS = (1, 2, 4, 8)


def arm(workers: int) -> str:
    """The name of the arm with a number of workers."""
    return f"workers-{workers}"


def measure(settings: Settings, seed: int) -> Measured:
    """Steps per worker until the mean return of the last `RECENT` episodes reaches `LEVEL`; infinity if it does not."""
    workers, steps = settings["options"]["workers"], settings["steps"] // settings["options"]["workers"]
    found = returns(made("a3c", settings["options"]), "centred", seed, steps)
    recent = np.convolve(found.reshape(-1), np.ones(RECENT) / RECENT, "valid")  # over all workers' episodes
    reached = np.flatnonzero(recent >= LEVEL)
    rounds = -(-(reached[0] + RECENT) // workers) if reached.size else np.inf
    return {"until": EPISODE * rounds, "reached": reached.size > 0, "curve": bins(found, POINTS), "steps": steps}


def relative(results: Results, workers: int) -> Estimate:
    """The median number of steps per worker with several workers, relative to one worker."""
    return estimate(
        results(arm(workers), "until"), results(arm(1), "until"),
        statistic=lambda several, one: median(several) / median(one),
    )  # fmt: skip


def draw(sheet: Sheet, results: Results) -> None:
    """Draw learning curves over the steps per worker, and the speed-up by more workers."""
    for place, workers in enumerate(WORKERS):
        x = centres(results(arm(workers), "steps")[0], POINTS) / 1000
        sheet.curve(
            x,
            results(arm(workers), "curve"),
            translated("1 worker") if workers == 1 else translated("{workers} workers", workers=workers),
            place,
        )
    sheet.line(LEVEL, translated("the level: {level}", level=LEVEL))
    sheet.axes[0].set_xscale("log")
    sheet.axes[0].set_xticks([1, 10, 100], ["1", "10", "100"])
    sheet.label(
        translated("thousands of steps of each worker (log scale)"),
        translated("return while learning"),
        loc="lower right",
    )
    several = WORKERS[1:]
    found = [relative(results, workers) for workers in several]
    value, low, high = np.transpose([[1 / each.value, 1 / each.high, 1 / each.low] for each in found])
    below = sheet.axes[1]
    below.plot(
        WORKERS, WORKERS, color=INK, linestyle=(0, (5, 4)), linewidth=1.3, label=translated("as many times as workers")
    )
    below.errorbar(several, value, [value - low, high - value], color=COLORS[0], marker="o", linewidth=2, capsize=4,
                   label=translated("measured"))  # fmt: skip
    below.set_xscale("log", base=2)
    below.set_yscale("log", base=2)
    below.set_xticks(WORKERS, [str(each) for each in WORKERS])
    below.set_yticks(WORKERS, [str(each) for each in WORKERS])
    sheet.label(translated("workers"), translated("times sooner than 1 worker"), panel=1)


def facts(results: Results) -> dict[str, float]:
    """The numbers in the texts."""
    until = {f"until_{workers}": median(results(arm(workers), "until")) for workers in WORKERS}
    sooner = {f"sooner_{workers}": 1 / relative(results, workers).value for workers in WORKERS}
    reached = {f"reached_{workers}": 100 * results(arm(workers), "reached").mean() for workers in WORKERS}
    together = {f"together_{workers}": workers * until[f"until_{workers}"] for workers in WORKERS}
    return {**until, **sooner, **reached, **together}


OPTIONS = {
    "learning_rate": 0.0001, "critic_learning_rate": 0.001, "discount": 0.9, "entropy_bonus": 0.01,
    "steps_per_update": 10, "optimizer": "rmsprop", "rmsprop_decay": 0.9, "hidden": [200], "max_gradient_norm": 1e6,
}  # fmt: skip

EXPERIMENT = Experiment(
    name="workers",
    title=Text(
        "More A3C workers, less time",
        "A3C：工作者越多，用时越少",
    ),
    claim=Text("The more workers A3C has, the less time it takes to learn.", "A3C 的工作者越多，学会所用的时间越短。"),
    source=chapter("A3C"),
    setup=Text(
        "A3C learns to swing up the pendulum with 1, 2, 4 and 8 workers, 400,000 steps of all together, with the "
        "tutorial's settings: a push after 10 steps, RMSProp at 0.0001 and 0.001, discount 0.9, entropy bonus 0.01, "
        "reward (r + 8) / 8, 200 hidden units; a truncated episode is not treated as a terminated one. Time is "
        "counted in steps of the environment: all workers take a step at once, each on a core of its own, pushing "
        "and pulling take no time, and a gradient is stale by as many pushes as there are other workers. This is the "
        "real time where the environment takes most of it, as with a robot or a slow simulator; seconds on given "
        "cores differ, and those of the cluster engine depend on the machine. Measured: the steps that each worker "
        "takes until the last 48 episodes of all workers average -900.",
        "A3C 用 1、2、4、8 个工作者学习把单摆甩上去，所有工作者合计 400,000 步，用教程的设置：每 10 步推送一次，"
        "RMSProp 步长 0.0001 和 0.001，折扣 0.9，熵奖励 0.01，奖励 (r + 8) / 8，200 个隐藏单元；被截断的回合不当作结"
        "束。时间以环境的步来计：所有工作者同时走一步，各占一个核心，推送和拉取不花时间，有几个别的工作者，梯度就滞后"
        "几次推送。如果时间主要花在环境上（机器人，或很慢的模拟器），这就是实际的时间；在给定的核心上要多少秒则另当别"
        "论，集群引擎的秒数取决于机器。测量：所有工作者最近 48 个回合平均达到 -900 时，每个工作者走了多少步。",
    ),
    environment=NAME,
    arms={arm(workers): {"options": {**OPTIONS, "workers": workers}, "steps": 400_000} for workers in WORKERS},
    measure=measure,
    questions=(
        Question(
            Text("the ratio of each of 8 workers' steps (their median over seeds) to a single worker's",
                 "8 个工作者时每个工作者所走步数的中位数与只有 1 个工作者时的比值"),
            lambda results: relative(results, 8),
            below=1,
        ),
    ),
    draw=draw,
    look=Text(
        "Above, how far to the left each curve crosses the dashed line. Below, how near the dots come to the "
        "diagonal: twice the workers, half the time.",
        "上图看每条曲线在多靠左的地方穿过虚线。下图看点离对角线有多近：工作者加倍，时间减半。",
    ),
    facts=facts,
    teaches=Text(
        "One worker takes {until_1:,.0f} steps, each of eight {until_8:,.0f}: {sooner_8:.1f} times as fast. All "
        "eight together take {together_8:,.0f}, so they save time, not experience, and only where the environment's "
        "steps take most of the time. Gradients that are stale by seven pushes do little harm at these small step "
        "sizes.",
        "一个工作者要走 {until_1:,.0f} 步，八个工作者每个只走 {until_8:,.0f} 步：快 {sooner_8:.1f} 倍。八个合起来走了 "
        "{together_8:,.0f} 步，所以省下的是时间，不是经验；而且只有当时间主要花在环境的步上时才省得下来。梯度滞后七次"
        "推送，在这么小的步长下代价不大。",
    ),
    minutes=3,
    quick={"steps": 80_000},
    panels=2,
)  # fmt: skip
