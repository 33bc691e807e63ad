"""Environments as lists of shapes in their own units, which the web page draws in any size and colours.

Shapes take a few hundred bytes, where a picture takes a million. Colours are names, so that a dark page can use other
values. The other modules of this package draw pictures and videos.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from zerone.environments.drawing.geometry import START, grid_of
from zerone.environments.drawing.unwrapping import unwrap

Shape = dict[str, Any]
"""A shape as a JSON object: its `kind` (disc, square, polygon, line or text), its numbers and its colour's name."""

NAMES = {
    "#FFFFFF": "paper", "#F0F1F3": "floor", "#5B616B": "wall", "#23262B": "ink", "#00694D": "pine", "#E69F00": "orange",
    "#56B4E9": "sky", "#009E73": "green", "#F0E442": "yellow", "#0072B2": "blue", "#D55E00": "vermilion",
    "#DDEFF9": "ice", "#0B3C5D": "water",
}  # fmt: skip
"""The names of the colours of the pictures (`grid`, `toy_text`)."""
FINEST = 4
"""The decimals of a coordinate; a ten-thousandth of a cell is invisible."""

Point = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Scene:
    """The drawing of an environment as shapes.

    Attributes:
        box: The visible area as left, top, right and bottom. If top is greater than bottom, y points upwards.
        still: The shapes that do not change.
        moving: From a state, and the action that led to it (or None), to the other shapes.
    """

    box: tuple[float, float, float, float]
    still: list[Shape]
    moving: Callable[[Any, Any], list[Shape]]


class Recorder:
    """An `Easel` that records the shapes painted on it."""

    def __init__(self) -> None:
        self.shapes: list[Shape] = []

    def square(self, cell: tuple[int, int], color: str, side: float = 0.94, line: float = 0.0) -> None:
        """A square with round corners, filled, or only its border."""
        found: Shape = {"kind": "square", "at": list(cell), "side": side, "color": NAMES[color]}
        self.shapes.append(found | ({"line": line} if line else {}))

    def disc(self, cell: tuple[int, int], x: float, y: float, radius: float, color: str) -> None:
        """A filled circle."""
        self.shapes.append(disc((cell[0] + x, cell[1] + y), radius, NAMES[color]))

    def shape(self, cell: tuple[int, int], corners: list[tuple[float, float]], color: str) -> None:
        """A filled polygon."""
        self.shapes.append(polygon([(cell[0] + x, cell[1] + y) for x, y in corners], NAMES[color]))

    def letter(self, cell: tuple[int, int], x: float, y: float, text: str, color: str, size: float = 0.2) -> None:
        """A letter around a point."""
        self.shapes.append(letters((cell[0] + x, cell[1] + y), text, size, NAMES[color]))


def disc(at: Point, radius: float, color: str, line: float = 0.0) -> Shape:
    """A filled circle, or only its border with the thickness `line`."""
    found: Shape = {"kind": "disc", "at": _rounded(at), "radius": round(radius, FINEST), "color": color}
    return found | ({"line": line} if line else {})


def polygon(corners: Sequence[Point], color: str) -> Shape:
    """A filled polygon."""
    return {"kind": "polygon", "points": [_rounded(corner) for corner in corners], "color": color}


def line(points: Sequence[Point], width: float, color: str, dashed: bool = False) -> Shape:
    """A line with round ends."""
    found: Shape = {"kind": "line", "points": [_rounded(point) for point in points], "width": width, "color": color}
    return found | ({"dashed": True} if dashed else {})


def letters(at: Point, text: str, size: float, color: str) -> Shape:
    """A text around a point; `size` is its height."""
    return {"kind": "text", "at": _rounded(at), "text": text, "size": size, "color": color}


def scene_of(environment: Any) -> Scene | None:
    """The scene of an environment, which may be wrapped; None if there is none."""
    bare, _, _ = unwrap(environment, None, None)
    make = _scenes().get(type(bare))
    return None if make is None else make(bare)


def shapes_of(scene: Scene, environment: Any, state: Any, action: Any) -> list[Shape]:
    """The changing shapes for a state of an environment, which may be wrapped."""
    _, bare_state, bare_action = unwrap(environment, state, action)
    return scene.moving(bare_state, bare_action)


