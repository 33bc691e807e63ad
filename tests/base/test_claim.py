"""Two processes or threads that want the same folder: one gets it, the other is refused without removing anything.

The order of their steps is fixed: a step of the one waits until the other has finished its own.
"""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import zerone as zo
from zerone.base import claim as claims
from zerone.base.claim import LOCK, Claim, first_free
from zerone.base.errors import InputError, RunError
from zerone.offline.reading import read
from zerone.training.folder import RunFolder

LINE = "zerone/Treasure-v0"
CONFIG = {
    "algorithm": {"name": "dqn", "settings": {}}, "environment": {"id": LINE, "options": {}, "known": True},
    "engine": "compiled", "seeds": [0], "steps": 200, "report_every": 100, "evaluate_every": 100, "save_every": 200,
    "evaluation_episodes": 100,
}  # fmt: skip


def inside(path: Path) -> list[str]:
    return sorted(str(each.relative_to(path)) for each in path.rglob("*"))


def refused(words: str):
    return pytest.raises(InputError, match=words)


def together(*actions) -> list:
    """The results of actions that run in separate threads: a value or an error for each."""

    def caught(action):
        try:
            return action()
        except BaseException as error:
            return error

    with ThreadPoolExecutor(len(actions)) as threads:
        return list(threads.map(caught, actions))


def test_a_claim_keeps_others_out_and_leaves_nothing_that_it_did_not_fill(tmp_path):
    path = tmp_path / "a" / "b"
    with Claim.take(path):
        for _ in range(2):
            with refused("b: another process is writing to it"):
                Claim.take(path)
        assert inside(tmp_path) == ["a", "a/b", f"a/b/{LOCK}"]
    assert inside(tmp_path) == []
    with Claim.take(path) as claim:
        (claim.path / "mine").touch()
    assert inside(tmp_path) == ["a", "a/b", f"a/b/{LOCK}", "a/b/mine"]


def test_what_was_there_before_stays_when_a_claim_is_given_up(tmp_path):
    (tmp_path / "empty").mkdir()
    with Claim.take(tmp_path / "empty"):
        pass
    assert inside(tmp_path) == ["empty"]
    with refused("not so"), Claim.take(tmp_path / "new", check=_objects_when_it_is_there):
        pass
    assert inside(tmp_path) == ["empty"]


def _objects_when_it_is_there(path):
    if path.exists():
        raise InputError("not so")


def test_who_is_refused_does_not_remove_what_the_winner_has_made(tmp_path, monkeypatch):
    """One creates the folder and the lock file; before it locks, the other takes the lock and writes the whole run."""
    path, at_lock, has_it, is_refused = tmp_path / "run", *(threading.Event() for _ in range(3))
    locked, said = claims._locked, []

    def wait_and_lock(place):
        if threading.current_thread().name == "loser":
            (place / LOCK).touch()
            at_lock.set()
            assert has_it.wait(20)
        return locked(place)

    monkeypatch.setattr(claims, "_locked", wait_and_lock)

    def loser():
        try:
            RunFolder.create(path, CONFIG)
        except InputError as error:
            said.append(str(error))
        is_refused.set()

    thread = threading.Thread(target=loser, name="loser")
    thread.start()
    assert at_lock.wait(20)
    with RunFolder.create(path, CONFIG):
        has_it.set()
        assert is_refused.wait(20)
        assert said == [f"{path}: another process is writing to it"]
        assert inside(tmp_path) == ["run", f"run/{LOCK}", "run/checkpoints", "run/config.json"]
    thread.join()


def test_who_finds_that_another_was_there_removes_nothing(tmp_path, monkeypatch):
    """The other starts and finishes between the first check and the lock: the check after locking finds its run."""
    path, locked = tmp_path / "run", claims._locked

    def late(place):
        monkeypatch.setattr(claims, "_locked", locked)
        (place / LOCK).touch()
        with RunFolder.create(place, CONFIG):
            pass
        return locked(place)

    monkeypatch.setattr(claims, "_locked", late)
    with refused("a run is there already"):
        RunFolder.create(path, CONFIG)
    assert inside(tmp_path) == ["run", f"run/{LOCK}", "run/checkpoints", "run/config.json"]


