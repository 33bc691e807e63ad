"""A worker of the cluster engine: plays with the networks that it receives, and computes gradients from its steps.

A worker keeps its environments, and the last block of steps if gradients are gathered; nothing that must not be lost.
Everything else comes with each request, so a replacement needs only the same request.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, TypeAlias

import jax
import numpy as np

from zerone.algorithms.protocol import Algorithm, Array, Distributed, Metrics, Steps
from zerone.base.bits import in_32_bits
from zerone.base.compilation import keep_compiled_programs
from zerone.base.notices import Notices
from zerone.base.pytree import struct
from zerone.cluster.worker_programs import Programs, Vector
from zerone.engines.compiled import spaces_of
from zerone.engines.host import Host
from zerone.engines.protocol import EvaluationSettings
from zerone.engines.rollout import OWN_PLAY, EnvironmentState, start
from zerone.engines.streams import INIT, TRAIN
from zerone.engines.vector_rollout import EpisodeResults
from zerone.environments import catalogue
from zerone.environments.base import TimedEnvironment
from zerone.environments.gym.allowed import MaskSource
from zerone.environments.gym.around import NOTHING, Around
from zerone.environments.gym.global_random import GlobalChance
from zerone.environments.gym.kinds import Vector as GymnasiumVector
from zerone.environments.gym.makers import maker
from zerone.environments.gym.sources import checked
from zerone.environments.gym.step_timeout import limited
from zerone.environments.gym.vector import make_vector
from zerone.environments.gym.views import AUTO
from zerone.environments.spaces import Spaces
from zerone.environments.wrappers import Masked, with_view
from zerone.parts.normalization import Returns, Scales
from zerone.parts.policies import ActorAndCritic

A_WHILE = 0.2
"""Seconds of an evaluation episode after which the worker reports that it is alive and not finished."""
Accumulator = np.ndarray
"""Of the episodes that ended in a block: their number, and the sums of their returns and lengths (float64 [3])."""
News: TypeAlias = tuple[Accumulator, Scales]
"""About a new block: the episodes that ended in it, and the scales of its steps alone."""


@dataclasses.dataclass(frozen=True)
class Task:
    """The task of a worker: an environment id with options, or an environment; compiled, or stepped by Python."""

    environment: Any
    name: str
    options: Mapping[str, Any]
    compiled: bool
    view: str = AUTO
    """The encoding of observations (`views.VIEWS`)."""
    around: Around = NOTHING
    """Wrappers of the environment."""
    mask_source: MaskSource | None = None
    """The source of action masks."""
    step_timeout: float | None = None
    """Maximum seconds for a step of an environment."""

    def worker(self, algorithm: Distributed, number: int) -> Worker:
        """Make worker `number`."""
        return Worker(algorithm, self, number)


class EvaluationTask(NamedTuple):
    """An evaluation episode: the evaluation's number, the episode's seed, its index and their total, and settings."""

    judgement: int
    seed: int
    place: int
    number: int
    how: EvaluationSettings


class Ground(Protocol):
    """The environments of one seed in one worker."""

    spaces: Spaces

    def play(self, policy: ActorAndCritic, index: int) -> tuple[Steps, Accumulator]:
        """The block of steps with this index, played with a policy. The index determines all its random numbers."""
        ...


@struct  # an argument of the compiled program that acts
class _Playing:
    """The part of a training's state that playing needs."""

    policy: ActorAndCritic


class InGymnasium:
    """Plays any Gymnasium environment, like the host engine."""

    def __init__(self, algorithm: Algorithm, task: Task, seed: int, own_seed: int, index: int) -> None:
        self._host, self._seed = host_of(algorithm, task, seed), np.uint32(own_seed)
        self._host.close()  # it was made only to get its spaces
        self.spaces = self._host.spaces
        self._carry = self._host.begin(None, {}, own_seed, index)

    def play(self, policy: ActorAndCritic, index: int) -> tuple[Steps, Accumulator]:
        carry = self._carry
        assert carry.player is not None  # noqa: S101 - it studies nothing
        carry.state, carry.episodes = _Playing(policy), np.zeros(3)
        with carry.chance:
            return self._host.played(carry, carry.player, self._seed, np.int32(index)), carry.episodes


