"""`zerone export`: the exported files, and what cannot be exported."""

from __future__ import annotations

import sys

import pytest

import zerone as zo
from zerone.export.player import Policy


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "run"
    return zo.train("q-learning", "zerone/Treasure-v0", steps=400, seeds=2, out=path, figure=False,
                      evaluation_episodes=2).path  # fmt: skip


def test_a_policy_is_written_and_said_in_a_line(here, trained, zerone):
    for kind in ("npz", "onnx", "stablehlo"):
        ended = zerone("export", str(trained), f"p.{kind}", "--seed", "1")
        assert ended.code == 0, ended.err
        line = (
            f"p.{kind}: q-learning on zerone/Treasure-v0, seed 1, best, {(here / f'p.{kind}').stat().st_size:,} bytes"
        )
        assert ended.out == f"{line}; 1,000 observations: the same actions; 500 of them are of episodes\n"
    assert Policy(here / "p.npz")(0) in (0, 1)
    found = zerone("export", str(trained), "p.npz", "--checkpoint", "last", "--json").json  # replaces an existing file
    assert (found["file"], found["seed"], found["checkpoint"]) == ("p.npz", 0, "last")
    assert (found["observations"], found["largest_difference"]) == (1000, 0)


def test_what_cannot_be_is_refused_in_a_line(here, trained, zerone, monkeypatch):
    run = str(trained)
    zerone("export", run, "p.pt").refused("FILE p.pt", "ends in .onnx, .npz, .stablehlo")
    zerone("export", run, "p").refused("FILE p ", "ends in .onnx, .npz, .stablehlo")
    zerone("export", run).refused("FILE is missing")
    zerone("export", run, "nowhere/p.npz").refused("in a folder that exists")
    zerone("export", "nothing", "p.npz").refused("nothing")
    zerone("export", run, "p.npz", "--seed", "9").refused("seed 9 was not trained")
    zerone("export", run, "p.npz", "--checkpoint", "7").refused("no checkpoint of step 7")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    zerone("export", run, "p.onnx").refused("needs the package onnxruntime", 'pip install "zerone[onnx]"')
    assert not list(here.glob("p*"))


def test_a_policy_that_would_act_otherwise_ends_with_1(here, trained, zerone, monkeypatch):
    monkeypatch.setitem(Policy.__init__.__globals__["OPERATIONS"], "argmax", lambda x: x.argmin(-1))
    failed = zerone("export", str(trained), "p.npz")
    assert (failed.code, failed.out) == (1, "")
    failed.said_one_line("p.npz: not written, since it would act otherwise than the policy for")
    assert not list(here.glob("p*"))