def test_a_folder_above_that_another_removes_again_is_made_again(tmp_path, monkeypatch):
    path, locked = tmp_path / "runs" / "run", claims._locked

    def gone(place):
        monkeypatch.setattr(claims, "_locked", locked)
        place.rmdir()
        place.parent.rmdir()
        return locked(place)

    monkeypatch.setattr(claims, "_locked", gone)
    with Claim.take(path) as claim:
        assert inside(tmp_path) == ["runs", "runs/run", f"runs/run/{LOCK}"]
        assert claim.path == path
    assert inside(tmp_path) == []


def test_trainings_in_one_new_folder_one_has_it(tmp_path):
    for turn in range(10):
        path, at_once = tmp_path / f"{turn}" / "run", threading.Barrier(4)

        def begin(path=path, at_once=at_once):
            at_once.wait()
            with RunFolder.create(path, CONFIG) as folder:
                assert (folder.path / "checkpoints").is_dir()
                at_once.wait()
                assert (folder.path / "checkpoints").is_dir()
            return folder

        def begin_or_wait(begin=begin, at_once=at_once):
            try:
                return begin()
            except InputError as error:
                at_once.wait()
                return error

        found = together(*[begin_or_wait] * 4)
        assert sum(isinstance(each, RunFolder) for each in found) == 1, found
        assert sum(isinstance(each, InputError) for each in found) == 3, found
        assert inside(path) == [LOCK, "checkpoints", "config.json"]


