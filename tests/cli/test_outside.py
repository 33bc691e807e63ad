"""A user-defined algorithm works with all commands: from `train` to `compare` and `sweep`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NAME = "expected_sarsa:ExpectedSarsa"
FEW = ("--steps", "2000", "--evaluation-episodes", "2")


@pytest.fixture
def own(here, monkeypatch):
    """A working folder with a module that has an algorithm, which is not imported yet."""
    (here / "expected_sarsa.py").write_text((EXAMPLES / "expected_sarsa.py").read_text())
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(here)])
    monkeypatch.delitem(sys.modules, "expected_sarsa", raising=False)
    yield here
    sys.modules.pop("expected_sarsa", None)


@pytest.fixture
def forgotten():
    """Undo the import of the module, as if in another process."""
    return lambda: sys.modules.pop("expected_sarsa", None)


@pytest.mark.thorough
def test_an_algorithm_goes_the_whole_way(own, zerone, forgotten):
    said = zerone("train", NAME, "zerone/Maze-v0", *FEW, "--seeds", "3", "--epsilon", "0.2", "--out", "run")
    assert said.code == 0, said.err
    assert "zerone evaluate run --trust" in said.out
    for command in (("evaluate", "run", "--episodes", "2"), ("watch", "run", "--text", "--episodes", "1"),
                    ("train", "--resume", "run"), ("record", "run", "--steps", "20", "--out", "played"),
                    ("export", "run", "p.npz"), ("export", "run", "p.onnx")):  # fmt: skip
        forgotten()
        refused = zerone(*command)
        assert refused.code == 2
        assert f"algorithm {NAME!r} is named in a file" in refused.err
        assert "pass --trust" in refused.err
        assert zerone(*command, "--trust").code == 0
    forgotten()
    assert zerone("plot", "run").code == 0  # drawing curves does not need the module
    assert not (own / "run" / "table.png").exists() or "no table drawn" in zerone("plot", "run").err
    assert "table.png" in zerone("plot", "run", "--trust").out
    assert zerone("train", "sarsa", "zerone/Maze-v0", *FEW, "--seeds", "3", "--out", "other").code == 0
    assert zerone("compare", "run", "other", "--out", "compared.png").code == 0


def test_its_settings_are_options(own, zerone):
    assert own
    zerone("train", NAME, "zerone/Maze-v0", "--trace-decay", "0.5").refused("--trace-decay")
    zerone("train", NAME, "zerone/Maze-v0", "--epsilon", "2").refused("--epsilon 2 is not allowed")
    assert "Hyperparameters of expected-sarsa" in zerone("train", NAME, "--help").out
    assert "--epsilon" in zerone("algorithms", NAME).out
    zerone("train", "expected_sarsa:Nope", "zerone/Maze-v0").refused("has no 'Nope': it has ExpectedSarsa")
    zerone("train", "nowhere_at_all:Nope", "zerone/Maze-v0").refused("'nowhere_at_all' cannot be imported")


@pytest.mark.thorough
def test_its_settings_are_swept(own, zerone, forgotten):
    found = zerone(
        "sweep", NAME, "zerone/Maze-v0", "epsilon=0.1,0.2", "--steps", "400", "--seeds", "3", "--out", "swept"
    )
    assert found.code == 0, found.err
    forgotten()
    zerone("sweep", "--resume", "swept").refused(f"algorithm {NAME!r} is named in a file")
    assert zerone("sweep", "--resume", "swept", "--trust").code == 0
    best = ("--settings", "swept/best.toml", *FEW, "--out", "best")
    assert zerone("train", NAME, "zerone/Maze-v0", *best).code == 0
    assert (own / "best" / "result.json").exists()


@pytest.mark.thorough
def test_a_network_goes_the_whole_way(here, zerone, monkeypatch):
    (here / "own_net.py").write_text(
        "import equinox as eqx\n\ndef net(key, shape, outputs):\n    return eqx.nn.Linear(shape[0], outputs, key=key)\n"
    )
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(here)])
    train = ("train", "ppo", "CartPole-v1", "--steps", "300", "--evaluation-episodes", "2", "--network")
    zerone(*train, "own_net:nope", "--out", "none").refused("module 'own_net' has no 'nope'")
    zerone(*train, "lstm", "--out", "none").refused("--network lstm is not allowed", "gru or module:Name")
    assert not (here / "none").exists()
    said = zerone(*train, "own_net:net", "--out", "run")
    assert said.code == 0, said.err
    for command in (("evaluate", "run", "--episodes", "2"), ("watch", "run", "--text", "--episodes", "1"),
                    ("train", "--resume", "run")):  # fmt: skip
        monkeypatch.delitem(sys.modules, "own_net", raising=False)
        refused = zerone(*command)
        assert refused.code == 2
        assert "network 'own_net:net' would import the module 'own_net': if you trust it, pass --trust" in refused.err
        assert zerone(*command, "--trust").code == 0
    monkeypatch.delitem(sys.modules, "own_net", raising=False)
