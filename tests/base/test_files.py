"""Only regular files of a plausible size are opened; files are written as a whole; leftovers are removed."""

import json
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from zerone.base import files
from zerone.base.errors import InputError, RunError


def refused(words: str):
    return pytest.raises(InputError, match=words)


def make_odd(path: Path, kind: str) -> None:
    """Make something at `path` that is not a regular file."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(os.path.relpath(path))
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to({"device": "/dev/zero", "nothing": "nowhere"}[kind])


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "device", "nothing"])
@pytest.mark.parametrize("read", [files.read_bytes, files.read_text, files.read_object, files.read_toml])
def test_what_is_no_file_is_refused_at_once(kind, read, tmp_path):
    make_odd(tmp_path / "odd", kind)
    begun = time.monotonic()
    with refused(r"odd: (not a file but|no such file)") as caught:
        read(tmp_path / "odd")
    assert time.monotonic() - begun < 5
    assert "\n" not in str(caught.value)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**40)  # a sparse file: it takes no space on the disk
    with refused("large: larger than 16,777,216 bytes"):
        files.read_bytes(tmp_path / "large")
    (tmp_path / "small").write_bytes(b"12345")
    assert files.read_bytes(tmp_path / "small", at_most=5) == b"12345"
    with refused("larger than 4 bytes"):
        files.read_bytes(tmp_path / "small", at_most=4)


def test_marks_and_line_ends_of_other_systems_do_not_count(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 'ja'\r\n")
    assert files.read_text(path) == "a = 1\nb = 'ja'\n"
    assert files.read_toml(path) == {"a": 1, "b": "ja"}
    path.write_bytes(b'\xef\xbb\xbf{"a":\r\n1}')
    assert files.read_object(path) == {"a": 1}
    path.write_bytes(b"\xff\xfe")
    with refused("byte 1 is not UTF-8"):
        files.read_text(path)


DEEP = {
    "too deep to be parsed": "[" * 100_000,
    "deep": '{"a": ' * 900 + "1" + "}" * 900,
    "just too deep": json.dumps({"a": eval("[" * 33 + "]" * 33)}),  # noqa: S307
    "long": '{"a": ' + "9" * 5000 + "}",
    "half": '{"a": ',
    "no object": "[]",
    "nothing": "",
}


@pytest.mark.parametrize("content", DEEP.values(), ids=DEEP)
def test_what_is_no_object_or_has_no_end_is_damaged(content, tmp_path):
    (tmp_path / "x").write_text(content)
    with refused("x: damaged"):
        files.read_object(tmp_path / "x")


def test_what_is_not_toml_is_said_with_its_place(tmp_path):
    (tmp_path / "x").write_text("a = 1\nb =\n")
    with refused(r"x: not TOML \(.*line 2"):
        files.read_toml(tmp_path / "x")


def names_of_two_writers(replace) -> set[str]:
    """The temporary names that two threads use when they write the same file at once."""
    names: set[str] = set()
    both = threading.Barrier(2)

    def write():
        with replace() as file:
            names.add(file.name)
            both.wait()

    threads = [threading.Thread(target=write) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return names


class ByProcess:
    """The broken twin: the name depends on the process only, so all threads use the same one."""

    def __init__(self, path):
        self.beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")

    def __enter__(self):
        self.file = self.beside.open("wb")
        return self.file

    def __exit__(self, *_):
        self.file.close()


def test_two_threads_that_replace_one_file_do_not_meet(tmp_path):
    assert len(names_of_two_writers(lambda: files.replacing(tmp_path / "x"))) == 2
    assert [each.name for each in tmp_path.iterdir()] == ["x"]
    assert len(names_of_two_writers(lambda: ByProcess(tmp_path / "y"))) == 1


def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(tmp_path, monkeypatch):
    path = tmp_path / "x"
    program = textwrap.dedent(f"""
        import os, signal
        from pathlib import Path
        from zerone.base.files import replacing
        with replacing(Path({str(path)!r})):
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    subprocess.run([sys.executable, "-c", program], check=False)  # noqa: S603
    (left,) = tmp_path.iterdir()
    (tmp_path / ".y.0123456789ab.tmp").touch()  # the temporary file of another file
    (tmp_path / ".x.tmp").touch()  # a user's file with a similar name
    with files.replacing(path) as file:
        file.write(b"1")
    assert left.exists()  # it is too new to be a leftover
    monkeypatch.setattr(files, "SECONDS_UNTIL_ABANDONED", -1.0)
    with files.replacing(path) as first:
        first.write(b"2")
        with files.replacing(path) as second:  # the first is locked, so it is kept
            second.write(b"3")
        assert path.read_bytes() == b"3"
    assert path.read_bytes() == b"2"
    assert {each.name for each in tmp_path.iterdir()} == {"x", ".y.0123456789ab.tmp", ".x.tmp"}


def test_a_name_as_long_as_a_file_system_takes_can_be_replaced(tmp_path):
    for name in ("x" * 255, "值" * 85):
        with files.replacing(tmp_path / name) as file:
            file.write(b"1")
        assert (tmp_path / name).read_bytes() == b"1"


def test_where_nothing_can_be_written_it_is_said(tmp_path):
    with (
        pytest.raises(RunError, match="gone/x: cannot be written: No such file"),
        files.replacing(tmp_path / "gone" / "x"),
    ):
        pass
