"""What can be put around any environment, each once: a clock, shaped rewards, discretised actions, autoreset.

From the inside out: `AutoReset(TimeLimit(ShapedReward(DiscretizedActions(Pendulum(), 11), shape), 200))`.
What an episode *is* goes inside the clock, what to do after one goes outside.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeAlias

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium import spaces

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.pytree import configured, setting, static, struct
from zerone.base.values import LARGEST_COUNT
from zerone.environments.base import (
    Array,
    Environment,
    Info,
    JudgedElsewhere,
    Key,
    TimedEnvironment,
    Tree,
    carry_over,
    own_mask,
)
from zerone.environments.gym.views import AUTO, FIRST, ROW, ViewedBox, first_view, view_of, viewed
from zerone.environments.wrapping import WrappedState, Wrapping

# (observation, action, reward, terminated, next observation) -> reward
Shape: TypeAlias = Callable[[Array, Array, Array, Array, Array], Array]
# observation -> which actions are allowed
MaskFunction: TypeAlias = Callable[[Any], Any]


class Wrapper:
    """What every wrapper has: the spaces of the environment inside, unless it says otherwise."""

    environment: Environment | TimedEnvironment

    @property
    def observation_space(self) -> gymnasium.Space[Any]:
        return self.environment.observation_space

    @property
    def action_space(self) -> gymnasium.Space[Any]:
        return self.environment.action_space

    def carry_over(self, ended: Tree, fresh: Tree) -> Tree:
        """What outlives an episode inside; a wrapper's own state starts again."""
        if not isinstance(fresh, WrappedState):
            return carry_over(self.environment, ended, fresh)
        wrapped: Any = fresh
        return dataclasses.replace(wrapped, inner=carry_over(self.environment, ended.inner, fresh.inner))


@struct
class Clock:
    """The state of the environment inside and the steps taken in this episode (int32)."""

    inner: Tree
    steps: Array


@configured
class TimeLimit(Wrapper):
    """Cut an episode after `limit` steps: `truncated`, never `terminated`. `limit` 0 never cuts.

    As in Gymnasium, the last step of an episode may be both truncated and terminated.
    """

    environment: Environment
    limit: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.limit <= LARGEST_COUNT:  # a clock counts in 32 bits
            raise InputError(
                translated(
                    "TimeLimit: limit = {limit} is not allowed: must be at least 0 and at most {most:,}",
                    limit=self.limit,
                    most=LARGEST_COUNT,
                )
            )

    def reset(self, key: Key) -> tuple[Array, Clock]:
        observation, inner = self.environment.reset(key)
        return observation, Clock(inner, jnp.int32(0))

    def step(self, key: Key, state: Clock, action: Array) -> tuple[Array, Clock, Array, Array, Array, Info]:
        observation, inner, reward, terminated, info = self.environment.step(key, state.inner, action)
        steps = state.steps + 1
        truncated = steps >= self.limit if self.limit else jnp.bool_(False)
        return observation, Clock(inner, steps), reward, terminated, truncated, info


@struct
class ShapedState:
    """The state of the environment inside and what was last observed there."""

    inner: Tree
    observation: Array


@struct
class ShapedReward(Wrapper):
    """Give the agent another reward, one easier to learn from: `shape` makes it (see `shaping`).

    The task's own reward stays in `info["reward"]`. An agent is judged by that one: `judged` takes the
    shaping away from an environment. `shape` is static, so it must be a function that can be hashed.
    """

    environment: Environment
    shape: Shape = static()

    def reset(self, key: Key) -> tuple[Array, ShapedState]:
        observation, inner = self.environment.reset(key)
        return observation, ShapedState(inner, observation)

    def step(self, key: Key, state: ShapedState, action: Array) -> tuple[Array, ShapedState, Array, Array, Info]:
        observation, inner, reward, terminated, info = self.environment.step(key, state.inner, action)
        shaped = self.shape(state.observation, action, reward, terminated, observation)
        # Shaped twice, the innermost reward is the real one: what `info` has already wins.
        return observation, ShapedState(inner, observation), shaped, terminated, {"reward": reward, **info}


def evaluation_environment(environment: Any) -> Any:
    """The same environment as an agent is judged in it: its own reward, and as it is at last where it changes."""
    if isinstance(environment, ShapedReward):
        return evaluation_environment(environment.environment)
    if isinstance(environment, Wrapping):
        wrapper: Any = environment
        return dataclasses.replace(wrapper, environment=evaluation_environment(environment.environment))
    return environment.evaluation_environment() if isinstance(environment, JudgedElsewhere) else environment


@configured
class DiscretizedActions(Wrapper):
    """Choose among `count` values, spread evenly from the lowest to the highest, of one continuous action.

    With bounds ±2, as in Pendulum, action a is the torque (a - (count-1)/2) / ((count-1)/4).
    """

    environment: Environment
    count: int = setting(11, "number of actions", at_least=2)

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        return gymnasium.spaces.Discrete(self.count)

    def reset(self, key: Key) -> tuple[Array, Tree]:
        return self.environment.reset(key)

    def step(self, key: Key, state: Tree, action: Array) -> tuple[Array, Tree, Array, Array, Info]:
        return self.environment.step(key, state, self.continuous(action))

    def continuous(self, action: Array) -> Array:
        """The action inside, float32 [1], that `action` (an integer scalar in [0, count)) stands for."""
        space = self.environment.action_space
        if not isinstance(space, gymnasium.spaces.Box) or space.shape != (1,) or not np.isfinite(space.low[0]):
            raise InputError(
                translated("DiscretizedActions needs one bounded continuous action, not {space}", space=space)
            )
        low, high = float(space.low[0]), float(space.high[0])
        return jnp.reshape(low + action * ((high - low) / (self.count - 1)), (1,)).astype(jnp.float32)


