"""The worked examples of the documentation, computed and printed by the library itself."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.dqn import DQN
from zerone.algorithms.explanation import Descent, number_text
from zerone.algorithms.network_explanation import descents
from zerone.algorithms.ppo_explanation import clipped_equation
from zerone.algorithms.protocol import Steps
from zerone.algorithms.q_learning import QLearning
from zerone.algorithms.q_learning import State as TableState
from zerone.algorithms.sarsa import Sarsa
from zerone.algorithms.sarsa import State as SarsaState
from zerone.algorithms.sarsa_lambda import SarsaLambda
from zerone.algorithms.tabular import Pending
from zerone.parts import returns, sum_tree
from zerone.parts.replay import Prioritized

KEY = jax.random.key(0)


def step(state: int, action: int, reward: float, following: int, terminated: bool = False) -> Steps:
    """One step of one environment: leaves [1, 1]."""
    columns: list[Any] = [[[state]], [[action]], [[reward]], [[following]], [[terminated]], [[False]]]
    return Steps(*map(jnp.array, columns), ())


def rows(head: list[str], body: list[list[Any]]) -> list[str]:
    """A table as text, with numbers aligned to the right."""
    cells = [head, *([each if isinstance(each, str) else number_text(float(each)) for each in row] for row in body)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(f"{each:>{wide}}" for each, wide in zip(row, widths, strict=True)).rstrip() for row in cells]


HOMEWORK = np.array([[-2.0, 1.0], [-4.0, 2.0]], np.float32)
"""Q(s, a): the states are s1 (homework) and s2; the actions a1 (television) and a2 (go on)."""


def homework() -> list[str]:
    algorithm = QLearning(learning_rate=0.1, discount=0.9)
    before = TableState(jnp.array(HOMEWORK))
    played = step(0, 1, 0.0, 1)
    after, _ = algorithm.update(before, played, KEY)
    (entry,) = algorithm.explain(before, played, KEY, after).entries
    names = ["s1", "s2"]
    return [
        *rows(["", "a1", "a2"], [[name, *row] for name, row in zip(names, HOMEWORK, strict=True)]),
        "",
        "in s1 the greedy action is a2: it leads to s2, with reward 0",
        f"  {entry.equation.symbols()}",
        f"  Q(s1, a2) ← {entry.equation.numbers()}",
        "",
        *rows(["", "a1", "a2"], [[name, *row] for name, row in zip(names, np.asarray(after.policy), strict=True)]),
    ]


def sarsa() -> list[str]:
    algorithm = Sarsa(learning_rate=0.1, discount=0.9)
    before = SarsaState(jnp.array(HOMEWORK), Pending.after(jax.tree.map(lambda x: x[0], step(0, 1, 0.0, 1))))
    played = step(1, 0, 0.0, 1)  # exploring: a1, although a2 has the higher value
    after, _ = algorithm.update(before, played, KEY)
    (entry,) = algorithm.explain(before, played, KEY, after).entries
    greedy = QLearning(learning_rate=0.1, discount=0.9)
    one, state = step(0, 1, 0.0, 1), TableState(jnp.array(HOMEWORK))
    (other,) = greedy.explain(state, one, KEY, greedy.update(state, one, KEY)[0]).entries
    return [
        "from s1 by a2 to s2, with reward 0; there the agent explores, and takes a1",
        f"  Q-learning: {other.equation.symbols()}",
        f"              Q(s1, a2) ← {other.equation.numbers()}",
        f"  Sarsa:      {entry.equation.symbols()}",
        f"              Q(s1, a2) ← {entry.equation.numbers()}",
    ]


def traces() -> list[str]:
    found = []
    visits = [(0, 0), (1, 0), (0, 0), (0, 0), (1, 0), (1, 0)]
    for trace in ("accumulating", "replacing"):
        algorithm = SarsaLambda(discount=0.9, trace_decay=0.8, trace=trace)
        weights = jnp.zeros((1, 2, 2))
        line = [trace]
        for state, action in visits:
            weights = algorithm.discount * algorithm.trace_decay * weights
            weights = algorithm.visit(weights, jnp.array([state]), jnp.array([action]), jnp.array([True]))
            line.append(number_text(round(float(weights[0, 0, 0]), 4)))
        found.append(line)
    visited = ["visited", *("(s1, a1)" if state == 0 else "" for state, _ in visits)]
    return ["E(s1, a1) after each step, γ λ = 0.9 × 0.8 = 0.72", *rows(["step", *"123456"], [visited, *found])]


def minibatch() -> list[str]:
    values = jnp.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    action, target = jnp.array([0, 2]), jnp.array([-1.0, -2.0])
    algorithm = DQN()

    def errors(values: Any) -> Any:
        return target - returns.pick(values, action)

    def each(values: Any) -> Any:
        return algorithm.losses(returns.pick(values, action), target, jnp.ones(2))

    def cost(values: Any) -> Any:
        return each(values).mean()

    error, losses = np.asarray(errors(values)), np.asarray(each(values))
    gradient = np.asarray(jax.grad(cost)(values))
    body = [
        [f"{i + 1}", str(np.asarray(values[i]).tolist()), f"a{int(action[i]) + 1}", values[i, action[i]], target[i],
         error[i], losses[i], str((gradient[i] + 0.0).tolist())]
        for i in range(2)
    ]  # fmt: skip
    return [
        *rows(["sample", "Q(s, ·)", "a", "Q(s, a)", "y", "δ", "½ δ²", "∂cost/∂Q(s, ·)"], body),
        f"cost = ({number_text(losses[0])} + {number_text(losses[1])}) / 2 = {number_text(float(cost(values)))}",
        f"over all six entries it would be {number_text(float(losses.sum()) / 6)}: the more actions, the smaller",
    ]


# The tree counts slots from 0, like the memory.
PRIORITIES = np.array([3, 10, 12, 4, 1, 2, 8, 2], np.float32)


def tree() -> list[str]:
    before = sum_tree.WIDTH
    sum_tree.WIDTH = 2  # as in the paper; the library's nodes have 16 children, which is faster
    try:
        found = sum_tree.change(sum_tree.empty(8), jnp.arange(8), jnp.array(PRIORITIES))
        share = jnp.array([24.0]) / found.total
        way = descents(share, found.total, jax.device_get(sum_tree.descent(found, share)))[0]
        levels = [np.asarray(level)[..., 0].reshape(-1) for level in found.levels[::-1]][1:]
    finally:
        sum_tree.WIDTH = before
    memory = Prioritized(8)
    full: Any = _Filled()
    slots, weights = memory.sample(full, jnp.full(6, 0.5), 0.4)
    strata = [f"[{number_text(7.0 * i)}, {number_text(7.0 * i + 7)})" for i in range(6)]
    picture = [
        " " * (14 - 7 * place // 2) + "   ".join(number_text(float(each)) for each in level[level > 0])
        for place, level in enumerate([np.array([42.0]), *levels, PRIORITIES])
    ]
    return [
        *picture,
        "",
        f"24 of {number_text(way.total)}:",
        *_way(way),
        "",
        "six samples, one from each sixth of 42, and the weights that make up for it (β = 0.4):",
        *rows(["of", "slot", "p", "P = p / 42", "w"], [
            [strata[i], f"{int(slots[i])}", PRIORITIES[int(slots[i])], round(float(PRIORITIES[int(slots[i])]) / 42, 4),
             round(float(weights[i]), 4)] for i in range(6)
        ]),
    ]  # fmt: skip


def _way(way: Descent) -> list[str]:
    """The path down the tree: at each node the sum that is searched, the children, and the remaining sum."""
    found, rest = [], way.looked_for
    for node in way.nodes:
        names = " and ".join(map(number_text, node.sums))
        left = f", and {number_text(rest)} - {number_text(node.sums[0])} = {number_text(node.rest)} is left"
        chosen = number_text(node.sums[node.chosen])
        found.append(f"  {number_text(rest)} between {names}: the {'right' if node.chosen else 'left'} one, {chosen}"
                     + (left if node.chosen else ""))  # fmt: skip
        rest = node.rest
    return [*found, f"  so slot {way.slot} is drawn, whose priority is {number_text(way.priority)}"]


class _Filled:
    """A replay memory with eight slots and these priorities."""

    @property
    def priorities(self) -> Any:
        return sum_tree.change(sum_tree.empty(8), jnp.arange(8), jnp.array(PRIORITIES))


def episode() -> list[str]:
    reward = jnp.array([[0.0], [0.0], [1.0], [0.0], [2.0]])
    nothing, last = jnp.zeros((5, 1)), jnp.arange(5)[:, None] == 4
    gains = returns.discounted_return(reward, nothing, last, jnp.zeros((5, 1), bool), 0.9)
    moments = returns.Moments.none(1).and_of(gains, jnp.ones((5, 1), bool))
    weight = returns.normalize_by(gains, moments)
    told = [
        f"G_{t} = {number_text(float(reward[t, 0]))}"
        + (f" + 0.9 × {number_text(float(gains[t + 1, 0]))} = {number_text(float(gains[t, 0]))}" if t < 4 else "")
        for t in range(4, -1, -1)
    ]
    body = [[f"{t}", reward[t, 0], gains[t, 0], round(float(weight[t, 0]), 4)] for t in range(5)]
    return ["from the last step to the first, γ = 0.9", *(f"  {each}" for each in told), "",
            *rows(["t", "R", "G", "normalised"], body)]  # fmt: skip


def clip() -> list[str]:
    found = []
    for advantage in (1.0, -1.0):
        for ratio in (0.7, 1.0, 1.3):
            slope = jax.grad(returns.clipped_surrogate)(jnp.float32(ratio), advantage, 0.2)
            equation = clipped_equation(ratio, advantage, 0.2)
            found.append([f"{advantage:+g}", ratio, equation.numbers(), float(slope)])
    return ["part = min(ρ Â, clip(ρ, 0.8, 1.2) Â)", *rows(["Â", "ρ", "part", "∂part/∂ρ"], found)]


def double() -> list[str]:
    online, target = jnp.array([1.0, 2.5, 2.0]), jnp.array([1.2, 1.4, 2.2])
    plain, chosen = float(returns.max_value(target)), float(returns.double_value(online, target))
    body = [["Q(s', ·; θ)", *map(float, online)], ["Q(s', ·; θ⁻)", *map(float, target)]]
    return [
        *rows(["", "a1", "a2", "a3"], body),
        f"DQN:         max_a Q(s', a; θ⁻) = {number_text(plain)}, of a3",
        f"Double DQN:  a* = argmax_a Q(s', a; θ) = a2,  Q(s', a*; θ⁻) = {number_text(chosen)}",
        f"with r = 1 and γ = 0.9: y = {number_text(1 + 0.9 * plain)} against {number_text(1 + 0.9 * chosen)}",
    ]


EXAMPLES = {
    "homework": homework, "sarsa": sarsa, "traces": traces, "minibatch": minibatch, "tree": tree, "episode": episode,
    "clip": clip, "double": double,
}  # fmt: skip
