"""Vectors of environments that are somebody else's: given from Python, made by an id that has no other form, EnvPool's.

    zo.train("ppo", lambda num_envs: gymnasium.make_vec("YourId-v0", num_envs=num_envs))

What is learnt in is such a vector (`LearntIn`). Everything else, judging, watching, checking, is done in single
environments, which are vectors of one (`OnlyOne`). A vector says in `metadata["autoreset_mode"]` how it begins episodes
again; without that nobody could know where the last observation of an episode is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate

from zerone.base.bits import as_outside
from zerone.base.errors import InputError, RunError, ZeroneError, said
from zerone.base.language import translated
from zerone.environments.gym.allowed import AT_THE_END, IN_INFO, NOW, Allowing, MaskError
from zerone.environments.gym.encoding import Encoding
from zerone.environments.gym.exchange import LARGEST_REWARD, raised, shown
from zerone.environments.gym.leaves import ObservationError
from zerone.environments.gym.step_timeout import LateError, current
from zerone.environments.gym.views import AUTO

Vector: TypeAlias = VectorEnv[Any, Any, Any]
MakeVector: TypeAlias = Callable[..., Any]
T = TypeVar("T")

NUMBER = "num_envs"
"""The parameter of a function that makes vectors: Gymnasium's word."""
EXAMPLE = "lambda num_envs: gymnasium.make_vec('CartPole-v1', num_envs=num_envs)"


class Vectors:
    """Makes vectors of one kind of environment; and, where it is called, a single one."""

    def __init__(self, make: MakeVector, name: str) -> None:
        self._make, self.__qualname__ = make, name

    def __call__(self) -> gymnasium.Env[Any, Any]:
        return OnlyOne(self.vector(1), self.__qualname__)

    def vector(self, number: int) -> Vector:
        """A vector of so many environments. Raises `InputError` where what is made is none."""
        name = self.__qualname__
        try:
            made = self._make(number)
        except (ZeroneError, KeyboardInterrupt):
            raise
        except BaseException as error:  # whatever somebody else's code does
            raise InputError(
                translated("environment {name} cannot be made: making a vector {error}", name=name, error=raised(error))
            ) from error
        if not isinstance(made, VectorEnv):
            raise InputError(
                translated(
                    "environment {name}: with {argument} = {number} {made} is made, which is no "
                    "gymnasium.vector.VectorEnv",
                    name=name,
                    argument=NUMBER,
                    number=number,
                    made=shown(made),
                )
            )
        if made.num_envs != number:
            raise InputError(
                translated(
                    "environment {name} is a vector of {num_envs}, and {number} are needed: make as many as "
                    "{argument} says",
                    name=name,
                    num_envs=made.num_envs,
                    number=number,
                    argument=NUMBER,
                )
            )
        mode_of(made, name)
        return made


class Given(Vectors):
    """A vector that was given itself: learnt in once, and closed by the person. Others are made as it was."""

    def __init__(self, vector: Vector) -> None:
        super().__init__(self._lent, vector.spec.id if vector.spec is not None else type(vector.unwrapped).__name__)
        self._vector, self._used = vector, False
        mode_of(vector, self.__qualname__)

    def _lent(self, number: int) -> Vector:
        if self._used:
            raise InputError(
                translated(
                    "environment {name} is one vector, and is learnt in already: pass a function that makes one, "
                    "such as {example}",
                    name=self.__qualname__,
                    example=EXAMPLE,
                )
            )
        if number != self._vector.num_envs:
            there = self._vector.num_envs
            words = said(f"--environments {there}", f"settings={{'environments': {there}}}")
            raise InputError(
                translated(
                    "environment {name} is a vector of {there} environments, and the algorithm plays {number}: "
                    "{words}, or a function that makes one, such as {example}",
                    name=self.__qualname__,
                    there=there,
                    number=number,
                    words=words,
                    example=EXAMPLE,
                )
            )
        self._used = True
        return _Lent(self._vector)

    def __call__(self) -> gymnasium.Env[Any, Any]:
        functions = getattr(self._vector.unwrapped, "env_fns", None)
        if functions:
            made: gymnasium.Env[Any, Any] = next(iter(functions))()
            return made
        spec = self._vector.spec
        if spec is None:
            raise InputError(
                translated(
                    "environment {name} is one vector, and others are needed to judge in: pass a function that "
                    "makes one, such as {example}",
                    name=self.__qualname__,
                    example=EXAMPLE,
                )
            )
        options = {name: value for name, value in spec.kwargs.items() if name not in _OF_VECTORS}
        known = gymnasium.spec(spec.id)
        return of_vectors(known, options)() if known.entry_point is None else gymnasium.make(known, **options)


class _Lent(gymnasium.vector.VectorWrapper[Any, Any, Any]):
    """A vector that belongs to the person who gave it."""

    def close(self, **kwargs: Any) -> None:
        """Leave it open."""


