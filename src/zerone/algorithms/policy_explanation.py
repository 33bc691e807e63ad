"""Explanations of the actions of an `ActorAndCritic`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.explanation import Column, Decision, Quantity
from zerone.algorithms.network_explanation import on_host, quantity
from zerone.algorithms.protocol import Array
from zerone.base.compilation import Program, for_seldom
from zerone.parts.distributions import Categorical, DiagonalNormal
from zerone.parts.exploration import Mask
from zerone.parts.policies import ActorAndCritic
from zerone.parts.recurrent import Sequence

LOG_PROBABILITY = Column("log_probability", "ln π", "logarithm of the probability of a in s, as the policy is now")
SURPRISE = Column("surprise", "-ln π", "negative log-likelihood, surprise: how unlikely the action was to the policy")
STATE_VALUE = Column("state_value", "V(s)", "the critic's value of s")
NUMBER = Column("number", "t", "step of the block")
ENVIRONMENT = Column("environment", "n", "environment, counted from 1")
ENDS = Column("ends", "end", "whether the episode ended with this step: terminated, or only cut (truncated)")


def _looked_at(policy: ActorAndCritic, memory: Any, observation: Array, noise: Array, mask: Mask) -> tuple[Any, ...]:
    """π(·|s), ln π of the action drawn with this noise, the entropy, and V(s) (None without a critic)."""
    begins = jnp.zeros((1, observation.shape[0]), bool)
    before = jax.tree.map(lambda x: x[None], memory)
    sequence = Sequence(
        before, policy.scales.normalize_observation(observation)[None], begins if policy.remembers else None
    )
    allowed = mask if isinstance(mask, tuple) else mask[None]
    distribution: Any = policy.distribution_along(sequence, allowed)
    worth = None if policy.critic is None else policy.value_along(sequence)[0][0]
    distribution = jax.tree.map(lambda x: x[0], distribution)
    log_probability = distribution.log_probability(distribution.sample(noise))
    return distribution, log_probability, distribution.entropy(), worth


_look = Program(_looked_at, for_seldom)


def decision_of(policy: ActorAndCritic, memory: Any, observation: Array, noise: Array, mask: Mask = ()) -> Decision:
    """How a policy chose the first of some actions."""
    first = jax.tree.map(lambda x: jnp.asarray(x)[:1], (memory, observation, noise, mask))
    distribution, log_probability, entropy, worth = on_host(_look(policy, *first))
    drawn = np.asarray(first[2])
    quantities = [
        quantity("log_probability", "ln π(a|s)", log_probability[0], "log-probability of the action taken"),
        quantity("surprise", "-ln π(a|s)", -log_probability[0], "negative log-likelihood, surprise"),
        quantity("entropy", "H", entropy[0], "entropy: how undecided the policy is here"),
    ]
    if worth is not None:
        quantities.append(quantity("value", "V(s)", worth[0], "the critic's value of s"))
    kind = ""
    numbers: Any = ()
    if isinstance(distribution, Categorical):
        kind, numbers = "π(a|s)", np.exp(distribution.logits[0])
    elif isinstance(distribution, DiagonalNormal):
        kind, numbers = "μ(s)", distribution.mean[0]
        quantities += _deviations(distribution, drawn[0])
    return Decision(kind, tuple(map(float, numbers)), tuple(quantities), "drawn from π")


def _deviations(distribution: Any, noise: Any) -> list[Quantity]:
    """The distance of each component of an action from the mean."""
    deviation = np.exp(distribution.log_deviation[0])
    place = [""] if len(deviation) == 1 else [f"_{i + 1}" for i in range(len(deviation))]
    found = []
    for each, sigma, drawn in zip(place, deviation, noise, strict=True):
        found.append(quantity(f"deviation{each}", f"σ{each}", sigma, "deviation of the policy"))
        found.append(quantity(f"noise{each}", f"σ{each} x{each}", sigma * drawn, "what chance has added to the mean"))
    return found


def endings(steps: Any) -> np.ndarray:
    """`terminated`, `cut` or an empty string for each step, of any shape."""
    return np.where(steps.terminated, "terminated", np.where(steps.truncated, "cut", ""))
