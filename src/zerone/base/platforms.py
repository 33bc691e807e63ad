"""Where JAX computes, and one line where the platform that it was set to use is not there."""

from __future__ import annotations

import os

import jax

from zerone.base.errors import InputError
from zerone.base.language import translated

_NAMES = {"jax_platforms": "JAX_PLATFORMS", "jax_platform_name": "JAX_PLATFORM_NAME"}
"""JAX's settings that choose a platform, and the variables by which they are mostly set."""


def default_platform() -> str:
    """JAX's default platform, such as `cpu`. Raises `InputError` if one was chosen that is not there."""
    try:
        return jax.default_backend()
    except (RuntimeError, AssertionError) as error:
        for name, variable in _NAMES.items():
            chosen = jax.config.values.get(name)
            if chosen:
                where = variable if os.environ.get(variable) else f"jax.config's {name}"
                there = _there(error)
                raise InputError(
                    translated(
                        "{where} = {chosen} is not allowed: {there}; without it JAX chooses",
                        where=where,
                        chosen=chosen,
                        there=there,
                    )
                ) from error
        raise


def _there(error: Exception) -> str:
    """Which platforms there are, in words; JAX's own words where it cannot say."""
    from jax.extend import backend

    before = {name: jax.config.values.get(name) for name in _NAMES}
    for name in _NAMES:
        jax.config.update(name, "")
    try:
        backend.clear_backends()
        found = sorted(backend.backends())
        backend.clear_backends()
    except (RuntimeError, AssertionError, AttributeError):
        return " ".join(str(error).split()) or translated("there is no such platform")
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
    return translated("JAX finds only {listed} here", listed=", ".join(found))
