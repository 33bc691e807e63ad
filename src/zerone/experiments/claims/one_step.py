"""One-step actor-critic learns from every step, REINFORCE from whole episodes: which is faster, and which is stable?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from zerone.base.language import translatable, translated
from zerone.base.pytree import configured
from zerone.base.statistics import median
from zerone.environments.cartpole import CartPole
from zerone.environments.wrappers import ShapedReward, TimeLimit, Wrapper
from zerone.experiments.pendulum import bins, centres
from zerone.experiments.protocol import Experiment, Question, Results, Text, difference, ratio
from zerone.experiments.recording import episodes, record
from zerone.experiments.tutorial import chapter, made

if TYPE_CHECKING:
    from zerone.algorithms.protocol import Metrics, Steps
    from zerone.environments.base import Array, Info, Key, TimedEnvironment, Tree
    from zerone.experiments.figure import Sheet
    from zerone.experiments.protocol import Measured, Settings

LIMIT = 500
LEVEL = 200
RECENT = 10
POINTS = 50
LAST = 0.1
LABELS = {
    "reinforce": "REINFORCE",
    "actor-critic": translatable("one-step actor-critic"),
    "past-the-end": translatable("the same, bootstrapping\npast the end"),
}


def fall(observation: Array, action: Array, reward: Array, terminated: Array, following: Array) -> Array:
    """The tutorial's reward for its actor-critic: 1 a step, and -20 when the pole has fallen."""
    del observation, action, following
    return jnp.where(terminated, jnp.float32(-20.0), reward)


@configured
class EndsAsCuts(Wrapper):
    """The tutorial's mistake: terminations are reported as truncations, so the learner bootstraps past both."""

    environment: TimedEnvironment

    def reset(self, key: Key) -> tuple[Array, Tree]:
        return self.environment.reset(key)

    def step(self, key: Key, state: Tree, action: Array) -> tuple[Array, Tree, Array, Array, Array, Info]:
        observation, state, reward, terminated, truncated, info = self.environment.step(key, state, action)
        return observation, state, reward, jnp.zeros_like(terminated), terminated | truncated, info


def make_environment(settings: Settings) -> TimedEnvironment:
    """CartPole with the tutorial's reward and the tutorial's mistake, as the settings say."""
    task = ShapedReward(CartPole(), fall) if settings["fall"] else CartPole()
    timed = TimeLimit(task, LIMIT)
    return EndsAsCuts(timed) if settings["past_the_end"] else timed


def keep(state: Any, steps: Steps, metrics: Metrics) -> Any:
    """Whether the episode ended with the step."""
    del state, metrics
    return (steps.terminated | steps.truncated)[0, 0]


def measure(settings: Settings, seed: int) -> Measured:
    """When `LEVEL` is first reached, and whether it is held at the end. A return is the length of an episode."""
    algorithm = made(settings["algorithm"], settings["options"])
    steps = settings["steps"]
    _, done = record(algorithm, make_environment(settings), seed, steps, keep)
    found = episodes(np.ones(steps), done[:steps])
    recent = np.convolve(found.returns, np.ones(RECENT) / RECENT, "valid")
    reached = np.flatnonzero(recent >= LEVEL)
    ongoing = np.full(steps, found.returns[-1])  # at each step its episode's return; unended: the last
    ongoing[: found.ends[-1] + 1] = np.repeat(found.returns, found.lengths)
    return {
        "first": found.ends[reached[0] + RECENT - 1] + 1 if reached.size else steps,
        "reached": reached.size > 0,
        "last": ongoing[-round(LAST * steps) :].mean(),
        "holds": ongoing[-round(LAST * steps) :].mean() >= LEVEL,
        "episodes": len(found.ends),
        "curve": bins(ongoing, POINTS),
        "steps": steps,
    }


def draw(sheet: Sheet, results: Results) -> None:
    """Draw learning curves, and the final return of each seed."""
    for place, (arm, label) in enumerate(LABELS.items()):
        x = centres(results(arm, "steps")[0], POINTS) / 1000
        sheet.curve(x, results(arm, "curve"), translated(label).replace("\n", " "), place)
    sheet.line(LEVEL, translated("the level: {level}", level=LEVEL))
    sheet.label(translated("thousands of steps"), translated("return while learning"))
    sheet.points(list(LABELS.values()), [results(arm, "last") for arm in LABELS], panel=1)
    sheet.line(LEVEL, translated("the level: {level}", level=LEVEL), panel=1, vertical=True)
    sheet.label(translated("return in the last tenth of the steps"), "", panel=1, legend=False)


def facts(results: Results) -> dict[str, float]:
    """The numbers in the texts."""
    short = {"reinforce": "r", "actor-critic": "a", "past-the-end": "p"}
    found = {f"{measure}_{short[arm]}": results(arm, measure).mean()
             for arm in short for measure in ("first", "last", "episodes")}  # fmt: skip
    shares = {f"{measure}_{short[arm]}": 100 * results(arm, measure).mean()
              for arm in short for measure in ("reached", "holds")}  # fmt: skip
    middle = {f"middle_{short[arm]}": median(results(arm, "first")) for arm in short}
    return {**found, **shares, **middle}


