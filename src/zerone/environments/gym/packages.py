"""Packages that bring environments of Gymnasium's kind, and which of our extras installs each."""

from __future__ import annotations

import importlib

import gymnasium
from gymnasium.envs.registration import EnvSpec

from zerone.base.errors import InputError
from zerone.base.extras import install
from zerone.base.language import translated

MINIGRID = ("MiniGrid-", "BabyAI-")
"""How ids begin that `minigrid` registers where it is imported; Gymnasium itself imports it never."""
EXTRAS = {"gymnasium.envs.box2d": "box2d", "gymnasium.envs.mujoco": "mujoco"}
"""By where the class of an environment is."""


def register(id: str) -> None:  # noqa: A002 - Gymnasium's word
    """Import what registers an id. Raises `InputError`, which says how it is installed, where it is not."""
    if not id.startswith(MINIGRID) or id in gymnasium.registry:
        return
    try:
        importlib.import_module("minigrid")
    except ImportError as error:
        raise InputError(
            translated(
                "environment {id!r} needs {name}, which is not installed: {command}",
                id=id,
                name=error.name,
                command=install("minigrid"),
            )
        ) from error


def missing(spec: EnvSpec, error: Exception) -> str | None:
    """How what an environment lacks is installed, if that is the error with which it cannot be made."""
    if not isinstance(error, (ImportError, gymnasium.error.DependencyNotInstalled)):
        return None
    place = spec.entry_point if isinstance(spec.entry_point, str) else ""
    extra = next((extra for module, extra in EXTRAS.items() if place.startswith(module)), None)
    if extra is None:
        return None
    return translated("environment {id!r} needs {name}, which is not installed: {command}", id=spec.id, name=extra,
                      command=install(extra))  # fmt: skip
