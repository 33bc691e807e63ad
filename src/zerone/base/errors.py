"""The errors a person can meet, each one line that names what, where and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ZeroneError(Exception):
    """Base of every error that Zerone raises on purpose. The command line prints it as one line."""

    exit_code = 1


class InputError(ZeroneError, ValueError):
    """What was asked for cannot be done as asked (exit code 2); nothing was created or overwritten."""

    exit_code = 2


class RunError(ZeroneError, RuntimeError):
    """Something failed while running (exit code 1); the last good checkpoint is kept."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """End of a sentence about an unknown `name`: the nearest allowed name, or all of them.

    >>> nearest("dqm", ["dqn", "ppo"])
    "did you mean 'dqn'? (allowed: dqn, ppo)"
    """
    names = sorted(allowed)
    close = difflib.get_close_matches(name.lower(), [each.lower() for each in names], n=1, cutoff=0.5)
    listed = f"allowed: {', '.join(names)}"
    if not close:
        return listed
    found = next(each for each in names if each.lower() == close[0])
    return f"did you mean {found!r}? ({listed})"
