"""Explanations of REINFORCE's updates: an episode's rewards, returns and weights, by the functions of `update`."""

from __future__ import annotations

from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.explanation import MINUS, PLUS, TIMES, Column, Equation, Explanation, GradientUpdate, Part
from zerone.algorithms.network_explanation import ACTION, REWARD, STATE, at, on_host, quantity, samples, value
from zerone.algorithms.policy_explanation import LOG_PROBABILITY, STATE_VALUE, SURPRISE
from zerone.algorithms.protocol import Array, Metrics, Steps
from zerone.base.compilation import Program, for_seldom
from zerone.base.language import translated
from zerone.base.pytree import struct
from zerone.parts.returns import Moments

NUMBER = Column("number", "t", "step of the episode")
RETURN = Column("return", "G", "discounted return from here to the end of the episode")
ABOVE = Column("advantage", "A", "how much better it went than the baseline expected")
WEIGHT = Column("weight", "w", "what ln π is weighted by: the return, less the baseline, normalised, as set")


class Explained(Protocol):
    """The parts of REINFORCE (`reinforce.py`, with their types) that explanations use."""

    @property
    def discount(self) -> float: ...
    @property
    def baseline(self) -> bool: ...
    @property
    def normalize(self) -> bool: ...
    @property
    def discount_steps(self) -> bool: ...
    @property
    def environments(self) -> int: ...
    @property
    def longest_episode(self) -> int: ...
    @property
    def rows(self) -> int: ...
    def with_step(self, state: Any, steps: Steps) -> tuple[Any, Steps, Array]: ...
    def ends(self, scales: Any, policy: Any, episodes: Any, last: Steps, over: Array) -> tuple[Any, Array, Array]: ...
    def part(self, scales: Any, episodes: Any, ends: Any, index: Array, later: Array) -> Any: ...
    def weights(self, policy: Any, part: Any) -> Array: ...
    def terms(self, policy: Any, part: Any) -> tuple[Any, Array, Array]: ...
    def weighted(self, error: Array, part: Any, moments: Moments) -> Array: ...
    def gradient(self, policy: Any, episodes: Any, last: Steps, over: Array) -> tuple[Any, Metrics]: ...
    def apply(self, policy: Any, optimizer: Any, gradient: Any) -> tuple[Any, Any]: ...


@struct
class Record:
    """The terms of the episodes' steps, leaves [parts × rows, N]. A step may be repeated, but is `inside` once."""

    step: Array
    inside: Array
    reward: Array
    observation: Array
    action: Array
    returns: Array
    error: Array
    weight: Array
    log_probability: Array


