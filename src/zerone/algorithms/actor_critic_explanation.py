"""Explanations of the updates of actor-critic and A3C: the functions of `update`, run again with their terms kept."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import jax
import numpy as np

from zerone.algorithms.explanation import (
    MINUS,
    PLUS,
    TIMES,
    Column,
    Equation,
    Explanation,
    GradientUpdate,
    Quantity,
    Samples,
)
from zerone.algorithms.network_explanation import (
    ACTION,
    NEXT_STATE,
    REWARD,
    STATE,
    at,
    on_host,
    quantity,
    samples,
    value,
)
from zerone.algorithms.policy_explanation import (
    ENDS,
    ENVIRONMENT,
    LOG_PROBABILITY,
    NUMBER,
    STATE_VALUE,
    SURPRISE,
    endings,
)
from zerone.algorithms.protocol import Array, Metrics, Steps
from zerone.base.compilation import Program, for_seldom
from zerone.base.language import translated
from zerone.base.pytree import struct

RETURN = Column("return", "G", "return up to the end of the block or of the episode, and the value of what follows")
ADVANTAGE = Column("advantage", "A", "advantage: how much better it went than the critic expected")
MEASURED = {"policy_loss": "mean -A ln π", "value_loss": "mean A²", "entropy": "mean H", "value": "mean V"}


class Explained(Protocol):
    """The parts of actor-critic (`actor_critic.py`) that explanations use."""

    @property
    def discount(self) -> float: ...
    @property
    def entropy_bonus(self) -> float: ...
    @property
    def environments(self) -> int: ...
    def targets(self, network: Any, steps: Steps) -> Array: ...
    def terms(self, network: Any, steps: Steps, target: Array) -> tuple[Any, Array, Array, Array]: ...
    def gradient(self, network: Any, steps: Steps) -> tuple[Any, Metrics]: ...
    def apply(self, state: Any, gradient: Any) -> Any: ...


class ExplainedWorkers(Explained, Protocol):
    """The parts of A3C (`a3c.py`) that explanations use."""

    @property
    def workers(self) -> int: ...
    def shared_out(self, state: Any, steps: Steps) -> tuple[Any, tuple[Any, ...]]: ...
    def turn(self, shared: Any, worker: tuple[Any, ...]) -> tuple[Any, Any]: ...


@struct
class Record:
    """The terms of a gradient: leaves [T, N]."""

    steps: Steps
    value: Array
    next_value: Array
    target: Array
    error: Array
    log_probability: Array
    metrics: Metrics


def of_steps(algorithm: Explained, network: Any, steps: Steps, metrics: Metrics) -> Record:
    """The terms of the steps that a network learns from."""
    target = algorithm.targets(network, steps)
    _, worth, error, log_probability = algorithm.terms(network, steps, target)
    return Record(steps, worth, network.values(steps)[1], target, error, log_probability, metrics)


def recorded(algorithm: Explained, state: Any, steps: Steps) -> tuple[Any, Record]:
    """The networks after actor-critic's update, and the terms of its gradient."""
    steps = state.policy.scales.normalize(steps)
    network = state.policy.networks
    gradient, metrics = algorithm.gradient(network, steps)
    return algorithm.apply(state, gradient), of_steps(algorithm, network, steps, metrics)


def recorded_workers(algorithm: ExplainedWorkers, state: Any, steps: Steps) -> tuple[Any, tuple[Record, Array, Array]]:
    """The shared state after all pushes; each worker's terms, the version it pulled, and the one after its push."""
    steps = state.policy.shared.scales.normalize(steps)
    shared, each = algorithm.shared_out(state, steps)

    def turn(shared: Any, worker: tuple[Any, ...]) -> tuple[Any, tuple[Record, Array, Array]]:
        shared, (_, done, metrics) = algorithm.turn(shared, worker)
        copy, pulled, mine = worker
        return shared, (of_steps(algorithm, copy, mine, metrics), pulled, done)

    (learner, _), found = jax.lax.scan(turn, shared, each)
    return learner, found


_recorded = Program(recorded, for_seldom)
_recorded_workers = Program(recorded_workers, for_seldom)


def explanation_of(algorithm: Explained, before: Any, steps: Steps) -> Explanation:
    """The explanation of an update of actor-critic."""
    record = on_host(_recorded(algorithm, before, steps)[1])
    update = _update(algorithm, "gradient update", steps, record, 0)
    return Explanation(updates=(update,))


