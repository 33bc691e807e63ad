"""Finding and reading the policies saved by a run. Finding them imports no JAX."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.place import absolute
from zerone.training import checkpoint
from zerone.training.folder import RunFolder, step_of

if TYPE_CHECKING:
    from zerone.engines.protocol import Engine


Checkpoint = str | int | os.PathLike[str]
"""`best`, `last`, the step of a checkpoint, or its file."""


def checkpoint_name(checkpoint: Checkpoint) -> str:
    """A checkpoint as text. Raises `InputError` if it is none."""
    if isinstance(checkpoint, bool) or not isinstance(checkpoint, (str, int, os.PathLike)):
        raise InputError(
            translated("checkpoint = {given!r} is not allowed: must be best, last, a step or a file", given=checkpoint)
        )
    return str(checkpoint) if isinstance(checkpoint, int) else os.fspath(checkpoint)


def find_policies(folder: RunFolder, which: str) -> tuple[Path, str]:
    """The path of a checkpoint, and the prefix of its policies' array names after `seed-0/`.

    Raises:
        InputError: there is no such checkpoint.
    """
    if which == "best":
        if folder.best_path.exists():
            return folder.best_path, ""
        which = "last"
    if which == "last":
        latest = folder.latest()
        if latest is None:
            raise InputError(translated("{path}: no checkpoint was saved yet", path=folder.path))
        return latest, "state/"
    if which.isdecimal():
        steps = {str(step_of(each)): each for each in folder.checkpoints()}
        asked = which.lstrip("0") or "0"
        if asked not in steps:
            listed = ", ".join(["best", "last", *steps])
            raise InputError(
                translated(
                    "{path}: no checkpoint of step {step}; there are: {listed}",
                    path=folder.path,
                    step=which[:30],
                    listed=listed,
                )
            )
        return steps[asked], "state/"
    path = absolute(which)
    try:
        there = path.exists()
    except (OSError, ValueError):  # the name is too long, or has characters that no path may have
        there = False
    if not there:
        raise InputError(
            translated("checkpoint {name!r} does not exist: must be best, last, a step or a file", name=which[:200])
        )
    return path, "" if path.name.startswith("best") else "state/"


def load_policies(engine: Engine, folder: RunFolder, seeds: list[int], which: str) -> dict[int, object]:
    """The policies of a run by seed: from the `best` or `last` checkpoint, or that of a step or a file.

    Raises:
        InputError: there is no such checkpoint, or it is damaged or belongs to another run.
    """
    example = engine.policy_example()
    path, inside = find_policies(folder, which)
    policies: dict[int, object] = {}
    arrays, about = checkpoint.load(path)
    checkpoint.expect(about, path, algorithm=engine.algorithm.name, environment=folder.config["environment"]["id"])
    # A full checkpoint contains carries; a file of best policies contains nothing else.
    for seed in seeds:
        prefix = f"seed-{seed}/{inside}policy/"
        wanted = {name: array for name, array in arrays.items() if name.startswith(prefix)}
        if prefix[:-1] in arrays:  # a table is a single leaf, without a path of its own
            wanted = {prefix: arrays[prefix[:-1]]}
        policies[seed] = checkpoint.restore(example, wanted, path=path, what="checkpoint", prefix=prefix)
    return policies
