"""Files: only what is a file and of a likely size is read, and what is written is whole or not there.

A folder may come from anybody. A pipe or a device in the place of a file would wait for ever, and a file of
gigabytes would fill the memory, so everything that Zerone reads by name is opened here.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import time
import tomllib
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from zerone.base.errors import InputError, RunError
from zerone.base.language import translatable, translated

if TYPE_CHECKING:
    from collections.abc import Generator

SMALL = 16 * 1024 * 1024
"""Bytes. Configurations and results are a thousandth of this."""
DEEPEST = 32
"""Brackets within brackets of a JSON or TOML file."""
SECONDS_UNTIL_ABANDONED = 60.0
"""After its last byte, for how long a file that is not complete is left alone though nobody holds it."""
_INCOMPLETE = re.compile(r"\.(.*)\.(?:[0-9a-f]{12}|\d+)\.tmp(\.\w+)?")
"""How files and folders are called until they are complete; by a number those of an earlier version."""
_NAME = 40
"""Characters of a file's name in that of the one that will replace it: a file system takes 255 bytes."""
_KINDS = {
    stat.S_IFDIR: translatable("a folder"),
    stat.S_IFIFO: translatable("a pipe"),
    stat.S_IFSOCK: translatable("a socket"),
    stat.S_IFCHR: translatable("a device"),
    stat.S_IFBLK: translatable("a device"),
}


@contextmanager
def opened(path: str | Path) -> Generator[BinaryIO]:
    """A file to read bytes from; never waits.

    Raises:
        InputError: there is none, it is a folder, a pipe or a device, or it cannot be read.
    """
    with open(_number_of(path), "rb") as file:
        try:
            yield file
        except OSError as error:
            raise _unreadable(path, error) from error


def _number_of(path: str | Path) -> int:
    """The descriptor of a regular file. With O_NONBLOCK a pipe opens at once, and a file does not know the word."""
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
    """The bytes of a file. Raises `InputError` as `opened`, and for more than `at_most` of them."""
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
    """Bytes in an open file."""
    return os.fstat(file.fileno()).st_size


def read_text(path: str | Path, at_most: int = SMALL) -> str:
    """A text with the line ends of Unix; a mark of the byte order (spreadsheets, Windows) is left out.

    Raises:
        InputError: as `read_bytes`, or it is not in UTF-8.
    """
    try:
        text = read_bytes(path, at_most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            translated("{path}: not a text (byte {byte} is not UTF-8)", path=path, byte=error.start + 1)
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_object(path: str | Path, at_most: int = SMALL) -> dict[str, Any]:
    """The JSON object in a file; an `InputError` where it is damaged."""
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
    """The tables of a TOML file; an `InputError` where it is none."""
    try:
        tables = tomllib.loads(read_text(path, at_most))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(translated("{path}: not TOML ({error})", path=path, error=error)) from error
    require_shallow(tables, str(path))
    return tables


def require_shallow(value: Any, name: str) -> None:
    """Raise `InputError` for brackets within brackets that no reader would reach the end of."""
    level, depth = [value], 0
    while level := [each for outer in level for each in _inside(outer)]:
        depth += 1
        if depth > DEEPEST:
            raise InputError(
                translated(
                    "{name}: damaged: more than {deepest} brackets within each other", name=name, deepest=DEEPEST
                )
            )


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value).values())
    return value if isinstance(value, list) else []


@contextmanager
def replacing(path: Path) -> Generator[BinaryIO]:
    """A binary file that takes the place of `path` only once it is complete and on the disk.

    Whatever fails or kills the process, `path` holds either its old bytes or all of the new ones.

    Raises:
        RunError: the operating system refused (disk full, no such folder); `path` is as it was.
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
    # Only the rename is at stake now: without this a power cut may bring the old file back, itself whole.
    # So a file system that cannot sync a folder (some network ones, Windows) is no failure.
    with suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def beside(path: Path, suffix: str = "") -> Generator[tuple[Path, BinaryIO]]:
    """A new file beside `path`, to be written and then renamed; at the end it is gone, unless it was.

    Its name is nobody else's: no other process has it, no thread, and no process that was killed. What such a one has
    left there for the same `path` is removed. Close the file before renaming it. Raises `OSError`.
    """
    _remove_abandoned(path)
    place = path.with_name(f".{path.name[:_NAME]}.{uuid.uuid4().hex[:12]}.tmp{suffix}")
    with place.open("xb") as file:
        with suppress(OSError):  # a file system without locks
            _hold(file)
        try:
            yield place, file
        finally:
            with suppress(OSError):  # its last bytes may find no room; it goes anyway
                file.close()
            with suppress(OSError):
                place.unlink()


def _remove_abandoned(path: Path) -> None:
    """Remove what a killed process has left beside `path`: nobody holds it, and nobody has written to it for long."""
    with suppress(OSError):
        for each in os.scandir(path.parent):
            left = _INCOMPLETE.fullmatch(each.name)
            if left is None or left[1] != path.name[:_NAME] or not each.is_file(follow_symlinks=False):
                continue
            if time.time() - each.stat().st_mtime > SECONDS_UNTIL_ABANDONED:
                remove_unless_held(Path(each.path))


def is_incomplete(name: str) -> bool:
    """Whether a file or folder of this name is not complete yet, or was left so."""
    return _INCOMPLETE.fullmatch(name) is not None


def remove_unless_held(path: Path) -> None:
    """Remove a file that is not complete, if nobody is writing it."""
    with suppress(OSError, InputError):
        if path.is_symlink():
            path.unlink()
            return
        with opened(path) as file:
            _hold(file)
            path.unlink()


def _hold(file: BinaryIO) -> None:
    """Hold an open file until it is closed or the process is gone. Raises `BlockingIOError` where another holds it."""
    try:
        import fcntl
    except ImportError:  # on Windows an open file cannot be removed anyway
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _unreadable(path: str | Path, error: Exception) -> InputError:
    return InputError(
        translated("{path}: cannot be read: {error}", path=path, error=getattr(error, "strerror", None) or error)
    )
