"""Wrappers of environments: time limit, shaped rewards, discretised actions, views, action masks, autoreset.

The order is `AutoReset(TimeLimit(ShapedReward(DiscretizedActions(Pendulum(), 11), shape), 200))`: wrappers that change
the task are inside of the time limit, and those that handle the end of an episode are outside.
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
# observation -> action mask
MaskFunction: TypeAlias = Callable[[Any], Any]


class Wrapper:
    """The base of wrappers; by default, a wrapper has the spaces of the environment inside."""

    environment: Environment | TimedEnvironment

    @property
    def observation_space(self) -> gymnasium.Space[Any]:
        return self.environment.observation_space

    @property
    def action_space(self) -> gymnasium.Space[Any]:
        return self.environment.action_space

    def carry_over(self, ended: Tree, fresh: Tree) -> Tree:
        """Keep what the environment inside keeps between episodes; the wrapper's own state starts afresh."""
        if not isinstance(fresh, WrappedState):
            return carry_over(self.environment, ended, fresh)
        wrapped: Any = fresh
        return dataclasses.replace(wrapped, inner=carry_over(self.environment, ended.inner, fresh.inner))


@struct
class Clock:
    """The state of the environment inside, and the steps taken in this episode (int32 scalar)."""

    inner: Tree
    steps: Array


@configured
class TimeLimit(Wrapper):
    """Truncate an episode after `limit` steps (`truncated`, not `terminated`); a `limit` of 0 means never.

    As in Gymnasium, the last step of an episode may be both truncated and terminated.
    """

    environment: Environment
    limit: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.limit <= LARGEST_COUNT:  # steps are counted in 32 bits
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
    """The state of the environment inside, and its last observation."""

    inner: Tree
    observation: Array


@struct
class ShapedReward(Wrapper):
    """Replace the reward by one that is easier to learn from, computed by `shape` (see `shaping`).

    The task's own reward is in `info["reward"]`. Evaluation uses that one: `evaluation_environment` removes this
    wrapper. `shape` is static, so it must be hashable.
    """

    environment: Environment
    shape: Shape = static()

    @property
    def shape_name(self) -> str:
        """The name of `shape` for messages."""
        return str(getattr(self.shape, "__qualname__", type(self.shape).__name__))

    def reset(self, key: Key) -> tuple[Array, ShapedState]:
        observation, inner = self.environment.reset(key)
        return observation, ShapedState(inner, observation)

    def step(self, key: Key, state: ShapedState, action: Array) -> tuple[Array, ShapedState, Array, Array, Info]:
        observation, inner, reward, terminated, info = self.environment.step(key, state.inner, action)
        shaped = self.shape(state.observation, action, reward, terminated, observation)
        # If rewards are shaped twice, the innermost is the task's own, so an entry already in `info` is kept.
        return observation, ShapedState(inner, observation), shaped, terminated, {"reward": reward, **info}


def own_shaped_rewards(environment: Any) -> list[ShapedReward]:
    """The wrappers around an environment, from the outermost, whose shaped reward is a person's, not Zerone's."""
    found: list[ShapedReward] = []
    while isinstance(environment, Wrapping):
        if isinstance(environment, ShapedReward) and not is_of_zerone(environment.shape):
            found.append(environment)
        environment = environment.environment
    return found


def is_of_zerone(thing: Any) -> bool:
    """Whether a function, a class or an object of a class is a part of this library."""
    return str(getattr(thing, "__module__", None) or "").startswith("zerone.")


def evaluation_environment(environment: Any) -> Any:
    """The environment for evaluation: with the task's own reward, and in its final form if it changes over time."""
    if isinstance(environment, ShapedReward):
        return evaluation_environment(environment.environment)
    if isinstance(environment, Wrapping):
        wrapper: Any = environment
        return dataclasses.replace(wrapper, environment=evaluation_environment(environment.environment))
    return environment.evaluation_environment() if isinstance(environment, JudgedElsewhere) else environment


