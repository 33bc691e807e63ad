"""PPO's two objectives that keep the policy near the one that collected the data, and the step sizes they tolerate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zerone.base.language import translatable, translated
from zerone.experiments.pendulum import NAME, bins, centres, returns
from zerone.experiments.protocol import Estimate, Experiment, Question, Results, Text, difference
from zerone.experiments.tutorial import chapter, made

if TYPE_CHECKING:
    from zerone.experiments.figure import Sheet
    from zerone.experiments.protocol import Measured, Settings

POINTS = 20
LEVEL = -900
MARGIN, TIMES = 50, 2
NOTCH = 10**0.5
RATES = [3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]
OBJECTIVES = {"clip": translatable("clipped"), "kl": translatable("KL penalty")}
SWEPT = {"ppo": "PPO", "no-clip": translatable("PPO without clipping"), "actor-critic": "actor-critic"}


def measure(settings: Settings, seed: int) -> Measured:
    """For each step size the mean return in the last quarter, and the largest step size whose return reaches `LEVEL`.

    If none reaches it, the next smaller step size before the first is used.
    """
    last, curves = [], []
    for rate in settings["rates"]:
        own = dict.fromkeys(settings["rate_is"], rate)
        algorithm = made(settings["algorithm"], {**settings["options"], **own})
        found = returns(algorithm, "centred", seed, settings["steps"] // algorithm.environments).mean(1)
        last.append(found[-len(found) // 4 :].mean())
        curves.append(bins(found, POINTS))
    learns = np.flatnonzero(np.array(last) >= LEVEL)
    tolerated = settings["rates"][learns[-1]] if learns.size else settings["rates"][0] / NOTCH
    return {"last": last, "curve": curves, "tolerated": np.log10(tolerated), "steps": settings["steps"]}


def times(results: Results, arm: str) -> Estimate:
    """The ratio of the largest step sizes that PPO and another arm tolerate (geometric means over seeds)."""
    powers = difference(results("ppo", "tolerated"), results(arm, "tolerated"))
    return Estimate(*(10**each for each in (powers.value, powers.low, powers.high)))


def draw(sheet: Sheet, results: Results) -> None:
    """Draw learning curves of both objectives, and returns against step sizes."""
    for place, (arm, label) in enumerate(OBJECTIVES.items()):
        x = centres(results(arm, "steps")[0], POINTS) / 1000
        sheet.curve(x, results(arm, "curve")[:, 0], label, place)
    sheet.label(translated("thousands of steps"), translated("return while learning"))
    for place, (arm, label) in enumerate(SWEPT.items()):
        sheet.curve(RATES, results(arm, "last"), label, place, panel=1, marked=True)
    sheet.line(LEVEL, translated("the level: {level}", level=LEVEL), panel=1)
    sheet.axes[1].set_xscale("log")
    sheet.label(translated("step size (log scale)"), translated("return in the last quarter"), panel=1)


def facts(results: Results) -> dict[str, float]:
    """The numbers in the texts."""
    found = {f"last_{arm}": results(arm, "last").mean() for arm in OBJECTIVES}
    for arm in SWEPT:
        name, means = arm.replace("-", "_"), results(arm, "last").mean(0)
        found |= {
            f"tolerated_{name}": 10 ** results(arm, "tolerated").mean(),
            f"best_{name}": means.max(),
            f"best_rate_{name}": RATES[int(means.argmax())],
        }
    return found


NETWORKS = {"discount": 0.9, "hidden": [100], "max_gradient_norm": 1e6}
EPOCHS = {**NETWORKS, "trace_decay": 1.0, "steps_per_update": 32, "epochs": 10, "minibatches": 1}
TUTORIAL = {**EPOCHS, "environments": 1, "critic_learning_rate": 2e-4, "normalize_advantages": False}
PENALTY = {"objective": "kl", "kl_penalty": 0.5, "kl_penalty_min": 1e-4, "kl_penalty_max": 10.0, "kl_stop": 4.0}
ALONE = {"algorithm": "ppo", "rate_is": ["learning_rate"], "rates": [1e-4], "steps": 200_000}
PPO = {"algorithm": "ppo", "rate_is": ["learning_rate"], "rates": RATES, "steps": 96_000}
ACTOR_CRITIC = {"algorithm": "actor-critic", "rate_is": ["learning_rate", "critic_learning_rate"], "rates": RATES,
                "steps": 96_000}  # fmt: skip

EXPERIMENT = Experiment(
    name="clipping",
    title=Text(
        "PPO: clipping or KL penalty, and large step sizes",
        "PPO：裁剪还是 KL 惩罚，以及大步长",
    ),
    claim=Text(
        "Clipping PPO's objective beats the KL penalty, and PPO tolerates larger step sizes than plain policy "
        "gradient.",
        "PPO 的裁剪目标胜过 KL 惩罚，而且 PPO 比普通的策略梯度更经得起大步长。",
    ),
    source=chapter("PPO"),
    setup=Text(
        "Both parts swing up the pendulum, with discount 0.9, 100 hidden units and reward (r + 8) / 8. The first "
        "part has the tutorial's settings: 200,000 steps (1,000 episodes) in blocks of 32 steps of one pendulum, 10 "
        "passes over each block, step sizes of 0.0001 for the actor and 0.0002 for the critic, advantages that are "
        "not normalised; clipping at 0.2, or a KL penalty with a target of 0.01 whose weight begins at 0.5, stays "
        "between 0.0001 and 10, and whose passes end for the actor once the divergence is above 4 times the target. "
        "(What differs: our hidden units are tanh, and σ does not depend on the state.) The second part takes six "
        "step sizes with 96,000 steps each, for Zerone's own PPO, which normalises advantages, in blocks of 32 steps "
        "of 8 pendulums, 10 passes; for the same without clipping; and for actor-critic in blocks of 32 steps of one "
        "pendulum, so that all three make one gradient update for about 30 steps. Measured: the mean return of the "
        "last quarter, and for each seed the largest step size with which that is at least -900; if there is none, a "
        "step size half a power of ten below the smallest counts.",
        "两部分都是把单摆甩上去，折扣 0.9，100 个隐藏单元，奖励 (r + 8) / 8。第一部分用教程的设置：200,000 步（1,000 "
        "个回合），每块是一个单摆的 32 步，各学 10 遍，演员的步长 0.0001，评论家的 0.0002，优势不做归一化；裁剪范围 "
        "0.2，或者 KL 惩罚，目标 0.01，系数从 0.5 开始、限制在 0.0001 与 10 之间，散度超过目标的 4 倍时演员不再继续学"
        "这一块。（不同之处：我们的隐藏单元是 tanh，σ 不随状态变化。）第二部分取六个步长，每个 96,000 步：Zerone 自己"
        "的 PPO（优势做归一化），每块是 8 个单摆各 32 步，学 10 遍；同样的设置去掉裁剪；以及 Actor-Critic，每块是一个"
        "单摆的 32 步：三者都是大约每 30 步做一次梯度更新。测量：最后四分之一的平均回报，以及每个种子最后四分之一至少"
        "达到 -900 的最大步长；一个也达不到的，按比最小步长再小半个数量级计。",
    ),
    environment=NAME,
    arms={
        "clip": {**ALONE, "options": TUTORIAL},
        "kl": {**ALONE, "options": {**TUTORIAL, **PENALTY}},
        "ppo": {**PPO, "options": {**EPOCHS, "environments": 8}},
        "no-clip": {**PPO, "options": {**EPOCHS, "environments": 8, "clip": 1e6}},
        "actor-critic": {
            **ACTOR_CRITIC,
            "options": {**NETWORKS, "environments": 1, "steps_per_update": 32, "entropy_bonus": 0.0},
        },
    },
    measure=measure,
    questions=(
        Question(
            Text("the last return with clipping minus that with the penalty", "裁剪时最后的回报减去用惩罚时的"),
            lambda results: difference(results("clip", "last")[:, 0], results("kl", "last")[:, 0]),
            above=MARGIN,
        ),
        Question(
            Text(
                "the ratio of the largest step size that PPO tolerates to actor-critic's",
                "PPO 经得起的最大步长与 Actor-Critic 的比值",
            ),
            lambda results: times(results, "actor-critic"),
            above=TIMES,
        ),
        Question(
            Text(
                "the ratio of the largest step size that PPO tolerates to that without clipping",
                "PPO 经得起的最大步长与不裁剪的 PPO 的比值",
            ),
            lambda results: times(results, "no-clip"),
            above=TIMES,
        ),
    ),
    draw=draw,
    look=Text(
        "Above, whether the bands overlap. Below, how far to the right each curve stays above the dashed line: the "
        "largest step size that still learns.",
        "上图看两条带是否重叠。下图看每条曲线向右到哪里还在虚线之上：那是还能学会的最大步长。",
    ),
    facts=facts,
    teaches=Text(
        "With the tutorial's settings clipping ends at {last_clip:.0f} and the penalty at {last_kl:.0f}. The penalty "
        "adapts: where ten passes move the policy by less than its target, its weight is halved again and again "
        "until it hardly restrains anything. Clipping shows its purpose where steps are large: on average a seed of "
        "PPO still learns with {tolerated_ppo:.1g}, without clipping with {tolerated_no_clip:.1g}, and actor-critic "
        "with {tolerated_actor_critic:.1g}. Ten passes over the same block would move the policy as far from the one "
        "that played as the step size allows; with clipping the objective does not grow once the probability ratio "
        "has left its range, so that a step that is too large is at least not repeated ten times.",
        "用教程的设置，裁剪最后达到 {last_clip:.0f}，惩罚达到 {last_kl:.0f}。惩罚会自己调整：学十遍若还不到它的目标散"
        "度，系数就一再减半，直到几乎不起约束作用。步长大时才看得出裁剪的用处：平均而言，PPO 的种子步长到 "
        "{tolerated_ppo:.1g} 还能学，去掉裁剪是 {tolerated_no_clip:.1g}，Actor-Critic 是 {tolerated_actor_critic:.1g}"
        "。在同一块上学十遍，步长有多大，策略就会离采样时的策略多远；有了裁剪，概率比离开范围之后目标不再增大，于是一"
        "步即使太大，至少不会重复十次。",
    ),
    minutes=6,
    seeds=40,
    version=2,
    quick={"steps": 32_000},
    panels=2,
)