def explanation_of_workers(algorithm: ExplainedWorkers, before: Any, steps: Steps) -> Explanation:
    """The explanation of the turns of A3C's workers."""
    records, pulled, done = on_host(_recorded_workers(algorithm, before, steps)[1])
    updates = []
    for worker in range(algorithm.workers):
        each = algorithm.environments // algorithm.workers
        mine = jax.tree.map(lambda x, first=worker * each, each=each: x[:, first : first + each], steps)
        has, makes = int(pulled[worker]), int(done[worker])
        late = makes - 1 - has
        some = translated("{count:,} pushes of others came between", count=late)
        one = translated("1 push of others came between")
        stale = translated("nobody came between") if not late else one if late == 1 else some
        title = translated("worker {worker} pushes: version {before:,} → {after:,}", worker=worker + 1,
                           before=makes - 1, after=makes)  # fmt: skip
        update = _update(algorithm, title, mine, at(records, worker), worker * each)
        notes = (
            translated(
                "its gradient is that of version {version:,}, which it had pulled and played with; {stale}",
                version=has,
                stale=stale,
            ),
            translated("then it pulls version {version:,}", version=makes),
        )
        quantities = (
            *update.quantities,
            quantity("staleness", "versions late", late, "pushes of others between its pull and its push"),
        )
        updates.append(dataclasses.replace(update, notes=notes, quantities=quantities))
    note = ("here the workers take their turns in order; where they are processes (a cluster), pushes come as they "
            "come, and in what order is not seen here")  # fmt: skip
    return Explanation(updates=tuple(updates), notes=(note,))


def _update(algorithm: Explained, title: str, raw: Steps, record: Record, first: int) -> GradientUpdate:
    """A gradient from its terms; `raw` are the steps before scales, `first` counts the environments before these."""
    table = table_of(raw, record, first)
    reward, following, target, worth, log_probability = (
        float(np.asarray(x)[0, 0])
        for x in (record.steps.reward, _followed(record), record.target, record.value, record.log_probability)
    )
    advantage = float(record.error[0, 0])
    symbol = "V(s')" if _stops(record)[0, 0] else "G'"
    equations = (
        Equation("G", (value("r", reward), PLUS, value("γ", algorithm.discount), TIMES, value(symbol, following)),
                 target, "="),
        Equation("A", (value("G", target), MINUS, value("V(s)", worth)), advantage, "="),
        Equation("L", (value("-A", -advantage), TIMES, value("ln π(a|s)", log_probability)),
                 -advantage * log_probability, "="),
    )  # fmt: skip
    return GradientUpdate(title, table, equations, measured(record.metrics, MEASURED))


def table_of(raw: Steps, record: Record, first: int) -> Samples:
    """The steps of the first environment, then those of the next."""

    def rows(x: Any) -> np.ndarray:
        found = np.asarray(x)
        return found.swapaxes(0, 1).reshape(-1, *found.shape[2:])

    length, number = np.asarray(raw.reward).shape
    log_probability = rows(record.log_probability)
    return samples(
        [
            (ENVIRONMENT, first + 1 + np.repeat(np.arange(number), length) if number > 1 else None),
            (NUMBER, np.tile(np.arange(length), number) if length > 1 else None),
            (STATE, rows(raw.observation)),
            (ACTION, rows(raw.action)),
            (REWARD, rows(record.steps.reward)),
            (NEXT_STATE, rows(raw.next_observation)),
            (ENDS, rows(endings(raw))),
            (RETURN, rows(record.target)),
            (STATE_VALUE, rows(record.value)),
            (ADVANTAGE, rows(record.error)),
            (LOG_PROBABILITY, log_probability),
            (SURPRISE, -log_probability),
            (Column("loss", "L", "its part of the policy's loss"), -rows(record.error) * log_probability),
        ]
    )


def measured(metrics: Metrics, symbols: dict[str, str]) -> tuple[Quantity, ...]:
    """The metrics of a gradient."""
    meanings = {
        "policy_loss": "loss of the policy",
        "value_loss": "loss of the critic, twice",
        "entropy": "entropy of the policy",
        "value": "mean value of the states",
    }
    return tuple(quantity(name, symbol, metrics[name], meanings[name]) for name, symbol in symbols.items())


def _stops(record: Record) -> np.ndarray:
    """Where returns end, [T, N]: at the ends of episodes and of the block."""
    stops = np.asarray(record.steps.terminated | record.steps.truncated).copy()
    stops[-1] = True
    return stops


def _followed(record: Record) -> np.ndarray:
    """The factor of γ in each return, [T, N]: the next return, or V(s') where returns end; 0 after a terminal s'."""
    later = np.concatenate([record.target[1:], record.next_value[-1:]])
    found = np.where(_stops(record), record.next_value, later)
    return np.where(record.steps.terminated, 0.0, found)
