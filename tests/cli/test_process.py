"""Tests that need a separate process: which modules are imported, Ctrl-C, a closed output pipe."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

IMPORTED = (
    "import sys; from zerone.cli.app import run; code = run(sys.argv[1:]); "
    "print([name for name in ('jax', 'gymnasium', 'matplotlib', 'rich', 'pygame') if name in sys.modules])"
)
SLOW = ("train", "q-learning", "zerone/Treasure-v0", "--steps", "12000", "--chunk", "1", "--save-every", "100",
        "--evaluation-episodes", "2", "--no-figure")  # fmt: skip


@pytest.mark.thorough(after=4)
@pytest.mark.parametrize(
    ("arguments", "modules"),
    [
        (("--help",), []),
        (("train", "--help"), []),
        (("train", "dqn", "CartPole-v1", "--steps", "-5"), []),
        (("train", "dqn"), ["gymnasium"]),
        (("watch", "nowhere", "--text"), []),
        (("environments",), ["gymnasium"]),
        (("train", "dqn", "CartPole-v9"), ["gymnasium"]),
    ],
)
def test_nothing_slow_is_imported_without_need(process, arguments, modules):
    ended = process(*arguments, python=("-c", IMPORTED))
    assert ended.out.splitlines()[-1] == str(modules)


def test_exit_codes_and_streams(process, treasure):
    process("train", "dqn", "CartPole-v1", "--steps", "0").refused("--steps 0")
    assert process("evaluate", treasure, "--episodes", 2, "--json").json["episodes"] == 2
    assert process("--version").out.startswith("zerone ")


@pytest.mark.thorough
def test_json_stays_pure_when_the_environment_prints(process, here):
    (here / "talker.py").write_text(
        "import gymnasium\n"
        "class Talker(gymnasium.Env):\n"
        "    observation_space = gymnasium.spaces.Discrete(2)\n"
        "    action_space = gymnasium.spaces.Discrete(2)\n"
        "    def reset(self, *, seed=None, options=None):\n"
        "        print('reset!')\n"
        "        return 0, {}\n"
        "    def step(self, action):\n"
        "        print('step!')\n"
        "        return 0, 1.0, True, False, {}\n"
        "gymnasium.register('Talker-v0', Talker)\n"
    )
    ended = process("train", "q-learning", "talker:Talker-v0", "--steps", 20, "--evaluation-episodes", 1, "--json")
    assert ended.json["engine"] == "host"
    assert "step!" in ended.err
    # A run from elsewhere imports nothing without `--trust`.
    path = ended.json["run"]
    process("evaluate", path).refused("talker", "--trust")
    assert process("evaluate", path, "--trust", "--episodes", 1, "--json").json["return_mean"] == 1.0


def test_ctrl_c_saves_and_resume_ends_as_if_never_stopped(process, here):
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "zerone", *SLOW, "--out", "stopped"], cwd=here, text=True, bufsize=1,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as training:  # fmt: skip
        assert training.stdout is not None
        assert training.stderr is not None
        deadline = time.monotonic() + 60
        while "steps" not in training.stdout.readline():
            assert time.monotonic() < deadline
        time.sleep(0.5)
        training.send_signal(signal.SIGINT)
        said = training.stderr.read()
        assert training.wait(60) == 130
    assert said.count("\n") == 1
    assert "zerone: interrupted; the checkpoint is stopped/checkpoints/step-" in said
    assert "zerone train --resume stopped" in said
    assert not (here / "stopped" / "result.json").exists()
    assert process("train", "--resume", "stopped", "--json").json["steps"] == 12000
    assert process(*SLOW, "--out", "whole", "--chunk", "1000", "--json").code == 0
    assert (here / "stopped" / "metrics.csv").read_bytes() == (here / "whole" / "metrics.csv").read_bytes()


@pytest.mark.thorough
@pytest.mark.skipif(os.name == "nt", reason="a shell of its own")
def test_a_reader_that_goes_away_is_no_error(here, treasure):
    many = f"{sys.executable} -m zerone watch {treasure} --text --episodes 3000 | head -n 1"
    done = subprocess.run(["/bin/sh", "-c", many], cwd=here, capture_output=True, text=True, timeout=100)  # noqa: S603
    assert done.stdout.startswith("↑↓←→ the best action")
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
    # A training goes on when nobody reads its output any more.
    training = f"{sys.executable} -m zerone {' '.join(SLOW)} --steps 500 --out run | true"
    done = subprocess.run(["/bin/sh", "-c", training], cwd=here, capture_output=True, text=True, timeout=100)  # noqa: S603
    assert done.stderr == ""
    assert (here / "run" / "result.json").exists()


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX closes streams")
@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error_and_get_no_file(here, closed):
    train = "train q-learning zerone/Treasure-v0 --steps 20 --evaluation-episodes 1 --no-figure --out run"
    program = f"import sys; from zerone.__main__ import main; sys.argv[1:] = {train.split()}\n" + (
        "import os, stat\n"
        "try: main()\n"
        "except SystemExit as ending: assert not ending.code and all(\n"
        "    stat.S_ISCHR(os.fstat(each).st_mode) or each == 2 for each in range(3)); raise"
    )
    command = ["/bin/sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, program]
    ended = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False, timeout=100)  # noqa: S603
    assert (ended.returncode, ended.stdout) == (0, ""), ended
    assert "Traceback" not in ended.stderr
    assert (here / "run" / "result.json").exists()
