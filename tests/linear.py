"""Policies without hidden layers, whose gradients are known in closed form."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special

from zerone.algorithms.protocol import Steps
from zerone.parts.layers import Memoryless
from zerone.parts.policies import ActorAndCritic


class Weights(Memoryless):
    """`x W`."""

    weight: jax.Array

    def __call__(self, x: jax.Array) -> jax.Array:
        return x @ self.weight


def linear_policy(seed: int, features: int, outputs: int, *, continuous: bool, critic: bool = True) -> Any:
    """π = softmax(x W), or N(x W, σ²) where `continuous`; V(x) = x v."""
    random = np.random.default_rng(seed)
    weights = (jnp.array(random.normal(size=(features, n)), jnp.float32) for n in (outputs, 1))
    actor, value = map(Weights, weights)
    deviation = jnp.array(random.normal(size=outputs) / 3, jnp.float32) if continuous else None
    shape = (outputs,) if continuous else ()
    return ActorAndCritic(actor, value if critic else None, deviation, outputs, shape)


def score(policy: Any, seen: np.ndarray, action: np.ndarray) -> dict[str, np.ndarray]:
    """∇ ln π(a|x) of each row: by W, [rows, features, outputs], and by ln σ, [rows, outputs]."""
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
    """A part of a gradient that JAX computed: "actor", "critic" or "log_deviation"."""
    part = getattr(found, name)
    return np.asarray(part if name == "log_deviation" else part.weight)


def block(seed: int, time: int, number: int, *, continuous: bool) -> Steps:
    """Random steps [time, number, ...], with terminations and truncations among them."""
    random = np.random.default_rng(seed)
    shape = time, number
    seen, following = random.normal(size=(2, *shape, 3)).astype(np.float32)
    action = random.normal(size=(*shape, 2)).astype(np.float32) if continuous else random.integers(2, size=shape)
    reward = random.normal(size=shape).astype(np.float32)
    terminated, truncated = random.random((2, *shape)) < 0.2
    terminated[0, -1], truncated[0, :1] = True, True
    return Steps(seen, action, reward, following, terminated, truncated, ())


def _targets(policy: Any, steps: Steps, discount: float) -> np.ndarray:
    """The discounted return of each step up to the end of its episode or of the block, by a double loop.

    If the episode was truncated or the block ends, the value of the next state is added.
    """
    following = values(policy, steps.next_observation)
    result = np.zeros(steps.reward.shape)
    for n in range(result.shape[1]):
        for t in range(result.shape[0]):
            for k in range(t, result.shape[0]):
                result[t, n] += discount ** (k - t) * steps.reward[k, n]
                if steps.terminated[k, n]:
                    break
                if steps.truncated[k, n] or k == result.shape[0] - 1:
                    result[t, n] += discount ** (k - t + 1) * following[k, n]
                    break
    return result


def actor_critic_gradient(policy: Any, steps: Steps, discount: float, bonus: float) -> dict[str, np.ndarray]:
    """-E[(G - V) ∇ ln π] - bonus ∇ E[H] (actor) and -E[(G - V) ∇ V] (critic), in closed form."""
    seen, action = (np.asarray(x).reshape(steps.reward.size, *x.shape[2:]) for x in (steps.observation, steps.action))
    error = (_targets(policy, steps, discount) - values(policy, steps.observation)).ravel()
    found = {name: -np.tensordot(error, each, 1) / error.size for name, each in score(policy, seen, action).items()}
    if policy.log_deviation is not None:
        found["log_deviation"] = found["log_deviation"] - bonus  # the entropy of a normal is ln σ and a constant
    else:
        output = seen @ np.asarray(policy.actor.weight, np.float64)
        log = output - np.log(np.exp(output).sum(-1, keepdims=True))
        entropy = -(np.exp(log) * log).sum(-1, keepdims=True)
        found["actor"] = found["actor"] + bonus * seen.T @ (np.exp(log) * (log + entropy)) / error.size
    return found | {"critic": -(error @ seen)[:, None] / error.size}
