"""Killed at any moment and resumed each time, a run ends with the bits of one that was left alone."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

PROGRAM = """
import pathlib, sys, time
import zerone as zo

path, pause = pathlib.Path(sys.argv[1]), float(sys.argv[2])

def on_progress(now, policy):
    print(now.steps, flush=True)
    time.sleep(pause)

if (path / "config.json").exists():
    zo.resume(path, chunk=5, on_progress=on_progress)
else:
    dqn = zo.DQN(hidden=(8,), batch=8, memory=64, warmup=16, epsilon_steps=300.0)
    zo.train(dqn, "zerone/MazeFeatures-v0", steps=1200, seeds=2, out=path, evaluate_every=100, save_every=150,
             evaluation_episodes=2, figure=False, chunk=5, on_progress=on_progress)
"""
KILLS = 4


def _start(path, pause):
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(path), str(pause)], stdout=subprocess.PIPE)  # noqa: S603


def _files(path):
    files = [path / "metrics.csv", *sorted((path / "checkpoints").iterdir())]
    return {file.name: file.read_bytes() for file in files}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_run_killed_again_and_again_ends_with_the_same_bits(tmp_path):
    alone = _start(tmp_path / "alone", 0)
    alone.communicate(timeout=120)
    assert alone.returncode == 0

    entropy = int.from_bytes(os.urandom(4))
    random, kills = np.random.default_rng(entropy), []
    for _ in range(KILLS):
        process = _start(tmp_path / "killed", 0.02)
        assert process.stdout is not None
        # After some glances (an interrupted run goes on from its last checkpoint), and anywhere between two.
        for _ in range(int(random.integers(2, 30))):
            line = process.stdout.readline()
            if not line:
                break
        time.sleep(float(random.uniform(0, 0.03)))
        process.kill()
        process.communicate(timeout=60)
        kills.append((process.returncode, line))
    last = _start(tmp_path / "killed", 0)
    last.communicate(timeout=120)
    assert last.returncode == 0, (entropy, kills)
    assert sum(code == -signal.SIGKILL for code, _ in kills) >= 2, (entropy, kills)
    assert _files(tmp_path / "killed") == _files(tmp_path / "alone"), (entropy, kills)

    def result(name):
        found = json.loads((tmp_path / name / "result.json").read_text())
        return {key: found[key] for key in ("seeds", "steps", "return_mean", "algorithm", "environment")}

    assert result("killed") == result("alone")
