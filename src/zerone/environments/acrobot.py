"""Swing the free end of two hanging links up: Gymnasium's `Acrobot-v1`, compiled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

from zerone.base.pytree import configured, setting, struct
from zerone.environments.pendulum import wrap

if TYPE_CHECKING:
    from zerone.environments.base import Array, Info, Key


@struct
class AcrobotState:
    """Float32 scalars: both angles (rad, in ±π, 0 hanging down) and angular velocities (rad/s, in ±4π and ±9π).

    The second angle is measured from the direction of the first link.
    """

    first_angle: Array
    second_angle: Array
    first_velocity: Array
    second_velocity: Array


@configured
class Acrobot:
    """Two links in a row hang from a fixed point; a torque at the joint between them swings the free end up.

    Observation: float32 [6], cosine and sine of the first and of the second angle, and both angular velocities.
    Actions: 0 swing the second link left, 1 nothing, 2 right. Reward: -1 a step, 0 at the step that ends the episode:
    the free end is higher than one link above the fixed point. Gymnasium cuts it after 500 steps.

    Sources: Sutton 1996, "Generalization in reinforcement learning"; Sutton & Barto 2018, section 11.3 of the first
    edition, with the equations of motion of the book. Each step is one fourth-order Runge-Kutta step.
    """

    gravity: float = setting(9.8, "gravity, m/s²")
    torque: float = setting(1.0, "torque of the outer actions, N m")
    time_step: float = setting(0.2, "time between two steps, s", above=0.0)

    # Class variables rather than leaves: they bound the spaces, which must be known when a program is compiled.
    link: ClassVar[float] = 1.0
    """Length of each link, m. Its mass is 1 kg, centred in the middle, and its moment of inertia 1 kg m²."""
    speed_limits: ClassVar[tuple[float, float]] = (4 * math.pi, 9 * math.pi)
    action_names: ClassVar[tuple[str, ...]] = ("left", "nothing", "right")

    @property
    def observation_space(self) -> gymnasium.spaces.Box:
        high = np.array([1.0, 1.0, 1.0, 1.0, *self.speed_limits], np.float32)
        return gymnasium.spaces.Box(-high, high, dtype=np.float32)

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        return gymnasium.spaces.Discrete(len(self.action_names))

    def reset(self, key: Key) -> tuple[Array, AcrobotState]:
        state = AcrobotState(*jax.random.uniform(key, (4,), jnp.float32, -0.1, 0.1))
        return _observe(state), state

    def step(self, key: Key, state: AcrobotState, action: Array) -> tuple[Array, AcrobotState, Array, Array, Info]:
        del key  # a step is deterministic
        torque, h = (action - 1) * self.torque, self.time_step
        now = jnp.stack([state.first_angle, state.second_angle, state.first_velocity, state.second_velocity])
        k1 = self.slope(now, torque)
        k2 = self.slope(now + h / 2 * k1, torque)
        k3 = self.slope(now + h / 2 * k2, torque)
        k4 = self.slope(now + h * k3, torque)
        now = now + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        first_limit, second_limit = self.speed_limits
        state = AcrobotState(
            wrap(now[0]),
            wrap(now[1]),
            jnp.clip(now[2], -first_limit, first_limit),
            jnp.clip(now[3], -second_limit, second_limit),
        )
        terminated = -jnp.cos(state.first_angle) - jnp.cos(state.first_angle + state.second_angle) > 1.0
        return _observe(state), state, jnp.where(terminated, 0.0, -1.0), terminated, {}

    def slope(self, state: Array, torque: Array) -> Array:
        """The time derivative [4] of a state [4] under a torque: both angular velocities, both accelerations."""
        first, second, first_velocity, second_velocity = state
        length, centre, mass, inertia = self.link, self.link / 2, 1.0, 1.0
        coupling = mass * length * centre
        d1 = 2 * (mass * centre**2 + inertia) + mass * length**2 + 2 * coupling * jnp.cos(second)
        d2 = mass * centre**2 + coupling * jnp.cos(second) + inertia
        pull = mass * centre * self.gravity * jnp.sin(first + second)
        turned = -coupling * second_velocity * (second_velocity + 2 * first_velocity) * jnp.sin(second)
        phi = turned + (mass * centre + mass * length) * self.gravity * jnp.sin(first) + pull
        driven = torque + d2 / d1 * phi - coupling * jnp.square(first_velocity) * jnp.sin(second) - pull
        second_acceleration = driven / (mass * centre**2 + inertia - d2**2 / d1)
        first_acceleration = -(d2 * second_acceleration + phi) / d1
        return jnp.stack([first_velocity, second_velocity, first_acceleration, second_acceleration])


def _observe(state: AcrobotState) -> Array:
    angles = state.first_angle, state.second_angle
    turned = [turn(angle) for angle in angles for turn in (jnp.cos, jnp.sin)]
    return jnp.stack([*turned, state.first_velocity, state.second_velocity])
