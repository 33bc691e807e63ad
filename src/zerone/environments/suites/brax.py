"""brax: robots in a physics engine (https://github.com/google/brax).

Its environments have no time limit themselves; the default here is that of `brax.envs.create`.
"""

from __future__ import annotations

import functools
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from brax import envs

from zerone.base.pytree import configured
from zerone.environments.base import Array, Info, Key, Tree
from zerone.environments.entries import Entry
from zerone.environments.suites.adapting import Options, arguments_of, as_options

LIMIT = arguments_of(envs.create)["episode_length"]


@functools.cache
def made(name: str, arguments: Options) -> tuple[Any, int]:
    """The suite's own environment, and the size of its observation."""
    with jax.ensure_compile_time_eval():  # the call may happen while a program is traced
        environment = envs.get_environment(name, **dict(arguments))
        return environment, jax.eval_shape(environment.reset, jax.random.key(0)).obs.shape[-1]


@configured
class Brax:
    """An environment of brax. Its state is brax's own, which includes the reward and the end of the last step."""

    name: str
    arguments: tuple[tuple[str, Any], ...] = ()

    @property
    def observation_space(self) -> gymnasium.spaces.Box:
        return gymnasium.spaces.Box(-np.inf, np.inf, (made(self.name, self.arguments)[1],), np.float32)

    @property
    def action_space(self) -> gymnasium.spaces.Box:
        return gymnasium.spaces.Box(-1.0, 1.0, (made(self.name, self.arguments)[0].action_size,), np.float32)

    def reset(self, key: Key) -> tuple[Array, Tree]:
        state = made(self.name, self.arguments)[0].reset(key)
        return state.obs, state

    def step(self, key: Key, state: Tree, action: Array) -> tuple[Array, Tree, Array, Array, Info]:
        del key  # only `reset` is random
        state = made(self.name, self.arguments)[0].step(state, action)
        return state.obs, state, jnp.asarray(state.reward, jnp.float32), state.done.astype(bool), {}

    def described(self) -> tuple[str, dict[str, Any]]:
        """The id and the options from which it can be made again."""
        return f"brax:{self.name}", dict(self.arguments)


def ids() -> list[str]:
    """The ids of all environments of brax."""
    return list(envs._envs)


def entry(id: str, name: str) -> Entry:  # noqa: A002
    """The entry of an environment of brax."""
    kind = envs._envs[name]

    def make(**chosen: Any) -> Brax:
        return Brax(name, as_options(chosen))

    return Entry(id, f"{name}, of brax", "brax", LIMIT, None, "", "", kind=make, takes=arguments_of(kind))
