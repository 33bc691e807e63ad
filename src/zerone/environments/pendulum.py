"""Swing a pendulum up and hold it there: Gymnasium's `Pendulum-v1`, compiled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

from zerone.base.pytree import configured, setting, struct

if TYPE_CHECKING:
    from zerone.environments.base import Array, Info, Key


@struct
class PendulumState:
    """Float32 scalars: angle (rad, 0 upright, within ±(π + 0.4)) and angular velocity (rad/s, within ±8)."""

    angle: Array
    angular_velocity: Array


@configured
class Pendulum:
    """Swing a pendulum upright with a torque too weak to lift it straight.

    Observation: float32 [3], cosine and sine of the angle and the angular velocity. Action: float32 [1], the
    torque in [-2, 2] N m (clipped). Reward: -(angle² + 0.1 velocity² + 0.001 torque²) of the state before the
    step, in [-16.28, 0]. An episode never terminates; Gymnasium truncates it after 200 steps.
    """

    gravity: float = setting(10.0, "gravity, m/s²")
    mass: float = setting(1.0, "mass of the rod, kg", above=0.0)
    length: float = setting(1.0, "length of the rod, m", above=0.0)
    time_step: float = setting(0.05, "time between two steps, s", above=0.0)

    # Class variables rather than leaves: they bound the spaces, which must be known when a program is compiled.
    torque_limit: ClassVar[float] = 2.0
    speed_limit: ClassVar[float] = 8.0

    @property
    def observation_space(self) -> gymnasium.spaces.Box:
        high = np.array([1.0, 1.0, self.speed_limit], np.float32)
        return gymnasium.spaces.Box(-high, high, dtype=np.float32)

    @property
    def action_space(self) -> gymnasium.spaces.Box:
        return gymnasium.spaces.Box(-self.torque_limit, self.torque_limit, (1,), np.float32)

    def reset(self, key: Key) -> tuple[Array, PendulumState]:
        drawn = jax.random.uniform(key, (2,), jnp.float32, -1.0, 1.0)
        state = PendulumState(drawn[0] * math.pi, drawn[1])
        return _observe(state), state

    def step(self, key: Key, state: PendulumState, action: Array) -> tuple[Array, PendulumState, Array, Array, Info]:
        del key  # a step is deterministic
        torque = jnp.clip(action[0], -self.torque_limit, self.torque_limit)
        # Continue from the wrapped angle, so that float32 keeps its precision over many rotations.
        angle = wrap(state.angle)
        cost = jnp.square(angle) + 0.1 * jnp.square(state.angular_velocity) + 0.001 * jnp.square(torque)
        pull = 3 * self.gravity / (2 * self.length) * jnp.sin(angle)
        acceleration = pull + 3.0 / (self.mass * self.length**2) * torque
        angular_velocity = state.angular_velocity + self.time_step * acceleration
        angular_velocity = jnp.clip(angular_velocity, -self.speed_limit, self.speed_limit)
        state = PendulumState(angle + self.time_step * angular_velocity, angular_velocity)
        return _observe(state), state, -cost, jnp.bool_(False), {}


def wrap(angle: Array) -> Array:
    """Reduce angles to [-π, π]."""
    return angle - 2 * math.pi * jnp.round(angle / (2 * math.pi))


def _observe(state: PendulumState) -> Array:
    return jnp.stack([jnp.cos(state.angle), jnp.sin(state.angle), state.angular_velocity])
