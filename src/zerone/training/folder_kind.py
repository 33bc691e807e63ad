"""Whether a folder is a run, and whether a new run may be created in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from zerone.base.claim import CHECKPOINTS, LOCK
from zerone.base.errors import MOST_LISTED, InputError, closest, said
from zerone.base.files import is_incomplete, read_object
from zerone.base.language import translated
from zerone.base.saved_types import Config
from zerone.training.fields import checked
from zerone.training.schema import CONFIG
from zerone.training.upgrade import upgraded_config

FORMAT_VERSION = 2
CONFIG_FILE = "config.json"
RUNS = "runs"
"""The folder in which trainings create run folders, if no other one is asked for."""
SWEEP = "sweep.json"
"""The file that marks the folder of a sweep, which is not a run but contains many."""


def require_run(path: Path) -> None:
    """Raise `InputError` unless `path` is a run, whose files may be written and removed."""
    _read_identity(path)
    if (path / CHECKPOINTS).is_symlink():
        raise InputError(
            translated(
                "{path}: a link to elsewhere, where nothing of a run is written or removed", path=path / CHECKPOINTS
            )
        )


def read_config(path: Path) -> Config:
    """The configuration of the run at `path`. Raises `InputError` if there is none, or it is damaged."""
    return checked(_read_identity(path), CONFIG, path / CONFIG_FILE)


def _read_identity(path: Path) -> dict[str, Any]:
    """The configuration of a folder that declares itself a run, before its other fields are checked."""
    try:
        if not path.exists():
            raise InputError(translated("{path}: no such run folder{meant}", path=path, meant=_meant(path)))
        if not path.is_dir():
            raise InputError(translated("{path}: a file, not a run folder", path=path))
        if not (path / CONFIG_FILE).exists():
            raise InputError(translated("{path}: not a run folder{instead}", path=path, instead=_instead(path)))
    except OSError as error:
        raise InputError(
            translated("{path}: cannot be read: {reason}", path=path, reason=error.strerror or error)
        ) from error
    config = read_object(path / CONFIG_FILE)
    version = config.get("format")
    if type(version) is not int or "zerone" not in config:
        raise InputError(
            translated(
                "{path}: not the configuration of a run ('format' or 'zerone' is missing)", path=path / CONFIG_FILE
            )
        )
    if version > FORMAT_VERSION:
        raise InputError(
            translated(
                "{path}: made by a newer Zerone (format {version}; this one reads up to {format_version})",
                path=path / CONFIG_FILE,
                version=version,
                format_version=FORMAT_VERSION,
            )
        )
    return upgraded_config(config, version)


def _instead(path: Path) -> str:
    """What a folder is if it is no run, and what the user can do with it."""
    if (path / SWEEP).is_file():
        runs = sorted(each.parent.name for each in path.glob(f"[0-9]*/{CONFIG_FILE}"))
        first = f", such as {path / runs[0]}" if runs else ""
        every = said(f"zerone compare {path}/0* takes", f"zo.resume_sweep({str(path)!r}) reads")
        return translated(" but a sweep: name some of the runs in it{first} ({every} all of them)", first=first,
                          every=every)  # fmt: skip
    if (path / "data").is_dir() and (path / "data" / "metadata.json").is_file():
        study = said(f"zerone train ALGORITHM ENVIRONMENT --from {path}", f"zo.train(…, dataset={str(path)!r})")
        return translated(" but a dataset: {study} learns from it", study=study)
    newest = newest_run(path)
    if newest is not None:
        return translated(" but a folder of runs: name one, such as {run}", run=newest)
    return translated(" (it has no {file})", file=CONFIG_FILE)


def newest_run(folder: Path = Path(RUNS)) -> Path | None:
    """The newest run in a folder whose name can be typed; None if there is none, or the folder cannot be read."""
    try:
        found = sorted(((each.stat().st_mtime, each.parent) for each in folder.glob(f"*/{CONFIG_FILE}")), reverse=True)
    except OSError:
        return None
    return next((path for _, path in found[:MOST_LISTED] if _can_be_named(path)), None)


def _can_be_named(path: Path) -> bool:
    try:
        _read_identity(path)
    except (InputError, OSError):
        return False
    return str(path).isprintable()


def _meant(path: Path) -> str:
    """The end of the line for a run that is not there: the run that was probably meant, if there is one."""
    for folder in (path.parent, path.parent / RUNS):
        near = closest(path.name, [each.parent.name for each in folder.glob(f"*/{CONFIG_FILE}")])
        if near is not None and _can_be_named(folder / near):
            return translated(": did you mean {name!r}?", name=str(folder / near))
    return ""


def require_free(path: Path, overwrite: bool) -> None:
    """Raise `InputError` unless a new run may be created at `path`."""
    try:
        if not path.exists():
            return
        if not path.is_dir():
            raise InputError(translated("{path}: a file; a run needs a folder", path=path))
        found = {each.name for each in path.iterdir()}
        inside = (found - {LOCK, CHECKPOINTS}) | {each.name for each in path.glob(f"{CHECKPOINTS}/*")}
    except OSError as error:
        raise InputError(
            translated("{path}: cannot be read: {error}", path=path, error=error.strerror or error)
        ) from error
    if not os.access(path, os.W_OK):
        raise InputError(translated("{path}: cannot be written to: read-only, or not yours", path=path))
    if not (found or overwrite):
        over = said("--overwrite", "overwrite=True")
        raise InputError(
            translated(
                "{path}: exists already, an empty folder; take it with {option} or choose another",
                path=path,
                option=over,
            )
        )
    if all(map(is_incomplete, inside)):
        return  # claimed for this run, or left by a run that was killed before it began
    try:
        require_run(path)
    except InputError as error:
        why = f" ({error})" if (path / CONFIG_FILE).exists() else ""
        line = translated("{path}: not empty, and no run that could be continued or replaced{why}; choose another "
                          "folder", path=path, why=why)  # fmt: skip
        raise InputError(line) from error
    if not overwrite:
        go_on, over = said("--resume", f"zo.resume({str(path)!r})"), said("--overwrite", "overwrite=True")
        raise InputError(
            translated(
                "{path}: a run is there already; continue it with {resume} or replace it with {option}",
                path=path,
                resume=go_on,
                option=over,
            )
        )
