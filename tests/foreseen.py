"""For tests of lookahead search: value iteration to compare with, and a faulty model that must be detected."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.q_learning import QLearning
from zerone.base.pytree import struct
from zerone.engines.search import Foresight, TrueModel
from zerone.environments.wrappers import TimeLimit

DISCOUNT = 0.5
"""If rewards and values are multiples of 1/8, all sums over a few steps are exact in float32."""


def iterated(tables: Any, values: np.ndarray, times: int) -> np.ndarray:
    """Q after `times` sweeps of value iteration over all states and actions (Sutton & Barto 2018, eq. 4.10)."""
    for _ in range(times):
        values = tables.reward + DISCOUNT * np.where(tables.terminal, 0.0, values[tables.following].max(-1))
    return values


def found(search: Any, world: TimeLimit, learnt: np.ndarray, model: type = TrueModel) -> Any:
    """The results of a search from every state of a table, with the values `learnt` at its leaves."""

    def of(state: Any) -> Any:
        _, clock = world.reset(jax.random.key(0))
        foresight = Foresight(QLearning(discount=DISCOUNT), jnp.asarray(learnt), model(world))
        return search.look(foresight, jax.random.key(1), type(clock)(state, clock.steps), state)

    return jax.jit(jax.vmap(of))(jnp.arange(len(learnt)))


@struct
class Endless(TrueModel):
    """A faulty model: it never reports that an episode ended."""

    def step(self, key, state, action):
        *found, terminated = super().step(key, state, action)
        return (*found, jnp.zeros_like(terminated))
