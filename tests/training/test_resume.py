"""A run that is killed at any time and resumed ends with the same bits as an uninterrupted one."""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest

PROGRAM = """
import pathlib, sys, time
import zerone as zo

def on_progress(now, policy):
    print(now.steps, flush=True)
    time.sleep(PAUSE)

def begin_or_go_on(path):
    if (path / "config.json").exists():
        return zo.resume(path, chunk=5, on_progress=on_progress)
    dqn = zo.DQN(hidden=(8,), batch=8, memory=64, warmup=16, epsilon_steps=300.0)
    return zo.train(dqn, "zerone/MazeFeatures-v0", steps=1200, seeds=2, out=path, evaluate_every=100, save_every=150,
                    evaluation_episodes=2, figure=False, chunk=5, on_progress=on_progress)
"""
IN_A_PROCESS = f"{PROGRAM}\nPAUSE = 0.02\nbegin_or_go_on(pathlib.Path(sys.argv[1]))"
KILLS = 3


def _start(path):
    return subprocess.Popen([sys.executable, "-c", IN_A_PROCESS, str(path)], stdout=subprocess.PIPE)  # noqa: S603


def _files(path):
    files = [path / "metrics.csv", *sorted((path / "checkpoints").iterdir())]
    return {file.name: file.read_bytes() for file in files}


@pytest.mark.thorough
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_run_killed_again_and_again_ends_with_the_same_bits(tmp_path):
    here: dict[str, Any] = {"PAUSE": 0}
    exec(PROGRAM, here)  # noqa: S102 - the text above, in this process, which has what it compiles for both runs
    here["begin_or_go_on"](tmp_path / "alone")

    entropy = int.from_bytes(os.urandom(4))
    random, kills = np.random.default_rng(entropy), []
    for _ in range(KILLS):
        process = _start(tmp_path / "killed")
        assert process.stdout is not None
        # After some reports (an interrupted run continues from its last checkpoint), and anywhere between them.
        for _ in range(int(random.integers(2, 30))):
            line = process.stdout.readline()
            if not line:
                break
        time.sleep(float(random.uniform(0, 0.03)))
        process.kill()
        process.communicate(timeout=60)
        kills.append((process.returncode, line))
    here["begin_or_go_on"](tmp_path / "killed")
    assert sum(code == -signal.SIGKILL for code, _ in kills) >= 2, (entropy, kills)
    assert _files(tmp_path / "killed") == _files(tmp_path / "alone"), (entropy, kills)

    def result(name):
        found = json.loads((tmp_path / name / "result.json").read_text())
        return {key: found[key] for key in ("seeds", "steps", "return_mean", "algorithm", "environment")}

    assert result("killed") == result("alone")
