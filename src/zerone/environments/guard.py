"""A watch over environments that misbehave: Gymnasium's own checker passes most of what is caught here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import FlattenObservation

from zerone.base.errors import RunError, ZeroneError
from zerone.environments.exchange import flag_of, raised, reward_of, shown, taker

Env = gymnasium.Env[Any, Any]


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

    Caught are: an exception or `sys.exit`, a wrong number of values, a reward that is not a finite number, an end
    that is not one boolean, an observation of another shape, or with NaN or infinity in it, or out of the range of a
    `Discrete` or `MultiDiscrete`. What is too large for the type that it will have counts as infinite. The error names
    environment, seed (`run_seed`) and step.

    The environment gets each action as its own space's `sample` would give it (`exchange.taker`).
    """

    def __init__(self, env: Env, identity: str, seed: int) -> None:
        super().__init__(env)
        self.run_seed = seed
        self._identity, self._steps = identity, 0
        self._space = env.observation_space
        self._shape = env.observation_space.shape
        self._number = isinstance(env.observation_space, spaces.Box)
        self._take = taker(env.action_space)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        values = self._called("reset", self.env.reset, seed=seed, options=options)
        if not isinstance(values, tuple) or len(values) != 2:
            raise self._fault("reset returned no (observation, info)")
        observation, info = values
        self._require_info("reset", info)
        return self._checked(observation), info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._steps += 1
        try:
            action = self._take(action)
        except ValueError as error:
            raise self._fault(f"the action is {error}") from error
        values = self._called("step", self.env.step, action)
        if not isinstance(values, tuple) or len(values) != 5:
            count = len(values) if isinstance(values, tuple) else 1
            raise self._fault(f"step returned {count} values, not (observation, reward, terminated, truncated, info)")
        observation, reward, terminated, truncated, info = values
        number = reward_of(reward)
        if number is None:
            raise self._fault(f"the reward is {shown(reward)}, not a finite number")
        if type(terminated) is not bool:
            terminated = self._flag("terminated", terminated)
        if type(truncated) is not bool:
            truncated = self._flag("truncated", truncated)
        self._require_info("step", info)
        return self._checked(observation), number, terminated, truncated, info

    def render(self) -> Any:
        try:
            return self.env.render()
        except (KeyboardInterrupt, ZeroneError, gymnasium.error.DependencyNotInstalled):
            raise  # a line already, or one that `show` makes of it
        except BaseException as error:
            raise self._fault(f"render {raised(error)}") from error

    def close(self) -> None:
        """Let go of it. One that cannot even end does no harm any more, and takes no result with it."""
        try:
            self.env.close()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            gymnasium.logger.warn(f"environment {self._identity}: close {raised(error)}")

    def _called(self, name: str, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """What the environment's own code returns; whatever that raises, `sys.exit` too, ends in one line."""
        try:
            return function(*arguments, **named)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise self._fault(f"{name} {raised(error)}") from error

    def _flag(self, name: str, value: Any) -> bool:
        found = flag_of(value)
        if found is None:
            raise self._fault(f"{name} is {shown(value)}, not one boolean")
        return found

    def _require_info(self, name: str, info: Any) -> None:
        if type(info) is not dict and not isinstance(info, Mapping):
            raise self._fault(f"{name} returned {shown(info)} as its info, not a dictionary")

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


def _finite(array: np.ndarray[Any, Any], kind: Any) -> bool:
    """Whether every number is finite, also as the narrower `kind` that it will become."""
    if not np.isfinite(array).all():
        return False
    if array.dtype == kind:
        return True
    with np.errstate(over="ignore"):
        return bool(np.isfinite(array.astype(kind)).all())
