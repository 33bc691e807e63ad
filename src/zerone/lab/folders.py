"""The run folders below a root, for the page's list. They are found by scanning, never by a path from the page.

Symbolic links to folders and files are ignored. No code of a run is imported, since it may be from anybody.
"""

from __future__ import annotations

import dataclasses
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from zerone.base.claim import LOCK
from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.training.folder import RunFolder
from zerone.training.metrics_table import FILE as METRICS

CONFIG, RESULT = "config.json", "result.json"
MOST_RUNS, MOST_FOLDERS, DEEPEST = 1_000, 10_000, 4
TAIL = 4_096
"""The number of bytes at the end of a table of metrics in which its last line is searched."""
SECONDS_FRESH = 30.0
"""On systems that do not list locks: how long after its last line a training counts as running."""


@dataclasses.dataclass(frozen=True)
class Found:
    """A run folder: its name relative to the root, its path, a mark that changes with its files, its last change."""

    name: str
    path: Path
    mark: tuple[Any, ...]
    changed: float


class Folders:
    """All runs below a root. The row of a run is cached until its files change."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {}

    def look(self) -> list[dict[str, Any]]:
        """A row for each run, newest first."""
        locks = _locks()
        found = sorted(self._all(), key=lambda each: -each.changed)[:MOST_RUNS]
        rows = [self._row(each) | {"state": _state(each.path, locks)} for each in found]
        self._known = {each.name: self._known[each.name] for each in found}
        return rows

    def find(self, name: str) -> Found:
        """The run of a name in the list.

        Raises:
            InputError: there is no such run (any more).
        """
        found = next((each for each in self._all() if each.name == name), None)
        if found is None:
            raise InputError(f"{name[:100]}: this run is not there: its folder was deleted or moved")
        return found

    def state(self, found: Found) -> str:
        """The state of a run: `running`, `finished` or `stopped`."""
        return _state(found.path, _locks())

    def _all(self) -> Iterator[Found]:
        """Every folder with a configuration, up to a limit on the number and depth of scanned folders."""
        waiting, seen = [(self.root, "", 0)], 0
        while waiting and seen < MOST_FOLDERS:
            folder, name, depth = waiting.pop()
            seen += 1
            with suppress(OSError):
                with os.scandir(folder) as listed:
                    inside = {each.name: each for each in listed}
                config = inside.get(CONFIG)
                if name and config is not None and config.is_file(follow_symlinks=False):
                    yield _found(folder, name, inside)
                elif depth < DEEPEST:
                    waiting += [
                        (Path(each.path), f"{name}/{each.name}" if name else each.name, depth + 1)
                        for each in inside.values()
                        if each.is_dir(follow_symlinks=False) and not each.name.startswith(".") and _is_text(each.name)
                    ]

    def _row(self, found: Found) -> dict[str, Any]:
        before = self._known.get(found.name)
        if before is None or before[0] != found.mark:
            before = found.mark, _row_of(found)
            self._known[found.name] = before
        return before[1]


def _is_text(name: str) -> bool:
    """Whether a name is valid text; file names of some systems may be arbitrary bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _found(folder: Path, name: str, inside: dict[str, os.DirEntry[str]]) -> Found:
    mark: list[Any] = []
    changed = 0.0
    for each in (CONFIG, METRICS, RESULT):
        about = inside[each].stat(follow_symlinks=False) if each in inside else None
        mark.append(None if about is None else (about.st_ino, about.st_size, about.st_mtime_ns))
        changed = max(changed, 0.0 if about is None else about.st_mtime)
    return Found(name, folder, tuple(mark), changed)


def _row_of(found: Found) -> dict[str, Any]:
    """The row of a run in the list; for one that cannot be read, the reason is under `wrong`."""
    row: dict[str, Any] = {"name": found.name, "changed": round(found.changed, 3)}
    try:
        require_plain(found.path / CONFIG)
        folder = RunFolder.open(found.path)
        result = folder.read_result() if is_plain(folder.result_path) else None
        step, latest = _last_line(folder.metrics_path)
    except InputError as error:
        return row | {"wrong": str(error)}
    config = folder.config
    score = None if result is None else result.get("return_mean")
    return row | {
        "algorithm": config["algorithm"]["name"],
        "environment": config["environment"]["id"],
        "seeds": len(config["seeds"]),
        "steps": config["steps"],
        "at": config["steps"] if result is not None and step is None else step or 0,
        "solvedAt": config["solved_at"],
        "return": score if isinstance(score, (int, float)) else latest,
        "dataset": config["dataset"] is not None,
    }


def _last_line(path: Path) -> tuple[int | None, float | None]:
    """The step of a table's last complete line, and the latest return in its last lines, without reading all of it."""
    if not is_plain(path):
        return None, None
    with path.open("rb") as file:
        names = file.readline(TAIL).decode(errors="replace").strip().split(",")
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL))
        lines = file.read(TAIL).decode(errors="replace").split("\n")[1:-1]
    step: int | None = None
    for line in reversed(lines):
        cells = dict(zip(names, line.split(","), strict=False))
        with suppress(ValueError, KeyError):
            step = int(cells["step"]) if step is None else step
            for name in ("evaluation_return", "return"):
                if cells.get(name):
                    return step, float(cells[name])
    return step, None


def is_plain(path: Path) -> bool:
    """Whether a path is a regular file, not a symbolic link."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def require_plain(path: Path) -> None:
    """Raise `InputError` unless a path is a regular file, not a symbolic link."""
    if not is_plain(path):
        raise InputError(
            translated("{path}: not a file of this run's: nothing outside of its folder is read", path=path)
        )


def _state(path: Path, locks: frozenset[int] | None) -> str:
    """The state of a run: `running` if a process holds its lock, else `finished` or `stopped`."""
    with suppress(OSError):
        if locks is not None and (path / LOCK).lstat().st_ino in locks:
            return "running"
        if is_plain(path / RESULT):
            return "finished"
        if locks is None and time.time() - (path / METRICS).lstat().st_mtime < SECONDS_FRESH:
            return "running"
    return "stopped"


def _locks() -> frozenset[int] | None:
    """The inodes of all locked files; None if the system does not list them.

    Trying to take a lock would also show whether it is held, but another process might fail to get it meanwhile.
    """
    if not sys.platform.startswith("linux"):
        return None
    try:
        lines = Path("/proc/locks").read_text().splitlines()
        return frozenset(int(each.split()[5].rpartition(":")[2]) for each in lines if " FLOCK " in each)
    except (OSError, ValueError, IndexError):
        return None
