"""Where the policies of a run lie. Looking there imports no JAX."""

from __future__ import annotations

from pathlib import Path

from zerone.base.errors import InputError
from zerone.runs.folder import RunFolder


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
            raise InputError(f"{folder.path}: no checkpoint was saved yet")
        return latest, "state/"
    if which.isdecimal():
        path = folder.checkpoint_path(int(which))
        if not path.exists():
            steps = ", ".join(str(int(each.stem.split("-")[1])) for each in folder.checkpoints())
            raise InputError(f"{folder.path}: no checkpoint of step {which}; there are: best, last, {steps}")
        return path, "state/"
    path = Path(which)
    if not path.exists():
        raise InputError(f"checkpoint {which!r} does not exist: must be best, last, a step or a file")
    return path, "" if path.name.startswith("best") else "state/"
