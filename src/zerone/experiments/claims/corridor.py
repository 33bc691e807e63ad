"""Dueling networks learn values faster, and the more so the more equivalent actions there are."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from zerone.base.language import translated
from zerone.experiments.protocol import Estimate, Experiment, Question, Results, Text, estimate
from zerone.parts.layers import MLP, Dueling
from zerone.parts.returns import one_step_target, pick

if TYPE_CHECKING:
    from zerone.experiments.figure import Sheet
    from zerone.experiments.protocol import Measured, Settings

VERTICAL, HORIZONTAL = 5, 20
DISCOUNT, EPSILON = 0.99, 0.1
WALKERS, LEARNING_RATE, HIDDEN = 16, 1e-3, (50, 50)
EVERY = 100
MOVES = ((0, 1), (0, -1), (-1, 0), (1, 0))
"""Up, down, left, right; all further actions have no effect."""
CELLS = [
    *((0, y) for y in range(VERTICAL)),
    *((x, VERTICAL - 1) for x in range(1, HORIZONTAL + 1)),
    *((HORIZONTAL, y) for y in range(VERTICAL, 2 * VERTICAL - 1)),
]
"""Three corridors, from the start at the bottom left to the goal at the top right."""
GOAL = len(CELLS) - 1


def following(actions: int) -> np.ndarray:
    """The cell that each action leads to: int32 [cells, actions]."""
    place = {cell: number for number, cell in enumerate(CELLS)}
    found = np.tile(np.arange(len(CELLS), dtype=np.int32)[:, None], (1, actions))
    for cell, number in place.items():
        for action, (right, up) in enumerate(MOVES):
            found[number, action] = place.get((cell[0] + right, cell[1] + up), number)
    return found


def policy(actions: int) -> np.ndarray:
    """The ε-greedy policy around the shortest path: probabilities [cells, actions]."""
    onward = np.minimum(np.arange(len(CELLS)) + 1, GOAL)
    best = (following(actions)[:GOAL] == onward[:GOAL, None]).argmax(1)
    found = np.full((len(CELLS), actions), EPSILON / actions)
    found[np.arange(GOAL), best] += 1 - EPSILON
    return found


def true_values(actions: int) -> np.ndarray:
    """The exact Q values of the policy, [cells without the goal, actions]. Sutton & Barto 2018, eq. 4.4."""
    there, chances = following(actions)[:GOAL], policy(actions)[:GOAL]
    step = np.zeros((GOAL, len(CELLS)))
    np.add.at(step, (np.arange(GOAL)[:, None], there), chances)
    states = np.linalg.solve(np.eye(GOAL) - DISCOUNT * step[:, :GOAL], step[:, GOAL])
    return np.where(there == GOAL, 1.0, DISCOUNT * np.append(states, 0.0)[there])


@functools.partial(jax.jit, static_argnums=(1, 2, 3))
def learn(seed: jax.Array, actions: int, dueling: bool, points: int) -> jax.Array:
    """Evaluate the policy with Expected Sarsa; return the sum of squared errors over all values every 100 updates."""
    there, chances, truth = (jnp.asarray(each) for each in (following(actions), policy(actions), true_values(actions)))
    chances, truth = chances.astype(jnp.float32), truth.astype(jnp.float32)
    seen = jnp.eye(len(CELLS))
    init_key, step_key = jax.random.split(jax.random.key(seed))
    shape = len(CELLS), HIDDEN, actions
    network: Any = Dueling(init_key, *shape, separate=True) if dueling else MLP(init_key, *shape)
    optimizer = optax.adam(LEARNING_RATE)

    def cost(network: Any, cell: jax.Array, action: jax.Array, after: jax.Array) -> jax.Array:
        arrived = after == GOAL
        expected = (chances[after] * network(seen[after])).sum(-1)
        target = one_step_target(arrived.astype(jnp.float32), arrived, DISCOUNT, expected)
        return ((target - pick(network(seen[cell]), action)) ** 2).mean()

    def update(carry: Any, key: jax.Array) -> tuple[Any, None]:
        network, moments, cell = carry
        action = jax.random.categorical(key, jnp.log(chances[cell]))
        after = there[cell, action]
        changes, moments = optimizer.update(jax.grad(cost)(network, cell, action, after), moments)
        return (optax.apply_updates(network, changes), moments, jnp.where(after == GOAL, 0, after)), None

    def stretch(carry: Any, number: jax.Array) -> tuple[Any, jax.Array]:
        error = ((carry[0](seen[:GOAL]) - truth) ** 2).sum()
        carry, _ = jax.lax.scan(update, carry, jax.random.split(jax.random.fold_in(step_key, number), EVERY))
        return carry, error

    arrays = jax.tree.map(jnp.asarray, network)
    start = arrays, optimizer.init(arrays), jnp.zeros(WALKERS, jnp.int32)
    _, errors = jax.lax.scan(stretch, start, jnp.arange(points))
    return errors


def measure(settings: Settings, seed: int) -> Measured:
    """The error of the values during training."""
    errors = learn(np.uint32(seed), settings["actions"], settings["dueling"], settings["points"])
    return {"error": np.asarray(errors, np.float64)}


ACTIONS = (5, 10, 20)


def logged(results: Results, actions: int, head: str) -> np.ndarray:
    """log10 of the error, averaged over training: [seeds]."""
    return np.asarray(np.log10(results(f"{head}-{actions}", "error")).mean(1))


def lead(results: Results, actions: int) -> Estimate:
    """How many powers of ten dueling's error is below the plain network's, averaged over training."""
    return estimate(
        logged(results, actions, "plain"), logged(results, actions, "dueling"),
        statistic=lambda plain, dueling: plain.mean(-1) - dueling.mean(-1),
    )  # fmt: skip


def growth(results: Results) -> Estimate:
    """The lead with 20 actions minus the lead with 5."""
    samples = [logged(results, actions, head) for actions in (20, 5) for head in ("plain", "dueling")]
    return estimate(*samples, statistic=lambda a, b, c, d: a.mean(-1) - b.mean(-1) - c.mean(-1) + d.mean(-1))


def draw(sheet: Sheet, results: Results) -> None:
    """Draw the errors over updates, in one panel for the fewest and one for the most actions."""
    for panel, actions in enumerate((ACTIONS[0], ACTIONS[-1])):
        for place, (head, label) in enumerate(
            (("plain", translated("plain network")), ("dueling", translated("dueling network")))
        ):
            errors = results(f"{head}-{actions}", "error")
            sheet.curve(EVERY * np.arange(errors.shape[1]) / 1000, errors, label, place, panel)
        sheet.axes[panel].set_yscale("log")
        sheet.axes[panel].set_title(translated("{actions} actions", actions=actions), fontsize=11.5)
        sheet.label(
            translated("updates (thousands)"),
            translated("squared error of\nall values (sum)"),
            panel,
            legend=panel == 0,
        )


def facts(results: Results) -> dict[str, float]:
    """The factor by which the plain network's error is larger, for each number of actions."""
    return {f"times_{actions}": 10 ** lead(results, actions).value for actions in ACTIONS}


