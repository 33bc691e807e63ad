"""Exclusive ownership of an output folder: one process creates, locks and fills it.

Runs, sweeps, datasets and experiments are all written to such folders. If two threads or processes want the same folder
at once, one gets it and the other gets an error or a different folder. Neither removes anything that it did not create.
"""

from __future__ import annotations

import os
import shutil
import stat
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from zerone.base.errors import InputError
from zerone.base.files import is_incomplete, remove_unless_held
from zerone.base.language import translated
from zerone.base.place import absolute

if TYPE_CHECKING:
    from types import TracebackType

    from filelock import BaseFileLock

LOCK = ".lock"
CHECKPOINTS = "checkpoints"
_ATTEMPTS = 5
"""How often to retry creating a folder when another process removes one of its parents in the meantime."""


def _no_check(path: Path) -> None:
    del path


class Claim:
    """A folder that no other process writes to, from `take` until `release` or the end of this process.

    As a context manager it calls `give_up` at the end of the block, which removes the folder if it is still empty.
    """

    def __init__(self, path: Path, lock: BaseFileLock, made: list[Path]) -> None:
        self.path = path
        self._lock, self._made = lock, made

    def __fspath__(self) -> str:
        return str(self.path)

    @classmethod
    def take(cls, path: str | Path, check: Callable[[Path], None] = _no_check) -> Claim:
        """Claim the folder at `path`, creating it if needed.

        Args:
            path: The folder; relative paths are resolved by `absolute`.
            check: Called with the absolute path, and raises `InputError` if the folder must not be used. It runs twice:
                before anything is created, and again while the lock is held.

        Raises:
            InputError: `check` raised it, another process holds the folder, or the folder cannot be written to.
                Everything created by this call has been removed again.
        """
        path = absolute(path)
        check(path)
        claim = None
        try:
            claim = cls(path, *_made_and_locked(path))
            check(path)
            claim.clear()
        except BaseException as error:
            if claim is not None:
                claim.give_up()
            if isinstance(error, OSError):
                raise unwritable(path, error) from error
            raise
        return claim

    def make(self, name: str) -> Path:
        """Create the subfolder `name` if needed, and return its path. Raises `OSError`."""
        place = self.path / name
        _make_folders(place, self._made)
        return place

    def incomplete(self, name: str) -> Path:
        """A temporary path inside the folder for what will be renamed to `name` once complete.

        If the process is killed before the rename, a later `clear` removes it.
        """
        return self.path / f".{name}.{uuid.uuid4().hex[:12]}.tmp"

    def clear(self) -> None:
        """Remove incomplete files and folders left behind by a killed process. Raises `OSError`."""
        for each in [*self.path.iterdir(), *(self.path / CHECKPOINTS).glob(".*")]:
            if is_incomplete(each.name):
                shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else remove_unless_held(each)

    def give_up(self) -> None:
        """Remove the folders created by this claim that are still empty, then release the lock."""
        if not self._lock.is_locked:
            return
        with suppress(OSError):
            _remove_empty(self._made, above=self.path)
            if [each.name for each in self.path.iterdir()] == [LOCK]:
                (self.path / LOCK).unlink()
        self.release()
        _remove_empty(self._made)

    def release(self) -> None:
        """Release the lock. The operating system also does this when the process ends or is killed."""
        self._lock.release()

    def leave(self) -> None:
        """Release the lock and delete the lock file, so that only the results remain in the folder."""
        with suppress(OSError):
            (self.path / LOCK).unlink()
        self.release()

    def __enter__(self) -> Claim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give_up()


@contextmanager
def first_free(places: Iterable[Path]) -> Iterator[Claim]:
    """Claim the first free folder of `places`; a concurrent process cannot claim the same one.

    A folder counts as free if it does not exist, or if the process that created it was killed before it wrote results.

    Raises:
        InputError: a folder cannot be created, or no folder is free.
    """
    with _first_free(places) as claim:
        yield claim


