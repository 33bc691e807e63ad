"""Safe reading and atomic writing of files.

Only regular files of a plausible size are read: a folder may come from anybody, reading a pipe or a device could block
for ever, and a file of gigabytes could fill the memory. Zerone opens every file that it reads by name here. A file that
is written is either complete or absent.
"""

from __future__ import annotations

import errno
import json
import math
import os
import re
import stat
import time
import tomllib
import uuid
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from zerone.base.errors import InputError, RunError
from zerone.base.language import translatable, translated

if TYPE_CHECKING:
    from collections.abc import Generator

SMALL = 16 * 1024 * 1024
"""Default limit for the size of a file in bytes. Configurations and results need about a thousandth of it."""
DEEPEST = 32
"""The deepest nesting that a JSON or TOML file may have."""
SECONDS_UNTIL_ABANDONED = 60.0
"""How long after its last change an incomplete file is kept although no process holds its lock."""
_INCOMPLETE = re.compile(r"\.(.*)\.(?:[0-9a-f]{12}|\d+)\.tmp(\.\w+)?")
"""Temporary names of incomplete files and folders. An earlier version had a decimal number instead of 12 hex digits."""
_NAME = 40
"""How many characters of the final name a temporary name includes: file systems allow 255 bytes in total."""
_KINDS = {
    stat.S_IFDIR: translatable("a folder"),
    stat.S_IFIFO: translatable("a pipe"),
    stat.S_IFSOCK: translatable("a socket"),
    stat.S_IFCHR: translatable("a device"),
    stat.S_IFBLK: translatable("a device"),
}


@contextmanager
def opened(path: str | Path) -> Generator[BinaryIO]:
    """Open a regular file for reading bytes; never blocks.

    Raises:
        InputError: the file does not exist, is a folder, a pipe, a socket or a device, or cannot be read.
    """
    with open(_open_descriptor(path), "rb") as file:
        try:
            yield file
        except OSError as error:
            raise _unreadable(path, error) from error


def _open_descriptor(path: str | Path) -> int:
    """Open a regular file and return its descriptor.

    O_NONBLOCK keeps `open` from waiting at a pipe; for regular files it has no effect.
    """
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError as error:
        raise InputError(translated("{path}: no such file", path=path)) from error
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) == errno.ENXIO:
            raise InputError(translated("{path}: not a file but a socket or a device", path=path)) from error
        raise _unreadable(path, error) from error
    kind = stat.S_IFMT(os.fstat(number).st_mode)
    if kind != stat.S_IFREG:
        os.close(number)
        raise InputError(
            translated(
                "{path}: not a file but {kind}",
                path=path,
                kind=translated(_KINDS.get(kind, translatable("something else"))),
            )
        )
    return number


def read_bytes(path: str | Path, at_most: int = SMALL) -> bytes:
    """The bytes of a file. Raises `InputError` like `opened`, and if there are more than `at_most` bytes."""
    with opened(path) as file:
        data = b"" if size_of(file) > at_most else file.read(at_most + 1)
        if max(size_of(file), len(data)) > at_most:
            raise InputError(
                translated(
                    "{path}: larger than {at_most:,} bytes, which such a file never is", path=path, at_most=at_most
                )
            )
    return data


def size_of(file: BinaryIO) -> int:
    """The size of an open file in bytes."""
    return os.fstat(file.fileno()).st_size


