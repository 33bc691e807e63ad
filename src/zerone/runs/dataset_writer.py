"""A dataset in Minari's format, written beside its place episode by episode, and renamed once it is whole."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zerone.base.errors import InputError, RunError
from zerone.runs.checkpoint import replacing
from zerone.runs.dataset_format import DATA, LAYOUT, MAIN, METADATA, load_h5py, space_to_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from zerone.parts.spaces import Spaces


class DatasetWriter:
    """Gathers episodes in a folder beside `path`. After `finish` the dataset is at `path`; without it nothing is.

    Raises:
        InputError: at once, if a dataset cannot be put at `path`, or the spaces cannot be written.
        RunError: the disk failed; nothing is left of it.
    """

    def __init__(self, path: Path, spaces: Spaces, overwrite: bool) -> None:
        self.path, self.steps, self.episodes = path, 0, 0
        self._h5py = load_h5py()
        self._told = {
            "observation_space": space_to_json(spaces.observation),
            "action_space": space_to_json(spaces.action),
        }
        self._kinds = spaces.observation.dtype, spaces.action.dtype
        require_free(path, overwrite)
        self._beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        self._missing = [each for each in path.parents if not each.exists()]
        self._file: Any = None

    def __enter__(self) -> DatasetWriter:
        return self

    def episode(
        self, seed: int, observations: list[Any], actions: list[Any], rewards: list[float], *, terminated: bool,
        truncated: bool,
    ) -> None:  # fmt: skip
        """Append an episode of T steps, and how its last one ended it; if not at all, it is cut there."""
        steps = len(rewards)
        ends = np.arange(steps) == steps - 1
        arrays = {
            "observations": np.array(observations, self._kinds[0]),
            "actions": np.array(actions, self._kinds[1]),
            "rewards": np.array(rewards, np.float64),
            "terminations": ends & terminated,
            "truncations": ends & (truncated or not terminated),
        }
        try:
            if self._file is None:
                (self._beside / DATA).mkdir(parents=True)
                self._file = self._h5py.File(self._beside / DATA / MAIN, "w", track_order=True)
            group = self._file.create_group(f"episode_{self.episodes}")
            group.attrs.update({"id": self.episodes, "seed": seed, "total_steps": steps})
            for name, array in arrays.items():
                group.create_dataset(name, data=array)
            group.create_group("infos")  # empty, but Minari's own text of an episode asks for it
        except (OSError, RuntimeError) as error:
            raise self._failed(error) from error
        self.episodes, self.steps = self.episodes + 1, self.steps + steps

    def finish(self, about: Mapping[str, Any]) -> None:
        """Put the dataset in its place, with `about` in its metadata. There must have been an episode."""
        data = self._beside / DATA
        try:
            self._file.close()
            with (data / MAIN).open("rb") as file:
                os.fsync(file.fileno())
            counts = {"total_episodes": self.episodes, "total_steps": self.steps, "data_format": "hdf5"}
            size = {"dataset_size": round((data / MAIN).stat().st_size / 1e6, 1)}  # in MB, as Minari has it
            told = {**counts, "jpeg_encoding": False, **self._told, "minari_version": LAYOUT, **size, **about}
            with replacing(data / METADATA) as file:
                file.write(json.dumps(told, indent=2).encode() + b"\n")
            # Two renames, if an earlier dataset has to go: there is none that swaps two folders on every system.
            old = self.path.with_name(f".{self.path.name}.{os.getpid()}.old.tmp")
            if self.path.exists():
                self.path.rename(old)
            self._beside.rename(self.path)
            shutil.rmtree(old, ignore_errors=True)
        except (OSError, RuntimeError) as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> RunError:
        why = getattr(error, "strerror", None) or " ".join(str(error).split())
        return RunError(f"{self.path}: cannot be written: {why}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            with suppress(OSError, RuntimeError, ValueError):
                self._file.close()
        shutil.rmtree(self._beside, ignore_errors=True)
        if not self.path.exists():
            with suppress(OSError):  # what is not empty is not ours
                for each in self._missing:
                    each.rmdir()


def require_free(path: Path, overwrite: bool) -> None:
    """Raise `InputError` unless a dataset may be put at `path`; with `overwrite` another dataset may be there."""
    try:
        exists = path.exists()
        if path.is_dir():
            inside = {str(each.relative_to(path)) for each in path.rglob("*")}
        elif exists:
            raise InputError(f"{path}: a file; a dataset needs a folder")
        else:
            inside = set()
        above = next(each for each in path.absolute().parents if each.exists())
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            raise InputError(f"{path}: cannot be written to: {above} is no folder, or not one of yours")
    except OSError as error:
        raise InputError(f"{path}: cannot be written to: {error.strerror or error}") from error
    if exists and not (inside or overwrite):
        raise InputError(f"{path}: exists already, an empty folder; take it with --overwrite or choose another")
    if not inside <= {DATA, f"{DATA}/{METADATA}", f"{DATA}/{MAIN}"}:
        raise InputError(f"{path}: not empty, and not only a dataset; choose another folder")
    if inside and not overwrite:
        raise InputError(f"{path}: a dataset is there already; replace it with --overwrite, or choose another folder")