def _first_free(places: Iterable[Path]) -> Claim:
    for place in places:
        path = absolute(place)
        try:
            if is_abandoned(path) or not _exists(path):
                return Claim.take(path, _require_free)
        except TakenError:
            continue
        except OSError as error:
            raise unwritable(path, error) from error
    raise InputError(translated("no folder is free"))


class TakenError(InputError):
    """Another process has claimed the folder, or the folder already has contents."""


def _require_free(path: Path) -> None:
    try:
        if _exists(path) and not is_abandoned(path):
            raise TakenError(translated("{path}: exists already", path=path))
    except OSError as error:
        raise unwritable(path, error) from error


def is_abandoned(path: Path) -> bool:
    """Whether a folder contains only a lock file and incomplete files of the process that claimed it.

    That process may still be running: only taking the lock can tell. Raises `OSError`.
    """
    if not path.is_dir():
        return False
    names = {each.name for each in path.iterdir()}
    inside = [each.name for each in (path / CHECKPOINTS).glob("*")]  # a run before its first checkpoint
    return LOCK in names and all(map(is_incomplete, [*names - {LOCK, CHECKPOINTS}, *inside]))


def unwritable(path: Path, error: Exception) -> InputError:
    """The error for a folder that cannot be written to, with the operating system's reason."""
    cause = error if isinstance(error, OSError) else error.__cause__
    return InputError(
        translated("{path}: cannot be written to: {error}", path=path, error=getattr(cause, "strerror", None) or error)
    )


def _made_and_locked(path: Path) -> tuple[BaseFileLock, list[Path]]:
    """Create and lock the folder; return the held lock and the folders that this claim may remove.

    These are the folders created here, and those of an abandoned claim by a killed process.
    """
    made: list[Path] = []
    try:
        for attempt in range(_ATTEMPTS):
            try:
                _make_folders(path, made)
                lock, found = _locked(path)
                break
            except FileNotFoundError:  # another process has just removed a parent folder that it had created
                if attempt == _ATTEMPTS - 1:
                    raise
    except BaseException:
        _remove_empty(made)
        raise
    if found and is_abandoned(path):
        made += [each for each in (path, path / CHECKPOINTS) if each.is_dir() and each not in made]
    return lock, made


def _make_folders(path: Path, made: list[Path]) -> None:
    """Create a folder and its parents, and append those that this call created to `made`."""
    if not _exists(path.parent):
        _make_folders(path.parent, made)
    try:
        path.mkdir()
        made.append(path)
    except FileExistsError:
        if not path.is_dir():
            raise


def _remove_empty(made: list[Path], above: Path | None = None) -> None:
    """Remove the empty folders of `made`, innermost first. With `above`, only those inside of that folder."""
    for each in reversed(made):
        if above is None or above in each.parents:
            with suppress(OSError):
                each.rmdir()


def _locked(path: Path) -> tuple[BaseFileLock, bool]:
    """Take the lock of the folder at `path`; return it, and whether the lock file existed before.

    Raises:
        OSError: the lock file cannot be created.
        TakenError: another process holds the lock.
        InputError: the lock's path is not a regular file.
    """
    from filelock import FileLock, Timeout

    place = path / LOCK
    found = _exists(place)
    if found and not stat.S_ISREG(place.lstat().st_mode):
        raise InputError(translated("{place}: not a file, so the folder cannot be locked", place=place))
    # Open the file once before: filelock would report a permission error as a lock held by another process.
    os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NONBLOCK", 0), 0o644))
    lock = FileLock(place, blocking=False, thread_local=False)  # `release` may come from another thread
    try:
        lock.acquire()
    except Timeout as error:
        raise TakenError(translated("{path}: another process is writing to it", path=path)) from error
    return lock, found


def _exists(path: Path) -> bool:
    """Whether a path exists, counting broken symbolic links. Raises `OSError` if that cannot be determined."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
