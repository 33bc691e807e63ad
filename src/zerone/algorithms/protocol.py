"""The protocol of algorithms: a few pure functions and a number. Read this file first.

    state                  = algorithm.init(key, spaces)
    noise                  = algorithm.noise(state.policy, key, (T, N))
    action, memory, extras = algorithm.act(state.policy, memory, observation, noise[t])
    state, metrics         = algorithm.update(state, steps, key)

`memory` is what a policy carries from step to step within an episode: `()` for most, or the hidden state of a recurrent
network. The engine keeps it, and begins every episode with `initial_memory(algorithm, policy, N)`.

Acting is a deterministic function of its noise, and greedy without noise. So the noise of a whole block of steps is
drawn at once: drawing it inside the loop made a table learn fifteen times slower.

An algorithm is a `@configured` dataclass: its numbers are leaves (so a batch of learning rates trains in one
program), its sizes and choices are static. `state.policy` is all that acting needs, and all that a saved agent
or a worker has; it never holds the replay memory. Everything is batched over parallel environments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from zerone.base.pytree import struct
from zerone.environments.spaces import Spaces

Array = jax.Array
Key = jax.Array
Metrics = dict[str, Array]


@struct
class Steps:
    """T steps of N environments; every leaf is [T, N, ...]."""

    observation: Array
    """S_t, from which the action was chosen."""
    action: Array
    """A_t, as the algorithm drew it: not clipped to bounds, and counted from 0."""
    reward: Array
    """R_{t+1}, float32."""
    next_observation: Array
    """S_{t+1}, the true next observation: never that of a reset."""
    terminated: Array
    """S_{t+1} is terminal (bool): do not bootstrap."""
    truncated: Array
    """The episode was cut at S_{t+1} (bool): bootstrap; a new episode begins."""
    extras: Any
    """The extras of `act`, such as log-probabilities."""
    memory: Any = ()
    """The policy's memory before it saw S_t."""
    mask: Any = ()
    """The allowed actions in S_t, bool [T, N, actions]; `()` without action masks."""
    next_mask: Any = ()
    """The allowed actions in S_{t+1}."""


class State(Protocol):
    """A training state: any pytree with a `policy`.

    A field `ongoing`, of the state or of anything in it, holds what learning keeps of unfinished episodes, such as
    traces. Where the engine loses these episodes, `reset_ongoing` restores what `init` makes. (What acting keeps of
    them is the policy's memory, which the engine holds.)
    """

    @property
    def policy(self) -> Any:
        """All that acting needs."""
        ...


_ONGOING = (jax.tree_util.GetAttrKey("ongoing"), jax.tree_util.DictKey("ongoing"))


def ongoing(state: Any) -> list[Any]:
    """The leaves of a state that belong to unfinished episodes."""
    leaves: list[tuple[tuple[Any, ...], Any]] = jax.tree_util.tree_leaves_with_path(state)
    return [leaf for path, leaf in leaves if any(key in _ONGOING for key in path)]


def reset_ongoing(state: Any, initial: Sequence[Any]) -> Any:
    """The state with new episodes in every environment; `initial` are the `ongoing` leaves of a state from `init`."""
    leaves = iter(initial)

    def select(path: tuple[Any, ...], leaf: Any) -> Any:
        return next(leaves) if any(key in _ONGOING for key in path) else leaf

    return jax.tree_util.tree_map_with_path(select, state)


@runtime_checkable
class Cut(Protocol):
    """An algorithm that splits its samples into minibatches of equal size."""

    minibatches: int

    def fitted(self) -> Any:
        """The algorithm with the nearest number of minibatches that divides its samples."""
        ...


class Algorithm(Protocol):
    """Pure functions, and how many steps an update takes. Every implementation is one file of this room."""

    name: ClassVar[str]
    """The name on the command line."""

    metrics: ClassVar[Mapping[str, str]]
    """The metrics of `update`: each name in the log, and its meaning."""

    @property
    def environments(self) -> int:
        """The number N of parallel environments."""
        ...

    @property
    def steps_per_update(self) -> int:
        """The number T of steps of each environment in an update."""
        ...

    @property
    def warmup_updates(self) -> int:
        """The number of first updates that learn nothing: their metrics are 0, and do not enter the log's means."""
        ...

    def refuse(self, spaces: Spaces) -> str | None:
        """Why this algorithm cannot take these spaces, in a few words; None if it can."""
        ...

    def check(self) -> None:
        """Raise `InputError` if settings that are each allowed do not go together."""
        ...

    def init(self, key: Key, spaces: Spaces) -> Any:
        """The state before the first step. Consumes `key`."""
        ...

    def noise(self, policy: Any, key: Key, shape: tuple[int, ...]) -> Any:
        """The random numbers of `shape` actions: a tree of arrays [*shape, ...]. Consumes `key`."""
        ...

    def act(self, policy: Any, memory: Any, observation: Array, noise: Any = None) -> tuple[Array, Any, Any]:
        """Actions [N, ...] for observations [N, ...], the memory after them, and extras that `update` learns from.

        Without noise the actions are greedy. A policy without a memory returns the `()` that it got.
        """
        ...

    def update(self, state: Any, steps: Steps, key: Key) -> tuple[Any, Metrics]:
        """Learn from a block of steps [T, N, ...]. Consumes `key`.

        Metrics are float32 scalars, the means over the gradient updates done here.
        """
        ...


