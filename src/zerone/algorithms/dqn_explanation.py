"""Explanations of DQN's updates: the functions of `update`, run again with their terms kept."""

from __future__ import annotations

from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.explanation import (
    CLOSE,
    MINUS,
    OPEN,
    TIMES,
    Column,
    Decision,
    Equation,
    Explanation,
    GradientUpdate,
    Part,
)
from zerone.algorithms.network_explanation import SQUARED, quantity, samples, value
from zerone.algorithms.off_policy_explanation import (
    AFTER,
    ERROR,
    PRIORITY,
    TARGET,
    VALUE,
    WEIGHT,
    Draw,
    Explained,
    beta_of,
    draw_of,
    explanation_of_updates,
    per_sample,
    remembered,
    target_equation,
    target_note,
    ways,
)
from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.base.compilation import Program, for_seldom
from zerone.base.language import translated
from zerone.base.pytree import struct
from zerone.parts.exploration import allowed_only
from zerone.parts.layers import Dueling

ONLINE_CHOICE = Column("online_choice", "a*(θ)", "best action of s' by the online network")
TARGET_CHOICE = Column("target_choice", "a*(θ⁻)", "best action of s' by the target network")
STATE_VALUE = Column("state_value", "V(s)", "value of the state, of the one stream")
ADVANTAGE = Column(
    "advantage_of_action", "A(s,a)", "advantage of the action, of the other stream, less the mean of all"
)


class ExplainedDQN(Explained, Protocol):
    """The parts of DQN (`dqn.py`, with their types) that explanations use."""

    @property
    def loss(self) -> str: ...
    @property
    def double(self) -> bool: ...
    @property
    def dueling(self) -> bool: ...
    @property
    def distributional(self) -> str: ...
    @property
    def recurrent(self) -> bool: ...
    def exploration_rate(self, policy: Any) -> Array: ...
    def explores(self, policy: Any, noise: Array) -> Array: ...
    def values(self, policy: Any, memory: Any, observation: Array) -> Array: ...
    def learner(self, state: Any, now: Any) -> Any: ...
    def terms(self, network: Any, target: Any, batch: Any) -> tuple[Array, Array, Array]: ...
    def losses(self, value: Array, wanted: Array, weights: Array) -> Array: ...
    def expected(self, value: Array) -> Array: ...
    def action_values(self, network: Any, batch: Any) -> tuple[Array, Any]: ...
    def next_values(self, network: Any, batch: Any) -> Array: ...
    def learn(self, now: Any, i: Array, learner: Any) -> tuple[Any, Metrics]: ...


@struct
class Record:
    """The minibatch and the terms of a gradient update: leaves [batch]."""

    draw: Draw
    value: Array
    bootstrap: Array
    target: Array
    losses: Array
    after: Array
    online_choice: Array
    target_choice: Array
    streams: tuple[Array, Array] | None
    metrics: Metrics


class Streams:
    """A dueling head whose outputs are V(s) and every A(s, a), side by side, in place of Q."""

    def __init__(self, head: Dueling) -> None:
        self.head = head

    def __call__(self, x: Array) -> Array:
        stream, advantage = self.head.streams(x)
        return jnp.concatenate([stream, advantage - advantage.mean(-1, keepdims=True)], -1)


def in_streams(network: Any) -> Any:
    """The same network with its streams as outputs."""

    def dueling(part: Any) -> bool:
        return isinstance(part, Dueling)

    return jax.tree.map(lambda part: Streams(part) if dueling(part) else part, network, is_leaf=dueling)


def recorded(algorithm: ExplainedDQN, state: Any, steps: Steps, key: Key) -> tuple[Any, Array, Any, Record]:
    """The memory after the block, the number of gradient updates, the learner after them, and a record of each."""
    now = algorithm.remember(state, steps, key)

    def one(learner: Any, i: Array) -> tuple[Any, Record]:
        draw = draw_of(algorithm, now, i, learner.priorities)
        batch = draw.batch
        found, bootstrap, target = algorithm.terms(learner.network, learner.target, batch)
        streams = None
        if algorithm.dueling and algorithm.distributional == "off":
            both = algorithm.action_values(in_streams(learner.network), batch)[0]
            chosen = jnp.take_along_axis(both, batch.action[..., None] + 1, -1)[..., 0]
            streams = both[..., 0], chosen
        online = allowed_only(algorithm.next_values(learner.network, batch), batch.next_mask).argmax(-1)
        fixed = allowed_only(algorithm.next_values(learner.target, batch), batch.next_mask).argmax(-1)
        after, metrics = algorithm.learn(now, i, learner)
        losses, mean = algorithm.losses(found, target, draw.weights), algorithm.expected
        later = mean(algorithm.terms(after.network, after.target, batch)[0])
        means = mean(found), mean(bootstrap), mean(target)
        return after, Record(draw, *means, losses, later, online, fixed, streams, metrics)

    after, records = jax.lax.scan(one, algorithm.learner(state, now), jnp.arange(algorithm.updates))
    return now, algorithm.times(now, steps.reward.size), after, records


