"""Value surfaces: the values of all states in environments whose state is two numbers."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.protocol import Algorithm, Valued, initial_memory
from zerone.environments.drawing.unwrapping import unwrap
from zerone.parts.policies import ActorAndCritic

if TYPE_CHECKING:
    from zerone.environments.base import TimedEnvironment

ACROSS, UP = 36, 28
"""The numbers of points along the two axes of the plane."""


@dataclasses.dataclass(frozen=True, eq=False)
class Plane:
    """The plane of states of two numbers: their names, their bounds, and the observations of a grid of points."""

    names: tuple[str, str]
    low: tuple[float, float]
    high: tuple[float, float]
    observations: np.ndarray
    """Float32 [UP * ACROSS, ...]: row by row, from the lowest second number on."""
    angular: bool = False
    """Whether the first number is an angle, whose cosine and sine are in the observation."""

    def place(self, observation: Any) -> list[float]:
        """The two numbers of an observation."""
        seen = np.asarray(observation, np.float64)
        if self.angular:
            return [math.atan2(seen[1], seen[0]), float(seen[2])]
        return [float(seen[0]), float(seen[1])]


def plane_of(environment: TimedEnvironment, algorithm: Algorithm, policy: Any) -> Plane | None:
    """The plane over which an algorithm's values can be shown in an environment; None if that is not possible."""
    from zerone.environments.mountain_car import Valley
    from zerone.environments.pendulum import Pendulum

    if not _has_values(algorithm, policy):
        return None
    bare: Any
    bare, _, _ = unwrap(environment, None, None)
    if isinstance(bare, Valley):
        low, high = (bare.lowest_position, -bare.speed_limit), (bare.highest_position, bare.speed_limit)
        return Plane(("position", "velocity"), low, high, np.stack(_plane(low, high), 1).astype(np.float32))
    if isinstance(bare, Pendulum):
        low, high = (-math.pi, -8.0), (math.pi, 8.0)
        angle, velocity = _plane(low, high)
        seen = np.stack([np.cos(angle), np.sin(angle), velocity], 1).astype(np.float32)
        return Plane(("angle", "velocity"), low, high, seen, angular=True)
    return None


def _plane(low: tuple[float, float], high: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """The two numbers of each point, both [UP * ACROSS]."""
    across, up = np.linspace(low[0], high[0], ACROSS), np.linspace(low[1], high[1], UP)
    return np.tile(across, UP), np.repeat(up, ACROSS)


def _has_values(algorithm: Algorithm, policy: Any) -> bool:
    """Whether the policy has values of single observations, which a recurrent one has not."""
    if isinstance(policy, ActorAndCritic):
        return policy.critic is not None and not policy.remembers
    return isinstance(algorithm, Valued) and not jax.tree.leaves(initial_memory(algorithm, policy, 1))


@jax.jit
def _values(algorithm: Any, policy: Any, observations: jax.Array) -> jax.Array:
    if isinstance(policy, ActorAndCritic):
        return policy.value(policy.scales.normalize_observation(observations))
    memory = initial_memory(algorithm, policy, observations.shape[0])
    values: jax.Array = algorithm.values(policy, memory, observations)
    return jnp.max(values, -1)


def surface(plane: Plane, algorithm: Algorithm, policy: Any) -> dict[str, Any]:
    """V of each point as a JSON object: integers from 0 (lowest) to 255 (highest), and these two values."""
    found = np.asarray(_values(algorithm, policy, plane.observations), np.float64)
    found = np.where(np.isfinite(found), found, 0.0)
    low, high = float(found.min()), float(found.max())
    scaled = (found - low) / (high - low) * 255 if high > low else np.zeros_like(found)
    return {"across": ACROSS, "up": UP, "low": low, "high": high, "values": np.rint(scaled).astype(int).tolist()}
