"""`zerone sweep`: from the command line to settings, and the summary at the end."""

from __future__ import annotations

import json
import shlex

import pytest

from zerone.cli.sweep import read_space
from zerone.studies.search import Range

LINE = ("sweep", "q-learning", "zerone/Treasure-v0")


def test_what_is_varied():
    found = read_space("ppo", ["learning_rate=1e-4..1e-2", "clip=0.1,0.2"])
    assert found == {"learning_rate": Range(1e-4, 1e-2), "clip": [0.1, 0.2]}
    found = read_space("dqn", ["batch=32..256", "hidden=32,32;64", "double=on,off", "loss=huber,squared"])
    assert found["batch"] == Range(32, 256)
    assert found["hidden"] == [(32, 32), (64,)]
    assert (found["double"], found["loss"]) == ([True, False], ["huber", "squared"])
    assert read_space("dqn", ["learning-rate=1e-3"]) == {"learning_rate": [1e-3]}


def test_a_sweep_and_its_end(zerone, here):
    ended = zerone(*LINE, "learning_rate=0.01,0.5", "--steps", 60, "--seeds", 3, "--epsilon", "0.2", "--out", "s")
    assert (ended.code, ended.err) == (0, "")
    for word in ("compiling", "180 steps", "best", "2 settings of q-learning", "on seeds 3 to 5", "had no part",
                 "the best on other seeds", "on other seeds expect less",
                 "zerone train q-learning zerone/Treasure-v0 --settings s/best.toml --steps 60"):  # fmt: skip
        assert word in ended.out
    assert ended.out.count("compiling") == 1
    inside = {each.name for each in (here / "s").iterdir()}
    assert {"sweep.json", "table.csv", "best.toml", "response.png", "response.svg", "000", "001"} <= inside
    found = zerone("sweep", "--resume", "s", "--json").json
    assert (found["algorithm"], found["measure"], found["seeds"], found["steps"]) == (
        "q-learning",
        "mean",
        [0, 1, 2],
        60,
    )
    assert [trial["settings"] for trial in found["trials"]] == [{"learning_rate": 0.01}, {"learning_rate": 0.5}]
    assert found["best"]["mean"] == max(trial["mean"] for trial in found["trials"])
    low, high = found["confirmed"]["interval"]
    assert low <= found["confirmed"]["mean"] <= high
    assert "epsilon = 0.2" in (here / "s" / "best.toml").read_text()
    zerone("sweep", "--resume", "s", "--steps", 5).refused("--steps is not allowed with --resume")


@pytest.mark.thorough
def test_the_command_that_is_printed_trains_with_the_best_for_as_long(zerone, here):
    asked = ("learning_rate=0.1,0.5", "--steps", 60, "--seeds", 3, "--option", "cells=5", "--out", "s")
    printed = zerone(*LINE, *asked).out.splitlines()[-1].strip()
    command = printed.partition("  ")[0]
    ended = zerone(*shlex.split(command)[1:], "--out", "again", "--quiet")
    assert (ended.code, ended.err) == (0, "")
    config = json.loads((here / "again" / "config.json").read_text())
    best = zerone("sweep", "--resume", "s", "--json").json["best"]
    assert config["algorithm"] == json.loads((here / best["run"] / "config.json").read_text())["algorithm"]
    assert (config["steps"], config["stop_when_solved"], config["environment"]["options"]) == (60, False, {"cells": 5})


@pytest.mark.parametrize(("arguments", "words"), [
    ((), ["ALGORITHM", "ENVIRONMENT", "zerone sweep ppo"]),
    (("q-learning",), ["ALGORITHM", "ENVIRONMENT"]),
    (LINE[1:], ["nothing to vary", "learning_rate=1e-4..1e-2"]),
    ((*LINE[1:], "larning_rate=0.1"), ["'larning_rate'", "did you mean 'learning_rate'?"]),
    ((*LINE[1:], "learning_rate=0.1..x"), ["learning_rate = 0.1..x", "LOW..HIGH", "a number"]),
    ((*LINE[1:], "learning_rate="), ["learning_rate = ", "LOW..HIGH"]),
    ((*LINE[1:], "learning_rate=1..0.1"), ["learning_rate = 1..0.1", "must go up"]),
    ((*LINE[1:], "learning_rate=0.1", "learning-rate=0.2"), ["varied already"]),
    ((*LINE[1:], "environments=1,2"), ["one compile", "can be varied: learning_rate", "--driver optuna"]),
    ((*LINE[1:], "learning_rate=0.1,0.2", "--seeds", "1"), ["seeds = 1", "at least 3", "interval"]),
    ((*LINE[1:], "learning_rate=0.1,0.2", "--trials", "5"), ["--trials 5", "--driver optuna"]),
    ((*LINE[1:], "learning_rate=0.1,0.2", "--driver", "optuna", "--points", "5"), ["--points 5"]),
    ((*LINE[1:], "learning_rate=0.1,0.2", "--driver", "gird"), ["--driver gird", "did you mean 'grid'?"]),
    (("q-learning", "zerone/Maize-v0", "learning_rate=0.1"), ["zerone/Maize-v0", "zerone/Maze-v0"]),
    (("q-learning", "CartPole-v1", "learning_rate=0.1,0.2"), ["q-learning cannot take CartPole-v1"]),
    (("--resume", "nowhere"), ["nowhere", "not the folder of a sweep"]),
])  # fmt: skip
def test_refusals(zerone, here, arguments, words):
    zerone("sweep", *arguments).refused(*words)
    assert not list(here.iterdir())
