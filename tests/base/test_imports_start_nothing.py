"""Importing Zerone's modules does not start JAX, which would then ignore its settings and XLA's flags."""

from __future__ import annotations

import subprocess
import sys

import pytest

import zerone as zo

IMPORT_ALL = """
import importlib, pkgutil, sys
import zerone
for each in pkgutil.walk_packages(zerone.__path__, "zerone."):
    if not each.name.startswith(("zerone.benchmarks.drivers.", "zerone.__main__")):
        try:
            importlib.import_module(each.name)
        except ImportError:
            continue  # of an extra that is not installed
        bridge = sys.modules.get("jax._src.xla_bridge")
        assert bridge is None or not bridge._backends, each.name
print(sum(name.startswith("zerone.") for name in sys.modules))
"""


def test_no_import_starts_jax():
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) > 300


BEGIN = """
import sys
import zerone as zo
from zerone.algorithms.dqn import DQN
from zerone.base import compilation
from zerone.cli.app import run
from jax._src import xla_bridge
started, before = [], compilation.run_in_the_calling_thread
compilation.run_in_the_calling_thread = lambda: (started.append(bool(xla_bridge._backends)), before())
try:
    {what}
except SystemExit:
    pass
print(started[0])
"""


COMPUTING = """
import gymnasium
import jax.numpy as jnp
ZEROS = jnp.zeros(3)
gymnasium.register("Own-v0", "gymnasium.envs.toy_text.frozen_lake:FrozenLakeEnv", max_episode_steps=9)
"""
"""An own module that starts JAX when it is imported."""


@pytest.mark.thorough
@pytest.mark.parametrize(
    "what",
    [
        "zo.train('q-learning', 'zerone/Treasure-v0', steps=100, out={out!r}, progress=False)",
        "zo.train(DQN(), 'zerone/MazeFeatures-v0', steps=100, engine='host', out={out!r}, progress=False)",
        "zo.load({run!r}).agent().act(0)",
        "run(['train', 'q-learning', 'zerone/Treasure-v0', '--steps', '100', '--out', {out!r}])",
        "run(['train', 'q-learning', 'computing:Own-v0', '--steps', '100', '--out', {out!r}])",
        "run(['evaluate', {run!r}])",
        "run(['export', {run!r}, {out!r} + '.npz'])",
    ],
)
def test_jax_is_set_up_before_it_starts(what, tmp_path):
    run = zo.train("q-learning", "zerone/Treasure-v0", steps=100, out=tmp_path / "run", progress=False)
    (tmp_path / "computing.py").write_text(COMPUTING)
    program = BEGIN.format(what=what.format(out=str(tmp_path / "out"), run=str(run.path)))
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout.split()[-1:]) == (0, ["False"]), done.stdout + done.stderr
