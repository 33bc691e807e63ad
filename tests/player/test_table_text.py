"""A table as text, compared character by character."""

from __future__ import annotations

import re

import numpy as np
import pytest

from zerone.environments.cliff import Cliff
from zerone.environments.drawing.geometry import grid_of
from zerone.environments.maze import Maze
from zerone.player.table_text import ASCII, UNICODE, symbols_for, table_lines, together, visible
from zerone.player.tables import Table, Trace

GRID = grid_of(Maze(layout=("S.#", "..G")))
DRAWING = "S o #\n. . G"


def table() -> Table:
    values = np.zeros((6, 4))
    values[0], values[1] = [0, 0.81, 0, 0.81], [0, 0.9, 0.729, -1]
    values[3] = [0, 0, 0, 0.0001]
    return Table(values, GRID)


def trace() -> Trace:
    made = Trace(6, 4, 0.4, replacing=True)
    for state, action in ((0, 1), (3, 3), (4, 0)):
        made.visit(state, action)
    return made


def test_arrows_and_values_beside_the_drawing():
    assert together(DRAWING, table(), None, UNICODE, 80) == (
        "S o #   ↘0.81 ↓0.90 #\n"
        ". . G   →  ~0 ·     G"
    )  # fmt: skip


def test_footprints_fade():
    assert together(DRAWING, table(), trace(), UNICODE, 80) == (
        "S o #   ↘0.81◦ ↓0.90  #\n"
        ". . G   →  ~0• ·    ● G"
    )  # fmt: skip


def test_what_every_stream_can_write():
    assert symbols_for("utf-8") is symbols_for(None) is UNICODE
    assert symbols_for("ascii") is symbols_for("latin-1") is symbols_for("no such encoding") is ASCII
    lines = table_lines(table(), trace(), ASCII, 80)
    assert lines == ["+0.81, v0.90  #", ">  ~0* .    @ G"]
    "".join(lines).encode("ascii")


@pytest.mark.parametrize(("width", "said"), [
    (25, "S o #   ↘0.81 ↓0.90 #\n. . G   →  ~0 ·     G"),
    (24, "S o #   ↘ ↓ #\n. . G   → · G"),
    (12, "S o #\n. . G\n\n↘ ↓ #\n→ · G"),
])  # fmt: skip
def test_what_does_not_fit_is_left_out_or_goes_below(width, said):
    wide = table()
    assert together(DRAWING, wide, None, UNICODE, width) == said


def test_a_cliff_fits_into_80_columns():
    grid = grid_of(Cliff())
    values = np.linspace(-13, -1, 48 * 4).reshape(48, 4)
    drawing = "\n".join([". " * 11 + "."] * 4)
    for steps in (None, Trace(48, 4, 0.9, replacing=False)):
        text = together(drawing, Table(values, grid), steps, UNICODE, 80)
        assert max(len(line) for line in text.split("\n")) <= 80
        assert text.count("\n") == 3


def test_decimals_go_with_the_largest_value():
    values = np.zeros((6, 4))
    values[0], values[1], values[3] = [-12.34, -20, -20, -20], [-3, -4, -4, -4], [0, -1, -1, -1]
    assert table_lines(Table(values, GRID), None, UNICODE, 80)[0] == "↑-12.3 ↑ -3.0 #"


def test_a_line_above_the_drawing_and_colours_do_not_move_the_table():
    drawn = "(Right)\n\x1b[41mS\x1b[0m..\n..G"
    lines = together(drawn, table(), None, UNICODE, 80).split("\n")
    assert lines[0] == "(Right)"
    assert [visible(line[: line.index(mark)]) for line, mark in zip(lines[1:], "↘→", strict=True)] == [10, 10]


def test_a_terminal_gets_colours_that_take_no_room():
    plain, colored = (together(DRAWING, table(), trace(), UNICODE, 80, each, here=1) for each in (False, True))
    bare = re.sub(r"\x1b\[[0-9;]*m", "", colored)
    assert [line.rstrip() for line in bare.split("\n")] == plain.split("\n")
    assert "\x1b[7m↓0.90\x1b[27m" in colored
    shades = [int(each) for each in re.findall(r"\x1b\[38;5;(\d+)m", colored)]
    assert shades == [101, 136, 208]  # from the oldest to the newest


def test_nothing_learnt_yet():
    assert table_lines(Table(np.zeros((6, 4)), GRID), None, UNICODE, 80) == ["· · #", "· · G"]
