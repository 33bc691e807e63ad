"""Callbacks: the events and their order, what callbacks may request, and that they change nothing else."""

from __future__ import annotations

import json
import sys
import threading
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

import zerone as zo
from zerone.base.errors import InputError
from zerone.callbacks import Ended, Evaluated, Preparing, Progress, Rows, Saved, Saving, Started
from zerone.training import callback_sources

TREASURE = "zerone/Treasure-v0"
FEW = {"steps": 600, "evaluate_every": 100, "save_every": 200, "evaluation_episodes": 2, "figure": False, "chunk": 50}


def train(path, *callbacks, **options):
    return zo.train("q-learning", TREASURE, out=path, callbacks=list(callbacks), **{**FEW, **options})


def contents(path: Path):
    """The bytes of all files of a training that do not depend on the time."""
    files = [path / "config.json", path / "metrics.csv", *sorted((path / "checkpoints").iterdir())]
    return {file.name: file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(tmp_path_factory.mktemp("runs") / "whole", seeds=2)


class Hearing(zo.Callback):
    """Records all events, and the thread of each."""

    def __init__(self):
        self.events, self.threads = [], set()

    def __call__(self, event, training, /):
        self.events.append(event)
        self.threads.add(threading.get_ident())
        super().__call__(event, training)


def test_events_come_in_order_on_the_callers_thread_and_change_nothing(whole, tmp_path):
    hearing = Hearing()

    def look(event, training):
        if not isinstance(event, Preparing):
            training.agent().act(np.int32(2))
            np.asarray(training.policy(1))

    run = train(tmp_path / "run", hearing, look, seeds=2)
    assert contents(run.path) == contents(whole.path)
    assert hearing.threads == {threading.get_ident()}
    kinds = [type(event) for event in hearing.events]
    assert kinds[:2] == [Preparing, Started]
    assert kinds[-1] is Ended
    assert [kinds.count(kind) for kind in (Preparing, Started, Ended)] == [1, 1, 1]
    at_200 = [event for event in hearing.events if getattr(event, "step", getattr(event, "steps", None)) == 200]
    assert [type(each) for each in at_200] == [Evaluated, Evaluated, Rows, Saving, Saved, Progress]
    assert [each.seed for each in at_200[:2]] == [0, 1]
    assert at_200[4].path == run.path / "checkpoints" / "step-000000200.safetensors"
    logged = [row for event in hearing.events if isinstance(event, Rows) for row in event.rows]
    assert [row["step"] for row in logged] == run.metrics["step"].tolist()
    evaluated = [each for each in hearing.events if isinstance(each, Evaluated)]
    returns = run.metrics["evaluation_return"]
    assert [each.mean_return for each in evaluated] == returns[~np.isnan(returns)].tolist()
    started, ended = hearing.events[1], hearing.events[-1]
    assert (started.path, started.seeds, started.step, started.resumed) == (run.path, (0, 1), 0, False)
    assert list(started.columns) == list(run.metrics)[2:]
    assert started.config == run.config
    assert (ended.reason, ended.message, ended.result) == ("finished", "", run.result)


def stopping(at, reason="enough"):
    def stop(event, training):
        if isinstance(event, Evaluated) and event.step >= at:
            training.stop(reason)

    return stop


@pytest.mark.parametrize("at", [1, 300])
def test_a_callback_ends_a_training_and_it_goes_on_to_the_same_bytes(at, whole, tmp_path):
    """Also at step 1, before the first evaluation."""
    hearing = Hearing()
    run = train(tmp_path / "run", stopping(at), hearing, seeds=2)
    step = 300 if at > 1 else 100
    assert run.result["stopped"]["reason"] == "enough"
    assert run.result["stopped"]["by"].endswith("stopping.<locals>.stop")
    assert {each["steps"] for each in run.result["seeds"]} == {step}
    assert hearing.events[-1].reason == "stopped"
    assert json.loads((run.path / "result.json").read_text()) == run.result
    zo.resume(run.path, chunk=50)
    assert zo.load(run.path).result["stopped"] is None
    kept = contents(run.path)
    assert kept == contents(whole.path)


def test_one_that_stops_before_anything_was_evaluated_leaves_a_policy(tmp_path):
    def stop(event, training):
        if isinstance(event, Started):
            training.stop("at once")

    run = train(tmp_path / "run", stop)
    assert (run.result["steps"], run.result["return_mean"] is not None) == (0, True)
    assert run.agent().act(np.int32(2)) in (0, 1)
    whole = train(tmp_path / "whole")
    zo.resume(run.path)
    assert contents(run.path) == contents(whole.path)


class Measuring(zo.Callback):
    """Adds the largest value of the table to each row."""

    metrics = {"largest": "the largest value of the table", "double": "twice that"}  # noqa: RUF012

    def measure(self, row, training):
        largest = np.max(training.policy(row["seed"]))
        return {"largest": largest, "double": None if largest == 0 else 2 * float(largest)}


def test_a_callback_adds_its_metrics_to_the_log(whole, tmp_path):
    run = train(tmp_path / "run", Measuring(), seeds=2)
    assert list(run.metrics) == [*whole.metrics, "largest", "double"]
    for name, column in whole.metrics.items():
        np.testing.assert_array_equal(run.metrics[name], column)
    for seed in (0, 1):
        last = run.metrics["largest"][run.metrics["seed"] == seed][-1]
        table = train(tmp_path / f"alone-{seed}", seed=seed).agent(checkpoint="last").policy
        assert last == np.float64(str(np.max(table)))  # the shortest text that reads back to the same number
    halves = run.metrics["double"] / run.metrics["largest"]
    assert set(halves[~np.isnan(halves)].round(6)) == {2.0}


def test_a_log_with_metrics_is_resumed_with_the_callback_without_it_and_with_another(tmp_path):
    class Another(zo.Callback):
        metrics = {"one": "always 1"}  # noqa: RUF012

        def measure(self, row, training):
            del row, training
            return {"one": 1}

    run = train(tmp_path / "run", Measuring(), stopping(200))
    zo.resume(run.path, callbacks=[stopping(400)], chunk=50)
    zo.resume(run.path, callbacks=[Another(), Measuring()], chunk=50)
    found = zo.load(run.path).metrics
    measured = {name: found["step"][~np.isnan(found[name])] for name in ("largest", "one")}
    assert list(found)[-3:] == ["largest", "double", "one"]
    assert set(measured["largest"]) == set(found["step"][(found["step"] <= 200) | (found["step"] > 400)])
    assert set(measured["one"]) == set(found["step"][found["step"] > 400])


def test_a_callback_asks_for_a_checkpoint(whole, tmp_path):
    saved = []

    def ask(event, training):
        if isinstance(event, Saved):
            saved.append(event.step)
        if isinstance(event, Evaluated) and event.step == 300:
            training.save()

    run = train(tmp_path / "run", ask, keep_last=9, seeds=2)
    assert saved == [200, 300, 400, 600]
    assert (run.path / "metrics.csv").read_bytes() == (whole.path / "metrics.csv").read_bytes()


KINDS = [Started, Evaluated, Rows, Saving, Saved, Progress]


@pytest.mark.thorough(after=3)
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_callback_raises_names_it_and_loses_nothing(kind, whole, tmp_path, capsys):
    def fail(event, training):
        del training
        if (
            isinstance(event, kind)
            and getattr(event, "step", getattr(event, "steps", 0)) >= (kind is not Started) * 300
        ):
            raise ValueError("two\nlines")

    hearing = Hearing()
    with pytest.raises(
        zo.CallbackError, match=r"callback .*fail: ValueError: two lines; the last checkpoint is "
    ) as got:
        train(tmp_path / "run", fail, hearing, seeds=2)
    assert isinstance(got.value, zo.RunError)
    assert isinstance(got.value.__cause__.__cause__, ValueError)
    assert "\n" not in str(got.value)
    assert hearing.events[-1].reason == "failed"
    assert (tmp_path / "run" / "checkpoints").is_dir()
    assert any((tmp_path / "run" / "checkpoints").glob("step-*"))
    assert contents(zo.resume(tmp_path / "run", chunk=50).path) == contents(whole.path)
    assert capsys.readouterr().err == ""


class KilledError(BaseException):
    """Not caught by any code that saves or cleans up, so it acts like a kill."""


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("kind", [Evaluated, Rows, Saving, Saved, Progress])
def test_a_training_that_is_killed_with_its_callback_goes_on_with_it_to_the_same_bytes(kind, tmp_path):
    def kill(event, _):
        if isinstance(event, kind) and getattr(event, "step", getattr(event, "steps", 0)) >= 400:
            raise KilledError

    whole = train(tmp_path / "whole", Measuring(), seeds=2)
    with pytest.raises(KilledError):
        train(tmp_path / "run", Measuring(), kill, seeds=2)
    hearing = Hearing()
    run = zo.resume(tmp_path / "run", callbacks=[Measuring(), hearing], chunk=50)
    assert contents(run.path) == contents(whole.path)
    started = next(event for event in hearing.events if isinstance(event, Started))
    assert (started.resumed, started.step) == (True, 400 if kind in (Saved, Progress) else 200)
    assert min(event.step for event in hearing.events if isinstance(event, Rows)) > started.step


class NoWordsError(Exception):
    """An exception whose `__str__` fails."""

    def __str__(self):
        raise RuntimeError("no words")


def test_whatever_is_raised_or_said_is_one_line_that_steers_no_terminal(tmp_path):
    def stop(_, training):
        training.stop("why\n \x1b[31mred")

    assert train(tmp_path / "a", stop).result["stopped"]["reason"] == "why ?[31mred"

    def raising(error):
        def fail(event, _):
            if isinstance(event, Rows):
                raise error

        return fail

    with pytest.raises(zo.CallbackError, match=r"fail: OSError: \?\[2J all; the last checkpoint is [^\n]*$"):
        train(tmp_path / "b", raising(OSError("\x1b[2J\nall. ")))
    with pytest.raises(zo.CallbackError, match=r"fail: NoWordsError; the last checkpoint is [^\n]*$"):
        zo.resume(tmp_path / "b", callbacks=[raising(NoWordsError())])


def test_a_run_that_goes_on_has_no_result_until_it_ends(tmp_path):
    run = train(tmp_path / "run", stopping(200))
    assert zo.load(run.path).result["stopped"]

    def interrupt(event, _):
        if isinstance(event, Rows) and event.step == 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        zo.resume(run.path, callbacks=[interrupt], chunk=50)
    assert zo.load(run.path).result is None
    assert zo.resume(run.path).result["steps"] == 600


def test_a_callback_may_train_something_else_meanwhile(whole, tmp_path):
    def other(event, _):
        if isinstance(event, Saved) and event.step == 200:
            train(tmp_path / "inner", steps=40)

    assert contents(train(tmp_path / "run", other, seeds=2).path) == contents(whole.path)


def test_one_that_fails_at_the_end_costs_no_result(tmp_path):
    def fail(event, training):
        del training
        if isinstance(event, Ended):
            raise SystemExit(3)

    with pytest.raises(zo.CallbackError, match="fail: SystemExit: 3"):
        train(tmp_path / "run", fail)
    assert zo.load(tmp_path / "run").result["steps"] == 600


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"other": 1}, "ValueError: measure gave 'other', which is not in its metrics"),
        ({"largest": "much"}, "ValueError: measure gave largest = 'much', which is no number"),
        ({"largest": [1.0]}, r"ValueError: measure gave largest = \[1.0\], which is no number"),
        (3, "TypeError: measure gave 3, not a mapping"),
    ],
)
def test_a_measure_that_is_no_number_is_refused(given, said, tmp_path):
    class Wrong(Measuring):
        def measure(self, row, training):
            del row, training
            return given

    with pytest.raises(zo.CallbackError, match=said):
        train(tmp_path / "run", Wrong())
    assert zo.resume(tmp_path / "run").result["steps"] == 600


