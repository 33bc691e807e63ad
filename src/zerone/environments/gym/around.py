"""Wrappers of a Gymnasium environment by name: repeated actions, wrapper classes, and stacked observations.

From the inside to the outside: the environment as its id makes it, with its time limit; `frame_skip`, which repeats
each action; the wrappers, the first one innermost; `frame_stack`, which joins the latest observations. So a wrapper is
called once for each step of the agent, and the stack holds observations that the wrappers have transformed.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import gymnasium
import numpy as np
from gymnasium import spaces

from zerone.base.errors import InputError, ZeroneError
from zerone.base.language import translatable, translated
from zerone.base.modules import ForeignId, named_object, source_of
from zerone.base.saved_types import AroundConfig, WrapperConfig
from zerone.environments.gym.conversion import raised, shown
from zerone.environments.gym.kinds import Env, Maker, Played, Wrapper
from zerone.environments.gym.views import Space

MOST_FRAMES = 1_000
"""Maximum number of stacked observations, and of repeated steps."""


class FrameSkip(Wrapper):
    """Repeats each action `steps` times, or until the episode ends; rewards are summed."""

    def __init__(self, env: Env, steps: int) -> None:
        super().__init__(env)
        self.repeated = steps

    def step(self, action: object) -> Played:
        total: Any  # a reward of any type: the guard checks it
        observation, total, terminated, truncated, info = self.env.step(action)
        for _ in range(self.repeated - 1):
            if terminated or truncated:
                break
            observation, reward, terminated, truncated, info = self.env.step(action)
            total = total + reward
        return observation, total, terminated, truncated, info


@dataclasses.dataclass(frozen=True)
class NamedWrapper:
    """A wrapper function or class, with the name by which it can be imported again."""

    name: str
    function: Callable[..., Any]
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])

    def __call__(self, env: Env, identity: str) -> Env:
        """Wrap an environment. Raises `InputError` if the result is no environment, or the wrapper raises."""
        try:
            made = self.function(env, **self.options)
        except (ZeroneError, KeyboardInterrupt):
            raise
        except BaseException as error:  # any exception of foreign code
            raise InputError(
                translated(
                    "wrapper {name} cannot be put around {identity}: it {error}",
                    name=self.name,
                    identity=identity,
                    error=raised(error),
                )
            ) from error
        if isinstance(made, gymnasium.Env):
            return made
        none = translated("None, not an environment: is its return missing?")
        what = none if made is None else translated("{made}, no gymnasium.Env", made=shown(made))
        raise InputError(
            translated(
                "wrapper {name} is none: put around {identity} it returned {what}",
                name=self.name,
                identity=identity,
                what=what,
            )
        )


WrapperLike: TypeAlias = str | Callable[..., Any] | tuple[str | Callable[..., Any], Mapping[str, Any]]
"""A wrapper class or function, or its name `module:Name`; or a pair of one of these and its keyword options."""


@dataclasses.dataclass(frozen=True)
class Around:
    """All wrappers of an environment."""

    frame_skip: int = 1
    wrappers: tuple[NamedWrapper, ...] = ()
    frame_stack: int = 1

    def __bool__(self) -> bool:
        return self.frame_skip > 1 or bool(self.wrappers) or self.frame_stack > 1

    def put(self, make: Maker, identity: str) -> Maker:
        """A function that makes an environment with all these wrappers."""
        return functools.partial(_made, make, self, identity) if self else make

    def describe(self) -> AroundConfig | None:
        """As a run's configuration stores it; the inverse of `read`."""
        if not self:
            return None
        named: list[WrapperConfig] = [{"name": each.name, "options": dict(each.options)} for each in self.wrappers]
        return {"frame_skip": self.frame_skip, "wrappers": named, "frame_stack": self.frame_stack}

    @staticmethod
    def read(saved: AroundConfig | None) -> Around:
        """The wrappers in a configuration. Raises `InputError` as `around`, or if a module is not trusted."""
        if saved is None:
            return NOTHING
        named = [(ForeignId(each["name"]), each["options"]) for each in saved["wrappers"]]
        return around(named, saved["frame_stack"], saved["frame_skip"])


NOTHING = Around()


