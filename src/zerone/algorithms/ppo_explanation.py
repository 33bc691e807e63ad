"""Explanations of PPO's updates: the ratios of each minibatch, clipping, and the divergence of the policy."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.explanation import CLOSE, MINUS, TIMES, Column, Equation, Explanation, GradientUpdate, Sign
from zerone.algorithms.network_explanation import ACTION, STATE, at, on_host, quantity, samples, some, value
from zerone.algorithms.policy_explanation import ENVIRONMENT, NUMBER, STATE_VALUE
from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.base.compilation import Program, for_seldom
from zerone.base.language import translated
from zerone.base.pytree import is_on, struct

ADVANTAGE = Column("advantage", "Â", "advantage by GAE, normalised within the minibatch if that is on")
OLD = Column("old_log_probability", "ln π_old", "logarithm of the probability of a in s when it was played")
NEW = Column("log_probability", "ln π", "the same now")
RATIO = Column("ratio", "ρ", "how many times as likely a is now as when it was played")
CLIPPED = Column("clipped", "clipped", "whether ρ has left the clipping range")
OBJECTIVE = Column("objective", "part", "its part of the objective")
STILL = Column("still", "no ∇", "clipped, and the smaller of both: the policy gets no gradient from this sample")
TARGET = Column(
    "value_target", "R̂", "what V(s) is moved towards: Â before it was normalised, and V(s) when it was played"
)
MIN, COMMA, END = Sign("min(", "min("), Sign(", ", ", "), Sign(")", ")")
MEASURED = {
    "policy_loss": ("-objective", "loss of the policy"),
    "value_loss": ("mean (R̂ - V)²", "loss of the critic"),
    "entropy": ("mean H", "entropy of the policy"),
    "kl": ("KL", "how far the policy is from the one that played, in nats"),
    "clipped": ("clipped", "share of samples whose ratio has left the clipping range"),
}


class Explained(Protocol):
    """The parts of PPO (`ppo.py`, with their types) that explanations use."""

    @property
    def discount(self) -> float: ...
    @property
    def clip(self) -> float: ...
    @property
    def epochs(self) -> int: ...
    @property
    def minibatches(self) -> int: ...
    @property
    def kl_stop(self) -> float: ...
    @property
    def kl_target(self) -> float: ...
    @property
    def gathered(self) -> int: ...
    def samples(self, policy: Any, steps: Steps) -> tuple[Any, Array]: ...
    def sampled(self, policy: Any, each: Array) -> Array: ...
    def cut(self, samples: Any, key: Key) -> Any: ...
    def terms(self, network: Any, batch: Any) -> tuple[Any, Array, Array, Array]: ...
    def begin_block(self) -> Array | None: ...
    def minibatch(self, carry: Any, batch: Any) -> tuple[Any, Metrics]: ...


@struct
class Record:
    """The steps of a minibatch (their numbers t × N + n) and their terms: [samples], or [T, samples].

    Where gradients of workers are gathered, they are those of the first worker, and `metrics` are means over all.
    """

    which: Array
    log_ratio: Array
    ratio: Array
    advantage: Array
    old: Array
    value: Array
    target: Array
    metrics: Metrics
    stopped: Array | None


def recorded(algorithm: Explained, state: Any, steps: Steps, key: Key) -> tuple[Any, Record, Array]:
    """The state before β is adapted, a record of each minibatch, and the explained variance of V(s)."""
    steps = state.policy.scales.normalize(steps)
    network = state.policy.networks
    whole, explained = algorithm.samples(network, steps)
    which = algorithm.sampled(network, jnp.arange(steps.reward.size).reshape(steps.reward.shape))

    def epoch(carry: Any, key: Key) -> tuple[Any, Record]:
        numbers = algorithm.cut(dataclasses.replace(whole, advantage=which), key).advantage
        return jax.lax.scan(minibatch, carry, (algorithm.cut(whole, key), numbers))

    def minibatch(carry: Any, now: tuple[Any, Array]) -> tuple[Any, Record]:
        networks = carry[0].policy.networks
        batch, numbers = jax.tree.map(lambda x: x[0], now) if algorithm.gathered else now
        found = networks.steps(batch)
        _, log_ratio, ratio, advantage = algorithm.terms(networks, found)
        after, metrics = algorithm.minibatch(carry, now[0])
        worth = networks.value_along(found.sequence)[0]
        old, target = found.log_probability, found.value_target
        return after, Record(
            networks.steps(numbers), log_ratio, ratio, advantage, old, worth, target, metrics, after[1]
        )

    keys = jax.random.split(key, algorithm.epochs)
    carry, records = jax.lax.scan(epoch, (state, algorithm.begin_block()), keys)
    return carry[0], jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), records), explained


_recorded = Program(recorded, for_seldom)


def explanation_of(algorithm: Explained, before: Any, steps: Steps, key: Key, after: Any) -> Explanation:
    """The explanation of an update of PPO or distributed PPO."""
    _, records, explained = _recorded(algorithm, before, steps, key)
    found, played = on_host(records), on_host(steps)
    number = algorithm.epochs * algorithm.minibatches
    penalty = None if before.penalty is None else float(before.penalty)
    updates = tuple(_update(algorithm, at(found, i), i, played, penalty) for i in some(number))
    quantities = [
        quantity("explained_variance", "1 - Var(R̂ - V) / Var(R̂)", explained, "how well V(s) predicted the targets")
    ]
    notes = []
    if algorithm.gathered:
        notes.append(translated("each gradient is the mean of {count} workers'; the samples are those of the first",
                                count=algorithm.gathered))  # fmt: skip
    if penalty is not None:
        grown = float(after.penalty)
        how = "stays" if grown == penalty else "grows" if grown > penalty else "falls"
        quantities.append(quantity("penalty", "β", penalty, "weight of the KL penalty in this block"))
        quantities.append(quantity("next_penalty", "β'", grown, f"weight in the next block: it {how}"))
    if len(updates) < number:
        notes.append(translated("{count:,} minibatches in the middle are left out", count=number - len(updates)))
    return Explanation(updates=updates, quantities=tuple(quantities), notes=tuple(notes))


def _update(algorithm: Explained, record: Record, place: int, played: Steps, penalty: float | None) -> GradientUpdate:
    def rows(x: Any) -> np.ndarray:
        """One sample after the other; of sequences [T, n], the steps of the first, then those of the next."""
        found = np.asarray(x)
        return found.swapaxes(0, 1).reshape(-1) if found.ndim > 1 else found

    environments = played.reward.shape[1]
    step, environment = np.divmod(rows(record.which), environments)
    raw = jax.tree.map(lambda x: x[step, environment], (played.observation, played.action))
    ratio, advantage, old, log_ratio = map(rows, (record.ratio, record.advantage, record.old, record.log_ratio))
    clip = float(algorithm.clip)
    clipped = np.abs(np.expm1(log_ratio)) > clip
    least = np.minimum(ratio * advantage, np.clip(ratio, 1 - clip, 1 + clip) * advantage)
    table = samples(
        [
            (NUMBER, step),
            (ENVIRONMENT, environment + 1 if environments > 1 else None),
            (STATE, raw[0]),
            (ACTION, raw[1]),
            (ADVANTAGE, advantage),
            (OLD, old),
            (NEW, old + log_ratio),
            (RATIO, ratio),
            (CLIPPED, clipped if penalty is None else None),
            (OBJECTIVE, least if penalty is None else ratio * advantage),
            (STILL, clipped & (least < ratio * advantage) if penalty is None else None),
            (STATE_VALUE, rows(record.value)),
            (TARGET, rows(record.target)),
        ]
    )
    epoch, minibatch = divmod(place, algorithm.minibatches)
    quantities = [quantity(name, symbol, record.metrics[name], meaning) for name, (symbol, meaning) in MEASURED.items()]
    notes = []
    if record.stopped is not None:
        far = f"{float(algorithm.kl_stop):g} × {float(algorithm.kl_target):g}"
        stopped = translated("KL is or was above {bound}: only the critic learns", bound=far)
        notes.append(stopped if record.stopped else translated("KL is below {bound}", bound=far))
    elif not is_on(algorithm.kl_stop) and penalty is not None:
        notes.append(translated("the objective is ρ Â less β = {penalty:.4g} times KL", penalty=penalty))
    equations = _equations(ratio[0], advantage[0], log_ratio[0], old[0], clip if penalty is None else None)
    title = translated("epoch {epoch} of {epochs}, minibatch {minibatch} of {minibatches}", epoch=epoch + 1,
                       epochs=algorithm.epochs, minibatch=minibatch + 1, minibatches=algorithm.minibatches)  # fmt: skip
    return GradientUpdate(title, table, equations, tuple(quantities), (), tuple(notes))


def _equations(ratio: Any, advantage: Any, log_ratio: Any, old: Any, clip: float | None) -> tuple[Equation, ...]:
    """The equations of one sample: its ratio, and its part of the objective."""
    change = Sign("exp[", "exp["), value("ln π", float(old) + float(log_ratio)), MINUS, value("ln π_old", old), CLOSE
    first = Equation("ρ", change, float(ratio), "=")
    if clip is None:
        product = value("ρ", ratio), TIMES, value("Â", advantage)
        return first, Equation("part", product, float(ratio) * float(advantage), "=")
    return first, clipped_equation(float(ratio), float(advantage), clip)


def clipped_equation(ratio: float, advantage: float, clip: float) -> Equation:
    """The clipped objective of one sample, with numbers."""
    within = min(max(ratio, 1 - clip), 1 + clip)
    right = (MIN, value("ρ", ratio), TIMES, value("Â", advantage), COMMA, value("clip(ρ)", within), TIMES,
             value("Â", advantage), END)  # fmt: skip
    return Equation("part", right, min(ratio * advantage, within * advantage), "=")
