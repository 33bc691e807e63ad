"""CartPole, both MountainCars, Acrobot and Pendulum, drawn by Gymnasium's own environments from Zerone's states."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pygame
from gymnasium.envs.classic_control import AcrobotEnv, CartPoleEnv, MountainCarEnv, PendulumEnv

from zerone.environments.pendulum import Pendulum, PendulumState, wrap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zerone.environments.acrobot import Acrobot, AcrobotState
    from zerone.environments.cartpole import CartPole, CartPoleState
    from zerone.environments.mountain_car import MountainCarState, Valley

TRACK = 41  # the length in characters of a line that shows a number between its bounds


def cart_pole_frame(environment: CartPole, state: CartPoleState, action: Any) -> NDArray[np.uint8]:
    """The cart on its track, 400 by 600 pixels."""
    del action
    twin = CartPoleEnv(render_mode="rgb_array")
    twin.length = float(environment.half_length)
    twin.state = np.array([float(state.position), 0.0, float(state.angle), 0.0])
    return _rendered(twin, (twin.screen_width, twin.screen_height))


def mountain_car_frame(environment: Valley, state: MountainCarState, action: Any) -> NDArray[np.uint8]:
    """The car in its valley and the flag, 400 by 600 pixels."""
    del action
    twin: Any = MountainCarEnv(render_mode="rgb_array")
    twin.goal_position = environment.goal_position
    twin.state = np.array([float(state.position), float(state.velocity)])
    return _rendered(twin, (twin.screen_width, twin.screen_height))


def acrobot_frame(environment: Acrobot, state: AcrobotState, action: Any) -> NDArray[np.uint8]:
    """Both links and the height to reach, 500 by 500 pixels."""
    del environment, action
    twin: Any = AcrobotEnv(render_mode="rgb_array")
    twin.state = np.array([float(state.first_angle), float(state.second_angle), 0.0, 0.0])
    return _rendered(twin, (twin.SCREEN_DIM, twin.SCREEN_DIM))


def pendulum_frame(environment: Pendulum, state: PendulumState, action: Any) -> NDArray[np.uint8]:
    """The rod, 500 by 500 pixels, with an arrow whose size shows the torque if `action` is given."""
    twin = PendulumEnv(render_mode="rgb_array")
    twin.state = np.array([float(state.angle), float(state.angular_velocity)])
    limit = environment.torque_limit
    twin.last_u = None if action is None else float(np.clip(np.asarray(action)[0], -limit, limit))
    return _rendered(twin, (twin.screen_dim, twin.screen_dim))


def cart_pole_text(environment: CartPole, state: CartPoleState) -> str:
    """Two lines: the position of the cart between the ends of its track, and the angle of the pole."""
    position, angle = float(state.position), float(state.angle)
    cart = _track(position, -environment.position_limit, environment.position_limit)
    pole = _track(angle, -environment.angle_limit, environment.angle_limit)
    return f"cart {cart} {position:+.2f} m\npole {pole} {math.degrees(angle):+.1f}°"


def mountain_car_text(environment: Valley, state: MountainCarState) -> str:
    """One line: the valley from the left wall to the right end, with the flag F."""
    position, low, high = float(state.position), environment.lowest_position, environment.highest_position
    return f"{_track(position, low, high, environment.goal_position)} {float(state.velocity):+.3f}"


def acrobot_text(environment: Acrobot, state: AcrobotState) -> str:
    """One line: the height of the free end between hanging and upright, with the height F to reach; both angles."""
    first, second, link = float(state.first_angle), float(state.second_angle), environment.link
    height = -link * (math.cos(first) + math.cos(first + second))
    bar = _track(height, -2 * link, 2 * link, link)
    return f"{bar} {height:+.2f} m, {math.degrees(first):+.0f}° {math.degrees(second):+.0f}°"


def pendulum_text(environment: Pendulum, state: PendulumState) -> str:
    """One line: the angle from hanging over upright (in the middle) to hanging, and the angular velocity."""
    del environment
    angle = float(wrap(state.angle))
    return f"{_track(angle, -math.pi, math.pi)} {math.degrees(angle):+.0f}° {float(state.angular_velocity):+.2f} rad/s"


def _rendered(twin: Any, size: tuple[int, int]) -> NDArray[np.uint8]:
    # With a given surface, Gymnasium's environment opens no display, so frames can be drawn without one.
    twin.screen = pygame.Surface(size)
    return np.array(twin.render(), np.uint8)


def _track(value: float, low: float, high: float, flag: float | None = None) -> str:
    def place(number: float) -> int:
        return round((min(max(number, low), high) - low) / (high - low) * (TRACK - 1))

    characters = ["-"] * TRACK
    if flag is None:
        characters[TRACK // 2] = "|"
    else:
        characters[place(flag)] = "F"
    characters[place(value)] = "o"
    return "[" + "".join(characters) + "]"
