"""The run folder: what lies where, who may write, and what may be thrown away.

    config.json                             what is trained, written first and once
    metrics.csv                             what was measured (`metrics.py`)
    events.out.tfevents.*  or  seed-*/...   the same for TensorBoard
    checkpoints/step-000050000.safetensors  to resume from
    checkpoints/best.safetensors            to act with
    result.json, figure.*, table.*, video.* how it ended
    tracker-NAME.json                       with which run of a tracker it goes on (`trackers/`)

A folder is a run if its `config.json` says so. Only files of these names are ever removed.
"""

from __future__ import annotations

import functools
import itertools
import json
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
from zerone.training.folder_kind import CONFIG_FILE, FORMAT_VERSION, read_config, require_free, require_run
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
    """A run on the disk. Made by `create` and `resume`, which lock it for this process, or by `open`, to read.

    Attributes:
        path: The folder.
        config: The JSON object of `config.json`.
    """

    def __init__(self, path: Path, config: Config, claim: Claim | None = None):
        self.path = absolute(path)
        self.config = config
        self._claim = claim

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_claim": None}  # a copy may read; the lock is held once

    @classmethod
    def create(cls, path: str | Path | Claim, config: Mapping[str, Any], overwrite: bool = False) -> RunFolder:
        """A new run at `path`, locked, with nothing in it but its `config.json`. A `Claim` is taken over.

        `format` and `zerone` (the version) are put in front of `config`. With `overwrite` an earlier run
        at `path` goes: the files that Zerone wrote, and no other; and an empty folder is taken.

        Raises:
            InputError: `path` is a file, cannot be written, is being written to by another process, or
                exists already (with `overwrite`: as something else than a run or an empty folder); nothing was
                created or removed.
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
            CONFIG(json.loads(text), "")  # what is written here can be read again
        if claim is None:
            claim = Claim.take(path, functools.partial(require_free, overwrite=overwrite))
        try:
            with replacing(path / CONFIG_FILE) as file:
                file.write(text.encode())
                file.flush()  # only when the disk has taken this may the old run go
                _remove(path, _RESULTS)
                claim.make(CHECKPOINTS)
        except BaseException as error:
            claim.give_up()
            if isinstance(error, (OSError, RunError)):
                raise unwritable(path, error) from error
            raise
        return cls(path, CONFIG(json.loads(text), ""), claim)

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """The run at `path`, to read from; it may be running at the same time.

        Raises:
            InputError: there is no run at `path`, or a newer Zerone made it, or its `config.json` is damaged.
        """
        path = absolute(path)
        return cls(path, read_config(path))

    @classmethod
    def resume(cls, path: str | Path) -> RunFolder:
        """The run at `path`, locked, to go on with; what a killed process left half-written is removed.

        Raises:
            InputError: as `open`, or the folder cannot be written or is being written to by another process.
        """
        path = absolute(path)
        claim = Claim.take(path, require_run)
        try:
            config = read_config(path)  # now that nobody overwrites it
            claim.make(CHECKPOINTS)
        except BaseException as error:
            claim.release()
            if isinstance(error, OSError):
                raise unwritable(path, error) from error
            raise
        return cls(path, config, claim)

    def close(self) -> None:
        """Let others write to the run. The operating system does so too when the process ends or is killed."""
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
        """What is trained."""
        return self.path / CONFIG_FILE

    @property
    def metrics_path(self) -> Path:
        """Where `MetricsWriter` writes and `read_metrics` reads."""
        return self.path / "metrics.csv"

    @property
    def result_path(self) -> Path:
        """How the run ended: a JSON object."""
        return self.path / "result.json"

    @property
    def figure_path(self) -> Path:
        """The learning curve."""
        return self.path / "figure.png"

    @property
    def table_path(self) -> Path:
        """The picture of a table: values and greedy arrows."""
        return self.path / "table.png"

    @property
    def best_path(self) -> Path:
        """The checkpoint of the best policy so far."""
        return self.path / "checkpoints" / "best.safetensors"

    def checkpoint_path(self, step: int) -> Path:
        """The checkpoint after `step` environment steps."""
        return self.path / "checkpoints" / f"step-{step:09d}.safetensors"

    def checkpoints(self) -> list[Path]:
        """All checkpoints to resume from, by step; `best` is not among them."""
        saved = (self.path / "checkpoints").glob("step-*.safetensors")
        steps = {int(match[1]): each for each in saved if (match := _STEP.fullmatch(each.name))}
        return [steps[step] for step in sorted(steps)]

    def latest(self) -> Path | None:
        """The newest checkpoint to resume from (not opened, so perhaps damaged), or None."""
        return next(reversed(self.checkpoints()), None)

    def load_latest(self, prefix: str = "") -> tuple[Path, dict[str, np.ndarray], dict[str, Any]]:
        """The newest checkpoint to resume from: its path, arrays and `about`.

        Raises:
            InputError: there is none yet, or the newest cannot be read; then the line names the one before,
                for it is the user who decides to lose the steps between.
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
        """Remove all but the newest `keep_last` (at least 1) checkpoints to resume from; those removed. `best` stays.

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
        """Write `result.json`, all or nothing. A number that JSON lacks (NaN, infinity) becomes null.

        Raises:
            RunError: it cannot be written.
        """
        with replacing(self.result_path) as file:
            file.write(json.dumps(finite(result), indent=2, allow_nan=False).encode() + b"\n")

    def read_best(self) -> tuple[dict[str, np.ndarray], Best]:
        """The arrays and `about` of the checkpoint of the best policies. Raises `InputError` where it is damaged."""
        arrays, about = checkpoint.load(self.best_path)
        return arrays, checked(about, schema.BEST, self.best_path)

    def read_result(self) -> Result | None:
        """What `write_result` wrote, or None for a run that has not ended.

        Raises:
            InputError: the file is damaged.
        """
        return schema.read(self.result_path, schema.RESULT) if self.result_path.exists() else None

    def read_ended(self) -> Result:
        """The result of a run that has ended. Raises `InputError` for one that has not."""
        result = self.read_result()
        if result is None:
            go_on = said(f"zerone train --resume {self.path}", f"zo.resume({str(self.path)!r})")
            raise InputError(translated("{path}: has no result yet: end it with {go_on}", path=self.path, go_on=go_on))
        return result

    def read_scores(self) -> dict[int, float]:
        """The mean return of each seed's best policy. Raises `InputError` for a run that has not ended, or has none."""
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
    """After how many steps a checkpoint to resume from was saved, by its name."""
    match = _STEP.fullmatch(path.name)
    return int(match[1]) if match is not None else 0


def names_of(folders: Sequence[RunFolder]) -> list[str]:
    """What runs are called beside each other: by their folders, or by whole paths where those have equal names."""
    names = [folder.path.resolve().name for folder in folders]
    return names if len(set(names)) == len(names) else [str(folder.path) for folder in folders]


def new_folder(name: str) -> AbstractContextManager[Claim]:
    """`runs/NAME-1`, counted on from what is there, claimed. It goes again if nothing is put into it.

    Raises:
        InputError: it cannot be made.
    """
    return first_free(Path("runs") / f"{name}-{n}" for n in itertools.count(1))


def _version() -> str:
    from importlib.metadata import version

    return version("zerone")


def _remove(path: Path, patterns: tuple[str, ...]) -> None:
    for pattern in patterns:
        for each in path.glob(pattern):
            each.unlink(missing_ok=True)
            if each.parent.name.startswith("seed-"):
                with suppress(OSError):  # it holds something that Zerone did not write
                    each.parent.rmdir()
