"""Pictures of the tables of runs."""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pytest

import zerone as zo
from zerone.base.errors import InputError
from zerone.base.pytree import configured
from zerone.environments.maze import Maze
from zerone.environments.maze_layouts import LEFT_WAY
from zerone.environments.wrappers import TimeLimit
from zerone.training.folder import RunFolder
from zerone.training.tables import NoTableError, NothingToDrawError, judged_environment, read_tables

SMALL = {"steps": 400, "evaluation_episodes": 2, "figure": False}


@pytest.fixture(scope="module")
def maze(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "maze"
    zo.train("q-learning", "zerone/Maze-v0", seeds=2, out=path, evaluate_every=100, **SMALL)
    return path


def test_the_picture_is_that_of_the_agent(maze):
    run, folder = zo.load(maze), RunFolder.open(maze)
    for seed, which in ((0, "best"), (1, "best"), (1, "last"), (0, "400")):
        (picture,) = read_tables([folder], seed=seed, which=which)
        np.testing.assert_array_equal(picture.table.values, run.agent(seed, which).policy)
        assert picture.title == "q-learning on zerone/Maze-v0"
        assert picture.trace is None
    best = read_tables([folder])[0].subtitle
    assert best == f"seed 0 of 2 seeds, best policy, found after {run.result['seeds'][0]['best_step']} steps"
    assert read_tables([folder], which="last")[0].subtitle == "seed 0 of 2 seeds, policy after 400 steps"


def test_several_runs_are_told_by_their_names(maze, tmp_path):
    copy = shutil.copytree(maze, tmp_path / "again")
    pictures = read_tables([RunFolder.open(maze), RunFolder.open(copy)])
    assert [each.title for each in pictures] == ["maze", "again"]
    assert pictures[0].subtitle.startswith("q-learning on zerone/Maze-v0, seed 0 of 2 seeds")


def test_python_draws_it(maze, tmp_path):
    shutil.copytree(maze, tmp_path / "copy")
    run = zo.load(tmp_path / "copy")
    assert run.plot_table() == run.path / "table.png"
    first = run.plot_table(tmp_path / "one.png", seed=1, checkpoint="last").read_bytes()
    assert run.plot_table(tmp_path / "two.png", seed=1, checkpoint="last").read_bytes() == first
    assert (run.path / "table.png").read_bytes() != first


@pytest.mark.figures
def test_a_training_ends_with_its_pictures(tmp_path):
    run = zo.train("q-learning", "zerone/Treasure-v0", out=tmp_path / "run", **{**SMALL, "figure": True})
    assert {each.name for each in run.path.glob("*.png")} == {"figure.png", "table.png"}
    again = zo.train("q-learning", "zerone/Treasure-v0", out=tmp_path / "run", overwrite=True, **SMALL)
    assert not [*again.path.glob("*.png")]


def test_a_table_of_the_host_engine_is_drawn_as_our_twin(tmp_path):
    asked = {**SMALL, "engine": "host", "options": {"is_slippery": False, "map_name": "4x4"}}
    run = zo.train("q-learning", "FrozenLake-v1", out=tmp_path / "run", **asked)
    (picture,) = read_tables([RunFolder.open(run.path)])
    assert (picture.table.grid.columns, picture.table.grid.rows) == (4, 4)
    lost = {**run.config, "environment": {**run.config["environment"], "options": {"map_name": None}}}
    assert judged_environment(lost) is None


@pytest.mark.figures
def test_an_environment_without_an_id(tmp_path):
    @configured
    class Ours(Maze):
        """A class that cannot be imported."""

    made = TimeLimit(Ours(layout=("S..", "H.G")), 20)
    run = zo.train("q-learning", made, out=tmp_path / "run", **{**SMALL, "figure": True})
    with pytest.raises(NoTableError, match="Ours are not the cells of a grid"):
        zo.load(run.path).plot_table()
    with pytest.raises(NoTableError):
        zo.load(run.path, environment=made).plot_table()


@pytest.mark.figures
def test_an_object_is_drawn_as_what_it_can_be_made_again_from(tmp_path):
    made = TimeLimit(Maze(layout=("S..", "H.G")), 20)
    run = zo.train("q-learning", made, out=tmp_path / "run", **{**SMALL, "figure": True})
    assert (run.path / "table.png").exists()
    assert zo.load(run.path).plot_table().exists()
    assert zo.load(run.path, environment=made).plot_table().exists()


def test_a_changing_maze_is_shown_as_its_agent_is_judged(tmp_path):
    run = zo.train("q-learning", "zerone/BlockingMaze-v0", out=tmp_path / "run", **SMALL)
    letters = "".join(kind.letter or "." for kind in read_tables([RunFolder.open(run.path)])[0].table.grid.kinds)
    assert letters == "".join(LEFT_WAY)


@pytest.mark.thorough
def test_looking_for_a_table_where_there_is_none_imports_no_jax(tmp_path):
    """Otherwise `zerone plot` would take a second longer for curves of networks."""
    path = zo.train("dqn", "zerone/MazeFeatures-v0", out=tmp_path / "dqn", settings={"hidden": (4,)}, **SMALL).path
    words = f"from zerone.cli.app import run; import sys; run(['plot', {str(path)!r}]); print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.splitlines() == [str(path / "figure.png"), "False"]


def test_what_has_no_table_says_so(maze, tmp_path):
    dqn = zo.train("dqn", "zerone/MazeFeatures-v0", out=tmp_path / "dqn", settings={"hidden": (4,)}, **SMALL)
    with pytest.raises(NothingToDrawError, match="dqn learns none"):
        dqn.plot_table()
    pictures = read_tables([RunFolder.open(dqn.path), RunFolder.open(maze)])
    assert len(pictures) == 1  # only the other one is drawn
    with pytest.raises(InputError, match="seed 7 was not trained; there are: 0, 1"):
        zo.load(maze).plot_table(seed=7)
    empty = shutil.copytree(maze, tmp_path / "empty")
    shutil.rmtree(empty / "checkpoints")
    with pytest.raises(NothingToDrawError, match="no checkpoint was saved yet"):
        zo.load(empty).plot_table()
