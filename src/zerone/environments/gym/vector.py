"""Gymnasium environments by id, several at once, each watched by a guard."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from zerone.base.bits import as_outside, look_outside
from zerone.base.errors import InputError, RunError, closest, said
from zerone.base.language import translated
from zerone.base.modules import import_named, require_trusted
from zerone.base.notices import Notices
from zerone.environments import catalogue, names
from zerone.environments.gym import atari, envpool, packages
from zerone.environments.gym.allowed import NOW, Allowing
from zerone.environments.gym.encoding import Encoding
from zerone.environments.gym.envpool import is_of_envpool
from zerone.environments.gym.exchange import raised
from zerone.environments.gym.guard import Guard, guarded
from zerone.environments.gym.named import classes_of, maker_at
from zerone.environments.gym.sources import checked, require_separate
from zerone.environments.gym.step_timeout import LateError, current
from zerone.environments.gym.vectors import Vectors, of_vectors, takes_number
from zerone.environments.gym.views import AUTO, in_doubt
from zerone.environments.outside import ENVIRONMENTS

Env: TypeAlias = gymnasium.Env[Any, Any]
Vector: TypeAlias = VectorEnv[Any, Any, Any]
Maker: TypeAlias = Callable[[], Env]


def maker(id: str, options: dict[str, Any], render_mode: str | None = None) -> Maker:  # noqa: A002 - Gymnasium's word
    """A function that makes one environment of `id`.

    `module:Id` imports the module first; Id is one that it registers, or a class or function of it (`gym/named.py`).

    Raises:
        InputError: no such id, no such module, or the environment cannot be made; says why in one line.
    """
    if catalogue.ours(id) is None and catalogue.find(id) is not None:
        return functools.partial(_written_in_jax, id, options, render_mode)
    if is_of_envpool(id):
        return envpool.vectors(str(id), options)
    require_trusted(id, options)
    import_named(id)
    packages.register(id)
    module = id.partition(":")[0] if ":" in id else None
    id = id.partition(":")[2] if ":" in id else str(id)  # noqa: A001
    if id.startswith(atari.NAMESPACE):
        atari.register(id)
    try:
        spec = gymnasium.spec(id)
    except gymnasium.error.Error as error:
        place = f"{module}:{id}"
        make = None if module is None else maker_at(place, options, render_mode)
        if make is None:
            raise InputError(_unknown(id, module)) from error
        return Vectors(make, place) if takes_number(make) else checked(make, place)
    if spec.entry_point is None:
        return of_vectors(spec, options)

    # Not every environment knows the word `render_mode`, so it is said only where it is needed.
    words = options if render_mode is None else {**options, "render_mode": render_mode}

    return functools.partial(_registered, spec, words)  # no function of this one's own: it can be pickled


def _written_in_jax(id: str, options: Mapping[str, Any], render_mode: str | None) -> Env:  # noqa: A002
    """One of a suite or from outside, behind Gymnasium's interface."""
    from zerone.environments.gym.bridge import GymnasiumEnvironment

    return GymnasiumEnvironment(catalogue.make(id, **options), render_mode)


def _registered(spec: gymnasium.envs.registration.EnvSpec, words: dict[str, Any]) -> Env:
    """An environment as Gymnasium makes it; an `InputError` where it does not."""
    try:
        return atari.make(spec, words) if spec.id.startswith(atari.NAMESPACE) else gymnasium.make(spec, **words)
    except InputError as error:
        raise InputError(translated("environment {id!r}: {error}", id=spec.id, error=error)) from error
    except SystemExit as error:
        raise InputError(
            translated("environment {id!r} cannot be made: it {error}", id=spec.id, error=raised(error))
        ) from error
    except Exception as error:
        if line := packages.missing(spec, error):
            raise InputError(line) from error
        text = " ".join(str(error).split())
        raise InputError(
            translated(
                "environment {id!r} cannot be made: {kind}: {text}", id=spec.id, kind=type(error).__name__, text=text
            )
        ) from error


