"""Plain DQN overestimates on an upright pendulum; Double DQN less."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from zerone.base.language import translatable, translated
from zerone.environments import catalogue as environments
from zerone.environments.pendulum import PendulumState
from zerone.environments.spaces import to_environment
from zerone.environments.wrappers import ShapedState
from zerone.experiments.protocol import Experiment, Question, Results, Text, difference, estimate, ratio
from zerone.experiments.recording import record
from zerone.experiments.tutorial import DQN_SETTINGS, chapter, dqn

if TYPE_CHECKING:
    from zerone.algorithms.protocol import Array, Metrics, Steps
    from zerone.experiments.figure import Sheet
    from zerone.experiments.protocol import Measured, Settings

STARTS, HORIZON = 64, 200
"""0.9^200 is below 1e-9, so later rewards are negligible."""
LEAN, SWING = 0.1, 0.1
"""The largest initial angle and angular velocity, rad and rad/s."""
LOOK = 200


def keep(state: Any, steps: Steps, metrics: Metrics) -> Array:
    """The value of the best action in the current state, as in the tutorial's figure."""
    del metrics
    values: Array = state.policy.network(steps.observation[0])
    return values.max()


@functools.partial(jax.jit, static_argnums=3)
def upright(algorithm: Any, environment: Any, policy: Any, horizon: int, key: Array) -> tuple[Array, Array]:
    """Act greedily from nearly upright states: the value of each first action, and the discounted return that followed.

    Returns:
        Two float32 arrays [STARTS].
    """
    angle, speed = jax.random.uniform(key, (2, STARTS), minval=-1.0) * jnp.array([[LEAN], [SWING]])
    observation = jnp.stack([jnp.cos(angle), jnp.sin(angle), speed], -1)
    state = ShapedState(PendulumState(angle, speed), observation)
    step = jax.vmap(environment.step)
    keys = jax.random.split(key, STARTS)

    def one(carry: tuple[Any, Array, Array], time: Array) -> tuple[tuple[Any, Array, Array], None]:
        state, observation, total = carry
        action, *_ = algorithm.act(policy, (), observation)
        observation, state, reward, *_ = step(keys, state, to_environment(environment.action_space, action))
        return (state, observation, total + algorithm.discount**time * reward), None

    value = policy.network(observation).max(-1)
    (_, _, total), _ = jax.lax.scan(one, (state, observation, jnp.zeros(STARTS)), jnp.arange(horizon))
    return value, total