def recorded(algorithm: Explained, state: Any, steps: Steps) -> tuple[Any, Array, Metrics, Record]:
    """The policy after the update, which episodes have ended (bool [N]), metrics, and the terms of their steps."""
    episodes, last, over = algorithm.with_step(state, steps)
    scales, _ = state.policy.scales.updated(steps, algorithm.discount, state.returns)
    scaled, policy = state.policy.scaled_by(scales), state.policy.networks
    ends, _, _ = algorithm.ends(scales, policy, episodes, last, over)
    number, nothing = -(-algorithm.longest_episode // algorithm.rows), jnp.zeros(algorithm.environments)
    moments = Moments.none(algorithm.environments)

    def measure(carry: tuple[Array, Moments], index: Array) -> tuple[tuple[Array, Moments], None]:
        part = algorithm.part(scales, episodes, ends, index, carry[0])
        return (part.later, carry[1].and_of(algorithm.weights(policy, part), part.inside)), None

    def keep(later: Array, index: Array) -> tuple[Array, Record]:
        part = algorithm.part(scales, episodes, ends, index, later)
        _, log_probability, error = algorithm.terms(policy, part)
        row = jnp.minimum(part.step, algorithm.longest_episode - 1)[:, 0]
        raw, reward = episodes.observation[row], scales.scale_reward(episodes.reward[row])
        return part.later, Record(
            jnp.broadcast_to(part.step, part.inside.shape), part.inside, reward, raw, part.action, part.returns, error,
            algorithm.weighted(error, part, moments), log_probability,
        )  # fmt: skip

    backwards = jnp.arange(number)[::-1]
    if algorithm.normalize:
        moments = jax.lax.scan(measure, (nothing, moments), backwards)[0][1]
    records = jax.lax.scan(keep, nothing, backwards)[1]
    gradient, metrics = algorithm.gradient(scaled, episodes, last, over)
    after = algorithm.apply(scaled, state.optimizer, gradient)[0]
    rows = jax.tree.map(lambda x: x[::-1].reshape(-1, *x.shape[2:]), records)
    return after, over, metrics, rows


_recorded = Program(recorded, for_seldom)


def explanation_of(algorithm: Explained, before: Any, steps: Steps) -> Explanation:
    """The explanation of an update of REINFORCE."""
    going = np.asarray(before.ongoing.length) + 1
    found = on_host(steps)
    over = (found.terminated | found.truncated)[0] | (going == algorithm.longest_episode)
    if not over.any():
        count = int(going[0])
        one = translated("nothing is learnt before the episode's end: 1 step of it is remembered until then")
        several = translated(
            "nothing is learnt before the episode's end: {count:,} steps of it are remembered until then", count=count
        )
        return Explanation(notes=(one if count == 1 else several,))
    _, _, metrics, records = on_host(_recorded(algorithm, before, steps))
    first = int(np.flatnonzero(over)[0])
    mine = jax.tree.map(lambda x: x[:, first], records)
    episode = at(mine, np.flatnonzero(mine.inside))
    notes = []
    if over.sum() > 1:
        notes.append(
            translated(
                "{count} episodes end with this step: the gradient is the mean of theirs; this is the first",
                count=over.sum(),
            )
        )
    if not found.terminated[0, first]:
        notes.append("the episode was cut: " + (
            "V(s') of its last step stands for what would have followed" if algorithm.baseline
            else "what would have followed is not known, and counts as 0"))  # fmt: skip
    return Explanation(updates=(_update(algorithm, episode, metrics),), notes=tuple(notes))


def _update(algorithm: Explained, episode: Record, metrics: Metrics) -> GradientUpdate:
    worth = episode.returns - episode.error if algorithm.baseline else None
    table = samples(
        [
            (NUMBER, episode.step),
            (STATE, episode.observation),
            (ACTION, episode.action),
            (REWARD, episode.reward),
            (RETURN, episode.returns),
            (STATE_VALUE, worth),
            (ABOVE, episode.error if algorithm.baseline else None),
            (WEIGHT, episode.weight),
            (LOG_PROBABILITY, episode.log_probability),
            (SURPRISE, -episode.log_probability),
            (Column("loss", "L", "its part of the loss: -w ln π"), -episode.weight * episode.log_probability),
        ]
    )
    number = len(episode.step)
    quantities = [
        quantity("policy_loss", "Σ -w ln π", metrics["policy_loss"], "loss of the policy"),
        quantity("entropy", "mean H", metrics["entropy"], "entropy of the policy"),
        quantity("discounted_return", "G_0", metrics["discounted_return"], "discounted return of the episode"),
    ]
    if algorithm.baseline:
        quantities.append(quantity("value_loss", "mean A²", metrics["value_loss"], "loss of the baseline, twice"))
    several = translated("the episode is over: {count:,} steps", count=number)
    title = translated("the episode is over: 1 step") if number == 1 else several
    return GradientUpdate(title, table, _equations(algorithm, episode), tuple(quantities))


def _equations(algorithm: Explained, episode: Record) -> tuple[Equation, ...]:
    """The equations of the episode's first step."""
    reward, gain, weight, log_probability = (
        float(x[0]) for x in (episode.reward, episode.returns, episode.weight, episode.log_probability)
    )
    right: tuple[Part, ...] = (value("R", reward),)
    if len(episode.returns) > 1:
        right = *right, PLUS, value("γ", algorithm.discount), TIMES, value("G_1", episode.returns[1])
    found = [Equation("G_0", right, gain, "=")] if len(episode.returns) > 1 else []
    if algorithm.baseline:
        error = float(episode.error[0])
        found.append(Equation("A_0", (value("G_0", gain), MINUS, value("V(s)", gain - error)), error, "="))
    found.append(
        Equation("L_0", (value("-w", -weight), TIMES, value("ln π(a|s)", log_probability)), -weight * log_probability,
                 "=")
    )  # fmt: skip
    return tuple(found)
