"""A foreign vector environment for training: checks what it returns, and encodes its observations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space, iterate

from zerone.base.bits import as_outside
from zerone.base.errors import RunError, ZeroneError
from zerone.base.language import translated
from zerone.environments.gym.allowed import AT_THE_END, IN_INFO, NOW, MaskError, MaskSource
from zerone.environments.gym.conversion import LARGEST_REWARD, array_of, raised, shown
from zerone.environments.gym.encoding import Encoding
from zerone.environments.gym.kinds import Info, Played, Seeds, Vector
from zerone.environments.gym.leaves import ObservationError
from zerone.environments.gym.step_timeout import LateError, current
from zerone.environments.gym.vectors import Vectors, mode_of, reset
from zerone.environments.gym.views import AUTO

T = TypeVar("T")


class CheckedVector(Vector):
    """A foreign vector whose observations are encoded, and whose rewards and flags are checked.

    It is the counterpart of `Guard` for a whole vector: errors name environment, seed and vector step.
    """

    def __init__(
        self, vector: Vector, identity: str, run_seed: int, view: str = AUTO, mask_source: MaskSource | None = None
    ) -> None:
        self._vector, self._identity, self._seed, self._steps = vector, identity, run_seed, 0
        self._mode = mode_of(vector, identity)
        self.metadata = {"autoreset_mode": self._mode}
        self.num_envs = vector.num_envs
        self.encoding = Encoding(vector.single_observation_space, view)
        self.single_observation_space, self.single_action_space = self.encoding.space, vector.single_action_space
        self.observation_space = batch_space(self.encoding.space, self.num_envs)
        self.action_space = vector.action_space
        self._mask_source = mask_source
        self._actions = 0 if mask_source is None else mask_source.actions_of(self.single_action_space, identity)
        self._every = np.ones(self.num_envs, bool)
        self._seen: np.ndarray | None = None
        """The latest observations, encoded."""
        self._allowed = np.ones((self.num_envs, self._actions), bool)

    def reset(self, *, seed: Seeds = None, options: Info | None = None) -> tuple[Any, Info]:
        seeds = seed if isinstance(seed, list) else [seed] * self.num_envs
        begun = self._every if options is None else options["reset_mask"]  # the vector removes it from its options
        values = self._called("reset", reset, self._vector, seeds, options)
        if not isinstance(values, tuple) or len(values) != 2:
            raise self._fault(translated("reset must return two values, (observations, infos)"))
        observation, info = values
        before, encoded = self._seen, self._encoded(observation)
        if before is not None and not np.array_equal(before[~begun], encoded[~begun]):
            raise self._fault(
                translated(
                    "reset changed the observations of environments that reset_mask leaves out: their episodes go on"
                )
            )
        return encoded, self._masks(observation, info, begun, ~self._every, ~self._every)

    def step(self, actions: object) -> Played:
        self._steps += 1
        values = self._called("step", self._vector.step, np.asarray(actions, self.action_space.dtype))
        if not isinstance(values, tuple) or len(values) != 5:
            raise self._fault(
                translated("step must return five values, (observations, rewards, terminations, truncations, infos)")
            )
        observation, reward, terminated, truncated, info = values
        reward = self._numbers("reward", reward, "biuf").astype(np.float64)
        with np.errstate(invalid="ignore"):
            if not (np.abs(reward) <= LARGEST_REWARD).all():
                raise self._fault(translated("the rewards are {reward}, not finite numbers", reward=shown(reward)))
        terminated = self._numbers("terminated", terminated, "b")
        truncated = self._numbers("truncated", truncated, "b")
        over = terminated | truncated
        found: Info = {}
        if over.any() and self._mode == AutoresetMode.SAME_STEP:
            found["final_obs"] = self._final(info, over)
            if self._mask_source is not None:
                found[AT_THE_END] = self._masks_at_the_end(info, terminated, truncated)
            over[:] = False  # the observation belongs to the next episode
        encoded = self._encoded(observation)
        return encoded, reward, terminated, truncated, found | self._masks(observation, info, self._every,
                                                                           terminated & over, over)  # fmt: skip

    def _masks(
        self, observation: object, info: object, where: np.ndarray, terminated: np.ndarray,
        over: np.ndarray,
    ) -> Info:  # fmt: skip
        """The masks for an info; only those `where` an environment was stepped or reset are read again."""
        if self._mask_source is None:
            return {}
        each = list(iterate(self._vector.observation_space, observation))
        for i in np.flatnonzero(where):
            self._allowed[i] = self._mask(each[i], info, int(i), bool(terminated[i]), bool(over[i]))
        return {NOW: self._allowed.copy()}

    def _masks_at_the_end(self, info: Info, terminated: np.ndarray, truncated: np.ndarray) -> np.ndarray:
        """The masks of the last observations of episodes that ended within this step."""
        found = np.ones_like(self._allowed)
        for i in np.flatnonzero(truncated & ~terminated):
            found[i] = self._mask(info["final_obs"][i], info.get("final_info"), int(i), False, True)
        return found

    def _mask(self, observation: object, info: Any, i: int, terminated: bool, over: bool) -> np.ndarray:
        """The mask of one environment."""
        assert self._mask_source is not None  # noqa: S101 - only then
        try:
            there = isinstance(info, Mapping) and IN_INFO in info and bool(info.get(f"_{IN_INFO}", self._every)[i])
            one = {IN_INFO: info[IN_INFO][i]} if there else {}
        except Exception:  # not one for each environment
            one = {}
        try:
            with as_outside():
                return self._mask_source.of(observation, one, self._actions, terminated=terminated, over=over)
        except KeyboardInterrupt:
            raise
        except MaskError as error:
            raise self._fault(translated("of environment {i} of the vector, {error}", i=i, error=error)) from None
        except BaseException as error:
            raise self._fault(
                translated("the action mask of environment {i} of the vector {error}", i=i, error=raised(error))
            ) from error

    def close_extras(self, **kwargs: object) -> None:
        """Close the vector, within the step timeout if there is one; an error is only a warning, as in `Guard`."""
        del kwargs
        try:
            self._called("close", self._vector.close)
        except RunError as error:
            gymnasium.logger.warn(str(error))

    def _final(self, info: object, over: np.ndarray) -> list[Any]:
        """The last observations of episodes that ended within this step."""
        there = info.get("final_obs") if isinstance(info, dict) else None
        found: list[Any] = [None] * self.num_envs
        for i in np.flatnonzero(over):
            try:
                last = None if there is None else there[i]
            except Exception:  # not one for each environment
                last = None
            if last is None:
                raise self._fault(
                    translated("environment {i} of the vector has ended, and infos has no final_obs of it", i=i)
                )
            try:
                found[i] = self.encoding(last)
            except ObservationError as error:
                raise self._fault(str(error)) from None
        return found

    def _encoded(self, observation: object) -> np.ndarray:
        try:
            found = self.encoding.read(observation, batch=True)
            for count in map(len, found):
                if count != self.num_envs:
                    raise self._fault(
                        translated("observations of {count} environments, not of {num_envs}", count=count,
                                   num_envs=self.num_envs)
                    )  # fmt: skip
            self._seen = np.array(self.encoding.join(found, batch=True))
            return self._seen
        except ObservationError as error:
            raise self._fault(str(error)) from None

    def _numbers(self, name: str, value: object, kinds: str) -> np.ndarray:
        try:
            found = array_of(value)
        except Exception:  # rows of different lengths, masked entries, or a foreign type
            found = np.empty(0)
        if found.shape != (self.num_envs,) or found.dtype.kind not in kinds:
            what = translated("booleans") if kinds == "b" else translated("numbers")
            raise self._fault(
                translated(
                    "{name} is {value}, not {num_envs} {what}",
                    name=name,
                    value=shown(value),
                    num_envs=self.num_envs,
                    what=what,
                )
            )
        return np.array(found)

    def _called(self, name: str, function: Callable[..., T], *arguments: object) -> T:
        limit = current()
        try:
            with as_outside():
                if limit is None:
                    return function(*arguments)
                return limit.call(lambda what: self._fault(f"{name} {what}"), function, *arguments)
        except (ZeroneError, KeyboardInterrupt):
            raise
        except LateError as error:
            raise self._fault(f"{name} {error}") from None
        except BaseException as error:
            raise self._fault(f"{name} {raised(error)}") from error

    def _fault(self, what: str) -> RunError:
        return RunError(
            translated(
                "environment {identity}, seed {seed}, vector step {steps}: {what}",
                identity=self._identity,
                seed=self._seed,
                steps=self._steps,
                what=what,
            )
        )


def training_vector(
    vectors: Vectors, identity: str, view: str, number: int, seed: int, mask_source: MaskSource | None = None
) -> CheckedVector:
    """A foreign vector of `number` environments, for training."""
    return CheckedVector(vectors.vector(number), identity, seed, view, mask_source)