def test_an_interruption_is_told_to_all(tmp_path):
    hearing = Hearing()

    def interrupt(event, training):
        del training
        if isinstance(event, Rows) and event.step == 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", hearing, interrupt)
    assert hearing.events[-1].reason == "interrupted"


@pytest.mark.thorough
def test_on_the_host_engine_they_are_heard_the_same_way(tmp_path):
    hearing = Hearing()
    run = train(tmp_path / "stopped", hearing, stopping(300), engine="host", chunk=7)
    assert (run.result["steps"], run.result["stopped"]["reason"]) == (300, "enough")
    assert zo.resume(run.path).result["steps"] == 600
    plain = train(tmp_path / "plain", engine="host")
    rows = (run.path / "metrics.csv").read_bytes()[:2_000]
    assert (plain.path / "metrics.csv").read_bytes().startswith(rows[: rows.index(b"\n0,306,")])
    first = [type(each) for each in hearing.events[:4]]
    assert first == [Preparing, Started, Saving, Saved]

    def fail(event, training):
        del training
        raise OSError(f"no {type(event).__name__}")

    with pytest.raises(zo.CallbackError, match="OSError: no Preparing; the last checkpoint is"):
        train(tmp_path / "failed", fail, engine="host")
    assert zo.resume(tmp_path / "failed").result["steps"] == 600