@functools.cache
def _scenes() -> dict[type, Callable[[Any], Scene]]:
    from zerone.environments.acrobot import Acrobot
    from zerone.environments.arm import Arm
    from zerone.environments.blackjack import Blackjack
    from zerone.environments.cartpole import CartPole
    from zerone.environments.changing_maze import ChangingMaze
    from zerone.environments.cliff import Cliff
    from zerone.environments.frozen_lake import FrozenLake
    from zerone.environments.maze import Maze
    from zerone.environments.mountain_car import ContinuousMountainCar, MountainCar
    from zerone.environments.pendulum import Pendulum
    from zerone.environments.taxi import Taxi
    from zerone.environments.treasure import Treasure

    return {
        Treasure: lambda environment: _grid_scene(environment, lambda state: int(state.position)),
        Maze: lambda environment: _grid_scene(dataclasses.replace(environment, observe="index"), _cell),
        ChangingMaze: _changing_scene,
        Cliff: lambda environment: _grid_scene(environment, _cell),
        FrozenLake: lambda environment: _grid_scene(environment, _cell, icy=True),
        Taxi: _taxi_scene,
        Blackjack: _blackjack_scene,
        CartPole: _cart_pole_scene,
        MountainCar: _mountain_car_scene,
        ContinuousMountainCar: _mountain_car_scene,
        Acrobot: _acrobot_scene,
        Pendulum: _pendulum_scene,
        Arm: _arm_scene,
    }


def _cell(state: Any) -> int:
    return int(state.cell)


def _grid_scene(environment: Any, place: Callable[[Any], int], icy: bool = False) -> Scene:
    """The cells of a grid, with the agent in the cell that `place` returns for a state."""
    from zerone.environments.drawing import grid as cells
    from zerone.environments.drawing import toy_text

    grid = grid_of(environment)
    assert grid is not None  # noqa: S101 - `_scenes` lists what is one
    board = Recorder()
    for number, kind in enumerate(grid.kinds):
        cell = number % grid.columns, number // grid.columns
        if kind.paint is not None:
            kind.paint(board, cell)
        elif icy:
            toy_text.draw_ice(board, cell)
        else:
            board.square(cell, cells.CELL)
        if kind is START:
            board.square(cell, cells.SKY, side=0.8 if icy else 0.94, line=0.04)

    def moving(state: Any, action: Any) -> list[Shape]:
        now, number = Recorder(), place(state)
        here = number % grid.columns, number // grid.columns
        cells.draw_explorer(now, here, cells.look(environment.action_names, action))
        return now.shapes

    return Scene((-0.5, -0.5, grid.columns - 0.5, grid.rows - 0.5), board.shapes, moving)


def _changing_scene(environment: Any) -> Scene:
    """The maze before its change, and on top the cells that have become walls or floor."""
    before = environment.seen_after(0)
    first = _grid_scene(before, _cell)

    def moving(state: Any, action: Any) -> list[Shape]:
        changed = Recorder()
        _draw_changes(changed, before.layout, environment.seen_in(state).layout)
        return [*changed.shapes, *first.moving(state, action)]

    return dataclasses.replace(first, moving=moving)


def _draw_changes(board: Recorder, before: tuple[str, ...], now: tuple[str, ...]) -> None:
    """Draw the cells of a maze that have become walls or floor."""
    from zerone.environments import maze
    from zerone.environments.drawing import grid as cells

    for row, (old, new) in enumerate(zip(before, now, strict=True)):
        for column, character in enumerate(new):
            if character != old[column]:
                board.square((column, row), cells.WALL if character == maze.WALL else cells.CELL)


def _blackjack_scene(environment: Any) -> Scene:
    """The table: the dealer's cards above, the player's sum below."""
    from zerone.environments.drawing import toy_text

    del environment

    def moving(state: Any, action: Any) -> list[Shape]:
        del action
        board = Recorder()
        toy_text.draw_cards(board, state)
        return board.shapes

    return Scene((-0.5, -0.5, toy_text.TABLE - 0.5, toy_text.SIDES - 0.5), [], moving)


