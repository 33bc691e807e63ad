"""Soft actor-critic: a stochastic actor that maximises the values of its critics and its own entropy.

    repeat:  play T steps of a ~ π(·|s; θ) and remember them
             draw minibatches of (s, a, r, s'); a' ~ π(·|s'), b ~ π(·|s); and, for each,
                 y = r + γ (1 - terminated) (min_i Q_i(s', a'; w_i⁻) - α ln π(a'|s'))       eq. 3 and 6
                 w_i ← w_i - α_w ∇ E[ ½ (Q_i(s, a; w_i) - y)² ],  i = 1, 2                    eq. 5
                 θ ← θ - α_θ ∇_θ E[ α ln π(b|s; θ) - min_i Q_i(s, b; w_i) ]                   eq. 9
                 ln α ← ln α + α_θ E[ ln π(b|s) + H̄ ]                                         eq. 18
             w_i⁻ ← τ w_i + (1 - τ) w_i⁻

Haarnoja et al. 2018 (arXiv 1812.05905), algorithm 1; π is a normal distribution squashed by tanh (`parts/squashed.py`),
and b is a function of θ and of the noise that it is drawn with (eq. 8). H̄ is -1 for each component of an action
(appendix D).
Differences: the temperature's gradient is by ln α, without the factor α, as in the authors' code: it also vanishes at
an entropy of H̄. Actor and temperature share Adam's step size. Returns may be of n steps, without the entropies in
between and not corrected for exploring actions; replay may be prioritised. Exploration noise may be correlated over
time: each action is then still drawn from π(·|s), after about 1/`noise_pull` steps of an episode. Until the first
gradient update actions are uniform.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from zerone.algorithms.off_policy_actor import Networks, OffPolicyActor, Policy
from zerone.algorithms.protocol import Array, Key, Metrics
from zerone.base.pytree import configured, setting
from zerone.environments.spaces import Spaces
from zerone.parts.deterministic import Twins
from zerone.parts.squashed import SquashedActor


@configured
class SAC(OffPolicyActor):
    """SAC, for any `Box`, `Discrete` or `MultiDiscrete` observation (pictures too), `Box` actions with bounds."""

    name: ClassVar[str] = "sac"
    metrics: ClassVar[Mapping[str, str]] = {
        "critic_loss": "half the mean square of the TD errors of a minibatch, the sum of both critics'",
        "q": "value Q(s, a) of the stored actions of a minibatch, the mean of both critics'",
        "actor_q": "the smaller value Q(s, b) of actions that the actor draws",
        "entropy": "entropy of the policy, in nats, for actions within ±1",
        "temperature": "temperature α: what a nat of entropy is worth, in rewards",
    }
    actor_metrics: ClassVar[tuple[str, ...]] = ("actor_q", "entropy")
    normals: ClassVar[int] = 2
    next_value_symbol: ClassVar[str] = "(min_i Q_i(s', a'; w_i⁻) - α ln π(a'|s'))"
    actor_has_target: ClassVar[bool] = False

    temperature: float = setting(1.0, "temperature α at the start", above=0)
    learn_temperature: bool = setting(True, "learn α, so that the policy's entropy becomes `target_entropy`")
    target_entropy: float = setting(
        -1.0,
        "target entropy H̄ for each number of an action, in nats; actions are within ±1",
        below=0.69,  # ln 2 is that of uniform actions: wanting more, α would grow for ever
        needs="learn_temperature",
    )

    def make_actor(self, key: Key, spaces: Spaces) -> SquashedActor:
        return SquashedActor.create(key, spaces, self, self.temperature)

    def make_critic(self, key: Key, spaces: Spaces) -> Twins:
        return Twins.create(key, spaces, self)

    def explore(self, policy: Policy, memory: Any, observation: Array, noise: Any) -> tuple[Array, Any]:
        value, memory = self.process.step(memory, noise)
        # Correlated noise is scaled to deviation 1, so that each action is drawn from π.
        unit = 1.0 if self.exploration == "gaussian" else jnp.sqrt(1.0 - (1.0 - self.noise_pull) ** 2)
        return policy.actor.distribution(observation).draw(unit * value)[0], memory

    def next_value(self, actor: SquashedActor, target: Networks, observation: Array, normals: Array) -> Array:
        """min_i Q_i(s', a'; w_i⁻) - α ln π(a'|s'): eq. 3, of one a'."""
        action, log_probability = actor.distribution(observation).draw(normals[0])
        value: Array = target.critic(observation, action).min(0) - actor.temperature * log_probability
        return value

    def actor_cost(
        self, actor: SquashedActor, critic: Twins, observation: Array, normals: Array
    ) -> tuple[Array, Metrics]:
        """E[α ln π(b|s) - min_i Q_i(s, b)], eq. 9, plus the cost of ln α."""
        action, log_probability = actor.distribution(observation).draw(normals[1])
        value = critic(observation, action).min(0)
        cost = (jax.lax.stop_gradient(actor.temperature) * log_probability - value).mean()
        if self.learn_temperature:
            surplus = (log_probability + self.target_entropy * actor.width).mean()  # H̄ less the entropy
            cost -= actor.log_temperature * jax.lax.stop_gradient(surplus)
        return cost, {"actor_q": value.mean(), "entropy": -log_probability.mean()}

    def policy_metrics(self, policy: Policy) -> Metrics:
        return {"temperature": policy.actor.temperature}
