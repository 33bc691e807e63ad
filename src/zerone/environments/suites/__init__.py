"""Adapters of other libraries' environments in JAX, such as `gymnax:Breakout-MinAtar` and `brax:ant`.

An id is the suite's name, a colon, and the suite's own id. Each suite is an extra (`pip install "zerone[gymnax]"`), and
is imported when an id names it. An adapter has two functions: `ids()` lists the suite's ids, and `entry(id, name)`
returns the `Entry` of one.
"""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

from zerone.base.errors import InputError, nearest
from zerone.base.extras import install
from zerone.base.language import translated
from zerone.environments.entries import Entry


@dataclasses.dataclass(frozen=True)
class Suite:
    """A suite: its name (also that of its package and extra), a description, and some of its ids."""

    name: str
    text: str
    examples: tuple[str, ...]

    def adapter(self) -> Any:
        """Import the adapter. Raises `InputError`, with the command to install it, if the suite is missing."""
        try:
            return importlib.import_module(f"zerone.environments.suites.{self.name}")
        except ImportError as error:
            missing = translated(
                "the suite {name!r} is not installed here: {command}", name=self.name, command=install(self.name)
            )
            if isinstance(error, ModuleNotFoundError) and error.name == self.name:
                raise InputError(translated("{path}: {error}", path=f"{self.name}:…", error=missing)) from error
            raise InputError(
                translated(
                    "{suite}:…: the suite {name!r} cannot be imported: {error}",
                    suite=self.name,
                    name=self.name,
                    error=error,
                )
            ) from error


SUITES = {
    each.name: each
    for each in (
        Suite("gymnax", "classic control, MinAtar, bsuite", ("gymnax:Breakout-MinAtar", "gymnax:Catch-bsuite")),
        Suite("brax", "robots in a physics engine", ("brax:ant", "brax:halfcheetah")),
        Suite("navix", "MiniGrid", ("navix:Navix-Empty-5x5-v0",)),
    )
}


def is_of_suite(id: str) -> bool:  # noqa: A002 - Gymnasium's word
    """Whether an id names a suite. Imports nothing."""
    return ":" in id and id.partition(":")[0] in SUITES


def find(id: str) -> Entry | None:  # noqa: A002 - Gymnasium's word
    """The entry of a suite's environment; None for ids that do not name a suite.

    Raises:
        InputError: the suite is not installed, or has no such environment.
    """
    if not is_of_suite(id):
        return None
    suite, _, name = id.partition(":")
    adapter = SUITES[suite].adapter()
    ids = adapter.ids()
    if name not in ids:
        lists = f"zerone environments {suite} lists all"
        raise InputError(
            translated(
                "environment {id!r} is unknown: {suite} has no {name!r}: {hint}",
                id=str(id),
                suite=suite,
                name=name,
                hint=nearest(name, ids, lists),
            )
        )
    found: Entry = adapter.entry(id, name)
    return found