def test_an_installed_package_brings_a_callback(tmp_path, monkeypatch):
    point = EntryPoint("spare", "own_callbacks:Spare", callback_sources.GROUP)
    monkeypatch.setitem(sys.modules, "own_callbacks", sys.modules[__name__])

    def brought(group, name="spare"):
        return [point] if (group, name) == (callback_sources.GROUP, "spare") else []

    monkeypatch.setattr(callback_sources, "entry_points", brought)
    run = train(tmp_path / "run", "spare")
    assert run.result["stopped"] == {"by": "spare", "reason": "saved at 200"}
    assert zo.resume(run.path).result["steps"] == 400  # it is stopped again
    with pytest.raises(InputError, match="did you mean 'spare'"):
        train(tmp_path / "other", "spaer")


class Spare(zo.Callback):
    """A callback that another test imports by its name."""

    def on_saved(self, event, training):
        training.stop(f"saved at {event.step}")


class NeedsMore(zo.Callback):
    """A callback that cannot be created without arguments."""

    def __init__(self, more):
        self.more = more


class TakesLess(zo.Callback):
    """A callback with too few parameters."""

    def on_rows(self, event):
        pass


async def waiting(event, training):
    """A coroutine function: calling it has no effect."""


class Taken(Measuring):
    """A callback with a metric that the log already has."""

    metrics = {"return": "taken"}  # noqa: RUF012


