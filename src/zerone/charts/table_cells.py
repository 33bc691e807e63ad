"""The cells of a Q table in a figure: colours, and numbers, arrows and footprints if there is room for them."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from zerone.player.table_frame import footprints
from zerone.player.tables import FAINTEST, plain_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zerone.environments.drawing.geometry import Grid
    from zerone.player.tables import Table, Trace

FLOOR, GREY, START, PAPER = "#F0F1F3", "#5B616B", "#56B4E9", "#FFFFFF"
BAD, NEUTRAL, GOOD = ("#803300", "#D55E00", "#F7D0B4"), "#FFFFFF", ("#B5D7EE", "#0072B2", "#003A5F")
"""Orange for values below 0, blue above, darker with distance from 0: safe for colour-blind readers."""
FOOTPRINT = "#D55E00"

EACH_ACTION, WITH_NUMBERS, WITH_FOOTPRINTS, WITH_ARROWS = 1.3, 0.6, 0.35, 0.12
"""The side in inches from which a cell shows each action's value, the best value, footprints, arrows."""
LARGEST_LETTERS = 11.0
GAP, FRAME = 0.94, 1.036
"""The sides of a square and of the frame around the start, in cells: the frame must not cover the square."""


@dataclasses.dataclass(frozen=True)
class Scale:
    """A colour scale for values from `low` to `high`."""

    low: float
    high: float

    @staticmethod
    def of(values: np.ndarray) -> Scale:
        """The scale over the range of these values, extended to 0 if it is not far away."""
        low, high = float(values.min()), float(values.max())
        if low == high:
            low, high = min(low, 0.0), max(high, 0.0)
        if 0 < low < high / 2:
            low = 0.0
        if low / 2 < high < 0:
            high = 0.0
        return Scale(low, high) if low < high else Scale(0.0, 1.0)

    @property
    def map(self) -> Any:
        """The scale as a Matplotlib `ScalarMappable`."""
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import LinearSegmentedColormap, Normalize

        if self.low < 0 < self.high:
            far = max(-self.low, self.high)
            colors, ends = [*BAD, NEUTRAL, *GOOD], (-far, far)
        elif self.low < 0:
            colors, ends = [*BAD, "#FDF1E9"], (self.low, self.high)
        else:
            colors, ends = ["#EDF5FB", *GOOD], (self.low, self.high)
        return ScalarMappable(Normalize(*ends, clip=True), LinearSegmentedColormap.from_list("values", colors))

    def colors(self, values: np.ndarray) -> list[str]:
        """The colour of each value, as `#RRGGBB`."""
        from matplotlib.colors import to_hex

        return [to_hex(each) for each in self.map.to_rgba(np.ravel(values))]


