"""A maze from a file on the command line: training, saving it in the run, and one-line refusals."""

from __future__ import annotations

import json

import pytest

from zerone.environments import catalogue

TRAIN = ("train", "q-learning", "zerone/Maze-v0", "--steps", 400, "--out", "run", "--no-figure", "--quiet")


def test_a_run_keeps_the_maze_itself(zerone, here):
    """Therefore the run can be resumed, evaluated and watched without the file."""
    file = here / "maze.txt"
    file.write_text("S..\n.#.\n..G\n")
    assert zerone(*TRAIN, "--option", "layout=maze.txt").code == 0
    options = json.loads((here / "run" / "config.json").read_text())["environment"]["options"]
    assert options == {"layout": ["S..", ".#.", "..G"]}
    zerone("train", "--resume", "run", "--option", "layout=SG").refused("layout", "S..")
    assert zerone("train", "--resume", "run", "--option", "layout=maze.txt", "--quiet").code == 0
    file.unlink()
    assert zerone("train", "--resume", "run", "--quiet").code == 0
    assert zerone("evaluate", "run", "--episodes", 2, "--json").json["length_mean"] <= 100
    assert ". # ." in zerone("watch", "run", "--text", "--episodes", 1).out


def test_the_host_engine_takes_it_too(zerone, here):
    (here / "lake.txt").write_text("SF\nFG\n")
    run = (*TRAIN[:2], "FrozenLake-v1", *TRAIN[3:], "--engine", "host", "--evaluation-episodes", 2)
    assert zerone(*run, "--option", "desc=lake.txt", "--option", "is_slippery=false").code == 0
    assert zerone("evaluate", "run", "--episodes", 2).code == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, ["layout bad.txt", "no such file"]),
        ("S.\nx.G\n", ["layout bad.txt", "line 2, column 1", "'x'"]),
        ("S.\n.", ["layout bad.txt", "line 2, column 2"]),
        ("..G", ["layout bad.txt", "no start (S)"]),
    ],
)
def test_what_is_no_maze_is_refused_in_one_line(zerone, here, text, words):
    if text is not None:
        (here / "bad.txt").write_text(text)
    zerone(*TRAIN, "--option", "layout=bad.txt").refused(*words)
    assert not (here / "run").exists()


@pytest.mark.thorough
def test_a_maze_that_changed_is_judged_and_watched_as_it_is_at_last(zerone, here):
    for engine in ("compiled", "host"):
        zerone("train", "q-learning", "zerone/BlockingMaze-v0", "--steps", 40, "--out", engine, "--no-figure",
               "--engine", engine, "--option", "limit=20" if engine == "compiled" else "change_at=30",
               "--evaluation-episodes", 1, "--evaluate-every", 40)  # fmt: skip
        seen = zerone("watch", engine, "--text", "--episodes", 1).out
        assert ". # # # # # # # #" in seen
        assert "# # # # # # # # ." not in seen
    assert json.loads((here / "host" / "config.json").read_text())["environment"]["options"] == {"change_at": 30}


@pytest.mark.thorough
def test_a_shaped_task_is_judged_by_its_own_reward_on_both_engines(zerone, here):
    """CartPole's own reward is 1 per step, so a return is an integer; the shaped reward of a step is below 1."""
    for engine in ("compiled", "host"):
        zerone("train", "dqn", "zerone/CartPoleShaped-v0", "--steps", 100, "--out", engine, "--no-figure",
               "--engine", engine, "--evaluation-episodes", 3, "--hidden", 8)  # fmt: skip
        judged = zerone("evaluate", engine, "--episodes", 3, "--json").json
        assert judged["return_mean"] == pytest.approx(judged["length_mean"])
        assert (here / engine / "config.json").exists()


CLOSED = "S#G,.#.,.#."


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(
    ("environment", "option", "engine", "place"),
    [
        ("zerone/Maze-v0", f"layout={CLOSED}", "compiled", "Maze: layout"),
        ("zerone/Maze-v0", f"layout={CLOSED}", "host", "Maze: layout"),
        ("zerone/Maze-v0", "layout=SHG,.H.", "compiled", "Maze: layout"),  # a hell blocks the only way
        ("zerone/MazePixels-v0", "layout=maze.txt", "compiled", "Maze: layout"),
        ("zerone/BlockingMaze-v0", "later=maze.txt", "compiled", "ChangingMaze: later"),
        ("FrozenLake-v1", "desc=SFH,FHF,HFG", "compiled", "FrozenLake: desc"),
    ],
)
def test_a_goal_that_cannot_be_reached_is_said_before_training(
    zerone, here, environment, option, engine, place, caplog
):
    (here / "maze.txt").write_text("........G\n.........\n.........\n#########\n.........\n...S.....\n")
    algorithm = "ppo" if "Pixels" in environment else "q-learning"
    words = ("--steps", 20, "--evaluation-episodes", 1, "--no-figure", "--quiet", "--out", "run")
    ended = zerone("train", algorithm, environment, "--engine", engine, "--option", option, *words)
    assert ended.code == 0, ended
    assert len(caplog.messages) == 1
    assert f"{place}: no way leads from the start at row " in caplog.messages[0]


@pytest.mark.parametrize(
    "environment", ["zerone/Maze-v0", "zerone/DynaMaze-v0", "zerone/BlockingMaze-v0", "zerone/ShortcutMaze-v0"]
)
def test_of_our_own_mazes_nothing_is_said(environment):
    assert catalogue.cut_off(catalogue.make(environment)) == []
