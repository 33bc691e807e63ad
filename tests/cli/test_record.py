"""`zerone record` and `zerone train --from`: recording a dataset and learning from it, and what is refused."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

LINE = "zerone/Treasure-v0"
STUDY = ("train", "q-learning", LINE, "--evaluation-episodes", 5, "--no-figure")


@pytest.fixture
def day(zerone, here):
    """A dataset of a random policy on the treasure line."""
    assert zerone("record", "--random", LINE, "--steps", 500, "--out", "day").code == 0
    return here / "day"


@pytest.mark.thorough
def test_played_by_day_studied_by_night(zerone, day, here):
    ended = zerone(*STUDY, "--from", day, "--steps", 4000, "--out", "night", "--json")
    assert (ended.code, ended.err) == (0, "")
    assert ended.json["return_mean"] == 1.0
    assert zerone(*STUDY, "--from", day, "--own-play", 0.5, "--steps", 400, "--out", "both", "--quiet").code == 0
    assert json.loads((here / "both" / "config.json").read_text())["dataset"]["own_play"] == 0.5
    assert zerone("evaluate", "night", "--episodes", 3).code == 0


def test_record_in_words_and_json(zerone, treasure, here):
    ended = zerone("record", treasure, "--episodes", 3, "--json")
    assert ended.err == ""
    assert ended.json == {
        "dataset": f"datasets/{LINE}/q-learning-v0", "id": f"{LINE}/q-learning-v0", "environment": LINE,
        "player": "q-learning", "seed": 0, "episodes": 3, "steps": 15, "return_mean": 1.0, "return_std": 0.0,
        "length_mean": 5.0,
    }  # fmt: skip
    ended = zerone("record", treasure, "--agent", 1, "--epsilon", 0.5, "--steps", 1, "--checkpoint", "last")
    assert ended.out == (f"datasets/{LINE}/q-learning-v1: q-learning on {LINE}, 1 step, 1 episode, "
                         "no episode was played to its end\n")  # fmt: skip
    ended = zerone("record", "--random", LINE, "--option", "cells=4", "--episodes", 2, "--seed", 7, "--out", "x")
    assert ended.out.startswith(f"x: random on {LINE}, ")
    told = json.loads((here / "x" / "data" / "metadata.json").read_text())
    assert told["zerone"]["environment"] == {"id": LINE, "options": {"cells": 4}}
    assert zerone("record", "--random", LINE, "--out", "x").code == 2
    assert zerone("record", "--random", LINE, "--out", "x", "--overwrite", "--steps", 5).code == 0


def test_keyboard_in_a_window(zerone, monkeypatch):
    import pygame

    from zerone.player import keyboard

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setattr(keyboard, "HOLD_SECONDS", 0.0)
    show = keyboard.Window.show

    def shown(window, frame):
        show(window, frame)
        window.pressed = [pygame.K_RIGHT]

    monkeypatch.setattr(keyboard.Window, "show", shown)
    ended = zerone("record", "--keyboard", LINE, "--episodes", 1, "--json")
    assert (ended.json["player"], ended.json["steps"], ended.json["return_mean"]) == ("keyboard", 5, 1.0)
    help_text = zerone("record", "--help").out
    assert "arrow keys" in help_text
    assert "--from" in help_text


REFUSED = [
    (("record",), ["RUN, --random and --keyboard are all missing"]),
    (("record", "nowhere"), ["nowhere", "no such run folder"]),
    (("record", "nowhere", "--random", LINE), ["RUN and --random exclude each other"]),
    (("record", "--random", LINE, "--keyboard", LINE), ["--random and --keyboard exclude each other"]),
    (("record", "--random", "zerone/Maize-v0"), ["zerone/Maize-v0", "zerone/Maze-v0"]),
    (("record", "--random", "no_such_module:X-v0"), ["no_such_module", "cannot be imported"]),
    (("record", "--random", LINE, "--episodes", "2", "--steps", "2"), ["--episodes and --steps exclude each other"]),
    (("record", "--random", LINE, "--steps", "0"), ["--steps 0", "from 1"]),
    (("record", "--random", LINE, "--episodes", "x"), ["--episodes x", "from 1"]),
    (("record", "--random", LINE, "--seed", "-1"), ["--seed -1", "from 0"]),
    (("record", "--random", LINE, "--epsilon", "0.5"), ["--epsilon is not allowed with --random"]),
    (("record", "--random", LINE, "--epsilon", "2"), ["--epsilon 2", "a number from 0 to 1"]),
    (("record", "--random", LINE, "--agent", "0"), ["--agent is not allowed with --random"]),
    (("record", "--random", LINE, "--checkpoint", "last"), ["--checkpoint is not allowed with --random"]),
    (("record", "--random", LINE, "--option", "cels=3"), ["cels", "did you mean 'cells'?"]),
    (("record", "--random", LINE, "--engine", "hots"), ["--engine hots", "did you mean 'host'?"]),
    (("record", "--random", "CliffWalkingSlippery-v1", "--engine", "compiled"), ["Slippery", "--engine host"]),
    (("record", "nowhere", "--option", "cells=3"), ["--option is not allowed with RUN"]),
    (("record", "nowhere", "--engine", "host"), ["--engine is not allowed with RUN"]),
    (("record", "--keyboard", LINE), ["no window can be opened"]),
    (("record", "--random", LINE, "--stesp", "3"), ["--stesp", "did you mean --steps?"]),
    ((*STUDY, "--from", "nowhere"), ["dataset nowhere does not exist"]),
    ((*STUDY, "--own-play", "0.5"), ["--own-play 0.5 is not allowed without --from"]),
    *(((*STUDY, "--from", "nowhere", "--own-play", bad), [f"--own-play {bad}", "from 0.001 to 0.999"])
      for bad in ("0", "1", "1.5", "-0.5", "nan", "half")),
    (("train", "ppo", "CartPole-v1", "--from", "nowhere"), ["ppo cannot learn from a dataset (--from)", "on-policy",
                                                            "these can: q-learning", "dqn"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"), REFUSED, ids=lambda each: " ".join(map(str, each)) if isinstance(each, tuple) else ""
)
def test_is_refused_in_one_line_and_creates_nothing(zerone, here, arguments, words):
    zerone(*arguments).refused(*words)
    assert list(here.iterdir()) == []


def test_a_file_no_dataset_a_torn_one_and_another_s_are_refused(zerone, day, here):
    before = sorted(here.rglob("*"))
    zerone(*STUDY, "--from", day / "data" / "metadata.json").refused("is a file", "Minari's format")
    zerone(*STUDY, "--from", here).refused("no dataset in Minari's format")
    zerone("train", "q-learning", "zerone/Maze-v0", "--from", day).refused("Discrete(6)", "Discrete(16)")
    zerone("record", "--random", LINE, "--out", day).refused("a dataset is there already", "--overwrite")
    main = day / "data" / "main_data.hdf5"
    main.write_bytes(main.read_bytes()[:-100])
    zerone(*STUDY, "--from", day).refused("main_data.hdf5 is torn")
    assert sorted(here.rglob("*")) == before


def test_a_resumed_run_keeps_its_dataset(zerone, day, here):
    zerone(*STUDY, "--from", day, "--own-play", 0.5, "--steps", 40, "--out", "night", "--quiet")
    zerone("train", "--resume", "night", "--own-play", 0.25).refused("--own-play 0.25", "0.5")
    day.rename(here / "moved")
    zerone("train", "--resume", "night").refused("is gone", "--from")
    assert zerone("train", "--resume", "night", "--from", "moved", "--own-play", 0.5, "--quiet").code == 0
    zerone("record", "--random", LINE, "--steps", 500, "--seed", 9, "--out", "day")
    zerone("train", "--resume", "night").refused("is not the one")


@pytest.mark.thorough(after=1)
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_recording_that_is_stopped_is_a_dataset_or_nothing(number, here, zerone):
    program = (
        "import os, sys, zerone.player.episode as play\n"
        "from zerone.environments.gym.guard import Guard\n"
        "step, count = Guard.step, [0]\n"
        "def slow(self, action):\n"
        "    count[0] += 1\n"
        f"    if count[0] == 120: os.kill(os.getpid(), {int(number)})\n"
        "    return step(self, action)\n"
        "Guard.step = slow\n"
        "from zerone.cli.app import run\n"
        f"sys.exit(run(['record', '--random', {LINE!r}, '--out', 'day', '--steps', '100000']))\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=100)  # noqa: S603
    if number == signal.SIGINT:
        assert done.returncode == 130
        assert "what was played until then is in day: 120 steps" in done.stderr
        assert done.stderr.count("\n") == 1
        assert [each.name for each in here.iterdir()] == ["day"]
        assert zerone(*STUDY, "--from", "day", "--steps", 40, "--out", "night", "--quiet").code == 0
    else:
        assert done.returncode == -number
        left = [each.name for each in (here / "day").iterdir()]
        assert all(name.startswith(".") for name in left)
        zerone(*STUDY, "--from", "day", "--steps", 40).refused("day is no dataset")
        assert any(name.endswith(".tmp") for name in left)  # after 120 steps an episode had been written
        assert zerone("record", "--random", LINE, "--out", "day", "--steps", 5).code == 0
        assert [each.name for each in (here / "day").iterdir()] == ["data"]