def host_of(algorithm: Algorithm, task: Task, seed: int) -> Host:
    """The host engine for a task; errors of its environments name this seed of the run."""
    if isinstance(task.environment, str):
        make = maker(task.environment, dict(task.options))
    else:
        make = checked(task.environment, task.name)
    make = task.around.put(make, task.name)
    silent = Notices(lambda _: None)  # the chief gives the notices

    def vector(number: int, _: int) -> GymnasiumVector:
        return make_vector(make, task.name, number, seed, task.view, silent, task.mask_source)

    return Host(algorithm, vector, mask_source=task.mask_source)


class InJax:
    """Plays an environment written in JAX, like the compiled engine."""

    def __init__(self, algorithm: Algorithm, task: Task, own_seed: int, index: int) -> None:
        made = catalogue.make(task.environment, **task.options) if isinstance(task.environment, str) else None
        self._algorithm = algorithm
        seen = with_view(task.environment if made is None else made, task.view)
        self._environment = seen if task.mask_source is None else Masked(seen, task.mask_source.function)
        self.spaces = spaces_of(self._environment)
        self._seed, self._first = np.uint32(own_seed), np.int32(index)
        self._simulation: EnvironmentState | None = None
        self._begun = 0.0

    def play(self, policy: ActorAndCritic, index: int) -> tuple[Steps, Accumulator]:
        if self._simulation is None:
            self._simulation = _started(self._algorithm, self._environment, policy, self._seed, self._first)
        here = self._algorithm, self._environment, policy, self._simulation
        simulation, steps = _played(*here, self._seed, np.int32(index))
        self._simulation, ended = simulation.counted(), simulation.ended
        going_on = float(np.asarray(simulation.episode_length).sum(dtype=np.int64))
        block = self._algorithm.steps_per_update * self._algorithm.environments
        length = block + self._begun - going_on
        self._begun = going_on
        count, total = np.asarray(ended.count).sum(dtype=np.int64), np.asarray(ended.total_return).sum(dtype=np.float64)
        return jax.device_get(steps), np.array([count, total, length], np.float64)


@jax.jit
def _started(
    algorithm: Algorithm, environment: TimedEnvironment, policy: object, seed: Array, index: Array
) -> EnvironmentState:
    return start(
        algorithm, environment, policy, jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), INIT), index)
    )


@jax.jit
def _played(
    algorithm: Algorithm,
    environment: TimedEnvironment,
    policy: object,
    simulation: EnvironmentState,
    seed: Array,
    index: Array,
) -> tuple[EnvironmentState, Steps]:
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), TRAIN), index)
    chance = OWN_PLAY.draw(algorithm, environment, policy, key, seed, index)
    return OWN_PLAY.collect(algorithm, environment, policy, simulation, chance)


