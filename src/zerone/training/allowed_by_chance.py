"""Random actions for checking an environment, drawn only from those that its info allows."""

from __future__ import annotations

import copy

import numpy as np
from gymnasium import spaces

from zerone.base.language import translated
from zerone.environments.gym.allowed import IN_INFO, MaskError, MaskSource
from zerone.environments.gym.guard import Guard
from zerone.environments.gym.kinds import Info


class Chance:
    """Samples random actions, respecting the mask in the info: a forbidden action may be an error in the environment.

    What the user should know about the masks is added to `notes`, once.
    """

    def __init__(self, env: Guard, seed: int, notes: list[str]) -> None:
        self._space, self._notes = copy.deepcopy(env.action_space), notes  # a copy: its generator must not be shared
        self._space.seed(seed)
        self._masked: bool | None = None

    def draw(self, observation: object, info: Info, step: int) -> object:
        """Sample an action; `observation` and `info` are those returned by step number `step`."""
        if self._masked is None and IN_INFO in info and isinstance(self._space, spaces.Discrete):
            self._masked = True
            self._notes.append(
                translated(
                    "its info says which actions are allowed, and only those are taken here; a training does the "
                    "same with --action-mask environment"
                )
            )
        if not self._masked or not isinstance(self._space, spaces.Discrete):
            return self._space.sample()
        try:
            allowed = MaskSource().of(observation, info, int(self._space.n))
        except MaskError as error:
            self._masked = False
            self._notes[-1] = translated(
                "no training can keep to its action masks: after step {step} {error}", step=step, error=error
            )
            return self._space.sample()
        return self._space.sample(allowed.astype(np.int8))
