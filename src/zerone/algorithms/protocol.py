"""What an algorithm is: a few pure functions and a number. Read this file first.

    state                  = algorithm.init(key, spaces)
    noise                  = algorithm.noise(state.policy, key, (T, N))
    action, memory, extras = algorithm.act(state.policy, memory, observation, noise[t])
    state, metrics         = algorithm.update(state, steps, key)

`memory` is what a policy carries from step to step within an episode: `()` for most, the hidden state of a recurrent
network for instance. The engine keeps it, and begins every episode with `initial_memory(algorithm, policy, N)`.

Acting is a deterministic function of its noise, and without noise it is greedy. So the chance of a whole block
of steps is drawn at once: drawing inside of the loop made a table learn fifteen times slower.

An algorithm is a `@configured` dataclass: its numbers are leaves (so a batch of learning rates trains in one
compile), its sizes and choices are static. `state.policy` is all that acting needs, and all that a saved agent
or a worker must carry; it never holds the replay memory. Everything is batched over parallel environments.
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
    """A_t, as the algorithm drew it: unclipped, counted from 0."""
    reward: Array
    """R_{t+1}, float32."""
    next_observation: Array
    """S_{t+1}, the true successor: never the observation of a reset."""
    terminated: Array
    """S_{t+1} is terminal (bool): do not bootstrap."""
    truncated: Array
    """The episode was cut at S_{t+1} (bool): bootstrap, then a new episode begins."""
    extras: Any
    """What `act` gave to learn from, such as a log-probability."""
    memory: Any = ()
    """What the policy remembered of the episode before it saw S_t."""
    mask: Any = ()
    """Which actions were allowed in S_t, bool [T, N, actions]; `()` where nothing says so."""
    next_mask: Any = ()
    """Which are in S_{t+1}."""


class State(Protocol):
    """A training state: any pytree with a `policy`.

    What learning knows of the episodes going on, and has no meaning for others, is in a field `ongoing`, of the state
    or of anything in it. (What acting knows of them is the policy's memory, which the engine keeps.) Where the engine
    has to begin new episodes, because it has lost those that were going on, `in_new_episodes` puts in its place what
    `init` begins with.
    """

    @property
    def policy(self) -> Any:
        """All that acting needs."""
        ...


_ONGOING = (jax.tree_util.GetAttrKey("ongoing"), jax.tree_util.DictKey("ongoing"))


def ongoing(state: Any) -> list[Any]:
    """The leaves of a state that belong to the episodes going on."""
    leaves: list[tuple[tuple[Any, ...], Any]] = jax.tree_util.tree_leaves_with_path(state)
    return [leaf for path, leaf in leaves if any(key in _ONGOING for key in path)]


def in_new_episodes(state: Any, begun: Sequence[Any]) -> Any:
    """The state when new episodes begin everywhere; `begun` is what is `ongoing` in a state that `init` has made."""
    fresh = iter(begun)

    def chosen(path: tuple[Any, ...], leaf: Any) -> Any:
        return next(fresh) if any(key in _ONGOING for key in path) else leaf

    return jax.tree_util.tree_map_with_path(chosen, state)


@runtime_checkable
class Cut(Protocol):
    """An algorithm that cuts its samples into minibatches of one size."""

    minibatches: int

    def fitted(self) -> Any:
        """The same with the number of minibatches that is nearest to its own and divides the samples."""
        ...


class Algorithm(Protocol):
    """Three pure functions and how many steps they want. Every implementation is one file of this room."""

    name: ClassVar[str]
    """The name on the command line."""

    metrics: ClassVar[Mapping[str, str]]
    """What `update` measures: each name in the log, and what it means."""

    @property
    def environments(self) -> int:
        """How many environments are played in parallel (N)."""
        ...

    @property
    def steps_per_update(self) -> int:
        """How many steps of each environment an update wants (T)."""
        ...

    @property
    def warmup_updates(self) -> int:
        """How many updates at first only remember: their metrics are 0, and are not averaged."""
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
        """What chance decides in `shape` actions: a tree of arrays [*shape, ...]. Consumes `key`."""
        ...

    def act(self, policy: Any, memory: Any, observation: Array, noise: Any = None) -> tuple[Array, Any, Any]:
        """Actions for observations [N, ...], the memory after them, and the extras to learn from.

        Without noise the actions are greedy. A policy that remembers nothing gives back the `()` that it got.
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
        """The memory with which `number` episodes begin: a tree of arrays [number, ...]."""
        ...


def initial_memory(algorithm: Algorithm, policy: Any, number: int) -> Any:
    """The memory with which `number` episodes begin: `()` where the policy remembers nothing."""
    return algorithm.initial_memory(policy, number) if isinstance(algorithm, Remembers) else ()


def begin_where(begins: Array, begun: Any, memory: Any) -> Any:
    """The memory [N, ...] of episodes, which is that of `begun` ones where `begins` (bool [N]) says so."""

    def chosen(fresh: Array, old: Array) -> Array:
        return jnp.where(begins.reshape(-1, *[1] * (old.ndim - 1)), fresh, old)

    return jax.tree.map(chosen, begun, memory)


@runtime_checkable
class KeepsToMasks(Protocol):
    """An algorithm whose `act` also takes a `mask` of the actions that are allowed, bool [N, actions].

    It never draws another one, and what it learns from `Steps` with masks counts no other one.
    """

    keeps_to_masks: ClassVar[bool]


def acting(
    algorithm: Any, policy: Any, memory: Any, observation: Array, noise: Any = None, mask: Any = ()
) -> tuple[Array, Any, Any]:
    """What `act` gives back; a mask is said only where there is one."""
    if isinstance(mask, tuple):
        found: tuple[Array, Any, Any] = algorithm.act(policy, memory, observation, noise)
    else:
        found = algorithm.act(policy, memory, observation, noise, mask=mask)
    return found


@runtime_checkable
class Valued(Protocol):
    """An algorithm whose policy has a value Q(s, a) of each action: a table, or a network of values."""

    def values(self, policy: Any, memory: Any, observation: Array) -> Array:
        """Q(s, a) of each action for observations [N, ...], before which the memory is this: [N, actions]."""
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
    """An algorithm whose values may be of rewards on another scale than the task's."""

    def value_unit(self, policy: Any) -> Array:
        """How much reward of the task a value of 1 stands for."""
        ...


@runtime_checkable
class Explores(Protocol):
    """An algorithm that now and then takes a random action in the place of the greedy one."""

    def exploration_rate(self, policy: Any) -> Array:
        """ε, how often it does."""
        ...

    def explores(self, policy: Any, noise: Any) -> Array:
        """Whether it does with this noise, [N]."""
        ...


@runtime_checkable
class CountsSamples(Protocol):
    """An algorithm that says how much it learns from each step, so that evaluations can be in proportion to it."""

    @property
    def samples_per_step(self) -> float:
        """How many samples gradients are computed of, for each environment step; 0: it learns a table."""
        ...


def samples_per_step(algorithm: Algorithm) -> float | None:
    """How many samples an algorithm computes gradients of, for each environment step; None where it does not say."""
    return algorithm.samples_per_step if isinstance(algorithm, CountsSamples) else None


def is_table(algorithm: Algorithm) -> bool:
    """Whether an algorithm learns a table, whose every step is a look-up."""
    return samples_per_step(algorithm) == 0


@runtime_checkable
class PlaysAlone(Protocol):
    """An algorithm whose policy acts differently in each of its environments."""

    def playing_alone(self, policy: Any) -> Any:
        """The policy as it explores in a single environment."""
        ...


@runtime_checkable
class Distributed(Algorithm, Protocol):
    """An algorithm of several workers, which may be driven in one program or as processes of their own.

    A worker plays with the networks that it has and computes gradients of its steps: that is `alone()`. The process
    that holds the shared networks goes along them, with the `apply` of this algorithm, whose step size knows of all
    workers. The policy is an `ActorAndCritic`: a gradient is that of its networks, and workers' scales are merged.
    """

    asynchronous: ClassVar[bool]
    """Whether a worker's gradient is applied as soon as it comes (A3C), or when those of all are there (DPPO)."""

    @property
    def workers(self) -> int:
        """How many there are; they share out `environments`, each the same number."""
        ...

    def alone(self) -> Algorithm:
        """What one worker is: the algorithm without workers, of the same settings, in its own environments."""
        ...

    @property
    def gradient(self) -> Callable[..., tuple[Any, Metrics]]:
        """From networks, and what was played with them, to a gradient; a worker uses that of `alone()`."""
        ...

    @property
    def apply(self) -> Callable[..., Any]:
        """From the state that `alone().init` makes, and a gradient, to that state a step later."""
        ...
