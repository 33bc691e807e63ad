"""Distributions over actions, from which a stochastic policy samples."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Protocol, Self

import jax
import jax.numpy as jnp

from zerone.base.pytree import struct
from zerone.parts.returns import pick

Array = jax.Array


class Distribution(Protocol):
    """A batch of distributions; the batch axes lead."""

    def noise(self, key: Array, shape: tuple[int, ...]) -> Array:
        """The random numbers of `shape` samples: [*shape, numbers of each]. Consumes `key`."""
        ...

    def sample(self, noise: Array) -> Array:
        """An action from each distribution: a deterministic function of `noise`."""
        ...

    def mode(self) -> Array:
        """The most probable action of each distribution: the greedy one."""
        ...

    def log_probability(self, action: Array) -> Array:
        """Ln π(a) of each action, without the action's own axis."""
        ...

    def entropy(self) -> Array:
        """-E ln π, in nats."""
        ...

    def divergence(self, other: Self) -> Array:
        """KL(self, other) = E_self[ln self - ln other] ≥ 0, in nats."""
        ...


@struct
class Categorical:
    """One of n actions. `logits` [..., n] are normalised log-probabilities (see `categorical`)."""

    logits: Array

    def noise(self, key: Array, shape: tuple[int, ...]) -> Array:
        return jax.random.gumbel(key, (*shape, self.logits.shape[-1]))

    def sample(self, noise: Array) -> Array:
        # The Gumbel-max trick (Gumbel 1954): the argmax of logits + Gumbel noise has their distribution.
        return (self.logits + noise).argmax(-1).astype(jnp.int32)

    def mode(self) -> Array:
        return self.logits.argmax(-1).astype(jnp.int32)

    def log_probability(self, action: Array) -> Array:
        return pick(self.logits, action)

    def entropy(self) -> Array:
        return -(jnp.exp(self.logits) * self.logits).sum(-1)

    def divergence(self, other: Self) -> Array:
        return (jnp.exp(self.logits) * (self.logits - other.logits)).sum(-1)


def categorical(scores: Array) -> Categorical:
    """The softmax distribution of unnormalised scores [..., n]."""
    return Categorical(jax.nn.log_softmax(scores))


@struct
class Choices:
    """Several independent choices: π(a) = Π_i π_i(a_i). Actions are int32 [..., k]."""

    parts: tuple[Categorical, ...]

    def noise(self, key: Array, shape: tuple[int, ...]) -> Array:
        return jax.random.gumbel(key, (*shape, sum(self._sizes)))

    def sample(self, noise: Array) -> Array:
        each = jnp.split(noise, list(itertools.accumulate(self._sizes))[:-1], -1)
        return jnp.stack([part.sample(mine) for part, mine in zip(self.parts, each, strict=True)], -1)

    def mode(self) -> Array:
        return jnp.stack([part.mode() for part in self.parts], -1)

    def log_probability(self, action: Array) -> Array:
        each = [part.log_probability(action[..., i]) for i, part in enumerate(self.parts)]
        return jnp.stack(each).sum(0)

    def entropy(self) -> Array:
        return jnp.stack([part.entropy() for part in self.parts]).sum(0)

    def divergence(self, other: Self) -> Array:
        each = [mine.divergence(its) for mine, its in zip(self.parts, other.parts, strict=True)]
        return jnp.stack(each).sum(0)

    @property
    def _sizes(self) -> list[int]:
        return [part.logits.shape[-1] for part in self.parts]


def choices(scores: Array, values: Sequence[int]) -> Choices:
    """A softmax for each choice i over its `values[i]` of the scores [..., sum of values]."""
    each = jnp.split(scores, list(itertools.accumulate(values))[:-1], -1)
    return Choices(tuple(categorical(mine) for mine in each))


@struct
class DiagonalNormal:
    """Independent normals: `mean` and `log_deviation`, both [..., d]. Nothing is clipped here: see `to_environment`."""

    mean: Array
    log_deviation: Array

    def noise(self, key: Array, shape: tuple[int, ...]) -> Array:
        return jax.random.normal(key, (*shape, self.mean.shape[-1]))

    def sample(self, noise: Array) -> Array:
        return self.mean + jnp.exp(self.log_deviation) * noise

    def mode(self) -> Array:
        return self.mean

    def log_probability(self, action: Array) -> Array:
        score = (action - self.mean) * jnp.exp(-self.log_deviation)
        return (-0.5 * score**2 - self.log_deviation - 0.5 * math.log(2 * math.pi)).sum(-1)

    def entropy(self) -> Array:
        return (self.log_deviation + 0.5 * math.log(2 * math.pi * math.e)).sum(-1)

    def divergence(self, other: Self) -> Array:
        # ln σ'/σ + (σ² + (μ - μ')²) / 2σ'² - ½, summed over the dimensions.
        wider = other.log_deviation - self.log_deviation
        apart = (self.mean - other.mean) * jnp.exp(-other.log_deviation)
        return (wider + 0.5 * (jnp.exp(-2.0 * wider) + apart**2 - 1.0)).sum(-1)
