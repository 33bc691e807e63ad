"""Disturbances of an environment during training by the user: pushes, wind, and changes of a layout.

A training with disturbances is still deterministic: each push belongs to a step, so going back shows the same again.
The environment is wrapped from the first disturbance on; up to there, the training is bit-identical to `zerone train`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from zerone.base.errors import InputError
from zerone.base.pytree import configured, struct
from zerone.engines.compiled import Carry
from zerone.environments.base import Array, Info, Key, TimedEnvironment, Tree
from zerone.environments.cartpole import CartPoleState
from zerone.environments.drawing.unwrapping import unwrap
from zerone.environments.maze import Maze
from zerone.environments.mountain_car import MountainCarState
from zerone.environments.pendulum import PendulumState
from zerone.environments.wrappers import Wrapper
from zerone.environments.wrapping import WrappedState

MOST_PUSHES = 8
"""The most pushes between two updates."""
MOVED: dict[type, tuple[str, float, float, float]] = {
    CartPoleState: ("velocity", 1.0, 0.06, np.inf),
    MountainCarState: ("velocity", 0.03, 0.0008, 0.07),
    PendulumState: ("angular_velocity", 3.0, 0.15, 8.0),
}
"""For each kind of state: the field to change, its change by a full push and per step of full wind, and its limit."""


@struct
class DisturbedState:
    """The state inside, and the number of steps since the environment was wrapped (int32 scalar)."""

    inner: Tree
    steps: Array


@configured
class Disturbed(Wrapper):
    """A wrapper with pushes at some steps, and wind from a step on. All are leaves: new values do not recompile."""

    environment: TimedEnvironment
    times: Any = None
    pushes: Any = None
    wind_from: Any = 0
    wind_before: Any = 0.0
    wind: Any = 0.0

    def reset(self, key: Key) -> tuple[Array, DisturbedState]:
        observation, inner = self.environment.reset(key)
        return observation, DisturbedState(inner, jnp.int32(0))

    def carry_over(self, ended: Tree, fresh: Tree) -> Tree:
        """Keep the count of steps, which runs over all episodes."""
        below: Any = super().carry_over(ended, fresh)
        return dataclasses.replace(below, steps=ended.steps)

    def step(
        self, key: Key, state: DisturbedState, action: Array
    ) -> tuple[Array, DisturbedState, Array, Array, Array, Info]:
        push = jnp.where(self.times == state.steps, self.pushes, 0.0).sum()
        wind = jnp.where(state.steps >= self.wind_from, self.wind, self.wind_before)
        inner = _moved(state.inner, push, wind)
        found: Any = self.environment.step(key, inner, action)
        observation, after, reward, terminated, truncated, info = found
        return observation, DisturbedState(after, state.steps + 1), reward, terminated, truncated, info


def _moved(state: Tree, push: Array, wind: Array) -> Tree:
    changed: Any = state
    if isinstance(state, WrappedState):
        return dataclasses.replace(changed, inner=_moved(state.inner, push, wind))
    name, by_push, by_wind, limit = MOVED[type(state)]
    before = getattr(state, name)
    return dataclasses.replace(changed, **{name: jnp.clip(before + by_push * push + by_wind * wind, -limit, limit)})


@dataclasses.dataclass(frozen=True)
class Weather:
    """The disturbances of a part of a training: pushes (step, strength), and wind, which changes at `wind_from`."""

    pushes: tuple[tuple[int, float], ...] = ()
    wind: float = 0.0
    wind_before: float = 0.0
    wind_from: int = 0

    def pushed(self, step: int, by: float) -> Weather:
        """A copy with an additional push. Raises `InputError` if there are `MOST_PUSHES` already."""
        if len(self.pushes) >= MOST_PUSHES:
            raise InputError(f"{MOST_PUSHES} pushes between two updates are enough: wait for the next one")
        return dataclasses.replace(self, pushes=(*self.pushes, (step, by)))

    def blown(self, step: int, wind: float) -> Weather:
        """A copy with another wind from a step on."""
        before = self.wind if step >= self.wind_from else self.wind_before
        return dataclasses.replace(self, wind=wind, wind_before=before, wind_from=step)

    def later(self) -> Weather:
        """The weather of the blocks that follow: the same wind without pushes."""
        return Weather(wind=self.wind, wind_before=self.wind)

    def around(self, environment: TimedEnvironment) -> Disturbed:
        """Wrap an environment with these disturbances."""
        filled: Sequence[tuple[int, float]] = (*self.pushes, *[(-1, 0.0)] * (MOST_PUSHES - len(self.pushes)))
        return Disturbed(
            environment, np.array([step for step, _ in filled], np.int32),
            np.array([by for _, by in filled], np.float32), np.int32(self.wind_from), np.float32(self.wind_before),
            np.float32(self.wind),
        )  # fmt: skip


def can_be_pushed(state: Any) -> bool:
    """Whether a state, which may be a wrapper's, belongs to an environment that can be pushed."""
    while isinstance(state, WrappedState):
        state = state.inner
    return type(state) in MOVED


def wrapped(carry: Carry) -> Carry:
    """The carry of a training whose environments are wrapped from here on."""
    state: Any = carry.simulation.state
    inner = state.inner if isinstance(state, DisturbedState) else state
    begun = DisturbedState(inner, jnp.zeros_like(carry.simulation.episode_length))
    return dataclasses.replace(carry, simulation=dataclasses.replace(carry.simulation, state=begun))


def with_layout(environment: Any, carry: Carry, rows: tuple[str, ...]) -> Any:
    """The environment with another layout of the same size.

    Raises:
        InputError: the environment is not a maze, the size differs, or the agent's cell would not be floor or start.
    """
    bare: Any
    bare, _, _ = unwrap(environment, None, None)
    if type(bare) is not Maze:
        raise InputError("this environment has no layout that could be changed")
    if [len(row) for row in rows] != [len(row) for row in bare.layout]:
        raise InputError("a maze that changes while it is learnt keeps its size: begin in the other one")
    changed: Any = _replaced(environment, dataclasses.replace(bare, layout=rows))
    width = len(rows[0])
    state: Any = carry.simulation.state
    while isinstance(state, WrappedState):
        state = state.inner
    for cell in np.asarray(state.cell).ravel().tolist():
        if rows[cell // width][cell % width] not in ".S":
            raise InputError("the explorer is in that cell now: wait until it has left, or change another one")
    return changed


def _replaced(environment: Any, bare: Any) -> Any:
    inside = getattr(environment, "environment", None)
    return bare if inside is None else dataclasses.replace(environment, environment=_replaced(inside, bare))
