"""The chapters in their order, read from the files of this package."""

from __future__ import annotations

import dataclasses
import functools
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any

Text = Mapping[str, str]
"""The same in English (`en`) and Chinese (`zh`)."""


@dataclasses.dataclass(frozen=True)
class Lesson:
    """A chapter: an idea, a question before its answer, what to change next, and trainings that show it."""

    name: str
    title: Text
    idea: Text
    more: Text
    question: Text
    answer: Text
    next: Text
    boxes: tuple[str, ...]
    """What of the loop of agent and environment it is about: environment, policy, values, memory, model, update."""
    setups: tuple[Mapping[str, Any], ...]
    """Algorithm, environment and settings of its running example; of several, what is compared."""
    pace: float
    """Steps in a second at which it is seen best; 0: full speed."""

    def as_json(self) -> dict[str, Any]:
        """The same as JSON has it."""
        setups = [{"seed": 0, "settings": {}, "options": {}, **each} for each in self.setups]
        return {**dataclasses.asdict(self), "setups": setups}


@functools.cache
def lessons() -> tuple[Lesson, ...]:
    """All chapters, in the order of the tutorial."""
    folder = resources.files("zerone.lessons") / "chapters"
    files = sorted((each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda each: each.name)
    return tuple(_read(tomllib.loads(each.read_text(encoding="utf-8"))) for each in files)


def _read(found: dict[str, Any]) -> Lesson:
    return Lesson(**{**found, "boxes": tuple(found["boxes"]), "setups": tuple(found["setups"])})
