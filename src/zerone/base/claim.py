"""A folder that one process makes and fills: claimed under one lock, and removed only as far as it was made here.

Runs, sweeps, datasets and experiments all lie in such folders. Whatever two of them do at once, in threads or
processes: one has the folder, the other is refused or gets another one, and neither removes what it has not made.
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
"""How often a folder is made again that another process has removed, because it could not use it after all."""


def _anything(path: Path) -> None:
    del path


class Claim:
    """A folder that nobody else writes to, from `take` to `release` or until this process is gone.

    As the context of a block: a folder into which nothing was put goes again at the end.
    """

    def __init__(self, path: Path, lock: BaseFileLock, made: list[Path]) -> None:
        self.path = path
        self._lock, self._made = lock, made

    def __fspath__(self) -> str:
        return str(self.path)

    @classmethod
    def take(cls, path: str | Path, check: Callable[[Path], None] = _anything) -> Claim:
        """Claim the folder at `path`, which is made if it is not there, if `check` does not object.

        `check` is called twice, before anything is made and again under the lock: it raises `InputError`.

        Raises:
            InputError: `check` has objected, another process has the folder, or it cannot be written to; what was made
                here is gone again.
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
        """A folder in it, made if it is not there. Raises `OSError`."""
        place = self.path / name
        _make_folders(place, self._made)
        return place

    def incomplete(self, name: str) -> Path:
        """A place in it for what will be called `name` once it is complete; after a kill `clear` finds it."""
        return self.path / f".{name}.{uuid.uuid4().hex[:12]}.tmp"

    def clear(self) -> None:
        """Remove what a killed process has left incomplete. Raises `OSError`."""
        for each in [*self.path.iterdir(), *(self.path / CHECKPOINTS).glob(".*")]:
            if is_incomplete(each.name):
                shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else remove_unless_held(each)

    def give_up(self) -> None:
        """Remove what was made here, as far as nothing was put into it, and let others have it."""
        if not self._lock.is_locked:
            return
        with suppress(OSError):
            _remove_empty(self._made, above=self.path)
            if [each.name for each in self.path.iterdir()] == [LOCK]:
                (self.path / LOCK).unlink()
        self.release()
        _remove_empty(self._made)

    def release(self) -> None:
        """Let others have it. The operating system does so too when the process ends or is killed."""
        self._lock.release()

    def leave(self) -> None:
        """Let others have it, and leave no lock's file among what it was made for."""
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
    """The first of `places` that is free, claimed: nobody else can have chosen it as well.

    Free is, too, where a process was killed before it had anything to keep.

    Raises:
        InputError: it cannot be made.
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
    """Another process has claimed the folder, or has put something into it."""


def _require_free(path: Path) -> None:
    try:
        if _exists(path) and not is_abandoned(path):
            raise TakenError(translated("{path}: exists already", path=path))
    except OSError as error:
        raise unwritable(path, error) from error


def is_abandoned(path: Path) -> bool:
    """Whether nothing is in a folder but the lock and incomplete things of somebody who has claimed it.

    Whether that one is gone, only the lock can say. Raises `OSError`.
    """
    if not path.is_dir():
        return False
    names = {each.name for each in path.iterdir()}
    inside = [each.name for each in (path / CHECKPOINTS).glob("*")]  # of a run that never began
    return LOCK in names and all(map(is_incomplete, [*names - {LOCK, CHECKPOINTS}, *inside]))


def unwritable(path: Path, error: Exception) -> InputError:
    """The error of a folder that cannot be written to, for the reason that the operating system gives."""
    cause = error if isinstance(error, OSError) else error.__cause__
    return InputError(
        translated("{path}: cannot be written to: {error}", path=path, error=getattr(cause, "strerror", None) or error)
    )


def _made_and_locked(path: Path) -> tuple[BaseFileLock, list[Path]]:
    """The folder's lock, held, and which folders are ours: made here, or by somebody who was killed."""
    made: list[Path] = []
    try:
        for attempt in range(_ATTEMPTS):
            try:
                _make_folders(path, made)
                lock, found = _locked(path)
                break
            except FileNotFoundError:  # another process has just removed a folder above again
                if attempt == _ATTEMPTS - 1:
                    raise
    except BaseException:
        _remove_empty(made)
        raise
    if found and is_abandoned(path):
        made += [each for each in (path, path / CHECKPOINTS) if each.is_dir() and each not in made]
    return lock, made


def _make_folders(path: Path, made: list[Path]) -> None:
    """Make a folder and those above it; `made` gets the ones that were made here and not by somebody else."""
    if not _exists(path.parent):
        _make_folders(path.parent, made)
    try:
        path.mkdir()
        made.append(path)
    except FileExistsError:
        if not path.is_dir():
            raise


def _remove_empty(made: list[Path], above: Path | None = None) -> None:
    """Remove folders, the innermost first; what is not empty is not ours. With `above`: only those inside of it."""
    for each in reversed(made):
        if above is None or above in each.parents:
            with suppress(OSError):
                each.rmdir()


def _locked(path: Path) -> tuple[BaseFileLock, bool]:
    """The writer's lock on the folder at `path`, held, and whether its file was there already.

    Raises `OSError`, or `TakenError` where another has it.
    """
    from filelock import FileLock, Timeout

    place = path / LOCK
    found = _exists(place)
    if found and not stat.S_ISREG(place.lstat().st_mode):
        raise InputError(translated("{place}: not a file, so the folder cannot be locked", place=place))
    # filelock takes any refusal for a lock that is held.
    os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NONBLOCK", 0), 0o644))
    lock = FileLock(place, blocking=False, thread_local=False)  # `release` may come from another thread
    try:
        lock.acquire()
    except Timeout as error:
        raise TakenError(translated("{path}: another process is writing to it", path=path)) from error
    return lock, found


def _exists(path: Path) -> bool:
    """Whether anything is there, a link to nowhere too. Raises `OSError` where nobody can know."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