def own_seed(seed: int, number: int) -> int:
    """The seed of a worker's own random numbers, from the run's seed and the worker's number."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


@dataclasses.dataclass
class Block:
    """The block from which gradients are computed, one minibatch at a time."""

    seed: int
    index: int
    samples: object
    explained: float
    found: Scales
    epoch: int = -1
    minibatches: object = None


class Worker:
    """One worker of a training, for all its seeds. Arguments and results are NumPy arrays."""

    def __init__(self, algorithm: Distributed, task: Task, number: int) -> None:
        keep_compiled_programs()
        with in_32_bits():
            self._alone: Any = jax.device_put(algorithm.alone())
        self._task, self._number = task, number
        self._grounds: dict[int, Ground] = {}
        self._returns: dict[int, Returns] = {}
        self._block: Block | None = None
        self._judge: Host | None = None
        self._judging: tuple[EvaluationTask, Iterator[EpisodeResults | None], GlobalChance] | None = None
        self._programs = Programs(task.compiled)

    @contextmanager
    def limits(self) -> Iterator[None]:
        """The context of all calls. If native code hangs, the process is ended and replaced."""
        with in_32_bits(), limited(self._task.step_timeout, lambda _: os._exit(1)):
            yield

    def steps(self, seed: int, index: int, policy: Vector) -> tuple[Steps, Accumulator]:
        """Play a block."""
        ground = self._ground(seed, index)
        steps, tally = ground.play(self._programs.opened(policy), index)
        return jax.tree.map(np.asarray, steps), tally

    def gradient(self, seed: int, index: int, policy: Vector) -> tuple[Vector, Metrics, Accumulator, Scales]:
        """Play a block; returns its gradient, and the scales of its steps."""
        ground = self._ground(seed, index)
        networks = self._programs.opened(policy)
        steps, tally = ground.play(networks, index)
        gradient, metrics, found, returns = self._programs.gradient(self._alone, networks, steps, self._returns[seed])
        self._returns[seed] = returns
        return np.asarray(gradient), jax.device_get(metrics), tally, jax.device_get(found)

    def of_minibatch(
        self, seed: int, index: int, played: Vector, policy: Vector, penalty: object, place: tuple[int, int]
    ) -> tuple[Vector, Metrics, float, News | None]:
        """The gradient of a minibatch (epoch, part) of the block played with `played`; plays it first if necessary."""
        block, news = self._played(seed, index, played)
        epoch, part = place
        if block.epoch != epoch:
            key = np.uint32(seed), np.int32(index), np.int32(epoch)
            block.epoch, block.minibatches = epoch, self._programs.cut(self._alone, block.samples, *key)
        networks = self._programs.opened(policy)
        found = self._programs.of_minibatch(self._alone, networks, block.minibatches, np.int32(part), penalty)
        return np.asarray(found[0]), jax.device_get(found[1]), block.explained, news

    def moved(self, seed: int, index: int, played: Vector, policy: Vector) -> tuple[float, News | None]:
        """The divergence of a policy from `played`, which played the block."""
        block, news = self._played(seed, index, played)
        return float(self._programs.moved(self._alone, self._programs.opened(policy), block.samples)), news

    def episode(self, seed: int, policy: Vector, which: EvaluationTask) -> tuple[float, float, bool] | None:
        """Return and length of an episode in Gymnasium, and whether it was cut off.

        None if it has not ended after `A_WHILE`: the next request continues it (a replacement begins it again).
        """
        if self._judge is None:
            self._judge = host_of(self._alone, self._task, seed)
            self._programs.begin(self._alone, self._judge.spaces)
        if self._judging is None or self._judging[0] != which:
            networks, place = self._programs.opened(policy), (which.place, which.number)
            episode = self._judge.play_evaluation(networks, seed, [which.seed], which.how, place)
            self._judging = which, episode, GlobalChance(which.seed)
        until = time.monotonic() + A_WHILE
        with self._judging[2]:
            for found in self._judging[1]:
                if found is not None:
                    return float(found[0][0]), float(found[1][0]), bool(found[2][0])
                if time.monotonic() > until:
                    break
        return None

    def _played(self, seed: int, index: int, policy: Vector) -> tuple[Block, News | None]:
        """The samples of a block, and the news about it if it was played in this call."""
        if self._block is not None and (self._block.seed, self._block.index) == (seed, index):
            return self._block, None
        ground = self._ground(seed, index)
        networks = self._programs.opened(policy)
        steps, tally = ground.play(networks, index)
        found = self._programs.samples(self._alone, networks, steps, self._returns[seed])
        samples, explained, scales, self._returns[seed] = found
        self._block = Block(seed, index, samples, float(explained), jax.device_get(scales))
        return self._block, (tally, self._block.found)

    def _ground(self, seed: int, index: int) -> Ground:
        """The environments of a seed; new episodes begin if this worker has not played it yet."""
        if seed not in self._grounds:
            own = own_seed(seed, self._number)
            if self._task.compiled:
                self._grounds[seed] = InJax(self._alone, self._task, own, index)
            else:
                self._grounds[seed] = InGymnasium(self._alone, self._task, seed, own, index)
            self._returns[seed] = Returns.initial(self._alone, self._alone.environments)
            self._programs.begin(self._alone, self._grounds[seed].spaces)
        return self._grounds[seed]
