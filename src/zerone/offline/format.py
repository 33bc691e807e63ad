"""Minari's dataset format (Farama Foundation, Minari 0.5): its layout, and Gymnasium's spaces as JSON.

    FOLDER/data/metadata.json      description: spaces, counts, origin
    FOLDER/data/main_data.hdf5     episode_0, episode_1, ...: of T steps each
        observations [T + 1, ...]  the first one, and the final one after each step
        actions [T, ...]           as passed to the environment
        rewards, terminations, truncations [T]

https://minari.farama.org/content/dataset_standards/. It is read and written here with h5py alone, for two reasons:
Minari's reader may make the environment that a file names, which would run arbitrary code; and a dataset should be
written to a temporary place and renamed when complete, while Minari writes in place.
"""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from zerone.base.errors import InputError
from zerone.base.extras import install
from zerone.base.language import translated
from zerone.environments.gym.views import Space

DATA, METADATA, MAIN = "data", "metadata.json", "main_data.hdf5"
LAYOUT = "0.5.4"
"""The version of Minari whose layout is written."""
PARTS = ("observations", "actions", "rewards", "terminations", "truncations")
_NUMBERS = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64",
            "float16", "float32", "float64")  # fmt: skip


def load_h5py() -> Any:
    """The library h5py. Raises `InputError` with the install command if it is missing."""
    try:
        return importlib.import_module("h5py")
    except ImportError as error:
        raise InputError(
            translated("datasets need h5py, which is not installed here: {command}", command=install("data"))
        ) from error


def space_to_json(space: Space) -> str:
    """A space as Minari writes it.

    Raises:
        InputError: no algorithm supports this kind of space.
    """
    told: dict[str, Any]
    if isinstance(space, spaces.Discrete):
        told = {"type": "Discrete", "dtype": "int64", "start": int(space.start), "n": int(space.n)}
    elif isinstance(space, spaces.Box):
        bounds = {"low": space.low.tolist(), "high": space.high.tolist()}
        told = {"type": "Box", "dtype": str(space.dtype), "shape": list(space.shape), **bounds}
    elif isinstance(space, spaces.MultiDiscrete):
        counts = {"nvec": space.nvec.tolist(), "start": space.start.tolist()}
        told = {"type": "MultiDiscrete", "dtype": str(space.dtype), **counts}
    else:
        raise InputError(
            translated(
                "{kind} spaces cannot be recorded: must be Discrete, MultiDiscrete or Box", kind=type(space).__name__
            )
        )
    return json.dumps(told)


def space_from_json(text: object) -> Space:
    """Read a space. Only the supported kinds are made, and no name in a file is imported or called.

    Raises:
        ValueError: it is another kind, or is incomplete; the message says why.
    """
    if not isinstance(text, str):
        raise ValueError("it is no text")
    told = json.loads(text)
    if not isinstance(told, dict):
        raise ValueError("it is no JSON object")
    try:
        if told["type"] == "Discrete":
            return spaces.Discrete(_whole(told["n"]), start=_whole(told.get("start", 0)))
        if told["type"] == "Box":
            kind = _kind(told["dtype"])
            low, high = (np.array(told[bound], kind) for bound in ("low", "high"))
            if list(low.shape) != told["shape"] or low.shape != high.shape:
                raise ValueError("its bounds are not of its shape")
            return spaces.Box(low, high, dtype=kind)
        if told["type"] == "MultiDiscrete":
            counts = np.array(told["nvec"], np.int64)
            start = np.array(told.get("start", np.zeros_like(counts)), np.int64)
            return spaces.MultiDiscrete(counts, start=start)
    except KeyError as error:
        raise ValueError(f"{error} is missing") from error
    except (TypeError, OverflowError, AssertionError) as error:
        raise ValueError(" ".join(str(error).split())) from error
    raise ValueError(f"{str(told['type'])[:40]!r} is none of Discrete, MultiDiscrete, Box")


def _whole(value: object) -> int:
    if type(value) is not int:
        raise ValueError(f"{str(value)[:40]} is no whole number")
    return value


def _kind(name: object) -> np.dtype:
    if name not in _NUMBERS:
        raise ValueError(f"dtype {str(name)[:40]!r} is no kind of numbers")
    kind: np.dtype = np.dtype(name)
    return kind


def is_jpeg(space: Space, metadata: dict[str, Any]) -> bool:
    """Whether Minari has stored observations of this space as JPEG, which is lossy."""
    return (
        bool(metadata.get("jpeg_encoding", True))
        and isinstance(space, spaces.Box)
        and len(space.shape) in (2, 3)
        and min(space.shape[:2]) >= 32
        and space.dtype == np.uint8
        and bool((space.low == 0).all() and (space.high == 255).all())
    )


def identity(path: Path) -> str:
    """A dataset's name in Minari, from its folder's name: letters, digits, `-` and `_`, and a version at the end."""
    name = re.sub(r"[^-\w]", "-", path.resolve().name, flags=re.ASCII)
    return name if re.search(r"-v\d+$", name) else f"{name}-v0"