def _taxi_scene(environment: Any) -> Scene:
    """The town, the taxi, the passenger, and a banner at the destination."""
    from zerone.environments import taxi
    from zerone.environments.drawing import toy_text

    town = Recorder()
    toy_text.draw_town(town)

    def moving(state: Any, action: Any) -> list[Shape]:
        now = Recorder()
        toy_text.draw_ride(now, environment, state, action)
        return now.shapes

    return Scene((-0.5, -0.5, taxi.SIDE - 0.5, taxi.SIDE - 0.5), town.shapes, moving)


def _cart_pole_scene(environment: Any) -> Scene:
    """A track as long as the cart may go, in metres, and the cart with its pole."""
    limit, length = environment.position_limit, 2 * float(environment.half_length)
    still = [line([(-limit, 0.0), (limit, 0.0)], 0.02, "wall")]
    still += [line([(side * limit, -0.12), (side * limit, 0.12)], 0.03, "vermilion") for side in (-1, 1)]

    def moving(state: Any, action: Any) -> list[Shape]:
        x, angle = float(state.position), float(state.angle)
        top = x + length * math.sin(angle), 0.22 + length * math.cos(angle)
        found = [polygon([(x - 0.25, 0.04), (x + 0.25, 0.04), (x + 0.25, 0.26), (x - 0.25, 0.26)], "blue")]
        found += [disc((x + side * 0.14, 0.04), 0.06, "ink") for side in (-1, 1)]
        found += [line([(x, 0.22), top], 0.07, "orange"), disc((x, 0.22), 0.045, "ink")]
        if action is not None:
            side = 1 if int(action) == 1 else -1
            corners = [(x + side * 0.33, 0.22), (x + side * 0.5, 0.15), (x + side * 0.33, 0.08)]
            found.append(polygon(corners, "vermilion"))
        return found

    return Scene((-limit - 0.15, length + 0.75, limit + 0.15, -0.45), still, moving)


def _mountain_car_scene(environment: Any) -> Scene:
    """The valley, whose height is the car's potential energy, the flag, and the car."""
    low, high, goal = environment.lowest_position, environment.highest_position, environment.goal_position

    def height(x: float) -> float:
        return 0.45 * math.sin(3 * x) + 0.55

    places = [low + (high - low) * each / 60 for each in range(61)]
    ground = [(x, height(x)) for x in places]
    still = [polygon([(low, -0.08), *ground, (high, -0.08)], "floor"), line(ground, 0.012, "wall")]
    top = height(goal) + 0.22
    still += [line([(goal, height(goal)), (goal, top)], 0.012, "ink")]
    still += [polygon([(goal, top), (goal + 0.12, top - 0.04), (goal, top - 0.08)], "green")]

    def moving(state: Any, action: Any) -> list[Shape]:
        x = float(state.position)
        slope = math.atan(1.35 * math.cos(3 * x))
        along, across = (math.cos(slope), math.sin(slope)), (-math.sin(slope), math.cos(slope))

        def at(a: float, b: float) -> Point:
            return x + a * along[0] + b * across[0], height(x) + a * along[1] + b * across[1]

        found = [polygon([at(-0.08, 0.03), at(0.08, 0.03), at(0.08, 0.075), at(0.045, 0.1), at(-0.045, 0.1),
                          at(-0.08, 0.075)], "blue")]  # fmt: skip
        found += [disc(at(side * 0.048, 0.025), 0.025, "ink") for side in (-1, 1)]
        push = 0.0 if action is None else _push(action)
        if push:
            found.append(
                polygon(
                    [
                        at(math.copysign(0.11, push) + 0.06 * push, 0.06),
                        at(math.copysign(0.11, push), 0.09),
                        at(math.copysign(0.11, push), 0.03),
                    ],
                    "vermilion",
                )
            )
        return found

    return Scene((low, 1.3, high, -0.08), still, moving)


def _push(action: Any) -> float:
    """The push in [-1, 1] of a discrete action (0, 1 or 2) or of a continuous one."""
    return max(-1.0, min(1.0, float(action[0]))) if getattr(action, "ndim", 0) else float(int(action) - 1)


