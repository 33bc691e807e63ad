"""The parts that explanations of off-policy algorithms share: sampled minibatches, targets and notes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import jax
import numpy as np

from zerone.algorithms.explanation import PLUS, TIMES, Column, Descent, Equation, Explanation, GradientUpdate, Quantity
from zerone.algorithms.network_explanation import (
    ACTION,
    NEXT_STATE,
    REWARD,
    STATE,
    TERMINATED,
    at,
    descents,
    on_host,
    quantity,
    some,
    value,
)
from zerone.algorithms.off_policy import Remembered
from zerone.algorithms.protocol import Array, Key, Steps
from zerone.base.language import translated
from zerone.base.pytree import struct
from zerone.parts import sum_tree
from zerone.parts.replay import Prioritized, Replay, gather

SHOWN = 8
"""The number of samples whose descent in the sum tree is kept."""
RETURN = Column("return", "G", "sum of the n rewards, each discounted")
DISCOUNT = Column("discount", "γ", "what the value of s' counts")
WEIGHT = Column("weight", "w", "importance weight")
PRIORITY = Column("priority", "p", "priority by which it was drawn")
VALUE = Column("value", "Q(s,a)", "value before the update")
TARGET = Column("target", "y", "target")
ERROR = Column("error", "δ", "TD error: target minus value")
AFTER = Column("after", "→", "Q(s,a) after the update")


class Explained(Protocol):
    """The parts of such an algorithm (`off_policy.py: OffPolicy`) that explanations use."""

    @property
    def discount(self) -> float: ...
    @property
    def memory(self) -> int: ...
    @property
    def updates(self) -> int: ...
    @property
    def warmup_updates(self) -> int: ...
    @property
    def target_period(self) -> int: ...
    @property
    def target_step(self) -> float: ...
    @property
    def n_steps(self) -> int: ...
    @property
    def prioritized(self) -> bool: ...
    @property
    def replay(self) -> Replay: ...
    def correction(self, steps: Array, updates: Array) -> Array: ...
    def remember(self, state: Any, steps: Steps, key: Key) -> Remembered: ...
    def sample(self, now: Remembered, i: Array, priorities: Any) -> tuple[Array, Array, Any]: ...
    def times(self, now: Remembered, block: int) -> Array: ...


@struct
class Draw:
    """The minibatch of a gradient update, leaves [batch]: as remembered (`raw`), and normalised (`batch`).

    With prioritised replay also the descents of the first `SHOWN` samples in the sum tree.
    """

    slots: Array
    weights: Array
    raw: Any
    batch: Any
    beta: Array
    priority: Array | None
    shares: Array | None
    total: Array | None
    levels: list[sum_tree.Level]


def draw_of(algorithm: Explained, now: Remembered, i: Array, priorities: Any) -> Draw:
    """The minibatch of gradient update `i` of a block, with these priorities."""
    slots, weights, batch = algorithm.sample(now, i, priorities)
    priority = shares = total = None
    levels: list[sum_tree.Level] = []
    if isinstance(algorithm.replay, Prioritized):
        priority, total = sum_tree.priority(priorities, slots), priorities.total
        shares = algorithm.replay.shares(now.noise[i])[:SHOWN]
        levels = sum_tree.descent(priorities, shares)
    beta = algorithm.correction(now.seen, now.updates + i)
    return Draw(slots, weights, gather(now.memory, slots), batch, beta, priority, shares, total, levels)


def ways(draw: Draw) -> tuple[Descent, ...]:
    """The descents of the first samples in the sum tree; none without priorities."""
    return () if draw.shares is None else descents(draw.shares, draw.total, draw.levels)


def remembered(algorithm: Explained, raw: Any, batch: Any) -> list[tuple[Column, Any]]:
    """The columns of remembered transitions."""
    several = algorithm.n_steps > 1
    return [
        (STATE, raw.observation),
        (ACTION, raw.action),
        (RETURN if several else REWARD, batch.reward),
        (NEXT_STATE, raw.next_observation),
        (TERMINATED, batch.discount == 0),
        (DISCOUNT, batch.discount if several else None),
    ]


def target_equation(algorithm: Explained, batch: Any, symbol: str, bootstrap: Any, target: Any) -> Equation:
    """The equation of the first sample's target; `symbol` is that of the value of s', which is 0 if terminal."""
    over, (gain, power) = float(batch.discount[0]) == 0.0, ("G", "γⁿ") if algorithm.n_steps > 1 else ("r", "γ")
    counts = float(algorithm.discount) if over else batch.discount[0]
    right = (value(gain, batch.reward[0]), PLUS, value(power, counts), TIMES, value(symbol, 0.0 if over else bootstrap))
    return Equation("y", right, float(target), "=")


def beta_of(algorithm: Explained, draw: Draw) -> list[Quantity]:
    """β, for prioritised replay."""
    if not algorithm.prioritized:
        return []
    return [quantity("beta", "β", draw.beta, "how far the weights make up for drawing by priority")]


def target_note(algorithm: Explained, number: int) -> tuple[str, ...]:
    """A note about the target network at gradient update `number`, counted from the first of the training."""
    left, step = -number % algorithm.target_period, float(algorithm.target_step)
    if left == 0:
        copied = translated("the target network θ⁻ is copied from θ now")
        moved = translated("the target network θ⁻ moves towards θ by τ = {step:g} now", step=step)
        return (copied if step == 1.0 else moved,)
    when = translated("{count:,} gradient updates", count=left) if left > 1 else translated("1 gradient update")
    copied = translated("the target network θ⁻ stays: it is copied from θ in {updates}", updates=when)
    moved = translated("the target network θ⁻ stays: it moves towards θ by τ = {step:g} in {updates}", step=step,
                       updates=when)  # fmt: skip
    return (copied if step == 1.0 else moved,)


def explanation_of_updates(
    algorithm: Explained, now: Remembered, times: Array, block: int, records: Any,
    update: Callable[[Any, int], GradientUpdate], quantities: tuple[Quantity, ...],
) -> Explanation:  # fmt: skip
    """The explanation from a record of each gradient update, or why nothing was learnt yet."""
    size, seen, done = int(now.memory.size), int(now.seen), int(now.updates)
    notes = [translated("{size:,} of {memory:,} steps are remembered", size=size, memory=algorithm.memory)]
    if int(times) == 0:
        first = (algorithm.warmup_updates + 1) * block
        notes.append(translated("nothing is learnt yet: learning begins after {first:,} steps, now there are {seen:,}",
                                first=first, seen=seen))  # fmt: skip
        return Explanation(quantities=quantities, notes=tuple(notes))
    found = on_host(records)
    updates = tuple(update(at(found, i), done + i + 1) for i in some(algorithm.updates))
    if len(updates) < algorithm.updates:
        notes.append(
            translated("{count:,} gradient updates in the middle are left out", count=algorithm.updates - len(updates))
        )
    return Explanation(updates=updates, quantities=quantities, notes=tuple(notes))


def per_sample(recurrent: bool) -> Callable[[Any], Any]:
    """Leaves [batch, ...] as they are; of sequences [sequence, n, ...], one sequence after the other."""

    def rows(x: Any) -> np.ndarray:
        found = np.asarray(x)
        return found.swapaxes(0, 1).reshape(-1, *found.shape[2:]) if recurrent else found

    return lambda tree: jax.tree.map(rows, tree)
