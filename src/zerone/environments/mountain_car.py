"""Drive an underpowered car out of a valley: Gymnasium's `MountainCar-v0` and `MountainCarContinuous-v0`, compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

from zerone.base.pytree import configured, setting, struct

if TYPE_CHECKING:
    from zerone.environments.base import Array, Info, Key


@struct
class MountainCarState:
    """Float32 scalars: position in [-1.2, 0.6], the valley's bottom at -0.52, and velocity in [-0.07, 0.07]."""

    position: Array
    velocity: Array


@configured
class Valley:
    """The base of both cars: the valley, the motion of a car in it, and the flag.

    Observation: float32 [2], position and velocity. The left end is a wall that stops the car.

    Source: Moore, "Efficient memory-based learning for robot control", 1990.
    """

    force: float = setting(0.001, "what a push adds to the velocity in a step")
    gravity: float = setting(0.0025, "what the steepest slope takes from the velocity in a step")
    goal_velocity: float = setting(0.0, "velocity, a step, at which the flag counts")

    # Class variables rather than leaves: they bound the spaces, which must be known when a program is compiled.
    lowest_position: ClassVar[float] = -1.2
    highest_position: ClassVar[float] = 0.6
    speed_limit: ClassVar[float] = 0.07
    goal_position: ClassVar[float] = 0.5

    @property
    def observation_space(self) -> gymnasium.spaces.Box:
        low = np.array([self.lowest_position, -self.speed_limit], np.float32)
        high = np.array([self.highest_position, self.speed_limit], np.float32)
        return gymnasium.spaces.Box(low, high, dtype=np.float32)

    def reset(self, key: Key) -> tuple[Array, MountainCarState]:
        position = jax.random.uniform(key, (), jnp.float32, -0.6, -0.4)
        velocity = jnp.float32(0.0)
        return jnp.stack([position, velocity]), MountainCarState(position, velocity)

    def pushed(self, state: MountainCarState, push: Array) -> tuple[Array, MountainCarState, Array]:
        """Observation and state after a push in [-1, 1], and whether the car is at the flag (bool scalar)."""
        gained = push * self.force - self.gravity * jnp.cos(3 * state.position)
        velocity = jnp.clip(state.velocity + gained, -self.speed_limit, self.speed_limit)
        position = jnp.clip(state.position + velocity, self.lowest_position, self.highest_position)
        at_wall = position <= self.lowest_position
        velocity = jnp.where(at_wall, jnp.maximum(velocity, 0.0), velocity)
        at_flag = (position >= self.goal_position) & (velocity >= self.goal_velocity)
        return jnp.stack([position, velocity]), MountainCarState(position, velocity), at_flag


@configured
class MountainCar(Valley):
    """Swing a car, too weak to climb straight up, to the flag on the right hill.

    Actions: 0 push left, 1 coast, 2 push right. Reward: -1 a step. The episode ends at the flag (position ≥ 0.5);
    Gymnasium truncates it after 200 steps.
    """

    action_names: ClassVar[tuple[str, ...]] = ("left", "coast", "right")

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        return gymnasium.spaces.Discrete(len(self.action_names))

    def step(
        self, key: Key, state: MountainCarState, action: Array
    ) -> tuple[Array, MountainCarState, Array, Array, Info]:
        del key  # a step is deterministic
        observation, state, terminated = self.pushed(state, action - 1)
        return observation, state, jnp.float32(-1.0), terminated, {}


@configured
class ContinuousMountainCar(Valley):
    """The same car with a continuous push that costs a part of the reward.

    Action: float32 [1], the push, clipped to [-1, 1]; the cost is that of the unclipped action. Reward: -0.1 action² a
    step, and 100 more at the flag (position ≥ 0.45), where the episode ends; Gymnasium truncates it after 999 steps.
    """

    force: float = 0.0015

    goal_position: ClassVar[float] = 0.45

    @property
    def action_space(self) -> gymnasium.spaces.Box:
        return gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def step(
        self, key: Key, state: MountainCarState, action: Array
    ) -> tuple[Array, MountainCarState, Array, Array, Info]:
        del key  # a step is deterministic
        observation, state, terminated = self.pushed(state, jnp.clip(action[0], -1.0, 1.0))
        reward = jnp.where(terminated, 100.0, 0.0) - 0.1 * jnp.square(action[0])
        return observation, state, reward, terminated, {}
