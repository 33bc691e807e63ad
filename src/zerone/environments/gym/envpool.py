"""EnvPool's environments (`envpool:Pong-v5`): vector environments stepped in C++, by their own threads."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from zerone.base.errors import InputError, closest
from zerone.base.extras import install
from zerone.base.language import translated
from zerone.environments.gym.kinds import Info, Played, Seeds, Vector
from zerone.environments.gym.vectors import Vectors

PREFIX = "envpool:"
LARGEST_SEED = 2**31 - 1


def is_of_envpool(id: str) -> bool:  # noqa: A002 - Gymnasium's word
    """Whether an id is one of EnvPool's."""
    return id.startswith(PREFIX)


def vectors(id: str, options: dict[str, Any]) -> Vectors:  # noqa: A002 - Gymnasium's word
    """A maker of vectors of an EnvPool environment; `options` are those of `envpool.make`.

    Raises:
        InputError: EnvPool is not installed, or has no such environment.
    """
    name = id.removeprefix(PREFIX)
    try:
        import envpool
    except ImportError as error:
        raise InputError(
            translated(
                "environment {id} needs {name}, which is not installed: {command}",
                id=id,
                name=error.name,
                command=install("envpool"),
            )
        ) from error
    there = envpool.list_all_envs()
    if name not in there:
        near = closest(name, there)
        none = translated("environment {id}: EnvPool has no {name!r}", id=id, name=name)
        meant = translated("did you mean {name!r}?", name=near)
        raise InputError(translated("{path}: {error}", path=none, error=meant) if near else none)
    return Vectors(functools.partial(EnvPoolVector, name, options), id)


class EnvPoolVector(Vector):
    """An EnvPool pool as a Gymnasium vector. EnvPool is seeded when made, so a new seed makes a new pool."""

    def __init__(self, name: str, options: dict[str, Any], number: int) -> None:
        self._name, self._options = name, options
        self.num_envs = number
        self._pool = self._made(0)
        self.metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}
        self.single_observation_space, self.single_action_space = self._pool.observation_space, self._pool.action_space
        self.observation_space = batch_space(self.single_observation_space, number)
        self.action_space = batch_space(self.single_action_space, number)

    def reset(self, *, seed: Seeds = None, options: Info | None = None) -> tuple[Any, Info]:
        del options
        first = seed[0] if isinstance(seed, list) else seed
        if first is not None:
            self._pool.close()
            self._pool = self._made(int(first) % LARGEST_SEED)
        observation, _ = self._pool.reset()
        return observation, {}

    def step(self, actions: object) -> Played:
        kind = np.int32 if np.asarray(actions).dtype.kind in "iu" else np.float64
        observation, reward, terminated, truncated, _ = self._pool.step(np.asarray(actions, kind))
        return observation, reward, terminated, truncated, {}

    def close_extras(self, **kwargs: object) -> None:
        """Release the pool."""
        del kwargs
        self._pool.close()

    def _made(self, seed: int) -> Any:
        import envpool

        threads = {"num_threads": 1} if self.num_envs == 1 else {}
        return envpool.make(
            self._name, env_type="gymnasium", num_envs=self.num_envs, seed=seed, **{**threads, **self._options}
        )
