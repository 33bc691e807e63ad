"""Runs, figures, tables and progress as displayed in a notebook and in a plain program."""

from __future__ import annotations

import json
import pickle
import struct
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import zerone as zo
from zerone.charts.image import Figure

LINE = ("q-learning", "zerone/Treasure-v0")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return zo.train(*LINE, steps=2_000, out=tmp_path_factory.mktemp("notebook") / "line", evaluation_episodes=20)


class Handle:
    """Like the handle that IPython's `display` returns, which updates the displayed object."""

    def __init__(self, shown):
        self.shown = shown

    def update(self, data, raw):
        assert raw
        self.shown.append(data)


@pytest.fixture
def notebook(monkeypatch):
    """A list of what a notebook displays below a cell, with replaced IPython modules."""
    shown = []

    def display(data, raw, display_id):
        assert raw
        assert display_id
        shown.append(data)
        return Handle(shown)

    shell = types.SimpleNamespace(kernel=object())
    # Matplotlib asks for IPython's version at the first figure of a process.
    ipython = types.SimpleNamespace(get_ipython=lambda: shell, version_info=(9, 0, 0))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=display))
    return shown


class Terminal:
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text
        return len(text)

    def flush(self):
        pass

    def isatty(self):
        return True


@pytest.mark.thorough
def test_a_program_is_silent(capfd, tmp_path):
    zo.train(*LINE, steps=300, out=tmp_path / "a", figure=False)
    zo.resume(tmp_path / "a")
    zo.sweep(*LINE, {"learning_rate": [0.1, 0.2]}, steps=100, seeds=3, out=tmp_path / "s")
    assert capfd.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_unless_it_is_not_wanted(monkeypatch, tmp_path):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    zo.train(*LINE, steps=300, out=tmp_path / "a", figure=False, progress=False)
    assert terminal.text == ""
    zo.train(*LINE, steps=300, out=tmp_path / "b", figure=False)
    assert "300 / 300 steps" in terminal.text


def test_lines_where_they_are_asked_for(capsys, tmp_path):
    zo.train(*LINE, steps=300, out=tmp_path / "a", figure=False, progress=True)
    said = capsys.readouterr()
    assert said.out == ""
    assert "300 / 300 steps" in said.err


def test_a_notebook_shows_how_far_it_is_below_the_cell(notebook, tmp_path):
    zo.train(*LINE, steps=300, out=tmp_path / "a", figure=False)
    assert notebook[0]["text/plain"].startswith("compiling")
    assert notebook[-1]["text/plain"].startswith("300 / 300 steps")
    assert "left" not in notebook[-1]["text/plain"]
    assert 'value="1.0000"' in notebook[-1]["text/html"]
    zo.resume(tmp_path / "a")  # it has ended already, so its display is cleared
    assert notebook[-1] == {"text/html": "", "text/plain": ""}
    before = len(notebook)
    zo.train(*LINE, steps=300, out=tmp_path / "b", figure=False, progress=False)
    assert len(notebook) == before
    zo.sweep(*LINE, {"learning_rate": [0.1, 0.2]}, steps=100, seeds=3, out=tmp_path / "s")
    assert notebook[-1]["text/plain"].startswith("300 / 300 steps")
    assert "the best on other seeds" in notebook[-1]["text/plain"]


def test_a_notebook_is_not_flooded_however_often_the_host_looks_up(notebook, monkeypatch, tmp_path):
    """Each update of the display is a message to the browser: at most four per second, plus the first and the last."""
    now, looks = [100.0], []
    monkeypatch.setattr("zerone.training.progress.time", types.SimpleNamespace(monotonic=lambda: now[0]))

    def pass_time(event, training):
        del training
        if isinstance(event, zo.callbacks.Progress) and not event.final_episodes:
            looks.append(event.steps)
            now[0] += 0.01

    zo.train(*LINE, steps=300, out=tmp_path / "a", figure=False, chunk=1, callbacks=[pass_time])
    assert len(looks) == 300
    assert 300 * 0.01 / 0.25 <= len(notebook) <= 300 * 0.01 / 0.25 + 4


def test_progress_changes_no_bit(notebook, tmp_path):
    zo.train(*LINE, steps=300, out=tmp_path / "a", figure=False)
    zo.train(*LINE, steps=300, out=tmp_path / "b", figure=False, progress=False)
    assert notebook
    assert (tmp_path / "a" / "metrics.csv").read_bytes() == (tmp_path / "b" / "metrics.csv").read_bytes()


def test_running_a_cell_again_says_what_to_do_in_the_words_of_python(run):
    with pytest.raises(zo.InputError) as error:
        zo.train(*LINE, out=run.path)
    assert f"zo.resume({str(run.path)!r})" in str(error.value)
    assert "overwrite=True" in str(error.value)
    assert "--" not in str(error.value)


