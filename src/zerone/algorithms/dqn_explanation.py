"""DQN's updates with their numbers: the functions that its `update` is made of, run once more with their terms kept."""

from __future__ import annotations

from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.explanation import (
    CLOSE,
    MINUS,
    OPEN,
    PLUS,
    TIMES,
    Column,
    Decision,
    Equation,
    Explanation,
    GradientUpdate,
    Part,
)
from zerone.algorithms.network_explanation import (
    ACTION,
    NEXT_STATE,
    REWARD,
    SQUARED,
    STATE,
    TERMINATED,
    at,
    descents,
    on_host,
    quantity,
    samples,
    some,
    value,
)
from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.base.compilation import for_seldom
from zerone.base.pytree import struct
from zerone.parts import sum_tree
from zerone.parts.networks import Dueling
from zerone.parts.replay import Prioritized, Replay, gather


class Explained(Protocol):
    """What of DQN (`dqn.py`, where the types are, too) is run a second time, or named."""

    @property
    def discount(self) -> float: ...
    @property
    def memory(self) -> int: ...
    @property
    def updates(self) -> int: ...
    @property
    def target_period(self) -> int: ...
    @property
    def target_step(self) -> float: ...
    @property
    def loss(self) -> str: ...
    @property
    def double(self) -> bool: ...
    @property
    def dueling(self) -> bool: ...
    @property
    def n_steps(self) -> int: ...
    @property
    def prioritized(self) -> bool: ...
    @property
    def warmup_updates(self) -> int: ...
    @property
    def recurrent(self) -> bool: ...
    @property
    def replay(self) -> Replay: ...
    def exploration_rate(self, policy: Any) -> Array: ...
    def explores(self, policy: Any, noise: Array) -> Array: ...
    def values(self, policy: Any, memory: Any, observation: Array) -> Array: ...
    def correction(self, steps: Array, updates: Array) -> Array: ...
    def remember(self, state: Any, steps: Steps, key: Key) -> Any: ...
    def learner(self, state: Any, now: Any) -> Any: ...
    def drawn(self, now: Any, i: Array, priorities: Any) -> tuple[Array, Array, Any]: ...
    def terms(self, network: Any, target: Any, batch: Any) -> tuple[Array, Array, Array]: ...
    def losses(self, error: Array, weights: Array) -> Array: ...
    def along(self, network: Any, batch: Any) -> tuple[Array, Any]: ...
    def following(self, network: Any, batch: Any) -> Array: ...
    def learn(self, now: Any, i: Array, learner: Any) -> tuple[Any, Metrics]: ...
    def times(self, now: Any, block: int) -> Array: ...


SHOWN = 8
"""Draws of a minibatch whose way down the sum tree is kept."""
RETURN = Column("return", "G", "sum of the n rewards, each discounted")
DISCOUNT = Column("discount", "γ", "what the value of s' counts")
WEIGHT = Column("weight", "w", "importance weight")
PRIORITY = Column("priority", "p", "priority by which it was drawn")
VALUE = Column("value", "Q(s,a)", "value before the update")
TARGET = Column("target", "y", "target")
ERROR = Column("error", "δ", "TD error: target minus value")
AFTER = Column("after", "→", "Q(s,a) after the update")
ONLINE_CHOICE = Column("online_choice", "a*(θ)", "best action of s' by the online network")
TARGET_CHOICE = Column("target_choice", "a*(θ⁻)", "best action of s' by the target network")
STATE_VALUE = Column("state_value", "V(s)", "value of the state, of the one stream")
ADVANTAGE = Column(
    "advantage_of_action", "A(s,a)", "advantage of the action, of the other stream, less the mean of all"
)


@struct
class Record:
    """What a gradient update learnt from, and its terms: leaves [batch], those of `levels` [SHOWN, ...]."""

    slots: Array
    weights: Array
    raw: Any
    batch: Any
    value: Array
    bootstrap: Array
    target: Array
    losses: Array
    after: Array
    online_choice: Array
    target_choice: Array
    streams: tuple[Array, Array] | None
    priority: Array | None
    shares: Array | None
    total: Array | None
    levels: list[sum_tree.Level]
    metrics: Metrics
    beta: Array


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