def read_text(path: str | Path, at_most: int = SMALL) -> str:
    """The text of a UTF-8 file, with Unix line ends and without a byte order mark (spreadsheets on Windows add one).

    Raises:
        InputError: like `read_bytes`, or the file is not valid UTF-8.
    """
    try:
        text = read_bytes(path, at_most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            translated("{path}: not a text (byte {byte} is not UTF-8)", path=path, byte=error.start + 1)
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_object(path: str | Path, at_most: int = SMALL) -> dict[str, Any]:
    """Read a JSON object from a file. Raises `InputError` if the file does not hold a valid one."""
    try:
        value = json.loads(read_bytes(path, at_most))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(translated("{path}: damaged: not JSON ({error})", path=path, error=error)) from error
    if not isinstance(value, dict):
        raise InputError(translated("{path}: damaged: not a JSON object", path=path))
    require_shallow(value, str(path))
    return cast("dict[str, Any]", value)


def read_toml(path: str | Path, at_most: int = SMALL) -> dict[str, Any]:
    """Read a TOML file. Raises `InputError` if it is not valid TOML."""
    try:
        tables = tomllib.loads(read_text(path, at_most))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(translated("{path}: not TOML ({error})", path=path, error=error)) from error
    require_shallow(tables, str(path))
    return tables


def require_shallow(value: Any, name: str) -> None:
    """Raise `InputError` if `value` is nested more than `DEEPEST` levels deep, which would overflow recursive code."""
    level, depth = [value], 0
    while level := [each for outer in level for each in _children(outer)]:
        depth += 1
        if depth > DEEPEST:
            raise InputError(
                translated(
                    "{name}: damaged: more than {deepest} brackets within each other", name=name, deepest=DEEPEST
                )
            )


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value).values())
    return value if isinstance(value, list) else []


def finite(value: Any) -> Any:
    """A copy of a JSON value in which None replaces NaN and the infinities, which JSON does not have."""
    if isinstance(value, Mapping):
        return {name: finite(each) for name, each in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [finite(each) for each in cast("list[Any]", value)]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def replacing(path: Path) -> Generator[BinaryIO]:
    """Write a binary file that replaces `path` only once it is complete and on the disk.

    If writing fails or the process is killed, `path` holds either all of its old bytes or all of the new ones.

    Raises:
        RunError: the operating system reported an error (disk full, no such folder); `path` is unchanged.
    """
    try:
        with beside(path) as (place, file):
            yield file
            file.flush()
            os.fsync(file.fileno())
            file.close()
            place.replace(path)
    except OSError as error:
        raise RunError(
            translated("{path}: cannot be written: {error}", path=path, error=error.strerror or error)
        ) from error
    # Make the rename itself durable: without this, a power cut may bring back the old file, which is complete too.
    # So it is no error if a file system cannot sync a folder (Windows, some network file systems).
    with suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def beside(path: Path, suffix: str = "") -> Generator[tuple[Path, BinaryIO]]:
    """Create a temporary file in the folder of `path`; yields its path and the open file.

    The caller writes the file, closes it and renames it. A file that was not renamed is removed at the end. Its name is
    unique among processes and threads. Temporary files that killed processes have left for the same `path` are removed.
    Raises `OSError`.
    """
    _remove_abandoned(path)
    place = path.with_name(f".{path.name[:_NAME]}.{uuid.uuid4().hex[:12]}.tmp{suffix}")
    with place.open("xb") as file:
        with suppress(OSError):  # a file system without locks
            _lock(file)
        try:
            yield place, file
        finally:
            with suppress(OSError):  # writing the last bytes may fail on a full disk; the file is removed anyway
                file.close()
            with suppress(OSError):
                place.unlink()


def _remove_abandoned(path: Path) -> None:
    """Remove temporary files for `path` that no process holds and that were not written to for a minute."""
    with suppress(OSError):
        for each in os.scandir(path.parent):
            left = _INCOMPLETE.fullmatch(each.name)
            if left is None or left[1] != path.name[:_NAME] or not each.is_file(follow_symlinks=False):
                continue
            if time.time() - each.stat().st_mtime > SECONDS_UNTIL_ABANDONED:
                remove_unless_held(Path(each.path))


def is_incomplete(name: str) -> bool:
    """Whether this is the temporary name of an incomplete file or folder."""
    return _INCOMPLETE.fullmatch(name) is not None


def remove_unless_held(path: Path) -> None:
    """Remove an incomplete file, unless a process is still writing it."""
    with suppress(OSError, InputError):
        if path.is_symlink():
            path.unlink()
            return
        with opened(path) as file:
            _lock(file)
            path.unlink()


def _lock(file: BinaryIO) -> None:
    """Lock an open file until it is closed or the process ends. Raises `BlockingIOError` if another one holds it."""
    try:
        import fcntl
    except ImportError:  # Windows: an open file cannot be removed anyway
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _unreadable(path: str | Path, error: Exception) -> InputError:
    return InputError(
        translated("{path}: cannot be read: {error}", path=path, error=getattr(error, "strerror", None) or error)
    )
