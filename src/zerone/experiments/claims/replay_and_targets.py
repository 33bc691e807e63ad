"""DDPG with and without its replay memory and its target networks: which of them makes it converge?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zerone.base.language import translatable, translated
from zerone.experiments.pendulum import NAME, bins, centres, returns
from zerone.experiments.protocol import Experiment, Question, Results, Text, difference, estimate
from zerone.experiments.tutorial import chapter, made

if TYPE_CHECKING:
    from zerone.experiments.figure import Sheet
    from zerone.experiments.protocol import Measured, Settings

POINTS = 20
LEVEL = -300
MARGIN = 100
LABELS = {
    "ddpg": "DDPG",
    "no-targets": translatable("no target networks"),
    "no-replay": translatable("no replay"),
    "neither": translatable("neither"),
    "one-step": translatable("one-step actor-critic"),
}


def measure(settings: Settings, seed: int) -> Measured:
    """The training returns, and their mean over the last tenth, when there is hardly any exploration noise."""
    algorithm = made(settings["algorithm"], settings["options"])
    found = returns(algorithm, "tenth", seed, settings["steps"])[:, 0]
    last = found[-len(found) // 10 :].mean()
    return {"curve": bins(found, POINTS), "last": last, "converges": last >= LEVEL, "steps": settings["steps"]}


def draw(sheet: Sheet, results: Results) -> None:
    """Draw learning curves, and the final return of each seed."""
    for place, (arm, label) in enumerate(LABELS.items()):
        x = centres(results(arm, "steps")[0], POINTS) / 1000
        sheet.curve(x, results(arm, "curve"), label, place)
    sheet.line(LEVEL, translated("converged: {level}", level=LEVEL))
    sheet.axes[0].set_ylim(-1700, 500)  # room for the legend
    sheet.axes[0].set_yticks(range(-1500, 1, 500))
    sheet.label(translated("thousands of steps"), translated("return while learning"), ncols=2, loc="upper left")
    sheet.points(list(LABELS.values()), [results(arm, "last") for arm in LABELS], panel=1)
    sheet.line(LEVEL, translated("converged: {level}", level=LEVEL), panel=1, vertical=True)
    sheet.axes[1].set_xticks(range(-1600, 1, 400))
    sheet.label(translated("return in the last tenth of the steps"), "", panel=1, legend=False)


def facts(results: Results) -> dict[str, float]:
    """The numbers in the texts."""
    lasts = {f"last_{arm.replace('-', '_')}": results(arm, "last").mean() for arm in LABELS}
    shares = {f"converges_{arm.replace('-', '_')}": 100 * results(arm, "converges").mean() for arm in LABELS}
    return {**lasts, **shares}


STEPS, MEMORY = 40_000, 10_000
FADES = 0.9998
"""The factor by which the noise decays at each update in the tutorial's text. Its program has 0.9995."""
DDPG = {
    "learning_rate": 0.001, "critic_learning_rate": 0.001, "discount": 0.9, "batch": 32, "memory": MEMORY,
    "warmup": MEMORY, "target_step": 0.01, "hidden": [30], "noise_shape": "exponential", "noise_start": 1.5,
    "noise_end": 1.5 * FADES ** (STEPS - MEMORY), "noise_steps": STEPS - MEMORY, "noise_clock": "updates",
    "warmup_actions": "policy",
}  # fmt: skip
ONE_STEP = {
    "learning_rate": 0.001, "critic_learning_rate": 0.01, "discount": 0.9, "entropy_bonus": 0.0, "environments": 1,
    "steps_per_update": 1, "hidden": [30], "max_gradient_norm": 1e6,
}  # fmt: skip
AT_ONCE, NEWEST = {"target_step": 1.0}, {"memory": 32}


def less(arm: str) -> Question:
    """The question how much better DDPG is than another arm."""
    label = {"no-targets": "without its target networks", "no-replay": "without its replay memory",
             "one-step": "of one-step actor-critic"}[arm]  # fmt: skip
    chinese = {"no-targets": "去掉目标网络后的", "no-replay": "去掉回放记忆后的", "one-step": "单步 Actor-Critic 的"}
    return Question(
        Text(f"DDPG's last return minus that {label}", f"DDPG 最后的回报减去{chinese[arm]}"),
        lambda results: difference(results("ddpg", "last"), results(arm, "last")),
        above=MARGIN,
    )


