"""Drawings of the treasure line and the mazes: square cells, a blue agent, and the colours of Okabe and Ito.

These eight colours (https://jfly.uni-koeln.de/color/) are safe for colour-blind viewers, and every kind of cell also
has its own shape.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pygame
import pygame.freetype

from zerone.environments import maze
from zerone.environments.drawing.easel import LOOKS, Easel
from zerone.environments.maze import MazeState

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zerone.environments.changing_maze import ChangingMaze, ChangingMazeState
    from zerone.environments.maze import Maze
    from zerone.environments.treasure import Treasure, TreasureState

ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION = "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00"
WHITE, CELL, WALL, BLACK, DARK_GREEN = "#FFFFFF", "#F0F1F3", "#5B616B", "#23262B", "#00694D"

LARGEST_CELL, LONGEST_SIDE, MARGIN = 96, 1152, 16
FINER = 4  # supersampling: pictures are drawn this much larger, then reduced, which smooths edges


class Board:
    """A grid of cells to draw on, addressed by (column, row). One unit of length is the side of a cell.

    A cell is `pixels` wide; by default, as many as let the whole grid fit on a screen.
    """

    def __init__(
        self, width: int, height: int, pixels: int | None = None, margin: int = MARGIN, paper: str = WHITE
    ) -> None:
        self.pixels = max(8, min(LARGEST_CELL, LONGEST_SIDE // max(width, height))) if pixels is None else pixels
        self.margin = margin
        self.size = (width * self.pixels + 2 * margin, height * self.pixels + 2 * margin)
        self.surface = pygame.Surface((self.size[0] * FINER, self.size[1] * FINER))
        self.surface.fill(paper)

    def frame(self) -> NDArray[np.uint8]:
        """The picture, uint8 [height, width, 3]."""
        return reduced(self.surface, self.size)

    def point(self, cell: tuple[float, float], x: float, y: float) -> tuple[float, float]:
        """The position on the surface of (x, y), measured from the middle of `cell`."""
        scale = self.pixels * FINER
        left, top = ((self.margin * FINER + (place + 0.5) * scale) for place in cell)
        return left + x * scale, top + y * scale

    def square(self, cell: tuple[int, int], color: str, side: float = 0.94, line: float = 0.0) -> None:
        """A filled square with round corners, or only its border with the thickness `line`."""
        left, top = self.point(cell, -side / 2, -side / 2)
        scale = self.pixels * FINER
        box = pygame.Rect(round(left), round(top), round(side * scale), round(side * scale))
        pygame.draw.rect(self.surface, color, box, round(line * scale), border_radius=round(0.12 * scale))

    def disc(self, cell: tuple[int, int], x: float, y: float, radius: float, color: str) -> None:
        """A filled circle around (x, y)."""
        pygame.draw.circle(self.surface, color, self.point(cell, x, y), radius * self.pixels * FINER)

    def shape(self, cell: tuple[int, int], corners: list[tuple[float, float]], color: str) -> None:
        """A filled polygon."""
        pygame.draw.polygon(self.surface, color, [self.point(cell, x, y) for x, y in corners])

    def letter(self, cell: tuple[int, int], x: float, y: float, text: str, color: str, size: float = 0.2) -> None:
        """A letter around (x, y); `size` is its height."""
        if not pygame.freetype.get_init():
            pygame.freetype.init()
        font = pygame.freetype.Font(None, size * self.pixels * FINER)
        font.strong = True
        drawn, box = font.render(text, color)
        middle = self.point(cell, x, y)
        self.surface.blit(drawn, (middle[0] - box.width / 2, middle[1] - box.height / 2))


def reduced(surface: pygame.Surface, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Reduce a picture that was drawn larger to `size` (width, height): uint8 [height, width, 3]."""
    small = pygame.transform.smoothscale(surface, size)
    return np.ascontiguousarray(pygame.surfarray.array3d(small).transpose(1, 0, 2), np.uint8)


def draw_explorer(board: Easel, cell: tuple[int, int], looks: tuple[int, int]) -> None:
    """Paint the agent: a blue head whose eyes look in the direction of the last action."""
    board.disc(cell, 0, 0, 0.34, WHITE)
    board.disc(cell, 0, 0, 0.30, BLUE)
    for side in (-1, 1):
        x, y = 0.11 * side + 0.05 * looks[0], -0.04 + 0.06 * looks[1]
        board.disc(cell, x, y, 0.075, WHITE)
        board.disc(cell, x + 0.03 * looks[0], y + 0.03 * looks[1], 0.038, BLACK)


