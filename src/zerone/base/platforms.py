"""The platform on which JAX computes, and a one-line error if the chosen platform is not available."""

from __future__ import annotations

import os

import jax

from zerone.base.errors import InputError
from zerone.base.language import translated

_NAMES = {"jax_platforms": "JAX_PLATFORMS", "jax_platform_name": "JAX_PLATFORM_NAME"}
"""JAX's settings that choose a platform, and the environment variables that usually set them."""


def default_platform() -> str:
    """JAX's default platform, such as `cpu`. Raises `InputError` if the user chose one that is not available."""
    try:
        return jax.default_backend()
    except (RuntimeError, AssertionError) as error:
        for name, variable in _NAMES.items():
            chosen = jax.config.values.get(name)
            if chosen:
                where = variable if os.environ.get(variable) else f"jax.config's {name}"
                there = _available_platforms(error)
                raise InputError(
                    translated(
                        "{where} = {chosen} is not allowed: {there}; without it JAX chooses",
                        where=where,
                        chosen=chosen,
                        there=there,
                    )
                ) from error
        raise


def _available_platforms(error: Exception) -> str:
    """A sentence that lists the available platforms, or JAX's own error message if they cannot be listed."""
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