@runtime_checkable
class Remembers(Protocol):
    """An algorithm whose policy carries a memory from step to step within an episode."""

    def initial_memory(self, policy: Any, number: int) -> Any:
        """The memory at the start of `number` episodes: a tree of arrays [number, ...]."""
        ...


def initial_memory(algorithm: Algorithm, policy: Any, number: int) -> Any:
    """The memory at the start of `number` episodes: `()` for a policy without a memory."""
    return algorithm.initial_memory(policy, number) if isinstance(algorithm, Remembers) else ()


def reset_memory(begins: Array, initial: Any, memory: Any) -> Any:
    """The memory [N, ...], replaced by `initial` in the episodes that begin (`begins`, bool [N])."""

    def select(new: Array, old: Array) -> Array:
        return jnp.where(begins.reshape(-1, *[1] * (old.ndim - 1)), new, old)

    return jax.tree.map(select, initial, memory)


@runtime_checkable
class KeepsToMasks(Protocol):
    """An algorithm whose `act` also takes a `mask` of the allowed actions, bool [N, actions].

    It never draws an action that is not allowed, nor counts one when it learns from `Steps` with masks.
    """

    keeps_to_masks: ClassVar[bool]


def act_masked(
    algorithm: Any, policy: Any, memory: Any, observation: Array, noise: Any = None, mask: Any = ()
) -> tuple[Array, Any, Any]:
    """`algorithm.act`, with the mask passed only where there is one: not every `act` takes it."""
    masks = {} if isinstance(mask, tuple) else {"mask": mask}
    acted: tuple[Array, Any, Any] = algorithm.act(policy, memory, observation, noise, **masks)
    return acted


@runtime_checkable
class Valued(Protocol):
    """An algorithm whose policy has a value Q(s, a) of each action: a table, or a network of values."""

    def values(self, policy: Any, memory: Any, observation: Array) -> Array:
        """Q(s, a) of each action, [N, actions], for observations [N, ...] and the memory before them."""
        ...


@runtime_checkable
class Discounting(Protocol):
    """An algorithm whose values are of discounted rewards."""

    @property
    def discount(self) -> Array | float:
        """The discount factor γ."""
        ...


@runtime_checkable
class ScaledValues(Protocol):
    """An algorithm whose values may be on another scale than the task's rewards."""

    def value_unit(self, policy: Any) -> Array:
        """The factor from its values to sums of the task's rewards."""
        ...


@runtime_checkable
class Explores(Protocol):
    """An algorithm that sometimes takes a random action in place of the greedy one."""

    def exploration_rate(self, policy: Any) -> Array:
        """ε, the probability of a random action."""
        ...

    def explores(self, policy: Any, noise: Any) -> Array:
        """Whether this noise leads to a random action, bool [N]."""
        ...


@runtime_checkable
class CountsSamples(Protocol):
    """An algorithm that states its work for each step, to which the time for evaluations is proportional."""

    @property
    def samples_per_step(self) -> float:
        """Samples in gradients for each environment step; 0 for a table."""
        ...


def is_table(algorithm: Algorithm) -> bool:
    """Whether an algorithm learns a table, so that each of its steps is a look-up."""
    return isinstance(algorithm, CountsSamples) and algorithm.samples_per_step == 0


@runtime_checkable
class PlaysAlone(Protocol):
    """An algorithm whose policy acts differently in each of its environments."""

    def playing_alone(self, policy: Any) -> Any:
        """The policy as it explores in a single environment."""
        ...


@runtime_checkable
class Distributed(Algorithm, Protocol):
    """An algorithm of several workers, which may run in one program or as processes of their own.

    A worker, `alone()`, plays with its networks and computes gradients of its steps. The process with the shared
    networks applies them by this algorithm's `apply`, whose step size takes all workers into account. The policy is an
    `ActorAndCritic`: a gradient is one of its networks, and the scales of all workers are merged.
    """

    asynchronous: ClassVar[bool]
    """Whether a worker's gradient is applied as soon as it arrives (A3C), or when all have arrived (DPPO)."""

    @property
    def workers(self) -> int:
        """The number of workers; each has an equal part of `environments`."""
        ...

    def alone(self) -> Algorithm:
        """The algorithm of one worker: the same settings, its own part of the environments."""
        ...

    @property
    def gradient(self) -> Callable[..., tuple[Any, Metrics]]:
        """The gradient of networks on steps that were played with them; a worker uses that of `alone()`."""
        ...

    @property
    def apply(self) -> Callable[..., Any]:
        """The state of `alone().init` after a step along a gradient."""
        ...
