"""The table drawn over the frames of its environment."""

from __future__ import annotations

import io

import gymnasium
import jax
import numpy as np
import pytest

from zerone.environments import catalogue, drawing
from zerone.environments.drawing.geometry import grid_of
from zerone.environments.drawing.grid import MARGIN
from zerone.environments.gym.bridge import GymnasiumEnvironment
from zerone.environments.gym.guard import Guard
from zerone.player import episode, viewer
from zerone.player.table_frame import Overlay, footprints, margin_of
from zerone.player.tables import Table, Trace
from zerone.player.view import TableView, ValueView, View, values_text

LINE = catalogue.make("zerone/Treasure-v0")
GRID = grid_of(LINE)
RIGHT = np.array([[0.0, 0.5]] * 6)
ACTIONS = ["left", "right"]


def line(mode):
    return Guard(GymnasiumEnvironment(LINE, render_mode=mode), "zerone/Treasure-v0", 0)


def moments(environment, number=1):
    return episode.episodes(environment, lambda _: 1, number=number, seed=0)


def changed(before, after):
    """Which cells of the line look different, and in which third of the cell: left, middle or right."""
    different = (before != after).any(2)[MARGIN:-MARGIN, MARGIN:-MARGIN]
    thirds = different.reshape(96, 18, 32).any((0, 2)).reshape(6, 3)
    return {(int(cell), ["left", "middle", "right"][part]) for cell, part in np.argwhere(thirds)}


def test_arrowheads_are_at_the_edges_where_the_actions_lead():
    _, state = LINE.reset(jax.random.key(0))
    frame = drawing.frame(LINE, state)
    table = Table(np.array([[0, 1.0], [0, 1], [0, 0], [1, 0], [0, 0], [0, 0]]), GRID)
    shown = Overlay(table).over(frame, MARGIN, None, 0)
    assert (shown.shape, shown.dtype) == (frame.shape, np.uint8)
    places = changed(frame, shown)
    assert {(0, "right"), (1, "right"), (3, "left")} <= places
    assert not {cell for cell, _ in places} & {2, 4, 5}
    assert (1, "left") not in places


def test_footprints_fade_and_are_not_where_somebody_stands():
    environment = line("rgb_array")
    environment.reset(seed=0)
    frame = episode.frame_of(environment)
    trace = Trace(6, 2, 0.5, replacing=True)
    for state in range(4):
        trace.visit(state, 1)
    nothing = Overlay(Table(np.zeros((6, 2)), GRID))
    shown = nothing.over(frame, MARGIN, trace, here=3)
    assert {cell for cell, _ in changed(frame, shown)} == {0, 1, 2}
    cells = (frame.astype(float) - shown)[MARGIN:-MARGIN, MARGIN:-MARGIN].reshape(96, 6, 96, 3)
    strength = np.abs(cells).max((0, 2, 3))
    assert 0 < strength[0] < strength[1] < strength[2]
    assert (nothing.over(frame, MARGIN, None, here=3) == frame).all()


def test_footprints_go_where_the_action_leads():
    for direction in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        sole, heel, *_ = (np.mean(corners, 0) for corners in footprints(direction))
        assert np.dot(sole - heel, direction) > 0.1


def test_a_new_table_is_taken_up():
    policies = [RIGHT, RIGHT[:, ::-1].copy()]
    view = TableView(lambda: policies[0], GRID, None, ACTIONS)
    environment = line("ansi")
    texts = []
    for moment in view.follow(moments(environment)):
        texts.append(view.text(environment, moment, io.StringIO()))
        if moment.step == 1:
            policies.pop(0)
    assert texts[0] == "o----T   →0.50 →0.50 →0.50 →0.50 →0.50 T\nQ  left 0  right 0.5*"
    assert texts[2] == "--o--T   ←0.50 ←0.50 ←0.50 ←0.50 ←0.50 T\nQ  left 0.5*  right 0"


