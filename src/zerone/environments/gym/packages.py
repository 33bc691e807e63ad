"""Packages with Gymnasium environments, and the extras that install them."""

from __future__ import annotations

import importlib

import gymnasium
from gymnasium.envs.registration import EnvSpec

from zerone.base.errors import InputError
from zerone.base.extras import install
from zerone.base.language import translated

MINIGRID = ("MiniGrid-", "BabyAI-")
"""Prefixes of the ids that `minigrid` registers on import; Gymnasium does not import it."""
EXTRAS = {"gymnasium.envs.box2d": "box2d", "gymnasium.envs.mujoco": "mujoco"}
"""Extras by the module of the environment's class."""


def register(id: str) -> None:  # noqa: A002 - Gymnasium's word
    """Import the package that registers an id. Raises `InputError` with the install command if it is missing."""
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
    """How to install a missing dependency of an environment; None if the error has another cause."""
    if not isinstance(error, (ImportError, gymnasium.error.DependencyNotInstalled)):
        return None
    place = spec.entry_point if isinstance(spec.entry_point, str) else ""
    extra = next((extra for module, extra in EXTRAS.items() if place.startswith(module)), None)
    if extra is None:
        return None
    return translated("environment {id!r} needs {name}, which is not installed: {command}", id=spec.id, name=extra,
                      command=install(extra))  # fmt: skip
