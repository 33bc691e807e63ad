"""Action masks: which actions may be taken. Nothing else is ever chosen, and nothing else counts in what is learnt.

A mask is bool [..., actions], with at least one true in each row; `()` where there is none, and then every function
computes what it did before there were masks.
"""

from __future__ import annotations

from typing import TypeAlias

import jax
import jax.numpy as jnp

Array = jax.Array
Mask: TypeAlias = Array | tuple[()]

FORBIDDEN = -1e30
"""The score of an action that is not allowed: its probability is 0 in float32, and all sums with it are finite."""


def allowed_only(scores: Array, mask: Mask) -> Array:
    """Scores or values [..., n] of which none that is not allowed is ever the highest."""
    return scores if isinstance(mask, tuple) else jnp.where(mask, scores, FORBIDDEN)


def mean_of_allowed(values: Array, mask: Mask) -> Array:
    """The mean over the actions that are allowed."""
    if isinstance(mask, tuple):
        return values.mean(-1)
    return jnp.where(mask, values, 0.0).sum(-1) / mask.sum(-1)
