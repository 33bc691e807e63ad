"""Policies without hidden layers: their gradients can be written down."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy import special

from zerone.parts.networks import Linear
from zerone.parts.policies import ActorAndCritic


def linear_policy(seed: int, features: int, outputs: int, *, continuous: bool, critic: bool = True) -> Any:
    """π = softmax(x W), or N(x W, σ²) where `continuous`; V(x) = x v."""
    random = np.random.default_rng(seed)
    weights = (jnp.array(random.normal(size=(features, n)), jnp.float32) for n in (outputs, 1))
    actor, value = (Linear(weight, jnp.zeros(weight.shape[1])) for weight in weights)
    deviation = jnp.array(random.normal(size=outputs) / 3, jnp.float32) if continuous else None
    shape = (outputs,) if continuous else ()
    return ActorAndCritic(actor, value if critic else None, deviation, outputs, shape)


def score(policy: Any, seen: np.ndarray, action: np.ndarray) -> dict[str, np.ndarray]:
    """∇ ln π(a|x) of each row: of W, [rows, features, outputs], and of ln σ, [rows, outputs]."""
    output = np.float64(seen) @ np.float64(policy.actor.weight)
    if policy.log_deviation is None:
        slope = np.eye(policy.outputs)[action] - special.softmax(output, -1)
        return {"actor": seen[:, :, None] * slope[:, None]}
    variance = np.exp(2 * np.float64(policy.log_deviation))
    apart = action - output
    return {"actor": seen[:, :, None] * (apart / variance)[:, None], "log_deviation": apart**2 / variance - 1}


def values(policy: Any, seen: np.ndarray) -> np.ndarray:
    """V(x) of each row."""
    value: np.ndarray = (np.float64(seen) @ np.float64(policy.critic.weight))[..., 0]
    return value


def gradient_of(found: Any, name: str) -> np.ndarray:
    """A part of a gradient that JAX computed: of the actor, the critic or ln σ."""
    part = getattr(found, name)
    return np.asarray(part if name == "log_deviation" else part.weight)
