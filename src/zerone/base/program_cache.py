"""The folder of compiled programs: machine code, which is run as it is. So it is ours alone, and each entry its own.

JAX trusts whatever lies in its cache. A folder that others can write to would let them run code here, and an entry
under another's name (two exchanged, a backup put back by halves) is run with arguments that it does not know.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path
from typing import Any

from zerone.base.language import translated
from zerone.base.notices import Notices

_MARK = b"zerone"
_DIGEST = 32
_notices = Notices()


def safe_folder(folder: Path) -> Path | None:
    """The folder, made if it is not there, if nobody else can put programs into it; else None, and a line says why."""
    try:
        for each in (folder.parent, folder):
            if not each.exists():
                each.mkdir(mode=0o700, parents=True)
        problem = _problem(folder)
    except OSError:  # a home that cannot be written to
        return None
    if problem is None:
        return folder
    _notices(
        translated(
            "compiled programs are neither taken from {folder} nor kept there: {problem}",
            folder=folder,
            problem=problem,
        )
    )
    return None


def _problem(folder: Path) -> str | None:
    """Who else could put programs into a folder; None if nobody can. Raises `OSError`."""
    if not hasattr(os, "getuid"):  # Windows keeps a user's own folders apart
        return None
    for each in (folder, folder.parent):
        found = each.stat()
        if found.st_uid != os.getuid():
            return f"{each} belongs to somebody else"
        if found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and not _is_alone(found.st_gid)):
            return f"others can write to {each} (chmod go-w {each})"
    for each in folder.absolute().parents:
        mode = each.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            return f"others can write to {each}"
    return None


def _is_alone(group: int) -> bool:
    """Whether a group is one that the system has made for this user alone."""
    import grp
    import pwd

    try:
        name = pwd.getpwuid(os.getuid()).pw_name
        found = grp.getgrgid(group)
    except KeyError:
        return False
    return group == os.getgid() and found.gr_name == name and set(found.gr_mem) <= {name}


def bind_entries() -> None:
    """Let JAX take an entry of the cache only for the program that it was kept for.

    Its interface for caches is not public. Where a version has another one its cache is used as it is.
    """
    with contextlib.suppress(ImportError, AttributeError):
        from jax._src import compilation_cache

        made = compilation_cache.get_file_cache
        if getattr(made, "__name__", "") == "bound":
            return

        def bound(path: str) -> Any:
            found = made(path)
            return None if found is None else (Bound(found[0]), *found[1:])

        compilation_cache.get_file_cache = bound


class Bound:
    """One of JAX's caches, with a digest of its name and contents at the end of each entry."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def get(self, key: str) -> bytes | None:
        """What is kept under a key; nothing where that is not what was kept, and then it is forgotten."""
        kept: bytes | None = self._cache.get(key)
        if kept is None:
            return None
        value = kept[: -len(_MARK) - _DIGEST]
        if kept == value + _seal(key, value):
            return value
        with contextlib.suppress(OSError):
            Path(self._cache.path, f"{key}-cache").unlink()  # or it would be in the way of the right one
        return None

    def put(self, key: str, value: bytes) -> None:
        """Keep it."""
        self._cache.put(key, value + _seal(key, value))


def _seal(key: str, value: bytes) -> bytes:
    return _MARK + hashlib.sha256(key.encode() + b"\0" + value).digest()
