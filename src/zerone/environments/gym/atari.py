"""Atari games, `ALE/Pong-v5` and others, with the usual preprocessing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium
from gymnasium.envs.registration import EnvSpec

from zerone.base.errors import InputError
from zerone.base.extras import install
from zerone.base.language import translated
from zerone.environments.gym.kinds import Env

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACE = "ALE/"
FRAMES = 4
"""Frames per action, and images per observation."""
DECIDED = {"frameskip": FRAMES, "obs_type": "rgb"}
"""Options of the games that the preprocessing sets."""


def register(id: str) -> None:  # noqa: A002 - Gymnasium's word
    """Register the games with Gymnasium.

    Raises:
        InputError: the package ale-py is not installed.
    """
    try:
        import ale_py
        import cv2  # noqa: F401 - what the preprocessing needs, said before anything is made
    except ImportError as error:
        raise InputError(
            translated(
                "environment {id!r} needs {package}, which is not installed: {command}",
                id=id,
                package=error.name,
                command=install("atari"),
            )
        ) from error
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)  # otherwise every new game prints a greeting
    gymnasium.register_envs(ale_py)


def make(spec: EnvSpec, options: Mapping[str, Any]) -> Env:
    """A preprocessed game: uint8 [4, 84, 84], the last four grey images, each taken every fourth frame.

    As in Machado et al. 2018 ("Revisiting the Arcade Learning Environment"), with two of Gymnasium's wrappers: up to 30
    no-op actions at the start, each image the maximum of the last two frames, and losing a life does not end an
    episode.
    """
    for name, value in DECIDED.items():
        if name in options:
            raise InputError(
                translated(
                    "{name} = {given!r} is not allowed: must be left to the preprocessing, where it is {value!r}",
                    name=name,
                    given=options[name],
                    value=value,
                )
            )
    game = gymnasium.make(spec, **options, frameskip=1)
    return gymnasium.wrappers.FrameStackObservation(
        gymnasium.wrappers.AtariPreprocessing(game, frame_skip=FRAMES), FRAMES
    )
