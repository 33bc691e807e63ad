"""DQN's cost does not fall smoothly, unlike that of supervised learning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from zerone.base.language import translatable, translated
from zerone.environments import catalogue as environments
from zerone.environments.spaces import Spaces
from zerone.experiments.protocol import Experiment, Question, Results, Text, estimate
from zerone.experiments.recording import record
from zerone.experiments.tutorial import DQN_SETTINGS, chapter, dqn
from zerone.parts.replay import gather

if TYPE_CHECKING:
    from zerone.algorithms.protocol import Array, Metrics, Steps
    from zerone.experiments.figure import Sheet
    from zerone.experiments.protocol import Measured, Settings

WINDOW = 50
"""The number of updates over which the cost is averaged, to remove the noise of single minibatches."""


def keep(state: Any, steps: Steps, metrics: Metrics) -> Array:
    """The cost of the update."""
    del state, steps
    return metrics["cost"]


@jax.jit
def study(algorithm: Any, memory: Any, network: Any, target: Any, moving: Array, keys: Array) -> Array:
    """Train a network on a fixed memory, with a moving or a fixed target network; return the cost of each update."""
    replay, optimizer = algorithm.replay, algorithm.optimizer()

    def one(carry: tuple[Any, Any, Any], update: tuple[Array, Array]) -> tuple[tuple[Any, Any, Any], Array]:
        network, target, moved = carry
        number, key = update
        slots, weights = replay.sample(memory, replay.noise(key, (algorithm.batch,)), jnp.float32(1))
        batch = gather(memory, slots)
        gradient, (metrics, _) = jax.grad(algorithm.cost, has_aux=True)(network, target, batch, weights)
        change, moved = optimizer.update(gradient, moved)
        network = optax.apply_updates(network, change)
        due = moving & (number % algorithm.target_period == 0)
        target = jax.tree.map(lambda new, old: jnp.where(due, new, old), network, target)
        return (network, target, moved), metrics["cost"]

    numbers = 1 + jnp.arange(len(keys))
    _, cost = jax.lax.scan(one, (network, target, optimizer.init(network)), (numbers, keys))
    return cost


def measure(settings: Settings, seed: int) -> Measured:
    """The cost averaged over windows, and the sum of its rises divided by the sum of its falls."""
    algorithm, environment = dqn(settings), environments.make("zerone/MazeFeatures-v0")
    state, cost = record(algorithm, environment, seed, settings["steps"], keep)
    cost = cost[algorithm.warmup_updates :]
    if settings["data"] == "kept":
        spaces = Spaces(environment.observation_space, environment.action_space)
        init_key, study_key = jax.random.split(jax.random.key(seed))
        fresh = algorithm.init(init_key, spaces).policy.network
        moving = settings["targets"] == "moving"
        teacher = fresh if moving else state.policy.network
        keys = jax.random.split(study_key, len(cost))
        cost = np.asarray(study(algorithm, state.memory, fresh, teacher, jnp.bool_(moving), keys))
    windows = cost[: len(cost) // WINDOW * WINDOW].reshape(-1, WINDOW).mean(-1)
    change = np.diff(windows)
    return {"cost": windows, "rises": change[change > 0].sum() / -change[change < 0].sum()}


ARMS = {
    "dqn": "DQN",
    "kept": translatable("DQN's updates, data kept as they are"),
    "supervised": translatable("the same, targets kept too: supervised"),
}


def draw(sheet: Sheet, results: Results) -> None:
    """Draw the costs of the first seed (above), and rises divided by falls for each seed (below)."""
    for place, (arm, label) in enumerate(ARMS.items()):
        cost = results(arm, "cost")[:1]
        sheet.curve(WINDOW * (np.arange(cost.shape[1]) + 0.5), cost, label, place)
    sheet.axes[0].set_yscale("log")
    sheet.axes[0].set_title(translated("seed {seed}", seed=0), fontsize=11.5)
    sheet.label(translated("gradient updates"), translated("cost, mean of {number}", number=WINDOW))
    sheet.points(
        ["DQN", translated("data kept"), translated("supervised")], [results(arm, "rises") for arm in ARMS], panel=1
    )
    sheet.label(translated("sum of the rises of the cost over the sum of its falls"), "", 1, legend=False)


def facts(results: Results) -> dict[str, float]:
    """Rises divided by falls, and the final cost."""
    return {f"rises_{arm}": results(arm, "rises").mean() for arm in ARMS} | {
        f"last_{arm}": results(arm, "cost")[:, -10:].mean() for arm in ARMS}  # fmt: skip


COMMON: dict[str, Any] = {
    **DQN_SETTINGS, "learning_rate": 0.01, "memory": 2000, "warmup": 200, "epsilon_start": 0.1, "hidden": [10],
    "steps_per_update": 5, "steps": 20_000,
}  # fmt: skip

EXPERIMENT = Experiment(
    name="cost",
    title=Text("DQN's cost does not fall smoothly", "DQN 的 cost 不是平滑下降的"),
    claim=Text(
        "DQN's cost does not fall smoothly, unlike that of supervised learning.",
        "DQN 的 cost 不像监督学习那样平滑下降。",
    ),
    source=chapter("DQN"),
    setup=Text(
        "DQN on the maze with the tutorial's settings: 10 hidden units, step size 0.01, γ = 0.9, one update every 5 "
        "steps from step 200 on, a memory of 2,000 steps, the target network replaced every 200 updates. Then the "
        "same network is trained again from its initial weights, with as many updates, on the final replay memory: "
        "once with a target network that moves as before, once with the fixed targets of the trained network, which "
        "is supervised learning. Measured: for the cost, averaged over 50 updates, the sum of all rises over the sum "
        "of all falls. 0 means that the cost only falls, 1 that it ends where it began.",
        "迷宫上的 DQN，设置照教程：10 个隐藏单元，步长 0.01，γ = 0.9，从第 200 步起每 5 步更新一次，记忆 2,000 步，目"
        "标网络每 200 次更新替换一次。然后同样的网络从初始权重开始，在最后的回放记忆上做同样多次更新：一次目标网络照"
        "旧移动，一次目标固定为学成的网络所给出的，也就是监督学习。测量：cost 按 50 次更新取平均，所有上升之和除以所"
        "有下降之和。0 是只降不升，1 是原地不动。",
    ),
    environment="zerone/MazeFeatures-v0",
    arms={
        "dqn": {**COMMON, "data": "lived"},
        "kept": {**COMMON, "data": "kept", "targets": "moving"},
        "supervised": {**COMMON, "data": "kept", "targets": "fixed"},
    },
    measure=measure,
    questions=(
        Question(
            Text("DQN's rises over its falls", "DQN 的上升之和除以下降之和"),
            lambda results: estimate(results("dqn", "rises")),
            above=0.5,
        ),
        Question(
            Text("supervised learning's rises over its falls", "监督学习的上升之和除以下降之和"),
            lambda results: estimate(results("supervised", "rises")),
            below=0.5,
        ),
    ),
    draw=draw,
    look=Text(
        "Above, how often each curve turns upwards: DQN's never settles, the supervised one falls. Below, how far"
        " each group of dots lies from 0, where a cost only ever falls.",
        "上图看每条曲线有多少次掉头向上：DQN 的始终不平静，监督学习的在下降。下图看每组点离 0 有多远，0 表示只降不升。",
    ),
    facts=facts,
    panels=2,
    teaches=Text(
        "DQN's cost rises by {rises_dqn:.2f} for every 1 that it falls, supervised learning's by "
        "{rises_supervised:.2f}. The tutorial's reason, that the data keep changing, explains only a part: with "
        "fixed data and moving targets it is {rises_kept:.2f}. The targets move, so the cost rises whenever the "
        "target network is replaced. A cost that does not fall does not mean that nothing is learnt: look at the "
        "return.",
        "DQN 的 cost 每下降 1 就上升 {rises_dqn:.2f}，监督学习是 {rises_supervised:.2f}。教程说的原因（数据一直在变）"
        "不是全部：数据保持不变、只有目标在动时，是 {rises_kept:.2f}。目标在动，所以每换一次目标网络 cost 就上升。"
        "cost 不降，不等于什么都没学到：要看回报。",
    ),
    minutes=1,
    quick={"steps": 10_000},
)
