"""`explain` against `update` of algorithms with networks, over whole trainings, and against NumPy from its rows."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import graph, small_dqn

from zerone.algorithms import dqn_explanation
from zerone.algorithms.explanation import Equation, Explanation, GradientUpdate, Sign
from zerone.engines.stepping import Iteration, Stepper

CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def evaluated(equation: Equation) -> float:
    """The right side of an equation, as Python reads its signs."""
    text = "".join(part.number if isinstance(part, Sign) else f"({part.number!r})" for part in equation.right)
    for sign, python in {"×": "*", "[": "(", "]": ")", "²": "**2"}.items():
        text = text.replace(sign, python)
    value: float = eval(text)  # noqa: S307 - our own numbers
    return value


def iterations(algorithm: Any, environment: Any, number: int) -> list[Iteration]:
    stepper = Stepper(algorithm, environment, 3)
    return [stepper.forward() for _ in range(number)]


def explained(algorithm: Any, each: Iteration) -> Explanation:
    found: Explanation = algorithm.explain(each.before.state, each.steps, each.key, each.after.state)
    return found


def close(one: Any, other: Any) -> bool:
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.allclose(mine, its, **CLOSE) for mine, its in pairs)


def measured(each: Iteration, name: str) -> float:
    """What `update` has measured in an iteration, as the engine has added it up."""
    after, before = (float(carry.tally.metrics[name].total()) for carry in (each.after, each.before))
    return after - before


def as_measured(found: Explanation, each: Iteration, names: tuple[str, ...]) -> bool:
    """Whether the means of explained quantities are what `update` has measured."""
    return all(
        np.isclose(np.mean([numbers(update)[name] for update in found.updates]), measured(each, name), **CLOSE)
        for name in names
    )


def numbers(update: GradientUpdate) -> dict[str, float]:
    return {quantity.name: quantity.number for quantity in update.quantities}


def equations_hold(found: Explanation) -> bool:
    return all(
        np.isclose(evaluated(equation), equation.result, **CLOSE)
        for update in found.updates
        for equation in update.equations
    )


def column(update: GradientUpdate, name: str) -> np.ndarray:
    return np.array(update.samples.column(name))


DQNS = [
    small_dqn(hidden=(8,), warmup=8, loss="huber"),
    small_dqn(hidden=(8,), warmup=8, double=True, dueling=True, prioritized=True, n_steps=2, updates=2, environments=2),
]


def dqn_is_explained(algorithm: Any, each: Iteration, twin: Any) -> bool:
    found = explained(twin, each)
    _, times, learner, _ = dqn_explanation._recorded(twin, each.before.state, each.steps, each.key)
    after = each.after.state
    if int(times) == 0:
        return not found.updates and close(each.before.state.policy.network, after.policy.network)
    same = close((learner.network, learner.target, learner.priorities),
                 (after.policy.network, after.target, after.memory.priorities))  # fmt: skip
    return (
        same
        and as_measured(found, each, ("cost", "q"))
        and equations_hold(found)
        and targets_are_right(algorithm, each, found.updates[0])
    )


def targets_are_right(algorithm: Any, each: Iteration, update: GradientUpdate) -> bool:
    """The targets of the first gradient update, from its rows and the networks' values of each state."""
    states = jnp.arange(4)
    online, target = (np.asarray(net(states)) for net in (each.before.state.policy.network, each.before.state.target))
    following, over = column(update, "next_state"), column(update, "terminated")
    best = (online if algorithm.double else target)[following].argmax(-1)
    several = algorithm.n_steps > 1
    discount = column(update, "discount") if several else np.where(over, 0.0, np.float32(algorithm.discount))
    wanted = column(update, "return" if several else "reward") + discount * target[following, best]
    value = online[column(update, "state"), column(update, "action")]
    return np.allclose(column(update, "target"), wanted, **CLOSE) and np.allclose(
        column(update, "error"), wanted - value, **CLOSE
    )


@pytest.mark.parametrize("algorithm", DQNS, ids=("plain", "all together"))
def test_dqn_is_explained_as_it_learns(algorithm: Any) -> None:
    played = iterations(algorithm, graph(), 60)
    assert all(dqn_is_explained(algorithm, each, algorithm) for each in played)
    learning = [each for each in played if explained(algorithm, each).updates]
    assert len(learning) > 40
    twin = dataclasses.replace(algorithm, learning_rate=0.02)  # explains with another step
    assert not any(dqn_is_explained(algorithm, each, twin) for each in learning)
    others = [dataclasses.replace(each, key=learning[0].key) for each in learning[1:]]  # with other minibatches
    assert not any(dqn_is_explained(algorithm, each, algorithm) for each in others)
    json.dumps(dataclasses.asdict(explained(algorithm, learning[-1])), allow_nan=False)


def test_each_way_down_the_sum_tree_leads_to_what_was_drawn() -> None:
    algorithm = DQNS[1]
    each = iterations(algorithm, graph(), 12)[-1]
    now, _, _, records = dqn_explanation._recorded(algorithm, each.before.state, each.steps, each.key)
    update = explained(algorithm, each).updates[0]
    priorities = np.asarray(now.memory.priorities.slots).reshape(-1)
    assert len(update.descents) == len(update.samples.rows)
    for row, way in enumerate(update.descents):
        assert way.slot == int(records.slots[0][row]) == np.searchsorted(priorities.cumsum(), way.looked_for, "right")
        assert way.priority == priorities[way.slot] == column(update, "priority")[row]
        for level, below in zip(way.nodes, way.nodes[1:], strict=False):
            assert np.isclose(sum(below.sums), level.sums[level.chosen], rtol=1e-5)
        assert np.isclose(sum(way.nodes[0].sums), way.total, rtol=1e-5)


def test_v_and_a_together_are_q() -> None:
    update = explained(DQNS[1], iterations(DQNS[1], graph(), 12)[-1]).updates[0]
    together = column(update, "state_value") + column(update, "advantage")
    assert np.allclose(together, column(update, "value"), **CLOSE)