def test_who_counts_on_takes_the_place_of_one_that_was_killed_and_of_none_that_lives(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places = [Path(f"x-{n}") for n in range(5)]
    Path("x-0").mkdir()  # made by someone else
    Path("x-1").mkdir()
    (Path("x-1") / LOCK).touch()
    (Path("x-1") / ".data.0123456789ab.tmp").mkdir()
    (Path("x-1") / ".data.0123456789ab.tmp" / "half").touch()
    with first_free(places) as first, first_free(places) as second:
        assert [first.path.name, second.path.name] == ["x-1", "x-2"]
        assert inside(Path("x-1")) == [LOCK]
    assert inside(tmp_path) == ["x-0"]


def test_a_lock_that_is_no_file_is_refused_and_waits_for_nobody(tmp_path):
    os.mkfifo(tmp_path / LOCK)
    with refused(r"\.lock: not a file"):
        Claim.take(tmp_path)
    assert inside(tmp_path) == [LOCK]


def test_a_link_among_strangers_files_leads_nobody_out(tmp_path):
    with RunFolder.create(tmp_path / "mine", CONFIG) as mine:
        mine.checkpoint_path(1).touch()
    with RunFolder.create(tmp_path / "theirs", CONFIG):
        pass
    (tmp_path / "theirs" / "checkpoints").rmdir()
    (tmp_path / "theirs" / "checkpoints").symlink_to(tmp_path / "mine" / "checkpoints")
    for action in (RunFolder.resume, lambda path: RunFolder.create(path, CONFIG, overwrite=True)):
        with refused("checkpoints: a link to elsewhere"):
            action(tmp_path / "theirs")
    assert mine.checkpoint_path(1).exists()


# Datasets


def record(path=None, number=0, overwrite=False, player="random"):
    return zo.record(player, LINE, steps=20, seed=number, out=path, overwrite=overwrite)


def test_recordings_side_by_side_have_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    at_once = threading.Barrier(3)

    def recorded(number):
        begun = []

        def player(observation):
            if not begun:
                begun.append(at_once.wait())  # all have chosen their folder, none is done
            return observation % 2

        return record(number=number, player=player)

    found = together(*[lambda number=number: recorded(number) for number in range(3)])
    assert {each["dataset"] for each in found} == {f"datasets/{LINE}/player-v{n}" for n in range(3)}, found
    for each in found:
        assert read(each["dataset"]).steps == 20
        assert inside(Path(each["dataset"])) == ["data", "data/main_data.hdf5", "data/metadata.json"]


def test_what_comes_to_a_datasets_place_meanwhile_stays_and_so_does_what_was_recorded(tmp_path):
    path = tmp_path / "day"

    def player(observation):
        (path / "data").mkdir(exist_ok=True)
        (path / "data" / "precious").write_text("mine")
        return observation % 2

    with pytest.raises(RunError, match=r"day/data: was put there .* what was recorded is in .*day/data-1$"):
        record(path, player=player)
    assert (path / "data" / "precious").read_text() == "mine"
    assert read(path / "data-1").steps == 20


def test_what_takes_the_place_of_a_folder_in_use_stays(tmp_path):
    path = tmp_path / "day"

    def player(observation):
        if list(path.glob(".data.*")):  # an episode was written
            path.rename(tmp_path / "moved")
            path.mkdir()
            (path / "precious").write_text("mine")
        return observation % 2

    with pytest.raises(RunError, match="day: cannot be written"):
        zo.record(player, LINE, episodes=3, out=path)
    assert inside(path) == ["precious"]


def test_two_who_record_into_one_folder_one_is_refused(tmp_path):
    record(tmp_path / "day")
    before = read(tmp_path / "day").checksum()

    def player(observation):
        with refused("another process is writing to it"):
            record(tmp_path / "day", overwrite=True)
        return observation % 2

    record(tmp_path / "day", overwrite=True, player=player)
    assert read(tmp_path / "day").checksum() != before
    assert inside(tmp_path) == ["day", "day/data", "day/data/main_data.hdf5", "day/data/metadata.json"]


def test_an_earlier_dataset_is_back_where_the_new_one_cannot_be_put(tmp_path, monkeypatch):
    record(tmp_path / "day")
    before, rename = read(tmp_path / "day").checksum(), Path.rename

    def failing(self, target):
        if self.name.startswith(".data."):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(RunError, match="day: cannot be written: No space left"):
        record(tmp_path / "day", number=1, overwrite=True)
    monkeypatch.undo()
    assert read(tmp_path / "day").checksum() == before


@pytest.mark.thorough
def test_processes_that_record_at_once_all_keep_what_they_recorded(tmp_path):
    program = textwrap.dedent(f"""
        import sys, zerone as zo
        from zerone.recording import record
        begun = record.first_free
        def wait(places):
            print("ready", flush=True)
            input()
            return begun(places)
        record.first_free = wait
        print(zo.record("random", {LINE!r}, steps=20, seed=int(sys.argv[1]))["dataset"])
    """)
    command, pipes = [sys.executable, "-c", program], {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    started = [
        subprocess.Popen([*command, str(number)], text=True, cwd=tmp_path, **pipes)  # noqa: S603
        for number in range(3)
    ]
    for each in started:
        assert each.stdout.readline() == "ready\n"
    for each in started:
        each.stdin.write("\n")
        each.stdin.flush()
    said = [each.communicate(timeout=100)[0] for each in started]
    assert sorted(said) == [f"datasets/{LINE}/random-v{n}\n" for n in range(3)]
    assert len({read(tmp_path / each.strip()).checksum() for each in said}) == 3


# Sweeps


@pytest.mark.thorough
def test_a_sweep_has_its_folder_alone(tmp_path):
    path = tmp_path / "sweep"

    def on_progress(*_):
        for action in (lambda: zo.resume_sweep(path), lambda: sweep(path)):
            with refused("another process is writing to it|exists already"):
                action()

    def sweep(path, on_progress=None):
        words = {} if on_progress is None else {"on_progress": on_progress}
        return zo.sweep("q-learning", LINE, {"learning_rate": [0.1, 0.5]}, steps=40, seeds=3, out=path, **words)

    assert len(sweep(path, on_progress).trials) == 2
    with refused("exists already"):
        sweep(path)
    (tmp_path / "other").mkdir()
    with refused("exists already"):
        sweep(tmp_path / "other")


def test_a_run_killed_before_it_began_is_no_hindrance(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program = textwrap.dedent("""
        import os, signal
        from zerone.training.folder import new_folder
        with new_folder("q") as claim:
            claim.make("checkpoints")
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    killed = subprocess.run([sys.executable, "-c", program], check=False)  # noqa: S603
    assert killed.returncode == -signal.SIGKILL
    assert inside(tmp_path) == ["runs", "runs/q-1", f"runs/q-1/{LOCK}", "runs/q-1/checkpoints"]
    with first_free(Path("runs") / f"q-{n}" for n in range(1, 9)) as claim:
        assert claim.path.name == "q-1"
        RunFolder.create(claim, CONFIG).close()
    assert json.loads(Path("runs/q-1/config.json").read_text())["environment"]["id"] == LINE
