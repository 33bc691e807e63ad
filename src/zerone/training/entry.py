"""A decorator for all public functions: 32-bit computation, the caller's working directory, and the step timeout."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from zerone.base.bits import in_32_bits
from zerone.base.errors import ZeroneError
from zerone.base.place import fixed_working_folder, in_short
from zerone.environments.gym.step_timeout import limited
from zerone.training.interrupt import last_resort

P = ParamSpec("P")
R = TypeVar("R")


def entry(function: Callable[P, R]) -> Callable[P, R]:
    """A version of the function that computes in 32 bits and resolves paths from the caller's working directory.

    If it has a keyword `step_timeout`, that limits every environment step within the call.
    """

    @functools.wraps(function)
    def entered(*arguments: P.args, **named: P.kwargs) -> R:
        seconds: Any = named.get("step_timeout")
        with fixed_working_folder(), in_32_bits(), limited(seconds, last_resort()):
            try:
                return function(*arguments, **named)
            except ZeroneError as error:
                error.args = (in_short(str(error)),)
                raise

    return entered