@configured
class DiscretizedActions(Wrapper):
    """Replace a one-dimensional continuous action by `count` values, evenly spaced from its lowest to its highest.

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
        """The continuous action, float32 [1], for `action`, an integer scalar in [0, count)."""
        space = self.environment.action_space
        if not isinstance(space, gymnasium.spaces.Box) or space.shape != (1,) or not np.isfinite(space.low[0]):
            raise InputError(
                translated("DiscretizedActions needs one bounded continuous action, not {space}", space=space)
            )
        low, high = float(space.low[0]), float(space.high[0])
        return jnp.reshape(low + action * ((high - low) / (self.count - 1)), (1,)).astype(jnp.float32)


@configured
class Viewed(Wrapper):
    """Set how observations are interpreted (one of `views.VIEWS`). Outside of all wrappers except `AutoReset`."""

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
    """Wrap an environment in `Viewed`; it is returned unchanged if `view` is how its observations are seen anyway.

    Raises:
        InputError: the view does not fit the observations, or would have no effect.
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
    """The state of the environment inside, and its action mask (bool [actions])."""

    inner: Tree
    mask: Array


@struct
class Masked(Wrapper):
    """Add an action mask at each step, from the environment itself or from a `function` of the observation.

    Outside of all wrappers except `AutoReset`. If no action is allowed although the episode continues, the next reward
    is NaN: a compiled program cannot raise an error, but the code that reads its results can.
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
        """The action mask of a state, bool [actions]."""
        return jnp.asarray(self.raw_mask(observation, inner)).astype(bool)

    def raw_mask(self, observation: Array, inner: Tree) -> Any:
        """The action mask as returned by the environment or the function, of any dtype."""
        return own_mask(self.environment, inner) if self.function is None else self.function(observation)


def mask_of(environment: Any, state: Tree) -> Any:
    """The action mask of a state or of states [N]; `()` if the environment is not `Masked`.

    A mask that allows nothing, as after the end of an episode, is replaced by one that allows everything.
    """
    return state.mask | ~state.mask.any(-1, keepdims=True) if isinstance(environment, Masked) else ()


@struct
class StepResult:
    """The result of a step with autoreset.

    `next_observation` belongs to the same episode, even if the step has ended it; learning uses it. `observation` is
    the one to act on next: the same, or the first of a new episode if the last one has ended.
    """

    next_observation: Array
    observation: Array
    reward: Array
    terminated: Array
    truncated: Array
    next_mask: Any = ()
    """The action mask that belongs to `next_observation`; `()` without masks."""


@configured
class AutoReset(Wrapper):
    """Start a new episode as soon as one has ended, without losing the last observation.

    The compiled engine uses it (`collect`), and a user's own loop can do so as well. Every step computes a reset,
    needed or not, and selects: under `vmap`, a branch would run both sides anyway. Drawing the reset inside of a scan
    is expensive (CartPole alone: 4.3 µs of CPU per step instead of 0.13 µs), so a loop should draw the resets of a
    whole block at once and pass each as `fresh`.
    """

    environment: TimedEnvironment

    def reset(self, key: Key) -> tuple[Array, Tree]:
        return self.environment.reset(key)

    def step(
        self, key: Key, state: Tree, action: Array, fresh: tuple[Array, Tree] | None = None
    ) -> tuple[Tree, StepResult]:
        """The state to continue from, and the result of the step, for one environment. Consumes `key`.

        `fresh` is the result of `reset` with another key; without it, a reset is drawn from `key`.
        """
        if fresh is None:
            key, reset_key = jax.random.split(key)
            fresh = self.environment.reset(reset_key)
        following, state, reward, terminated, truncated, _ = self.environment.step(key, state, action)
        over, next_mask = terminated | truncated, mask_of(self.environment, state)
        fresh = fresh[0], carry_over(self.environment, state, fresh[1])

        observation, state = jax.tree.map(lambda new, old: jnp.where(over, new, old), fresh, (following, state))
        return state, StepResult(following, observation, reward, terminated, truncated, next_mask)
