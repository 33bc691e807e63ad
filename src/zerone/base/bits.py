"""Zerone computes in 32 bits, even in a process that has enabled JAX's 64-bit mode.

`JAX_ENABLE_X64=1`, or another library that sets `jax_enable_x64`, changes JAX's default types to 64 bits: in every sum,
index, random number and constant of ours, of optax and of a user's algorithm. Training would then give different
numbers, need twice the memory, and write checkpoints that do not fit those of other processes.

The functions import JAX themselves, so that importing this module stays cheap for processes that only run environments.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

_NOTHING: AbstractContextManager[Any] = nullcontext()


class _Outside(threading.local):
    wide = False
    """Whether the code that called Zerone in this thread had 64-bit mode enabled."""


outside = _Outside()


@contextmanager
def in_32_bits() -> Iterator[None]:
    """Make JAX compute in 32 bits inside the block, in this thread only.

    Enabling 64-bit mode for the whole process in the meantime does not affect the block.
    """
    before = outside.wide
    outside.wide = before or _is_wide()
    try:
        with _x64_set(False):
            yield
    finally:
        outside.wide = before


def as_outside() -> AbstractContextManager[Any]:
    """Make JAX compute with the caller's choice of 32 or 64 bits inside the block: an environment may need 64."""
    return _x64_set(True) if outside.wide else _NOTHING


def look_outside() -> None:
    """Record 64-bit mode if it was enabled inside `in_32_bits`, for example by an environment's module on import."""
    found: list[bool] = []
    fresh = threading.Thread(target=lambda: found.append(_is_wide()))  # a new thread has no override of its own
    fresh.start()
    fresh.join()
    outside.wide = outside.wide or found[0]


def _is_wide() -> bool:
    import jax

    config: Any = jax.config  # JAX creates its attributes at run time, so they have no types
    return bool(config.jax_enable_x64)


def _x64_set(on: bool) -> AbstractContextManager[Any]:
    import jax

    home: Any = jax if hasattr(jax, "enable_x64") else importlib.import_module("jax.experimental")  # before JAX 0.8
    context: AbstractContextManager[Any] = home.enable_x64(on)
    return context
