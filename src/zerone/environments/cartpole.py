"""Balance a pole on a cart: Gymnasium's `CartPole-v1`, compiled."""

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
class CartPoleState:
    """Float32 scalars: position (m) and velocity (m/s) of the cart, angle (rad, 0 upright) and its rate (rad/s)."""

    position: Array
    velocity: Array
    angle: Array
    angular_velocity: Array


@configured
class CartPole:
    """Push a cart left or right so that the pole hinged on it stays upright.

    Observation: float32 [4], the four numbers of the state in their order. Actions: 0 left, 1 right.
    Reward: 1 for every step, including the last. The episode ends when the cart is more than 2.4 m from the
    centre or the pole more than 12° from upright; Gymnasium truncates it after 500 steps.

    Source: Barto, Sutton & Anderson, "Neuronlike adaptive elements that can solve difficult learning control
    problems", 1983, with the equations of motion that Gymnasium uses and its explicit Euler steps.
    """

    gravity: float = setting(9.8, "gravity, m/s²")
    cart_mass: float = setting(1.0, "mass of the cart, kg", above=0.0)
    pole_mass: float = setting(0.1, "mass of the pole, kg", above=0.0)
    half_length: float = setting(0.5, "half the length of the pole, m", above=0.0)
    force: float = setting(10.0, "force of a push, N")
    time_step: float = setting(0.02, "time between two steps, s", above=0.0)
    start_range: float = setting(0.05, "each number of the first state is uniform in ± this", at_least=0.0)

    # Class variables rather than leaves: they bound the spaces, which must be known when a program is compiled.
    position_limit: ClassVar[float] = 2.4
    angle_limit: ClassVar[float] = 12 * 2 * math.pi / 360
    action_names: ClassVar[tuple[str, ...]] = ("left", "right")

    @property
    def observation_space(self) -> gymnasium.spaces.Box:
        high = np.array([2 * self.position_limit, np.inf, 2 * self.angle_limit, np.inf], np.float32)
        return gymnasium.spaces.Box(-high, high, dtype=np.float32)

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        return gymnasium.spaces.Discrete(len(self.action_names))

    def reset(self, key: Key) -> tuple[Array, CartPoleState]:
        observation = jax.random.uniform(key, (4,), jnp.float32, -self.start_range, self.start_range)
        return observation, CartPoleState(observation[0], observation[1], observation[2], observation[3])

    def step(self, key: Key, state: CartPoleState, action: Array) -> tuple[Array, CartPoleState, Array, Array, Info]:
        del key  # a step is deterministic
        total_mass = self.cart_mass + self.pole_mass
        pole_moment = self.pole_mass * self.half_length
        push = jnp.where(action == 1, self.force, -self.force)
        cosine, sine = jnp.cos(state.angle), jnp.sin(state.angle)

        shared = (push + pole_moment * jnp.square(state.angular_velocity) * sine) / total_mass
        inertia = self.half_length * (4.0 / 3.0 - self.pole_mass * jnp.square(cosine) / total_mass)
        angular_acceleration = (self.gravity * sine - cosine * shared) / inertia
        acceleration = shared - pole_moment * angular_acceleration * cosine / total_mass

        position = state.position + self.time_step * state.velocity
        velocity = state.velocity + self.time_step * acceleration
        angle = state.angle + self.time_step * state.angular_velocity
        angular_velocity = state.angular_velocity + self.time_step * angular_acceleration

        # Gymnasium tests `>` in float64. Both limits round up to the first float32 above the true limit, so for
        # float32 numbers `>=` is equivalent; `>` would miss the numbers that equal the rounded limit.
        terminated = (jnp.abs(position) >= self.position_limit) | (jnp.abs(angle) >= self.angle_limit)
        observation = jnp.stack([position, velocity, angle, angular_velocity])
        state = CartPoleState(position, velocity, angle, angular_velocity)
        return observation, state, jnp.float32(1.0), terminated, {}
