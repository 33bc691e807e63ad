"""The host engine: any Gymnasium environment, stepped by Python, around the same compiled act and update."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.protocol import Algorithm, Steps, reset_ongoing
from zerone.engines.host_carry import Carry
from zerone.engines.host_evaluation import (
    MOST_AT_ONCE,
    EnvironmentProcesses,
    GymnasiumEvaluator,
    MakeVector,
    seeds_for,
)
from zerone.engines.offline_data import OfflineData, cut, first_step
from zerone.engines.protocol import Stopped
from zerone.engines.streams import TRAIN
from zerone.engines.vector_rollout import Block, Player, VectorStep
from zerone.environments.gym.allowed import MaskSource
from zerone.environments.gym.global_random import GlobalChance
from zerone.environments.gym.kinds import Vector
from zerone.environments.gym.sources import require_separate
from zerone.environments.gym.vector import InTurn, OwnVector

TRUNCATED = 5
"""The column `truncated` of a block of steps."""


def _global_chance(seed: int, purpose: int, index: int) -> GlobalChance:
    """Random generators for environments that draw from global ones, seeded like the environments themselves."""
    return GlobalChance(seeds_for(seed, purpose, index, 1)[0])


class Host(GymnasiumEvaluator):
    """Drives an algorithm in Gymnasium environments. See `Engine` for the methods.

    `make_vector(number, seed)` makes a vector of training environments, `make_evaluation` (the same function, unless
    given) one for evaluations, with the task's own reward. At most `at_once` evaluation episodes are played side by
    side. With `side_by_side` all environments are in other processes, except one here, which has the spaces. The state
    of a Gymnasium environment cannot be saved: a resumed training starts new episodes, and does not equal an
    uninterrupted one bit for bit.
    """

    name = "host"
    steps_one_by_one = True

    def __init__(
        self, algorithm: Algorithm, make_vector: MakeVector, make_evaluation: MakeVector | None = None,
        at_once: int = MOST_AT_ONCE, side_by_side: EnvironmentProcesses | None = None,
        mask_source: MaskSource | None = None,
    ) -> None:  # fmt: skip
        super().__init__(algorithm, make_evaluation or make_vector, at_once, side_by_side, mask_source)
        self._numbers = jax.tree.leaves(self._on_device)
        self._make_vector = make_vector
        self._data: OfflineData | None = None
        self._ready: Vector | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        made = self._make_vector, self._make_evaluation
        others = self._at_once, self._side_by_side, self.mask_source
        return Host, (self.algorithm, *made, *others)  # new environments

    def learn_from(self, data: OfflineData) -> None:
        self._data = data

    def init(self, seed: int) -> Carry:
        return self.begin(self.initial_state(np.uint32(seed)), {}, seed, 0)

    def begin(self, state: Any, metrics: dict[str, np.float64], seed: int, iteration: int) -> Carry:
        """A carry with this state, in new episodes."""
        number, player = self.algorithm.environments, None
        chance = _global_chance(seed, TRAIN, iteration)
        if self._plays():
            player = Player(self._ready_for(seed))
            with chance:
                player.reset(seeds_for(seed, TRAIN, iteration, number))
        block = Block(self.algorithm.steps_per_update, number)
        begin = 0 if self._data is None else int(first_step(np.uint32(seed), self._data.length))
        sums = np.zeros(number), np.zeros(number), np.zeros(3)
        return Carry(*jax.tree.flatten(state), player, block, chance, *sums, metrics, iteration, begin)

    def _plays(self) -> bool:
        """Whether the training plays in environments at all."""
        return self._data is None or self._data.mixes

    def make_environments(self, seed: int) -> None:
        if not self._plays():
            return
        self._ready = self._training_vector(seed)
        if isinstance(self._evaluation, InTurn):
            if isinstance(self._ready, InTurn):
                require_separate([*self._evaluation.envs, *self._ready.envs])
            if isinstance(self._ready, OwnVector):
                self._check_repeats(self._evaluation)

    def _ready_for(self, seed: int) -> Vector:
        """The training environments of a seed: those that were made before, if there are any."""
        vector, self._ready = self._ready, None
        if vector is None:
            return self._training_vector(seed)
        if isinstance(vector, OwnVector):
            vector.name_seed(seed)
        return vector

    def _training_vector(self, seed: int) -> Vector:
        make = self._make_vector if self._side_by_side is None else self._side_by_side.training_vector
        with GlobalChance(seed):
            return self._opened(make(self.algorithm.environments, seed))

    def advance(self, carries: Sequence[Carry], seeds: Sequence[int], first: Sequence[int], last: int) -> list[Carry]:
        for carry, seed, begin in zip(carries, seeds, first, strict=True):
            with carry.chance:
                for index in range(begin, last):
                    self._iterate(carry, np.uint32(seed), np.int32(index))
                    carry.iteration = index + 1
        return list(carries)

    def _iterate(self, carry: Carry, seed: np.uint32, index: np.int32) -> None:
        """Play a block of steps or read a recorded one, then learn from it."""
        if carry.player is not None and (self._data is None or self._data.is_own(int(index))):
            counted = carry.episodes.copy()
            try:
                steps = self.played(carry, carry.player, seed, index)
                if self.observer is not None:
                    self.observer(np.reshape(steps.observation, (-1, *steps.observation.shape[2:])))
            except Stopped:  # an unfinished block is not learnt from, so its episodes do not count
                carry.episodes = counted
                raise
        else:
            steps = self._recorded_steps(carry, seed, index)
        if self._data is not None and self._data.switches(int(index)):
            steps = cut(steps, True)
        # The update also draws the next block's noise: a program of its own would take as long as two steps.
        updated = self._programs.update(carry.tree, self._on_device, carry.leaves, steps, seed, index)
        carry.leaves, metrics, noise = updated
        carry.noises = self._each_step(noise)
        for name, value in metrics.items():  # `device_get` of three numbers would take as long as an environment step
            carry.metrics[name] = carry.metrics.get(name, np.float64(0)) + np.float64(np.asarray(value))

    def _recorded_steps(self, carry: Carry, seed: np.uint32, index: np.int32) -> Steps:
        assert self._data is not None  # noqa: S101 - without recorded steps there is own play
        shape = self.algorithm.steps_per_update, self.algorithm.environments
        steps = self._data.block(int(index), carry.begin, *shape)
        acted: Steps = self._programs.acted(self._on_device, carry.state.policy, steps, seed, index)
        return acted

    def played(self, carry: Carry, player: Player, seed: np.uint32, index: np.int32) -> Steps:
        """Play until each environment has T steps, and return them: [T, N, ...]."""
        length = self.algorithm.steps_per_update
        tree, places = carry.acting(self._on_device)
        leaves = [*self._numbers, *(carry.leaves[place] for place in places)]
        explore, action_type = self._programs.explore, self.spaces.action.dtype
        noises: list[Any] = []
        t = 0
        while not carry.block.full():
            self._stop_if_requested()
            if t == 0 and carry.noises is not None:
                noises = carry.noises
            elif t % length == 0:  # a block usually takes T vector steps; more only where resets take steps too
                noises = self._noise(carry.state.policy, seed, index, np.int32(t // length))
            observation, mask = player.observation, player.mask
            if carry.memory is None:
                carry.memory = self._programs.initial_memory(self._on_device, carry.state.policy, len(observation))
                carry.begins = np.zeros(len(observation), bool) if jax.tree.leaves(carry.memory) else None
            drawn, sent, carry.memory, further = explore(
                tree, leaves, carry.memory, carry.begins, observation, noises[t % length], mask
            )
            drawn = np.asarray(drawn)
            happened = player.step(np.array(drawn if sent is None else sent, action_type))
            if happened.lost is not None:
                self._cut(carry, happened.lost)
            if carry.begins is not None:
                carry.begins = happened.terminated | happened.truncated | ~happened.real
            remembered, carry.extras_tree = jax.tree.flatten((*further, mask, happened.next_mask))
            leaves_of_step = [
                observation, drawn, happened.reward, happened.next_observation, happened.terminated, happened.truncated,
                *map(np.asarray, remembered),
            ]  # fmt: skip
            carry.block.add(leaves_of_step, None if happened.all_real else happened.real)
            self._count(carry, happened)
            t += 1
        taken = carry.block.take()
        return Steps(*taken[:6], *jax.tree.unflatten(carry.extras_tree, taken[6:]))  # type: ignore[arg-type]  # NumPy's

    def _cut(self, carry: Carry, lost: np.ndarray) -> None:
        """End the episodes that were lost with a process (bool [N]): truncate them at their last known step."""
        if not carry.block.cut(lost, TRUNCATED):  # that step was learnt from already: drop the steps that wait
            carry.state = reset_ongoing(carry.state, self._programs.initial_ongoing(self._on_device))
        begun = lost & (carry.episode_length > 0)
        self._count_ended(carry, begun)

    def _noise(self, policy: Any, seed: np.uint32, index: np.int32, part: np.int32) -> list[Any]:
        """The noise of T vector steps, a tree for each."""
        shape = self.algorithm.steps_per_update, self.algorithm.environments
        return self._each_step(self._programs.noise(self._on_device, policy, seed, index, part, shape))

    def _each_step(self, noise: Any) -> list[Any]:
        leaves, tree = jax.tree.flatten(noise)
        arrays = [np.asarray(leaf) for leaf in leaves]
        return [
            jax.tree.unflatten(tree, [array[t] for array in arrays]) for t in range(self.algorithm.steps_per_update)
        ]

    @staticmethod
    def _count(carry: Carry, happened: VectorStep) -> None:
        carry.episode_return += happened.reward if happened.all_real else happened.reward * happened.real
        carry.episode_length += 1 if happened.all_real else happened.real
        if happened.any_ended:
            Host._count_ended(carry, happened.terminated | happened.truncated)

    @staticmethod
    def _count_ended(carry: Carry, done: np.ndarray) -> None:
        if done.any():
            carry.episodes += (done.sum(), carry.episode_return[done].sum(), carry.episode_length[done].sum())
            carry.episode_return[done] = carry.episode_length[done] = 0.0

    def initial_state(self, seed: np.uint32) -> Any:
        return self._programs.init(self._on_device, seed)

    def resume(self, saved: Any, seed: int, iteration: int) -> Carry:
        state = jax.tree.map(jnp.asarray, saved["state"])
        if self._was_playing(iteration):  # the episodes of that play are lost
            state = reset_ongoing(state, self._programs.initial_ongoing(self._on_device))
        carry = self.begin(state, dict(saved["metrics"]), seed, iteration)
        carry.episodes = np.asarray(saved["episodes"])
        return carry

    def _was_playing(self, iteration: int) -> bool:
        """Whether the last of `iteration` iterations was own play. Recorded steps are simply read on."""
        return self._data is None or (iteration > 0 and bool(self._data.is_own(iteration - 1)))

    def facts(self) -> dict[str, Any]:
        if self._side_by_side is None:
            return {}
        return {"processes": self._side_by_side.number, "replaced_processes": self._side_by_side.replaced}

    def close(self) -> None:
        super().close()
        self._ready = None
