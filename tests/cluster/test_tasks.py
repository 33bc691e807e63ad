"""Trials of a sweep and measurements of an experiment in a cluster's processes give the same files as without.

The processes are simulated. `test_ray_connection` has real ones.
"""

import dataclasses
import types

import numpy as np
import pytest
from local_workers import LocalSupervisor

import zerone as zo
from zerone.cluster import tasks
from zerone.cluster.tasks import Cluster, Tasks
from zerone.experiments import catalogue, runner
from zerone.experiments.store import held
from zerone.studies import trial

GRID = {"learning_rate": [0.05, 0.5]}
SWEEP = {"steps": 60, "seeds": 3, "progress": False}


@pytest.fixture
def supervisors(monkeypatch):
    """A list of the supervisors that were made."""
    found = []

    def made(_connection, number, _algorithm, task, _timeout):
        found.append(LocalSupervisor(task, number, 10**9))
        return found[-1]

    monkeypatch.setattr(tasks, "connect", lambda _: types.SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(tasks, "Supervisor", made)
    return found


def _files(folder):
    kept = ("metrics.csv", "config.json", "table.csv", "best.toml", "sweep.json", ".safetensors")
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.name.endswith(kept)}


def _alone(monkeypatch):
    """Train the best setting on other seeds in this process; `test_spread` tests that with a cluster."""
    one = trial.train_one
    monkeypatch.setattr(trial, "train_one", lambda *given: one(*given[:5]))


@pytest.mark.thorough
def test_a_sweep_leaves_the_same_files(supervisors, tmp_path, monkeypatch):
    _alone(monkeypatch)
    here = zo.sweep("q-learning", "zerone/Treasure-v0", GRID, out=tmp_path / "here", **SWEEP)
    there = zo.sweep("q-learning", "zerone/Treasure-v0", GRID, out=tmp_path / "there", spread=8, **SWEEP)
    assert _files(here.path) == _files(there.path)
    (supervisor,) = supervisors
    assert supervisor.requests == len(supervisor.workers) == 2  # not more processes than settings


@pytest.mark.thorough
def test_an_interrupted_sweep_keeps_whole_trials_and_goes_on(supervisors, tmp_path, monkeypatch):
    _alone(monkeypatch)
    here = zo.sweep("q-learning", "zerone/Treasure-v0", GRID, out=tmp_path / "here", **SWEEP)
    written = trial.write_trial

    def write_one(path, files):
        if path.name == "001":
            raise KeyboardInterrupt
        written(path, files)

    monkeypatch.setattr(trial, "write_trial", write_one)
    with pytest.raises(KeyboardInterrupt):
        zo.sweep("q-learning", "zerone/Treasure-v0", GRID, out=tmp_path / "there", spread=2, **SWEEP)
    assert (tmp_path / "there" / "000").exists()
    assert not (tmp_path / "there" / "001").exists()
    (tmp_path / "there" / "001.part").mkdir()  # a leftover of a killed process
    monkeypatch.setattr(trial, "write_trial", written)
    there = zo.resume_sweep(tmp_path / "there", spread=2, progress=False)
    assert _files(here.path) == _files(there.path)
    assert supervisors[-1].requests == 1


@pytest.mark.thorough
@pytest.mark.usefixtures("supervisors")
def test_a_diverging_setting_is_worth_nothing_there_too(tmp_path, monkeypatch):
    _alone(monkeypatch)
    rates = {"learning_rate": [0.1, 1e38]}
    found = zo.sweep("ppo", "zerone/Treasure-v0", rates, out=tmp_path / "there", spread=2, **SWEEP)
    assert [each.diverged for each in found.trials] == [False, True]


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"spread": 0}, "spread = 0 is not allowed"),
        ({"spread": 2.0}, "whole number"),
        ({"spread": 2, "driver": "optuna"}, "driver = optuna"),
        ({"spread": 2, "processes": 2}, "with processes"),
        ({"address": "127.0.0.1:6379"}, "without spread"),
    ],
)
def test_what_cannot_be_spread_is_refused_and_nothing_is_created(wrong, text, supervisors, tmp_path):
    with pytest.raises(zo.InputError) as caught:
        zo.sweep("dqn", "CartPole-v1", GRID, out=tmp_path / "there", **{**SWEEP, **wrong})
    assert text in str(caught.value)
    assert not (tmp_path / "there").exists()
    assert not supervisors


@pytest.mark.thorough
def test_an_experiment_measures_the_same(supervisors, tmp_path):
    experiment = catalogue.look_up("caution")
    short = {"quick": True, "seeds": 2, "look": lambda _: None}
    _, here = runner.run(experiment, tmp_path / "here", **short)
    _, there = runner.run(experiment, tmp_path / "there", cluster=Cluster(2), **short)
    assert {**here, "figure": ""} == {**there, "figure": ""}
    assert (tmp_path / "here" / "results.csv").read_bytes() == (tmp_path / "there" / "results.csv").read_bytes()
    assert supervisors[0].requests == 4
    runner.run(experiment, tmp_path / "there", cluster=Cluster(2), **short)  # all results exist: no process is needed
    assert len(supervisors) == 1


@pytest.mark.usefixtures("supervisors")
def test_an_error_names_arm_and_seed_and_keeps_the_rest(tmp_path, monkeypatch):
    experiment = catalogue.look_up("caution")

    def measure(_settings, seed):
        if seed == 1:
            raise ValueError("no\nway")
        return {"value": np.float32(seed)}

    other = dataclasses.replace(experiment, measure=measure)
    monkeypatch.setattr(catalogue, "look_up", lambda _: other)
    with (
        held(tmp_path, experiment, True) as store,
        pytest.raises(zo.RunError, match=r"arm q-learning, seed 1: ValueError: no; what was measured before is kept"),
    ):
        runner.measure(experiment, store, range(3), True, lambda _: None, Cluster(1))
    with held(tmp_path, experiment, True) as store:
        assert list(store.read("sarsa")) == [0]


def test_errors_of_other_classes_arrive_as_a_line():
    worker = Tasks("toy").worker(None, 0)
    with worker.limits():
        assert worker.call(divmod, (7, 2)).value == (3, 1)
        assert str(worker.call(divmod, (7, 0)).error) == "ZeroDivisionError: integer division or modulo by zero"
