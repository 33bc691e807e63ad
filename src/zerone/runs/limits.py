"""The step timeout of what a person asks for: one keyword, the same everywhere."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from zerone.environments.step_timeout import limited
from zerone.runs.interrupt import last_resort

P = ParamSpec("P")
R = TypeVar("R")


def with_step_timeout(function: Callable[P, R]) -> Callable[P, R]:
    """The same function, all of it within the limit that its keyword `step_timeout` sets, if it sets one."""

    @functools.wraps(function)
    def within(*arguments: P.args, **named: P.kwargs) -> R:
        seconds: Any = named.get("step_timeout")
        with limited(seconds, last_resort()):
            return function(*arguments, **named)

    return within
