"""The folder of an experiment: what was measured, and what came of it.

    measured/ARM-KEY.jsonl    a line for each seed, appended as it comes; KEY is a hash of the arm's configuration
    results.csv               the same as one table
    verdict.json              the verdict, with its effect and interval
    figure.png, figure.svg

What is measured is never measured again, unless the configuration or Zerone's version is another one. A line that
a killed process left half-written is dropped, and its seed is measured again.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from zerone import __version__
from zerone.base.claim import Claim
from zerone.base.errors import InputError, RunError
from zerone.base.files import read_bytes, replacing
from zerone.base.language import translated
from zerone.training.folder import finite

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from zerone.experiments.protocol import Experiment, Measured, Results

LARGEST = 1024 * 1024 * 1024
"""Bytes. What one arm of an experiment has measured is a hundredth of this."""


def key(experiment: Experiment, settings: Mapping[str, Any]) -> str:
    """A hash of all that decides what an arm measures."""
    told = {"experiment": experiment.name, "version": experiment.version, "settings": dict(settings)}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


class Store:
    """The folder of one experiment. Made by `held`, so that no two processes write to it."""

    def __init__(self, path: Path, experiment: Experiment, quick: bool) -> None:
        self.path = path
        self._keys = {arm: key(experiment, experiment.settings(arm, quick)) for arm in experiment.arms}

    @property
    def figure(self) -> Path:
        """The figure for a screen; beside it is one of the same name that ends in `.svg`."""
        return self.path / "figure.png"

    def _lines(self, arm: str) -> Path:
        return self.path / "measured" / f"{arm}-{self._keys[arm]}.jsonl"

    def read(self, arm: str) -> dict[int, Measured]:
        """What this version has kept of an arm, seed by seed. A last line without its end is cut off."""
        path = self._lines(arm)
        if not path.exists():
            return {}
        try:
            raw = read_bytes(path, LARGEST)
            whole = raw[: raw.rfind(b"\n") + 1]
            if whole != raw:
                with replacing(path) as file:
                    file.write(whole)
            found = [json.loads(line) for line in whole.splitlines()]
            return {int(each["seed"]): each["measured"] for each in found if each["zerone"] == __version__}
        except InputError:
            raise
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise RunError(
                translated("{path}: damaged ({error}); remove it to measure this arm again", path=path, error=error)
            ) from error

    def add(self, arm: str, seed: int, measured: Measured) -> None:
        """Keep what one seed of an arm came to."""
        path = self._lines(arm)
        plain = {name: np.asarray(value, np.float64).tolist() for name, value in measured.items()}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(json.dumps({"zerone": __version__, "seed": seed, "measured": plain}).encode() + b"\n")
        except OSError as error:
            raise RunError(
                translated("{path}: cannot be written: {error}", path=path, error=error.strerror or error)
            ) from error

    def write_table(self, results: Results) -> None:
        """`results.csv`: one number a row; `place` counts the numbers of an array from 0, row by row."""
        with replacing(self.path / "results.csv") as file:
            file.write(b"arm,seed,measure,place,value\n")
            for arm in results.arms:
                for measure in results.measures(arm):
                    values = results(arm, measure)
                    for seed, row in enumerate(values.reshape(len(values), -1).tolist()):
                        for place, value in enumerate(row):
                            file.write(f"{arm},{seed},{measure},{place},{value!r}\n".encode())

    def write_verdict(self, verdict: Mapping[str, Any]) -> None:
        """`verdict.json`. A number that JSON lacks becomes null."""
        with replacing(self.path / "verdict.json") as file:
            file.write(json.dumps(finite(verdict), indent=2, allow_nan=False, ensure_ascii=False).encode() + b"\n")


@contextmanager
def held(path: Path, experiment: Experiment, quick: bool) -> Iterator[Store]:
    """The folder at `path`, made if needed, and this process the only one that writes to it.

    Raises:
        InputError: it cannot be made or written to, or another process is writing to it.
    """
    with Claim.take(path):
        yield Store(path, experiment, quick)