EXPERIMENT = Experiment(
    name="replay-and-targets",
    title=Text(
        "What replay and target networks do for actor-critic",
        "回放记忆与目标网络给 Actor-Critic 带来什么",
    ),
    claim=Text(
        "With a replay memory and target networks, actor-critic converges on continuous actions: that is DDPG.",
        "有了回放记忆和目标网络，Actor-Critic 在连续动作上就能收敛：这就是 DDPG。",
    ),
    source=chapter("DDPG"),
    setup=Text(
        "The pendulum for 40,000 steps, 200 episodes, with the tutorial's settings: step sizes 0.001, discount 0.9, "
        "30 hidden units, batches of 32 out of the last 10,000 steps, target networks with τ = 0.01, a tenth of the "
        "reward. Learning begins when the memory is full, after 10,000 steps; until then the noise is 1.5 times half "
        "the range of a torque, and from then on it falls by 0.02% at each update, as the tutorial's text has it "
        "(its program: 0.05%). A truncated episode is not treated as a terminated one. Without target networks the "
        "targets come from the networks themselves; without replay a batch is drawn from the newest 32 steps. "
        "One-step actor-critic, with step sizes of 0.001 and 0.01, learns from its first step. Measured: the mean "
        "return of the last tenth of the episodes.",
        "单摆，40,000 步即 200 个回合，用教程的设置：步长 0.001，折扣 0.9，30 个隐藏单元，每批 32 步取自最近的 "
        "10,000 步，目标网络每次靠近 0.01，奖励取十分之一。回放记忆装满（10,000 步）之后才开始学习；在那之前，噪声是"
        "力矩半幅的 1.5 倍，此后每次更新减小 0.02%，与教程的正文一致（它的程序里是 0.05%）。被截断的回合不当作终止。"
        "去掉目标网络，就是由网络自己给出目标值；去掉回放，就是每批只从最新的 32 步里抽。单步 Actor-Critic 的步长为 "
        "0.001 和 0.01，从第一步就开始学。测量：最后十分之一回合的平均回报。",
    ),
    environment=NAME,
    arms={
        "ddpg": {"algorithm": "ddpg", "options": DDPG, "steps": STEPS},
        "no-targets": {"algorithm": "ddpg", "options": {**DDPG, **AT_ONCE}, "steps": STEPS},
        "no-replay": {"algorithm": "ddpg", "options": {**DDPG, **NEWEST}, "steps": STEPS},
        "neither": {"algorithm": "ddpg", "options": {**DDPG, **AT_ONCE, **NEWEST}, "steps": STEPS},
        "one-step": {"algorithm": "actor-critic", "options": ONE_STEP, "steps": STEPS},
    },
    measure=measure,
    questions=(
        Question(
            Text("DDPG's last return", "DDPG 最后的回报"),
            lambda results: estimate(results("ddpg", "last")),
            above=LEVEL,
        ),
        less("no-targets"),
        less("no-replay"),
        less("one-step"),
    ),
    draw=draw,
    look=Text(
        "Below, which groups of dots reach the dashed line, and how far the groups without replay stay from it.",
        "下图看哪几组点到得了虚线，以及没有回放的几组离它还有多远。",
    ),
    facts=facts,
    teaches=Text(
        "With replay and target networks DDPG ends at {last_ddpg:.0f}, and {converges_ddpg:.0f}% of its seeds stay "
        "above -300. Replay matters most: the newest 32 steps are all alike, so a critic soon forgets what it learns "
        "from them, the actor follows the critic's momentary errors, and the return ends at {last_no_replay:.0f}. "
        "One-step actor-critic, which forgets in the same way, ends at {last_one_step:.0f}. Without target networks "
        "it ends at {last_no_targets:.0f} ({converges_no_targets:.0f}% above -300), and with neither at "
        "{last_neither:.0f}. With a discount of 0.9 a target looks some ten steps ahead, so the network that "
        "computes it hardly drives it away: target networks help more in tasks with a longer horizon.",
        "有回放和目标网络时，DDPG 最后达到 {last_ddpg:.0f}，{converges_ddpg:.0f}% 的种子在 -300 以上。回放最要紧：最"
        "新的 32 步彼此几乎一样，评论家从中学到的很快就忘，演员又总是跟着它一时的误差走，于是只到 "
        "{last_no_replay:.0f}。单步 Actor-Critic 同样健忘，到 {last_one_step:.0f}。去掉目标网络是 "
        "{last_no_targets:.0f}（{converges_no_targets:.0f}% 在 -300 以上），两样都去掉是 {last_neither:.0f}。折扣为 "
        "0.9 时，目标值只涉及十步左右，不大会被算出它的网络带偏：任务的时间跨度越长，目标网络越有用。",
    ),
    minutes=4,
    seeds=40,
    version=2,
    quick={"steps": 20_000},
    panels=2,
)
