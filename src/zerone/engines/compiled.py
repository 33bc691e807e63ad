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

from zerone.algorithms.protocol import Algorithm, Array, Key, acting, initial_memory, is_table
from zerone.base.bits import in_32_bits
from zerone.base.compilation import for_long, for_once, for_seldom
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
    Judging,
    Observer,
    Row,
    row_of,
)
from zerone.engines.rollout import OWN_PLAY, EnvironmentState, StepSource, start
from zerone.engines.search import Search
from zerone.engines.streams import EVALUATE, INIT, TRAIN
from zerone.environments.base import TimedEnvironment
from zerone.environments.spaces import Spaces, from_environment, to_environment
from zerone.environments.wrappers import Masked, TimeLimit, evaluation_environment

if TYPE_CHECKING:
    from zerone.engines.offline_data import OfflineData

PREFETCH = 256
"""About how many steps' chance is drawn at once."""

MANY_AT_ONCE, FEW_AT_ONCE = 100, 10
"""How many episodes of an evaluation are played side by side. One program plays them all, however many they are."""
LEAST_COUNTED = 50
"""A step of few episodes with a table takes as long as a step of so many."""


@struct
class Accumulator:
    """Metrics added up since the last row of the log, and the lengths (int32 [N]) of the episodes going on then."""

    metrics: dict[str, Sum]
    begun: Array


@struct
class Carry:
    """All that a training of one seed is, between two iterations."""

    state: Any
    simulation: EnvironmentState
    tally: Accumulator


def stream(seed: Array, purpose: int) -> Key:
    """One of the independent streams of keys that belong to a seed."""
    return jax.random.fold_in(jax.random.key(seed), purpose)


