"""A run folder has a single writer, loses nothing, and does not replace files that Zerone did not write."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from zerone.base.errors import InputError, RunError
from zerone.base.files import finite
from zerone.training import checkpoint
from zerone.training.folder import RunFolder, new_folder

CONFIG = {
    "algorithm": {"name": "dqn", "settings": {"discount": 0.99}},
    "environment": {"id": "CartPole-v1", "options": {}, "known": True},
    "engine": "compiled", "seeds": [0, 1], "steps": 200, "report_every": 100, "evaluate_every": 100, "save_every": 200,
    "evaluation_episodes": 100,
}  # fmt: skip
RESULT = {"algorithm": "dqn", "steps_per_second": None, "startup_seconds": 0.5}


def everything(path: Path) -> dict[str, bytes]:
    return {str(each.relative_to(path)): each.read_bytes() for each in path.rglob("*") if each.is_file()}


def refused(words: str):
    return pytest.raises(InputError, match=words)


@pytest.fixture
def run(tmp_path):
    with RunFolder.create(tmp_path / "run", CONFIG) as folder:
        yield folder


def fill(folder: RunFolder) -> None:
    for step in (50_000, 9_000, 1_000_000_000, 100_000):
        checkpoint.save(folder.checkpoint_path(step), {"w": np.full(2, step)}, {"step": step})
    checkpoint.save(folder.best_path, {"w": np.zeros(2)}, {"step": 1})
    folder.metrics_path.write_text("seed,step\n")
    folder.figure_path.write_bytes(b"png")
    folder.write_result({**RESULT, "seeds": [{"seed": 0, "return_mean": 1.5}]})
    (folder.path / "seed-0").mkdir()
    (folder.path / "seed-0" / "events.out.tfevents.1.host").touch()


def test_a_new_run_can_be_read_while_it_is_written(run):
    found = RunFolder.open(run.path)
    assert found.config == run.config
    assert list(found.config)[:2] == ["format", "zerone"]
    parts = ("environment", "algorithm")
    assert all(found.config[name].items() >= CONFIG[name].items() for name in parts)
    assert all(found.config[name] == CONFIG[name] for name in CONFIG if name not in parts)
    assert found.config["keep_last"] == 2  # missing entries have the defaults of that time
    assert found.latest() is None
    assert found.read_result() is None
    with refused("no checkpoint in this run yet"):
        found.load_latest()


def test_checkpoints_are_sorted_by_step_and_best_is_apart(run):
    fill(run)
    (run.path / "checkpoints" / "step-mine.safetensors").touch()
    names = [each.name for each in run.checkpoints()]
    assert names == [f"step-{step}.safetensors" for step in ("000009000", "000050000", "000100000", "1000000000")]
    assert run.latest() == run.checkpoint_path(1_000_000_000)
    path, arrays, about = run.load_latest()
    assert (path, arrays["w"].tolist(), about) == (run.latest(), [10**9] * 2, {"step": 10**9})


def test_a_damaged_newest_checkpoint_is_said_with_the_one_before(run):
    fill(run)
    os.truncate(run.checkpoint_path(1_000_000_000), 100)
    with refused(r"step-1000000000\.safetensors: damaged.*remove it to go on from step-000100000\.safetensors"):
        run.load_latest()
    run.prune(1)
    with refused("and it is the only one"):
        run.load_latest()


def test_pruning_keeps_the_newest_and_the_best(run):
    fill(run)
    assert len(run.prune(2)) == 2
    assert [each.stem for each in run.checkpoints()] == ["step-000100000", "step-1000000000"]
    run.prune(0)  # the last one is always kept
    assert [each.stem for each in run.checkpoints()] == ["step-1000000000"]
    assert run.best_path.exists()


def test_a_result_is_strict_json(run):
    seeds = [{"seed": 0, "return_mean": float("nan"), "best": -float("inf"), "steps": 3}]
    run.write_result({**RESULT, "seeds": seeds})
    (found,) = run.read_result()["seeds"]
    assert found.items() >= {"seed": 0, "return_mean": None, "best": None, "steps": 3}.items()
    assert finite((1.5, "a", True)) == [1.5, "a", True]
    run.result_path.write_text('{"a": ')
    with refused(r"result\.json: damaged: not JSON"):
        run.read_result()


def test_an_existing_run_is_not_overwritten_unasked(run):
    fill(run)
    run.close()
    before = everything(run.path)
    with refused(r"zo.resume\(.*overwrite=True"):
        RunFolder.create(run.path, CONFIG)
    assert everything(run.path) == before


def test_overwriting_removes_what_zerone_wrote_and_no_more(run):
    fill(run)
    (run.path / "notes.txt").write_text("mine")
    (run.path / "seed-0" / "mine").write_text("mine")
    (run.path / "checkpoints" / ".best.safetensors.77.tmp").touch()
    run.close()
    RunFolder.create(run.path, {**CONFIG, "new": 1}, overwrite=True).close()
    assert everything(run.path).keys() == {"config.json", ".lock", "notes.txt", "seed-0/mine"}
    assert RunFolder.open(run.path).config["new"] == 1


@pytest.mark.parametrize("content", [None, "{", "[]", '{"format": 1}', '{"format": "1", "zerone": "0.1"}', "[" * 9999])
def test_a_folder_that_is_no_run_is_never_overwritten_nor_read(tmp_path, content):
    (tmp_path / "metrics.csv").write_text("precious")
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    before = everything(tmp_path)
    for action in (
        lambda: RunFolder.create(tmp_path, CONFIG, overwrite=True),
        lambda: RunFolder.create(tmp_path, CONFIG),
        lambda: RunFolder.open(tmp_path),
        lambda: RunFolder.resume(tmp_path),
    ):
        with refused(str(tmp_path)) as caught:
            action()
        assert "\n" not in str(caught.value)
        assert everything(tmp_path) == before


def test_a_newer_run_is_refused(run):
    run.close()
    (run.path / "config.json").write_text(json.dumps(run.config | {"format": 3}))
    with refused(r"newer Zerone \(format 3; this one reads up to 2\)"):
        RunFolder.open(run.path)


def test_a_file_and_nothing_at_all(tmp_path):
    (tmp_path / "file").write_text("mine")
    with refused("a file; a run needs a folder"):
        RunFolder.create(tmp_path / "file", CONFIG, overwrite=True)
    with refused("a file, not a run folder"):
        RunFolder.open(tmp_path / "file")
    with refused("no such run folder"):
        RunFolder.resume(tmp_path / "nothing")
    with refused("cannot be written to: Not a directory"):
        RunFolder.create(tmp_path / "file" / "below", CONFIG)
    with refused("File name too long"):
        RunFolder.create(tmp_path / ("x" * 300), CONFIG)
    assert everything(tmp_path) == {"file": b"mine"}


def test_where_nothing_can_be_written_nothing_is_created(tmp_path, monkeypatch):
    with refused("^/proc/run: cannot be written to: "):  # not even for root
        RunFolder.create("/proc/run", CONFIG)

    def full(_file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "a" / "b" / "c", tmp_path / "empty"):
        with refused("cannot be written to: No space left on device$"):
            RunFolder.create(path, CONFIG, overwrite=True)
    assert [each.name for each in tmp_path.rglob("*")] == ["empty"]


def test_an_empty_folder_is_somebodys_and_taken_only_when_that_is_said(tmp_path):
    with refused("exists already, an empty folder; take it with overwrite=True or choose another$"):
        RunFolder.create(tmp_path, CONFIG)
    assert list(tmp_path.iterdir()) == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "access", lambda *_: False)  # root could write everywhere
        with refused("cannot be written to: read-only, or not yours$"):
            RunFolder.create(tmp_path, CONFIG, overwrite=True)
    RunFolder.create(tmp_path, CONFIG, overwrite=True).close()
    assert everything(tmp_path).keys() == {".lock", "config.json"}


def test_a_configuration_that_is_no_json_creates_nothing(tmp_path):
    for value in (float("nan"), object()):
        with refused("configuration is not JSON"):
            RunFolder.create(tmp_path / "run", {**CONFIG, "x": value})
    assert not list(tmp_path.iterdir())


def test_a_folder_killed_before_it_became_a_run_is_as_good_as_none(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / ".lock").touch()
    (tmp_path / ".config.json.77.tmp").touch()
    RunFolder.create(tmp_path, CONFIG).close()
    assert everything(tmp_path).keys() == {".lock", "config.json"}


def test_resuming_clears_what_a_kill_left(run):
    fill(run)
    run.close()
    before = everything(run.path)
    for name in ("checkpoints/.best.safetensors.77.tmp", ".metrics.csv.77.tmp"):
        (run.path / name).touch()
    with RunFolder.resume(run.path) as again:
        assert again.config == run.config
        assert everything(run.path) == before


def test_a_second_writer_is_refused_until_the_first_is_killed(run):
    run.close()
    program = textwrap.dedent(f"""
        from zerone.training.folder import RunFolder
        folder = RunFolder.resume({str(run.path)!r})
        print("held", flush=True)
        input()
    """)
    command = [sys.executable, "-c", program]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        assert process.stdout.readline() == b"held\n"
        before = everything(run.path)
        with refused("another process is writing to it"):
            RunFolder.resume(run.path)
        with refused("another process is writing to it"):
            RunFolder.create(run.path, CONFIG, overwrite=True)
        assert everything(run.path) == before
        RunFolder.open(run.path)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdin.close()
        process.stdout.close()
    RunFolder.resume(run.path).close()


def test_the_lock_is_let_go_on_an_error_and_from_another_thread(run):
    thread = threading.Thread(target=run.close)
    thread.start()
    thread.join()
    with pytest.raises(RunError), RunFolder.resume(run.path):
        raise RunError("x")
    RunFolder.resume(run.path).close()


class Chosen:
    """The broken twin of `new_folder`: takes the first number that is free when it checks."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        return next(path for n in range(1, 99) if not (path := Path("runs") / f"{self.name}-{n}").exists())

    def __exit__(self, *_):
        pass


def names_of_two_that_begin_at_once(make):
    with make("dqn-CartPole-v1") as first, make("dqn-CartPole-v1") as second:
        return {first, second}


def test_trainings_that_begin_in_the_same_instant_get_folders_of_their_own(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert len(names_of_two_that_begin_at_once(new_folder)) == 2
    assert len(names_of_two_that_begin_at_once(Chosen)) == 1
    at_once = threading.Barrier(8)

    def begin(_):
        at_once.wait()
        with new_folder("ppo-CartPole-v1") as path, RunFolder.create(path, CONFIG):
            return path

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(begin, range(8)))) == 8
    assert {each.name for each in Path("runs").iterdir()} == {f"ppo-CartPole-v1-{n}" for n in range(1, 9)}


def test_a_new_folder_that_stays_empty_goes_again(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="refused"), new_folder("q"):
        raise InputError("refused")
    assert list(tmp_path.iterdir()) == []
    Path("runs").write_text("a file")
    with pytest.raises(InputError, match="cannot be written to"), new_folder("q"):
        pass
