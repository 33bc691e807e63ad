"""Lookahead: the action with the largest value over N simulated steps, by the environment's own step and learnt values.

    Q_0(s, a) = the learnt Q(s, a)
    Q_N(s, a) = E[r + γ (1 - terminated) max_a' Q_{N-1}(s', a')]

Heuristic search: Sutton & Barto 2018, section 8.9. The expectation is the mean of K samples of each action in each
state, each with a key of its own: sparse sampling, Kearns, Mansour & Ng 2002 (doi 10.1023/A:1017932429737), section 3.
In a deterministic environment K = 1 is exact. Else the maximum over means of samples is too high on average, the more
so the fewer samples there are.

N = 0 is the learnt policy, without a search. Rewards are the task's own, γ is that of the training.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.protocol import Array, Key
from zerone.base.pytree import struct
from zerone.engines.search import LARGEST_WORK, Foresight, Future, Outcome, is_allowed
from zerone.parts.exploration import allowed_only, greedy
from zerone.parts.returns import one_step_target

AT_ONCE = 4_096
"""Futures that are computed at once; of more, one part after the other, because of memory."""


@struct
class Foreseen:
    """A state and its simulated futures: Q_N [actions]; r, terminated and V(s'), [actions, K].

    `following` is the same for each s', [actions, K, ...]; None where V(s') is the learnt value.
    """

    values: Array
    reward: Array
    terminated: Array
    next_value: Array
    following: Foreseen | None


@dataclasses.dataclass(frozen=True)
class Lookahead:
    """A search of N = `depth` ≥ 1 steps with K = `samples` of each action. Compiled programs depend on it."""

    depth: int
    actions: int
    samples: int = 1

    @property
    def work(self) -> int:
        """The number of futures compared for one decision: (actions K)^N."""
        return int((self.actions * self.samples) ** self.depth)

    @property
    def side_by_side(self) -> int:
        """The number of episodes in which it can be done side by side."""
        return max(1, LARGEST_WORK // min(self.work, AT_ONCE))

    def describe(self) -> dict[str, Any]:
        """The entries of a result about it."""
        return {"lookahead": self.depth, "lookahead_samples": self.samples}

    def look(self, foresight: Foresight, key: Key, state: Any, seen: Array) -> Foreseen:
        """The futures of N steps from a state of the environment with the observation `seen`. Consumes `key`."""
        return self._look(foresight, key, foresight.model.begin(state, seen), self.depth)

    def choose(self, found: Foreseen) -> Array:
        """The greedy action."""
        return greedy(found.values)

    def _look(self, foresight: Foresight, key: Key, state: Any, depth: int) -> Foreseen:
        def sampled(key: Key, action: Array) -> tuple[Array, Array, Array, Foreseen | None]:
            step_key, later_key = jax.random.split(key)
            seen, following, reward, terminated = foresight.model.step(step_key, state, action)
            further = None if depth == 1 else self._look(foresight, later_key, following, depth - 1)
            values = foresight.values(seen, following) if further is None else further.values
            return reward, terminated, values.max(), further

        def of_action(keys: Key, action: Array) -> tuple[Array, Array, Array, Foreseen | None]:
            found: tuple[Array, Array, Array, Foreseen | None] = jax.vmap(sampled, (0, None))(keys, action)
            return found

        keys = jax.random.split(key, (self.actions, self.samples))
        each = keys, jnp.arange(self.actions)
        if (self.actions * self.samples) ** depth > AT_ONCE:
            reward, terminated, value, further = jax.lax.map(lambda one: of_action(*one), each)
        else:
            reward, terminated, value, further = jax.vmap(of_action)(*each)
        found = one_step_target(reward, terminated, foresight.discount, value).mean(-1)
        values = allowed_only(found, foresight.model.mask(state))
        return Foreseen(values, reward, terminated, value, further)

    def futures(self, found: Foreseen) -> tuple[Future, ...]:
        """The result as plain objects: each action, with the outcomes of its samples."""
        return _futures(jax.tree.map(np.asarray, found))


def _futures(found: Any) -> tuple[Future, ...]:
    best = int(np.argmax(found.values))
    return tuple(
        Future(action, float(value), action == best, None, tuple(_outcomes(found, action)))
        for action, value in enumerate(found.values)
        if is_allowed(value)
    )


def _outcomes(found: Any, action: int) -> list[Outcome]:
    """The outcomes of an action's samples; equal ones once, with their count."""

    def one(sample: int) -> Outcome:
        at: Callable[[Any], Any] = lambda leaf: leaf[action, sample]  # noqa: E731
        over = bool(at(found.terminated))
        further = () if found.following is None or over else _futures(jax.tree.map(at, found.following))
        return Outcome(float(at(found.reward)), float(over), float(at(found.next_value)), 1, further)

    counted: dict[Outcome, int] = {}
    for sample in range(found.reward.shape[1]):
        outcome = one(sample)
        counted[outcome] = counted.get(outcome, 0) + 1
    ordered = sorted(counted.items(), key=lambda pair: -pair[1])
    return [dataclasses.replace(outcome, count=count) for outcome, count in ordered]