def measure(settings: Settings, seed: int) -> Measured:
    """The estimated values during training; after it, estimated and true values in nearly upright states."""
    algorithm = dqn(settings)
    environment: Any = environments.make("zerone/Pendulum11-v0")
    state, believed = record(algorithm, environment, seed, settings["steps"], keep)
    untimed = environment.environment  # without the time limit
    value, truth = upright(algorithm, untimed, state.policy, HORIZON, jax.random.key(seed))
    learnt = believed[settings["warmup"] :]
    return {
        "believed": learnt[: len(learnt) // LOOK * LOOK].reshape(-1, LOOK).mean(-1),
        "value": float(np.mean(value)),
        "truth": float(np.mean(truth)),
        "excess": float(np.mean(value - truth)),
    }


ARMS = {"natural": translatable("plain DQN"), "double": "Double DQN"}


def draw(sheet: Sheet, results: Results) -> None:
    """Draw the tutorial's figure (above), and the overestimation at the end for each seed (below)."""
    for place, (arm, label) in enumerate(ARMS.items()):
        believed = results(arm, "believed")
        sheet.curve(LOOK * (np.arange(believed.shape[1]) + 0.5), believed, label, place)
    sheet.line(0, translated("no value can be above 0"))
    sheet.label(translated("gradient updates"), translated("Q of the best action"), loc="lower right")
    sheet.points(list(ARMS.values()), [results(arm, "excess") for arm in ARMS], panel=1)
    sheet.line(0, "", 1, vertical=True)
    sheet.label(translated("upright: Q minus the return that followed"), "", 1, legend=False)


def facts(results: Results) -> dict[str, float]:
    """The estimated and the true values."""
    return {f"{name}_{arm}": results(arm, name).mean() for arm in ARMS for name in ("value", "truth", "excess")} | {
        f"above_{arm}": 100 * (results(arm, "value") > 0).mean() for arm in ARMS}  # fmt: skip


COMMON: dict[str, Any] = {**DQN_SETTINGS, "learning_rate": 0.005, "steps": 23_000}

EXPERIMENT = Experiment(
    name="overestimation",
    title=Text("Overestimation by DQN and by Double DQN", "DQN 与 Double DQN 的高估"),
    claim=Text(
        "Plain DQN overestimates on an upright pendulum, where the true value is near 0; Double DQN removes much of "
        "it.",
        "摆直立时真实价值接近 0，普通 DQN 却高估；Double DQN 消除了其中的大部分。",
    ),
    source=chapter("Double DQN"),
    setup=Text(
        "DQN with and without double targets on the pendulum with 11 torques and a tenth of its reward. From the "
        "tutorial's chapter: a replay memory of 3,000 steps, ε that falls by 0.001 at each update, 20,000 updates. "
        "Our choice, where that chapter prints none: 20 hidden units, step size 0.005, γ = 0.9, a target network "
        "replaced every 200 updates. Gymnasium's time limit is kept, and targets bootstrap through it. Measured at "
        "the end: from 64 starts within 0.1 of upright and at rest, Q of the chosen action minus the discounted "
        "return of the greedy play that follows. All rewards are 0 or less. (The questions about shares of seeds, the "
        "tutorial's own sentence, were added after a first run.)",
        "DQN 与 Double DQN，环境是 11 种力矩、奖励取十分之一的单摆。取自教程这一章的：经验回放 3,000 步，ε 每次更新降"
        "低 0.001，更新 20,000 次。这一章没有印出、由我们选定的：20 个隐藏单元，步长 0.005，γ = 0.9，目标网络每 200 "
        "次更新替换一次。保留 Gymnasium 的时间限制，目标值越过它自举。结束时测量：从离直立静止 0.1 以内的 64 个起点出"
        "发，所选动作的 Q 减去随后按贪心策略得到的折扣回报。所有奖励都不大于 0。（关于种子比例的问题就是教程自己的那"
        "句话，是第一次运行之后补充的。）",
    ),
    environment="zerone/Pendulum11-v0",
    arms={"natural": {**COMMON, "double": False}, "double": {**COMMON, "double": True}},
    measure=measure,
    questions=(
        Question(
            Text("plain DQN's Q minus the return that followed", "普通 DQN 的 Q 减去随后的回报"),
            lambda results: estimate(results("natural", "excess")),
            above=0,
        ),
        Question(
            Text("Double DQN's excess over plain DQN's", "Double DQN 的高估除以普通 DQN 的高估"),
            lambda results: ratio(results("double", "excess"), results("natural", "excess")),
            below=0.5,
        ),
        Question(
            Text(
                "the share of seeds in which plain DQN's Q upright is above 0",
                "普通 DQN 在直立时 Q 大于 0 的种子比例",
            ),
            lambda results: estimate(results("natural", "value") > 0),
            above=0.5,
            added=True,
        ),
        Question(
            Text(
                "the share of seeds in which Q upright is above 0, Double DQN's minus plain DQN's",
                "直立时 Q 大于 0 的种子比例，Double DQN 的减去普通 DQN 的",
            ),
            lambda results: difference(results("double", "value") > 0, results("natural", "value") > 0),
            below=0,
            added=True,
        ),
    ),
    draw=draw,
    look=Text(
        "Below, the dots to the right of the dashed line: those agents expect more than they get.",
        "下图看虚线右侧的点：这些智能体期望的比得到的多。",
    ),
    facts=facts,
    panels=2,
    teaches=Text(
        "No reward is above 0, so no value can be above 0; plain DQN predicts {value_natural:.2f} where "
        "{truth_natural:.2f} follows. The maximum over eleven noisy estimates picks the one with the largest error, "
        "and bootstrapping passes it on. In Double DQN one network selects and the other evaluates: on average its "
        "excess is {excess_double:.2f}, plain DQN's {excess_natural:.2f}. But single seeds can still overestimate "
        "a lot, so the average is uncertain.",
        "奖励都不大于 0，所以价值也不会大于 0；普通 DQN 却预测 {value_natural:.2f}，随后得到的是 {truth_natural:.2f}"
        "。在十一个带噪声的估计里取最大，取到的正是误差最大的，自举再把它传下去。Double DQN 让一个网络选、另一个评："
        "平均高估 {excess_double:.2f}，普通 DQN 是 {excess_natural:.2f}。不过个别种子仍可能高估很多，所以这个平均值并"
        "不确定。",
    ),
    minutes=4,
    seeds=40,
    quick={"steps": 8_000},
)
