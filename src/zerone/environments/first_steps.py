"""The first steps of an environment in JAX that is a user's, or whose reward is, played before a training.

A compiled program raises no errors: a table is read at the nearest index, and NaN looks like learning that diverges. So
some random steps are checked outside of it.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zerone.base.bits import in_32_bits
from zerone.base.compilation import Program, for_once
from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.environments.base import Array, Key, TimedEnvironment
from zerone.environments.gym.encoding import Encoding
from zerone.environments.gym.leaves import ObservationError
from zerone.environments.spaces import to_environment
from zerone.environments.wrappers import AutoReset, Masked, mask_of, own_shaped_rewards

EPISODES, STEPS = 8, 100
"""How many episodes are begun side by side, and how many steps are played in each place."""


def require_sound_steps(environment: TimedEnvironment, name: str) -> None:
    """Play random actions, allowed ones where there are masks, and check what the environment returns.

    Raises:
        InputError: an observation is not in its space, or a reward is NaN or infinite, as on the host engine.
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
                if shaped := own_shaped_rewards(environment):
                    what = translated("the shaped reward {function} is {reward}, not a finite number",
                                      function=shaped[0].shape_name, reward=reward)  # fmt: skip
                raise InputError(_line(name, step, what))


def play(environment: TimedEnvironment, key: Key, actions: Array) -> tuple[Array, Array, Array]:
    """The first observations [EPISODES, ...], and the next ones and the rewards of all steps [STEPS, EPISODES, ...]."""
    playing = AutoReset(environment)

    def one(key: Key, state: Any, action: Array) -> tuple[Any, tuple[Array, Array]]:
        key, choose = jax.random.split(key)
        if isinstance(environment, Masked):
            mask = mask_of(environment, state)
            chosen = jnp.argmax(jnp.where(mask, jax.random.uniform(choose, mask.shape), -1.0))
            action = to_environment(environment.action_space, chosen)
        state, result = playing.step(key, state, action)
        return state, (result.next_observation, result.reward)

    def step(carry: tuple[Any, Key], action: Array) -> tuple[tuple[Any, Key], tuple[Array, Array]]:
        states, key = carry
        key, now = jax.random.split(key)
        states, found = jax.vmap(one)(jax.random.split(now, EPISODES), states, action)
        return (states, key), found

    begin, key = jax.random.split(key)
    first, states = jax.vmap(environment.reset)(jax.random.split(begin, EPISODES))
    _, (observations, rewards) = jax.lax.scan(step, (states, key), actions)
    return first, observations, rewards


_played = Program(play, for_once)


def _line(name: str, step: int, what: str) -> str:
    return translated("environment {name}, step {step} with random actions: {what}", name=name, step=step, what=what)
