"""The compiled engine: playing, learning and evaluating are one program each, for environments written in JAX.

Iteration i of a training takes its randomness from `fold_in(key, i)` alone. So it makes no difference in how many
chunks the iterations are run, where a training was interrupted, or which other seeds are trained beside it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.protocol import Algorithm, Array, act_masked, initial_memory, is_table
from zerone.base.bits import in_32_bits
from zerone.base.compilation import Program, for_long, for_once, for_seldom
from zerone.base.errors import RunError
from zerone.base.language import translated
from zerone.base.platforms import default_platform
from zerone.base.pytree import struct
from zerone.base.sums import Sum, nothing_of
from zerone.engines.evaluation import Explorer, evaluate_episodes
from zerone.engines.protocol import (
    GREEDY,
    Act,
    Evaluation,
    EvaluationSettings,
    Observer,
    Row,
    row_of,
)
from zerone.engines.rollout import OWN_PLAY, EnvironmentState, StepSource, start
from zerone.engines.streams import INIT, TRAIN
from zerone.environments.base import TimedEnvironment
from zerone.environments.spaces import Spaces, from_environment, to_environment
from zerone.environments.wrappers import Masked, TimeLimit, evaluation_environment

if TYPE_CHECKING:
    from zerone.engines.offline_data import OfflineData

PREFETCH = 256
"""The approximate number of steps whose random numbers are drawn at once."""
PREFETCH_OF_SMALL_TABLES = 32
"""That number for a table whose iteration needs at most `FEW_NUMBERS` random numbers.

XLA then compiles the whole loop into one function, or at least spreads none of it over several threads: up to twice as
fast on two cores, with half of the CPU time. More random numbers do not fit into such a function.
"""
FEW_NUMBERS = 10

MANY_AT_ONCE, FEW_AT_ONCE = 100, 10
"""How many episodes of an evaluation are played side by side."""
LEAST_COUNTED = 50
"""With a table, a step of fewer episodes takes as long as a step of this many."""


@struct
class Accumulator:
    """Sums of metrics since the last row of the log, and the lengths (int32 [N]) of unfinished episodes then."""

    metrics: dict[str, Sum]
    begun: Array


@struct
class Carry:
    """The whole state of one seed's training between two iterations."""

    state: Any
    simulation: EnvironmentState
    tally: Accumulator


