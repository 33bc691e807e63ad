"""Observations and rewards on a scale of their own, learnt from every step: what a network is given is near 0 and 1.

    observation   on:    (s - mean) / deviation, within ±10
                  auto:  the same, but a deviation from 0.3 to 1 and a mean within ±1 stay as they are
                         and others are brought to the nearest of these bounds
    reward        r / deviation of the discounted returns G ← γ G + r, which begin at 0 in each episode

Why there is `auto`: mean and deviation change while a policy learns, and with them what an observation looks like. On
CartPole, whose numbers need nothing, PPO learns half as much of it so. What stays as it is does not change.

Both follow from all steps so far, each counted once. Welford 1962 (doi 10.1080/00401706.1962.10490022) adds one number
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
from zerone.parts.features import Features

Array = jax.Array

LIMIT = 10.0
"""Normalised observations are within ± this many deviations."""
NOISE = 1e-6
"""A deviation smaller than this part of the mean is rounding: it is not made larger than 1."""
LARGEST = 1e18
"""What is further from the mean counts as this: its square is still a float32."""
ROWS = 64
"""Observations of which sums are plain: those of more would round too often."""


def on_a_scale(space: Space) -> bool:
    """Whether observations need no normalising: what is counted one-hot, a picture, or scaled by its bounds."""
    view = Features.of(space).view
    return view is None or view.picture is not None or view.scale != 1


@dataclasses.dataclass(frozen=True)
class Wanted:
    """On which scale observations are wanted: deviations from `least` to `most`, means within ± `mean`."""

    least: float
    most: float
    mean: float


WANTED = {"on": Wanted(1.0, 1.0, 0.0), "auto": Wanted(0.3, 1.0, 1.0)}
"""What the choices of `normalize_observations` mean, besides off."""


@configured
class NormalizationSettings:
    """The settings of an algorithm that can normalise."""

    normalize_observations: str = setting(
        "auto",
        "bring observations to mean 0 and deviation 1 (on), or only what is far from that (auto)",
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


PlayedT = TypeVar("PlayedT", bound=Played)
Batch = TypeVar("Batch")
"""Steps or transitions: whatever has the observation before and after, and a reward."""


@struct
class Statistics:
    """How many were counted (int32), and of each of their numbers the mean and the variance, which is that of all.

    Both are kept with what was rounded away of them. What a new block changes in them is ever less, and in plain
    float32 would be nothing at all long before 10⁹ steps.
    """

    count: Array
    mean: Sum
    variance: Sum

    @staticmethod
    def none(shape: tuple[int, ...]) -> Statistics:
        """Nothing was counted yet."""
        return Statistics(jnp.int32(0), Sum.zero(*shape), Sum.zero(*shape))

    @staticmethod
    def of(x: Array) -> Statistics:
        """Those of `x` [number, ...]."""
        x = x.astype(jnp.float32)
        whole = x.shape[0] // ROWS * ROWS
        if whole == 0:
            return Statistics._of_few(x)

        def add(found: Statistics, rows: Array) -> tuple[Statistics, None]:
            return found.merged(Statistics._of_few(rows)), None

        parts = x[:whole].reshape(-1, ROWS, *x.shape[1:])
        found: Statistics = jax.lax.scan(add, Statistics.none(x.shape[1:]), parts)[0]
        return found if whole == x.shape[0] else found.merged(Statistics._of_few(x[whole:]))

    @staticmethod
    def _of_few(x: Array) -> Statistics:
        away = jnp.clip(x - x[:1], -LARGEST, LARGEST)
        mean = away.mean(0, keepdims=True)
        variance = jnp.square(jnp.clip(away - mean, -LARGEST, LARGEST)).mean(0)
        nothing = jnp.zeros_like(variance)
        return Statistics(jnp.int32(x.shape[0]), Sum(x[0], nothing).plus(mean[0]), Sum(variance, nothing))

    def merged(self, other: Statistics) -> Statistics:
        """Those of both together."""
        count = self.count + other.count
        share = other.count / jnp.maximum(count, 1)
        distance = (other.mean.value - self.mean.value) + (other.mean.rest - self.mean.rest)
        wider = (other.variance.value - self.variance.value) + (other.variance.rest - self.variance.rest)
        variance = share * (wider + (1 - share) * jnp.square(jnp.clip(distance, -LARGEST, LARGEST)))
        both = Statistics(count, self.mean.plus(share * distance), self.variance.plus(variance))
        first = self.count == 0  # or what is small beside the first mean would be rounded away
        merged: Statistics = jax.tree.map(lambda theirs, ours: jnp.where(first, theirs, ours), other, both)
        return merged

    @property
    def deviation(self) -> Array:
        """The standard deviation of each number; 0 where it was always the same."""
        return jnp.sqrt(jnp.maximum(self.variance.value, 0.0))

    def constants(self, wanted: Wanted) -> tuple[Array, Array, Array, Array]:
        """The mean, the unit, the scale and the middle by which each number is normalised; see there."""
        mean, deviation = self.mean.value, self.deviation
        varied = deviation > 0
        unit = jnp.where(varied, jnp.maximum(deviation, NOISE * jnp.abs(mean)), 1.0)
        scale = jnp.clip(unit, wanted.least, wanted.most)
        middle = jnp.clip(mean * scale / unit, -wanted.mean, wanted.mean)
        return mean, unit, jnp.where(varied, scale, 0.0), jnp.where(varied, middle, 0.0)

    def normalize(self, x: Array, wanted: Wanted) -> Array:
        """`x` on the scale that is wanted; 0 where all numbers so far were the same, as nothing was learnt of others.

        So before anything was counted all is 0.
        """
        mean, unit, scale, middle = (jnp.broadcast_to(each, x.shape) for each in self.constants(wanted))
        away = jnp.clip(x.astype(jnp.float32) - mean, -LARGEST, LARGEST) / unit
        return middle + scale * jnp.clip(away, -LIMIT, LIMIT)


@struct
class Returns:
    """The discounted returns so far of the episodes going on, float32 [N]; None where rewards are not normalised."""

    ongoing: Array | None = None

    @staticmethod
    def begun(settings: NormalizationSettings, environments: int) -> Returns:
        """Those of episodes that begin."""
        return Returns(jnp.zeros(environments) if settings.normalize_rewards else None)

    def followed(self, steps: Played, discount: Array | float) -> tuple[Array, Returns]:
        """The discounted return at each of the steps [T, N], and those after them."""

        def one(before: Array, step: tuple[Array, Array]) -> tuple[Array, Array]:
            reward, over = step
            now = discount * before + reward
            return jnp.where(over, 0.0, now), now

        begun = jnp.zeros(steps.reward.shape[1:]) if self.ongoing is None else self.ongoing
        after, each = jax.lax.scan(one, begun, (steps.reward, steps.terminated | steps.truncated))
        return each, Returns(after)


@struct
class Scales:
    """The scales of a task as a policy has seen them; None where nothing is normalised.

    They are no parameters: they have no gradient, no moments and no target, and every step counts in them.
    """

    observation: Statistics | None = None
    """Of all observations S_t from which an action was chosen."""
    reward: Statistics | None = None
    """Of the discounted returns at all steps."""
    how: str = static(default="off")
    """What `normalize_observations` chooses."""
    pictures: tuple[tuple[int, int], ...] = static(default=())
    """Where in a row of numbers pictures begin and end, which are on a scale of their own."""

    @staticmethod
    def begun(settings: NormalizationSettings, spaces: Spaces) -> Scales:
        """Before the first step."""
        how = "off" if on_a_scale(spaces.observation) else settings.normalize_observations
        observation = None if how == "off" else Statistics.none(spaces.observation.shape or ())
        reward = Statistics.none(()) if settings.normalize_rewards else None
        pictures = Features.of(spaces.observation).pictures
        return Scales(observation, reward, how, tuple((each.begin, each.end) for each in pictures))

    def see(self, observation: Array) -> Array:
        """Observations as networks are given them."""
        if self.observation is None:
            return observation
        seen = self.observation.normalize(observation, WANTED[self.how])
        for begin, end in self.pictures:
            seen = seen.at[..., begin:end].set(observation[..., begin:end])
        return seen

    def normalized(self, batch: Batch) -> Batch:
        """Steps or transitions as they are learnt from."""
        found: Any = batch
        if self.observation is not None:
            seen, following = self.see(found.observation), self.see(found.next_observation)
            found = dataclasses.replace(found, observation=seen, next_observation=following)
        if self.reward is not None:
            found = dataclasses.replace(found, reward=self.scaled(found.reward))
        normalized: Batch = found
        return normalized

    def scaled(self, reward: Array) -> Array:
        """Rewards, or sums of them, as they are learnt from: never clipped, so the best policy stays the best."""
        scaled: Array = reward if self.reward is None else reward / self.reward_unit
        return scaled

    @property
    def reward_unit(self) -> Array:
        """How much reward one of those that are learnt from stands for."""
        deviation = jnp.float32(1) if self.reward is None else self.reward.deviation
        unit: Array = jnp.where(deviation > 0, deviation, 1.0)
        return unit

    def of(self, steps: Played, discount: Array | float, returns: Returns) -> tuple[Scales, Returns]:
        """The scales of these steps [T, N] alone, in as far as there are any, and the returns after them."""
        observation = reward = None
        if self.observation is not None:
            observation = Statistics.of(steps.observation.reshape(-1, *steps.observation.shape[2:]))
        if self.reward is not None:
            each, returns = returns.followed(steps, discount)
            reward = Statistics.of(each.reshape(-1))
        return dataclasses.replace(self, observation=observation, reward=reward), returns

    def merged(self, other: Scales) -> Scales:
        """Those of both together."""
        observation = reward = None
        if self.observation is not None and other.observation is not None:
            observation = self.observation.merged(other.observation)
        if self.reward is not None and other.reward is not None:
            reward = self.reward.merged(other.reward)
        return dataclasses.replace(self, observation=observation, reward=reward)

    def learnt(self, steps: PlayedT, discount: Array | float, returns: Returns) -> tuple[PlayedT, Scales, Returns]:
        """Steps that were played with these scales, as they are learnt from; their own scales; the returns after them.

        So the probabilities of the policy that played are what they were, and learning from a part of the steps needs
        nothing of the others.
        """
        found, returns = self.of(steps, discount, returns)
        return self.normalized(steps), found, returns
