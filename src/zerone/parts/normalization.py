"""Normalisation of observations and rewards by running statistics of all steps.

    observation   on:    (s - mean) / deviation, within ±10
                  auto:  the same, but deviations from 0.3 to 1 and means within ±1 are left as they are,
                         and others are moved to the nearest of these bounds
    reward        r / deviation of the discounted returns G ← γ G + r, which begin at 0 in each episode

The reason for `auto`: mean and deviation change while a policy learns, and with them every normalised observation. On
CartPole, whose observations need no normalisation, PPO learns half as much with `on`. Numbers within the bounds stay
the same.

All steps so far count, each once. Welford 1962 (doi 10.1080/00401706.1962.10490022) adds one number
to a mean and a variance, Chan, Golub & LeVeque 1983 (doi 10.1080/00031305.1983.10483115) add two sets of them, so that
blocks of steps, environments and workers go together exactly. The reward's rule is that of OpenAI's Baselines (2017).
"""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol, TypeVar

import jax
import jax.numpy as jnp

from zerone.base.pytree import configured, setting, static, struct
from zerone.base.sums import Sum
from zerone.environments.gym.views import Space
from zerone.environments.spaces import Spaces
from zerone.parts.layers import Features

Array = jax.Array

LIMIT = 10.0
"""Normalised observations are within ± this many deviations."""
NOISE = 1e-6
"""A deviation below this fraction of the mean is rounding error, and is not scaled up to 1."""
LARGEST = 1e18
"""Distances from the mean are clipped to this: its square is still finite in float32."""
ROWS = 64
"""Observations that are summed plainly; a plain sum of more would lose too much to rounding."""


