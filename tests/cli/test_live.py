"""The window beside a training: it shows the newest policy and cannot disturb the training."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
import types

import numpy as np
import pytest

from zerone.cli.live import STILL_SHOWN, LiveViewer
from zerone.cli.watched import LIVE
from zerone.training import checkpoint


def on_progress(steps: int, latest: float | None = None):
    return types.SimpleNamespace(steps=steps, latest_return=latest)


@pytest.fixture
def started(monkeypatch):
    """A process that `LiveViewer` starts instead of a window; it waits until the test releases it."""
    import subprocess

    made: list[subprocess.Popen[bytes]] = []

    def start(self: LiveViewer):
        command = [sys.executable, "-c", self.program]
        made.append(subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE))  # noqa: S603
        return made[-1]

    monkeypatch.setattr(LiveViewer, "program", "import sys; sys.stdin.read()", raising=False)
    monkeypatch.setattr(LiveViewer, "_start", start)
    return made


def test_starts_once_the_return_is_reached_and_leaves_nothing(started, tmp_path):
    with LiveViewer(tmp_path, level=10.0) as audience:
        audience.look(on_progress(0), pytest.fail)
        audience.look(on_progress(5), pytest.fail)
        audience.look(on_progress(6, 9.9), pytest.fail)
        assert started == []
        audience.look(on_progress(7, 10.0), lambda: {"w": np.arange(3.0)})
        assert checkpoint.load(tmp_path / LIVE)[1] == {"step": 7}
        audience.look(on_progress(8, 11.0), pytest.fail)  # within the same second
        assert len(started) == 1
        assert started[0].poll() is None
    assert started[0].returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_window_that_breaks_is_told_once_and_the_training_goes_on(started, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(LiveViewer, "program", "raise SystemExit('zerone: no screen')")
    monkeypatch.setattr("zerone.cli.live.SECONDS_BETWEEN_POLICIES", 0.0)
    with LiveViewer(tmp_path) as audience:
        audience.look(on_progress(1), dict)
        started[0].wait()
        for steps in (2, 3, 4):
            audience.look(on_progress(steps), dict)
    assert capsys.readouterr().err == "zerone: the window is gone: zerone: no screen; the training goes on\n"


def test_a_disk_that_refuses_ends_only_the_watching(started, tmp_path, capsys):
    with LiveViewer(tmp_path / "gone") as audience:
        audience.look(on_progress(1), lambda: {"w": np.zeros(1)})
    assert started == []
    assert capsys.readouterr().err.startswith("zerone: the window is gone: ")


@pytest.mark.thorough
def test_watching_changes_no_result(zerone, here, monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    words = ("train", "q-learning", "zerone/Treasure-v0", "--steps", 400, "--evaluation-episodes", 2, "--no-figure")
    assert zerone(*words, "--out", "plain", "--quiet").code == 0
    ways = {"fed": ("--watch-speed", 0, "--chunk", 1), "slowed": ("--watch-speed", 20_000)}
    for name, typed in ways.items():
        ended = zerone(*words, "--out", name, "--watch", *typed, "--quiet")
        assert (ended.code, ended.err.replace(f"{STILL_SHOWN}\n", "")) == (0, "")
        assert (here / "plain" / "metrics.csv").read_bytes() == (here / name / "metrics.csv").read_bytes()
        assert not (here / name / LIVE).exists()


@pytest.mark.usefixtures("here")
def test_a_table_is_shown_from_its_first_step_and_it_says_so(zerone):
    words = ("train", "q-learning", "zerone/Treasure-v0", "--steps", 60, "--evaluation-episodes", 2, "--no-figure")
    assert zerone(*words, "--out", "run", "--quiet").code == 0
    ended = zerone("watch", "run", "--learning", "--text", "--speed", 7)
    assert (ended.code, ended.err) == (0, "")
    first, *_, last = re.findall(r"training step (\d+), slowed to 7 steps/s", ended.out)
    assert (first, last) == ("0", "60")
    stepped = zerone("step", "run", "--steps", 60).out  # the steps of the training
    for episode, length in re.findall(r"(\d+): (\d+) steps, return 1", stepped):
        assert f"episode {episode}  step {length}  return 1  (treasure found)" in ended.out
    assert ended.out.count("(treasure found)") == stepped.count("terminated") > 0


def config(**changed):
    settings = {"learning_rate": 0.1}
    return {"engine": "compiled", "dataset": None, "algorithm": {"name": "q-learning", "settings": settings}, **changed}


def test_what_is_shown_of_a_training(started, tmp_path, capsys):
    dqn = {"name": "dqn", "settings": {}}
    for typed, kept, slowed in (
        ({}, config(), True),
        ({"speed": 0.0}, config(), False),
        ({"level": 1.0}, config(), False),
        ({}, config(algorithm=dqn), False),
        ({"speed": 5.0}, config(algorithm=dqn), True),
        ({"speed": 5.0}, config(engine="host"), False),
        ({}, config(dataset={"path": "x"}), False),
    ):
        before = len(started)
        viewer = LiveViewer(tmp_path, **typed)
        viewer.on_started(types.SimpleNamespace(config=kept), None)
        assert len(started) - before == slowed, (typed, kept)
        viewer.__exit__(ValueError)
    assert capsys.readouterr().err == (
        "zerone: its steps cannot be shown one by one, because its engine is host, not compiled: its newest policy is "
        "shown; the training goes on\n"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--watch-speed", 3), "--watch-speed is not allowed without --watch"),
        (("--text",), "--text is not allowed without --watch"),
        (("--watch-from", 1, "--watch-speed", 3), "--watch-speed and --watch-from exclude each other"),
        (("--watch", "--text", "--json"), "--text and --json exclude each other"),
        (("--watch", "--watch-speed", -1), "--watch-speed -1 is not allowed"),
    ],
)
def test_watching_that_makes_no_sense_is_refused(zerone, here, words, said):
    ended = zerone("train", "q-learning", "zerone/Treasure-v0", "--out", "run", *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert not (here / "run").exists()


@pytest.mark.thorough
def test_follow_takes_up_what_is_new_and_ends_with_the_training(zerone, here):
    """The policy of the newest checkpoint first goes left, then right; then the training ends."""
    words = ("train", "q-learning", "zerone/Treasure-v0", "--steps", 200, "--evaluation-episodes", 2, "--no-figure")
    assert zerone(*words, "--out", "run", "--quiet").code == 0
    result = (here / "run" / "result.json").read_bytes()
    (here / "run" / "result.json").unlink()

    def live(value: float, step: int) -> None:
        table = np.zeros((6, 2), np.float32)
        table[:, 1] = value
        checkpoint.save(here / "run" / LIVE, checkpoint.flatten(table, "policy/"), {"step": step})

    def learn() -> None:
        time.sleep(2.0)
        live(1.0, 222)
        time.sleep(2.5)
        (here / "run" / "result.json").write_bytes(result)

    live(-1.0, 111)
    training = threading.Thread(target=learn)
    training.start()
    ended = zerone("watch", "run", "--text", "--follow")
    training.join()
    assert ended.code == 0, ended
    assert "episode 1  step 1  return 0  after 111 steps of training\no----T   ←0.00 ←0.00" in ended.out
    assert "return 1  (treasure found)  after 222 steps of training\n-----o   →1.00 →1.00" in ended.out
    assert json.loads(result)["run"] == "run"
