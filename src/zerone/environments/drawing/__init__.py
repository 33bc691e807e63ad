"""Pictures of Zerone's environments: frames for windows and videos, and text for a terminal.

Training never uses this package. To draw another environment, write its `frame` and `text` beside the others and add a
line to `_drawings`.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.environments.drawing.unwrapping import unwrap

if TYPE_CHECKING:
    from collections.abc import Callable

RENDER_MODES = ("human", "rgb_array", "ansi")

Frame = NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class Drawing:
    """The drawing functions of one environment.

    Attributes:
        frame: From the environment, a state and the action that led to it (or None) to a frame.
        text: From the environment and a state to lines of text.
        frames_per_second: The natural number of steps per second.
        place: From a pixel (column, row) to the point (x, y) of the environment that it shows, if users can put
            something there.
    """

    frame: Callable[[Any, Any, Any], Frame]
    text: Callable[[Any, Any], str]
    frames_per_second: int
    place: Callable[[float, float], tuple[float, float]] | None = None


def frame(environment: Any, state: Any, action: Any = None) -> Frame:
    """A picture of `state`, uint8 [height, width, 3], in some environments also of the `action` that led to it.

    `environment` may be wrapped; `state` is then the wrapper's.

    Raises:
        InputError: there is no drawing of this environment.
    """
    bare, state, action = unwrap(environment, state, action)
    return _drawing(bare).frame(bare, state, action)


def text(environment: Any, state: Any) -> str:
    """The state as text: one or several lines, without a line break at the end. Raises `InputError` like `frame`."""
    bare, state, _ = unwrap(environment, state, None)
    return _drawing(bare).text(bare, state)


def render_modes(environment: Any) -> tuple[str, ...]:
    """Gymnasium's names of the render modes of this environment; none if it cannot be drawn."""
    bare, _, _ = unwrap(environment, None, None)
    return RENDER_MODES if type(bare) in _drawings() else ()


def frames_per_second(environment: Any) -> int:
    """The natural number of steps of this environment per second."""
    bare, _, _ = unwrap(environment, None, None)
    return _drawing(bare).frames_per_second


def place(environment: Any, column: float, row: float) -> tuple[float, float] | None:
    """The point that a pixel of the frame shows, in the environment's coordinates.

    None if users cannot put anything there, as in most environments.
    """
    bare, _, _ = unwrap(environment, None, None)
    found = _drawings().get(type(bare))
    return None if found is None or found.place is None else found.place(column, row)


@functools.cache
def _drawings() -> dict[type, Drawing]:
    # Imported at the first drawing: pygame and the environments take a while to load.
    from zerone.environments.acrobot import Acrobot
    from zerone.environments.arm import Arm
    from zerone.environments.blackjack import Blackjack
    from zerone.environments.cartpole import CartPole
    from zerone.environments.changing_maze import ChangingMaze
    from zerone.environments.cliff import Cliff
    from zerone.environments.drawing import arm, classic, grid, toy_text
    from zerone.environments.frozen_lake import FrozenLake
    from zerone.environments.maze import Maze
    from zerone.environments.mountain_car import ContinuousMountainCar, MountainCar
    from zerone.environments.pendulum import Pendulum
    from zerone.environments.taxi import Taxi
    from zerone.environments.treasure import Treasure

    return {
        Treasure: Drawing(grid.treasure_frame, grid.treasure_text, 4),
        Maze: Drawing(grid.maze_frame, grid.maze_text, 4),
        ChangingMaze: Drawing(grid.changing_maze_frame, grid.changing_maze_text, 4),
        Cliff: Drawing(toy_text.cliff_frame, toy_text.cliff_text, 4),
        FrozenLake: Drawing(toy_text.frozen_lake_frame, toy_text.frozen_lake_text, 4),
        Taxi: Drawing(toy_text.taxi_frame, toy_text.taxi_text, 4),
        Blackjack: Drawing(toy_text.blackjack_frame, toy_text.blackjack_text, 2),
        CartPole: Drawing(classic.cart_pole_frame, classic.cart_pole_text, 50),
        MountainCar: Drawing(classic.mountain_car_frame, classic.mountain_car_text, 30),
        ContinuousMountainCar: Drawing(classic.mountain_car_frame, classic.mountain_car_text, 30),
        Acrobot: Drawing(classic.acrobot_frame, classic.acrobot_text, 15),
        Pendulum: Drawing(classic.pendulum_frame, classic.pendulum_text, 30),
        Arm: Drawing(arm.arm_frame, arm.arm_text, 30, arm.arm_place),
    }


def _drawing(bare: object) -> Drawing:
    found = _drawings().get(type(bare))
    if found is None:
        drawable = ", ".join(sorted(each.__name__ for each in _drawings()))
        raise InputError(
            translated("{kind} cannot be drawn: only {drawable} can", kind=type(bare).__name__, drawable=drawable)
        )
    return found
