"""Where the policies of a run lie. Looking there imports no JAX."""

from __future__ import annotations

from pathlib import Path

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.place import absolute
from zerone.training.folder import RunFolder, step_of


def find_policies(folder: RunFolder, which: str) -> tuple[Path, str]:
    """The file of a checkpoint, and where in it the policies are: behind `seed-0/` and this.

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
    except (OSError, ValueError):  # too long, or a character that no path has
        there = False
    if not there:
        raise InputError(
            translated("checkpoint {name!r} does not exist: must be best, last, a step or a file", name=which[:200])
        )
    return path, "" if path.name.startswith("best") else "state/"
