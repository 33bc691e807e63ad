"""The output of a command has only its results, whatever an environment prints and however."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zerone.training.interrupt import STOPPING

SMALL = ("--steps", 20, "--evaluation-episodes", 1, "--no-figure")


OWN_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); from zerone.__main__ import main; main()"


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)


@pytest.mark.thorough
def test_quiet_is_quiet_and_json_is_one_object(process):
    ended = process("train", "q-learning", "chatter:Chatter-v0", *SMALL, "--quiet", "--out", "run")
    assert (ended.code, ended.out, ended.err) == (0, "run\n", "")
    ended = process("evaluate", "run", "--trust", "--episodes", 1, "--json")
    assert ended.json["return_mean"] == 1
    for way in ("python: import", "python: step", "descriptor", "native", "another program", "python: atexit"):
        assert way in ended.err
    assert process("record", "--random", "chatter:Chatter-v0", "--steps", 3, "--json").json["steps"] == 3


@pytest.mark.thorough
def test_json_is_one_object_also_of_a_training_and_of_a_sweep(process):
    assert process("train", "q-learning", "chatter:Chatter-v0", *SMALL, "--json").json["engine"] == "host"
    swept = ("sweep", "q-learning", "chatter:Chatter-v0", "learning_rate=0.1,0.2", "--seeds", 3, "--steps", 20)
    assert len(process(*swept, "--json").json["trials"]) == 2


@pytest.mark.thorough
def test_an_error_is_heard_though_all_else_is_quiet(process):
    ended = process("train", "q-learning", "chatter:Hanging-v0", *SMALL, "--quiet", "--step-timeout", 0.5)
    assert (ended.code, ended.out) == (1, "")
    ended.said_one_line(
        "environment chatter:Hanging-v0, seed 0, step ",
        ": step has not returned within 0.5 s (step timeout)",
        "the last checkpoint is runs/q-learning-chatter-Hanging-v0-1/checkpoints/step-",
    )


@pytest.mark.thorough
def test_ctrl_c_says_how_to_stop_now_and_stops_now_whatever_the_environment_catches(here):
    words = ["train", "q-learning", "chatter:Hanging-v0", *map(str, SMALL), "--out", "run"]
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "zerone", *words], cwd=here, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as training:  # fmt: skip
        assert training.stdout is not None
        assert training.stderr is not None
        while training.stdout.readline() != "hanging\n":
            assert training.poll() is None
        training.send_signal(signal.SIGINT)
        while training.stderr.readline() != f"zerone: {STOPPING}\n":
            assert training.poll() is None
        training.send_signal(signal.SIGTERM)
        began = time.monotonic()
        said = training.stderr.read()
        assert training.wait(60) == 130
    assert time.monotonic() - began < 20
    assert said.splitlines()[-1].startswith("zerone: interrupted; the checkpoint is run/checkpoints/step-")


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal of its own")
def test_a_terminal_that_closes_leaves_a_checkpoint(here):
    (here / "slow.py").write_text(
        "import time, gymnasium\n"
        "class Slow(gymnasium.Env):\n"
        "    observation_space = action_space = gymnasium.spaces.Discrete(2)\n"
        "    def reset(self, *, seed=None, options=None):\n"
        "        return 0, {}\n"
        "    def step(self, action):\n"
        "        time.sleep(0.01)\n"
        "        return 0, 1.0, True, False, {}\n"
        "gymnasium.register('Slow-v0', Slow)\n"
    )
    terminal, side = os.openpty()
    words = ("train", "q-learning", "slow:Slow-v0", "--steps", "9000", "--evaluate-every", "9000", "--no-figure")
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", OWN_TERMINAL, *words, "--out", "run"], cwd=here, stdin=side, stdout=side, stderr=side,
        start_new_session=True,
    ) as training:  # fmt: skip
        os.close(side)
        said = b""
        while b" steps" not in said:
            said += os.read(terminal, 1000)
        os.close(terminal)
        assert training.wait(60) == 130
    (*_, newest) = sorted((here / "run" / "checkpoints").glob("step-*"))
    assert int(newest.stem.split("-")[1]) > 0
