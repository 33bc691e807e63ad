"""Writing a dataset in Minari's format: episode by episode in a claimed folder, which is renamed when complete."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from zerone.base.claim import LOCK
from zerone.base.errors import InputError, RunError, said
from zerone.base.files import is_incomplete, replacing
from zerone.base.language import translated
from zerone.offline.format import DATA, LAYOUT, MAIN, METADATA, load_h5py, space_to_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from zerone.base.claim import Claim
    from zerone.environments.spaces import Spaces


class DatasetWriter:
    """Collects episodes in a claimed folder. Only `finish` replaces what was at the dataset's place before.

    Raises:
        InputError: from the constructor, if the spaces cannot be written.
        RunError: the disk failed; the incomplete dataset is removed.
    """

    def __init__(self, claim: Claim, spaces: Spaces, overwrite: bool) -> None:
        self.path, self.steps, self.episodes = claim.path, 0, 0
        self._claim, self._overwrite = claim, overwrite
        self._h5py = load_h5py()
        self._told = {
            "observation_space": space_to_json(spaces.observation),
            "action_space": space_to_json(spaces.action),
        }
        self._kinds = spaces.observation.dtype, spaces.action.dtype
        self._beside = claim.incomplete(DATA)
        self._file: Any = None

    def __enter__(self) -> DatasetWriter:
        return self

    def episode(
        self, seed: int, observations: Sequence[object], actions: Sequence[object], rewards: list[float], *,
        terminated: bool,
        truncated: bool,
    ) -> None:  # fmt: skip
        """Append an episode of T steps, with the flags of its last step; if both are false, it is marked truncated."""
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
                self._beside.mkdir()
                self._file = self._h5py.File(self._beside / MAIN, "w", track_order=True)
            group = self._file.create_group(f"episode_{self.episodes}")
            group.attrs.update({"id": self.episodes, "seed": seed, "total_steps": steps})
            for name, array in arrays.items():
                group.create_dataset(name, data=array)
            group.create_group("infos")  # empty, but Minari's `repr` of an episode needs it
        except (OSError, RuntimeError) as error:
            raise self._failed(error) from error
        self.episodes, self.steps = self.episodes + 1, self.steps + steps

    def finish(self, about: Mapping[str, Any]) -> None:
        """Move the dataset to its place, with `about` in its metadata. It must have at least one episode."""
        data = self._beside
        try:
            self._file.close()
            with (data / MAIN).open("rb") as file:
                os.fsync(file.fileno())
            counts = {"total_episodes": self.episodes, "total_steps": self.steps, "data_format": "hdf5"}
            size = {"dataset_size": round((data / MAIN).stat().st_size / 1e6, 1)}  # in MB, as Minari does
            told = {**counts, "jpeg_encoding": False, **self._told, "minari_version": LAYOUT, **size, **about}
            with replacing(data / METADATA) as file:
                file.write(json.dumps(told, indent=2).encode() + b"\n")
            self._put_in_place()
        except (OSError, RuntimeError) as error:
            if isinstance(error, RunError):
                raise
            raise self._failed(error) from error
        self._claim.leave()

    def _put_in_place(self) -> None:
        """Rename the complete dataset to its place. Files that appeared there meanwhile are not removed."""
        place, old = self.path / DATA, self._claim.incomplete("replaced")
        if self._overwrite and _is_dataset(place):
            place.rename(old)  # two renames, because not every system can swap two folders
        if place.exists() or place.is_symlink():
            kept = next(each for n in itertools.count(1) if not (each := self.path / f"{DATA}-{n}").exists())
            self._beside.rename(kept)
            raise RunError(
                translated(
                    "{place}: was put there while this was recorded, and stays; what was recorded is in {kept}",
                    place=place,
                    kept=kept,
                )
            )
        try:
            self._beside.rename(place)
        except OSError:
            with suppress(OSError):
                old.rename(place)
            raise
        shutil.rmtree(old, ignore_errors=True)

    def _failed(self, error: Exception) -> RunError:
        why = getattr(error, "strerror", None) or " ".join(str(error).split())
        return RunError(translated("{path}: cannot be written: {why}", path=self.path, why=why))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            with suppress(OSError, RuntimeError, ValueError):
                self._file.close()
        shutil.rmtree(self._beside, ignore_errors=True)


def require_free(path: Path, overwrite: bool) -> None:
    """Raise `InputError` unless a dataset may be written to `path`; `overwrite` allows replacing another dataset."""
    try:
        exists = path.exists()
        if exists and not path.is_dir():
            raise InputError(translated("{path}: a file; a dataset needs a folder", path=path))
        found = {each.name for each in path.iterdir()} if exists else set[str]()
        inside = {name for name in found - {LOCK} if not is_incomplete(name)}
        only_a_dataset = inside <= {DATA} and _is_dataset(path / DATA)
        above = next(each for each in (path, *path.absolute().parents) if each.exists())
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            raise InputError(
                translated(
                    "{path}: cannot be written to: {above} is no folder, or not one of yours", path=path, above=above
                )
            )
    except OSError as error:
        raise InputError(
            translated("{path}: cannot be written to: {error}", path=path, error=error.strerror or error)
        ) from error
    over = said("--overwrite", "overwrite=True")
    if exists and not (found or overwrite):
        raise InputError(
            translated(
                "{path}: exists already, an empty folder; take it with {over} or choose another", path=path, over=over
            )
        )
    if inside and not only_a_dataset:
        raise InputError(translated("{path}: not empty, and not only a dataset; choose another folder", path=path))
    if inside and not overwrite:
        raise InputError(
            translated(
                "{path}: a dataset is there already; replace it with {over}, or choose another folder",
                path=path,
                over=over,
            )
        )


def _is_dataset(data: Path) -> bool:
    """Whether a folder contains nothing but a dataset, or a part of one. Raises `OSError`."""
    return data.is_dir() and {each.name for each in data.iterdir()} <= {METADATA, MAIN}