def of_vectors(spec: Any, options: Mapping[str, Any]) -> Vectors:
    """What makes the vectors of an id that has no other form."""

    def make(number: int) -> Any:
        return gymnasium.make_vec(spec, num_envs=number, vectorization_mode="vector_entry_point", **options)

    return Vectors(make, spec.id)


_OF_VECTORS = ("num_envs", "vectorization_mode", "vector_kwargs")
"""What `gymnasium.make_vec` keeps beside the options of an environment."""


def takes_number(make: Any) -> bool:
    """Whether a function makes vectors: it needs `num_envs`, and nothing else."""
    try:
        parameters = inspect.signature(make).parameters.values()
    except (TypeError, ValueError):
        return False
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [each.name for each in parameters if each.default is each.empty and each.kind not in several]
    return needed == [NUMBER] and not isinstance(make, type)


def mode_of(vector: Vector, name: str) -> AutoresetMode:
    """How a vector begins episodes again. Raises `InputError` where it does not say."""
    found = (vector.metadata or {}).get("autoreset_mode")
    if not isinstance(found, AutoresetMode):
        raise InputError(
            translated(
                "environment {name}: the vector's metadata has autoreset_mode = {found}: must be one of "
                "gymnasium.vector.AutoresetMode, which says where last observations are",
                name=name,
                found=shown(found),
            )
        )
    return found


def reset(vector: Vector, seeds: list[int | None], options: dict[str, Any] | None = None) -> tuple[Any, Any]:
    """Begin episodes, each with its seed; of a vector that takes only one, with the first."""
    each: Any = seeds
    try:
        return vector.reset(seed=each, options=options)
    except (TypeError, ValueError, AssertionError, gymnasium.error.Error):
        return vector.reset(seed=seeds[0], options=options)


