"""Protection of the cache of compiled programs, which are machine code that JAX runs without any check.

If other users could write to the cache's folder, they could run code as this user. And an entry stored under the wrong
name (two files swapped, a half-restored backup) would be run with arguments for which it was not compiled. So the
folder must belong to the user alone, and a digest binds each entry to its name.
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
from zerone.base.place import absolute

_MARK = b"zerone"
_DIGEST = 32
_notices = Notices()


def cache_folder() -> Path:
    """`$ZERONE_CACHE` if it is set, else `zerone` in the user's cache folder (`$XDG_CACHE_HOME` or `~/.cache`)."""
    chosen = os.environ.get("ZERONE_CACHE")
    if chosen:
        return absolute(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zerone"


def safe_folder(folder: Path) -> Path | None:
    """Create the cache's folder if needed and return it; None, with a warning, if other users can write to it.

    Also None, without a warning, if the folder cannot be created.
    """
    try:
        for each in (folder.parent, folder):
            if not each.exists():
                each.mkdir(mode=0o700, parents=True)
        problem = _problem(folder)
    except OSError:  # the home folder is not writable
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
    """The reason why other users could put programs into a folder; None if they cannot. Raises `OSError`."""
    if not hasattr(os, "getuid"):  # on Windows, other users cannot write to a user's profile folder
        return None
    for each in (folder, folder.parent):
        found = each.stat()
        if found.st_uid != os.getuid():
            return f"{each} belongs to somebody else"
        if found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and not _is_private_group(found.st_gid)):
            return f"others can write to {each} (chmod go-w {each})"
    for each in folder.absolute().parents:
        mode = each.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            return f"others can write to {each}"
    return None


def _is_private_group(group: int) -> bool:
    """Whether a group is this user's private group, with no other member."""
    import grp
    import pwd

    try:
        name = pwd.getpwuid(os.getuid()).pw_name
        found = grp.getgrgid(group)
    except KeyError:
        return False
    return group == os.getgid() and found.gr_name == name and set(found.gr_mem) <= {name}


def bind_entries() -> None:
    """Wrap JAX's file cache in `Bound`, so that an entry is only used for the program that it was stored for.

    JAX's interface for caches is not public. If a version of JAX has another interface, its cache is used unwrapped.
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
    """A wrapper of a JAX cache that appends a digest of key and contents to each entry, and checks it on reading."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def get(self, key: str) -> bytes | None:
        """The program stored under a key; None if there is none. An entry with a wrong digest is removed."""
        kept: bytes | None = self._cache.get(key)
        if kept is None:
            return None
        value = kept[: -len(_MARK) - _DIGEST]
        if kept == value + _checksum_of(key, value):
            return value
        with contextlib.suppress(OSError):
            Path(self._cache.path, f"{key}-cache").unlink()  # `put` would not overwrite it
        return None

    def put(self, key: str, value: bytes) -> None:
        """Store a program with its digest."""
        self._cache.put(key, value + _checksum_of(key, value))


def _checksum_of(key: str, value: bytes) -> bytes:
    return _MARK + hashlib.sha256(key.encode() + b"\0" + value).digest()
