"""What every table of action values shares: its spaces, its start and how it acts."""

from __future__ import annotations

import jax.numpy as jnp
from gymnasium import spaces as gym_spaces

from zerone.algorithms.protocol import Array
from zerone.parts.exploration import epsilon_greedy_ties, greedy
from zerone.parts.spaces import Spaces, count


def refuse_table(spaces: Spaces) -> str | None:
    """Why a table cannot hold these spaces; None if it can."""
    for what, space in (("observations", spaces.observation), ("actions", spaces.action)):
        if not isinstance(space, gym_spaces.Discrete):
            return f"a table needs Discrete {what}"
    return None


def zeros(spaces: Spaces) -> Array:
    """Q(s, a) = 0 everywhere: float32 [states, actions]."""
    return jnp.zeros((count(spaces.observation, "observation"), count(spaces.action, "action")))


def act_on_table(table: Array, observation: Array, epsilon: Array | float, noise: Array | None) -> Array:
    """ε-greedy on the rows of the observed states; greedy without noise."""
    values = table[observation]
    return greedy(values) if noise is None else epsilon_greedy_ties(values, epsilon, noise)
