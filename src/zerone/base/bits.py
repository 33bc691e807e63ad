"""Whatever a process has switched on, what is computed here has 32 bits: the same numbers, and checkpoints that fit.

`JAX_ENABLE_X64=1`, or another library that sets `jax_enable_x64`, makes JAX's numbers 64 bits wide wherever nothing
else is said: in every sum, index, draw and constant, ours, optax's and those of an algorithm from elsewhere. A training
would then be another one, and twice as large.

JAX is imported where it is needed, not before: guards of environments need this module, too.
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
    """Whether the caller of this thread has switched 64 bits on."""


outside = _Outside()


@contextmanager
def in_32_bits() -> Iterator[None]:
    """Where JAX computes in 32 bits; in this thread alone, and whatever switches 64 on meanwhile changes nothing."""
    before = outside.wide
    outside.wide = before or _is_wide()
    try:
        with _switched(False):
            yield
    finally:
        outside.wide = before


def as_outside() -> AbstractContextManager[Any]:
    """Where JAX computes as the caller has chosen: an environment may need its 64 bits."""
    return _switched(True) if outside.wide else _NOTHING


def look_outside() -> None:
    """Notice what has been switched on since: by the module of an environment that was imported in here."""
    found: list[bool] = []
    fresh = threading.Thread(target=lambda: found.append(_is_wide()))  # a thread in which nobody has chosen
    fresh.start()
    fresh.join()
    outside.wide = outside.wide or found[0]


def _is_wide() -> bool:
    import jax

    config: Any = jax.config  # its attributes are made when JAX is imported, so no type knows them
    return bool(config.jax_enable_x64)


def _switched(on: bool) -> AbstractContextManager[Any]:
    import jax

    home: Any = jax if hasattr(jax, "enable_x64") else importlib.import_module("jax.experimental")  # before JAX 0.8
    context: AbstractContextManager[Any] = home.enable_x64(on)
    return context