EXPERIMENT = Experiment(
    name="corridor",
    title=Text("Dueling's lead grows with the number of actions", "动作越多，对决网络领先越多"),
    claim=Text(
        "Where many actions have the same effect, a dueling network learns their values faster than a plain one, the "
        "more so the more actions there are.",
        "许多动作作用相同时，对决网络比普通网络更快学到它们的值；动作越多，领先越多。",
    ),
    source=Text("Wang et al. 2016, section 4.1, figure 3", "Wang 等 2016，4.1 节、图 3"),
    setup=Text(
        "A policy is evaluated (Expected Sarsa) in three corridors of 5, 20 and 4 cells, scaled down from the paper's "
        "10, 50 and 10, with one reward of 1 at the end, γ = 0.99; four moves and 1, 6 or 16 actions that do nothing. "
        "The policy takes the shortest way and one random step in ten (the paper: one in a thousand). The plain "
        "network has two layers of 50, the dueling one splits the second in halves. Adam, 0.001, 16 walkers. "
        "Measured: the sum of squared errors of all values against the exact ones, in powers of ten, mean over the "
        "training.",
        "在三段走廊（5、20、4 格，由论文的 10、50、10 缩小）里评价一个策略（Expected Sarsa），尽头奖励 1，γ = 0.99；"
        "四个方向，外加 1、6 或 16 个什么也不做的动作。策略走最短路，十步里一步随机（论文：千分之一）。普通网络两层各"
        " 50，对决网络把第二层分成两半。Adam，0.001，16 个智能体并行。测量：全部值相对精确值的平方误差之和，取以 10 "
        "为底的对数，对整个训练平均。",
    ),
    environment="corridor (in the experiment's file)",
    arms={
        f"{head}-{actions}": {"actions": actions, "dueling": head == "dueling", "points": 100}
        for actions in ACTIONS
        for head in ("plain", "dueling")
    },
    measure=measure,
    questions=(
        Question(
            Text("dueling's lead with 20 actions minus its lead with 5", "20 个动作时的领先减去 5 个动作时的领先"),
            growth,
            above=0,
            unit=Text("powers of ten", "个数量级"),
        ),
        Question(
            Text("dueling's lead with 20 actions", "20 个动作时对决网络的领先"),
            functools.partial(lead, actions=20),
            above=0,
            unit=Text("powers of ten", "个数量级"),
        ),
    ),
    draw=draw,
    look=Text(
        "The gap between the two curves: small with 5 actions, wide with 20.",
        "看两条曲线之间的距离：5 个动作时小，20 个动作时大。",
    ),
    facts=facts,
    panels=2,
    teaches=Text(
        "A plain network learns each action's value separately, from the few times that it was taken. A dueling "
        "network learns the value of the state from every step, and only the differences between actions are left to "
        "learn. Mean over the training, the plain network's error is {times_5:.1f} times as large with 5 actions, "
        "{times_10:.1f} times with 10 and {times_20:.1f} times with 20.",
        "普通网络分别学每个动作的值，只靠它被采取的那几次。对决网络从每一步学到状态的价值，只剩下动作之间的差别要学。"
        "对整个训练平均，普通网络的误差在 5 个动作时是对决网络的 {times_5:.1f} 倍，10 个时 {times_10:.1f} 倍，20 个时"
        " {times_20:.1f} 倍。",
    ),
    minutes=2,
    quick={"points": 30},
)
