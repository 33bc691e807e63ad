"""Twin delayed DDPG: two critics, delayed actor updates and smoothed targets against overestimated values.

    repeat:  play T steps of μ(s; θ) + σ x, with noise x, and remember them
             draw minibatches of (s, a, r, s'); ε standard normal; and, for each,
                 a' = clip(μ(s'; θ⁻) + clip(σ̃ ε, -c, c), -1, 1)                              eq. 14
                 y = r + γ (1 - terminated) min_i Q_i(s', a'; w_i⁻)                           eq. 10
                 w_i ← w_i - α_w ∇ E[ ½ (y - Q_i(s, a; w_i))² ],  i = 1, 2
             every `actor_period` gradient updates:   θ ← θ + α E[ ∇_a Q_1(s, a)|_{a = μ(s; θ)} ∇_θ μ(s; θ) ]
             every `target_period` gradient updates:  θ⁻ ← τ θ + (1 - τ) θ⁻,  w_i⁻ ← τ w_i + (1 - τ) w_i⁻

Fujimoto et al. 2018 (arXiv 1802.09477), algorithm 1, sections 4.2 (the smaller of two critics), 5.2 (the delay) and 5.3
(smoothing). Differences are DDPG's (`ddpg.py`): with `actor_period` 1, `target_noise` 0 and one critic this is DDPG. σ̃
and c are in halves of an action's range, as σ is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp

from zerone.algorithms.ddpg import DDPG
from zerone.algorithms.off_policy_actor import Networks
from zerone.algorithms.protocol import Array, Key, Metrics
from zerone.base.pytree import configured, setting
from zerone.environments.spaces import Spaces
from zerone.parts.deterministic import Actor, Twins


@configured
class TD3(DDPG):
    """TD3, for any `Box`, `Discrete` or `MultiDiscrete` observation (pictures too), `Box` actions with bounds."""

    name: ClassVar[str] = "td3"
    metrics: ClassVar[Mapping[str, str]] = {
        **DDPG.metrics,
        "critic_loss": "half the mean square of the TD errors of a minibatch, the sum of both critics'",
        "q": "value Q(s, a) of the stored actions of a minibatch, the mean of both critics'",
        "actor_q": "value Q_1(s, μ(s)) of the actor's own actions, which it maximizes",
    }
    normals: ClassVar[int] = 1
    next_value_symbol: ClassVar[str] = "min_i Q_i(s', a'; w_i⁻)"

    actor_period: int = 2
    target_period: int = 2
    target_noise: float = setting(
        0.2, "deviation σ̃ of the noise in the target's actions; 1 is half of an action's range", at_least=0
    )
    target_noise_limit: float = setting(0.5, "bound c of that noise", at_least=0)

    def make_critic(self, key: Key, spaces: Spaces) -> Twins:
        return Twins.create(key, spaces, self)

    def next_value(self, actor: Actor, target: Networks, observation: Array, normals: Array) -> Array:
        """min_i Q_i(s', μ(s'; θ⁻) + noise; w_i⁻)."""
        del actor
        noise = jnp.clip(self.target_noise * normals[0], -self.target_noise_limit, self.target_noise_limit)
        action = jnp.clip(target.actor(observation) + noise, -1.0, 1.0)
        value: Array = target.critic(observation, action).min(0)
        return value

    def actor_cost(self, actor: Actor, critic: Any, observation: Array, normals: Array) -> tuple[Array, Metrics]:
        """-E[Q_1(s, μ(s))]."""
        return super().actor_cost(actor, critic.first, observation, normals)
