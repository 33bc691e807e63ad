"""Several environments as a vector, stepped one after the other, each within a guard."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from zerone.base.bits import as_outside, look_outside
from zerone.base.errors import RunError, said
from zerone.base.language import translated
from zerone.base.notices import Notices
from zerone.environments.gym.allowed import NOW, MaskSource
from zerone.environments.gym.encoding import Encoding
from zerone.environments.gym.guard import Guard, guarded
from zerone.environments.gym.kinds import Env, Info, Maker, Played, Seeds, Vector
from zerone.environments.gym.sources import made_with_its_bits, require_separate
from zerone.environments.gym.step_timeout import LateError, current
from zerone.environments.gym.views import AUTO, in_doubt


class OwnVector(Vector):
    """A vector with encoded observations that can also step only some of its environments."""

    encoding: Encoding

    @abstractmethod
    def step_only(self, actions: Sequence[object] | np.ndarray, which: Iterable[int]) -> Played:
        """Step some environments, up to the end of an episode and no further; the others are not changed."""

    @abstractmethod
    def first(self, number: int) -> OwnVector:
        """A vector of the first `number` environments; the objects are shared."""

    @abstractmethod
    def name_seed(self, seed: int) -> None:
        """Set the run's seed that errors name from now on."""


class InTurn(OwnVector):
    """Environments stepped one after the other; the caller resets them (Gymnasium's DISABLED mode).

    It replaces `gymnasium.vector.SyncVectorEnv`, with encoded observations, in a third of the time if there are few
    environments: that vector's overhead is larger than CartPole's steps.
    """

    def __init__(self, makers: Sequence[Callable[[], Guard]]) -> None:
        self.metadata = {"autoreset_mode": AutoresetMode.DISABLED}
        self.envs: list[Guard] = []
        try:
            for make in makers:
                self.envs.append(make())
            require_separate(self.envs)
        except BaseException:  # one cannot be made: close the others
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

    def reset(self, *, seed: Seeds = None, options: Info | None = None) -> tuple[np.ndarray, Info]:
        """Begin an episode in each environment, or only where `options["reset_mask"]` is true."""
        seeds = seed if isinstance(seed, list) else [seed] * self.num_envs
        mask = np.ones(self.num_envs, bool) if options is None else options["reset_mask"]
        for i in np.flatnonzero(mask):
            self.envs[i].reset(seed=seeds[i])
            self._observation[i] = self.envs[i].encoded
            if self._allowed is not None:
                self._allowed[i] = self.envs[i].allowed
        return self._observation.copy(), self._info()

    def step(self, actions: Sequence[object] | np.ndarray) -> Played:
        """Step each environment."""
        return self.step_only(actions, range(self.num_envs))

    def step_only(self, actions: Sequence[object] | np.ndarray, which: Iterable[int]) -> Played:
        reward = np.zeros(self.num_envs)
        terminated, truncated = np.zeros(self.num_envs, bool), np.zeros(self.num_envs, bool)
        for i in which:
            env = self.envs[i]
            _, reward[i], terminated[i], truncated[i], _ = env.step(actions[i])
            self._observation[i] = env.encoded
            if self._allowed is not None:
                self._allowed[i] = env.allowed
        return self._observation.copy(), reward, terminated, truncated, self._info()

    def _info(self) -> Info:
        return {} if self._allowed is None else {NOW: self._allowed.copy()}

    def first(self, number: int) -> InTurn:
        if number == self.num_envs:
            return self
        return InTurn([functools.partial(_same, env) for env in self.envs[:number]])

    def name_seed(self, seed: int) -> None:
        for env in self.envs:
            env.run_seed = seed

    def close_extras(self, **kwargs: object) -> None:
        """Close each environment."""
        del kwargs
        for env in self.envs:
            env.close()


def _same(env: Guard) -> Guard:
    return env


def make_vector(
    make: Maker, identity: str, number: int, run_seed: int, view: str = AUTO, notices: Notices | None = None,
    mask_source: MaskSource | None = None,
) -> Vector:  # fmt: skip
    """`number` environments, stepped one after the other; the caller resets them (DISABLED mode).

    Their observations are encoded according to `view` (of `views.VIEWS`). Notices for the user go to `notices`. With
    `mask_source`, each info has the masks of all of them (`allowed.NOW`).

    Raises:
        InputError: the environment cannot be made, or the same object was returned twice.
    """
    notices = notices or Notices()
    look_outside()

    def one() -> Guard:
        return guarded(_made(make, identity, run_seed), identity, run_seed, view, notices, mask_source)

    made = InTurn([one] * number)
    look_outside()
    say_what_is_seen(made.encoding, identity, notices)
    _say_what_normalizes(made.envs[0], identity, notices)
    return made


def say_what_is_seen(encoding: Encoding, identity: str, notices: Notices) -> None:
    """Give notices about parts that are left out, and small byte arrays that may be no images."""
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
"""Gymnasium's normalizing wrappers, and Zerone's replacements for them."""


def _say_what_normalizes(env: Env, identity: str, notices: Notices) -> None:
    """Give a notice about normalizing wrappers: their statistics are not part of the saved agent."""
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
    """Make one environment, within the step timeout if there is one."""
    limit = current()
    if limit is None:
        return made_with_its_bits(make)

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
            return limit.call(fault, functools.partial(made_with_its_bits, make))
    except LateError as error:
        raise fault(str(error)) from None
