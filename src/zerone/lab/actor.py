"""An environment that is played on the page, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from zerone.environments.drawing.scene import scene_of, shapes_of


class Actor:
    """An environment that a user or an agent plays, with the statistics of the episode."""

    def __init__(self, environment: Any, seed: int, why: Callable[..., str]) -> None:
        self.environment = environment
        self._scene, self._why = scene_of(environment), why
        self._reset, self._step = jax.jit(environment.reset), jax.jit(environment.step)
        self._stream, self._drawn = jax.random.key(seed), 0
        self.episode = 0
        self.begin()

    def begin(self) -> None:
        """Begin an episode."""
        self.observation, self.state = jax.device_get(self._reset(self._key()))
        self.action: Any = None
        self.episode, self.length, self.total, self.ended, self.reward = self.episode + 1, 0, 0.0, "", 0.0
        self.over = self.terminated = False

    def take(self, action: Any) -> None:
        """Take a step with an action."""
        kind = self.environment.action_space.dtype
        self.action = np.asarray(action, kind if kind == np.float32 else np.int32)
        found = jax.device_get(self._step(self._key(), self.state, self.action))
        self.observation, self.state, reward, terminated, truncated, info = found
        self.reward, self.length = float(reward), self.length + 1
        self.total += self.reward
        self.over, self.terminated = bool(terminated or truncated), bool(terminated)
        if self.over:
            said = self._why(self.observation, self.reward, info) if terminated else "time is up"
            self.ended = said or "ended"

    def _key(self) -> Any:
        self._drawn += 1
        return jax.random.fold_in(self._stream, self._drawn)

    def shown(self, grid: bool) -> dict[str, Any]:
        """The JSON object that the page draws; `grid` says whether observations are cells."""
        shapes = [] if self._scene is None else shapes_of(self._scene, self.environment, self.state, self.action)
        return {
            "shapes": shapes, "state": int(self.observation) if grid else None, "episode": self.episode,
            "length": self.length, "total": float(f"{self.total:.5g}"), "ended": self.ended,
        }  # fmt: skip