def _unknown(id: str, module: str | None) -> str:  # noqa: A002
    """What is said of an id that nobody has registered."""
    if module is not None:
        there, written = names.of_module(module), [*ENVIRONMENTS.in_module(module), *classes_of(module)]
        near = closest(id, [*there, *written]) if there or written else names.meant(id)
        hint = translated("did you mean {name!r}?", name=near) + " " if near is not None else ""
        if written:
            has = [*written, *there]
            return translated(
                "environment {module}:{id}: {module} has no {name!r}: {hint}it has {listed}",
                module=module,
                id=id,
                name=id,
                hint=hint,
                listed=names.listed(has),
            )
        none = translated("it registers none (gymnasium.register is the way)")
        what = translated("it registers {listed}", listed=names.listed(there)) if there else none
        return translated(
            "environment {module}:{id}: {module} registers no {name!r}: {hint}{what}",
            module=module,
            id=id,
            name=id,
            hint=hint,
            what=what,
        )
    near = names.meant(id)
    allowed = translated("zerone environments lists ours; any Gymnasium id or module:Id is allowed")
    question = translated("did you mean {name!r}?", name=near)
    found = translated("{question} ({listed})", question=question, listed=allowed)
    about = allowed if near is None else found
    return translated("environment {name!r} is unknown: {meant}", name=id, meant=about)


def solved_at(id: str) -> float | None:  # noqa: A002
    """The mean return at which Gymnasium calls the environment solved, where it says so."""
    spec = gymnasium.registry.get(id.split(":", 1)[-1])
    return None if spec is None else spec.reward_threshold


class OwnVector(Vector):
    """A vector of ours: its observations are encoded, and it can play some of its environments and leave the others."""

    encoding: Encoding

    @abstractmethod
    def step_only(self, actions: Any, which: Iterable[int]) -> tuple[Any, ...]:
        """One step of some environments, to the end of an episode and no further; nothing happens in the others."""

    @abstractmethod
    def first(self, number: int) -> OwnVector:
        """The first of these environments, the very same, as a vector of their own."""

    @abstractmethod
    def name_seed(self, seed: int) -> None:
        """Let errors name this seed of the run from now on."""


class InTurn(OwnVector):
    """Environments stepped one after the other; who steps them also resets them (Gymnasium's DISABLED mode).

    It does what `gymnasium.vector.SyncVectorEnv` does, with encoded observations, in a third of the time where there
    are few environments: that vector's own work would take longer than CartPole's.
    """

    def __init__(self, makers: Sequence[Callable[[], Guard]]) -> None:
        self.metadata = {"autoreset_mode": AutoresetMode.DISABLED}
        self.envs: list[Guard] = []
        try:
            for make in makers:
                self.envs.append(make())
            require_separate(self.envs)
        except BaseException:  # one that cannot be had: the others are not left open
            self.close_extras()
            raise
        self.num_envs = len(self.envs)
        self.encoding = self.envs[0].encoding
        self.single_observation_space = self.encoding.space
        self.single_action_space = self.envs[0].action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        shape = (self.num_envs, *(self.single_observation_space.shape or ()))
        self._observation = np.zeros(shape, self.single_observation_space.dtype or object)
        self._allowed = None if (actions := self.envs[0].actions) is None else np.ones((self.num_envs, actions), bool)

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray[Any, Any], dict[str, Any]]:
        """Begin an episode in each environment, or only where `options["reset_mask"]` is true."""
        seeds = seed if isinstance(seed, list) else [seed] * self.num_envs
        mask = np.ones(self.num_envs, bool) if options is None else options["reset_mask"]
        for i in np.flatnonzero(mask):
            self.envs[i].reset(seed=seeds[i])
            self._observation[i] = self.envs[i].encoded
            if self._allowed is not None:
                self._allowed[i] = self.envs[i].allowed
        return self._observation.copy(), self._info()

    def step(self, actions: Any) -> tuple[Any, ...]:
        """One step of each environment."""
        return self.step_only(actions, range(self.num_envs))

    def step_only(self, actions: Any, which: Iterable[int]) -> tuple[Any, ...]:
        reward = np.zeros(self.num_envs)
        terminated, truncated = np.zeros(self.num_envs, bool), np.zeros(self.num_envs, bool)
        for i in which:
            env = self.envs[i]
            _, reward[i], terminated[i], truncated[i], _ = env.step(actions[i])
            self._observation[i] = env.encoded
            if self._allowed is not None:
                self._allowed[i] = env.allowed
        return self._observation.copy(), reward, terminated, truncated, self._info()

    def _info(self) -> dict[str, Any]:
        return {} if self._allowed is None else {NOW: self._allowed.copy()}

    def first(self, number: int) -> InTurn:
        if number == self.num_envs:
            return self
        return InTurn([functools.partial(_same, env) for env in self.envs[:number]])

    def name_seed(self, seed: int) -> None:
        for env in self.envs:
            env.run_seed = seed

    def close_extras(self, **kwargs: Any) -> None:
        """Close each environment."""
        del kwargs
        for env in self.envs:
            env.close()