STEPS = 100_000
BARE = {"environments": 1, "max_gradient_norm": 1e6}
ONE_STEP = {
    "algorithm": "actor-critic",
    "options": {"learning_rate": 0.001, "critic_learning_rate": 0.01, "discount": 0.9, "entropy_bonus": 0.0,
                "steps_per_update": 1, "hidden": [20], **BARE},
    "fall": True,
    "steps": STEPS,
}  # fmt: skip
EPISODES = {
    "algorithm": "reinforce",
    "options": {"learning_rate": 0.02, "discount": 0.99, "normalize": True, "longest_episode": LIMIT,
                "hidden": [10], **BARE},
    "fall": False,
    "steps": STEPS,
}  # fmt: skip

EXPERIMENT = Experiment(
    name="one-step",
    title=Text(
        "One-step actor-critic and REINFORCE: speed and reliability",
        "单步 Actor-Critic 与 REINFORCE：速度与可靠性",
    ),
    claim=Text(
        "Actor-critic learns from every single step, and so faster than REINFORCE, which waits for the end of an "
        "episode; but it converges less reliably.",
        "Actor-Critic 每一步都学，比要等回合结束才学的 REINFORCE 更快；但它更难收敛。",
    ),
    source=chapter("Actor-Critic"),
    setup=Text(
        "CartPole for 100,000 steps, with the tutorial's settings. REINFORCE: Adam at 0.02, discount 0.99, 10 hidden "
        "units, normalised returns. Actor-critic: an update after every step, step sizes 0.001 and 0.01, discount "
        "0.9, 20 hidden units, -20 for a fall; once corrected, so that no value follows a fall, and once with the "
        "tutorial's error, which bootstraps past it. The time limit is Gymnasium's, 500. Measured while learning: "
        "the steps until ten episodes in a row average 200 (all steps of the training if they never do), and, over "
        "the last tenth of the steps, the mean return of the episodes to which they belong.",
        "CartPole，100,000 步，用教程的设置。REINFORCE：Adam 步长 0.02，折扣 0.99，10 个隐藏单元，回报归一化。"
        "Actor-Critic：每一步都更新，步长 0.001 和 0.01，折扣 0.9，20 个隐藏单元，杆倒下时奖励 -20；一次作了改正，杆"
        "倒下之后不再自举；一次保留教程的错误，倒下之后仍然自举。时限用 Gymnasium 的 500。在学习过程中测量：走了多少"
        "步，才有连续十个回合平均达到 200（一直没有达到的，按整个训练的步数计）；以及最后十分之一的步里，每一步所在回"
        "合的回报的平均。",
    ),
    environment="CartPole-v1",
    arms={
        "reinforce": {**EPISODES, "past_the_end": False},
        "actor-critic": {**ONE_STEP, "past_the_end": False},
        "past-the-end": {**ONE_STEP, "past_the_end": True},
    },
    measure=measure,
    questions=(
        Question(
            Text(
                "the ratio of actor-critic's steps until 200 to REINFORCE's",
                "Actor-Critic 达到 200 所用的步数与 REINFORCE 的比值",
            ),
            lambda results: ratio(results("actor-critic", "first"), results("reinforce", "first")),
            below=1,
        ),
        Question(
            Text(
                "the share of seeds that still reach 200 at the end, actor-critic's minus REINFORCE's,",
                "最后仍达到 200 的种子比例，Actor-Critic 的减去 REINFORCE 的",
            ),
            lambda results: difference(results("actor-critic", "holds"), results("reinforce", "holds")),
            below=0,
        ),
    ),
    draw=draw,
    look=Text(
        "Above, the first ten thousand steps: which curve reaches the dashed line first. Below, how many dots lie "
        "left of it: seeds that did not stay there.",
        "上图看最初一万步：哪条曲线先到达虚线。下图看虚线左侧有多少点：那些种子没有保持住。",
    ),
    facts=facts,
    teaches=Text(
        "REINFORCE makes an update for each episode, {episodes_r:.0f} of them in all, and averages 200 after "
        "{first_r:,.0f} steps (the median seed: {middle_r:,.0f}); actor-critic, with an update for each step, after "
        "{first_a:,.0f} ({middle_a:,.0f}). Hundreds of times as many updates do not make it hundreds of times as "
        "fast: the first ones follow a critic that has learnt nothing yet. And it is less stable: {holds_a:.0f}% of "
        "its seeds still reach 200 at the end, of REINFORCE's {holds_r:.0f}%. Whenever the actor changes, the critic "
        "is out of date, and both keep making updates of the same size from the error of a single step. The "
        "tutorial's bootstrapping past a fall does no visible harm here ({holds_p:.0f}%): the reward of -20 marks "
        "the fall clearly enough.",
        "REINFORCE 每个回合更新一次，总共 {episodes_r:.0f} 次，走了 {first_r:,.0f} 步平均达到 200（中位数："
        "{middle_r:,.0f}）；Actor-Critic 每一步都更新，要 {first_a:,.0f} 步（{middle_a:,.0f}）。更新多出几百倍，并没"
        "有快上几百倍：起初它依据的是一个还什么都没学到的评论家。而且它不太稳定：最后仍达到 200 的种子，它有 "
        "{holds_a:.0f}%，REINFORCE 有 {holds_r:.0f}%。演员一变，评论家学到的就过时了，而两者始终按单独一步的误差、用"
        "同样的步长更新。教程在倒下之后仍然自举的错误，在这里看不出害处（{holds_p:.0f}%）：-20 的奖励已经足以表明杆倒"
        "了。",
    ),
    minutes=6,
    seeds=200,
    quick={"steps": 20_000},
    panels=2,
)
