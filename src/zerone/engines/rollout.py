"""Playing in compiled environments: a source of steps to learn from, block by block."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.protocol import Algorithm, Array, Key, Steps, act_masked, initial_memory, reset_memory
from zerone.base.pytree import struct
from zerone.base.sums import Sum, nothing_of
from zerone.environments.base import TimedEnvironment, Tree
from zerone.environments.spaces import from_environment, to_environment
from zerone.environments.wrappers import AutoReset, mask_of


@struct
class Episodes:
    """The ended episodes of each environment: their number (int32 [N]), and the sum of their returns (float32 [N]).

    Their lengths are not summed: they follow from the steps played and the unfinished episodes. Each sum in the loop
    slows down a table's training.
    """

    count: Array
    total_return: Array


@struct
class EnvironmentState:
    """N environments within their episodes, the lengths of these so far (int32 [N]), and the ended episodes.

    `memory` is the policy's memory, [N, ...]. `earned` is the sum of all rewards; `ended.total_return` is its value at
    the last end of an episode, so a single sum serves both. Their difference is the return of the unfinished episode.
    """

    state: Tree
    observation: Array
    episode_length: Array
    earned: Sum
    ended: Episodes
    memory: Any

    def counted(self) -> EnvironmentState:
        """The state with its counts of ended episodes set to 0. To be called outside of compiled programs."""
        going_on = self.earned.total() - np.asarray(self.ended.total_return, np.float64)
        earned = Sum.of(np.where(np.isfinite(going_on), going_on, 0.0))
        return dataclasses.replace(self, earned=earned, ended=nothing_of(self.ended))


def start(algorithm: Algorithm, environment: TimedEnvironment, policy: Any, key: Key) -> EnvironmentState:
    """The environments of an algorithm at the first step of an episode. Consumes `key`."""
    number = algorithm.environments
    observation, state = jax.vmap(environment.reset)(jax.random.split(key, number))
    lengths, memory = jnp.zeros(number, jnp.int32), initial_memory(algorithm, policy, number)
    none_ended = Episodes(jnp.zeros(number, jnp.int32), jnp.zeros(number))
    return EnvironmentState(state, observation, lengths, Sum.zero(number), none_ended, memory)


@struct
class RolloutNoise:
    """All random numbers of a block of T steps of N environments: leaves are [T, N, ...].

    `noise` is for the actions, `step_keys` are for the environments' steps, `fresh` are the first observation and
    state of episodes that may begin, and `update_key` is for learning from the block.
    """

    noise: Any
    step_keys: Key
    fresh: tuple[Array, Tree]
    update_key: Key


class StepSource(Protocol):
    """The source of the blocks of steps that a compiled training learns from: own play, recorded steps, or both.

    It is a pytree, so it can be an argument of compiled programs.
    """

    def draw(
        self, algorithm: Algorithm, environment: TimedEnvironment, policy: Any, key: Key, seed: Array, iteration: Array
    ) -> Any:
        """The random numbers of the block of this iteration, with its `update_key`. Consumes `key`.

        They depend on the policy's shapes alone, and not on the environments' state, so those of several blocks are
        drawn before any is collected.
        """
        ...

    def collect(
        self, algorithm: Algorithm, environment: TimedEnvironment, policy: Any, simulation: EnvironmentState,
        noise: Any,
    ) -> tuple[EnvironmentState, Steps]:  # fmt: skip
        """The block of steps, and the environments after it."""
        ...

    def own_between(self, first: int, last: int) -> int:
        """How many of the iterations `first` to `last` (exclusive) play in the environments."""
        ...


@struct
class OwnPlay:
    """The agent plays; a new episode follows each that ends. Stored next observations are always the true ones."""

    def draw(
        self, algorithm: Algorithm, environment: TimedEnvironment, policy: Any, key: Key, seed: Array, iteration: Array
    ) -> RolloutNoise:
        del seed, iteration  # `key` depends on both
        shape = algorithm.steps_per_update, algorithm.environments
        steps = shape[0] * shape[1]
        keys = jax.random.split(key, 2 + 2 * steps)  # one split: each takes time to compile
        step_keys, reset_keys = keys[2 : 2 + steps].reshape(shape), keys[2 + steps :].reshape(shape)
        fresh = jax.vmap(jax.vmap(environment.reset))(reset_keys)
        return RolloutNoise(algorithm.noise(policy, keys[0], shape), step_keys, fresh, keys[1])

    def collect(
        self, algorithm: Algorithm, environment: TimedEnvironment, policy: Any, simulation: EnvironmentState,
        noise: RolloutNoise,
    ) -> tuple[EnvironmentState, Steps]:  # fmt: skip
        observation_space, action_space = environment.observation_space, environment.action_space
        initial = initial_memory(algorithm, policy, algorithm.environments)

        def one(
            simulation: EnvironmentState, now: tuple[Any, Key, tuple[Array, Tree]]
        ) -> tuple[EnvironmentState, Steps]:
            action_noise, step_keys, fresh = now
            observation = from_environment(observation_space, simulation.observation)
            mask = mask_of(environment, simulation.state)
            action, memory, extras = act_masked(algorithm, policy, simulation.memory, observation, action_noise, mask)
            state, found = jax.vmap(AutoReset(environment).step)(
                step_keys, simulation.state, to_environment(action_space, action), fresh
            )
            next_observation = from_environment(observation_space, found.next_observation)
            step = Steps(
                observation, action, found.reward, next_observation, found.terminated, found.truncated, extras,
                simulation.memory, mask, found.next_mask,
            )  # fmt: skip
            done = found.terminated | found.truncated
            length, ended = simulation.episode_length + 1, simulation.ended
            earned = simulation.earned.plus(found.reward)
            ended = Episodes(ended.count + done, jnp.where(done, earned.value, ended.total_return))
            length, memory = jnp.where(done, 0, length), reset_memory(done, initial, memory)
            return EnvironmentState(state, found.observation, length, earned, ended, memory), step

        return jax.lax.scan(one, simulation, (noise.noise, noise.step_keys, noise.fresh))

    def own_between(self, first: int, last: int) -> int:
        return last - first


OWN_PLAY = OwnPlay()
