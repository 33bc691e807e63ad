"""Reading and validating a dataset in Minari's format. See `format`.

A dataset may come from anybody. Nothing in it is unpickled, evaluated or imported, environments that it names are not
made, links out of its file are not followed, and any inconsistency raises a one-line error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from zerone.base.errors import InputError
from zerone.base.files import opened, read_object, size_of
from zerone.base.language import translated
from zerone.base.place import absolute
from zerone.engines.offline_data import Recorded
from zerone.environments.gym.views import Space, describe
from zerone.environments.spaces import Spaces
from zerone.offline.dataset import Dataset
from zerone.offline.format import DATA, MAIN, METADATA, PARTS, is_jpeg, load_h5py, space_from_json
from zerone.offline.storage import Storage

LARGEST_METADATA = 256 * 1024 * 1024
"""Maximum bytes of the metadata: the bounds of an image space are one number per pixel."""


def read(path: str | Path) -> Dataset:
    """Read the dataset in a folder (or in its `data`).

    Raises:
        InputError: there is none, it is truncated or contradicts its metadata, or h5py is not installed.
    """
    h5py, path = load_h5py(), absolute(path)
    data = _data_folder(path)
    metadata = _read_metadata(path, data / METADATA)
    found = Spaces(_space(path, metadata, "observation_space"), _space(path, metadata, "action_space"))
    told = [metadata.get(name) for name in ("total_episodes", "total_steps")]
    if any(type(each) is not int or each < 0 for each in told):
        raise InputError(
            translated(
                "dataset {path}: {metadata} does not say how many episodes and steps there are",
                path=path,
                metadata=METADATA,
            )
        )
    if is_jpeg(found.observation, metadata):
        raise InputError(
            translated(
                "dataset {path}: its pictures are JPEG, not what was seen: record with jpeg_encoding=False", path=path
            )
        )
    storage = Storage(_size_of(path, data / MAIN))
    try:
        with h5py.File(data / MAIN, "r") as file:
            if len(file) != told[0]:
                raise InputError(
                    translated(
                        "dataset {path}: torn: {count} episodes are there, {metadata} says {told}",
                        path=path,
                        count=len(file),
                        metadata=METADATA,
                        told=told[0],
                    )
                )
            if not told[0]:
                raise InputError(translated("dataset {path} is empty: it has no episodes", path=path))
            parts = [_Episode(path, file, i, found, storage).read() for i in range(len(file))]
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(translated("dataset {path} is too large for the memory of this machine", path=path)) from error
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            translated(
                "dataset {path}: {main} is torn, damaged or no HDF5 file ({text})", path=path, main=MAIN, text=text
            )
        ) from error
    steps = sum(len(part["rewards"]) for part in parts)
    if steps != told[1]:
        raise InputError(
            translated(
                "dataset {path}: torn: {steps} steps are there, {metadata} says {told}",
                path=path,
                steps=steps,
                metadata=METADATA,
                told=told[1],
            )
        )
    return Dataset(path, metadata, found, len(parts), _joined(parts))


def _joined(parts: list[dict[str, np.ndarray]]) -> Recorded:
    """The episodes concatenated, each with its end marked."""
    lengths = np.array([len(part["rewards"]) for part in parts])
    frames, action, reward, terminated, truncated = (np.concatenate([part[name] for part in parts]) for name in PARTS)
    at = np.arange(len(reward)) + np.repeat(np.arange(len(parts)), lengths)
    last = np.cumsum(lengths) - 1
    truncated[last] |= ~terminated[last]  # every episode ends here, even if the file marks no end
    truncated[-1] = True
    return Recorded(frames, at.astype(np.int32), action, reward, terminated, truncated)


def _data_folder(path: Path) -> Path:
    try:
        if not path.exists():
            raise InputError(translated("dataset {path} does not exist", path=path))
        if not path.is_dir():
            raise InputError(
                translated("dataset {path} is a file: must be the folder of a dataset in Minari's format", path=path)
            )
        for data in (path / DATA, path):
            if (data / METADATA).exists():
                return data
        missing = METADATA if any((data / MAIN).exists() for data in (path / DATA, path)) else ""
    except OSError as error:
        raise InputError(
            translated("dataset {path} cannot be read: {error}", path=path, error=error.strerror or error)
        ) from error
    if missing:
        raise InputError(translated("dataset {path}: {missing} is missing", path=path, missing=missing))
    raise InputError(
        translated(
            "{path} is no dataset in Minari's format: it has no {data}/{metadata}",
            path=path,
            data=DATA,
            metadata=METADATA,
        )
    )


def _size_of(path: Path, file: Path) -> int:
    if not file.exists():
        raise InputError(translated("dataset {path}: {main} is missing", path=path, main=MAIN))
    with opened(file) as main:
        return size_of(main)


def _read_metadata(path: Path, file: Path) -> dict[str, Any]:
    try:
        found = read_object(file, LARGEST_METADATA)
    except InputError as error:
        raise InputError(
            translated("dataset {path}: {error}", path=path, error=str(error).replace(str(file), METADATA))
        ) from error
    form = found.get("data_format", "hdf5")
    if form != "hdf5":
        raise InputError(
            translated("dataset {path} is stored as {form!r}: only hdf5 can be read", path=path, form=str(form)[:20])
        )
    return found


def _space(path: Path, metadata: dict[str, Any], name: str) -> Space:
    if name not in metadata:
        raise InputError(
            translated(
                "dataset {path}: {metadata} has no {name} (an environment that it names is not made for it)",
                path=path,
                metadata=METADATA,
                name=name,
            )
        )
    try:
        return space_from_json(metadata[name])
    except (ValueError, RecursionError) as error:
        raise InputError(
            translated("dataset {path}: the {name} cannot be read: {error}", path=path, name=name, error=error)
        ) from error


class _Episode:
    """One group of the file, validated before it is read."""

    def __init__(self, path: Path, file: object, number: int, found: Spaces, storage: Storage) -> None:
        self._h5py, self._spaces, self._storage = load_h5py(), found, storage
        self._name, self._file = f"dataset {path}: episode_{number}", file
        self._link = f"episode_{number}"

    def read(self) -> dict[str, np.ndarray]:
        """Its five arrays. Raises `InputError` if one is missing, has a wrong length, or contains invalid values."""
        group = self._inside(self._file, self._link, self._h5py.Group)
        found = {name: self._inside(group, name, self._h5py.Dataset) for name in PARTS}
        rewards = found["rewards"].shape
        if len(rewards) != 1 or rewards[0] == 0:
            raise InputError(
                translated(
                    "{episode} is empty, or its rewards are of shape {rewards}", episode=self._name, rewards=rewards
                )
            )
        steps = rewards[0]
        wanted = {
            "observations": (steps + 1, *(self._spaces.observation.shape or ())),
            "actions": (steps, *(self._spaces.action.shape or ())),
            "terminations": (steps,),
            "truncations": (steps,),
        }
        for name, shape in wanted.items():
            if found[name].shape != shape:
                raise InputError(
                    translated(
                        "{episode}: torn: {steps} rewards, but {name} of shape {found}, not {shape}",
                        episode=self._name,
                        steps=steps,
                        name=name,
                        found=found[name].shape,
                        shape=shape,
                    )
                )
        if int(group.attrs.get("total_steps", steps)) != steps:
            raise InputError(
                translated(
                    "{episode}: torn: {steps} steps are there, of {total_steps}",
                    episode=self._name,
                    steps=steps,
                    total_steps=group.attrs["total_steps"],
                )
            )
        return {name: self._numbers(name, found[name]) for name in PARTS}

    def _inside(self, group: Any, name: str, kind: Any) -> Any:
        """A member stored in the file itself: a link could point to any file of this machine."""
        link = group.get(name, getlink=True)
        what = self._name if name == self._link else f"{self._name}: {name}"
        if link is None:
            raise InputError(translated("{what} is missing", what=what))
        if not isinstance(link, self._h5py.HardLink):
            raise InputError(translated("{what} is a link, which is not followed", what=what))
        found = group[name]
        if not isinstance(found, kind):
            raise InputError(
                translated("{what} is no {kind}: only plain arrays can be read", what=what, kind=kind.__name__.lower())
            )
        if kind is self._h5py.Dataset and (found.is_virtual or found.external):
            raise InputError(translated("{what} lies in another file, which is not read", what=what))
        return found

    def _numbers(self, name: str, stored: Any) -> np.ndarray:
        if stored.dtype.kind not in "biuf":
            raise InputError(
                translated(
                    "{episode}: {name} are {dtype}, not numbers", episode=self._name, name=name, dtype=stored.dtype
                )
            )
        self._storage.admit(f"{self._name}: {name}", stored)
        array: np.ndarray = stored[()]
        space = {"observations": self._spaces.observation, "actions": self._spaces.action}.get(name)
        kind = space.dtype if space is not None else np.float32 if name == "rewards" else bool
        with np.errstate(over="ignore", invalid="ignore"):
            numbers = array.astype(kind)
            if np.issubdtype(kind, np.floating):
                wrong = ~np.isfinite(array) | ~np.isfinite(numbers.astype(np.float32))  # as algorithms get them
            else:
                wrong = ~np.isfinite(array) if space is None else outside(space, array)
        if wrong.any():
            step = np.argwhere(wrong)[0]
            what = translated("{value} at step {step}", value=array[tuple(step)], step=step[0])
            where = "" if space is None else translated(", not in {space}", space=describe(space))
            raise InputError(
                translated(
                    "{episode}: {name} hold {what}{where}",
                    episode=self._name,
                    name=name,
                    what=what,
                    where=where or ", not a finite number",
                )
            )
        return numbers


def outside(space: Space, array: np.ndarray) -> np.ndarray:
    """Mask of integers in `array` [T, ...] that are not in `space`; for a `Box`, those that its dtype cannot hold."""
    low: Any
    above: Any
    if isinstance(space, spaces.Discrete):
        low, above = int(space.start), int(space.start + space.n)
    elif isinstance(space, spaces.MultiDiscrete):
        low, above = space.start, space.start + space.nvec
    else:
        return np.asarray(array != array.astype(space.dtype))
    return np.asarray((array < low) | (array >= above) | (array != np.floor(array)))
