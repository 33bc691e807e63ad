"""Measurements are kept and never repeated; files are the same when they are written again."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import signal
import threading

import numpy as np
import pytest

from zerone.base.errors import InputError, RunError
from zerone.experiments import runner
from zerone.experiments.protocol import Experiment, Question, Text, difference
from zerone.experiments.store import held
from zerone.training.interrupt import Interrupted

NOTHING = Text("", "")


def draw(sheet, results):
    sheet.curve(np.arange(3), results("high", "curve"), "high", 0)
    sheet.points(["low", "high"], [results("low", "value"), results("high", "value")], panel=1)
    sheet.line(1, "one", panel=1, vertical=True)
    sheet.label("x", "y")


def made(measure, **more):
    """An experiment that compares two arms."""
    higher = Question(
        Text("high minus low", "高减低"),
        lambda found: difference(found("high", "value"), found("low", "value")),
        above=1,
    )
    fields = {
        "name": "toy", "title": Text("A toy", "玩具"), "claim": Text("High is higher.", "高的更高。"),
        "source": Text("nobody", "无人"),
        "look": Text("the line.", "那条线。"),
        "setup": NOTHING, "environment": "none", "arms": {"low": {"level": 0.0}, "high": {"level": 6.0}},
        "measure": measure, "draw": draw, "teaches": NOTHING, "minutes": 0.01, "panels": 2, "quick": {"short": True},
        "questions": (higher,),
        "facts": lambda results: {"mean": results("high", "value").mean()},
    }  # fmt: skip
    return Experiment(**(fields | more))


class Measure:
    """A measurement that depends only on the arm and the seed; counts its calls."""

    def __init__(self):
        self.asked = []

    def __call__(self, settings, seed):
        self.asked.append((settings["level"], seed))
        value = settings["level"] + np.random.default_rng(seed).normal()
        return {"value": value, "curve": np.float32([value, 2 * value, 3 * value])}


def nothing(sight):
    del sight


@pytest.fixture
def undrawn(monkeypatch):
    """Draw no figure, which would take longer than everything else."""
    monkeypatch.setattr(runner.figure, "write", lambda *_: None)


def test_everything_is_written(tmp_path):
    sights = []
    verdict, told = runner.run(made(Measure()), tmp_path / "toy", 5, False, sights.append)
    assert verdict.word == told["verdict"] == "confirmed"
    assert told["effect"] == pytest.approx(6)  # the same noise in both arms
    assert told["interval"][0] < told["effect"] < told["interval"][1]
    assert json.loads((tmp_path / "toy" / "verdict.json").read_text()) == told | {"figure": "figure.png"}
    assert (tmp_path / "toy" / "figure.png").stat().st_size > 1000
    assert (tmp_path / "toy" / "figure.svg").read_text().startswith("<?xml")
    with (tmp_path / "toy" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 5 * 4
    values = [float(row["value"]) for row in rows if row["arm"] == "high" and row["measure"] == "value"]
    assert values == [6 + np.random.default_rng(seed).normal() for seed in range(5)]
    assert (sights[0].done, sights[0].total) == (0, 10)
    assert (sights[-1].done, sights[-1].total) == (10, 10)


def test_the_same_again_has_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        runner.run(made(Measure()), tmp_path / name, 4, False, nothing)
    for file in ("results.csv", "verdict.json", "figure.svg", "figure.png"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


@pytest.mark.usefixtures("undrawn")
def test_seeds_that_are_there_are_not_measured_again(tmp_path):
    measure = Measure()
    runner.run(made(measure), tmp_path, 3, False, nothing)
    first = json.loads((tmp_path / "verdict.json").read_text())
    runner.run(made(measure), tmp_path, 5, False, nothing)
    assert sorted(measure.asked) == sorted((level, seed) for level in (0.0, 6.0) for seed in range(5))
    runner.run(made(measure), tmp_path, 3, False, nothing)  # fewer seeds again: the first three
    assert json.loads((tmp_path / "verdict.json").read_text()) == first
    assert len(measure.asked) == 10


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("change", [{"version": 2}, {"arms": {"low": {"level": 0.0}, "high": {"level": 3.0}}}])
def test_what_another_configuration_measured_is_not_used(tmp_path, change):
    measure = Measure()
    runner.run(made(measure), tmp_path, 2, False, nothing)
    runner.run(made(measure, **change), tmp_path, 2, False, nothing)
    assert len(measure.asked) == (8 if "version" in change else 6)


@pytest.mark.usefixtures("undrawn")
def test_a_look_has_settings_of_its_own(tmp_path):
    seen = []

    def measure(settings, seed):
        seen.append(settings)
        return Measure()(settings, seed)

    verdict, told = runner.run(made(measure), tmp_path, 2, True, nothing)
    assert all(settings["short"] for settings in seen)
    assert verdict.quick
    assert told["only_a_look"]


@pytest.mark.usefixtures("undrawn")
def test_a_line_that_was_cut_short_is_measured_anew(tmp_path):
    measure = Measure()
    experiment = made(measure)
    runner.run(experiment, tmp_path, 3, False, nothing)
    before = (tmp_path / "results.csv").read_bytes()
    (lines,) = (tmp_path / "measured").glob("high-*.jsonl")
    lines.write_bytes(lines.read_bytes()[:-9])
    runner.run(experiment, tmp_path, 3, False, nothing)
    assert len(measure.asked) == 7
    assert (tmp_path / "results.csv").read_bytes() == before
    lines.write_text(lines.read_text().replace('"zerone": "', '"zerone": "of another '))
    runner.run(experiment, tmp_path, 3, False, nothing)  # measurements of another version are repeated, too
    assert len(measure.asked) == 10
    assert (tmp_path / "results.csv").read_bytes() == before
    lines.write_bytes(b"{}\n")
    with pytest.raises(RunError, match="damaged"):
        runner.run(experiment, tmp_path, 3, False, nothing)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("first", ["the failure", "the rest"])
def test_a_failure_names_arm_and_seed_and_keeps_the_rest(tmp_path, monkeypatch, first):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)  # two threads
    over = threading.Event()

    def measure(settings, seed):
        high = settings["level"] > 0
        if high and (seed == 1) == (first == "the rest"):
            assert over.wait(30)  # wait until the other one is done, whichever thread is faster
        if high:
            over.set()
        if high and seed == 1:
            raise ValueError("no such thing\nand more")
        return Measure()(settings, seed)

    with pytest.raises(RunError, match="experiment toy, arm high, seed 1: ValueError: no such thing; what was"):
        runner.run(made(measure), tmp_path, 2, False, nothing)
    with held(tmp_path, made(measure), quick=False) as store:
        assert list(store.read("low")) == [0, 1]
        assert list(store.read("high")) == [0]
    assert not (tmp_path / "verdict.json").exists()


@pytest.mark.usefixtures("undrawn")
def test_ctrl_c_keeps_what_is_measured(tmp_path):
    measure = Measure()

    def press(settings, seed):
        if seed == 2:
            if settings["level"]:  # only once: a second signal would end it at once
                os.kill(os.getpid(), signal.SIGINT)
            while True:
                runner.stop_if_asked()
        return measure(settings, seed)

    with pytest.raises(Interrupted, match="kept in"):
        runner.run(made(press), tmp_path, 50, False, nothing)
    runner.stop_if_asked()  # the next experiment is not stopped
    done = len(measure.asked)
    assert 4 <= done < 20
    verdict, _ = runner.run(made(measure), tmp_path, 10, False, nothing)
    assert verdict.seeds == 10
    assert len(measure.asked) == len(set(measure.asked)) == 20


def test_two_processes_do_not_write_to_one_folder(tmp_path):
    experiment = made(Measure())
    with held(tmp_path, experiment, quick=False), pytest.raises(InputError, match="another process"):
        runner.run(dataclasses.replace(experiment), tmp_path, 2, False, nothing)
