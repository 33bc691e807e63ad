"""A table drawn over an environment's picture: arrowheads and values at the edges of cells, traces as footprints."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from zerone.player.tables import FAINTEST, plain_number

if TYPE_CHECKING:
    from zerone.environments.drawing.grid import Board
    from zerone.environments.gym.kinds import Env
    from zerone.player.tables import Table, Trace

INK, PAPER, ORANGE = (35, 38, 43), (255, 255, 255), (213, 94, 0)
INK_STRENGTH, HALO_STRENGTH, FOOT_STRENGTH = 0.8, 0.7, 0.75
"""The opacities of arrows, of the halo around them, and of footprints."""
SMALLEST_WITH_VALUES = 56
"""The side in pixels from which on a cell shows its value."""
LETTERS, WIDE, NARROW = 0.13, 0.556, 0.3
"""The height of numbers in cells, and the widths of a digit and of a point relative to that height."""
BLACK = "#000000"


class Overlay:
    """The overlay of one table, drawn over every frame."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._still: tuple[tuple[int, int, int], np.ndarray, np.ndarray] | None = None

    def over(self, frame: np.ndarray, margin: int, trace: Trace | None, here: int) -> np.ndarray:
        """Draw table and trace over a frame, uint8 [height, width, 3].

        `margin` is the number of pixels around the grid. The agent's state `here` gets no footprints.
        """
        shown = frame.astype(np.float32)
        if trace is not None:
            _cover(shown, self._footprints(frame, margin, trace, here), ORANGE)
        kind = (*frame.shape[:2], margin)
        if self._still is None or self._still[0] != kind:
            self._still = kind, self._arrows(frame, margin, 0.03), self._arrows(frame, margin, 0.0)
        _cover(shown, self._still[1] * HALO_STRENGTH, PAPER)
        _cover(shown, self._still[2] * INK_STRENGTH, INK)
        return shown.round().astype(np.uint8)

    def _mask_board(self, frame: np.ndarray, margin: int) -> Board:
        """A black board; what is painted on it in white is the mask of the overlay."""
        from zerone.environments.drawing.grid import Board

        grid = self._table.grid
        return Board(grid.columns, grid.rows, (frame.shape[1] - 2 * margin) // grid.columns, margin, BLACK)

    def _arrows(self, frame: np.ndarray, margin: int, grown: float) -> np.ndarray:
        """The coverage of each pixel by arrowheads and values, enlarged by `grown`: float [height, width] in [0, 1]."""
        board, table = self._mask_board(frame, margin), self._table
        largest = table.largest_best
        tip, base, half = 0.46 + grown, 0.37 - grown, 0.09 + 1.7 * grown
        for state, directions in table.arrows():
            cell = _cell(table, state)
            for x, y in directions:
                corners = [(tip, 0.0), (base, half), (base, -half)]
                board.shape(cell, [(a * x - b * y, a * y + b * x) for a, b in corners], _grey(1.0))
            if board.pixels < SMALLEST_WITH_VALUES:
                continue
            number = plain_number(float(table.best[state]), largest)
            width = LETTERS * sum(NARROW if each in ".-" else WIDE for each in number)
            left, right, top, bottom = 0.43 - width - grown, 0.43 + grown, 0.385 - LETTERS / 2, 0.385 + LETTERS / 2
            if grown:  # a background for the number, so that the start's frame does not cross it
                board.shape(cell, [(left, top), (right, top), (right, bottom), (left, bottom)], _grey(1.0))
            else:
                board.letter(cell, (left + right) / 2, 0.385, number, _grey(1.0), size=LETTERS)
        return _coverage(board)

    def _footprints(self, frame: np.ndarray, margin: int, trace: Trace, here: int) -> np.ndarray:
        board, table = self._mask_board(frame, margin), self._table
        # The strongest traces are painted last.
        for place in np.argsort(trace.values, axis=None, kind="stable"):
            state, action = divmod(int(place), trace.values.shape[1])
            strength = min(1.0, float(trace.values[state, action]))
            if strength < FAINTEST or state == here:
                continue
            for corners in footprints(table.grid.directions[action]):
                board.shape(_cell(table, state), corners, _grey(strength * FOOT_STRENGTH))
        return _coverage(board)


def footprints(direction: tuple[int, int]) -> list[list[tuple[float, float]]]:
    """Two footprints in a direction, each with sole and heel: polygons around the middle of a cell."""
    x, y = direction
    found: list[list[tuple[float, float]]] = []
    for side, ahead in ((-0.12, 0.07), (0.12, -0.07)):
        for center, length, width in ((0.06, 0.11, 0.07), (-0.12, 0.05, 0.055)):
            turns = [each * math.tau / 20 for each in range(20)]
            along = [ahead + center + length * math.cos(turn) for turn in turns]
            across = [side + width * math.sin(turn) for turn in turns]
            found.append([(a * x - b * y, a * y + b * x) for a, b in zip(along, across, strict=True)])
    return found


def margin_of(environment: Env) -> int:
    """The margin in pixels around the grid of an environment's picture: 0 for Gymnasium's own pictures."""
    from zerone.environments.drawing.grid import MARGIN
    from zerone.environments.gym.bridge import GymnasiumEnvironment

    return MARGIN if isinstance(environment.unwrapped, GymnasiumEnvironment) else 0


def _cell(table: Table, state: int) -> tuple[int, int]:
    return state % table.grid.columns, state // table.grid.columns


def _grey(strength: float) -> str:
    return f"#{round(255 * strength):02X}" + 2 * f"{round(255 * strength):02X}"


def _coverage(board: Board) -> np.ndarray:
    return board.frame()[:, :, 0].astype(np.float32) / 255.0


def _cover(shown: np.ndarray, coverage: np.ndarray, color: tuple[int, int, int]) -> None:
    """Blend a colour into a picture in place, with the coverage as opacity."""
    height, width = coverage.shape
    part = shown[:height, :width]
    part += coverage[:, :, None] * (np.array(color, np.float32) - part)
