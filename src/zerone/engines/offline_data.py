"""Offline data: blocks of recorded steps to learn from, alone or in turn with own play.

Every column of a block (one for each of the algorithm's environments) reads the recording round and round, each from
another place, and each seed from places of its own. Which iterations read recorded steps, and which steps, follows from
the number of the iteration and the seed: there is no state, so chunks and resuming change nothing.

Only steps that followed each other are joined: where the recording starts again, and where recorded steps and own play
alternate, the last step is marked `truncated`, so a trace or an n-step return ends there.
"""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.protocol import Algorithm, Array, Key, Steps, initial_memory
from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.pytree import static, struct
from zerone.engines.rollout import OWN_PLAY, EnvironmentState, RolloutNoise
from zerone.engines.streams import OFFLINE
from zerone.environments.base import TimedEnvironment
from zerone.environments.spaces import from_environment

FINEST_SHARE = 1000
"""The share of own play is a fraction with at most this denominator: integers are exact."""


@struct
class Recorded:
    """L steps of several episodes, one after the other. A frame is an observation as the environment returned it.

    An episode of T steps has T + 1 frames, so a step's next observation is the frame after its own. Arrays are NumPy's
    or JAX's.
    """

    frames: Any
    """Observations [L + episodes, ...]."""
    at: Any
    """The number of each step's frame, int32 [L]."""
    action: Any
    """Actions as an algorithm draws them (`spaces.to_algorithm`), [L, ...]."""
    reward: Any
    """float32 [L]."""
    terminated: Any
    """bool [L]."""
    truncated: Any
    """bool [L]; True also at an episode's last step if that is not terminal, and at the last step of all."""


@struct
class OfflineBatch:
    """The data of one iteration of a compiled training: recorded steps, and the random numbers of own play.

    `own` (bool) says whether the iteration is own play; None where there is none at all.
    """

    noise: RolloutNoise
    steps: Steps
    own: Array | None
    switches: Array

    @property
    def update_key(self) -> Key:
        """The key for learning from the block."""
        return self.noise.update_key


@struct
class OfflineData:
    """Recorded steps, and how often the agent plays itself: `own` of every `of` iterations, evenly spread."""

    recorded: Recorded
    own: Any
    of: Any
    mixes: bool = static()
    """Whether there is own play at all; without it, training uses no environment."""

    @property
    def length(self) -> int:
        """The number L of recorded steps."""
        length: int = self.recorded.at.shape[0]
        return length

    def own_before(self, iteration: Any) -> Any:
        """How many of the iterations before this one are own play: ⌊iteration × own / of⌋."""
        return iteration // self.of * self.own + iteration % self.of * self.own // self.of

    def is_own(self, iteration: Any) -> Any:
        """Whether this iteration is own play."""
        return self.own_before(iteration + 1) > self.own_before(iteration)

    def own_between(self, first: int, last: int) -> int:
        """How many of the iterations `first` to `last` (exclusive) are own play."""
        return int(self.own_before(last) - self.own_before(first))

    def switches(self, iteration: Any) -> Any:
        """Whether recorded steps and own play alternate after this iteration."""
        return self.is_own(iteration) != self.is_own(iteration + 1)

    def block(self, iteration: Any, begin: Any, steps: int, columns: int) -> Steps:
        """The recorded steps of this iteration, [steps, columns, ...]: each column continues where it stopped.

        `begin` is the seed's first step (`first_step`); from it the columns are spread evenly over the recording.
        Observations are as the environment returned them, and there are no extras.
        """
        read = (iteration - self.own_before(iteration)) * steps % self.length
        column = np.arange(columns, dtype=np.int64) * self.length // columns
        ahead = (column + np.arange(steps)[:, None]) % self.length
        step = (read + begin + ahead.astype(np.int32)) % self.length
        recorded = self.recorded
        at = recorded.at[step]
        return Steps(
            recorded.frames[at], recorded.action[step], recorded.reward[step], recorded.frames[at + 1],
            recorded.terminated[step], recorded.truncated[step], (),
        )  # fmt: skip

    def draw(
        self, algorithm: Algorithm, environment: TimedEnvironment, policy: Any, key: Key, seed: Array, iteration: Array
    ) -> OfflineBatch:
        """See `StepSource`. Without own play, no random numbers are drawn for the environment."""
        steps = self.block(iteration, first_step(seed, self.length), algorithm.steps_per_update, algorithm.environments)
        switches = self.switches(iteration)
        if self.mixes:
            noise = OWN_PLAY.draw(algorithm, environment, policy, key, seed, iteration)
            return OfflineBatch(noise, steps, self.is_own(iteration), switches)
        noise_key, update_key = jax.random.split(key)
        shape = algorithm.steps_per_update, algorithm.environments
        nothing: Any = None
        noise = RolloutNoise(algorithm.noise(policy, noise_key, shape), nothing, nothing, update_key)
        return OfflineBatch(noise, steps, None, switches)

    def collect(
        self, algorithm: Algorithm, environment: TimedEnvironment, policy: Any, simulation: EnvironmentState,
        noise: OfflineBatch,
    ) -> tuple[EnvironmentState, Steps]:  # fmt: skip
        """See `StepSource`. The environments do not change while recorded steps are read."""
        recorded, space = noise.steps, environment.observation_space

        def recorded_steps() -> tuple[EnvironmentState, Steps]:
            seen, following = (from_environment(space, x) for x in (recorded.observation, recorded.next_observation))
            steps = dataclasses.replace(recorded, observation=seen, next_observation=following)
            return simulation, with_extras(algorithm, policy, steps, noise.noise.noise)

        if noise.own is None:
            return recorded_steps()

        def played() -> tuple[EnvironmentState, Steps]:
            return OWN_PLAY.collect(algorithm, environment, policy, simulation, noise.noise)

        simulation, steps = jax.lax.cond(noise.own, played, recorded_steps)
        return simulation, cut(steps, noise.switches)


