"""The protocol of an environment: a task as two pure functions, `reset` and `step`.

An environment has no time limit and never resets itself. `TimeLimit` (see `wrappers`) counts steps and adds
`truncated`; the engine calls `reset`, so the last observation of an episode is never lost.
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
"""The setting for training without action masks."""


class Environment(Protocol):
    """A task. Implementations are `@configured` classes: their constants are leaves, their sizes static."""

    @property
    def observation_space(self) -> gymnasium.Space[Any]:
        """The space of the observations that `reset` and `step` return."""
        ...

    @property
    def action_space(self) -> gymnasium.Space[Any]:
        """The space of the actions that `step` takes."""
        ...

    def reset(self, key: Key) -> tuple[Array, Tree]:
        """The first observation and state of an episode. Consumes `key`."""
        ...

    def step(self, key: Key, state: Tree, action: Array) -> tuple[Array, Tree, Array, Array, Info]:
        """One step: `(observation, state, reward, terminated, info)`. Consumes `key`.

        `reward` is a float32 scalar. `terminated` is a bool scalar: the task itself has ended, so the value of what
        follows is 0. `info` is for users only; no algorithm reads it.
        """
        ...


@runtime_checkable
class Persistent(Protocol):
    """An environment that keeps a part of its state between episodes; others start each episode from `reset` alone."""

    def carry_over(self, ended: Tree, fresh: Tree) -> Tree:
        """The first state of the next episode: `fresh`, from `reset`, with the parts of `ended` that persist.

        The first observation is the one that `reset` returned, so it must not depend on those parts.
        """
        ...


@runtime_checkable
class JudgedElsewhere(Protocol):
    """An environment that changes during training, and has another form for evaluation."""

    def evaluation_environment(self) -> Environment:
        """The environment for evaluation, in which every episode begins from `reset` alone."""
        ...


@runtime_checkable
class HasGoal(Protocol):
    """An environment with a goal that a user can move during an episode."""

    def move_goal(self, state: Tree, x: Array, y: Array) -> Tree:
        """The state with its goal at (x, y), in the environment's own coordinates."""
        ...


@runtime_checkable
class MasksActions(Protocol):
    """An environment that has an action mask."""

    def action_mask(self, state: Tree) -> Array:
        """The actions allowed in a state, bool [actions]: at least one, unless the episode has ended."""
        ...


def own_mask(environment: Any, state: Tree) -> Array | None:
    """The action mask of `environment`, which may be wrapped, in a state: bool [actions]; None if it has none."""
    if isinstance(environment, MasksActions):
        return environment.action_mask(state)
    if not isinstance(environment, Wrapping):
        return None
    return own_mask(environment.environment, state.inner if isinstance(state, WrappedState) else state)


def says_allowed(environment: Any) -> bool:
    """Whether `environment`, which may be wrapped, has an action mask."""
    while not isinstance(environment, MasksActions):
        if not isinstance(environment, Wrapping):
            return False
        environment = environment.environment
    return True


def carry_over(environment: Any, ended: Tree, fresh: Tree) -> Tree:
    """The first state of the episode after one that ended in `ended`: `fresh`, unless `environment` is `Persistent`."""
    return environment.carry_over(ended, fresh) if isinstance(environment, Persistent) else fresh


def move_goal(environment: Any, state: Tree, x: Any, y: Any) -> Tree:
    """The state of `environment`, which may be wrapped, with its goal at (x, y).

    Raises:
        InputError: the environment has no goal that can be moved.
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
    """An environment with a time limit: `step` also returns whether the episode was cut off (`truncated`)."""

    @property
    def observation_space(self) -> gymnasium.Space[Any]:
        """The space of the observations that `reset` and `step` return."""
        ...

    @property
    def action_space(self) -> gymnasium.Space[Any]:
        """The space of the actions that `step` takes."""
        ...

    def reset(self, key: Key) -> tuple[Array, Tree]:
        """The first observation and state of an episode. Consumes `key`."""
        ...

    def step(self, key: Key, state: Tree, action: Array) -> tuple[Array, Tree, Array, Array, Array, Info]:
        """One step: `(observation, state, reward, terminated, truncated, info)`. Consumes `key`."""
        ...
