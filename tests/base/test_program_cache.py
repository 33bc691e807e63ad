"""Compiled programs are machine code, so they are loaded only from a folder of our own and only for their own key."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from zerone.base import program_cache
from zerone.base.program_cache import ProgramCache, safe_folder

needs_owners = pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs owners of files")


@pytest.fixture(autouse=True)
def _anew(monkeypatch):
    monkeypatch.setattr(program_cache, "_notices", program_cache.Notices())


def test_a_folder_that_is_made_here_is_for_its_owner(tmp_path):
    folder = tmp_path / "cache" / "compiled"
    assert safe_folder(folder) == folder
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


@needs_owners
@pytest.mark.parametrize("which", ["cache", "cache/compiled", "."])
@pytest.mark.parametrize("mode", [0o777, 0o757])
def test_a_folder_that_others_can_write_to_is_left_alone_with_a_line(which, mode, tmp_path, caplog):
    folder = tmp_path / "cache" / "compiled"
    folder.mkdir(parents=True)
    (tmp_path / which).chmod(mode)
    for _ in range(2):
        with caplog.at_level(logging.WARNING):
            assert safe_folder(folder) is None
    (record,) = caplog.records
    assert "others can write to" in record.getMessage()
    assert "\n" not in record.getMessage()
    (tmp_path / which).chmod(0o755)
    assert safe_folder(folder) == folder


@needs_owners
def test_a_sticky_folder_such_as_tmp_is_safe_to_be_in(tmp_path):
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o1777)
    assert safe_folder(tmp_path / "tmp" / "cache" / "compiled") is not None


@needs_owners
def test_a_group_of_its_own_is_no_other(tmp_path, monkeypatch):
    folder = tmp_path / "cache" / "compiled"
    folder.mkdir(parents=True)
    folder.chmod(0o775)
    for alone in (True, False):
        monkeypatch.setattr(program_cache, "_is_private_group", lambda _, alone=alone: alone)
        assert (safe_folder(folder) is not None) == alone


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_left_alone_with_a_line(tmp_path, caplog):
    folder = tmp_path / "cache" / "compiled"
    folder.mkdir(parents=True)
    os.chown(folder, 12345, 12345)
    assert safe_folder(folder) is None
    assert "belongs to somebody else" in caplog.text


def test_where_no_folder_can_be_made_programs_are_not_kept(tmp_path):
    (tmp_path / "file").touch()
    assert safe_folder(tmp_path / "file" / "compiled") is None


def test_an_entry_is_taken_only_under_its_name_and_whole(tmp_path):
    cache = ProgramCache(tmp_path, 10**9)
    for key in "ab":
        cache.put(key, key.encode() * 100)
    assert [cache.get(key) for key in "abc"] == [b"a" * 100, b"b" * 100, None]
    a, b = (tmp_path / f"{key}-cache" for key in "ab")
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first[:50])
    for key in "ab":
        assert cache.get(key) is None
        assert cache.get(key) is None
        cache.put(key, key.encode() * 100)  # the cache works without obstacles
    assert [cache.get(key) for key in "ab"] == [b"a" * 100, b"b" * 100]


def test_the_programs_that_were_not_used_for_longest_are_removed_when_there_is_no_room(tmp_path):
    for number in range(20):
        ProgramCache(tmp_path, 10**9).put(f"{number:02}", bytes(1_000 - 38))  # 1,000 with the digest
        os.utime(tmp_path / f"{number:02}-cache", (number, number))
    assert ProgramCache(tmp_path, 10_000).get("03") is not None
    for left in ("abc.unfinished", "00-atime"):
        (tmp_path / left).write_bytes(b"")
        os.utime(tmp_path / left, (0, 0))
    (tmp_path / "new.unfinished").write_bytes(b"")  # of a process that is at it
    (tmp_path / "mine.txt").write_bytes(b"")
    ProgramCache(tmp_path, 10_000).put("20", bytes(1_000 - 38))
    kept = sorted(each.name for each in tmp_path.iterdir())
    assert kept == [*(f"{number:02}-cache" for number in (3, *range(13, 21))), "mine.txt", "new.unfinished"]


def test_the_folder_is_not_listed_for_each_program(tmp_path, monkeypatch):
    listed, list_it = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or list_it(path))
    cache = ProgramCache(tmp_path, 10**9)
    for number in range(2 * program_cache.PRUNE_EVERY):
        cache.put(str(number), b"program")
    assert len(listed) == 2


def test_what_could_not_be_written_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(OSError, match="no space"):
        ProgramCache(tmp_path, 10**9).put("a", b"program")
    assert list(tmp_path.iterdir()) == []


PROGRAM = """
import sys, warnings
warnings.simplefilter("error")
from zerone.base.compilation import keep_compiled_programs
keep_compiled_programs()
import jax, jax.numpy as jnp
hits = []
jax.monitoring.register_event_listener(lambda event, **_: hits.append(event))
@jax.jit
def one(x): return x + 1, x * 2
@jax.jit
def two(x): return (x - 3,)
print([float(each) for each in (*one(jnp.float32(5)), *two(jnp.float32(5)))],
      hits.count("/jax/compilation_cache/cache_hits"))
"""


def result_of(cache: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "JAX_COMPILATION_CACHE_DIR"}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", PROGRAM], env={**environment, "ZERONE_CACHE": str(cache)}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.strip()


def entries(cache: Path) -> dict[str, Path]:
    return {each.name.split("-")[0]: each for each in (cache / "compiled").glob("jit_[ot]*-cache")}


@pytest.mark.thorough
@pytest.mark.parametrize("damage", ["exchanged", "cut short", "another's"])
def test_a_program_that_is_not_what_it_is_called_is_compiled_again_and_replaced(damage, tmp_path):
    first = result_of(tmp_path)
    assert first.startswith("[6.0, 10.0, 2.0] ")
    second = result_of(tmp_path)
    assert int(second.split()[-1]) >= 2
    one, two = entries(tmp_path)["jit_one"], entries(tmp_path)["jit_two"]
    kept = one.read_bytes(), two.read_bytes()
    if damage == "exchanged":
        one.write_bytes(kept[1])
        two.write_bytes(kept[0])
    elif damage == "cut short":
        one.write_bytes(kept[0][:100])
        two.write_bytes(b"")
    else:
        one.write_bytes(kept[1])
    assert result_of(tmp_path).startswith("[6.0, 10.0, 2.0] ")
    assert result_of(tmp_path) == second
