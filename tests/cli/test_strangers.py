"""Folders from strangers: altered files are refused with one line that names file and field, and no code is run.

Each field of each file gets values of every kind. A command may accept valid values, but must never end with an
"unexpected" error. By default a third of all alterations is tried, each with one command; EXHAUSTIVE=1 tries all.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import gymnasium
import pytest

import zerone as zo
from zerone.base.errors import InputError
from zerone.training import checkpoint

MISSING = object()
DEEP: object = 1
for _ in range(40):
    DEEP = [DEEP]
VALUES = {
    "missing": MISSING, "null": None, "a bool": True, "negative": -5, "zero": 0, "huge": 10**30, "a float": 1.5,
    "NaN": float("nan"), "a text": "x", "a list": [1], "lists": [[1], [2]], "an object": {"a": 1}, "deep": DEEP,
    "nothing": [], "control characters": "\x1b[2J", "half a character": "\ud800", "a truth as text": "true",
}  # fmt: skip
LINE = ("q-learning", "zerone/Treasure-v0")
QUICK = ("--evaluation-episodes", 2, "--no-figure", "--quiet")


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """A finished run, an unfinished one, and a sweep."""
    folder = tmp_path_factory.mktemp("strangers")
    zo.train(*LINE, steps=80, seeds=3, out=folder / "ended", evaluation_episodes=2, figure=False, save_every=20)
    shutil.copytree(folder / "ended", folder / "stopped")
    (folder / "stopped" / "result.json").unlink()
    newest = max((folder / "stopped" / "checkpoints").glob("step-*"))
    newest.unlink()
    zo.sweep(*LINE, {"learning_rate": [0.1, 0.5]}, steps=40, seeds=3, out=folder / "sweep")
    shutil.copytree(folder / "sweep", folder / "stopped sweep")
    shutil.rmtree(folder / "stopped sweep" / "other-seeds")
    (folder / "stopped sweep" / "001" / "result.json").unlink()
    return folder


def places(value, place=()):
    """The paths of all fields in a JSON object, also in nested objects and in the first entry of each list."""
    if place:
        yield place
    if isinstance(value, dict):
        for name, each in value.items():
            yield from places(each, (*place, name))
    elif isinstance(value, list) and value:
        yield from places(value[0], (*place, 0))


def altered(whole, place, value):
    """A copy of the object with another value at a path."""
    changed = copy.deepcopy(whole)
    inner = changed
    for each in place[:-1]:
        inner = inner[each]
    if value is MISSING:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return changed


def alterations(whole):
    for number, place in enumerate(places(whole)):
        for turn, (name, value) in enumerate(VALUES.items(), start=number):
            if "EXHAUSTIVE" in os.environ or turn % 3 == 0:
                yield place, name, altered(whole, place, value)


def require_sound(ended, file: str, what: str) -> None:
    """Check that a command succeeded, or refused with one line that names the file."""
    assert "unexpected" not in ended.err, (what, ended)
    assert ended.code in (0, 2), (what, ended)
    if ended.code == 2:
        assert ended.err.count("\n") == 1, (what, ended)
        known = (file, "only runs in one environment can be compared", "count as solved at different returns",
                 "an interval over seeds needs", "was trained with other settings",
                 "it belongs to another algorithm, network or environment")  # fmt: skip
        assert any(word in ended.err for word in known), (what, ended)


def try_all(zerone, cases, commands, file: str) -> set[int]:
    """Try alterations, each with one of the commands or with all; returns the exit codes that occurred."""
    seen: set[int] = set()
    for number, (place, name, spoil) in enumerate(cases):
        chosen = commands if "EXHAUSTIVE" in os.environ else [commands[number % len(commands)]]
        for command in chosen:
            spoil()
            shutil.rmtree("recorded", ignore_errors=True)
            ended = zerone(*command)
            require_sound(ended, file, f"{'.'.join(map(str, place))} = {name}: {' '.join(map(str, command))}")
            seen.add(ended.code)
    return seen


def json_cases(source: Path, file: str):
    """Alterations of a JSON file in a copy of a folder, which is at `f`."""
    whole = json.loads((source / file).read_text())

    def spoil(changed):
        shutil.rmtree("f", ignore_errors=True)
        shutil.copytree(source, "f")
        Path("f", file).write_text(json.dumps(changed))

    for place, name, changed in alterations(whole):
        yield place, name, lambda changed=changed: spoil(changed)


READERS = [
    ("evaluate", "f", "--episodes", 2), ("watch", "f", "--text", "--episodes", 1), ("plot", "f", "--out", "x.png"),
    ("compare", "f", "ended"), ("record", "f", "--steps", 3, "--out", "recorded"),
]  # fmt: skip


@pytest.fixture
def beside(here, runs):
    shutil.copytree(runs / "ended", here / "ended")


@pytest.mark.thorough
@pytest.mark.usefixtures("beside")
def test_an_altered_configuration_is_sound_or_refused(zerone, runs):
    assert try_all(zerone, json_cases(runs / "ended", "config.json"), READERS, "config.json") == {0, 2}


@pytest.mark.thorough
def test_an_altered_configuration_of_a_run_that_goes_on_is_sound_or_refused(zerone, runs):
    resume = [("train", "--resume", "f", "--quiet")]
    assert try_all(zerone, json_cases(runs / "stopped", "config.json"), resume, "config.json") == {0, 2}


@pytest.mark.usefixtures("beside")
def test_an_altered_result_is_sound_or_refused(zerone, runs):
    readers = [("compare", "f", "ended"), ("watch", "f", "--text", "--follow", "--episodes", 1)]
    assert try_all(zerone, json_cases(runs / "ended", "result.json"), readers, "result.json") == {0, 2}


@pytest.mark.thorough
def test_an_altered_sweep_is_sound_or_refused(zerone, runs):
    resume = [("sweep", "--resume", "f")]
    assert try_all(zerone, json_cases(runs / "sweep", "sweep.json"), resume, "sweep.json") == {0, 2}


def forge(path: Path, about) -> None:
    """Replace the `about` of a checkpoint, with a correct checksum."""
    whole = path.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    header["__metadata__"] |= {"about": json.dumps(about), "sha256": "0" * 64}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    forged = len(text).to_bytes(8, "little") + text + whole[8 + length :]
    path.write_bytes(forged.replace(b"0" * 64, hashlib.sha256(forged).hexdigest().encode(), 1))


@pytest.mark.thorough
@pytest.mark.parametrize("which", ["last", "best"])
def test_what_a_checkpoint_says_of_itself_is_sound_or_refused(zerone, runs, which):
    inside = runs / "stopped" / "checkpoints"
    name = "best.safetensors" if which == "best" else max(inside.glob("step-*")).name
    _, whole = checkpoint.load(inside / name)

    def cases():
        for place, what, changed in alterations(whole):

            def spoil(changed=changed):
                shutil.rmtree("f", ignore_errors=True)
                shutil.copytree(runs / "stopped", "f")
                forge(Path("f", "checkpoints", name), changed)

            yield place, what, spoil

    commands = [
        ("train", "--resume", "f", "--quiet"),
        ("evaluate", "f", "--episodes", 1, "--checkpoint", which),
        ("plot", "f", "--out", "x.png", "--checkpoint", which),
    ]
    assert try_all(zerone, cases(), commands, name) == {0, 2}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"report_every": 0}, ["config.json: report_every = 0 is not allowed: must be a whole number, at least 1"]),
        ({"evaluation_episodes": -1}, ["evaluation_episodes = -1", "from 1 to 1000000"]),
        ({"engine": 3}, ["engine = 3", "one of compiled, host, cluster"]),
        ({"seeds": [1, 1]}, ["seeds = [1, 1]", "different values"]),
        ({"seeds": [0, -1]}, ["seeds[1] = -1", "from 0 to 4294967295"]),
        ({"steps": 10**12}, ["steps = 1000000000000", "from 1 to 2147483647"]),
        (
            {"algorithm": {"name": "q-learning", "settings": {"epsilon": [1]}}},
            ["config.json: q-learning: epsilon = [1]"],
        ),
        ({"environment": {"id": LINE[1], "options": {"cells": "9"}, "known": True}}, ["config.json: ", "cells = '9'"]),
    ],
)
def test_file_field_value_and_what_is_allowed_are_named(zerone, here, runs, change, words):
    shutil.copytree(runs / "stopped", here / "f")
    config = json.loads((here / "f" / "config.json").read_text())
    (here / "f" / "config.json").write_text(json.dumps({**config, **change}))
    zerone("train", "--resume", "f").refused("f/config.json", *words)


def test_a_field_of_a_later_zerone_is_left_alone(zerone, here, runs):
    shutil.copytree(runs / "ended", here / "f")
    for name in ("config.json", "result.json"):
        whole = json.loads((here / "f" / name).read_text())
        (here / "f" / name).write_text(json.dumps({**whole, "a_later_field": {"x": 1}}))
    assert zerone("evaluate", "f", "--episodes", 1).code == 0


def test_a_run_that_goes_on_is_asked_whether_it_fits_into_memory(zerone, here):
    settings = ("--warmup", 20, "--memory", 100, "--batch", 4, "--hidden", 4, "--steps-per-update", 10)
    small = (*settings, "--environments", 1)
    assert zerone("train", "dqn", "CartPole-v1", "--steps", 40, "--out", "f", *small, *QUICK).code == 0
    (here / "f" / "result.json").unlink()
    config = json.loads((here / "f" / "config.json").read_text())
    config["algorithm"]["settings"]["memory"] = 2 * 10**9
    (here / "f" / "config.json").write_text(json.dumps(config))
    zerone("train", "--resume", "f").refused("config.json", "of memory for 1 seed", "memory = 2000000000")


# Things that are not regular files


PIPES = [
    ("config.json", [*READERS, ("train", "--resume", "f")]),
    ("result.json", [("compare", "f", "ended")]),
    ("metrics.csv", [("plot", "f", "--out", "x.png"), ("compare", "f", "ended")]),
    (
        "checkpoints/best.safetensors",
        [("evaluate", "f"), ("watch", "f", "--text"), ("record", "f", "--out", "recorded")],
    ),
]


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize(("file", "commands"), PIPES, ids=[file for file, _ in PIPES])
def test_a_pipe_in_the_place_of_a_file_waits_for_nobody(zerone, here, runs, file, commands):
    shutil.copytree(runs / "ended", here / "f")
    (here / "f" / file).unlink()
    os.mkfifo(here / "f" / file)
    for command in commands:
        zerone(*command).refused(f"f/{file}: not a file but a pipe")
    assert not (here / "recorded").exists()


def test_a_gigabyte_of_zeros_is_not_read(zerone, here, runs):
    for source, file, command in (
        ("ended", "config.json", ("evaluate", "f")),
        ("ended", "result.json", ("compare", "f", "f")),
        ("sweep", "sweep.json", ("sweep", "--resume", "f")),
    ):
        shutil.rmtree(here / "f", ignore_errors=True)
        shutil.copytree(runs / source, here / "f")
        os.truncate(here / "f" / file, 2**30)
        zerone(*command).refused(f"f/{file}: larger than 16,777,216 bytes")


# Code that a stranger's folder names


EVIL = """
import os, pathlib
pathlib.Path({marker!r}).touch()
import gymnasium
class Evil(gymnasium.Env):
    observation_space = gymnasium.spaces.Discrete(6)
    action_space = gymnasium.spaces.Discrete(2)
    def __init__(self, **_): pass
    def reset(self, *, seed=None, options=None): return 0, {{}}
    def step(self, action): return 0, 1.0, True, False, {{}}
    def render(self): return None