def advance(
    algorithm: Algorithm, environment: TimedEnvironment, carry: Carry, seed: Array, first: Array, count: Array,
    source: StepSource = OWN_PLAY,
) -> Carry:  # fmt: skip
    """Run iterations `first` to `first + count` of one seed. `first` and `count` are numbers, not shapes.

    Each takes a block of steps of the source, learns from it, and adds what happened to the tally. The chance of some
    iterations is drawn at once (see `PREFETCH`): a loop without random numbers in it compiles to far faster code. It
    changes nothing else: iteration i still depends on `fold_in(key, i)` alone.
    """
    key = stream(seed, TRAIN)
    block = max(1, PREFETCH // algorithm.steps_per_update)
    policy = carry.state.policy

    def drawn(i: Array) -> Any:
        return source.draw(algorithm, environment, policy, jax.random.fold_in(key, i), seed, i)

    def outer(b: Array, carry: Carry) -> Carry:
        begin = b * block
        chances = jax.vmap(drawn)(first + begin + jnp.arange(block))

        def inner(i: Array, carry: Carry) -> Carry:
            chance = jax.tree.map(lambda x: x[i], chances)
            simulation, steps = source.collect(algorithm, environment, carry.state.policy, carry.simulation, chance)
            state, metrics = algorithm.update(carry.state, steps, chance.update_key)
            sums = {name: carry.tally.metrics[name].plus(value) for name, value in metrics.items()}
            return Carry(state, simulation, Accumulator(sums, carry.tally.begun))

        carry = jax.lax.fori_loop(0, jnp.minimum(block, count - begin), inner, carry)
        return carry

    carry = jax.lax.fori_loop(0, (count - 1) // block + 1, outer, carry)
    return carry


def spaces_of(environment: TimedEnvironment) -> Spaces:
    """The spaces of an environment, and whether a mask says which actions are allowed."""
    masked = isinstance(environment, Masked)
    return Spaces(environment.observation_space, environment.action_space, masked=masked)


def initial(algorithm: Algorithm, environment: TimedEnvironment, seed: Array) -> Carry:
    """Before the first iteration."""
    spaces = spaces_of(environment)
    state_key, start_key = jax.random.split(stream(seed, INIT))
    state = algorithm.init(state_key, spaces)
    simulation = start(algorithm, environment, state.policy, start_key)
    begun = jnp.zeros(algorithm.environments, jnp.int32)
    return Carry(state, simulation, Accumulator({name: Sum.zero() for name in algorithm.metrics}, begun))


def evaluate(
    algorithm: Algorithm, environment: TimedEnvironment, policy: Any, seed: Array, index: Array, first: Array,
    limit: Array, episodes: int, stochastic: bool, search: Search | None,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Returns and lengths of episodes from number `first` on, and which were cut. The last three are static."""
    key = jax.random.fold_in(stream(seed, EVALUATE), index)
    numbers = first + jnp.arange(episodes)
    return evaluate_episodes(algorithm, environment, policy, numbers, key, limit, stochastic, search)


def copied(carry: Carry) -> Carry:
    """The same in other memory: leaf by leaf, from Python, it would take as long as many an update."""
    own: Carry = jax.tree.map(jnp.copy, carry)
    return own


_initial = jax.jit(initial, compiler_options=for_once())
_advance = jax.jit(advance, donate_argnums=2, compiler_options=for_long())
_advance_all = jax.jit(jax.vmap(advance, in_axes=(None, None, 0, 0, 0, 0, None)), donate_argnums=2)
_evaluate = jax.jit(evaluate, static_argnums=(7, 8, 9), compiler_options=for_seldom())
_copied = jax.jit(copied, compiler_options=for_seldom())


@jax.jit
def _act(
    algorithm: Algorithm, environment: TimedEnvironment, policy: Any, memory: Any, observation: Array, mask: Any
) -> tuple[Array, Any]:
    seen = from_environment(environment.observation_space, observation)
    action, memory, _ = acting(algorithm, policy, memory, seen, None, mask)
    return to_environment(environment.action_space, action), memory


_initial_memory = jax.jit(initial_memory, static_argnums=2)


class Compiled:
    """Drives an algorithm in a JAX environment. See `Engine` for the methods.

    Seeds run side by side: on a CPU each in a thread of its own, one for each core, which measures faster than
    one batch (and gives the same bits as a seed alone); on other devices as one batch under `vmap`.
    """

    name = "compiled"
    steps_one_by_one = False

    def __init__(self, algorithm: Algorithm, environment: TimedEnvironment, batch: bool | None = None) -> None:
        self.algorithm = algorithm
        self.environment = environment
        self.real = evaluation_environment(environment)
        self.spaces = spaces_of(environment)
        self.batch = default_platform() != "cpu" if batch is None else batch
        self._table = is_table(algorithm)
        self.observer: Observer | None = None
        self._source: StepSource = OWN_PLAY
        self._explorer: Explorer | None = None
        self._threads = ThreadPoolExecutor(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None)

    def __reduce__(self) -> tuple[Any, ...]:
        return Compiled, (self.algorithm, self.environment, self.batch)

    @property
    def time_limit(self) -> int | None:
        inside = self.real.environment if isinstance(self.real, Masked) else self.real
        return (inside.limit or None) if isinstance(inside, TimeLimit) else None

    @property
    def widths(self) -> tuple[int, ...]:
        # A table's step is as long for a hundred episodes as for ten; a network's on a CPU is ten times as long.
        return (FEW_AT_ONCE if default_platform() == "cpu" and not self._table else MANY_AT_ONCE,)

    def turn(self, width: int) -> int:
        return max(width, LEAST_COUNTED if self._table else 1)

    def learn_from(self, study: OfflineData) -> None:
        self._source = jax.device_put(study)

    def prepare(self, episodes: int, how: Judging = GREEDY) -> None:
        here, seed, number = (self.algorithm, self.environment), np.uint32(0), np.int32(0)
        first = _initial.lower(*here, seed)
        example: Carry = first.out_info
        lowered = [
            _advance.lower(*here, example, seed, number, number, self._source),
            _evaluate.lower(
                self.algorithm,
                self.real,
                example.state.policy,
                seed,
                number,
                number,
                number,
                min(episodes, self.widths[0]),
                how.stochastic,
                how.search,
            ),
            first,
        ]
        with ThreadPoolExecutor() as compilers:  # XLA compiles outside of Python's lock, and JAX keeps the programs
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
            with in_32_bits():  # of this thread, which knows nothing of the caller's
                carry = _advance(self.algorithm, self.environment, carry, seed, begin, count, self._source)
                carry = jax.block_until_ready(carry)
            return carry

        if len(carries) == 1:
            return [alone(carries[0], numbers[0], begins[0], counts[0])]
        return list(self._threads.map(alone, carries, numbers, begins, counts))

    def report(self, carry: Carry, first: int, last: int) -> tuple[Row, Carry]:
        tally, simulation = carry.tally, carry.simulation
        self._require_allowed(simulation.earned.total())
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

    def ended(self, carry: Carry) -> int:
        return int(np.asarray(carry.simulation.ended.count, np.int64).sum())

    def copied(self, carry: Carry) -> Carry:
        own: Carry = _copied(carry)
        return own

    def policy(self, carry: Carry) -> Any:
        return jax.tree.map(np.array, carry.state.policy)

    def policy_example(self) -> Any:
        return self.saved_example().state.policy

    def saved(self, carry: Carry) -> Any:
        return carry

    def saved_example(self) -> Carry:
        # Of the program, not of its function: what was traced for this is there when it is compiled.
        shapes: Carry = _initial.eval_shape(self.algorithm, self.environment, np.uint32(0))
        return shapes

    def resume(self, saved: Carry, seed: int, iteration: int) -> Carry:
        del seed, iteration  # iteration i needs nothing but the seed and i: there is no generator to put back
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
        self, policy: Any, seed: int, index: int, episodes: int, how: Judging = GREEDY, first: int = 0
    ) -> Evaluation:
        width = min(episodes, self.widths[0] if how.search is None else min(self.widths[0], how.search.side_by_side))
        here = self.algorithm, self.real, policy, np.uint32(seed), np.int32(index)
        rounds = [
            _evaluate(*here, np.int32(first + at), np.int32(how.limit), width, how.stochastic, how.search)
            for at in range(0, episodes, width)
        ]
        longest = sum(int(np.max(lengths)) for _, lengths, _ in rounds)
        returns, lengths, cut = (np.concatenate(each)[:episodes] for each in zip(*jax.device_get(rounds), strict=True))
        self._require_allowed(returns)
        return Evaluation(returns, lengths, cut, self.turn(width) * longest)

    def _require_allowed(self, earned: Any) -> None:
        """Raise `RunError` where a mask has allowed nothing in the middle of an episode (see `wrappers.Masked`)."""
        if isinstance(self.environment, Masked) and np.isnan(np.asarray(earned)).any():
            raise RunError(translated("the action mask allowed nothing in a state in which an episode goes on"))

    def facts(self) -> dict[str, Any]:
        return {}

    def close(self) -> None:
        self._threads.shutdown()
