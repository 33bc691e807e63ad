"""Playing in compiled environments: a source of steps to learn from, block by block."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.protocol import Algorithm, Array, Key, Steps, acting, begin_where, initial_memory
from zerone.base.pytree import struct
from zerone.base.sums import Sum, nothing_of
from zerone.environments.base import TimedEnvironment, Tree
from zerone.environments.spaces import from_environment, to_environment
from zerone.environments.wrappers import AutoReset, mask_of


@struct
class Episodes:
    """Of each environment, the episodes that have ended: how many (int32 [N]), and the sum of their returns (float32).

    Their lengths are not added up: they follow from the steps played and the episodes still going on. Each number
    that is added up in the loop makes a table learn slower (see `compiled`).
    """

    count: Array
    total_return: Array

    @staticmethod
    def none(environments: int) -> Episodes:
        """None has ended yet."""
        return Episodes(jnp.zeros(environments, jnp.int32), jnp.zeros(environments, jnp.float32))


@struct
class EnvironmentState:
    """N environments in the middle of their episodes, how long these are so far (int32 [N]), and what has ended.

    `memory` is what the policy carries from one step of an episode to the next, [N, ...].

    `earned` adds up all rewards, and the returns of what has ended are what it was at the last end: so one addition
    does for both. What it is above that is the return of the episode going on.
    """

    state: Tree
    observation: Array
    episode_length: Array
    earned: Sum
    ended: Episodes
    memory: Any

    def counted(self) -> EnvironmentState:
        """The same when nothing has ended yet. On the host."""
        going_on = self.earned.total() - np.asarray(self.ended.total_return, np.float64)
        earned = Sum.of(np.where(np.isfinite(going_on), going_on, 0.0))
        return dataclasses.replace(self, earned=earned, ended=nothing_of(self.ended))


def start(algorithm: Algorithm, environment: TimedEnvironment, policy: Any, key: Key) -> EnvironmentState:
    """The environments of an algorithm at the first step of an episode. Consumes `key`."""
    number = algorithm.environments
    observation, state = jax.vmap(environment.reset)(jax.random.split(key, number))
    lengths, memory = jnp.zeros(number, jnp.int32), initial_memory(algorithm, policy, number)
    return EnvironmentState(state, observation, lengths, Sum.zero(number), Episodes.none(number), memory)


@struct
class RolloutNoise:
    """All that chance decides in one block of T steps of N environments: leaves are [T, N, ...].

    `noise` is for the actions, `step_keys` for the environments' steps, `fresh` are the first observation and
    state of the episodes that may begin, and `update_key` is for learning from the block.
    """

    noise: Any
    step_keys: Key
    fresh: tuple[Array, Tree]
    update_key: Key


class StepSource(Protocol):
    """Where the blocks of steps come from that a compiled training learns from: own play, a recording, or both.

    It is a pytree, so that programs can be given it.
    """

    def draw(
        self, algorithm: Algorithm, environment: TimedEnvironment, policy: Any, key: Key, seed: Array, iteration: Array
    ) -> Any:
        """What chance decides in the block of this iteration, with its `update_key`. Consumes `key`.

        Only the policy's shapes are looked at, and nothing of the environments' state: so many blocks' are drawn
        before any is collected.
        """
        ...

    def collect(
        self, algorithm: Algorithm, environment: TimedEnvironment, policy: Any, simulation: EnvironmentState,
        chance: Any,
    ) -> tuple[EnvironmentState, Steps]:  # fmt: skip
        """The block of steps, and the environments after it."""
        ...

    def own_between(self, first: int, last: int) -> int:
        """How many of the iterations `first` to `last` play in the environments."""
        ...


@struct
class OwnPlay:
    """The agent plays, and a new episode follows each that ends. The stored next observation is always the true one."""

    def draw(
        self, algorithm: Algorithm, environment: TimedEnvironment, policy: Any, key: Key, seed: Array, iteration: Array
    ) -> RolloutNoise:
        del seed, iteration  # `key` is of both
        shape = algorithm.steps_per_update, algorithm.environments
        steps = shape[0] * shape[1]
        keys = jax.random.split(key, 2 + 2 * steps)  # all at once: each split is a program of its own to compile
        step_keys, reset_keys = keys[2 : 2 + steps].reshape(shape), keys[2 + steps :].reshape(shape)
        fresh = jax.vmap(jax.vmap(environment.reset))(reset_keys)
        return RolloutNoise(algorithm.noise(policy, keys[0], shape), step_keys, fresh, keys[1])

    def collect(
        self, algorithm: Algorithm, environment: TimedEnvironment, policy: Any, simulation: EnvironmentState,
        chance: RolloutNoise,
    ) -> tuple[EnvironmentState, Steps]:  # fmt: skip
        observation_space, action_space = environment.observation_space, environment.action_space
        begun = initial_memory(algorithm, policy, algorithm.environments)

        def one(
            simulation: EnvironmentState, chance: tuple[Any, Key, tuple[Array, Tree]]
        ) -> tuple[EnvironmentState, Steps]:
            noise, step_keys, fresh = chance
            seen = from_environment(observation_space, simulation.observation)
            mask = mask_of(environment, simulation.state)
            action, memory, extras = acting(algorithm, policy, simulation.memory, seen, noise, mask)
            state, found = jax.vmap(AutoReset(environment).step)(
                step_keys, simulation.state, to_environment(action_space, action), fresh
            )
            following = from_environment(observation_space, found.next_observation)
            step = Steps(
                seen, action, found.reward, following, found.terminated, found.truncated, extras, simulation.memory,
                mask, found.next_mask,
            )  # fmt: skip
            done = found.terminated | found.truncated
            length, ended = simulation.episode_length + 1, simulation.ended
            earned = simulation.earned.plus(found.reward)
            ended = Episodes(ended.count + done, jnp.where(done, earned.value, ended.total_return))
            length, memory = jnp.where(done, 0, length), begin_where(done, begun, memory)
            return EnvironmentState(state, found.observation, length, earned, ended, memory), step

        return jax.lax.scan(one, simulation, (chance.noise, chance.step_keys, chance.fresh))

    def own_between(self, first: int, last: int) -> int:
        return last - first


OWN_PLAY = OwnPlay()