gymnasium.register("Evil-v0", Evil)
"""


@pytest.fixture
def evil(here, monkeypatch, request):
    """A module that records when it is imported, under a name that no earlier test has imported."""
    name = f"evil_{abs(hash(request.node.name))}"
    (here / f"{name}.py").write_text(EVIL.format(marker=str(here / "imported")))
    monkeypatch.syspath_prepend(here)
    yield name
    sys.modules.pop(name, None)
    gymnasium.registry.pop("Evil-v0", None)


def point_to(evil: str, folder: Path) -> None:
    """Make every file of a folder name the module."""
    for file in folder.rglob("*.json"):
        whole = json.loads(file.read_text())
        if file.name == "config.json":
            whole |= {"engine": "host", "environment": {"id": f"{evil}:Evil-v0", "options": {}, "known": True}}
        else:
            whole["environment"] = f"{evil}:Evil-v0"
        file.write_text(json.dumps(whole))


@pytest.mark.parametrize(
    ("source", "command"),
    [
        ("ended", ("evaluate", "f")),
        ("ended", ("watch", "f", "--text")),
        ("ended", ("watch", "f", "--video", "x.gif")),
        ("ended", ("watch", "f", "--text", "--follow")),
        ("ended", ("record", "f", "--steps", 3)),
        ("stopped", ("watch", "f", "--text", "--follow")),
        ("stopped", ("train", "--resume", "f")),
        ("stopped", ("train", "--resume", "f", "--steps", 80)),
        ("stopped sweep", ("sweep", "--resume", "f")),
        ("sweep", ("evaluate", "f/000")),
        ("sweep", ("train", "--resume", "f/000")),
    ],
    ids=lambda each: " ".join(map(str, each)) if isinstance(each, tuple) else each,
)
def test_no_folder_imports_code_unless_it_is_trusted(zerone, here, runs, evil, source, command):
    shutil.copytree(runs / source, here / "f")
    point_to(evil, here / "f")
    ended = zerone(*command)
    assert not (here / "imported").exists()
    assert evil not in sys.modules
    ended.refused("--trust", f"would import the module '{evil}'", "config.json: environment")
    ended = zerone(*command, "--trust")
    assert (here / "imported").exists(), ended
    assert "unexpected" not in ended.err


def test_a_window_beside_a_training_that_goes_on_imports_nothing_either(zerone, here, runs, evil, monkeypatch):
    monkeypatch.setattr("zerone.environments.window.require_display", lambda _: None)
    shutil.copytree(runs / "stopped", here / "f")
    point_to(evil, here / "f")
    zerone("train", "--resume", "f", "--watch").refused(f"would import the module '{evil}'")
    assert not (here / "imported").exists()


@pytest.mark.usefixtures("beside")
def test_what_only_draws_and_compares_imports_nothing_and_asks_for_nothing(zerone, here, runs, evil):
    for name in ("f", "g"):
        shutil.copytree(runs / "ended", here / name)
        point_to(evil, here / name)
    assert zerone("plot", "f", "--out", "x.png").code == 0
    assert zerone("compare", "f", "g").code == 0
    assert not (here / "imported").exists()


def test_no_function_imports_code_out_of_a_folder(here, runs, evil):
    for source in ("ended", "stopped", "stopped sweep"):
        shutil.copytree(runs / source, here / source)
        point_to(evil, here / source)
    run = zo.load(here / "ended")
    for action in (
        run.agent, run.evaluate, lambda: zo.record(run, steps=3), lambda: zo.record(here / "ended", steps=3),
        lambda: zo.resume(here / "stopped"), lambda: zo.resume_sweep(here / "stopped sweep"),
        lambda: zo.train("q-learning", run.config["environment"]["id"], steps=5),
    ):  # fmt: skip
        with pytest.raises(InputError, match=f"would import the module '{evil}'"):
            action()
    assert not (here / "imported").exists()
    zo.load(here / "ended", f"{evil}:Evil-v0").engine().close()  # named by the calling program itself
    assert (here / "imported").exists()


def test_an_environment_that_makes_another_does_not_lead_around(zerone, here, runs, evil):
    shutil.copytree(runs / "ended", here / "f")
    config = json.loads((here / "f" / "config.json").read_text())
    config |= {"engine": "host", "environment": {
        "id": "GymV26Environment-v0", "options": {"env_id": f"{evil}:Evil-v0"}, "known": True}}  # fmt: skip
    (here / "f" / "config.json").write_text(json.dumps(config))
    zerone("evaluate", "f").refused(f"would import the module '{evil}'")
    assert not (here / "imported").exists()