@configured
class Viewed(Wrapper):
    """Say how observations are seen, by a word of `views.VIEWS`. It goes around all else but `AutoReset`."""

    environment: TimedEnvironment
    view: str = AUTO

    @property
    def observation_space(self) -> gymnasium.Space[Any]:
        space = self.environment.observation_space
        return first_view(space) if self.view == FIRST else viewed(space, self.view)

    def carry_over(self, ended: Tree, fresh: Tree) -> Tree:
        return carry_over(self.environment, ended, fresh)

    def reset(self, key: Key) -> tuple[Array, Tree]:
        return self.environment.reset(key)

    def step(self, key: Key, state: Tree, action: Array) -> tuple[Array, Tree, Array, Array, Array, Info]:
        return self.environment.step(key, state, action)


def with_view(environment: TimedEnvironment, view: str) -> TimedEnvironment:
    """The environment, its observations seen by `view`; itself, where that is how they are seen anyway.

    Raises:
        InputError: they cannot be seen like that, or what is said would be ignored.
    """
    space = environment.observation_space
    if view == ROW:
        return environment
    if view == FIRST:
        same = not isinstance(space, spaces.Box) or view_of(space) == view_of(ViewedBox(space, FIRST))
        return environment if same else Viewed(environment, view)
    return environment if viewed(space, view) is space else Viewed(environment, view)


@struct
class MaskedState:
    """The state of what is inside, and which actions are allowed in it (bool [actions])."""

    inner: Tree
    mask: Array


@struct
class Masked(Wrapper):
    """Say at each step which actions are allowed: by the environment itself, or by a function of what it shows.

    It goes around all else but `AutoReset`. Where nothing is allowed though the episode goes on, the next reward is
    NaN: a program cannot stop, but who reads what came of it can say so.
    """

    environment: TimedEnvironment
    function: MaskFunction | None = static(None)

    def reset(self, key: Key) -> tuple[Array, MaskedState]:
        observation, inner = self.environment.reset(key)
        return observation, MaskedState(inner, self.allowed(observation, inner))

    def step(self, key: Key, state: MaskedState, action: Array) -> tuple[Array, MaskedState, Array, Array, Array, Info]:
        observation, inner, reward, terminated, truncated, info = self.environment.step(key, state.inner, action)
        reward = jnp.where(state.mask.any(), reward, jnp.nan)
        return observation, MaskedState(inner, self.allowed(observation, inner)), reward, terminated, truncated, info

    def allowed(self, observation: Array, inner: Tree) -> Array:
        """The mask of a state."""
        return jnp.asarray(self.said(observation, inner)).astype(bool)

    def said(self, observation: Array, inner: Tree) -> Any:
        """The same as it is said, of whatever type."""
        return own_mask(self.environment, inner) if self.function is None else self.function(observation)


def mask_of(environment: Any, state: Tree) -> Any:
    """Which actions may be chosen in a state, or in states [N]; `()` where nothing says so.

    Where nothing is allowed all are: after an end nothing is chosen any more.
    """
    return state.mask | ~state.mask.any(-1, keepdims=True) if isinstance(environment, Masked) else ()


@struct
class StepResult:
    """What a step led to, for learning and for going on.

    `next_observation` is the true one: of the same episode, even where the step has ended it. `observation`
    is the one to act on now: the same, or a new episode's first where the last has ended.
    """

    next_observation: Array
    observation: Array
    reward: Array
    terminated: Array
    truncated: Array
    next_mask: Any = ()
    """Which actions are allowed after the step, were the episode to go on; `()` where nothing says so."""


@configured
class AutoReset(Wrapper):
    """Go on with a new episode as soon as one has ended, without losing its last observation.

    The compiled engine plays through it (`collect`), and so can a loop of your own.
    Every step has a reset at hand, needed or not, and selects: a branch would run both sides under `vmap`
    anyway. Drawing one at every step inside a scan is what costs most (CartPole alone: 4.3 µs of CPU a step
    against 0.13 µs), so a driver should draw those of a whole block at once and pass each as `fresh`.
    """

    environment: TimedEnvironment

    def reset(self, key: Key) -> tuple[Array, Tree]:
        return self.environment.reset(key)

    def step(
        self, key: Key, state: Tree, action: Array, fresh: tuple[Array, Tree] | None = None
    ) -> tuple[Tree, StepResult]:
        """The state to go on from, and what the step led to. For one environment: `vmap` it. Consumes `key`.

        `fresh` is what `reset` returned for a key of its own; without it, one is drawn from `key`.
        """
        if fresh is None:
            key, reset_key = jax.random.split(key)
            fresh = self.environment.reset(reset_key)
        following, state, reward, terminated, truncated, _ = self.environment.step(key, state, action)
        over, next_mask = terminated | truncated, mask_of(self.environment, state)
        fresh = fresh[0], carry_over(self.environment, state, fresh[1])

        def select(new: Array, old: Array) -> Array:
            return jnp.where(over, new, old)

        observation, state = jax.tree.map(select, fresh, (following, state))
        return state, StepResult(following, observation, reward, terminated, truncated, next_mask)