def recorded(algorithm: Explained, state: Any, steps: Steps, key: Key) -> tuple[Any, Array, Any, Record]:
    """What is remembered, how many gradient updates follow, what they leave, and the record of each."""
    now = algorithm.remember(state, steps, key)

    def one(learner: Any, i: Array) -> tuple[Any, Record]:
        slots, weights, batch = algorithm.drawn(now, i, learner.priorities)
        found, bootstrap, target = algorithm.terms(learner.network, learner.target, batch)
        streams = priority = shares = total = None
        levels: list[sum_tree.Level] = []
        if algorithm.dueling:
            both = algorithm.along(in_streams(learner.network), batch)[0]
            chosen = jnp.take_along_axis(both, batch.action[..., None] + 1, -1)[..., 0]
            streams = both[..., 0], chosen
        if isinstance(algorithm.replay, Prioritized):
            priority, total = sum_tree.priority(learner.priorities, slots), learner.priorities.total
            shares = algorithm.replay.shares(now.noise[i])[:SHOWN]
            levels = sum_tree.descent(learner.priorities, shares)
        online = algorithm.following(learner.network, batch).argmax(-1)
        fixed = algorithm.following(learner.target, batch).argmax(-1)
        after, metrics = algorithm.learn(now, i, learner)
        return after, Record(
            slots, weights, gather(now.memory, slots), batch, found, bootstrap, target,
            algorithm.losses(target - found, weights), algorithm.terms(after.network, after.target, batch)[0], online,
            fixed, streams, priority, shares, total, levels, metrics, algorithm.correction(now.seen, now.updates + i),
        )  # fmt: skip

    after, records = jax.lax.scan(one, algorithm.learner(state, now), jnp.arange(algorithm.updates))
    return now, algorithm.times(now, steps.reward.size), after, records


_recorded = jax.jit(recorded, compiler_options=for_seldom())


def explanation_of(algorithm: Explained, before: Any, steps: Steps, key: Key, after: Any) -> Explanation:
    """What an update of DQN did."""
    now, times, _, records = _recorded(algorithm, before, steps, key)
    size, seen, done = int(now.memory.size), int(now.seen), int(now.updates)
    notes = [f"{size:,} of {algorithm.memory:,} steps are remembered"]
    quantities = (quantity("epsilon", "ε", algorithm.exploration_rate(after.policy), "exploration rate"),)
    if int(times) == 0:
        first = (algorithm.warmup_updates + 1) * steps.reward.size
        notes.append(f"nothing is learnt yet: learning begins after {first:,} steps, now there are {seen:,}")
        return Explanation(quantities=quantities, notes=tuple(notes))
    found = on_host(records)
    updates = tuple(_update(algorithm, at(found, i), done + i + 1) for i in some(algorithm.updates))
    left = algorithm.updates - len(updates)
    if left:
        notes.append(f"{left:,} gradient updates in the middle are left out")
    return Explanation(updates=updates, quantities=quantities, notes=tuple(notes))


