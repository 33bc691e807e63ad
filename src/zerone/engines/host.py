"""The host engine: any Gymnasium environment, stepped by Python, around the same compiled act and update."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.protocol import (
    Algorithm,
    Steps,
    reset_ongoing,
)
from zerone.base.bits import in_32_bits
from zerone.base.errors import InputError, RunError
from zerone.engines.evaluation import Explorer
from zerone.engines.host_carry import Carry
from zerone.engines.host_programs import Programs
from zerone.engines.offline_data import OfflineData, cut, first_step
from zerone.engines.protocol import GREEDY, Act, Evaluation, EvaluationSettings, Stopped
from zerone.engines.python_loop import PythonLoopEngine
from zerone.engines.streams import EVALUATE, TRAIN
from zerone.engines.vector_rollout import Block, EpisodeResults, Player, VectorStep, playing
from zerone.environments.gym.allowed import MaskSource
from zerone.environments.gym.around import time_limit_of
from zerone.environments.gym.global_random import GlobalChance
from zerone.environments.gym.guard import Guard
from zerone.environments.gym.kinds import Vector
from zerone.environments.gym.sources import require_separate
from zerone.environments.gym.vector import InTurn, OwnVector
from zerone.environments.spaces import Spaces

MOST_AT_ONCE, MANY_AT_ONCE, FEW_AT_ONCE = 100, 20, 5
"""How many evaluation episodes are played side by side: at most, where many fit, and where few do."""

REPEATED_SEED = 0
"""The seed with which an environment is reset twice, to see whether it starts the same."""

TRUNCATED = 5
"""The column `truncated` of a block of steps."""

MakeVector = Callable[[int, int], Vector]


class EnvironmentProcesses(Protocol):
    """Processes with environments for training and evaluation; they are started when one is needed."""

    @property
    def number(self) -> int:
        """The number of processes."""
        ...

    @property
    def replaced(self) -> int:
        """How many processes were lost and replaced."""
        ...

    def training_vector(self, number: int, seed: int) -> Vector:
        """A vector of `number` training environments."""
        ...

    def evaluation_vector(self, number: int, seed: int) -> Vector:
        """A vector of `number` evaluation environments."""
        ...

    def close(self) -> None:
        """End all processes."""
        ...


def seeds_for(seed: int, purpose: int, index: int, number: int) -> list[int]:
    """`number` seeds of environments, from a run's seed, a purpose (see `streams`) and an index."""
    return [int(each) for each in np.random.SeedSequence([seed, purpose, index]).generate_state(number)]


def _global_chance(seed: int, purpose: int, index: int) -> GlobalChance:
    """Random generators for environments that draw from global ones, seeded like the environments themselves."""
    return GlobalChance(seeds_for(seed, purpose, index, 1)[0])


def _require_mask(probe: Vector) -> None:
    """Raise `InputError` if an environment's masks are not valid in its first state."""
    try:
        probe.reset(seed=REPEATED_SEED)
    except RunError as error:
        raise InputError(str(error)) from error


def _close_all(vectors: list[Vector]) -> None:
    while vectors:
        vectors.pop().close()


def widths_for(environments: int) -> tuple[int, ...]:
    """The numbers of episodes that an evaluation can play side by side, given the environments of the training.

    Up to that number they take no longer: the network is evaluated as often.
    """
    many, few = max(MANY_AT_ONCE, min(environments, MOST_AT_ONCE)), min(max(FEW_AT_ONCE, environments), MANY_AT_ONCE)
    return tuple(sorted({many, few, 1}, reverse=True))