def advance(
    algorithm: Algorithm, environment: TimedEnvironment, carry: Carry, seed: Array, first: Array, count: Array,
    source: StepSource = OWN_PLAY,
) -> Carry:  # fmt: skip
    """The carry after iterations `first` to `first + count` (exclusive) of one seed, both int32 scalars.

    Each iteration takes a block of steps from the source, learns from it, and adds metrics to the accumulator. The
    random numbers of several iterations are drawn at once (see `iterations_at_once`): a loop without random numbers
    compiles to far faster code. The results are the same: iteration i depends on `fold_in(key, i)` alone.
    """
    key = jax.random.fold_in(jax.random.key(seed), TRAIN)
    policy = carry.state.policy
    block = iterations_at_once(algorithm, policy)

    def drawn(i: Array) -> Any:
        return source.draw(algorithm, environment, policy, jax.random.fold_in(key, i), seed, i)

    def outer(b: Array, carry: Carry) -> Carry:
        begin = b * block
        noises = jax.vmap(drawn)(first + begin + jnp.arange(block))

        def inner(i: Array, carry: Carry) -> Carry:
            noise = jax.tree.map(lambda x: x[i], noises)
            simulation, steps = source.collect(algorithm, environment, carry.state.policy, carry.simulation, noise)
            state, metrics = algorithm.update(carry.state, steps, noise.update_key)
            sums = {name: carry.tally.metrics[name].plus(value) for name, value in metrics.items()}
            return Carry(state, simulation, Accumulator(sums, carry.tally.begun))

        after: Carry = jax.lax.fori_loop(0, jnp.minimum(block, count - begin), inner, carry)
        return after

    after: Carry = jax.lax.fori_loop(0, (count - 1) // block + 1, outer, carry)
    return after


def iterations_at_once(algorithm: Algorithm, policy: Any) -> int:
    """The number of iterations whose random numbers are drawn at once. It changes the speed alone."""
    steps = PREFETCH
    if is_table(algorithm):
        shape = algorithm.steps_per_update, algorithm.environments
        numbers = jax.eval_shape(lambda: algorithm.noise(policy, jax.random.key(0), shape))
        if sum(each.size for each in jax.tree.leaves(numbers)) <= FEW_NUMBERS:
            steps = PREFETCH_OF_SMALL_TABLES
    return max(1, steps // algorithm.steps_per_update)


def spaces_of(environment: TimedEnvironment) -> Spaces:
    """The spaces of an environment, and whether it has action masks."""
    masked = isinstance(environment, Masked)
    return Spaces(environment.observation_space, environment.action_space, masked=masked)


def initial(algorithm: Algorithm, environment: TimedEnvironment, seed: Array) -> Carry:
    """The carry before the first iteration."""
    spaces = spaces_of(environment)
    state_key, start_key = jax.random.split(jax.random.fold_in(jax.random.key(seed), INIT))
    state = algorithm.init(state_key, spaces)
    simulation = start(algorithm, environment, state.policy, start_key)
    begun = jnp.zeros(algorithm.environments, jnp.int32)
    return Carry(state, simulation, Accumulator({name: Sum.zero() for name in algorithm.metrics}, begun))


def copied(carry: Carry) -> Carry:
    """A copy of a carry in one program: leaf by leaf, from Python, it would take as long as several updates."""
    own: Carry = jax.tree.map(jnp.copy, carry)
    return own


_initial = Program(initial, for_once)
_advance = Program(advance, for_long, donate_argnums=2)
_advance_all = jax.jit(jax.vmap(advance, in_axes=(None, None, 0, 0, 0, 0, None)), donate_argnums=2)
_evaluate = Program(evaluate_episodes, for_seldom, static_argnums=(7, 8, 9))
_copied = Program(copied, for_seldom)


@jax.jit
def _act(
    algorithm: Algorithm, environment: TimedEnvironment, policy: Any, memory: Any, observation: Array, mask: Any
) -> tuple[Array, Any]:
    seen = from_environment(environment.observation_space, observation)
    action, memory, _ = act_masked(algorithm, policy, memory, seen, None, mask)
    return to_environment(environment.action_space, action), memory


_initial_memory = jax.jit(initial_memory, static_argnums=2)


class Compiled:
    """Drives an algorithm in a JAX environment. See `Engine` for the methods.

    Seeds run in parallel: on a CPU each in a thread of its own, one for each core, which is faster in measurements
    than one batch, and gives the same bits as a seed alone; on other devices as one batch under `vmap`.
    """

    name = "compiled"
    steps_one_by_one = False

    def __init__(self, algorithm: Algorithm, environment: TimedEnvironment, batch: bool | None = None) -> None:
        self.algorithm = algorithm
        self.environment = environment
        self.evaluation_environment = evaluation_environment(environment)
        self.spaces = spaces_of(environment)
        self.batch = default_platform() != "cpu" if batch is None else batch
        self._table = is_table(algorithm)
        # A table's step takes as long for a hundred episodes as for ten; a network's on a CPU takes ten times as long.
        self.widths = (FEW_AT_ONCE if default_platform() == "cpu" and not self._table else MANY_AT_ONCE,)
        task = self.evaluation_environment
        inside = task.environment if isinstance(task, Masked) else task
        self.time_limit = (inside.limit or None) if isinstance(inside, TimeLimit) else None
        self.observer: Observer | None = None
        self._source: StepSource = OWN_PLAY
        self._explorer: Explorer | None = None
        self._threads = ThreadPoolExecutor(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None)

    def __reduce__(self) -> tuple[Any, ...]:
        return Compiled, (self.algorithm, self.environment, self.batch)

    def step_cost(self, width: int) -> int:
        return max(width, LEAST_COUNTED if self._table else 1)

    def learn_from(self, data: OfflineData) -> None:
        self._source = jax.device_put(data)

    def prepare(self, episodes: int, how: EvaluationSettings = GREEDY) -> None:
        here, seed, number = (self.algorithm, self.environment), np.uint32(0), np.int32(0)
        first = _initial.lower(*here, seed)
        example: Carry = first.out_info
        evaluated = self.algorithm, self.evaluation_environment, example.state.policy, seed, number, number, number
        lowered = [
            _advance.lower(*here, example, seed, number, number, self._source),
            _evaluate.lower(*evaluated, min(episodes, self.widths[0]), how.stochastic, how.search),
            first,
        ]
        with ThreadPoolExecutor() as compilers:  # XLA releases Python's lock, and JAX keeps the programs
            list(compilers.map(lambda program: program.compile(), lowered))

    def init(self, seed: int) -> Carry:
        carry: Carry = _initial(self.algorithm, self.environment, np.uint32(seed))
        return carry

    def advance(self, carries: Sequence[Carry], seeds: Sequence[int], first: Sequence[int], last: int) -> list[Carry]:
        begins = np.asarray(first, np.int32)
        numbers, counts = np.asarray(seeds, np.uint32), last - begins
        if self.batch and len(carries) > 1:
            together = jax.tree.map(lambda *leaves: jnp.stack(leaves), *carries)
            here = self.algorithm, self.environment
            together = _advance_all(*here, together, numbers, begins, counts, self._source)
            return [jax.tree.map(lambda x, i=i: x[i], together) for i in range(len(carries))]

        def alone(carry: Carry, seed: np.uint32, begin: np.int32, count: np.int32) -> Carry:
            with in_32_bits():  # the caller's setting does not hold in this thread
                carry = _advance(self.algorithm, self.environment, carry, seed, begin, count, self._source)
                carry = jax.block_until_ready(carry)
            return carry

        if len(carries) == 1:
            return [alone(carries[0], numbers[0], begins[0], counts[0])]
        return list(self._threads.map(alone, carries, numbers, begins, counts))

    def report(self, carry: Carry, first: int, last: int) -> tuple[Row, Carry]:
        tally, simulation = carry.tally, carry.simulation
        if isinstance(self.environment, Masked):
            _require_allowed(simulation.earned.total())
        if self.observer is not None:
            self.observer(np.asarray(simulation.observation))
        count, begun, going_on = (
            np.asarray(each, np.int64) for each in (simulation.ended.count, tally.begun, simulation.episode_length)
        )
        block = self.algorithm.steps_per_update * self.algorithm.environments
        length = self._source.own_between(first, last) * block + int(begun.sum() - going_on.sum())
        total_return = float(np.asarray(simulation.ended.total_return).sum(dtype=np.float64))
        sums = {name: float(each.total()) for name, each in tally.metrics.items()}
        row = row_of(self.algorithm, first, last, int(count.sum()), total_return, length, sums)
        following: Any = going_on.astype(np.int32)
        return row, Carry(carry.state, simulation.counted(), Accumulator(nothing_of(tally.metrics), following))

    def episodes_ended(self, carry: Carry) -> int:
        return int(np.asarray(carry.simulation.ended.count, np.int64).sum())

    def copy_carry(self, carry: Carry) -> Carry:
        own: Carry = _copied(carry)
        return own

    def policy(self, carry: Carry) -> Any:
        return jax.tree.map(np.array, carry.state.policy)

    def policy_example(self) -> Any:
        return self.saved_example().state.policy

    def saved(self, carry: Carry) -> Any:
        return carry

    def saved_example(self) -> Carry:
        # Of the jitted function: this trace is used again when it is compiled.
        shapes: Carry = _initial.eval_shape(self.algorithm, self.environment, np.uint32(0))
        return shapes

    def resume(self, saved: Carry, seed: int, iteration: int) -> Carry:
        del seed, iteration  # randomness depends on the seed and the iteration's number alone
        carry: Carry = jax.tree.map(jnp.asarray, saved)
        return carry

    def initial_memory(self, policy: Any, number: int) -> Any:
        return _initial_memory(self.algorithm, policy, number)

    def act(self, policy: Any, memory: Any, observation: np.ndarray, mask: Any = ()) -> tuple[np.ndarray, Any]:
        action, memory = _act(self.algorithm, self.environment, policy, memory, observation, mask)
        return np.array(action, self.spaces.action.dtype), memory

    def exploring(self, policy: Any, seeds: np.ndarray) -> Act:
        if self._explorer is None:
            self._explorer = Explorer(self.algorithm, self.spaces)
        return self._explorer.acting(policy, seeds)

    def evaluate(
        self, policy: Any, seed: int, index: int, episodes: int, how: EvaluationSettings = GREEDY, first: int = 0
    ) -> Evaluation:
        width = min(episodes, self.widths[0] if how.search is None else min(self.widths[0], how.search.side_by_side))
        here = self.algorithm, self.evaluation_environment, policy, np.uint32(seed), np.int32(index)
        rounds = [
            _evaluate(*here, np.int32(first + at), np.int32(how.limit), width, how.stochastic, how.search)
            for at in range(0, episodes, width)
        ]
        longest = sum(int(np.max(lengths)) for _, lengths, _ in rounds)
        returns, lengths, cut = (np.concatenate(each)[:episodes] for each in zip(*jax.device_get(rounds), strict=True))
        if isinstance(self.environment, Masked):
            _require_allowed(returns)
        return Evaluation(returns, lengths, cut, self.step_cost(width) * longest)

    def facts(self) -> dict[str, Any]:
        return {}

    def close(self) -> None:
        self._threads.shutdown()


def _require_allowed(earned: Any) -> None:
    """Raise `RunError` where a mask allowed no action in the middle of an episode (see `wrappers.Masked`)."""
    if np.isnan(np.asarray(earned)).any():
        raise RunError(translated("the action mask allowed nothing in a state in which an episode goes on"))