def test_the_plain_view_changes_nothing():
    environment = line("rgb_array")
    environment.reset(seed=0)
    assert (View().frame(environment) == environment.render()).all()
    film = TableView(lambda: RIGHT, GRID, Trace(6, 2, 0.5, replacing=False), ACTIONS)
    assert film.frame(environment).shape == environment.render().shape


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_a_film_with_a_table(tmp_path, suffix):
    environment = line("rgb_array")
    view = TableView(lambda: RIGHT, GRID, Trace(6, 2, 0.5, replacing=True), ACTIONS)
    assert viewer.on_film(environment, moments(environment), tmp_path / f"film{suffix}", view) == 8


def test_a_network_says_in_characters_what_each_action_is_worth():
    environment, out = line("ansi"), io.StringIO()
    view = ValueView(lambda observation: np.array([-1.0, 0.125 * (1 + observation)]), ACTIONS)
    said = [view.text(environment, moment, out).split("\n")[-1] for moment in moments(environment)]
    assert said[:2] == ["Q  left -1  right 0.125*", "Q  left -1  right 0.25*"]
    assert "Q " not in said[-1]  # the episode is over, so no action is chosen
    assert view.legend(out) == ""


def test_no_star_where_all_actions_are_worth_the_same():
    assert values_text(["a", "b"], [0.5, 0.5]) == "Q  a 0.5  b 0.5"
    assert values_text(["a", "b", "c"], [2.0, -1.0, 2.0]) == "Q  a 2*  b -1  c 2*"


def test_a_table_in_characters_explains_its_signs_once_and_says_q_of_every_action():
    environment, out = line("ansi"), io.StringIO()
    view = TableView(lambda: RIGHT, GRID, Trace(6, 2, 0.5, replacing=True), ACTIONS)
    viewer.in_terminal(environment, moments(environment), out, view=view)
    said = out.getvalue()
    assert said.startswith("↑↓←→ the best action; ↔↖┴┼ several that are equally good; · none is known\n")
    assert said.count("none is known") == 1
    assert "●•◦ the trace" in said
    assert "Q  left 0  right 0.5*\n" in said
    assert max(map(len, said.splitlines())) <= 80

    class Plain(io.StringIO):
        encoding = "ascii"

    assert view.legend(Plain()).startswith("^v<> the best action; + several")


def test_text_on_a_terminal_stays_in_its_place(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(viewer.time, "sleep", lambda _: None)
    monkeypatch.delenv("NO_COLOR", raising=False)
    environment, terminal = line("ansi"), Terminal()
    view = TableView(lambda: RIGHT, GRID, Trace(6, 2, 0.5, replacing=True), ACTIONS)
    assert viewer.in_terminal(environment, moments(environment), terminal, view=view) == 1
    assert terminal.getvalue().count("\x1b[3F\x1b[J") == 5
    assert "\x1b[38;5;208m●" in terminal.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Terminal()
    viewer.in_terminal(environment, moments(environment), plain, view=view)
    assert "\x1b[38" not in plain.getvalue()


@pytest.mark.parametrize("id", ["FrozenLake-v1", "FrozenLake8x8-v1", "CliffWalking-v1"])
def test_gymnasiums_own_pictures_have_the_same_cells(id):  # noqa: A002
    """An arrow over Gymnasium's frame is in the same place as the cell in that frame."""
    environment = gymnasium.make(id, render_mode="rgb_array")
    environment.reset(seed=0)
    frame, grid = episode.frame_of(environment), grid_of(catalogue.make(id))
    assert margin_of(environment) == 0
    assert margin_of(line("rgb_array")) == MARGIN
    pixels = frame.shape[1] // grid.columns
    assert frame.shape[:2] == (grid.rows * pixels, grid.columns * pixels)
    values = np.zeros((grid.states, 4))
    values[2 * grid.columns + 1] = [1, 0, 0, 0]
    shown = Overlay(Table(values, grid)).over(frame, 0, None, 0)
    rows, columns = np.nonzero((shown != frame).any(2))
    assert (set(rows // pixels), set(columns // pixels)) == ({2}, {1})
