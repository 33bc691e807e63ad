"""The list of chapters, read from the files of this package."""

from __future__ import annotations

import ast
import dataclasses
import functools
import json
import textwrap
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any

from zerone.base.errors import InputError, nearest
from zerone.base.language import translated

Text = Mapping[str, str]
"""A text in English (key `en`) and Chinese (key `zh`)."""


@dataclasses.dataclass(frozen=True)
class Measured:
    """The result of an experiment, copied from the results page by `tests/docs/generated.py`."""

    experiment: str
    claim: Text
    verdict: Text
    found: tuple[Text, ...]
    """The answers to its questions, one sentence each."""
    teaches: Text


@dataclasses.dataclass(frozen=True)
class Code:
    """A function of the library: its location and its source."""

    place: str
    text: str


@dataclasses.dataclass(frozen=True)
class Lesson:
    """A chapter: an idea, a question with its answer, suggestions for changes, and trainings that show it."""

    name: str
    title: Text
    idea: Text
    more: Text
    question: Text
    answer: Text
    next: Text
    boxes: tuple[str, ...]
    """The boxes of the agent-environment loop that it is about: environment, policy, values, memory, model, update."""
    setups: tuple[Mapping[str, Any], ...]
    """Algorithm, environment and settings of its running example; several are compared with each other."""
    pace: float
    """The recommended steps per second; 0 is full speed."""
    steps: int
    """The number of steps of its recorded run in the single-file version of the page."""
    tries: tuple[str, ...]
    """Commands that make the suggested changes."""
    places: tuple[str, ...]
    """The functions that compute its equation, each as `file:name`."""
    measured: Measured | None
    """The result of the experiment about its claim, if there is one."""

    @property
    def code(self) -> tuple[Code, ...]:
        """The source of the functions in `places`."""
        return tuple(Code(*_lines_of(*each.split(":"))) for each in self.places)

    def as_json(self) -> dict[str, Any]:
        """The chapter as a JSON object."""
        setups = [{"seed": 0, "settings": {}, "options": {}, **each} for each in self.setups]
        return {**dataclasses.asdict(self), "setups": setups, "code": [dataclasses.asdict(each) for each in self.code]}


@functools.cache
def lessons() -> tuple[Lesson, ...]:
    """All chapters, in the order of the tutorial."""
    package = resources.files("zerone.lessons")
    found = json.loads((package / "measured.json").read_text(encoding="utf-8"))
    files = [each for each in (package / "chapters").iterdir() if each.name.endswith(".toml")]
    files.sort(key=lambda each: each.name)
    return tuple(_read(tomllib.loads(each.read_text(encoding="utf-8")), found) for each in files)


def look_up(name: str) -> Lesson:
    """A chapter by its name or its number.

    Raises:
        InputError: there is no such chapter; the message suggests the nearest name.
    """
    named = {each.name: each for each in lessons()}
    if name.isdecimal() and 1 <= int(name) <= len(named):
        return lessons()[int(name) - 1]
    if name.lower() not in named:
        shown = name or repr(name)
        if name.lstrip("-").isdecimal():
            raise InputError(
                translated("chapter {name} is unknown: there are 1 to {count}", name=name, count=len(named))
            )
        raise InputError(translated("chapter {name} is unknown: {hint}", name=shown, hint=nearest(name, named)))
    return named[name.lower()]


def _lines_of(file: str, name: str) -> tuple[str, str]:
    """The location and the source of a function. The file is parsed rather than imported, so JAX is not needed."""
    text = (resources.files("zerone") / file).read_text(encoding="utf-8")
    part: ast.AST = ast.parse(text)
    for each in name.split("."):
        part = next(inner for inner in ast.iter_child_nodes(part) if getattr(inner, "name", "") == each)
    found = textwrap.dedent(ast.get_source_segment(text, part, padded=True) or "")
    return f"zerone/{file}, {name}", found


def _read(found: dict[str, Any], measured: dict[str, Any]) -> Lesson:
    name = found.pop("experiment")
    about = measured.get(name)
    found["places"] = found.pop("code")
    lists = {key: tuple(found[key]) for key in ("boxes", "setups", "tries", "places")}
    told = None if about is None else Measured(name, **{**about, "found": tuple(about["found"])})
    return Lesson(**{**found, **lists, "measured": told})
