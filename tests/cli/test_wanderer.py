"""If an environment changes the working folder, files are still written, found and reported where they should be."""

from __future__ import annotations

import os

import pytest

SMALL = ("--steps", 40, "--evaluation-episodes", 2)
WANDERER = """
import os, sys, gymnasium
class Wanderer(gymnasium.Env):
    observation_space = action_space = gymnasium.spaces.Discrete(2)
    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}
    def __init__(self, render_mode=None, fail_at=0):
        self.render_mode, self.fail_at, self.steps = render_mode, fail_at, 0
        self.wander("made")
    def wander(self, when):
        if when == WHEN:
            os.chdir(ELSEWHERE)
    def reset(self, *, seed=None, options=None):
        self.wander("reset")
        return 0, {}
    def step(self, action):
        self.steps += 1
        self.wander("step")
        if self.steps == self.fail_at:
            raise OSError("gone")
        return 0, 1.0, self.steps % 3 == 0, False, {}
    def render(self):
        import numpy as np
        return np.zeros((40, 60, 3), np.uint8)
gymnasium.register(f"Wanderer-{WHEN}-v0", Wanderer)
if WHEN == "import":
    os.chdir(ELSEWHERE)
"""


@pytest.fixture(params=["import", "made", "reset", "step"])
def wanderer(request, here, tmp_path, monkeypatch):
    """The folder that the environment changes to."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    name = f"wanderer_{request.param}"
    (here / f"{name}.py").write_text(f"WHEN, ELSEWHERE = {request.param!r}, {str(elsewhere)!r}\n{WANDERER}")
    monkeypatch.syspath_prepend(here)
    yield f"{name}:Wanderer-{request.param}-v0", elsewhere
    os.chdir(here)


@pytest.mark.thorough(after=1)
@pytest.mark.figures
def test_a_training_and_all_that_comes_after_it(zerone, here, wanderer):
    identity, elsewhere = wanderer

    def at_home(*arguments):
        os.chdir(here)
        ended = zerone(*arguments)
        assert (ended.code, ended.err) == (0, ""), ended
        return ended

    named = at_home("train", "q-learning", identity, *SMALL).out
    path = f"runs/q-learning-{identity.replace(':', '-')}-1"
    assert f"run folder: {path}\n" in named
    assert (here / path / "figure.png").exists()
    assert at_home("train", "q-learning", identity, *SMALL, "--out", "run", "--quiet").out == "run\n"
    assert at_home("train", "--resume", "run", "--trust", "--json").json["run"] == "run"
    assert at_home("evaluate", "run", "--trust", "--json", "--episodes", 2).json["run"] == "run"
    assert at_home("record", "run", "--trust", "--episodes", 2, "--out", "day").out.startswith("day: ")
    assert at_home("record", "--random", identity, "--steps", 9).out.startswith(
        f"datasets/{identity.replace(':', '-')}/random-v0: "
    )
    assert at_home("train", "q-learning", identity, *SMALL, "--from", "day", "--out", "night", "--quiet").code == 0
    assert at_home("watch", "run", "--trust", "--video", "film.mp4").out.startswith("film.mp4: ")
    swept = at_home("sweep", "q-learning", identity, "learning_rate=0.1,0.2", "--steps", 20, "--seeds", 3, "--out", "s")
    assert "folder: s\n" in swept.out
    assert {"day", "datasets", "film.mp4", "night", "run", "runs", "s"} <= {each.name for each in here.iterdir()}
    assert list(elsewhere.iterdir()) == []


def test_a_failure_names_the_checkpoint_that_there_is(zerone, here, wanderer):
    identity, _ = wanderer
    ended = zerone("train", "q-learning", identity, *SMALL, "--out", "run", "--option", "fail_at=9", "--no-figure")
    assert ended.code == 1
    ended.said_one_line("step 9: step raised OSError: gone; the last checkpoint is run/checkpoints/step-")
    assert (here / ended.err.split()[-1]).exists()


@pytest.mark.thorough(after=3)
def test_in_python_too(here, wanderer):
    import zerone as zo

    identity, _ = wanderer
    few = {"steps": 40, "evaluation_episodes": 2, "figure": False}
    run = zo.train("q-learning", identity, out="run", **few)
    assert run.path == here / "run"
    assert run.result["run"] == "run"
    assert run.evaluate(2)["return_mean"] == zo.load(run.path).evaluate(2)["return_mean"] == 3
    os.chdir(here)
    assert zo.resume("run").path == run.path
