"""The compiled functions of the host engine; everything else of it is Python."""

from __future__ import annotations

import dataclasses
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp

from zerone.algorithms.protocol import Algorithm, Array, Key, Steps, act_masked, initial_memory, ongoing, reset_memory
from zerone.base.compilation import for_long
from zerone.engines.offline_data import with_extras
from zerone.engines.streams import INIT, TRAIN
from zerone.environments.spaces import Spaces, from_environment, to_environment


def _key(seed: Array, purpose: int, index: Array | int) -> Array:
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), purpose), index)


def update_key(seed: Array, index: Array) -> Key:
    """The key of the update of an iteration."""
    key: Key = jax.random.split(_key(seed, TRAIN, index))[1]
    return key


def as_seen(spaces: Spaces, steps: Steps) -> Steps:
    """Steps with observations converted from the environment's to those of algorithms."""
    seen = from_environment(spaces.observation, steps.observation)
    following = from_environment(spaces.observation, steps.next_observation)
    return dataclasses.replace(steps, observation=seen, next_observation=following)


class Programs:
    """The compiled functions of the host engine: init, noise, act and update."""

    def __init__(self, spaces: Spaces) -> None:
        counted_from_zero = isinstance(spaces.action, gymnasium.spaces.Discrete) and spaces.action.start == 0

        def init(algorithm: Algorithm, seed: Array) -> Any:
            return algorithm.init(_key(seed, INIT, 0), spaces)

        def initial_ongoing(algorithm: Algorithm) -> list[Any]:
            return ongoing(algorithm.init(jax.random.key(0), spaces))

        def noise(algorithm: Algorithm, policy: Any, seed: Array, index: Array, part: Array, shape: Any) -> Any:
            noise_key, _ = jax.random.split(_key(seed, TRAIN, index))
            return algorithm.noise(policy, jax.random.fold_in(noise_key, part), shape)

        def explore(
            tree: Any, leaves: list[Array], memory: Any, begins: Array | None, observation: Array, noise: Any, mask: Any
        ) -> tuple[Array, Array | None, Any, tuple[Any, Any]]:
            algorithm: Algorithm
            algorithm, policy = jax.tree.unflatten(tree, leaves)
            if begins is not None:
                memory = reset_memory(begins, initial_memory(algorithm, policy, algorithm.environments), memory)
            seen = from_environment(spaces.observation, observation)
            action, after, extras = act_masked(algorithm, policy, memory, seen, noise, mask)
            sent = None if counted_from_zero else to_environment(spaces.action, action)
            return action, sent, after, (extras, memory)

        def greedy(algorithm: Algorithm, policy: Any, memory: Any, observation: Array, mask: Any) -> tuple[Array, Any]:
            seen = from_environment(spaces.observation, observation)
            action, memory, _ = act_masked(algorithm, policy, memory, seen, None, mask)
            return to_environment(spaces.action, action), memory

        def update(
            tree: Any, algorithm: Algorithm, leaves: list[Array], steps: Steps, seed: Array, index: Array
        ) -> tuple[list[Array], Any, Any]:
            state, metrics = algorithm.update(
                jax.tree.unflatten(tree, leaves), as_seen(spaces, steps), update_key(seed, index)
            )
            shape = algorithm.steps_per_update, algorithm.environments
            drawn = noise(algorithm, state.policy, seed, index + 1, jnp.int32(0), shape)
            return jax.tree.leaves(state), metrics, drawn

        def acted(algorithm: Algorithm, policy: Any, steps: Steps, seed: Array, index: Array) -> Steps:
            shape = algorithm.steps_per_update, algorithm.environments
            drawn = noise(algorithm, policy, seed, index, jnp.int32(0), shape)
            as_played = with_extras(algorithm, policy, as_seen(spaces, steps), drawn)
            return dataclasses.replace(steps, extras=as_played.extras, memory=as_played.memory)

        self.init = jax.jit(init)
        self.initial_ongoing = jax.jit(initial_ongoing)
        self.acted = jax.jit(acted)
        self.noise = jax.jit(noise, static_argnums=5)
        self.explore = jax.jit(explore, static_argnums=0, compiler_options=for_long())
        self.greedy = jax.jit(greedy)
        self.initial_memory = jax.jit(initial_memory, static_argnums=2)
        self.update = jax.jit(update, static_argnums=0, donate_argnums=2, compiler_options=for_long())