class Host(PythonLoopEngine):
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
        self.algorithm, self._at_once, self._side_by_side = algorithm, at_once, side_by_side
        self.mask_source = mask_source
        """The source of action masks, if the algorithm keeps to them; `make_vector` uses the same."""
        with in_32_bits():  # needed where an agent is copied
            self._on_device = jax.device_put(algorithm)  # once, not at each step
        self._numbers = jax.tree.leaves(self._on_device)
        self._make_vector, self._make_evaluation = make_vector, make_evaluation or make_vector
        self._data: OfflineData | None = None
        self._open: list[Vector] = []
        weakref.finalize(self, _close_all, self._open).atexit = False  # for a loaded run that is garbage-collected
        self._ready: Vector | None = None
        self._checked = False
        with GlobalChance(0):
            probe = self._opened(self._make_evaluation(1, 0))
            if mask_source is not None:  # checks the first mask before any file is created
                _require_mask(probe)
        encoding = probe.encoding if isinstance(probe, OwnVector) else None
        self.spaces = Spaces(
            probe.single_observation_space, probe.single_action_space, encoding, mask_source is not None
        )
        self._evaluation: Vector | None = probe
        self._time_limit = time_limit_of(probe.envs[0]) if isinstance(probe, InTurn) else None
        self._programs = Programs(self.spaces)
        self._explorer: Explorer | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        made = self._make_vector, self._make_evaluation
        others = self._at_once, self._side_by_side, self.mask_source
        return Host, (self.algorithm, *made, *others)  # new environments

    def _opened(self, vector: Vector) -> Vector:
        self._open.append(vector)
        return vector

    def _closed(self, vector: Vector) -> None:
        self._open.remove(vector)
        vector.close()

    def learn_from(self, data: OfflineData) -> None:
        self._data = data

    @property
    def time_limit(self) -> int | None:
        return self._time_limit

    @property
    def widths(self) -> tuple[int, ...]:
        fit = tuple(each for each in widths_for(self.algorithm.environments) if each <= self._at_once)
        return fit or (self._at_once,)

    def step_cost(self, width: int) -> int:
        return max(width, int(self.algorithm.environments))

    def _rows(self, episodes: int) -> int:
        """The batch size for so many episodes: one of few sizes, because each is compiled."""
        return min((each for each in self.widths if each >= episodes), default=self.widths[0])

    def prepare(self, episodes: int, how: EvaluationSettings = GREEDY) -> None:
        del episodes, how  # small programs, each compiled when it is first used

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

    def _check_repeats(self, vector: InTurn) -> None:
        """Check once whether an environment starts the same with the same seed, and print a notice if not."""
        if not self._checked:
            self._checked = True
            vector.envs[0].check_repeats(REPEATED_SEED)

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
            drawn, sent, carry.memory, further = self._programs.explore(
                tree, leaves, carry.memory, carry.begins, observation, noises[t % length], mask
            )
            drawn = np.asarray(drawn)
            happened = player.step(np.array(drawn if sent is None else sent, self.spaces.action.dtype))
            if happened.lost is not None:
                self._cut(carry, happened.lost)
            if carry.begins is not None:
                carry.begins = happened.terminated | happened.truncated | ~happened.real
            remembered, carry.extras_tree = jax.tree.flatten((*further, mask, happened.next_mask))
            core = [observation, drawn, happened.reward, happened.next_observation]
            core += [happened.terminated, happened.truncated]
            carry.block.add(core + [np.asarray(leaf) for leaf in remembered], happened.real)
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
        carry.episode_return += happened.reward * happened.real
        carry.episode_length += happened.real
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

    def initial_memory(self, policy: Any, number: int) -> Any:
        return self._programs.initial_memory(self._on_device, policy, number)

    def act(self, policy: Any, memory: Any, observation: np.ndarray, mask: Any = ()) -> tuple[np.ndarray, Any]:
        action, memory = self._programs.greedy(self._on_device, policy, memory, observation, mask)
        return np.array(action, self.spaces.action.dtype), memory

    def evaluate(
        self, policy: Any, seed: int, index: int, episodes: int, how: EvaluationSettings = GREEDY, first: int = 0
    ) -> Evaluation:
        self._stop_if_requested()
        starts = seeds_for(seed, EVALUATE, index, first + episodes)[first:]
        with GlobalChance(starts[0]):
            for found in self.play_evaluation(policy, seed, starts, how):
                if found is not None:
                    returns, lengths, cut, turns = found
                    return Evaluation(returns, lengths, cut, turns * self.step_cost(self._rows(episodes)))
                self._stop_if_requested()
        raise AssertionError  # `judging` always ends with results

    def play_evaluation(
        self, policy: Any, seed: int, episodes: Sequence[int], how: EvaluationSettings = GREEDY,
        place: tuple[int, int] | None = None,
    ) -> Iterator[EpisodeResults | None]:  # fmt: skip
        """Play the episodes of these seeds, for a seed of the run; see `playing`.

        A single episode may have a `place` (its index, of how many): networks then get it in the same row of a batch as
        if all were played here, so its actions have the same bits.
        """
        environments = self._evaluation_vector(min(len(episodes), self.widths[0]), seed)
        policy = jax.device_put(policy)
        number, first = (len(episodes), 0) if place is None else (place[1], place[0] % self._rows(place[1]))
        rows = self._rows(number)

        def act(starts: list[int]) -> Act:
            wanted = slice(first, first + len(starts))
            spread = np.resize(np.array(starts, np.uint32), rows)
            acting = self.exploring(policy, spread) if how.stochastic else self._greedily(policy, rows)

            def some(observation: np.ndarray, step: int, begins: bool | None = None, mask: Any = ()) -> np.ndarray:
                allowed = mask if isinstance(mask, tuple) else np.resize(mask, (rows, *mask.shape[1:]))
                return acting(np.resize(observation, (rows, *observation.shape[1:])), step, begins, allowed)[wanted]

            return some

        return playing(environments, act, list(episodes), how.limit)

    def _greedily(self, policy: Any, number: int) -> Act:
        memory: Any = None

        def act(observation: np.ndarray, step: int, begins: bool | None = None, mask: Any = ()) -> np.ndarray:
            nonlocal memory
            if begins or (begins is None and step == 0):
                memory = self.initial_memory(policy, number)
            action, memory = self.act(policy, memory, observation, mask)
            return action

        return act

    def exploring(self, policy: Any, seeds: np.ndarray) -> Act:
        if self._explorer is None:
            self._explorer = Explorer(self.algorithm, self.spaces)
        return self._explorer.acting(policy, seeds)

    def alone(self, seed: int) -> Guard | None:
        """A new evaluation environment for the caller; None where environments exist only as a foreign vector."""
        vector = self._make_evaluation(1, seed)
        if isinstance(vector, InTurn):
            return vector.envs[0]
        vector.close()
        return None

    def _evaluation_vector(self, number: int, seed: int) -> Vector:
        """`number` environments for an evaluation: those that are open, with others if they are too few."""
        vector = self._evaluation
        if isinstance(vector, InTurn):
            self._check_repeats(vector)
        if vector is None or not self._judges(vector, number):
            if vector is not None:
                self._closed(vector)
            make = self._make_evaluation if self._side_by_side is None else self._side_by_side.evaluation_vector
            with GlobalChance(seed):
                self._evaluation = vector = self._opened(make(number, seed))
        if isinstance(vector, OwnVector):
            vector.name_seed(seed)
            return vector.first(number)
        return vector

    def _judges(self, vector: Vector, number: int) -> bool:
        """Whether an open vector suffices for an evaluation in `number` environments."""
        if vector.closed or vector.num_envs < number or (self._side_by_side is not None and isinstance(vector, InTurn)):
            return False
        return vector.num_envs == number or isinstance(vector, OwnVector)

    def facts(self) -> dict[str, Any]:
        if self._side_by_side is None:
            return {}
        return {"processes": self._side_by_side.number, "replaced_processes": self._side_by_side.replaced}

    def close(self) -> None:
        _close_all(self._open)
        self._evaluation = self._ready = None  # a later evaluation gets environments that are open
        if self._side_by_side is not None:
            self._side_by_side.close()