class OnlyOne(gymnasium.Env[Any, Any]):
    """A vector of one environment, as that environment."""

    def __init__(self, vector: Vector, name: str) -> None:
        self.vector, self._mode = vector, mode_of(vector, name)
        self.observation_space, self.action_space = vector.single_observation_space, vector.single_action_space
        self.metadata = {**(vector.metadata or {}), "render_modes": []}
        self.spec = vector.spec
        self._begun: tuple[Any, dict[str, Any]] | None = None
        """The first observation and info of an episode that the vector has begun by itself."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        del options
        begun, self._begun = self._begun, None
        if begun is not None and seed is None:
            return begun
        observation, info = reset(self.vector, [seed])
        return self._first(observation), _mask_alone(info)

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        space = self.vector.single_action_space
        room: Any = create_empty_array(space, 1)
        batch = concatenate(space, [action], room)
        observation, reward, terminated, truncated, info = self.vector.step(batch)
        over = bool(terminated[0] or truncated[0])
        if over and self._mode == AutoresetMode.SAME_STEP:
            self._begun = self._first(observation), _mask_alone(info)
            last = _mask_alone(info.get("final_info"))
            return info["final_obs"][0], reward[0], terminated[0], truncated[0], last
        return self._first(observation), reward[0], terminated[0], truncated[0], _mask_alone(info)

    def close(self) -> None:
        self.vector.close()

    def _first(self, observation: Any) -> Any:
        return next(iter(iterate(self.vector.observation_space, observation)))


def _mask_alone(info: Any) -> dict[str, Any]:
    """Of what is known of a vector of one environment, its action mask."""
    there = isinstance(info, Mapping) and IN_INFO in info
    return {IN_INFO: info[IN_INFO][0]} if there and bool(info.get(f"_{IN_INFO}", (True,))[0]) else {}


class LearntIn(VectorEnv[Any, Any, Any]):
    """Somebody else's vector, watched: its observations are encoded, its rewards and ends are looked at.

    What `Guard` is for one environment this is for all of a vector: the error names environment, seed and vector step.
    """

    def __init__(
        self, vector: Vector, identity: str, run_seed: int, view: str = AUTO, allowing: Allowing | None = None
    ) -> None:
        self._vector, self._identity, self._seed, self._steps = vector, identity, run_seed, 0
        self._mode = mode_of(vector, identity)
        self.metadata = {"autoreset_mode": self._mode}
        self.num_envs = vector.num_envs
        self.encoding = Encoding(vector.single_observation_space, view)
        self.single_observation_space, self.single_action_space = self.encoding.space, vector.single_action_space
        self.observation_space = batch_space(self.encoding.space, self.num_envs)
        self.action_space = vector.action_space
        self._allowing = allowing
        self._actions = 0 if allowing is None else allowing.actions_of(self.single_action_space, identity)
        self._every = np.ones(self.num_envs, bool)
        self._allowed = np.ones((self.num_envs, self._actions), bool)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        seeds = seed if isinstance(seed, list) else [seed] * self.num_envs
        begun = self._every if options is None else options["reset_mask"]  # which the vector takes out of its options
        observation, info = self._called("reset", reset, self._vector, seeds, options)
        return self._encoded(observation), self._masks(observation, info, begun, ~self._every, ~self._every)

    def step(self, actions: Any) -> tuple[Any, ...]:
        self._steps += 1
        values = self._called("step", self._vector.step, np.asarray(actions, self.action_space.dtype))
        if not isinstance(values, tuple) or len(values) != 5:
            raise self._fault(translated("step returned no (observations, rewards, terminations, truncations, infos)"))
        observation, reward, terminated, truncated, info = values
        reward = self._numbers("reward", reward, "biuf").astype(np.float64)
        with np.errstate(invalid="ignore"):
            if not (np.abs(reward) <= LARGEST_REWARD).all():
                raise self._fault(translated("the rewards are {reward}, not finite numbers", reward=shown(reward)))
        ends = [self._numbers(name, each, "b") for name, each in (("terminated", terminated), ("truncated", truncated))]
        over = ends[0] | ends[1]
        found: dict[str, Any] = {}
        if over.any() and self._mode == AutoresetMode.SAME_STEP:
            found["final_obs"] = self._final(info, over)
            if self._allowing is not None:
                found[AT_THE_END] = self._masks_at_the_end(info, *ends)
            over[:] = False  # what is shown is the beginning of an episode
        terminal = ends[0] & over
        return self._encoded(observation), reward, *ends, found | self._masks(observation, info, self._every,
                                                                              terminal, over)  # fmt: skip

    def _masks(
        self, observation: Any, info: Any, where: np.ndarray[Any, Any], terminated: np.ndarray[Any, Any],
        over: np.ndarray[Any, Any],
    ) -> dict[str, Any]:  # fmt: skip
        """What an info says of masks, those `where` something has happened read again."""
        if self._allowing is None:
            return {}
        each = list(iterate(self._vector.observation_space, observation))
        for i in np.flatnonzero(where):
            self._allowed[i] = self._mask(each[i], info, int(i), bool(terminated[i]), bool(over[i]))
        return {NOW: self._allowed.copy()}

    def _masks_at_the_end(self, info: Any, terminated: Any, truncated: Any) -> np.ndarray[Any, Any]:
        """Those of the last observations of episodes that have ended within this step."""
        found = np.ones_like(self._allowed)
        for i in np.flatnonzero(truncated & ~terminated):
            found[i] = self._mask(info["final_obs"][i], info.get("final_info"), int(i), False, True)
        return found

    def _mask(self, observation: Any, info: Any, i: int, terminated: bool, over: bool) -> np.ndarray[Any, Any]:
        """That of one environment."""
        assert self._allowing is not None  # noqa: S101 - only then
        there = isinstance(info, Mapping) and IN_INFO in info and bool(info.get(f"_{IN_INFO}", self._every)[i])
        one = {IN_INFO: info[IN_INFO][i]} if there else {}
        try:
            with as_outside():
                return self._allowing.of(observation, one, self._actions, terminated=terminated, over=over)
        except KeyboardInterrupt:
            raise
        except MaskError as error:
            raise self._fault(translated("of environment {i} of the vector, {error}", i=i, error=error)) from None
        except BaseException as error:
            raise self._fault(
                translated("the action mask of environment {i} of the vector {error}", i=i, error=raised(error))
            ) from error

    def close_extras(self, **kwargs: Any) -> None:
        """Close it."""
        del kwargs
        self._vector.close()

    def _final(self, info: Any, over: np.ndarray[Any, Any]) -> list[Any]:
        """The last observations of episodes that have ended within this step."""
        there = info.get("final_obs") if isinstance(info, dict) else None
        found: list[Any] = [None] * self.num_envs
        for i in np.flatnonzero(over):
            last = None if there is None else there[i]
            if last is None:
                raise self._fault(
                    translated("environment {i} of the vector has ended, and infos has no final_obs of it", i=i)
                )
            try:
                found[i] = self.encoding(last)
            except ObservationError as error:
                raise self._fault(str(error)) from None
        return found

    def _encoded(self, observation: Any) -> np.ndarray[Any, Any]:
        try:
            found = self.encoding.join(self.encoding.read(observation, batch=True), batch=True)
        except ObservationError as error:
            raise self._fault(str(error)) from None
        if len(found) != self.num_envs:
            raise self._fault(
                translated(
                    "observations of {count} environments, not of {num_envs}", count=len(found), num_envs=self.num_envs
                )
            )
        return np.array(found)

    def _numbers(self, name: str, value: Any, kinds: str) -> np.ndarray[Any, Any]:
        found = np.asarray(value)
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

    def _called(self, name: str, function: Callable[..., T], *arguments: Any) -> T:
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


def learnt_in(
    vectors: Vectors, identity: str, view: str, number: int, seed: int, allowing: Allowing | None = None
) -> LearntIn:
    """So many environments of somebody else's vector, to learn in."""
    return LearntIn(vectors.vector(number), identity, seed, view, allowing)