def make_offline_data(recorded: Recorded, own_play: float | None) -> OfflineData:
    """Offline data of `recorded` steps with the share `own_play` of own play; None is no own play.

    Raises:
        InputError: the share is not between 0 and 1.
    """
    share = Fraction(0)
    if own_play is not None:
        least = 1 / FINEST_SHARE
        if isinstance(own_play, bool) or not isinstance(own_play, (int, float)) or not least <= own_play <= 1 - least:
            raise InputError(
                translated(
                    "own_play = {own_play!r} is not allowed: must be a number from {least:g} to {most:g}",
                    own_play=own_play,
                    least=least,
                    most=1 - least,
                )
            )
        share = Fraction(own_play).limit_denominator(FINEST_SHARE)
    return OfflineData(recorded, np.int32(share.numerator), np.int32(share.denominator), share > 0)


def first_step(seed: Array | np.uint32, length: int) -> Array:
    """The step from which a seed starts to read: int32, below `length`."""
    return jax.random.randint(jax.random.fold_in(jax.random.key(seed), OFFLINE), (), 0, length)


def with_extras(algorithm: Algorithm, policy: Any, steps: Steps, noise: Any) -> Steps:
    """Recorded steps [T, N, ...] with the extras that `act` returns for their observations.

    The policy's memory within a recorded episode is unknown: each step gets the memory of an episode that begins.
    """
    memory = initial_memory(algorithm, policy, algorithm.environments)

    def extras(observation: Array, noise: Any) -> Any:
        return algorithm.act(policy, memory, observation, noise)[2]

    found = jax.eval_shape(extras, *jax.tree.map(lambda x: x[0], (steps.observation, noise)))
    if jax.tree.leaves(found):
        found = jax.vmap(extras)(steps.observation, noise)
    memory = jax.tree.map(lambda x: jnp.broadcast_to(x, (algorithm.steps_per_update, *x.shape)), memory)
    return dataclasses.replace(steps, extras=found, memory=memory)


def cut(steps: Steps, where: Any) -> Steps:
    """The same steps, with the last of each column marked `truncated` if `where` (a bool)."""
    last = np.arange(steps.truncated.shape[0])[:, None] == steps.truncated.shape[0] - 1
    return dataclasses.replace(steps, truncated=steps.truncated | (last & where))
