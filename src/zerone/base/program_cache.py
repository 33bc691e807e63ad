"""The cache of compiled programs on disk, and its protection: programs are machine code that JAX runs unchecked.

If other users could write to the cache's folder, they could run code as this user. And an entry stored under the wrong
name (two files swapped, a half-restored backup) would be run with arguments for which it was not compiled. So the
folder must belong to the user alone, and a digest binds each entry to its name.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
import time
from pathlib import Path
from typing import Any

from zerone.base.language import translated
from zerone.base.notices import Notices
from zerone.base.place import absolute

PRUNE_EVERY = 200
"""A process looks at the size of the folder at its first program, and then once per so many."""
_MARK = b"zerone"
_DIGEST = 32
_SUFFIX, _UNFINISHED = "-cache", ".unfinished"
_FORMER = "-atime"
"""The time of an entry's last use, in a file of its own, as JAX's cache kept it in this folder before."""
_UNFINISHED_SECONDS = 3_600
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


def use_program_cache(most: int) -> bool:
    """Let JAX keep its programs in a `ProgramCache` of at most about `most` bytes; returns whether it does.

    JAX's interface for caches is not public. A version of JAX with another interface uses its own cache.
    """
    with contextlib.suppress(ImportError, AttributeError):
        from jax._src import compilation_cache

        private: Any = compilation_cache
        if callable(private.get_file_cache):
            private.get_file_cache = lambda path: (ProgramCache(Path(path), most), path)
            return True
    return False


class ProgramCache:
    """A folder with a file for each compiled program; it has the methods of JAX's caches.

    A digest of key and contents ends each file, and is checked when it is read. JAX's own cache with a limit lists the
    whole folder, under a lock, for each program that it stores: 0.2 seconds each where 6,000 are kept. This one lists
    it once per `PRUNE_EVERY` programs and needs no lock, because files are replaced as a whole.
    """

    def __init__(self, path: Path, most: int) -> None:
        self._path = self.path = path
        self._most = most
        self._stored = 0

    def get(self, key: str) -> bytes | None:
        """The program stored under a key; None if there is none. A file with a wrong digest is removed."""
        place = self.path / f"{key}{_SUFFIX}"
        try:
            kept = place.read_bytes()
        except FileNotFoundError:
            return None
        value = kept[: -len(_MARK) - _DIGEST]
        with contextlib.suppress(OSError):  # another process may have removed it meanwhile
            if kept == value + _checksum_of(key, value):
                os.utime(place)  # the files that were used least recently are removed first
                return value
            place.unlink()
        return None

    def put(self, key: str, value: bytes) -> None:
        """Store a program with its digest."""
        descriptor, name = tempfile.mkstemp(dir=self.path, suffix=_UNFINISHED)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(value + _checksum_of(key, value))
            Path(name).replace(self.path / f"{key}{_SUFFIX}")
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        if self._stored % PRUNE_EVERY == 0:
            self._prune()
        self._stored += 1

    def _prune(self) -> None:
        """Remove what was used least recently if the folder is too large, and what ended processes have left."""
        found = []
        for each in os.scandir(self.path):
            with contextlib.suppress(OSError):  # another process may have removed it meanwhile
                about = each.stat(follow_symlinks=False)
                old = time.time() - about.st_mtime > _UNFINISHED_SECONDS
                if each.name.endswith(_SUFFIX):
                    found.append((about.st_mtime_ns, about.st_size, each.path))
                elif each.name.endswith(_FORMER) or (each.name.endswith(_UNFINISHED) and old):
                    Path(each.path).unlink()
        total = sum(size for _, size, _ in found)
        goal = self._most if total <= self._most else 0.9 * self._most  # some room, not to prune for each program
        for _, size, path in sorted(found):
            if total <= goal:
                return
            Path(path).unlink(missing_ok=True)
            total -= size


def _checksum_of(key: str, value: bytes) -> bytes:
    return _MARK + hashlib.sha256(key.encode() + b"\0" + value).digest()
