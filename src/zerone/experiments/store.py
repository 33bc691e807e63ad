"""The folder of an experiment: its measurements and results.

    measured/ARM-KEY.jsonl    one line per seed, appended when it is measured; KEY is a hash of the arm's configuration
    results.csv               the same as one table
    verdict.json              the verdict, with its effect and interval
    figure.png, figure.svg

A seed is measured once, unless the configuration or Zerone's version changes. An incomplete line, left by a killed
process, is dropped, and its seed is measured again.
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
from zerone.base.files import finite, read_bytes, replacing
from zerone.base.language import translated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from zerone.experiments.protocol import Experiment, Measured, Results

LARGEST = 1024 * 1024 * 1024
"""The largest file in bytes that is read; the measurements of one arm take about a hundredth of it."""


def key(experiment: Experiment, settings: Mapping[str, Any]) -> str:
    """A hash of everything that determines an arm's measurements: experiment, version and settings."""
    told = {"experiment": experiment.name, "version": experiment.version, "settings": dict(settings)}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


class Store:
    """The folder of one experiment. Open it with `held`, so that only one process writes to it."""

    def __init__(self, path: Path, experiment: Experiment, quick: bool) -> None:
        self.path = path
        self._keys = {arm: key(experiment, experiment.settings(arm, quick)) for arm in experiment.arms}

    @property
    def figure(self) -> Path:
        """The path of the PNG figure; the SVG figure is beside it."""
        return self.path / "figure.png"

    def _lines(self, arm: str) -> Path:
        return self.path / "measured" / f"{arm}-{self._keys[arm]}.jsonl"

    def read(self, arm: str) -> dict[int, Measured]:
        """The measurements of an arm by seed, of this version of Zerone. An incomplete last line is removed.

        Raises:
            InputError: the file cannot be read.
            RunError: the file is damaged.
        """
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
        """Append the measurements of one seed of an arm. Raises `RunError` if the file cannot be written."""
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
        """Write `results.csv`, one number per row; `place` is the flat index of a number in its array."""
        with replacing(self.path / "results.csv") as file:
            file.write(b"arm,seed,measure,place,value\n")
            for arm in results.arms:
                for measure in results.measures(arm):
                    values = results(arm, measure)
                    for seed, row in enumerate(values.reshape(len(values), -1).tolist()):
                        for place, value in enumerate(row):
                            file.write(f"{arm},{seed},{measure},{place},{value!r}\n".encode())

    def write_verdict(self, verdict: Mapping[str, Any]) -> None:
        """Write `verdict.json`. Infinity and NaN, which JSON lacks, become null."""
        with replacing(self.path / "verdict.json") as file:
            file.write(json.dumps(finite(verdict), indent=2, allow_nan=False, ensure_ascii=False).encode() + b"\n")


@contextmanager
def held(path: Path, experiment: Experiment, quick: bool) -> Iterator[Store]:
    """Open the folder at `path`, creating it if needed, and lock it for this process.

    Raises:
        InputError: the folder cannot be created or written to, or another process is writing to it.
    """
    with Claim.take(path):
        yield Store(path, experiment, quick)
