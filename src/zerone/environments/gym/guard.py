"""A wrapper that checks environments at every step; Gymnasium's own checker misses most of what is caught here."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakValueDictionary

import gymnasium
import numpy as np

from zerone.base.bits import as_outside, outside
from zerone.base.errors import InputError, RunError, ZeroneError
from zerone.base.language import translated
from zerone.base.notices import Notices
from zerone.environments.gym.allowed import MaskError, Masks, MaskSource
from zerone.environments.gym.bounds import Bounds
from zerone.environments.gym.conversion import action_converter, attribute_of, flag_of, raised, reward_of, shown
from zerone.environments.gym.encoding import Encoding, require_space
from zerone.environments.gym.global_random import GlobalChance
from zerone.environments.gym.kinds import Env, Info, Wrapper
from zerone.environments.gym.leaves import BoxLeaf, ObservationError
from zerone.environments.gym.precision import FIRST_LOOKS, Precision
from zerone.environments.gym.step_timeout import LateError, current
from zerone.environments.gym.views import AUTO, describe, sound_bounds

Env = Env


def guarded(
    env: Env, identity: str, seed: int, view: str = AUTO, notices: Notices | None = None,
    mask_source: MaskSource | None = None,
) -> Guard:  # fmt: skip
    """The environment within a `Guard`; `view` selects the encoding of its observations, see `encoding`.

    Raises:
        InputError: no part of its observations can be encoded.
    """
    return Guard(env, identity, seed, view, notices, mask_source)


class Turn:
    """Which guard has last reset an environment, and may step it."""

    owner: object = None


_turns: WeakValueDictionary[int, Turn] = WeakValueDictionary()
"""By the id of the innermost environment: two guards of the same environment share one `Turn`."""


class Guard(Wrapper):
    """Stops the run at the first step that violates Gymnasium's interface.

    Detected are: an exception or `sys.exit`, a wrong number of return values, a reward that is not a finite number, a
    flag that is not one boolean, an observation with a wrong shape, NaN or infinity, counts out of range, or numbers
    that the space's dtype cannot hold, an action space that has changed at a reset, and steps after another guard has
    reset the same environment. The error names environment, seed (`run_seed`) and step.

    Actions are converted to what the action space's `sample` returns (`conversion.action_converter`). Observations are
    returned unchanged; `encoded` is the latest one, encoded. With `mask_source`, `allowed` is the mask after each reset
    and step, and invalid masks are detected, too.
    """

    encoded: np.ndarray | int
    allowed: Masks

    def __init__(
        self, env: Env, identity: str, seed: int, view: str = AUTO, notices: Notices | None = None,
        mask_source: MaskSource | None = None,
    ) -> None:  # fmt: skip
        super().__init__(env)
        self.run_seed = seed
        self.identity, self._steps, self._observed = identity, 0, 0
        self._notices = notices = notices or Notices()
        try:
            self.encoding = Encoding(attribute_of(env, "observation_space"), view)
            require_space("action_space", attribute_of(env, "action_space"))
        except InputError as error:
            raise InputError(translated("environment {identity!r}: {error}", identity=identity, error=error)) from error
        boxes = [(at, leaf.space) for at, leaf in enumerate(self.encoding.leaves) if isinstance(leaf, BoxLeaf)]
        self._precision = [(place, Precision()) for place, _ in boxes]
        self._bounds = [(place, Bounds(*sound_bounds(box))) for place, box in boxes]
        self.turn = _turns.setdefault(id(env.unwrapped), Turn())
        self._me = object()
        self._take = action_converter(env.action_space)
        self._acts = copy.copy(env.action_space)  # the environment may change its own
        self._mask_source = mask_source
        self.actions = None if mask_source is None else mask_source.actions_of(env.action_space, identity)
        """The number of actions, if there are masks."""

    def reset(self, *, seed: int | None = None, options: Info | None = None) -> tuple[Any, Info]:
        self.turn.owner = self._me
        values = self._called("reset", self.env.reset, seed=seed, options=options)
        if not isinstance(values, tuple) or len(values) != 2:
            raise self._fault(translated("reset must return two values, (observation, info)"))
        observation, info = values
        self._require_info("reset", info)
        self._require_actions()
        self._checked(observation)
        if self._mask_source is not None:
            self._allow(observation, info, False, False)
        return observation, info

    def step(self, action: object) -> tuple[Any, float, bool, bool, Info]:
        self._steps += 1
        if self.turn.owner is not self._me and self.turn.owner is not None:
            raise self._fault(
                translated("another copy was reset in between: the function that makes it returns one object again")
            )
        try:
            action = self._take(action)
        except ValueError as error:
            raise self._fault(translated("the action is {error}", error=error)) from error
        values = self._called("step", self.env.step, action)
        if not isinstance(values, tuple) or len(values) != 5:
            count = len(values) if isinstance(values, tuple) else 1
            raise self._fault(
                translated(
                    "step returned {count} values, not (observation, reward, terminated, truncated, info)", count=count
                )
            )
        observation, reward, terminated, truncated, info = values
        number = reward_of(reward)
        if number is None:
            raise self._fault(translated("the reward is {reward}, not a finite number", reward=shown(reward)))
        if type(terminated) is not bool:
            terminated = self._flag("terminated", terminated)
        if type(truncated) is not bool:
            truncated = self._flag("truncated", truncated)
        self._require_info("step", info)
        self._checked(observation)
        if self._mask_source is not None:
            self._allow(observation, info, terminated, terminated or truncated)
        return observation, number, terminated, truncated, info

    @property
    def steps(self) -> int:
        """The number of calls of `step`."""
        return self._steps

    def render(self) -> Any:
        try:
            return self._called("render", self.env.render)
        except RunError as error:
            if isinstance(error.__cause__, (ZeroneError, gymnasium.error.DependencyNotInstalled)):
                raise error.__cause__ from None  # it has a one-line message already
            raise

    def close(self) -> None:
        """Close it, within the step timeout if there is one.

        An error while closing is only a warning: it must not discard a result.
        """
        limit = current()
        try:
            if limit is None:
                self.env.close()
            else:
                limit.call(lambda what: self._fault(f"close {what}"), self.env.close)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            what = str(error) if isinstance(error, LateError) else raised(error)
            gymnasium.logger.warn(f"environment {self.identity}: close {what}")

    def _called(self, name: str, function: Callable[..., Any], *arguments: object, **named: object) -> Any:
        """Call the environment's own code; whatever it raises, `sys.exit` too, becomes a one-line error.

        A call that takes longer than the step timeout, if there is one, becomes an error, too.
        """
        limit = current()
        try:
            if limit is None and not outside.wide:  # the usual case, at each step
                return function(*arguments, **named)
            with as_outside():
                if limit is None:
                    return function(*arguments, **named)
                return limit.call(lambda what: self._fault(f"{name} {what}"), function, *arguments, **named)
        except KeyboardInterrupt:
            raise
        except LateError as error:
            raise self._fault(f"{name} {error}") from None
        except BaseException as error:
            what = raised(error)
            if name == "reset" and isinstance(error, TypeError) and _is_old(self.env.unwrapped.reset, str(error)):
                what = translated("{what}; it must be reset(self, *, seed=None, options=None)", what=what)
            raise self._fault(f"{name} {what}") from error

    def _flag(self, name: str, value: object) -> bool:
        found = flag_of(value)
        if found is None:
            raise self._fault(translated("{name} is {value}, not one boolean", name=name, value=shown(value)))
        return found

    def _require_info(self, name: str, info: object) -> None:
        if type(info) is not dict and not isinstance(info, Mapping):
            raise self._fault(
                translated("{name} returned {info} as its info, not a dictionary", name=name, info=shown(info))
            )

    def _require_actions(self) -> None:
        """Policies are made for the first action space: they would never take an action that a reset has added."""
        now = self.env.action_space
        try:
            same = bool(now == self._acts)
        except Exception:  # of a foreign space
            return
        if not same:
            raise self._fault(
                translated(
                    "the action space was {before} when it was made, and is {now} after a reset: it must stay the same",
                    before=describe(self._acts),
                    now=describe(now),
                )
            )

    def _allow(self, observation: object, info: object, terminated: bool, over: bool) -> None:
        assert self._mask_source is not None  # noqa: S101 - only then
        assert self.actions is not None  # noqa: S101 - the same
        try:
            with as_outside():
                self.allowed = self._mask_source.of(observation, info, self.actions, terminated=terminated, over=over)
        except KeyboardInterrupt:
            raise
        except MaskError as error:
            raise self._fault(str(error)) from None
        except BaseException as error:  # of a foreign function
            raise self._fault(translated("the action mask {error}", error=raised(error))) from error

    def _checked(self, observation: object) -> None:
        try:
            self.encoded = self.encoding(observation)
        except ObservationError as error:
            raise self._fault(str(error)) from None
        self._observed += 1
        if self._observed <= FIRST_LOOKS or self._observed % FIRST_LOOKS < 2:
            self._look(observation)

    def _look(self, observation: object) -> None:
        """Give a notice, once, if observations need more than 32 bits, or are far outside their bounds."""
        near = self._observed <= FIRST_LOOKS or self._observed % FIRST_LOOKS == 1
        found = self.encoding.read(observation)
        for place, precision in self._precision:
            if lost := precision.look(found[place], near):
                name = self.encoding.leaves[place].name or translated("the observation")
                self._notices(
                    translated(
                        "environment {identity}: {name} changes by less than can be seen: {lost}; subtract what "
                        "does not change, in a wrapper",
                        identity=self.identity,
                        name=name,
                        lost=lost,
                    ),
                    about=f"precision of {name}",
                )
        for place, bounds in self._bounds:
            if outside := bounds.look(found[place]):
                name = self.encoding.leaves[place].name or translated("the observation")
                line = translated(
                    "environment {identity}: {name} is far outside of its space: {outside}",
                    identity=self.identity,
                    name=name,
                    outside=outside,
                )
                self._notices(
                    translated("{line}; correct the space, or scale what is seen in a wrapper", line=line),
                    about="bounds",
                )

    def check_repeats(self, seed: int) -> None:
        """Give a notice, once, if two resets with this seed differ: then results cannot be reproduced."""
        found: list[np.ndarray] = []
        for _ in range(2):
            with GlobalChance(seed):
                self.reset(seed=seed)
            found.append(np.array(self.encoded))
        if not np.array_equal(found[0], found[1]):
            line = translated(
                "environment {identity}: two resets with the seed {seed} begin differently",
                identity=self.identity,
                seed=seed,
            )
            self._notices(
                translated(
                    "{line}, so no training in it can be repeated; it should draw from self.np_random alone", line=line
                )
            )

    def _fault(self, what: str) -> RunError:
        return RunError(
            translated(
                "environment {identity}, seed {run_seed}, step {steps}: {what}",
                identity=self.identity,
                run_seed=self.run_seed,
                steps=self._steps,
                what=what,
            )
        )


def _is_old(reset: Callable[..., Any], error: str) -> bool:
    """Whether `reset` lacks the parameter of today's Gymnasium of which a `TypeError` speaks."""
    try:
        parameters = inspect.signature(reset).parameters.values()
    except (TypeError, ValueError):
        return False
    takes = {each.name for each in parameters}
    anything = any(each.kind is each.VAR_KEYWORD for each in parameters)
    return any(f"argument '{each}'" in error and each not in takes and not anything for each in ("seed", "options"))
