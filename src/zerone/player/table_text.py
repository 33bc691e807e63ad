"""A table as text: greedy arrows and values of each cell, and traces as fading footprints."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from zerone.base.language import translated
from zerone.base.wide import width as width_of
from zerone.player.tables import FAINTEST, plain_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zerone.player.tables import Table, Trace

UP, DOWN, LEFT, RIGHT = (0, -1), (0, 1), (-1, 0), (1, 0)
GAP = "   "
"""The space between the environment's drawing and the table."""
FRESH, OLD = 0.5, 0.2
"""The least traces for a large and for a medium footprint; smaller traces get a small one."""
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


@dataclasses.dataclass(frozen=True)
class Symbols:
    """The characters of a table. `ties` are characters for several arrows; other combinations use `several`."""

    arrows: Mapping[tuple[int, int], str]
    ties: Mapping[frozenset[tuple[int, int]], str]
    several: str
    nothing: str
    footprints: str
    """The characters of a large, a medium and a small footprint."""

    def arrow(self, directions: Sequence[tuple[int, int]]) -> str:
        """One character for the greedy actions of a state."""
        if len(directions) == 1:
            return self.arrows[directions[0]]
        return self.ties.get(frozenset(directions), self.several)


UNICODE = Symbols(
    arrows={UP: "↑", DOWN: "↓", LEFT: "←", RIGHT: "→"},
    ties={
        frozenset((LEFT, RIGHT)): "↔", frozenset((UP, DOWN)): "↕", frozenset((UP, LEFT)): "↖",
        frozenset((UP, RIGHT)): "↗", frozenset((DOWN, RIGHT)): "↘", frozenset((DOWN, LEFT)): "↙",
        frozenset((LEFT, UP, RIGHT)): "┴", frozenset((LEFT, DOWN, RIGHT)): "┬",
        frozenset((UP, RIGHT, DOWN)): "├", frozenset((UP, LEFT, DOWN)): "┤",
    },
    several="┼", nothing="·", footprints="●•◦",
)  # fmt: skip
ASCII = Symbols({UP: "^", DOWN: "v", LEFT: "<", RIGHT: ">"}, {}, several="+", nothing=".", footprints="@*,")

FADING = (208, 172, 136, 101)
"""Terminal colours (of 256) from orange to a grey that is visible on black and on white."""


def symbols_for(encoding: str | None) -> Symbols:
    """Unicode symbols if the stream's encoding has them, else ASCII."""
    all_of_them = [*UNICODE.arrows.values(), *UNICODE.ties.values(), UNICODE.several, UNICODE.nothing]
    try:
        ("".join(all_of_them) + UNICODE.footprints).encode(encoding or "utf-8")
    except (UnicodeError, LookupError):
        return ASCII
    return UNICODE


def legend(symbols: Symbols, traced: bool) -> list[str]:
    """Lines of fewer than 80 characters that explain the symbols of a table."""
    ties = "".join([symbols.ties[frozenset((LEFT, RIGHT))], symbols.ties[frozenset((UP, LEFT))],
                    symbols.ties[frozenset((LEFT, UP, RIGHT))]]) if symbols.ties else ""  # fmt: skip
    arrows = "".join(symbols.arrows.values())
    several = f"{ties}{symbols.several}" if ties else symbols.several
    lines = [translated("{arrows} the best action; {several} several that are equally good; {nothing} none is known",
                        arrows=arrows, several=several, nothing=symbols.nothing),
             translated("beside them the value of the best action; below Q of each action, * the highest")]  # fmt: skip
    if traced:
        lines.append(translated("{footprints} the trace: how much of the next error a step will be taught",
                                footprints=symbols.footprints))  # fmt: skip
    return lines


def table_lines(
    table: Table, trace: Trace | None, symbols: Symbols, width: int, colored: bool = False, here: int | None = None,
    lit: frozenset[int] = frozenset(),
) -> list[str]:  # fmt: skip
    """One line for each row of the grid: arrows, values if they fit into `width`, and footprints.

    With `colored`, footprints also fade in colour, the states in `lit` are underlined, and the state `here` is shown in
    reverse.
    """
    grid = table.grid
    numbers = _numbers(table)
    longest = max((len(each) for each in numbers), default=0)
    steps = None if trace is None else trace.values.max(1)
    narrow = 1 + (trace is not None)
    if grid.columns * (narrow + longest + 1) - 1 > width:
        numbers, longest = [""] * grid.states, 0
    arrows = {state: symbols.arrow(directions) for state, directions in table.arrows()}
    lines: list[str] = []
    for first in range(0, grid.states, grid.columns):
        cells: list[str] = []
        for state in range(first, first + grid.columns):
            mark = arrows.get(state, symbols.nothing if grid.acts[state] else grid.kinds[state].letter)
            cell = f"{mark}{numbers[state]:>{longest}}"
            if colored and state in lit:
                cell = f"\x1b[1;4m{cell}\x1b[22;24m"
            if colored and state == here:
                cell = f"\x1b[7m{cell}\x1b[27m"
            cells.append(cell + ("" if steps is None else _footprint(float(steps[state]), symbols, colored)))
        lines.append(" ".join(cells))
    return lines if colored else [line.rstrip() for line in lines]


def together(
    drawing: str, table: Table, trace: Trace | None, symbols: Symbols, width: int, colored: bool = False,
    here: int | None = None, lit: frozenset[int] = frozenset(),
) -> str:  # fmt: skip
    """The environment's drawing with the table to its right, or below it if the lines would be too long."""
    drawn = drawing.split("\n")
    column = max(visible(line) for line in drawn) + len(GAP)
    narrowest = table.grid.columns * (2 + (trace is not None)) - 1
    if column + narrowest > width:
        return "\n".join([*drawn, "", *table_lines(table, trace, symbols, width, colored, here, lit)])
    lines = table_lines(table, trace, symbols, width - column, colored, here, lit)
    height = max(len(drawn), len(lines))
    drawn = [""] * (height - len(drawn)) + drawn  # align the last lines
    lines = [""] * (height - len(lines)) + lines
    rows = zip(drawn, lines, strict=True)
    return "\n".join((line + " " * (column - visible(line)) + other).rstrip() for line, other in rows)


def visible(line: str) -> int:
    """The visible width of a line, without the escape sequences of colours."""
    return width_of(ESCAPES.sub("", line))


def _numbers(table: Table) -> list[str]:
    """V(s) of each state as text, all with the same decimals; empty for states without learnt values."""
    best, learnt, largest = table.best, table.learnt, table.largest_best
    return [plain_number(float(best[state]), largest) if learnt[state] else "" for state in range(len(best))]


def _footprint(trace: float, symbols: Symbols, colored: bool) -> str:
    if trace < FAINTEST:
        return " "
    mark = symbols.footprints[0 if trace >= FRESH else 1 if trace >= OLD else 2]
    if not colored:
        return mark
    age = min(int((1.0 - min(trace, 1.0)) * len(FADING)), len(FADING) - 1)
    return f"\x1b[38;5;{FADING[age]}m{mark}\x1b[39m"