def around(wrappers: Sequence[WrapperLike] = (), frame_stack: int = 1, frame_skip: int = 1) -> Around:
    """The wrappers that the user's options describe.

    Raises:
        InputError: a number is not allowed, or a wrapper is invalid or cannot be imported again by its name.
    """
    if isinstance(wrappers, str) or not isinstance(wrappers, Sequence):
        raise InputError(
            translated("wrappers = {wrappers} is not allowed: must be a list of wrappers", wrappers=shown(wrappers))
        )
    for name, value in (("frame_stack", frame_stack), ("frame_skip", frame_skip)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_FRAMES:
            allowed = translated("a whole number from {low} to {high:,}", low=1, high=MOST_FRAMES)
            raise InputError(
                translated(
                    "{name} = {value} is not allowed: must be {allowed}", name=name, value=shown(value), allowed=allowed
                )
            )
    return Around(frame_skip, tuple(_wrapper(each) for each in wrappers), frame_stack)


def _wrapper(given: WrapperLike) -> NamedWrapper:
    found, options = given if isinstance(given, tuple) and len(given) == 2 else (given, {})
    if not isinstance(options, Mapping) or not all(isinstance(each, str) for each in options):
        raise InputError(
            translated(
                "wrapper {found}: its options are {options}, not words with values",
                found=shown(found),
                options=shown(options),
            )
        )
    if isinstance(found, str):
        if ":" not in found:
            raise InputError(
                translated(
                    "wrapper {found!r} is not allowed: must be module:Name, such as gymnasium.wrappers:ClipReward",
                    found=found,
                )
            )
        name, found = found, named_object(found, translatable("wrapper"))
    elif callable(found):
        place = source_of(found)
        if place is None:
            raise InputError(
                translated(
                    "wrapper {name} cannot be found again by a name: put it into a module, or use it in the "
                    "function that makes the environment",
                    name=getattr(found, "__qualname__", shown(found)),
                )
            )
        name = place
    else:
        name = shown(found)
    if not callable(found):
        raise InputError(
            translated(
                "wrapper {name} is none: it is {found}, not a class or function that takes an environment",
                name=name,
                found=shown(found),
            )
        )
    return NamedWrapper(str(name), found, options)


def _made(make: Maker, around: Around, identity: str) -> Env:
    env = made = make()
    try:
        if around.frame_skip > 1:
            env = FrameSkip(env, around.frame_skip)
        for each in around.wrappers:
            env = each(env, identity)
        if around.frame_stack > 1:
            env = _stacked(env, around.frame_stack)
    except ZeroneError:
        made.close()
        raise
    except Exception as error:
        made.close()
        raise InputError(
            translated(
                "environment {identity}: frame_stack = {frame_stack} is not allowed here: stacking {error}",
                identity=identity,
                frame_stack=around.frame_stack,
                error=raised(error),
            )
        ) from error
    return env


def _stacked(env: Env, frames: int) -> Env:
    """Gymnasium's wrapper that joins the latest observations, with a space of which counts stay counts."""
    stack: Env = gymnasium.wrappers.FrameStackObservation(env, frames)
    stack.observation_space = _counted(env.observation_space, stack.observation_space, frames)
    return stack


def _counted(one: Space, stack: Space, frames: int) -> Space:
    """The space of `frames` observations of the space `one`; `stack` is Gymnasium's, in which counts are a `Box`."""
    if isinstance(one, spaces.MultiDiscrete):
        numbers, start = (np.stack([each] * frames) for each in (one.nvec, one.start))
        return spaces.MultiDiscrete(numbers, one.dtype.type, start=start)
    if isinstance(one, spaces.MultiBinary):
        return spaces.MultiBinary((frames, *one.shape))
    if isinstance(one, spaces.Tuple) and isinstance(stack, spaces.Tuple):
        return spaces.Tuple([_counted(*pair, frames) for pair in zip(one.spaces, stack.spaces, strict=True)])
    if isinstance(one, spaces.Dict) and isinstance(stack, spaces.Dict):
        return spaces.Dict({name: _counted(one[name], each, frames) for name, each in stack.spaces.items()})
    return stack


def time_limit_of(env: Env) -> int | None:
    """The environment's time limit in steps of the agent; None if it declares none."""
    spec, repeated = env.spec, 1
    while isinstance(env, gymnasium.Wrapper):
        repeated *= env.repeated if isinstance(env, FrameSkip) else 1
        env = env.env
    limit = spec.max_episode_steps if spec is not None else None
    return None if limit is None else -(-limit // repeated)
