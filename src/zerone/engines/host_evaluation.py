"""The part of the host engine that acts and evaluates: policies play episodes in Gymnasium environments."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import jax
import numpy as np

from zerone.algorithms.protocol import Algorithm
from zerone.base.bits import in_32_bits
from zerone.base.errors import InputError, RunError
from zerone.engines.evaluation import Explorer
from zerone.engines.host_programs import Programs
from zerone.engines.protocol import GREEDY, Act, Evaluation, EvaluationSettings
from zerone.engines.python_loop import PythonLoopEngine
from zerone.engines.streams import EVALUATE
from zerone.engines.vector_rollout import EpisodeResults, playing
from zerone.environments.gym.allowed import MaskSource
from zerone.environments.gym.around import time_limit_of
from zerone.environments.gym.global_random import GlobalChance
from zerone.environments.gym.guard import Guard
from zerone.environments.gym.kinds import Vector
from zerone.environments.gym.vector import InTurn, OwnVector
from zerone.environments.spaces import Spaces

MOST_AT_ONCE, MANY_AT_ONCE, FEW_AT_ONCE = 100, 20, 5
"""How many evaluation episodes are played side by side: at most, where many fit, and where few do."""

REPEATED_SEED = 0
"""The seed with which an environment is reset twice, to see whether it starts the same."""

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


class GymnasiumEvaluator(PythonLoopEngine):
    """Acts and evaluates in Gymnasium environments, and keeps the open ones. `Host` adds the training.

    `make_evaluation(number, seed)` makes a vector of environments with the task's own reward. At most `at_once`
    episodes are played side by side. With `side_by_side` they are played in other processes.
    """

    def __init__(
        self, algorithm: Algorithm, make_evaluation: MakeVector, at_once: int,
        side_by_side: EnvironmentProcesses | None, mask_source: MaskSource | None,
    ) -> None:  # fmt: skip
        self.algorithm, self._at_once, self._side_by_side = algorithm, at_once, side_by_side
        self.mask_source = mask_source
        """The source of action masks, if the algorithm keeps to them; the vectors use the same."""
        with in_32_bits():  # needed where an agent is copied
            self._on_device = jax.device_put(algorithm)  # once, not at each step
        self._make_evaluation = make_evaluation
        self._open: list[Vector] = []
        weakref.finalize(self, _close_all, self._open).atexit = False  # for a loaded run that is garbage-collected
        self._checked = False
        with GlobalChance(0):
            probe = self._opened(make_evaluation(1, 0))
            if mask_source is not None:  # checks the first mask before any file is created
                _require_mask(probe)
        encoding = probe.encoding if isinstance(probe, OwnVector) else None
        masked = mask_source is not None
        self.spaces = Spaces(probe.single_observation_space, probe.single_action_space, encoding, masked)
        self._evaluation: Vector | None = probe
        self._time_limit = time_limit_of(probe.envs[0]) if isinstance(probe, InTurn) else None
        self._programs = Programs(self.spaces)
        self._explorer: Explorer | None = None

    def _opened(self, vector: Vector) -> Vector:
        self._open.append(vector)
        return vector

    def _closed(self, vector: Vector) -> None:
        self._open.remove(vector)
        vector.close()

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

    def _check_repeats(self, vector: InTurn) -> None:
        """Check once whether an environment starts the same with the same seed, and print a notice if not."""
        if not self._checked:
            self._checked = True
            vector.envs[0].check_repeats(REPEATED_SEED)

    def close(self) -> None:
        _close_all(self._open)
        self._evaluation = None  # a later evaluation gets environments that are open
        if self._side_by_side is not None:
            self._side_by_side.close()