def test_what_plot_returns_is_a_path_and_a_picture(run, tmp_path):
    for found in (run.plot(), run.plot_table(), run.plot(tmp_path / "x.png")):
        assert isinstance(found, Path)
        assert isinstance(found, Figure)
        data, size = found._repr_png_()
        assert data == Path(str(found)).read_bytes()
        (width,) = struct.unpack(">I", data[16:20])
        assert 0 < size["width"] < width
        assert found == Path(str(found))
        assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - our own
        assert found._repr_svg_() is None
    assert run.plot(tmp_path / "x.svg")._repr_svg_().startswith("<?xml")
    assert run.plot(tmp_path / "x.svg")._repr_png_() is None
    assert (tmp_path / "x.png").parent == found.parent
    found.unlink()
    assert found._repr_png_() is None


def test_a_run_says_what_it_is(run):
    assert repr(run) == f"Run({str(run.path)!r}: q-learning on zerone/Treasure-v0, seed 0, 2,000 steps, mean return 1)"
    page = run._repr_html_()
    assert "<table>" in page
    assert "data:image/png;base64," in page
    assert repr(run.agent()) == "Agent(q-learning on zerone/Treasure-v0, seed 0)"


def test_an_evaluation_fits_on_a_line_and_is_a_dictionary(run):
    found = run.evaluate(episodes=50)
    assert repr(found) == (
        "Evaluated(episodes=50, evaluation_seed=0, seed=0, return_mean=1, return_std=0, length_mean=5, "
        "returns=[50 numbers])"
    )
    assert json.loads(json.dumps(found)) == found == dict(found)
    assert found["return_mean"] == 1.0
    assert {**found} == found
    assert len(repr(run.agent().evaluate(50))) < 80


def test_the_table_of_a_table(run):
    agent = run.agent()
    table = run.table
    assert table.actions == ("left", "right")
    assert table.states == ("0", "1", "2", "3", "4", "5")
    np.testing.assert_array_equal(np.asarray(table), np.asarray(agent.policy))
    np.testing.assert_array_equal(agent.values(2), np.asarray(agent.policy)[2])
    np.testing.assert_array_equal(agent.values([0, 3]), np.asarray(agent.policy)[[0, 3]])
    assert table[4, 1] == np.asarray(agent.policy)[4, 1]
    assert table.shape == (6, 2)
    lines = repr(table).splitlines()
    assert lines[0] == "Q(s, a) of 6 states and 2 actions"
    assert lines[1].split() == ["state", "left", "right"]
    assert len(lines) == 8
    assert table._repr_html_().count("<b>") == 5  # one greedy action per state, none in terminal states


def test_a_table_of_many_states_is_cut_and_one_of_several_numbers_named_by_them():
    from gymnasium import spaces

    from zerone.training.q_table import QTable, labels

    table = QTable(np.zeros((500, 2), np.float32), labels(spaces.Discrete(500, start=7), 500), ("0", "1"))
    assert repr(table).splitlines()[2].split()[0] == "7"
    assert "436 more states" in repr(table)
    assert labels(spaces.MultiDiscrete([2, 3]), 6) == ("0 0", "0 1", "0 2", "1 0", "1 1", "1 2")


@pytest.mark.thorough
def test_the_table_of_a_network_and_of_what_has_none(tmp_path):
    short = {"steps": 300, "evaluation_episodes": 2, "figure": False}
    settings = {"hidden": (8,), "batch": 4, "warmup": 10}
    agent = zo.train("dqn", LINE[1], out=tmp_path / "dqn", settings=settings, **short).agent()
    assert agent.table.shape == (6, 2)
    np.testing.assert_allclose(np.asarray(agent.table)[3], agent.values(3), rtol=1e-6)
    agent = zo.train("dqn", "CartPole-v1", out=tmp_path / "pole", settings=settings, **short).agent()
    assert agent.values(np.zeros((5, 4))).shape == (5, 2)
    with pytest.raises(zo.InputError, match=r"no table: observations are Box\(4,\), not states"):
        agent.table  # noqa: B018 - it is what is tested
    with pytest.raises(zo.InputError, match="observation of shape"):
        agent.values([1.0, 2.0])
    agent = zo.train("reinforce", LINE[1], out=tmp_path / "r", settings={"hidden": (8,)}, **short).agent()
    for ask in (lambda: agent.table, lambda: agent.values(0)):
        with pytest.raises(zo.InputError, match=r"reinforce learns no value Q\(s, a\)"):
            ask()


@pytest.mark.thorough
def test_a_sweep_says_what_it_found(tmp_path):
    found = zo.sweep(*LINE, {"learning_rate": [0.1, 0.5]}, steps=200, seeds=3, out=tmp_path / "s")
    assert "2 settings; best learning_rate = " in repr(found)
    assert "\n" not in repr(found)
    assert "data:image/png;base64," in found._repr_html_()
    assert isinstance(found.plot(tmp_path / "x.png"), Figure)