def _update(algorithm: Explained, record: Record, number: int) -> GradientUpdate:
    """One gradient update: `number` counts from the first of the training."""

    def rows(x: Any) -> np.ndarray:
        """Leaves [batch, ...]; of sequences [sequence, n, ...], one sequence after the other."""
        found = np.asarray(x)
        return found.swapaxes(0, 1).reshape(-1, *found.shape[2:]) if algorithm.recurrent else found

    several, weighted = algorithm.n_steps > 1, algorithm.prioritized or algorithm.recurrent
    batch, raw = jax.tree.map(rows, (record.batch, record.raw))
    value_now, bootstrap, target, weights, losses, after = map(
        rows, (record.value, record.bootstrap, record.target, record.weights, record.losses, record.after)
    )
    error = target - value_now
    streams = (None, None) if record.streams is None else (rows(record.streams[0]), rows(record.streams[1]))
    double = algorithm.double
    table = samples(
        [
            (STATE, raw.observation),
            (ACTION, raw.action),
            (RETURN if several else REWARD, batch.reward),
            (NEXT_STATE, raw.next_observation),
            (TERMINATED, batch.discount == 0),
            (DISCOUNT, batch.discount if several else None),
            (ONLINE_CHOICE, rows(record.online_choice) if double else None),
            (TARGET_CHOICE, rows(record.target_choice) if double else None),
            (Column("bootstrap", "Q⁻(a*)" if double else "max Q⁻", "value of s' in the target"), bootstrap),
            (STATE_VALUE, streams[0]),
            (ADVANTAGE, streams[1]),
            (VALUE, value_now),
            (TARGET, target),
            (ERROR, error),
            (PRIORITY, record.priority),
            (WEIGHT, weights if weighted else None),
            (Column("loss", "L", "its part of the loss"), losses),
            (AFTER, after),
        ]
    )
    row = batch.reward[0], batch.discount[0], bootstrap[0], value_now[0], target[0], error[0], weights[0], losses[0]
    quantities = [
        quantity("cost", "mean L", record.metrics["cost"], "loss of the minibatch, along whose gradient θ is moved"),
        quantity("q", "mean Q(s,a)", record.metrics["q"], "mean value of the minibatch"),
    ]
    if algorithm.prioritized:
        quantities.append(quantity("beta", "β", record.beta, "how far the weights make up for drawing by priority"))
    ways = () if record.shares is None else descents(record.shares, record.total, record.levels)
    notes = _target_note(algorithm, number)
    return GradientUpdate(
        f"gradient update {number:,}", table, _equations(algorithm, row), tuple(quantities), ways, notes
    )


def _symbol(algorithm: Explained) -> str:
    return "Q(s', a*; θ⁻)" if algorithm.double else "max_a Q(s', a; θ⁻)"


def _equations(algorithm: Explained, row: tuple[Any, ...]) -> tuple[Equation, ...]:
    """Of one sample: its target, its error and its loss."""
    reward, discount, bootstrap, value_now, target, error, weight, loss = row
    several, over = algorithm.n_steps > 1, float(discount) == 0.0
    gain, power = ("G", "γⁿ") if several else ("r", "γ")
    counts = float(algorithm.discount) if over else discount
    y = (value(gain, reward), PLUS, value(power, counts), TIMES, value(_symbol(algorithm), 0.0 if over else bootstrap))
    weighted: tuple[Part, ...] = (value("w", weight),) if algorithm.prioritized or algorithm.recurrent else ()
    size: tuple[Part, ...] = (value("½", 0.5), TIMES, value("δ", error), SQUARED)
    if algorithm.loss == "huber" and abs(float(error)) > 1:
        linear = value("|δ|", abs(float(error))), MINUS, value("½", 0.5)
        size = (OPEN, *linear, CLOSE) if weighted else linear
    elif weighted:
        size = (TIMES, *size)
    return (
        Equation("y", y, float(target), "="),
        Equation("δ", (value("y", target), MINUS, value("Q(s, a; θ)", value_now)), float(error), "="),
        Equation("L", (*weighted, *size), float(loss), "="),
    )


def _target_note(algorithm: Explained, number: int) -> tuple[str, ...]:
    """What happens to the target network at this gradient update."""
    left = -number % algorithm.target_period
    step = float(algorithm.target_step)
    what = "is copied from θ" if step == 1.0 else f"moves towards θ by τ = {step:g}"
    if left == 0:
        return (f"the target network θ⁻ {what} now",)
    return (f"the target network θ⁻ stays: it {what} in {left:,} gradient update{'s' if left > 1 else ''}",)


def decision_of(algorithm: Explained, policy: Any, memory: Any, observation: Array, noise: Any) -> Decision:
    """How DQN chose the first of some actions."""
    values = np.asarray(algorithm.values(policy, memory, observation))[0]
    explored = bool(np.asarray(algorithm.explores(policy, noise)).reshape(-1)[0])
    rate = quantity("epsilon", "ε", algorithm.exploration_rate(policy), "exploration rate")
    return Decision("Q(s, a)", tuple(map(float, values)), (rate,), "explored" if explored else "greedy")