def _acrobot_scene(environment: Any) -> Scene:
    """Both links in metres, the height to reach, and an arc at the joint whose length shows the torque."""
    link = float(environment.link)
    edge = 2.2 * link
    still = [disc((0.0, 0.0), 2 * link, "floor"), line([(-edge, link), (edge, link)], 0.03, "green", dashed=True)]

    def moving(state: Any, action: Any) -> list[Shape]:
        first = float(state.first_angle)
        second = first + float(state.second_angle)
        joint = link * math.sin(first), -link * math.cos(first)
        end = joint[0] + link * math.sin(second), joint[1] - link * math.cos(second)
        found = [line([(0.0, 0.0), joint], 0.16, "vermilion"), line([joint, end], 0.16, "orange")]
        found += [disc((0.0, 0.0), 0.08, "ink"), disc(joint, 0.08, "ink"), disc(end, 0.05, "ink")]
        torque = 0 if action is None else int(action) - 1
        if torque:
            turns = [torque * each / 12 * math.pi * 0.6 for each in range(13)]
            arc = [(joint[0] - 0.3 * math.sin(turn), joint[1] + 0.3 * math.cos(turn)) for turn in turns]
            found += [line(arc, 0.04, "blue"), disc(arc[-1], 0.07, "blue")]
        return found

    return Scene((-edge, edge, edge, -edge), still, moving)


def _pendulum_scene(environment: Any) -> Scene:
    """The rod around its pivot in metres, and an arc whose length shows the torque."""
    length = float(environment.length)
    still = [disc((0.0, 0.0), length, "floor"), line([(0.0, length), (0.0, length * 1.12)], 0.02, "green")]

    def moving(state: Any, action: Any) -> list[Shape]:
        angle = float(state.angle)
        tip = length * math.sin(angle), length * math.cos(angle)
        found = [line([(0.0, 0.0), tip], 0.14 * length, "vermilion"), disc((0.0, 0.0), 0.05 * length, "ink")]
        if action is not None:
            limit = float(environment.torque_limit)
            torque = max(-limit, min(limit, float(action[0]))) / limit
            if abs(torque) > 0.02:
                turns = [torque * each / 16 * math.pi * 0.9 for each in range(17)]
                arc = [(-0.42 * length * math.sin(turn), 0.42 * length * math.cos(turn)) for turn in turns]
                found += [line(arc, 0.03 * length, "blue"), disc(arc[-1], 0.05 * length, "blue")]
        return found

    edge = 1.2 * length
    return Scene((-edge, edge, edge, -edge), still, moving)


def _arm_scene(environment: Any) -> Scene:
    """The two links in the environment's pixels, the goal and its zone."""
    middle, reach, zone = (float(each) for each in (environment.middle, 2 * environment.link, environment.zone))
    still = [disc((middle, middle), reach, "floor")]
    import jax

    seen_from_goal = jax.jit(environment.seen_from_goal)  # fifty times as fast as without `jit`

    def moving(state: Any, action: Any) -> list[Shape]:
        del action
        goal = float(state.goal[0]), float(state.goal[1])
        elbow, finger = ((goal[0] + float(x), goal[1] + float(y)) for x, y in jax.device_get(seen_from_goal(state)[:2]))
        inside = math.dist(finger, goal) < zone
        color = "green" if inside else "blue"
        found = [disc(goal, zone, color, line=2.0), disc(goal, 3.0, color)]
        found += [line([(middle, middle), elbow], 12.0, "vermilion"), line([elbow, finger], 12.0, "orange")]
        found += [disc(joint, 7.0, "ink") for joint in ((middle, middle), elbow)]
        found += [] if inside else [line([finger, goal], 1.5, "wall", dashed=True)]
        return [*found, disc(finger, 5.0, "ink")]

    edge = reach + 2 * zone
    return Scene((middle - edge, middle + edge, middle + edge, middle - edge), still, moving)


def _rounded(point: Point) -> list[float]:
    return [round(float(point[0]), FINEST), round(float(point[1]), FINEST)]
