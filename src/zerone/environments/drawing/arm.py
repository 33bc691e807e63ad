"""The arm and its goal, in the colours of the mazes (see `grid`)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pygame
import pygame.freetype

from zerone.environments.arm import TURN
from zerone.environments.drawing.grid import BLACK, BLUE, CELL, FINER, GREEN, ORANGE, VERMILION, WALL, WHITE, reduced

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zerone.environments.arm import Arm, ArmState

SIDE = 400
LIGHT_BLUE, LIGHT_GREEN = "#CFE6F5", "#BFE5D6"
THICKNESS = 12
LETTERS = 14
DASH = 7.0

Point = tuple[float, float]


class Sheet:
    """A square to draw on in the environment's coordinates: y upwards, one unit per pixel."""

    def __init__(self) -> None:
        self.surface = pygame.Surface((SIDE * FINER, SIDE * FINER))
        self.surface.fill(WHITE)

    def at(self, point: Point) -> Point:
        """The position of a point on the surface."""
        return point[0] * FINER, (SIDE - point[1]) * FINER

    def disc(self, point: Point, radius: float, color: str, line: float = 0.0) -> None:
        """A filled circle, or only its border with the thickness `line`."""
        pygame.draw.circle(self.surface, color, self.at(point), radius * FINER, round(line * FINER))

    def bar(self, begin: Point, end: Point, thickness: float, color: str) -> None:
        """A straight bar with round ends."""
        angle = math.atan2(end[1] - begin[1], end[0] - begin[0])
        across = thickness / 2 * math.sin(angle), -thickness / 2 * math.cos(angle)
        corners = [
            (p[0] + s * across[0], p[1] + s * across[1]) for p, s in ((begin, 1), (end, 1), (end, -1), (begin, -1))
        ]
        pygame.draw.polygon(self.surface, color, [self.at(corner) for corner in corners])
        self.disc(begin, thickness / 2, color)
        self.disc(end, thickness / 2, color)

    def box(self, point: Point, half: float, color: str, line: float) -> None:
        """The border of a square around a point."""
        left, top = self.at((point[0] - half, point[1] + half))
        side = 2 * half * FINER
        pygame.draw.rect(self.surface, color, (left, top, side, side), round(line * FINER))

    def dashes(self, begin: Point, end: Point, color: str) -> None:
        """A thin dashed line."""
        length = math.dist(begin, end)
        for start in np.arange(0.0, length, 2 * DASH):
            parts = start / length, min(start + DASH, length) / length
            ends = [(begin[0] + t * (end[0] - begin[0]), begin[1] + t * (end[1] - begin[1])) for t in parts]
            self.bar(ends[0], ends[1], 1.5, color)

    def words(self, left: float, top: float, text: str, color: str) -> None:
        """A line of text whose upper left corner is at (left, top), in pixels from the picture's."""
        if not pygame.freetype.get_init():
            pygame.freetype.init()
        pygame.freetype.Font(None, LETTERS * FINER).render_to(self.surface, (left * FINER, top * FINER), text, color)


def arm_frame(environment: Arm, state: ArmState, action: Any) -> NDArray[np.uint8]:
    """The arm, 400 by 400 pixels, with the goal's box and zone, the distance, and how long the goal has been held."""
    del action
    sheet = Sheet()
    elbow, finger, goal, distance = _places(environment, state)
    middle = (environment.middle, environment.middle)
    inside = distance < environment.zone
    color = GREEN if inside else BLUE
    sheet.disc(middle, 2 * environment.link, CELL)  # the reachable area
    sheet.disc(goal, environment.zone, LIGHT_GREEN if inside else LIGHT_BLUE)
    sheet.box(goal, environment.zone, color, 2.5)
    for begin, end, color_of in ((middle, elbow, VERMILION), (elbow, finger, ORANGE)):
        sheet.bar(begin, end, THICKNESS + 3, WHITE)
        sheet.bar(begin, end, THICKNESS, color_of)
    for joint in (middle, elbow):
        sheet.disc(joint, 8, BLACK)
        sheet.disc(joint, 3.5, WHITE)
    if not inside:
        sheet.dashes(finger, goal, WALL)
    sheet.disc(goal, environment.zone, color, 1.5)
    sheet.disc(finger, 6, WHITE)
    sheet.disc(finger, 5, BLACK)
    sheet.words(10, 10, f"distance {distance:.0f} px", BLACK)
    if inside:
        sheet.words(10, 30, f"held {int(state.inside)} of {environment.hold + 1} steps", BLACK)
    return reduced(sheet.surface, (SIDE, SIDE))


def arm_text(environment: Arm, state: ArmState) -> str:
    """Two lines of text: the positions of finger and goal, and the angles of the links."""
    _, finger, goal, distance = _places(environment, state)
    upper, fore = (360 * float(angle) / TURN for angle in state.angles)
    held = f"held {int(state.inside)} of {environment.hold + 1} steps" if distance < environment.zone else "outside"
    return (
        f"finger ({finger[0]:.0f}, {finger[1]:.0f})  goal ({goal[0]:.0f}, {goal[1]:.0f})  "
        f"distance {distance:.1f} px  {held}\nupper arm {upper:.0f}°  forearm {fore:.0f}°"
    )


def arm_place(column: float, row: float) -> Point:
    """The point (x, y) that a pixel shows: rows count downwards, y upwards."""
    return column, SIDE - row


def _places(environment: Arm, state: ArmState) -> tuple[Point, Point, Point, float]:
    """The positions of elbow, finger and goal, and the distance between finger and goal."""
    goal = (float(state.goal[0]), float(state.goal[1]))
    elbow, finger, _ = ((goal[0] + float(x), goal[1] + float(y)) for x, y in environment.seen_from_goal(state))
    return elbow, finger, goal, math.dist(finger, goal)
