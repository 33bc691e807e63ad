"""`zerone example`: lists, prints and writes examples, and does not overwrite files."""

import errno
from pathlib import Path

import pytest

from zerone.base.errors import InputError
from zerone.cli.example import about, programs, write

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_every_example_is_listed_with_what_it_is(zerone):
    ended = zerone("example")
    assert ended.code == 0
    for each in EXAMPLES.glob("*.py"):
        assert f"{each.stem} " in ended.out
        assert about(each.read_text("utf-8")) in ended.out
    assert {each["name"] for each in zerone("example", "--json").json} == {*programs()}


def test_one_is_printed_as_it_is_and_written(zerone, here):
    text = (EXAMPLES / "corridor.py").read_text("utf-8")
    assert zerone("example", "corridor").out == text
    assert zerone("example", "corridor.py", "--json").json["program"] == text
    assert zerone("example", "corridor", "--out", "mine.py").out == "mine.py\n"
    assert (here / "mine.py").read_text("utf-8") == text
    assert zerone("example", "--out", "all").code == 0
    assert {each.stem for each in (here / "all").iterdir()} == {*programs()}
    assert zerone("example", "windy_walk", "--out", ".").out == "windy_walk.py\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("corridr",), "did you mean 'corridor'?"),
        (("corridor", "--out", "there.py"), "there.py is there already"),
        (("--out", "there.py"), "there.py"),
        (("corridor", "--out", "gone/there.py"), "gone"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(zerone, here, words, said):
    (here / "there.py").write_text("mine")
    zerone("example", *words).refused(said)
    assert [each.name for each in here.iterdir()] == ["there.py"]
    assert (here / "there.py").read_text() == "mine"


def test_a_program_that_is_there_already_keeps_the_others_from_being_written(zerone, here):
    (here / "all").mkdir()
    (here / "all" / "slow.py").write_text("mine")
    zerone("example", "--out", "all").refused("slow.py is there already")
    assert [each.name for each in (here / "all").iterdir()] == ["slow.py"]


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(self, text, *_, **__):
        self.write_bytes(text.encode()[:10])
        if self.name == "second.py":
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InputError, match="is not allowed: No space left on device"):
        write({"first": "a program", "second": "another program"}, tmp_path, alone=False)
    assert not list(tmp_path.iterdir())
