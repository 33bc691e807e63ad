"""Foreign vector environments: given from Python, made by an id that exists only as a vector, or EnvPool's.

    zo.train("ppo", lambda num_envs: gymnasium.make_vec("YourId-v0", num_envs=num_envs))

Training uses such a vector (`watched_vector.CheckedVector`). Evaluation, watching and checking use single environments,
which are vectors of one (`OnlyOne`). A vector must declare in `metadata["autoreset_mode"]` how it begins new episodes:
the place of an episode's last observation depends on it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

import gymnasium
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import concatenate, create_empty_array, iterate

from zerone.base.bits import as_outside
from zerone.base.errors import InputError, ZeroneError, said
from zerone.base.language import translated
from zerone.environments.gym.allowed import IN_INFO
from zerone.environments.gym.conversion import attribute_of, raised, shown
from zerone.environments.gym.encoding import require_space
from zerone.environments.gym.kinds import Env, Info, Played, Vector, VectorMaker, VectorWrapper

NUMBER = "num_envs"
"""Gymnasium's parameter of functions that make vectors."""
EXAMPLE = "lambda num_envs: gymnasium.make_vec('CartPole-v1', num_envs=num_envs)"


class Vectors:
    """Makes vectors of one kind of environment; when called, a single environment."""

    def __init__(self, make: VectorMaker, name: str) -> None:
        self._make, self.__qualname__ = make, name

    def __call__(self) -> Env:
        return OnlyOne(self.vector(1), self.__qualname__)

    def vector(self, number: int) -> Vector:
        """A vector of `number` environments. Raises `InputError` if the result is no vector."""
        name = self.__qualname__
        try:
            with as_outside():
                made = self._make(number)
        except (ZeroneError, KeyboardInterrupt):
            raise
        except BaseException as error:  # any exception of foreign code
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
        require_attributes(made, name)
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
    """A vector object: used for training once, and closed by the user. Further vectors are made from its spec."""

    def __init__(self, vector: Vector) -> None:
        require_attributes(vector, type(vector).__name__)
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

    def __call__(self) -> Env:
        functions = getattr(self._vector.unwrapped, "env_fns", None)
        if functions:
            made: Env = next(iter(functions))()
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


class _Lent(VectorWrapper):
    """A vector that belongs to the user."""

    def close(self, **kwargs: object) -> None:
        """Do nothing: the user closes it."""


def of_vectors(spec: EnvSpec, options: Mapping[str, Any]) -> Vectors:
    """The maker of vectors of an id that exists only as a vector."""

    def make(number: int) -> Vector:
        return gymnasium.make_vec(spec, num_envs=number, vectorization_mode="vector_entry_point", **options)

    return Vectors(make, spec.id)


_OF_VECTORS = ("num_envs", "vectorization_mode", "vector_kwargs")
"""Arguments that `gymnasium.make_vec` stores among the options of an environment."""


def takes_number(make: Callable[..., Any]) -> TypeGuard[VectorMaker]:
    """Whether a function makes vectors: its only required parameter is `num_envs`."""
    try:
        parameters = inspect.signature(make).parameters.values()
    except (TypeError, ValueError):
        return False
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [each.name for each in parameters if each.default is each.empty and each.kind not in several]
    return needed == [NUMBER] and not isinstance(make, type)


_SPACES = ("single_observation_space", "single_action_space", "observation_space", "action_space")


def require_attributes(vector: Vector, name: str) -> None:
    """Raise `InputError` unless the attributes that are read of every vector can be read, and its spaces are spaces."""
    try:
        for word in ("spec", "unwrapped", "metadata", "num_envs"):
            attribute_of(vector, word)
        for word in _SPACES:
            require_space(word, attribute_of(vector, word))
    except InputError as error:
        raise InputError(
            translated("{name}: {error}", name=translated("environment {name}", name=name), error=error)
        ) from error


def mode_of(vector: Vector, name: str) -> AutoresetMode:
    """The autoreset mode of a vector. Raises `InputError` if it declares none."""
    given: object = vector.metadata
    found = given.get("autoreset_mode") if isinstance(given, Mapping) else None
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


def reset(vector: Vector, seeds: list[int | None], options: Info | None = None) -> tuple[Any, Info]:
    """Begin episodes, each with its seed; if the vector accepts only one seed, with the first."""
    each: Any = seeds
    try:
        return vector.reset(seed=each, options=options)
    except (TypeError, ValueError, AssertionError, gymnasium.error.Error):
        return vector.reset(seed=seeds[0], options=options)


class OnlyOne(Env):
    """A vector of one environment, used as a single environment."""

    def __init__(self, vector: Vector, name: str) -> None:
        self.vector, self._mode = vector, mode_of(vector, name)
        self.observation_space, self.action_space = vector.single_observation_space, vector.single_action_space
        self.metadata = {**(vector.metadata or {}), "render_modes": []}
        self.spec = vector.spec
        self._begun: tuple[Any, Info] | None = None
        """The first observation and info of an episode that the vector has begun automatically."""

    def reset(self, *, seed: int | None = None, options: Info | None = None) -> tuple[Any, Info]:
        del options
        begun, self._begun = self._begun, None
        if begun is not None and seed is None:
            return begun
        observation, info = reset(self.vector, [seed])
        return self._first(observation), _mask_alone(info)

    def step(self, action: object) -> Played:
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

    def _first(self, observation: object) -> Any:
        return next(iter(iterate(self.vector.observation_space, observation)))


def _mask_alone(info: Any) -> Info:
    """The action mask in the info of a vector of one environment."""
    there = isinstance(info, Mapping) and IN_INFO in info
    return {IN_INFO: info[IN_INFO][0]} if there and bool(info.get(f"_{IN_INFO}", (True,))[0]) else {}