def draw_start(board: Easel, cell: tuple[int, int]) -> None:
    """Paint a sky-blue frame at the edge of the cell, which leaves its inside free."""
    board.square(cell, CELL)
    board.square(cell, SKY, side=0.99, line=0.035)


def draw_wall(board: Easel, cell: tuple[int, int]) -> None:
    """Grey stone."""
    board.square(cell, WALL)


def draw_paradise(board: Easel, cell: tuple[int, int]) -> None:
    """A green star on yellow."""
    board.square(cell, YELLOW)
    radii = [0.33 if point % 2 == 0 else 0.14 for point in range(10)]
    turns = [point * math.pi / 5 for point in range(10)]
    corners = [(r * math.sin(t), -r * math.cos(t)) for r, t in zip(radii, turns, strict=True)]
    board.shape(cell, corners, GREEN)


def draw_hell(board: Easel, cell: tuple[int, int]) -> None:
    """A flame on black."""
    board.square(cell, BLACK)
    for size, color in ((1.0, VERMILION), (0.5, ORANGE)):
        base, side, tip = 0.13 + 0.12 * (1 - size), 0.197 * size, 0.45 * size
        shoulder = base - 0.04 * size
        board.disc(cell, 0, base, 0.2 * size, color)
        board.shape(cell, [(-side, shoulder), (0.04 * size, base - tip), (side, shoulder)], color)


def draw_treasure(board: Easel, cell: tuple[int, int]) -> None:
    """A cut gem on yellow."""
    board.square(cell, YELLOW)
    board.shape(cell, [(-0.18, -0.22), (0.18, -0.22), (0.32, -0.06), (0, 0.3), (-0.32, -0.06)], GREEN)
    board.shape(cell, [(-0.32, -0.06), (-0.18, -0.22), (-0.12, -0.06)], DARK_GREEN)
    board.shape(cell, [(0.32, -0.06), (0.18, -0.22), (0.12, -0.06)], DARK_GREEN)
    board.shape(cell, [(-0.12, -0.06), (0.12, -0.06), (0, 0.29)], DARK_GREEN)


def treasure_frame(environment: Treasure, state: TreasureState, action: Any) -> NDArray[np.uint8]:
    """The line of cells, 96 pixels each, with the treasure at its right end."""
    board = Board(environment.cells, 1)
    draw_start(board, (0, 0))
    for column in range(1, environment.cells - 1):
        board.square((column, 0), CELL)
    draw_treasure(board, (environment.cells - 1, 0))
    draw_explorer(board, (int(state.position), 0), look(environment.action_names, action))
    return board.frame()


def treasure_text(environment: Treasure, state: TreasureState) -> str:
    """The line in characters: `-o---T`."""
    characters = ["-"] * (environment.cells - 1) + ["T"]
    characters[int(state.position)] = "o"
    return "".join(characters)


def maze_frame(environment: Maze, state: MazeState, action: Any) -> NDArray[np.uint8]:
    """The maze seen from above, 96 pixels a cell where it fits."""
    board = Board(environment.width, environment.height)
    special = {maze.START: draw_start, maze.GOAL: draw_paradise, maze.HELL: draw_hell, maze.WALL: draw_wall}
    for row, line in enumerate(environment.layout):
        for column, character in enumerate(line):
            if character in special:
                special[character](board, (column, row))
            else:
                board.square((column, row), CELL)
    row, column = divmod(int(state.cell), environment.width)
    draw_explorer(board, (column, row), look(environment.action_names, action))
    return board.frame()


def changing_maze_frame(environment: ChangingMaze, state: ChangingMazeState, action: Any) -> NDArray[np.uint8]:
    """The current maze seen from above."""
    return maze_frame(environment.seen_in(state), MazeState(state.cell), action)


def changing_maze_text(environment: ChangingMaze, state: ChangingMazeState) -> str:
    """The current maze in characters."""
    return maze_text(environment.seen_in(state), MazeState(state.cell))


def maze_text(environment: Maze, state: MazeState) -> str:
    """The layout in characters, with the agent as `o`."""
    return rows_text(environment.layout, int(state.cell))


def rows_text(rows: tuple[str, ...], cell: int) -> str:
    """Rows of characters with the agent, `o`, in a cell."""
    lines = [list(line) for line in rows]
    row, column = divmod(cell, len(rows[0]))
    lines[row][column] = "o"
    return "\n".join(" ".join(line) for line in lines)


def look(action_names: tuple[str, ...], action: Any) -> tuple[int, int]:
    """The direction in which the agent looks after an action, as (columns, rows)."""
    return (0, 0) if action is None else LOOKS.get(action_names[int(action)], (0, 0))
