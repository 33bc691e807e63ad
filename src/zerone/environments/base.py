"""What an environment is: the task alone, as two pure functions.

An environment knows no clock and never resets itself. `TimeLimit` (see `wrappers`) adds the clock and
with it `truncated`; the driver of an engine resets, so the true last observation is never lost.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import jax

from zerone.base.errors import InputError
from zerone.environments.wrapping import WrappedState, Wrapping

if TYPE_CHECKING:
    import gymnasium

Array: TypeAlias = jax.Array
Key: TypeAlias = jax.Array
Tree: TypeAlias = Any
Info: TypeAlias = dict[str, Array]

NO_MASK = "off"
"""What is said where no action mask is wanted."""


class Environment(Protocol):
    """A task. Implementations are `@configured` classes: their constants are leaves, their sizes static."""

    @property
    def observation_space(self) -> gymnasium.Space[Any]:
        """What `reset` and `step` return as the observation."""
        ...

    @property
    def action_space(self) -> gymnasium.Space[Any]:
        """What `step` takes as the action."""
        ...

    def reset(self, key: Key) -> tuple[Array, Tree]:
        """First observation and state of an episode. Consumes `key`."""
        ...

    def step(self, key: Key, state: Tree, action: Array) -> tuple[Array, Tree, Array, Array, Info]:
        """One step: `(observation, state, reward, terminated, info)`. Consumes `key`.

        `reward` is a float32 scalar, `terminated` a bool scalar: the task itself has ended, so nothing is
        worth anything after it. What `info` holds is for people; no algorithm reads it.
        """
        ...


@runtime_checkable
class Persistent(Protocol):
    """An environment in which something outlives an episode; one without `carry_over` forgets everything."""

    def carry_over(self, ended: Tree, fresh: Tree) -> Tree:
        """The state in which the next episode begins: `fresh`, as `reset` drew it, with what outlives `ended`.

        The first observation is what `reset` returned, so it must not depend on what is carried over.
        """
        ...


@runtime_checkable
class JudgedElsewhere(Protocol):
    """An environment that changes while an agent learns, and has another one in which the agent is judged."""

    def evaluation_environment(self) -> Environment:
        """The environment in which an agent is judged, where every episode begins from `reset` alone."""
        ...


@runtime_checkable
class HasGoal(Protocol):
    """An environment with a goal that a person can move while an episode goes on."""

    def move_goal(self, state: Tree, x: Array, y: Array) -> Tree:
        """The state with its goal at (x, y), in the environment's own coordinates."""
        ...


@runtime_checkable
class MasksActions(Protocol):
    """An environment that says which of its actions are allowed."""

    def action_mask(self, state: Tree) -> Array:
        """Which are in a state: bool [actions]. At least one, unless the episode is over."""
        ...


def own_mask(environment: Any, state: Tree) -> Array | None:
    """Which actions `environment`, which may be wrapped, allows in a state; None where it does not say."""
    if isinstance(environment, MasksActions):
        return environment.action_mask(state)
    if not isinstance(environment, Wrapping):
        return None
    return own_mask(environment.environment, state.inner if isinstance(state, WrappedState) else state)


def says_allowed(environment: Any) -> bool:
    """Whether `environment`, which may be wrapped, says which of its actions are allowed."""
    while not isinstance(environment, MasksActions):
        if not isinstance(environment, Wrapping):
            return False
        environment = environment.environment
    return True


def carry_over(environment: Any, ended: Tree, fresh: Tree) -> Tree:
    """The state in which `environment` begins the episode after one that was left in `ended`; mostly just `fresh`."""
    return environment.carry_over(ended, fresh) if isinstance(environment, Persistent) else fresh


def move_goal(environment: Any, state: Tree, x: Any, y: Any) -> Tree:
    """The state of `environment`, which may be wrapped, with its goal at (x, y).

    Raises:
        InputError: it has no goal that can be moved.
    """
    if isinstance(environment, HasGoal):
        return environment.move_goal(state, x, y)
    if not isinstance(environment, Wrapping):
        raise InputError(f"{type(environment).__name__} has no goal that can be moved")
    if not isinstance(state, WrappedState):
        return move_goal(environment.environment, state, x, y)
    moved: Any = state
    return dataclasses.replace(moved, inner=move_goal(environment.environment, state.inner, x, y))


class TimedEnvironment(Protocol):
    """An environment with a clock: `step` also says whether the episode was cut (`truncated`)."""

    @property
    def observation_space(self) -> gymnasium.Space[Any]:
        """What `reset` and `step` return as the observation."""
        ...

    @property
    def action_space(self) -> gymnasium.Space[Any]:
        """What `step` takes as the action."""
        ...

    def reset(self, key: Key) -> tuple[Array, Tree]:
        """First observation and state of an episode. Consumes `key`."""
        ...

    def step(self, key: Key, state: Tree, action: Array) -> tuple[Array, Tree, Array, Array, Array, Info]:
        """One step: `(observation, state, reward, terminated, truncated, info)`. Consumes `key`."""
        ...
