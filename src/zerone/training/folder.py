"""The run folder: its files, its lock, and which files may be removed.

    config.json                             what is trained; written first and only once
    metrics.csv                             measurements (`metrics.py`)
    events.out.tfevents.*  or  seed-*/...   the same for TensorBoard
    checkpoints/step-000050000.safetensors  to resume from
    checkpoints/best.safetensors            the best policies
    result.json, figure.*, table.*, video.* results
    tracker-NAME.json                       the id of the tracker's run (`trackers/`)

A folder is a run if its `config.json` says so. Only files with these names are ever removed.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zerone.base.claim import CHECKPOINTS, Claim, first_free, unwritable
from zerone.base.errors import InputError, RunError, said
from zerone.base.files import finite, replacing
from zerone.base.language import translated
from zerone.base.place import absolute
from zerone.base.saved_types import Best, Config, Result
from zerone.training import checkpoint, schema
from zerone.training.fields import checked
from zerone.training.folder_kind import CONFIG_FILE, FORMAT_VERSION, RUNS, read_config, require_free, require_run
from zerone.training.schema import CONFIG, naming

if TYPE_CHECKING:
    from types import TracebackType

    import numpy as np

_RESULTS = (
    "metrics.csv",
    "events.out.tfevents.*",
    "seed-*/events.out.tfevents.*",
    "checkpoints/step-*.safetensors",
    "checkpoints/best.safetensors",
    "result.json",
    "figure.*",
    "table.*",
    "video.*",
    "live.safetensors",
    "tracker-*.json",
)
_STEP = re.compile(r"step-(\d{9,18})\.safetensors")


class RunFolder:
    """A run on disk. Made by `create` and `resume`, which lock it for this process, or by `open`, for reading only.

    Attributes:
        path: The folder.
        config: The JSON object of `config.json`.
    """

    def __init__(self, path: Path, config: Config, claim: Claim | None = None):
        self.path = absolute(path)
        self.config = config
        self._claim = claim

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_claim": None}  # a copy is for reading only: the lock is held once

    @classmethod
    def create(cls, path: str | Path | Claim, config: Mapping[str, Any], overwrite: bool = False) -> RunFolder:
        """Create a new run at `path`, locked, with only its `config.json` in it. `path` may be a `Claim`.

        `format` and `zerone` (the version) are added at the front of `config`. With `overwrite`, the files that Zerone
        wrote for an earlier run at `path` are removed (no others), and an empty folder is accepted.

        Raises:
            InputError: `path` is a file, cannot be written, is being written to by another process, or exists
                already (with `overwrite`: and is neither a run nor an empty folder); nothing was created or
                removed.
        """
        claim = path if isinstance(path, Claim) else None
        path = absolute(path)
        config = {"format": FORMAT_VERSION, "zerone": _version(), **config}
        try:
            text = json.dumps(config, indent=2, allow_nan=False) + "\n"
        except (TypeError, ValueError) as error:
            raise InputError(
                translated("{path}: the configuration is not JSON: {error}", path=path, error=error)
            ) from error
        with naming(path / CONFIG_FILE):
            CONFIG(json.loads(text), "")  # check that what is written here can be read again
        if claim is None:
            claim = Claim.take(path, functools.partial(require_free, overwrite=overwrite))
        try:
            with replacing(path / CONFIG_FILE) as file:
                file.write(text.encode())
                file.flush()  # the old run is removed only once this is on the disk
                _remove(path, _RESULTS)
                claim.make(CHECKPOINTS)
        except BaseException as error:
            claim.give_up()
            if isinstance(error, (OSError, RunError)):
                raise unwritable(path, error) from error
            raise
        return cls(path, CONFIG(json.loads(text), ""), claim)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> RunFolder:
        """Open the run at `path` for reading; it may be running at the same time.

        Raises:
            InputError: there is no run at `path`, a newer Zerone made it, or its `config.json` is damaged.
        """
        path = absolute(path)
        return cls(path, read_config(path))

    @classmethod
    def resume(cls, path: str | os.PathLike[str]) -> RunFolder:
        """Open and lock the run at `path` to continue it; half-written files of a killed process are removed.

        Raises:
            InputError: as for `open`, or the folder cannot be written or is being written to by another process.
        """
        path = absolute(path)
        claim = Claim.take(path, require_run)
        try:
            config = read_config(path)  # read again: now no other process can overwrite it
            claim.make(CHECKPOINTS)
        except BaseException as error:
            claim.release()
            if isinstance(error, OSError):
                raise unwritable(path, error) from error
            raise
        return cls(path, config, claim)

    def close(self) -> None:
        """Release the lock. The operating system does so too when the process ends or is killed."""
        if self._claim is not None:
            self._claim.release()
            self._claim = None

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def config_path(self) -> Path:
        """The configuration: `config.json`."""
        return self.path / CONFIG_FILE

    @property
    def metrics_path(self) -> Path:
        """Where `MetricsWriter` writes and `read_metrics` reads."""
        return self.path / "metrics.csv"

    @property
    def result_path(self) -> Path:
        """The result, a JSON object: `result.json`."""
        return self.path / "result.json"

    @property
    def figure_path(self) -> Path:
        """The figure of the learning curve."""
        return self.path / "figure.png"

    @property
    def table_path(self) -> Path:
        """The figure of a table: values and greedy arrows."""
        return self.path / "table.png"

    @property
    def best_path(self) -> Path:
        """The checkpoint of the best policy so far."""
        return self.path / "checkpoints" / "best.safetensors"

    def checkpoint_path(self, step: int) -> Path:
        """The checkpoint after `step` environment steps."""
        return self.path / "checkpoints" / f"step-{step:09d}.safetensors"

    def checkpoints(self) -> list[Path]:
        """All checkpoints to resume from, sorted by step; `best` is not among them."""
        saved = (self.path / "checkpoints").glob("step-*.safetensors")
        steps = {int(match[1]): each for each in saved if (match := _STEP.fullmatch(each.name))}
        return [steps[step] for step in sorted(steps)]

    def latest(self) -> Path | None:
        """The newest checkpoint to resume from (not opened, so perhaps damaged), or None."""
        return next(reversed(self.checkpoints()), None)

    def load_latest(self, prefix: str = "") -> tuple[Path, dict[str, np.ndarray], dict[str, Any]]:
        """Load the newest checkpoint to resume from: its path, arrays and `about`.

        Raises:
            InputError: there is none yet, or the newest cannot be read; then the message names the previous one,
                because only the user may decide to lose the steps in between.
        """
        saved = self.checkpoints()
        if not saved:
            raise InputError(translated("{path}: no checkpoint in this run yet", path=self.path))
        try:
            return saved[-1], *checkpoint.load(saved[-1], prefix)
        except InputError as error:
            raise InputError(
                translated("{error}; remove it to go on from {name}", error=error, name=saved[-2].name)
                if len(saved) > 1
                else translated("{error}, and it is the only one", error=error)
            ) from error

    def prune(self, keep_last: int) -> list[Path]:
        """Remove all but the newest `keep_last` (at least 1) checkpoints to resume from; returns the removed ones.

        Raises:
            RunError: a file cannot be removed.
        """
        old = self.checkpoints()[: -max(1, keep_last)]
        for each in old:
            try:
                each.unlink(missing_ok=True)
            except OSError as error:
                raise RunError(
                    translated("{each}: cannot be removed: {error}", each=each, error=error.strerror or error)
                ) from error
        return old

    def write_result(self, result: Result) -> None:
        """Write `result.json` atomically. Numbers that JSON lacks (NaN, infinity) become null.

        Raises:
            RunError: it cannot be written.
        """
        with replacing(self.result_path) as file:
            file.write(json.dumps(finite(result), indent=2, allow_nan=False).encode() + b"\n")

    def read_best(self) -> tuple[dict[str, np.ndarray], Best]:
        """The arrays and `about` of the checkpoint of the best policies. Raises `InputError` if it is damaged."""
        arrays, about = checkpoint.load(self.best_path)
        return arrays, checked(about, schema.BEST, self.best_path)

    def read_result(self) -> Result | None:
        """The contents of `result.json`, or None for a run that has not ended.

        Raises:
            InputError: the file is damaged.
        """
        return schema.read(self.result_path, schema.RESULT) if self.result_path.exists() else None

    def read_ended(self) -> Result:
        """The result of a run that has ended. Raises `InputError` if it has not."""
        result = self.read_result()
        if result is None:
            go_on = said(f"zerone train --resume {self.path}", f"zo.resume({str(self.path)!r})")
            raise InputError(translated("{path}: has no result yet: end it with {go_on}", path=self.path, go_on=go_on))
        return result

    def read_scores(self) -> dict[int, float]:
        """The mean return of each seed's best policy. Raises `InputError` if not ended, or there is none."""
        scores: dict[int, float] = {}
        for each in self.read_ended()["seeds"]:
            if each["return_mean"] is None:
                raise InputError(
                    translated(
                        "{result_path}: seed {seed} has no return", result_path=self.result_path, seed=each["seed"]
                    )
                )
            scores[each["seed"]] = float(each["return_mean"])
        return scores


def step_of(path: Path) -> int:
    """The environment step of a checkpoint to resume from, taken from its name."""
    match = _STEP.fullmatch(path.name)
    return int(match[1]) if match is not None else 0


def names_of(folders: Sequence[RunFolder]) -> list[str]:
    """Names for runs in a comparison: their folders' names, or whole paths where two names are equal."""
    names = [folder.path.resolve().name for folder in folders]
    return names if len(set(names)) == len(names) else [str(folder.path) for folder in folders]


def new_folder(name: str) -> AbstractContextManager[Claim]:
    """Claim a new folder `runs/NAME-N`, N being the next free number. It is removed again if nothing is put into it.

    Raises:
        InputError: it cannot be made.
    """
    return first_free(Path(RUNS) / f"{name}-{n}" for n in itertools.count(1))


def _version() -> str:
    from importlib.metadata import version

    return version("zerone")


def _remove(path: Path, patterns: tuple[str, ...]) -> None:
    for pattern in patterns:
        for each in path.glob(pattern):
            each.unlink(missing_ok=True)
            if each.parent.name.startswith("seed-"):
                with suppress(OSError):  # it contains files that Zerone did not write
                    each.parent.rmdir()
