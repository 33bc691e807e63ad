"""Trackers, each tested with a fake package that has only the functions which the tracker may call."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import types

import pytest

import zerone as zo
from zerone.base.errors import InputError
from zerone.training.callback_sources import TRACKERS
from zerone.training.trackers.tracker import read_id

FEW = {"steps": 300, "evaluate_every": 100, "evaluation_episodes": 2, "figure": False, "seeds": 2}


class Board:
    """What a tracker received: its runs by their ids, each with settings, rows and final state."""

    def __init__(self):
        self.runs, self.down = {}, False

    def begin(self, identity, **about):
        self.runs.setdefault(identity, {"rows": [], "noted": {}, "ends": [], "opened": []})["opened"].append(about)

    def take(self, identity, values, step=None):
        if self.down:
            raise ConnectionError("the service is down")
        run = self.runs[identity]
        if step is None:
            run["noted"].update(values)
        else:
            run["rows"].append((step, values))


class Run:
    """A run of wandb, trackio or swanlab."""

    def __init__(self, board, identity):
        self.board, self.id, self.name, self.summary, self.defined = board, identity, identity, self, []

    def define_metric(self, name, step_metric=None):
        self.defined.append((name, step_metric))

    def update(self, values):
        self.board.take(self.id, values)

    def log(self, values, step=None):
        if "step" in values:  # wandb's steps may not decrease, so ours is one of the values
            step = values.pop("step")
        self.board.take(self.id, values, step)

    def finish(self, **how):
        self.board.runs[self.id]["ends"].append(how)


def wandb(board):
    def init(*, project, name, config, id=None, resume=None, mode=None):  # noqa: A002
        board.begin(id or "w1", project=project, name=name, config=config, resume=resume, mode=mode)
        return Run(board, id or "w1")

    return types.SimpleNamespace(init=init)


def trackio(board):
    def init(project, *, name, config, embed, resume="never"):
        assert not embed
        board.begin(name, project=project, name=name, config=config, resume=resume)
        return Run(board, name)

    return types.SimpleNamespace(init=init)


def swanlab(board):
    def init(*, project, name, config, reinit, id=None, resume=None):  # noqa: A002
        assert reinit
        board.begin(id or "s1", project=project, name=name, config=config, resume=resume)
        return Run(board, id or "s1")

    return types.SimpleNamespace(init=init)


def mlflow(board):
    class MlflowClient:
        def get_experiment_by_name(self, name):
            return None if not board.runs else types.SimpleNamespace(experiment_id=name)

        def create_experiment(self, name):
            return name

        def create_run(self, experiment_id, run_name):
            board.begin("m1", project=experiment_id, name=run_name, config={})
            return types.SimpleNamespace(info=types.SimpleNamespace(run_id="m1"))

        def update_run(self, run_id, status):
            assert status == "RUNNING"
            board.begin(run_id, resume="allow")

        def log_param(self, run_id, key, value):
            board.runs[run_id]["opened"][-1]["config"][key] = value

        def log_batch(self, run_id, metrics):
            board.take(run_id, {key: value for key, value, _, _ in metrics}, metrics[0][3])

        def log_metric(self, run_id, key, value):
            board.take(run_id, {key: value})

        def set_terminated(self, run_id, status):
            board.runs[run_id]["ends"].append({"status": status})

    def metric(key, value, timestamp, step):
        return key, value, timestamp, step

    return types.SimpleNamespace(MlflowClient=MlflowClient, entities=types.SimpleNamespace(Metric=metric))


STAND_INS = {"wandb": wandb, "mlflow": mlflow, "trackio": trackio, "swanlab": swanlab}


@pytest.fixture
def board(request, monkeypatch):
    board = Board()
    monkeypatch.setitem(sys.modules, request.param, STAND_INS[request.param](board))
    board.name = request.param
    return board


def stop(event, training):
    if type(event).__name__ == "Evaluated" and event.step == 200:
        training.stop("enough")


every = pytest.mark.parametrize("board", STAND_INS, indirect=True)
one = pytest.mark.parametrize("board", ["wandb"], indirect=True)


def test_there_is_a_stand_in_for_each():
    assert set(STAND_INS) == set(TRACKERS)


@pytest.mark.thorough(after=1)
@every
def test_a_training_is_one_run_of_the_tracker_also_when_it_goes_on(board, tmp_path):
    run = zo.train("q-learning", "zerone/Treasure-v0", out=tmp_path / "mine", callbacks=[board.name, stop], **FEW)
    assert run.config["callbacks"] == [board.name]
    ((identity, found),) = board.runs.items()
    assert json.loads((run.path / f"tracker-{board.name}.json").read_text()) == {"id": identity}
    (opened,) = found["opened"]
    assert (opened["project"], opened["name"]) == ("zerone", "mine")
    settings = opened["config"]
    assert (settings["algorithm"], settings["environment"], settings["seeds"]) == (
        "q-learning",
        "zerone/Treasure-v0",
        [0, 1],
    )
    zo.resume(run.path)
    ((_, found),) = board.runs.items()
    assert [each.get("resume") for each in found["opened"]][1] == "allow"
    rows = zo.load(run.path).metrics
    assert [step for step, _ in found["rows"]] == list(dict.fromkeys(rows["step"].tolist()))
    assert all(name.startswith(("seed-0/", "seed-1/")) for _, values in found["rows"] for name in values)
    last = rows["evaluation_return"][-2:].tolist()
    assert [found["rows"][-1][1][f"seed-{seed}/evaluation/return"] for seed in (0, 1)] == last
    assert found["noted"] == {"result/return_mean": zo.load(run.path).result["return_mean"]}
    ends = {"wandb": {"exit_code": 0}, "mlflow": {"status": "FINISHED"}, "trackio": {}, "swanlab": {"state": "success"}}
    assert found["ends"] == [ends[board.name]] * 2
    plain = zo.train("q-learning", "zerone/Treasure-v0", out=tmp_path / "plain", **FEW)
    assert (plain.path / "metrics.csv").read_bytes() == (run.path / "metrics.csv").read_bytes()


@one
def test_a_service_that_is_down_costs_its_numbers_and_is_said_once(board, tmp_path, caplog):
    board.down = True
    with caplog.at_level(logging.WARNING, "zerone"):
        run = zo.train("q-learning", "zerone/Treasure-v0", out=tmp_path / "run", callbacks=["wandb"], **FEW)
    assert run.result["steps"] == 600
    assert [each.getMessage() for each in caplog.records] == [
        "zerone: wandb gets no more of this training: ConnectionError: the service is down"
    ]


@one
def test_one_that_cannot_be_opened_is_an_error_and_the_run_goes_on(board, tmp_path, monkeypatch):
    def refuse(**asked):
        raise PermissionError(f"no login for {asked['project']}")

    monkeypatch.setattr(sys.modules["wandb"], "init", refuse)
    mine = zo.callbacks.WandB(project="legs")
    with pytest.raises(zo.CallbackError, match="WandB: PermissionError: no login for legs; the last checkpoint is"):
        zo.train("q-learning", "zerone/Treasure-v0", out=tmp_path / "run", callbacks=[mine], **FEW)
    assert zo.resume(tmp_path / "run").result["steps"] == 600
    assert board.runs == {}


@one
def test_a_tracker_that_takes_ctrl_c_for_itself_gives_it_back(board, tmp_path, monkeypatch):
    """Like SwanLab: it installs a handler when it starts, and restores the previous one when it ends."""
    init, found = sys.modules["wandb"].init, []

    def taking(**asked):
        found.append(signal.signal(signal.SIGINT, lambda *_: pytest.fail("the tracker heard it")))
        return init(**asked)

    def back(self, **how):
        del self, how
        signal.signal(signal.SIGINT, found.pop())

    monkeypatch.setattr(sys.modules["wandb"], "init", taking)
    monkeypatch.setattr(Run, "finish", back)
    before = signal.getsignal(signal.SIGINT)

    def interrupt(event, _):
        if type(event).__name__ == "Rows" and event.step == 200:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        zo.train("q-learning", "zerone/Treasure-v0", out=tmp_path / "r", callbacks=["wandb", interrupt], **FEW)
    assert board.runs["w1"]["rows"]
    assert signal.getsignal(signal.SIGINT) is before
    assert (tmp_path / "r" / "checkpoints" / "step-000000200.safetensors").exists()


@one
def test_an_object_has_its_project_and_options_and_is_not_remembered(board, tmp_path):
    mine = zo.callbacks.WandB(project="legs", mode="offline")
    run = zo.train("q-learning", "zerone/Treasure-v0", out=tmp_path / "run", callbacks=[mine], **FEW | {"seeds": 1})
    (opened,) = board.runs["w1"]["opened"]
    assert (opened["project"], opened["mode"]) == ("legs", "offline")
    assert run.config["callbacks"] == []
    assert "train/return" in {name for _, values in board.runs["w1"]["rows"] for name in values}


@pytest.mark.parametrize("name", TRACKERS)
def test_without_the_package_nothing_is_created(name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=rf'{name} needs the package {name}: .*pip install "zerone\[{name}\]"'):
        zo.train("q-learning", "zerone/Treasure-v0", out=tmp_path / "run", callbacks=[name], **FEW)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id": 3}', '{"id": "../x"}', '{"id": ""}', '{"id": ".."}'])
def test_an_id_that_could_be_none_is_not_taken(text, tmp_path):
    (tmp_path / "tracker-wandb.json").write_text(text)
    assert read_id(tmp_path, "wandb") is None
    assert read_id(tmp_path / "nowhere", "wandb") is None
    (tmp_path / "tracker-wandb.json").write_text('{"id": "ab-1_c.2 d"}')
    assert read_id(tmp_path, "wandb") == "ab-1_c.2 d"
