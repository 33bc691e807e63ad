"""A watch over environments that misbehave: Gymnasium's own checker passes most of what is caught here."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import FlattenObservation

from zerone.base.errors import RunError

Env = gymnasium.Env[Any, Any]
_LARGEST = float(np.finfo(np.float32).max)


def guarded(env: Env, identity: str, seed: int) -> Guard:
    """The environment under guard. What it shows is one vector of numbers where its space is put together of others.

    Observations of a `Dict`, a `Tuple` or a `MultiBinary` are laid out by Gymnasium's `FlattenObservation`: each
    `Discrete` in them one-hot, each `Box` as it is.
    """
    space = env.observation_space
    if isinstance(space, (spaces.Dict, spaces.Tuple, spaces.MultiBinary)) and space.is_np_flattenable:
        env = FlattenObservation(env)
    return Guard(env, identity, seed)


class Guard(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Stops the run at the first step that is not what Gymnasium's interface promises.

    Caught are: an exception, a wrong number of values, a reward that is `None`, NaN, infinite or no number, an
    observation of another shape, or with NaN or infinity in it, or out of the range of a `Discrete` or
    `MultiDiscrete`. What is too large for the type that it will have counts as infinite. The error names environment,
    seed (`run_seed`) and step.
    """

    def __init__(self, env: Env, identity: str, seed: int) -> None:
        super().__init__(env)
        self.run_seed = seed
        self._identity, self._steps = identity, 0
        self._space = env.observation_space
        self._shape = env.observation_space.shape
        self._number = isinstance(env.observation_space, spaces.Box)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        try:
            values = self.env.reset(seed=seed, options=options)
        except Exception as error:
            raise self._fault(f"reset raised {type(error).__name__}: {error}") from error
        if not isinstance(values, tuple) or len(values) != 2:
            raise self._fault("reset returned no (observation, info)")
        return self._checked(values[0]), values[1]

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        self._steps += 1
        try:
            values: Any = self.env.step(action)
        except Exception as error:
            raise self._fault(f"step raised {type(error).__name__}: {error}") from error
        if not isinstance(values, tuple) or len(values) != 5:
            count = len(values) if isinstance(values, tuple) else 1
            raise self._fault(f"step returned {count} values, not (observation, reward, terminated, truncated, info)")
        observation, reward, terminated, truncated, info = values
        if not _is_reward(reward):
            raise self._fault(f"the reward is {reward!r}, not a finite number")
        return self._checked(observation), reward, bool(terminated), bool(truncated), info

    def close(self) -> None:
        """Let go of it. One that cannot even end does no harm any more, and takes no result with it."""
        try:
            self.env.close()
        except Exception as error:
            gymnasium.logger.warn(f"environment {self._identity}: close raised {type(error).__name__}: {error}")

    def _checked(self, observation: Any) -> Any:
        try:
            array = np.asarray(observation)
            finite = not self._number or _finite(array, self._space.dtype)
        except (TypeError, ValueError):
            raise self._fault(f"the observation is {type(observation).__name__}, not an array of numbers") from None
        if observation is None or array.shape != self._shape:
            what = None if observation is None else f"of shape {array.shape}"
            raise self._fault(f"the observation is {what}, not of shape {self._shape}")
        if not finite:
            raise self._fault("the observation has NaN or infinity in it")
        if isinstance(self._space, spaces.Discrete) and not 0 <= int(array) - self._space.start < self._space.n:
            raise self._fault(f"the observation is {observation}, not in {self._space}")
        if isinstance(self._space, spaces.MultiDiscrete):
            counted = array - self._space.start
            if not ((counted >= 0) & (counted < self._space.nvec)).all():
                raise self._fault(f"the observation is {observation}, not in {self._space}")
        return observation

    def _fault(self, what: str) -> RunError:
        return RunError(f"environment {self._identity}, seed {self.run_seed}, step {self._steps}: {what}")


def _is_reward(reward: Any) -> bool:
    """Whether it is one number, finite also as the float32 that it will become."""
    if not isinstance(reward, (float, int)):  # the usual ones need no NumPy, which would take as long as the step
        array = np.asarray(reward)
        if array.ndim or array.dtype.kind not in "biuf":
            return False
        reward = float(array)
    return bool(-_LARGEST <= reward <= _LARGEST)


def _finite(array: np.ndarray[Any, Any], kind: Any) -> bool:
    """Whether every number is finite, also as the narrower `kind` that it will become."""
    if not np.isfinite(array).all():
        return False
    if array.dtype == kind:
        return True
    with np.errstate(over="ignore"):
        return bool(np.isfinite(array.astype(kind)).all())
