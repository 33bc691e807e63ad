"""User-defined callbacks on the command line: training, killing, resuming, with and without `--trust`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from zerone.training import callback_sources

OWN = '''
import os
import pathlib
import signal
import zerone as zo

class Early(zo.Callback):
    """Stops after the evaluation at step 300, and adds a metric."""

    metrics = {"answer": "always 42"}

    def measure(self, row, training):
        return {"answer": 42}

    def on_evaluated(self, event, training):
        if event.step == 300:
            training.stop("seen enough")

def note(event, training):
    with pathlib.Path("heard.txt").open("a") as file:
        file.write(type(event).__name__ + "\\\\n")

def fail(event, training):
    if type(event).__name__ == "Rows" and event.step >= 400:
        raise RuntimeError("no more")

def kill(event, training):
    if type(event).__name__ == "Rows" and event.step >= 340:
        os.kill(os.getpid(), signal.SIGKILL)

nothing = 3
'''.replace("\\\\n", "\\n")
TRAIN = ("train", "q-learning", "zerone/Treasure-v0", "--steps", "600", "--evaluate-every", "100", "--save-every",
         "200", "--evaluation-episodes", "2", "--no-figure", "--chunk", "50")  # fmt: skip


@pytest.fixture
def own(here, monkeypatch):
    """A working folder with a module of callbacks, which is not imported yet."""
    (here / "listening.py").write_text(OWN)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(here)])
    yield here
    sys.modules.pop("listening", None)


@pytest.fixture
def forgotten():
    """Undo the import of the module, as if in another process."""
    return lambda: sys.modules.pop("listening", None)


def contents(path):
    files = [path / "metrics.csv", *sorted((path / "checkpoints").iterdir())]
    return {file.name: file.read_bytes() for file in files}


def test_a_callback_goes_the_whole_way(own, zerone, forgotten):
    assert zerone(*TRAIN, "--out", "whole").code == 0
    ended = zerone(*TRAIN, "--callback", "listening:Early", "--callback", "listening:note", "--out", "run")
    assert ended.code == 0, ended.err
    assert "stopped by listening:Early: seen enough" in ended.out
    assert "300 steps" in ended.out
    assert "train --resume run --callback none  go on, without what has stopped it" in ended.out
    heard = (own / "heard.txt").read_text().split()
    assert (heard[0], heard[1], heard[-1]) == ("Preparing", "Started", "Ended")
    forgotten()
    refused = zerone("train", "--resume", "run")
    assert refused.code == 2
    assert "callback 'listening:Early' is named in a file and would import the module 'listening'" in refused.err
    assert "pass --trust" in refused.err
    ended = zerone("train", "--resume", "run", "--trust", "--chunk", "50")
    assert ended.code == 0, ended.err
    assert "stopped" not in ended.out
    assert (own / "heard.txt").read_text().count("Ended") == 2
    found = contents(own / "run")
    table = found.pop("metrics.csv").decode().splitlines()
    whole = contents(own / "whole")
    assert table[0].endswith(",answer")
    assert {line.rpartition(",")[2] for line in table[1:]} == {"42"}
    assert [line.rpartition(",")[0] for line in table] == whole.pop("metrics.csv").decode().splitlines()
    assert found == whole
    for command in (("evaluate", "run", "--episodes", "2"), ("plot", "run"), ("watch", "run", "--text"),
                    ("export", "run", "policy.npz")):  # fmt: skip
        forgotten()
        assert zerone(*command).code == 0  # reading the run does not need the callback
        assert "listening" not in sys.modules


@pytest.mark.thorough
def test_a_training_that_is_killed_goes_on_with_its_callbacks(own, zerone, forgotten):
    """A callback kills it, so that it is always at the same point: after the checkpoint of step 200."""
    listening = [word for name in ("Early", "kill") for word in ("--callback", f"listening:{name}")]
    plain = [*TRAIN, "--evaluate-every", "1000", "--out", "run", *listening]
    killed = subprocess.run([sys.executable, "-m", "zerone", *plain], check=False, capture_output=True)  # noqa: S603
    assert killed.returncode == -signal.SIGKILL, killed
    forgotten()
    zerone("train", "--resume", "run").refused("callback 'listening:Early' is named in a file")
    ended = zerone("train", "--resume", "run", "--callback", "listening:Early", "--chunk", "50")
    assert ended.code == 0, ended.err
    assert zerone(*TRAIN, "--evaluate-every", "1000", "--callback", "listening:Early", "--out", "whole").code == 0
    assert contents(own / "run") == contents(own / "whole")


@pytest.mark.usefixtures("own")
def test_what_it_raises_is_one_line_and_the_run_goes_on_without_it(zerone, here):
    failed = zerone(*TRAIN, "--callback", "listening:fail", "--out", "run")
    assert failed.code == 1
    assert failed.err.splitlines()[-1] == (
        "zerone: callback listening:fail: RuntimeError: no more; the last checkpoint is "
        "run/checkpoints/step-000000400.safetensors"
    )
    assert zerone("train", "--resume", "run").code == 1
    assert zerone("train", "--resume", "run", "--callback", "none").code == 0
    assert zerone(*TRAIN, "--out", "whole").code == 0
    found, whole = contents(here / "run"), contents(here / "whole")
    del found["step-000000402.safetensors"], whole["step-000000400.safetensors"]  # two checkpoints are kept
    assert found == whole


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--callback", "listening:nothing"),
            "listening:nothing is not a valid callback: it must be an object of a class",
        ),
        (("--callback", "listening:Nope"), "callback listening:Nope: module 'listening' has no 'Nope'"),
        (("--callback", "nowhere_at_all:Nope"), "module 'nowhere_at_all' cannot be imported"),
        (("--callback", "wanbd"), "callback 'wanbd' is unknown: did you mean 'wandb'"),
        (("--callback", "json:loads"), "json:loads is not a valid callback: it must take (event, training)"),
        (("--track", "wanbd"), "wandb"),
        (("--track", "mlflow"), 'pip install "zerone[mlflow]"'),
    ],
)
def test_what_is_no_callback_creates_nothing(words, said, zerone, here, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)  # as if it were not installed
    zerone(*TRAIN, *words).refused(said)
    assert not (here / "runs").exists()


def test_one_of_an_installed_package_is_trusted_like_the_others(own, zerone, forgotten, monkeypatch):
    point = EntryPoint("early", "listening:Early", callback_sources.GROUP)
    monkeypatch.setattr(callback_sources, "entry_points", lambda **_: [point])
    monkeypatch.syspath_prepend(str(own))
    assert zerone(*TRAIN, "--callback", "early", "--out", "run").code == 0
    forgotten()
    zerone("train", "--resume", "run").refused("callback 'listening:Early' is named in a file", "pass --trust")
    assert zerone("train", "--resume", "run", "--trust").code == 0


def test_trackers_are_remembered_and_can_be_left_out(zerone, here, monkeypatch):
    """A run that starts with the tracker's package installed and is resumed without it."""
    assert zerone(*TRAIN, "--out", "run").code == 0
    config = json.loads((here / "run" / "config.json").read_text())
    (here / "run" / "config.json").write_text(json.dumps({**config, "callbacks": ["wandb"]}))
    monkeypatch.setitem(sys.modules, "wandb", None)
    zerone("train", "--resume", "run").refused("needs the package wandb: ", 'pip install "zerone[wandb]"')
    assert zerone("train", "--resume", "run", "--track", "none").code == 0
