"""Deep deterministic policy gradient: an actor that maximises the values of its critic.

    repeat:  play T steps of μ(s; θ) + σ x, with noise x, and remember them
             draw minibatches of (s, a, r, s') and, for each,
                 y = r + γ (1 - terminated) Q(s', μ(s'; θ⁻); w⁻)
                 w ← w - α_w ∇_w E[ ½ (y - Q(s, a; w))² + ½ c w² ]
                 θ ← θ + α E[ ∇_a Q(s, a; w)|_{a = μ(s; θ)} ∇_θ μ(s; θ) ]
             every `target_period` gradient updates:  θ⁻ ← τ θ + (1 - τ) θ⁻,  w⁻ ← τ w + (1 - τ) w⁻

Lillicrap et al. 2016 (arXiv 1509.02971), algorithm 1; the actor's gradient is its eq. 6 (Silver et al. 2014, eq. 9).
Differences: actions enter the critic at its first layer, not the second; no batch normalisation; weights are
initialised as in all networks here (the paper's last layers are smaller still); the sum of action and noise is clipped
to the bounds, and remembered so; the noise may be white, and σ may fall; returns may be of n steps, which are not
corrected for exploring actions, and replay prioritised. Hard replacement (τ = 1 and a `target_period`) is DQN's. The
loop is that of `off_policy_actor.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp

from zerone.algorithms.off_policy import clock_setting
from zerone.algorithms.off_policy_actor import Networks, OffPolicyActor, Policy
from zerone.algorithms.protocol import Array, Metrics
from zerone.base.pytree import configured, setting
from zerone.parts.deterministic import Actor, Critic
from zerone.parts.exploration import require_positive, schedule


@configured
class DDPG(OffPolicyActor):
    """DDPG, for any `Box`, `Discrete` or `MultiDiscrete` observation (pictures too), `Box` actions with bounds."""

    name: ClassVar[str] = "ddpg"
    metrics: ClassVar[Mapping[str, str]] = {
        "critic_loss": "half the mean square of the TD errors of a minibatch",
        "q": "value Q(s, a) of the stored actions of a minibatch",
        "actor_q": "value Q(s, μ(s)) of the actor's own actions, which it maximizes",
        "noise": "deviation σ of the noise in the actions, of which 1 is half their range",
    }
    actor_metrics: ClassVar[tuple[str, ...]] = ("actor_q",)
    next_value_symbol: ClassVar[str] = "Q(s', μ(s'; θ⁻); w⁻)"

    normalize_observations: str = "on"
    noise_start: float = setting(0.2, "scale σ of the noise at the start; 1 is half of an action's range", at_least=0)
    noise_end: float = setting(0.2, "scale σ of the noise at the end", at_least=0)
    noise_steps: float = setting(100_000.0, "ticks of `noise_clock` over which σ is annealed", above=0)
    noise_clock: str = clock_setting("σ")
    noise_shape: str = setting(
        "linear", "shape of σ's schedule: equal differences or equal ratios", choices=("linear", "exponential")
    )

    def check(self) -> None:
        super().check()
        if self.noise_shape == "exponential":
            require_positive(self.name, "noise", {"noise_start": self.noise_start, "noise_end": self.noise_end})

    def scale(self, policy: Policy) -> Array:
        """σ at the time of `noise_clock`."""
        elapsed = self.ticks(self.noise_clock, policy.steps, self.updates_after(policy.steps))
        return schedule(self.noise_shape, self.noise_start, self.noise_end, elapsed / self.noise_steps)

    def explore(self, policy: Policy, memory: Any, observation: Array, noise: Any) -> tuple[Array, Any]:
        value, memory = self.process.step(memory, noise)
        return jnp.clip(policy.actor(observation) + self.scale(policy) * value, -1.0, 1.0), memory

    def next_value(self, actor: Actor, target: Networks, observation: Array, normals: Array) -> Array:
        """Q(s', μ(s'; θ⁻); w⁻)."""
        del actor, normals
        value: Array = target.critic(observation, target.actor(observation))
        return value

    def actor_cost(self, actor: Actor, critic: Critic, observation: Array, normals: Array) -> tuple[Array, Metrics]:
        """-E[Q(s, μ(s))], whose gradient is minus eq. 6 by the chain rule."""
        del normals
        value = critic(observation, actor(observation)).mean()
        return -value, {"actor_q": value}

    def policy_metrics(self, policy: Policy) -> Metrics:
        return {"noise": self.scale(policy)}
