"""navix: MiniGrid's grid worlds (https://github.com/epignatelli/navix).

Zerone's `TimeLimit` replaces navix's own time limit, so that the option `limit` works as usual. The default is that of
`navix.make`.
"""

from __future__ import annotations

import functools
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import navix
import numpy as np
from navix.environments.environment import StepType

from zerone.base.pytree import configured
from zerone.environments.base import Array, Info, Key, Tree
from zerone.environments.entries import Entry
from zerone.environments.suites.adapting import Options, arguments_of, as_options

LIMIT = arguments_of(navix.make)["max_steps"]
NEVER = 2**30
"""The time limit given to navix, which is never reached."""
LARGEST_SYMBOL = 10
"""The symbol of the player in observations; it exceeds the bound of navix's own spaces."""


@functools.cache
def made(name: str, arguments: Options) -> Any:
    """Make the suite's own environment."""
    with jax.ensure_compile_time_eval():  # the call may happen while a program is traced
        return navix.make(name, max_steps=NEVER, **dict(arguments))


@configured
class Navix:
    """An environment of navix. Its state is navix's own time step."""

    name: str
    arguments: tuple[tuple[str, Any], ...] = ()

    @property
    def observation_space(self) -> gymnasium.spaces.Box:
        shape = made(self.name, self.arguments).observation_space.shape
        return gymnasium.spaces.Box(0, LARGEST_SYMBOL, shape, np.uint8)

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        return gymnasium.spaces.Discrete(len(made(self.name, self.arguments).action_set))

    def reset(self, key: Key) -> tuple[Array, Tree]:
        first = made(self.name, self.arguments).reset(key)
        return first.observation, first

    def step(self, key: Key, state: Tree, action: Array) -> tuple[Array, Tree, Array, Array, Info]:
        del key  # the state has its own key
        # navix's `step` also resets after an episode; `_step` is the step alone.
        following = made(self.name, self.arguments)._step(state, action)
        ended = following.step_type == StepType.TERMINATION
        return following.observation, following, jnp.asarray(following.reward, jnp.float32), ended, {}

    def described(self) -> tuple[str, dict[str, Any]]:
        """The id and the options from which it can be made again."""
        return f"navix:{self.name}", dict(self.arguments)


def ids() -> list[str]:
    """The ids of all environments of navix."""
    return list(navix.registry())


def entry(id: str, name: str) -> Entry:  # noqa: A002
    """The entry of an environment of navix."""

    def make(**chosen: Any) -> Navix:
        return Navix(name, as_options(chosen))

    return Entry(id, f"{name}, of navix", "navix", LIMIT, None, "", "", kind=make, takes={})