def on_a_scale(space: Space) -> bool:
    """Whether observations need no normalisation: they are one-hot, pictures, or scaled by their bounds."""
    view = Features.of_space(space).view
    return view is None or view.picture is not None or view.scale != 1


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The target scale of observations: deviations from `least` to `most`, means within ± `mean`."""

    least: float
    most: float
    mean: float


WANTED = {"on": Wanted(1.0, 1.0, 0.0), "auto": Wanted(0.3, 1.0, 1.0)}
"""The target scale of each choice of `normalize_observations`, besides off."""


@configured
class NormalizationSettings:
    """The settings of an algorithm that can normalise observations and rewards."""

    normalize_observations: str = setting(
        "auto",
        "bring observations to mean 0 and standard deviation 1 (on), or only those that are far from it (auto)",
        choices=("off", *WANTED),
    )
    normalize_rewards: bool = setting(
        False, "learn from rewards divided by the deviation of their discounted returns, over all steps"
    )


class Played(Protocol):
    """Steps, as `protocol.Steps` has them: leaves [T, N, ...]."""

    @property
    def observation(self) -> Array: ...
    @property
    def reward(self) -> Array: ...
    @property
    def next_observation(self) -> Array: ...
    @property
    def terminated(self) -> Array: ...
    @property
    def truncated(self) -> Array: ...


Batch = TypeVar("Batch")
"""Steps or transitions: anything with `observation`, `next_observation` and `reward`."""


@struct
class Statistics:
    """The number of rows counted (int32), and the mean and the (population) variance of each column.

    Both are compensated sums: a new block changes them less and less, and long before 10⁹ steps plain float32 would
    round the change away.
    """

    count: Array
    mean: Sum
    variance: Sum

    @staticmethod
    def none(shape: tuple[int, ...]) -> Statistics:
        """The statistics of no rows."""
        return Statistics(jnp.int32(0), Sum.zero(*shape), Sum.zero(*shape))

    @staticmethod
    def of_rows(x: Array) -> Statistics:
        """The statistics of the rows of `x` [number, ...]."""
        x = x.astype(jnp.float32)
        whole = x.shape[0] // ROWS * ROWS
        if whole == 0:
            return Statistics._of_few_rows(x)

        def add(found: Statistics, rows: Array) -> tuple[Statistics, None]:
            return found.merged(Statistics._of_few_rows(rows)), None

        parts = x[:whole].reshape(-1, ROWS, *x.shape[1:])
        found: Statistics = jax.lax.scan(add, Statistics.none(x.shape[1:]), parts)[0]
        return found if whole == x.shape[0] else found.merged(Statistics._of_few_rows(x[whole:]))

    @staticmethod
    def _of_few_rows(x: Array) -> Statistics:
        away = jnp.clip(x - x[:1], -LARGEST, LARGEST)
        mean = away.mean(0, keepdims=True)
        variance = jnp.square(jnp.clip(away - mean, -LARGEST, LARGEST)).mean(0)
        nothing = jnp.zeros_like(variance)
        return Statistics(jnp.int32(x.shape[0]), Sum(x[0], nothing).plus(mean[0]), Sum(variance, nothing))

    def merged(self, other: Statistics) -> Statistics:
        """The statistics of the rows of both (Chan, Golub & LeVeque 1983, eq. 2.1)."""
        count = self.count + other.count
        share = other.count / jnp.maximum(count, 1)
        distance = (other.mean.value - self.mean.value) + (other.mean.rest - self.mean.rest)
        wider = (other.variance.value - self.variance.value) + (other.variance.rest - self.variance.rest)
        variance = share * (wider + (1 - share) * jnp.square(jnp.clip(distance, -LARGEST, LARGEST)))
        both = Statistics(count, self.mean.plus(share * distance), self.variance.plus(variance))
        first = self.count == 0  # a sum with the first mean would round small means away
        merged: Statistics = jax.tree.map(lambda theirs, ours: jnp.where(first, theirs, ours), other, both)
        return merged

    @property
    def deviation(self) -> Array:
        """The standard deviation of each column; 0 where all its numbers were equal."""
        return jnp.sqrt(jnp.maximum(self.variance.value, 0.0))

    def constants(self, wanted: Wanted) -> tuple[Array, Array, Array, Array]:
        """The mean, unit, scale and middle of each column, as `normalize` uses them."""
        mean, deviation = self.mean.value, self.deviation
        varied = deviation > 0
        unit = jnp.where(varied, jnp.maximum(deviation, NOISE * jnp.abs(mean)), 1.0)
        scale = jnp.clip(unit, wanted.least, wanted.most)
        middle = jnp.clip(mean * scale / unit, -wanted.mean, wanted.mean)
        return mean, unit, jnp.where(varied, scale, 0.0), jnp.where(varied, middle, 0.0)

    def normalize(self, x: Array, wanted: Wanted) -> Array:
        """`x` [..., columns] on the target scale: middle + scale (x - mean) / unit, within ±10 units; float32.

        A column whose numbers were all equal becomes 0, because no policy has learnt from another value. So do all
        columns before any row is counted.
        """
        mean, unit, scale, middle = (jnp.broadcast_to(each, x.shape) for each in self.constants(wanted))
        away = jnp.clip(x.astype(jnp.float32) - mean, -LARGEST, LARGEST) / unit
        return middle + scale * jnp.clip(away, -LIMIT, LIMIT)


@struct
class Returns:
    """The discounted returns of unfinished episodes, float32 [N]; None where rewards are not normalised."""

    ongoing: Array | None = None

    @staticmethod
    def initial(settings: NormalizationSettings, environments: int) -> Returns:
        """The returns before the first step: zeros [N], or None."""
        return Returns(jnp.zeros(environments) if settings.normalize_rewards else None)

    def discounted(self, steps: Played, discount: Array | float) -> tuple[Array, Returns]:
        """The discounted return G ← γ G + r at each of the steps [T, N], and the returns after them."""

        def one(before: Array, step: tuple[Array, Array]) -> tuple[Array, Array]:
            reward, over = step
            now = discount * before + reward
            return jnp.where(over, 0.0, now), now

        begun = jnp.zeros(steps.reward.shape[1:]) if self.ongoing is None else self.ongoing
        after, each = jax.lax.scan(one, begun, (steps.reward, steps.terminated | steps.truncated))
        return each, Returns(after)


@struct
class Scales:
    """The running statistics by which a policy normalises; None for what it does not normalise.

    They are not parameters: they have no gradient, moments or target network, and every step counts in them.
    """

    observation: Statistics | None = None
    """The statistics of all observations S_t from which an action was chosen."""
    reward: Statistics | None = None
    """The statistics of the discounted returns at all steps."""
    how: str = static(default="off")
    """The value of `normalize_observations`."""
    pictures: tuple[tuple[int, int], ...] = static(default=())
    """Where pictures begin and end in a row of numbers; they are not normalised."""

    @staticmethod
    def initial(settings: NormalizationSettings, spaces: Spaces) -> Scales:
        """The scales before the first step, by these settings; with everything off, empty ones."""
        reward = Statistics.none(()) if settings.normalize_rewards else None
        if settings.normalize_observations == "off" or on_a_scale(spaces.observation):
            return Scales(reward=reward)
        pictures = tuple((each.begin, each.end) for each in Features.of_space(spaces.observation).pictures)
        observation = Statistics.none(spaces.observation.shape or ())
        return Scales(observation, reward, settings.normalize_observations, pictures)

    def normalize_observation(self, observation: Array) -> Array:
        """Observations with any leading axes as networks take them: normalised as `normalize_observations` says."""
        if self.observation is None:
            return observation
        seen = self.observation.normalize(observation, WANTED[self.how])
        for begin, end in self.pictures:
            seen = seen.at[..., begin:end].set(observation[..., begin:end])
        return seen

    def normalize(self, batch: Batch) -> Batch:
        """Steps or transitions as algorithms learn from them: observations normalised, rewards scaled."""
        normalized: Any = batch
        if self.observation is not None:
            now, after = (self.normalize_observation(x) for x in (normalized.observation, normalized.next_observation))
            normalized = dataclasses.replace(normalized, observation=now, next_observation=after)
        if self.reward is not None:
            normalized = dataclasses.replace(normalized, reward=self.scale_reward(normalized.reward))
        result: Batch = normalized
        return result

    def scale_reward(self, reward: Array) -> Array:
        """Rewards, or sums of them, as algorithms learn from them: never clipped, so the best policy stays the best."""
        scaled: Array = reward if self.reward is None else reward / self.reward_unit
        return scaled

    @property
    def reward_unit(self) -> Array:
        """How much reward of the task a scaled reward of 1 stands for, float32."""
        deviation = jnp.float32(1) if self.reward is None else self.reward.deviation
        unit: Array = jnp.where(deviation > 0, deviation, 1.0)
        return unit

    def updated(self, steps: Played, discount: Array | float, returns: Returns) -> tuple[Scales, Returns]:
        """The scales with these steps [T, N] counted as well, and the discounted returns after them."""
        if self.observation is None and self.reward is None:
            return self, returns
        measured, returns = self.measured(steps, discount, returns)
        return self.merged(measured), returns

    def measured(self, steps: Played, discount: Array | float, returns: Returns) -> tuple[Scales, Returns]:
        """The scales of these steps [T, N] alone, of what is normalised, and the discounted returns after them."""
        observation = reward = None
        if self.observation is not None:
            observation = Statistics.of_rows(steps.observation.reshape(-1, *steps.observation.shape[2:]))
        if self.reward is not None:
            each, returns = returns.discounted(steps, discount)
            reward = Statistics.of_rows(each.reshape(-1))
        return dataclasses.replace(self, observation=observation, reward=reward), returns

    def merged(self, other: Scales) -> Scales:
        """The scales of the steps of both together."""
        observation = reward = None
        if self.observation is not None and other.observation is not None:
            observation = self.observation.merged(other.observation)
        if self.reward is not None and other.reward is not None:
            reward = self.reward.merged(other.reward)
        return dataclasses.replace(self, observation=observation, reward=reward)
