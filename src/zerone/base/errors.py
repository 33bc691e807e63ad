"""The errors that users see: each is one line that names the option, its value and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from zerone.base.language import translated

MOST_LISTED = 16
"""The largest number of names that an error lists; nobody reads a longer list."""

_IN_SHELL = ContextVar("zerone_in_shell", default=False)


class ZeroneError(Exception):
    """Base of every error that Zerone raises on purpose. The command line prints it as one line."""

    exit_code = 1


class InputError(ZeroneError, ValueError):
    """The arguments or the input are invalid (exit code 2); nothing was created or overwritten."""

    exit_code = 2


class RunError(ZeroneError, RuntimeError):
    """Something failed while running (exit code 1); the last valid checkpoint is kept."""


@contextmanager
def in_shell() -> Iterator[None]:
    """Word the advice in errors for the command line inside the block; outside it is worded for Python."""
    token = _IN_SHELL.set(True)
    try:
        yield
    finally:
        _IN_SHELL.reset(token)


def said(shell: str, python: str) -> str:
    """Choose between the advice for the command line and that for Python, whichever is in use.

    >>> said("--overwrite", "overwrite=True")
    'overwrite=True'
    """
    return shell if _IN_SHELL.get() else python


def nearest(name: str, allowed: Iterable[str], lists: str = "") -> str:
    """The end of an error about an unknown `name`: the nearest allowed name, and all allowed names if they are few.

    `lists` says where to find the allowed names if there are too many to list.

    >>> nearest("dqm", ["dqn", "ppo"])
    "did you mean 'dqn'? (allowed: dqn, ppo)"
    >>> nearest("xyz", ["dqn", "ppo"])
    'allowed: dqn, ppo'
    """
    names = sorted(allowed)
    found = closest(name, names)
    listed = translated("allowed: {names}", names=", ".join(names)) if len(names) <= MOST_LISTED else lists
    if found is None:
        return listed or translated("there is none like it among {count}", count=len(names))
    question = translated("did you mean {name!r}?", name=found)
    return translated("{question} ({listed})", question=question, listed=listed) if listed else question


def closest(name: str, allowed: Iterable[str]) -> str | None:
    """The allowed name that was probably meant; None if none is near, because a wrong guess is worse than none.

    A name is near if it differs by a few typing errors (a letter added, left out or replaced, or two neighbours
    swapped), or if it begins with `name`. Case, hyphens and underscores are ignored.

    >>> closest("Lerning_rate", ["learning-rate", "loss"]), closest("lr", ["loss", "learning-rate"])
    ('learning-rate', None)
    """
    typed = plain(name)
    found: list[tuple[float, int, str]] = []
    for each in allowed:
        other = plain(each)
        slips = _edit_distance(typed, other)
        if slips <= _allowed_typos(max(len(typed), len(other))):
            found.append((slips, len(other), each))
        elif len(typed) >= 4 and other.startswith(typed):
            found.append((1.5, len(other), each))
    return min(found)[2] if found else None


def plain(name: str) -> str:
    """A name in lower case and without separators, for comparisons."""
    return "".join(each for each in name.casefold() if each not in "-_ /().,'\"")


def _allowed_typos(length: int) -> int:
    """How many typing errors are accepted in a word of this length."""
    return 0 if length <= 2 else 1 if length <= 5 else 2 if length <= 10 else 3


def _edit_distance(one: str, other: str) -> int:
    """The Damerau-Levenshtein distance: letters to add, remove, replace or swap to turn one word into the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one):
        last, row, older = row, [i + 1], before
        for j, wanted in enumerate(other):
            cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (letter != wanted))
            if i and j and letter == other[j - 1] and one[i - 1] == wanted:
                cost = min(cost, older[j - 1] + 1)
            row.append(cost)
        before = last
    return row[-1]