def _same(env: Guard) -> Guard:
    return env


def make_vector(
    make: Maker, identity: str, number: int, run_seed: int, view: str = AUTO, notices: Notices | None = None,
    allowing: Allowing | None = None,
) -> Vector:  # fmt: skip
    """`number` environments, stepped in turn; the caller steps them and resets them (DISABLED mode).

    Their observations are encoded, by a `view` of `views.VIEWS`. What a person should know is said to `notices`. With
    `allowing` each info has the masks of all of them (`allowed.NOW`).

    Raises:
        InputError: the environment cannot be made, or the same object was made twice.
    """
    notices = notices or Notices()
    look_outside()

    def one() -> Guard:
        return guarded(_made(make, identity, run_seed), identity, run_seed, view, notices, allowing)

    made = InTurn([one] * number)
    look_outside()
    say_what_is_seen(made.encoding, identity, notices)
    _say_what_normalizes(made.envs[0], identity, notices)
    return made


def say_what_is_seen(encoding: Encoding, identity: str, notices: Notices) -> None:
    """What a person may not expect: parts that are left out, and small bytes that may be no picture."""
    for each in encoding.left_out:
        notices(
            translated(
                "environment {identity}: {each} has no numbers in fixed places, and is left out of what is seen",
                identity=identity,
                each=each,
            )
        )
    if in_doubt(encoding.space):
        words = said(
            translated("choose --observations grid or numbers"), translated("choose observations='grid' or 'numbers'")
        )
        notices(
            translated(
                "environment {identity}: bytes of shape {shape} are seen as a picture and divided by 255; if they "
                "are symbols, not brightness, {words}",
                identity=identity,
                shape=encoding.space.shape,
                words=words,
            )
        )


INSTEAD = {
    "NormalizeObservation": ("--normalize-observations on", "normalize_observations='on'"),
    "NormalizeReward": ("--normalize-rewards", "normalize_rewards=True"),
}
"""Gymnasium's wrappers that normalise, and what to use in their place."""


def _say_what_normalizes(env: Env, identity: str, notices: Notices) -> None:
    """What a person who normalises by a wrapper may not know: an agent has no part in it."""
    while isinstance(env, gymnasium.Wrapper):
        kinds = {each.__name__ for each in type(env).__mro__ if each.__module__.startswith("gymnasium.")}
        for name in kinds & INSTEAD.keys():
            notices(
                translated(
                    "environment {identity}: {name} learns a scale of its own in each copy, also where an agent is "
                    "judged, and it is saved nowhere: leave it out and choose {option}",
                    identity=identity,
                    name=name,
                    option=said(*INSTEAD[name]),
                )
            )
        env = env.env


def _made(make: Maker, identity: str, run_seed: int) -> Env:
    """One of them, within the time that it may take, if that is limited."""
    limit = current()
    if limit is None:
        with as_outside():
            return make()

    def fault(what: str) -> RunError:
        return RunError(
            translated(
                "environment {identity}, seed {run_seed}: the making of it {what}",
                identity=identity,
                run_seed=run_seed,
                what=what,
            )
        )

    try:
        with as_outside():
            return limit.call(fault, make)
    except LateError as error:
        raise fault(str(error)) from None
