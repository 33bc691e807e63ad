"""Random actions of an environment that is checked: of those that it allows, where its info says which."""

from __future__ import annotations

import copy

import numpy as np
from gymnasium import spaces

from zerone.base.language import translated
from zerone.environments.gym.allowed import IN_INFO, Allowing, MaskError
from zerone.environments.gym.guard import Guard
from zerone.environments.gym.kinds import Info


class Chance:
    """Draws actions. One that a mask forbids may be an error of the environment, and a training need not take it.

    What a person should know about masks is added to `notes`, once.
    """

    def __init__(self, env: Guard, seed: int, notes: list[str]) -> None:
        self._space, self._notes = copy.deepcopy(env.action_space), notes  # its generator is ours alone
        self._space.seed(seed)
        self._masked: bool | None = None

    def draw(self, observation: object, info: Info, step: int) -> object:
        """An action after so many steps, of which the last one gave this observation and info."""
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
            allowed = Allowing().of(observation, info, int(self._space.n))
        except MaskError as error:
            self._masked = False
            self._notes[-1] = translated(
                "no training can keep to its action masks: after step {step} {error}", step=step, error=error
            )
            return self._space.sample()
        return self._space.sample(allowed.astype(np.int8))