_recorded = Program(recorded, for_seldom)


def explanation_of(algorithm: ExplainedDQN, before: Any, steps: Steps, key: Key, after: Any) -> Explanation:
    """The explanation of an update of DQN."""
    now, times, _, records = _recorded(algorithm, before, steps, key)
    rate = quantity("epsilon", "ε", algorithm.exploration_rate(after.policy), "exploration rate")

    def update(record: Record, number: int) -> GradientUpdate:
        return _update(algorithm, record, number)

    return explanation_of_updates(algorithm, now, times, steps.reward.size, records, update, (rate,))


def _update(algorithm: ExplainedDQN, record: Record, number: int) -> GradientUpdate:
    """The explanation of gradient update `number`, counted from the first of the training."""
    rows, draw, double = per_sample(algorithm.recurrent), record.draw, algorithm.double
    raw, batch, weights = rows((draw.raw, draw.batch, draw.weights))
    found, bootstrap, target, losses, after = rows(
        (record.value, record.bootstrap, record.target, record.losses, record.after)
    )
    streams = (None, None) if record.streams is None else rows(record.streams)
    weighted = algorithm.prioritized or algorithm.recurrent
    table = samples(
        [
            *remembered(algorithm, raw, batch),
            (ONLINE_CHOICE, rows(record.online_choice) if double else None),
            (TARGET_CHOICE, rows(record.target_choice) if double else None),
            (Column("bootstrap", "Q⁻(a*)" if double else "max Q⁻", "value of s' in the target"), bootstrap),
            (STATE_VALUE, streams[0]),
            (ADVANTAGE, streams[1]),
            (VALUE, found),
            (TARGET, target),
            (ERROR, target - found),
            (PRIORITY, draw.priority),
            (WEIGHT, weights if weighted else None),
            (Column("loss", "L", "its part of the loss"), losses),
            (AFTER, after),
        ]
    )
    symbol = "Q(s', a*; θ⁻)" if double else "max_a Q(s', a; θ⁻)"
    equations = (
        target_equation(algorithm, batch, symbol, bootstrap[0], target[0]),
        *_losses(algorithm, found[0], target[0], weights[0] if weighted else None, losses[0]),
    )
    quantities = (
        quantity("cost", "mean L", record.metrics["cost"], "loss of the minibatch, along whose gradient θ is moved"),
        quantity("q", "mean Q(s,a)", record.metrics["q"], "mean value of the minibatch"),
        *beta_of(algorithm, draw),
    )
    notes = target_note(algorithm, number)
    return GradientUpdate(
        translated("gradient update {number:,}", number=number), table, equations, quantities, ways(draw), notes
    )


def _losses(algorithm: ExplainedDQN, found: Any, target: Any, weight: Any, loss: Any) -> tuple[Equation, ...]:
    """The error and the loss of one sample; `weight` is None where there is none."""
    error = float(target - found)
    weighted: tuple[Part, ...] = () if weight is None else (value("w", weight),)
    size: tuple[Part, ...] = (value("½", 0.5), TIMES, value("δ", error), SQUARED)
    if algorithm.loss == "huber" and abs(error) > 1:
        linear = value("|δ|", abs(error)), MINUS, value("½", 0.5)
        size = (OPEN, *linear, CLOSE) if weighted else linear
    elif weighted:
        size = (TIMES, *size)
    if algorithm.distributional != "off":  # the loss is of N × N differences, whose means these are
        return (Equation("δ", (value("y", target), MINUS, value("Q(s, a; θ)", found)), error, "="),)
    return (
        Equation("δ", (value("y", target), MINUS, value("Q(s, a; θ)", found)), error, "="),
        Equation("L", (*weighted, *size), float(loss), "="),
    )


def decision_of(algorithm: ExplainedDQN, policy: Any, memory: Any, observation: Array, noise: Any) -> Decision:
    """How DQN chose the first of some actions."""
    values = np.asarray(algorithm.values(policy, memory, observation))[0]
    explored = bool(np.asarray(algorithm.explores(policy, noise)).reshape(-1)[0])
    rate = quantity("epsilon", "ε", algorithm.exploration_rate(policy), "exploration rate")
    return Decision("Q(s, a)", tuple(map(float, values)), (rate,), "explored" if explored else "greedy")
