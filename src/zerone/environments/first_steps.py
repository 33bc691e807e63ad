"""The first steps of a user's environment in JAX, played before a training.

A compiled program raises no errors: a table is read at the nearest index, and NaN looks like learning that diverges. So
some random steps are checked outside of it.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import jax
import numpy as np

from zerone.base.bits import in_32_bits
from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.environments.base import Array, Key, TimedEnvironment
from zerone.environments.gym.encoding import Encoding
from zerone.environments.gym.leaves import ObservationError
from zerone.environments.wrappers import AutoReset

EPISODES, STEPS = 8, 100
"""How many episodes are begun side by side, and how many steps are played in each place."""


def require_sound_steps(environment: TimedEnvironment, name: str) -> None:
    """Play random actions, and check what the environment returns as on the host engine.

    Raises:
        InputError: an observation is not in its space, or a reward is NaN or infinite.
    """
    space = copy.deepcopy(environment.action_space)
    space.seed(0)
    actions = np.stack([[space.sample() for _ in range(EPISODES)] for _ in range(STEPS)])
    with in_32_bits():
        first, observations, rewards = jax.device_get(_played(environment, jax.random.key(0), actions))
    encoding = Encoding(environment.observation_space)
    for step in range(1 + STEPS):
        for place in range(EPISODES):
            seen = first[place] if step == 0 else observations[step - 1][place]
            try:
                encoding(seen[()])  # a number, not an array, if it is a count
            except ObservationError as error:
                raise InputError(_line(name, step, str(error))) from error
            if step and not math.isfinite(reward := float(rewards[step - 1][place])):
                what = translated("the reward is {reward}, not a finite number", reward=reward)
                raise InputError(_line(name, step, what))


def _played(environment: TimedEnvironment, key: Key, actions: np.ndarray) -> tuple[Array, Array, Array]:
    """The first observations [EPISODES, ...], and the next ones and the rewards of all steps [STEPS, EPISODES, ...]."""
    playing = AutoReset(environment)

    def reset(key: Key) -> tuple[Any, Array]:
        observation, state = environment.reset(key)
        return state, observation

    def step(carry: tuple[Any, Key], action: Array) -> tuple[tuple[Any, Key], tuple[Array, Array]]:
        states, key = carry
        key, now = jax.random.split(key)
        states, result = jax.vmap(playing.step)(jax.random.split(now, EPISODES), states, action)
        return (states, key), (result.next_observation, result.reward)

    @jax.jit
    def play(key: Key, actions: Array) -> tuple[Array, Array, Array]:
        begin, key = jax.random.split(key)
        states, first = jax.vmap(reset)(jax.random.split(begin, EPISODES))
        _, (observations, rewards) = jax.lax.scan(step, (states, key), actions)
        return first, observations, rewards

    found: tuple[Array, Array, Array] = play(key, actions)
    return found


def _line(name: str, step: int, what: str) -> str:
    return translated("environment {name}, step {step} with random actions: {what}", name=name, step=step, what=what)