class MeansNothing(zo.Callback):
    """A callback whose metric means no text."""

    metrics = {"size": 3}  # noqa: RUF012


class Comma(Measuring):
    """A callback with a metric whose name a CSV header cannot have."""

    metrics = {"a,b": "two columns"}  # noqa: RUF012


@pytest.mark.parametrize(
    ("callbacks", "said"),
    [
        ([3], r"builtins:int is not a valid callback: it must be an object of a class made from zerone\.Callback"),
        ([Spare], r"callback .*:Spare is a class: give an object of it, Spare\(\)"),
        ([lambda _: None], r"<lambda> is not a valid callback: it must take \(event, training\)"),
        ([waiting], "waiting is not a valid callback: it must do its work when it is called, without async or yield"),
        (
            [MeansNothing()],
            "MeansNothing is not a valid callback: its metrics must be a mapping from names to what they mean",
        ),
        ([TakesLess()], r"TakesLess is not a valid callback: its on_rows must take \(event, training\)"),
        ([Taken()], "Taken: the metric 'return' is in the log already"),
        ([Measuring(), Measuring()], "Measuring: the metric 'largest' is in the log already"),
        ([Comma()], "Comma: the metric 'a,b' is not allowed"),
        (Spare(), r"callbacks = .* is not allowed: must be a list of callbacks"),
        ("wandb", "callbacks = 'wandb' is not allowed: must be a list of callbacks"),
        (["wanbd"], "callback 'wanbd' is unknown: did you mean 'wandb'"),
        (["nowhere_at_all:Name"], "callback nowhere_at_all:Name: module 'nowhere_at_all' cannot be imported"),
        (["json:Nothing"], "callback json:Nothing: module 'json' has no 'Nothing'"),
        (["json:JSONDecoder"], "json:JSONDecoder is not a valid callback: it must be a class made from"),
        (["json:loads"], "json:loads is not a valid callback: it must take"),
        (["own_callbacks:NeedsMore"], "callback own_callbacks:NeedsMore cannot be made: TypeError"),
    ],
)
def test_what_is_no_callback_is_refused_before_anything_is_created(callbacks, said, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "own_callbacks", sys.modules[__name__])
    with pytest.raises(InputError, match=said):
        zo.train("q-learning", TREASURE, out=tmp_path / "run", callbacks=callbacks, **FEW)
    assert not (tmp_path / "run").exists()


