"""Training on the compiled engine with a record of every iteration, for experiments.

`zo.train` logs means over many iterations. Here a function `keep` selects what to record in each iteration, and the
result is an array over iterations. The random numbers are the engine's: seed s here is seed s of `zerone train`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.protocol import Algorithm, Array, Metrics, Steps
from zerone.base.compilation import Program, for_long
from zerone.engines.compiled import PREFETCH, Carry, initial
from zerone.engines.rollout import OWN_PLAY
from zerone.engines.streams import TRAIN
from zerone.environments.base import TimedEnvironment
from zerone.experiments.runner import stop_if_asked

Keep = Callable[[Any, Steps, Metrics], Any]
"""From the state after an update, its steps [T, N, ...] and its metrics to a tree of arrays."""

CHUNK = 50_000
"""About how many steps are taken between two checks for Ctrl-C."""


def record(
    algorithm: Algorithm,
    environment: TimedEnvironment,
    seed: int,
    steps: int,
    keep: Keep,
    chunk: int = CHUNK,
    enough: Callable[[Any], bool] | None = None,
) -> tuple[Any, Any]:
    """Train for at least `steps` steps of each environment.

    Args:
        algorithm: The algorithm.
        environment: The environment.
        seed: The seed.
        steps: The number of steps of each environment.
        keep: Selects what to record of an iteration. It must be a function of a module: it is a static argument of the
            compiled program, and a new function would compile it again.
        chunk: About how many steps to take between two checks for Ctrl-C.
        enough: Called with the record of each chunk; training ends early if it returns true.

    Returns:
        The final state, and the record: the tree of `keep` with an additional first axis over iterations.
    """
    carry = _initial(algorithm, environment, np.uint32(seed))
    kept: list[Any] = []
    block = max(1, PREFETCH // algorithm.steps_per_update)
    iterations = -(-steps // algorithm.steps_per_update)
    blocks = max(1, min(chunk // algorithm.steps_per_update, iterations) // block)
    for first in range(0, iterations, blocks * block):
        stop_if_asked()
        carry, found = _learn(algorithm, environment, carry, np.uint32(seed), np.int32(first), blocks, keep)
        kept.append(jax.device_get(found))
        if enough is not None and enough(kept[-1]):
            break
    return jax.device_get(carry.state), jax.tree.map(lambda *parts: np.concatenate(parts)[:iterations], *kept)


def learn(
    algorithm: Algorithm,
    environment: TimedEnvironment,
    carry: Carry,
    seed: Array,
    first: Array,
    blocks: int,
    keep: Keep,
) -> tuple[Carry, Any]:
    """Run `blocks` blocks of iterations, beginning with iteration `first`.

    The random numbers of a block are drawn together, as in `compiled.advance`.

    Returns:
        The carry, and the record: the tree of `keep` with an additional first axis over iterations.
    """
    key, policy = jax.random.fold_in(jax.random.key(seed), TRAIN), carry.state.policy
    block = max(1, PREFETCH // algorithm.steps_per_update)

    def drawn(i: Array) -> Any:
        return OWN_PLAY.draw(algorithm, environment, policy, jax.random.fold_in(key, i), seed, i)

    def outer(carry: Carry, b: Array) -> tuple[Carry, Any]:
        numbers = first + b * block + jnp.arange(block)
        chances = jax.vmap(drawn)(numbers)
        return jax.lax.scan(inner, carry, chances)

    def inner(carry: Carry, chance: Any) -> tuple[Carry, Any]:
        simulation, steps = OWN_PLAY.collect(algorithm, environment, carry.state.policy, carry.simulation, chance)
        state, metrics = algorithm.update(carry.state, steps, chance.update_key)
        return Carry(state, simulation, carry.tally), keep(state, steps, metrics)

    carry, kept = jax.lax.scan(outer, carry, jnp.arange(blocks))
    return carry, jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), kept)


_initial = jax.jit(initial)
_learn = Program(learn, for_long, static_argnums=(5, 6), donate_argnums=2)


class Episodes(NamedTuple):
    """The episodes of one environment that have ended, in order: arrays [episodes]."""

    returns: np.ndarray
    lengths: np.ndarray
    ends: np.ndarray
    """The index of the last step of each episode."""


def episodes(reward: np.ndarray, done: np.ndarray) -> Episodes:
    """Split a stream of steps (rewards and ends, both [T]) into episodes."""
    ends = np.flatnonzero(done)
    total = np.cumsum(reward, dtype=np.float64)[ends]
    return Episodes(np.diff(total, prepend=0.0), np.diff(ends, prepend=-1), ends)


def episode_lengths(
    algorithm: Algorithm, environment: TimedEnvironment, seed: int, number: int, budget: int
) -> np.ndarray:
    """The lengths of the first `number` episodes of a single environment, or of fewer if `budget` steps are over.

    An episode that has not ended after `budget` steps is left out, unless it is the first one, which counts with its
    length so far.
    """
    ended = 0

    def enough(over: np.ndarray) -> bool:
        nonlocal ended
        ended += int(over.sum())
        return ended >= number

    _, over = record(algorithm, environment, seed, budget, is_over, enough=enough)
    ends = np.flatnonzero(over)
    return np.diff(ends, prepend=-1)[:number] if len(ends) else np.array([len(over)])


def is_over(state: Any, steps: Steps, metrics: Metrics) -> Any:
    """Whether the episode ended, for a single environment and one step per iteration."""
    del state, metrics
    return (steps.terminated | steps.truncated)[0, 0]
