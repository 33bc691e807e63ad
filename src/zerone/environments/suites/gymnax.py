"""gymnax, version 1.0 or newer, without its own time limits and resets (https://github.com/RobertTLange/gymnax).

Zerone's `TimeLimit` replaces gymnax's own time limit (`is_truncated`), so that the option `limit` works as usual.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, NamedTuple

import gymnasium
import gymnax
import jax
import jax.numpy as jnp
import numpy as np
from gymnax.environments import spaces

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.pytree import configured
from zerone.environments.base import Array, Info, Key, Tree
from zerone.environments.entries import Entry
from zerone.environments.suites.adapting import Options, arguments_of, as_options, plain, text_of

LIMIT = "max_steps_in_episode"


class Made(NamedTuple):
    """The suite's own environment with its parameters, and its spaces converted to Gymnasium's."""

    environment: Any
    parameters: Any
    observation_space: gymnasium.Space[Any]
    action_space: gymnasium.Space[Any]


@functools.cache
def made(name: str, arguments: Options, parameters: Options) -> Made:
    """Make the environment for an adapter with these fields."""
    with jax.ensure_compile_time_eval():  # the call may happen while a program is traced
        environment, default = gymnax.make(name, **dict(arguments))
        chosen = default.replace(**dict(parameters))
        spaces = (environment.observation_space(chosen), environment.action_space(chosen))
        return Made(environment, chosen, *(as_gymnasium(each, name) for each in spaces))


@configured
class Gymnax:
    """An environment of gymnax. `arguments` are passed to its class; `parameters` are those of the task."""

    name: str
    arguments: tuple[tuple[str, Any], ...] = ()
    parameters: tuple[tuple[str, Any], ...] = ()

    @property
    def inside(self) -> Made:
        return made(self.name, self.arguments, self.parameters)

    @property
    def observation_space(self) -> gymnasium.Space[Any]:
        return self.inside.observation_space

    @property
    def action_space(self) -> gymnasium.Space[Any]:
        return self.inside.action_space

    def reset(self, key: Key) -> tuple[Array, Tree]:
        observation, state = self.inside.environment.reset_env(key, self.inside.parameters)
        return self._seen(observation), state

    def step(self, key: Key, state: Tree, action: Array) -> tuple[Array, Tree, Array, Array, Info]:
        inside = self.inside
        found = inside.environment.step_env(key, state, action, inside.parameters)
        observation, state, reward, terminated, info = found
        ended = jnp.asarray(terminated, bool)
        return self._seen(observation), state, jnp.asarray(reward, jnp.float32).reshape(()), ended, info

    def described(self) -> tuple[str, dict[str, Any]]:
        """The id and the options from which it can be made again."""
        return f"gymnax:{self.name}", {**dict(self.arguments), **dict(self.parameters)}

    def _seen(self, observation: Any) -> Array:
        space = self.observation_space
        return jnp.asarray(observation, np.int32 if space.shape == () else space.dtype)


def as_gymnasium(space: Any, name: str) -> gymnasium.Space[Any]:
    """Convert a space of gymnax to one of Gymnasium. Raises `InputError` unless it is `Box` or `Discrete`."""
    if isinstance(space, spaces.Discrete):
        return gymnasium.spaces.Discrete(int(space.n))
    if isinstance(space, spaces.Box):
        low, high = (np.broadcast_to(np.asarray(each, np.float32), space.shape) for each in (space.low, space.high))
        return gymnasium.spaces.Box(low, high, tuple(space.shape), np.float32)
    raise InputError(
        translated(
            "gymnax:{name}: spaces of the kind {kind} cannot be taken: must be Box or Discrete",
            name=name,
            kind=type(space).__name__,
        )
    )


def ids() -> list[str]:
    """The ids of all environments of gymnax."""
    return list(gymnax.registered_envs)


def entry(id: str, name: str) -> Entry:  # noqa: A002
    """The entry of an environment of gymnax."""
    environment, default, *_ = made(name, (), ())
    parameters = plain({each.name: getattr(default, each.name) for each in dataclasses.fields(default)})
    limit = int(parameters.pop(LIMIT))
    arguments = arguments_of(type(environment))

    def make(**chosen: Any) -> Gymnax:
        own = {each: value for each, value in chosen.items() if each in arguments}
        return Gymnax(name, as_options(own), as_options({k: v for k, v in chosen.items() if k not in own}))

    text = text_of(type(environment)) or "an environment of gymnax"
    return Entry(id, text, "gymnax", limit, None, "", "", kind=make, takes={**arguments, **parameters})
