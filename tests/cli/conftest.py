"""Fixtures that run the command line in this process or in another one, with its exit code and output."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

WITHOUT_DISPLAY = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER", "SDL_VIDEO_DRIVER")


@dataclasses.dataclass(frozen=True)
class Ended:
    """The exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON value and nothing else."""
        return json.loads(self.out)

    def refused(self, *words: str) -> None:
        """Check that it ended with code 2, one line on standard error that has `words`, and nothing else."""
        assert (self.code, self.out) == (2, ""), self
        self.said_one_line(*words)

    def said_one_line(self, *words: str) -> None:
        assert self.err.startswith("zerone: "), self.err
        assert self.err.endswith("\n"), self.err
        assert self.err.count("\n") == 1, self.err
        for word in words:
            assert word in self.err, (word, self.err)


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Share a cache of compiled programs between the processes of these tests."""
    os.environ.setdefault("ZERONE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and no display."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in WITHOUT_DISPLAY:
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def zerone(here: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """A function that runs a command in this process: `zerone("train", ...)`."""
    del here
    from zerone.cli.app import run

    def call(*arguments: object) -> Ended:
        capsys.readouterr()
        code = run([str(each) for each in arguments])
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return call


@pytest.fixture
def process(here: Path) -> Callable[..., Ended]:
    """A function that runs a command in a new process, as a shell does: `process("train", ...)`."""

    def call(*arguments: object, python: tuple[str, ...] = ("-m", "zerone")) -> Ended:
        command = [sys.executable, *python, *(str(each) for each in arguments)]
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=100)  # noqa: S603
        return Ended(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture(scope="session")
def treasure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with two seeds of tabular learning on the treasure line. Tests must not write into it."""
    import zerone as zo

    path = tmp_path_factory.mktemp("runs") / "treasure"
    zo.train("q-learning", "zerone/Treasure-v0", steps=400, seeds=2, out=path, evaluation_episodes=5)
    return path