class Sheet:
    """An `Easel` on Matplotlib axes: one unit is the side of a cell.

    Polygons are collected and drawn together in their order, because a maze may have ten thousand cells.
    """

    def __init__(self, axes: Any, grid: Grid, inches: float) -> None:
        self.axes, self.grid, self.inches = axes, grid, inches
        self._corners: list[np.ndarray] = []
        self._colors: list[str] = []
        axes.set(xlim=(-0.5, grid.columns - 0.5), ylim=(grid.rows - 0.5, -0.5), aspect="equal")
        axes.set_axis_off()

    def cell(self, state: int) -> tuple[int, int]:
        """The (column, row) of a state."""
        return state % self.grid.columns, state // self.grid.columns

    def square(self, cell: tuple[int, int], color: str, side: float = GAP, line: float = 0.0) -> None:
        half = side / 2
        if not line:
            self.shape(cell, [(-half, -half), (half, -half), (half, half), (-half, half)], color)
            return
        for x, y in ((1, 0), (0, 1), (-1, 0), (0, -1)):  # four sides, each rotated by 90°
            inner = half - line
            sides = [(half, -half), (half, half), (inner, half), (inner, -half)]
            self.shape(cell, [(a * x - b * y, a * y + b * x) for a, b in sides], color)

    def disc(self, cell: tuple[int, int], x: float, y: float, radius: float, color: str) -> None:
        turns = [each * math.tau / 40 for each in range(40)]
        self.shape(cell, [(x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns], color)

    def shape(self, cell: tuple[int, int], corners: Sequence[tuple[float, float]], color: str) -> None:
        self._corners.append(np.array(corners) + cell)
        self._colors.append(color)

    def words(self, cell: tuple[int, int], x: float, y: float, text: str, color: str, bold: bool = False) -> None:
        """A number centred at (x, y), measured from the middle of `cell`."""
        weight = "bold" if bold else "normal"
        points = min(LARGEST_LETTERS, (7.0 if self.inches >= EACH_ACTION else 13.0) * self.inches)
        self.axes.text(cell[0] + x, cell[1] + y, text.replace("-", "\N{MINUS SIGN}"), color=color, fontsize=points,
                       fontweight=weight, ha="center", va="center_baseline")  # fmt: skip

    def scenery(self) -> None:
        """Paint walls and end cells, and a frame around the start."""
        for state, kind in enumerate(self.grid.kinds):
            if kind.paint is not None:
                kind.paint(self, self.cell(state))
            elif kind.letter:
                self.square(self.cell(state), START, side=FRAME, line=0.032)

    def finish(self) -> None:
        """Draw the collected polygons."""
        from matplotlib.collections import PolyCollection

        # An edge in the same colour hides the seam between adjacent polygons.
        painted = PolyCollection(self._corners, facecolors=self._colors, edgecolors=self._colors, linewidths=0.3)
        painted.set(zorder=1, clip_on=False)  # the frame around a start in a corner is outside of the axes
        self.axes.add_collection(painted)


def paint_values(sheet: Sheet, table: Table, scale: Scale | None) -> None:
    """Paint the Q value of each action if there is room, else the state's value or its colour alone, and greedy arrows.

    `scale` is None if nothing has been learnt yet.
    """
    learnt = table.learnt
    for state in np.flatnonzero(table.grid.acts & ~learnt):
        sheet.square(sheet.cell(int(state)), FLOOR)
        sheet.disc(sheet.cell(int(state)), 0.0, 0.0, 0.04, GREY)
    if scale is not None:
        paint = _paint_actions if sheet.inches >= EACH_ACTION else _paint_best
        paint(sheet, table, scale)
    sheet.scenery()
    sheet.finish()


def shown_values(table: Table, each_action: bool) -> np.ndarray:
    """The values that a table's cells show as colours: of each action, or of the best action in each state."""
    return table.values[table.learnt].ravel() if each_action else table.best[table.learnt]


def _paint_best(sheet: Sheet, table: Table, scale: Scale) -> None:
    numbers, largest = sheet.inches >= WITH_NUMBERS, table.largest_best
    colors = scale.colors(table.best)
    for state, directions in table.arrows():
        cell, ink = sheet.cell(state), ink_on(colors[state])
        sheet.square(cell, colors[state])
        if sheet.inches >= WITH_ARROWS:
            for corners in arrows(directions):
                sheet.shape(cell, [(x, y - 0.1 * numbers) for x, y in corners], ink)
        if numbers:
            sheet.words(cell, 0, 0.31, plain_number(float(table.best[state]), largest), ink)


def _paint_actions(sheet: Sheet, table: Table, scale: Scale) -> None:
    """Paint a wedge for each action, on the side to which it leads, with an arrowhead on greedy actions."""
    directions, greedy = table.grid.directions, table.greedy
    corners = wedges(directions)
    colors = np.reshape(scale.colors(table.values), table.values.shape)
    largest = table.largest
    for state in np.flatnonzero(table.learnt):
        cell = sheet.cell(int(state))
        for action, direction in enumerate(directions):
            color, best = str(colors[state, action]), bool(greedy[state, action])
            ink = ink_on(color)
            sheet.shape(cell, corners[action], color)
            place = 0.215 if direction[0] else 0.25
            text = plain_number(float(table.values[state, action]), largest)
            sheet.words(cell, direction[0] * place, direction[1] * place, text, ink, bold=best)
            if best:
                sheet.shape(cell, turned([(0.43, 0.0), (0.38, 0.06), (0.38, -0.06)], direction), ink)


def paint_trace(sheet: Sheet, table: Table, trace: Trace) -> None:
    """Paint footprints in the direction of each step, in a stronger colour for a larger trace."""
    for floor in np.flatnonzero(table.grid.acts):
        sheet.square(sheet.cell(int(floor)), FLOOR)
    sheet.scenery()
    for place in np.argsort(trace.values, axis=None, kind="stable"):
        state, action = divmod(int(place), trace.values.shape[1])
        strength = float(trace.values[state, action])
        if strength < FAINTEST:
            continue
        cell, color = sheet.cell(state), _mixed(FLOOR, FOOTPRINT, 0.12 + 0.88 * min(1.0, strength))
        if sheet.inches < WITH_FOOTPRINTS:
            sheet.square(cell, color)
            continue
        for corners in footprints(table.grid.directions[action]):
            sheet.shape(cell, corners, color)
        if sheet.inches >= WITH_NUMBERS and strength == trace.values[state].max():
            sheet.words(cell, 0.23, 0.33, f"{strength:.2f}", GREY)
    sheet.finish()


def arrows(directions: Sequence[tuple[int, int]]) -> list[list[tuple[float, float]]]:
    """The corners of one arrow through the middle of a cell, or of a smaller arrow for each of several directions."""
    if len(directions) == 1:
        return [turned(_arrow(-0.23, 0.23, 0.18, 0.14, 0.035), directions[0])]
    # Two arrows towards one corner are moved away from it, so that the pair is centred.
    x, y = (-0.16 * sum(parts) / len(directions) for parts in zip(*directions, strict=True))
    small = [turned(_arrow(0.05, 0.29, 0.14, 0.11, 0.03), direction) for direction in directions]
    return [[(a + x, b + y) for a, b in corners] for corners in small]


def _arrow(back: float, tip: float, head: float, half: float, thick: float) -> list[tuple[float, float]]:
    neck = tip - head
    return [(back, thick), (neck, thick), (neck, half), (tip, 0.0), (neck, -half), (neck, -thick), (back, -thick)]


def turned(corners: Sequence[tuple[float, float]], direction: tuple[int, int]) -> list[tuple[float, float]]:
    """Rotate corners from the direction right to `direction`."""
    x, y = direction
    return [(a * x - b * y, a * y + b * x) for a, b in corners]


def wedges(directions: Sequence[tuple[int, int]]) -> list[list[tuple[float, float]]]:
    """The part of a cell for each action: a quarter, or a half if the only actions are left and right."""
    half, slit = GAP / 2, 0.008
    if all(y == 0 for _, y in directions):
        part = [(slit, -half), (half, -half), (half, half), (slit, half)]
    else:
        part = [(2 * slit, 0.0), (half, slit - half), (half, half - slit)]
    return [turned(part, direction) for direction in directions]


def ink_on(color: str) -> str:
    """Black or white, whichever has more contrast with a colour by WCAG 2 (always at least 4.5)."""
    shades = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in shades)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#000000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#FFFFFF"


def _mixed(one: str, other: str, share: float) -> str:
    parts = [[int(each[place : place + 2], 16) for place in (1, 3, 5)] for each in (one, other)]
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in zip(*parts, strict=True))