def test_a_misspelt_event_is_named_where_the_class_is_made():
    with pytest.raises(InputError, match="Wrong: on_evaluate is no event: did you mean 'on_evaluated'"):

        class Wrong(zo.Callback):
            def on_evaluate(self, event, training):
                pass


def test_one_that_was_named_is_made_again_when_the_run_goes_on(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "own_callbacks", sys.modules[__name__])
    run = train(tmp_path / "run", "own_callbacks:Spare")
    assert run.config["callbacks"] == ["own_callbacks:Spare"]
    assert run.result["stopped"] == {"by": "own_callbacks:Spare", "reason": "saved at 200"}
    assert zo.resume(run.path).result["steps"] == 400
    monkeypatch.delitem(sys.modules, "own_callbacks")
    with pytest.raises(
        InputError, match="callback 'own_callbacks:Spare' is named in a file and would import the module"
    ):
        zo.resume(run.path)
    assert zo.resume(run.path, callbacks=[]).result["steps"] == 600


def test_one_that_is_registered_goes_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(callback_sources, "_registered", {})
    callback_sources.register("spare", Spare)
    callback_sources.register("spare", Spare)  # a second time, as when a notebook cell is run again
    run = train(tmp_path / "run", "spare")
    assert run.result["stopped"]["by"] == "spare"
    assert zo.resume(run.path).result["steps"] == 400
    for name in ("spare", "wandb", "a:b", "none"):
        with pytest.raises(InputError, match=f"callback '{name}' is there already: give Measuring another name"):
            callback_sources.register(name, Measuring)


@pytest.mark.thorough(after=6)
@pytest.mark.parametrize("source", ["os:kill", "builtins:exec", "subprocess:run", "json:loads", ":", "x:", "no"])
def test_whatever_stands_in_a_file_as_callback_runs_nothing(source, tmp_path):
    run = train(tmp_path / "run", stopping(100))
    config = json.loads((run.path / "config.json").read_text())
    (run.path / "config.json").write_text(json.dumps(config | {"callbacks": [source]}))
    with pytest.raises(InputError, match="callback"):
        zo.resume(run.path)
    (run.path / "config.json").write_text(json.dumps({**config, "callbacks": 3}))
    with pytest.raises(InputError, match=r"config.json: callbacks = 3 is not allowed: must be a list"):
        zo.resume(run.path)
