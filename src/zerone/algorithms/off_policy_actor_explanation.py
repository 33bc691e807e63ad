"""Explanations of the updates of DDPG, TD3 and SAC: the functions of `update`, run again with their terms kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.explanation import MINUS, TIMES, Column, Decision, Equation, Explanation, GradientUpdate, Part
from zerone.algorithms.network_explanation import SQUARED, on_host, quantity, samples, value
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
    remembered,
    target_equation,
    target_note,
    ways,
)
from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.base.compilation import Program, for_seldom
from zerone.base.language import translated
from zerone.base.pytree import struct

SIZE = Column("error", "|δ|", "mean size of the critics' TD errors")
NEXT_VALUE = Column("bootstrap", "V(s')", "value of s' in the target")
OWN_ACTION = Column("own_action", "μ(s)", "what the actor does in s, without noise")
OWN_AFTER = Column("own_action_after", "→μ", "the same after the update")
SYMBOLS = {"critic_loss": "mean L", "q": "mean Q(s,a)", "actor_q": "mean Q(s,μ(s))", "noise": "σ"}


class ExplainedActor(Explained, Protocol):
    """The parts of such an algorithm (`off_policy_actor.py`, with their types) that explanations use."""

    metrics: ClassVar[Mapping[str, str]]
    next_value_symbol: ClassVar[str]

    @property
    def actor_period(self) -> int: ...
    def act(self, policy: Any, memory: Any, observation: Array, noise: Any = None) -> tuple[Array, Any, Any]: ...
    def policy_metrics(self, policy: Any) -> Metrics: ...
    def next_value(self, actor: Any, target: Any, observation: Array, normals: Array) -> Array: ...
    def targets(self, actor: Any, target: Any, batch: Any, normals: Array) -> Array: ...
    def learn(self, now: Any, i: Array, carry: Any) -> tuple[Any, Metrics]: ...


@struct
class Record:
    """The minibatch and the terms of a gradient update: leaves [batch]; values of several critics are [critics, batch].

    `own` are the actor's own actions in the states, before and after.
    """

    draw: Draw
    next_value: Array
    target: Array
    value: Array
    after: Array
    own: tuple[Array, Array]
    metrics: Metrics


def recorded(algorithm: ExplainedActor, state: Any, steps: Steps, key: Key) -> tuple[Any, Array, Any, Record]:
    """The memory after the block, the number of gradient updates, the learner after them, and a record of each."""
    now = algorithm.remember(state, steps, key)

    def one(carry: Any, i: Array) -> tuple[Any, Record]:
        actor, learner, priorities = carry
        draw, normals = draw_of(algorithm, now, i, priorities), now.normals[i]
        batch = draw.batch
        worth = algorithm.next_value(actor, learner.target, batch.next_observation, normals)
        target = algorithm.targets(actor, learner.target, batch, normals)
        after, metrics = algorithm.learn(now, i, carry)
        values = [critic(batch.observation, batch.action) for critic in (learner.critic, after[1].critic)]
        own = actor(batch.observation), after[0](batch.observation)
        return after, Record(draw, worth, target, values[0], values[1], own, metrics)

    before = state.policy.actor, state.learner, now.memory.priorities
    after, records = jax.lax.scan(one, before, jnp.arange(algorithm.updates))
    return now, algorithm.times(now, steps.reward.size), after, records


_recorded = Program(recorded, for_seldom)


def explanation_of(algorithm: ExplainedActor, before: Any, steps: Steps, key: Key, after: Any) -> Explanation:
    """The explanation of an update of such an algorithm."""
    now, times, _, records = _recorded(algorithm, before, steps, key)
    quantities = tuple(
        quantity(name, SYMBOLS.get(name, name.replace("_", " ")), number, algorithm.metrics[name])
        for name, number in algorithm.policy_metrics(after.policy).items()
    )

    def update(record: Record, number: int) -> GradientUpdate:
        return _update(algorithm, record, number)

    return explanation_of_updates(algorithm, now, times, steps.reward.size, records, update, quantities)


def _update(algorithm: ExplainedActor, record: Record, number: int) -> GradientUpdate:
    """The explanation of gradient update `number`, counted from the first of the training."""
    draw, batch = record.draw, record.draw.batch
    critics = record.value.reshape(-1, record.target.shape[0])
    afters = record.after.reshape(critics.shape)
    several = len(critics) > 1
    error = record.target - critics
    losses = 0.5 * (draw.weights * np.square(error)).sum(0)
    values = [
        (Column(f"{VALUE.name}_{k + 1}", f"Q{k + 1}(s,a)", f"{VALUE.meaning}, of critic {k + 1}"), each)
        for k, each in enumerate(critics)
    ]
    table = samples(
        [
            *remembered(algorithm, draw.raw, batch),
            (NEXT_VALUE, record.next_value),
            *(values if several else [(VALUE, critics[0])]),
            (TARGET, record.target),
            (SIZE, np.abs(error).mean(0)) if several else (ERROR, error[0]),
            (PRIORITY, draw.priority),
            (WEIGHT, draw.weights if algorithm.prioritized else None),
            (Column("loss", "L", "its part of the critic's loss, of all critics"), losses),
            (AFTER, afters[0]),
            (OWN_ACTION, record.own[0]),
            (OWN_AFTER, record.own[1]),
        ]
    )
    weighted: tuple[Part, ...] = (value("w", draw.weights[0]), TIMES) if algorithm.prioritized else ()
    which = "1" if several else ""
    single, mine = float(error[0, 0]), 0.5 * float(draw.weights[0]) * float(error[0, 0]) ** 2
    equations = (
        target_equation(algorithm, batch, algorithm.next_value_symbol, record.next_value[0], record.target[0]),
        Equation(f"δ{which}", (value("y", record.target[0]), MINUS, value(f"Q{which}(s, a)", critics[0, 0])), single,
                 "="),
        Equation(f"L{which}", (*weighted, value("½", 0.5), TIMES, value(f"δ{which}", single), SQUARED), mine, "="),
    )  # fmt: skip
    quantities = [
        quantity(name, SYMBOLS.get(name, name.replace("_", " ")), found, algorithm.metrics.get(name, name))
        for name, found in record.metrics.items()
    ]
    notes = target_note(algorithm, number)
    if algorithm.actor_period > 1:
        learns = number % algorithm.actor_period == 0
        actor = translated("the actor learns, too") if learns else translated("the actor does not learn in this update")
        notes = (actor, *notes)
    quantities += beta_of(algorithm, draw)
    return GradientUpdate(
        translated("gradient update {number:,}", number=number), table, equations, tuple(quantities), ways(draw), notes
    )


def decision_of(algorithm: ExplainedActor, policy: Any, memory: Any, observation: Array, noise: Any) -> Decision:
    """How such an actor chose the first of some actions: its own action, and the noise."""
    own, action, measured = on_host(_look(algorithm, policy, memory, observation, noise))
    flat, taken = np.asarray(own[0]).reshape(-1), np.asarray(action[0]).reshape(-1)
    place = [""] if len(flat) == 1 else [f"_{i + 1}" for i in range(len(flat))]
    added = [
        quantity(f"added{each}", f"noise{each}", done - mine, "what exploring has added to the actor's action")
        for each, done, mine in zip(place, taken, flat, strict=True)
    ]
    scales = [
        quantity(name, SYMBOLS.get(name, name.replace("_", " ")), number, algorithm.metrics[name])
        for name, number in measured.items()
    ]
    return Decision("μ(s)", tuple(map(float, flat)), (*added, *scales))


def _looked_at(
    algorithm: ExplainedActor, policy: Any, memory: Any, observation: Array, noise: Any
) -> tuple[Array, Array, Metrics]:
    own = algorithm.act(policy, memory, observation)[0]
    return own, algorithm.act(policy, memory, observation, noise)[0], algorithm.policy_metrics(policy)


_look = Program(_looked_at, for_seldom)
