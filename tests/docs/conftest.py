"""Helpers for tests of the documentation: the pages and their code blocks, and very short trainings."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import zerone as zo
from zerone.training import train as training
from zerone.training.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
TINY: dict[str, Any] = {"steps": 500, "evaluate_every": 500, "evaluation_episodes": 100, "figure": False}
"""One evaluation, of as many episodes as the pages ask for: then no further program is compiled."""


@pytest.fixture(scope="session")
def page() -> Callable[[str], str]:
    """The text of a page."""
    return lambda name: (ROOT / name).read_text("utf-8")


@pytest.fixture(scope="session")
def blocks(page: Callable[[str], str]) -> Callable[[str, str], list[str]]:
    """The code blocks of a page in a given language."""

    def found(name: str, language: str) -> list[str]:
        return re.findall(rf"^```{language}\n(.*?)^```", page(name), re.DOTALL | re.MULTILINE)

    return found


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished, very short training of DQN on CartPole."""
    path = tmp_path_factory.mktemp("docs") / "run"
    return training.train("dqn", "CartPole-v1", out=path, **TINY).path


@pytest.fixture
def here(tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder as after `make run`, with a copy of the examples."""
    shutil.copytree(trained, tmp_path / "runs" / "dqn-CartPole-v1-1")
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__", "runs"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


@pytest.fixture
def in_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `zo.train` use only a few steps and at most two seeds."""

    def train(algorithm: Any, environment: Any, **asked: Any) -> Run:
        asked |= TINY
        if "seeds" in asked:
            asked["seeds"] = min(asked["seeds"], 2)
        return training.train(algorithm, environment, **asked)

    monkeypatch.setattr(zo, "train", train)
