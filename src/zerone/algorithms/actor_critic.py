"""Actor-critic: the actor learns from the critic's errors of n-step returns, n = 1 or more.

    repeat:  play n steps with π(·|s; θ)
             G_t = R_{t+1} + γ R_{t+2} + … + γ^m V(S_{t+m}; w), up to the end of the block or of the episode
             θ ← θ + α ∇_θ E[(G_t - V(S_t; w)) ln π(A_t|S_t; θ) + c_e H(π(·|S_t; θ))]
             w ← w - α_w ∇_w E[½ (G_t - V(S_t; w))²],   G_t and the error constant for both gradients

Sutton & Barto 2018, section 13.5, for n = 1; Mnih et al. 2016 (arXiv 1602.01783), algorithm S3 and section 4, for
n > 1 with an entropy bonus, here with synchronous environments (A2C).
Differences: actor and critic are two networks, each with its own step size and its gradient's norm clipped; Adam,
unless `optimizer` is rmsprop; gradients are means over the block's steps; the actor's gradient is not weighted by γ^t,
which section 13.5 does and Mnih et al. do not; continuous actions are drawn unclipped and clipped at the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax

from zerone.algorithms.actor_critic_explanation import explanation_of
from zerone.algorithms.explanation import Decision, Explanation
from zerone.algorithms.policy_explanation import decision_of
from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.base.pytree import configured, setting, struct
from zerone.environments.spaces import Spaces
from zerone.parts.distributions import Distribution
from zerone.parts.exploration import Mask
from zerone.parts.normalization import NormalizationSettings, Returns, Scales
from zerone.parts.optimizers import adam_or_rmsprop, bounded, falling, of_actor_and_critic
from zerone.parts.policies import ActorAndCritic, PolicySettings, refuse_policy
from zerone.parts.returns import discounted_return


@struct
class State:
    """The policy (actor and critic), the optimiser's moments of each, and the returns of unfinished episodes."""

    policy: ActorAndCritic
    optimizer: Any
    returns: Returns = Returns()


@configured
class ActorCritic(PolicySettings, NormalizationSettings):
    """Advantage actor-critic, for `Box`, `Discrete` or `MultiDiscrete` observations (pictures too) and actions."""

    name: ClassVar[str] = "actor-critic"
    metrics: ClassVar[Mapping[str, str]] = {
        "policy_loss": "minus the mean of the advantage times ln π of the actions taken",
        "value_loss": "mean square of the value targets minus V(s)",
        "entropy": "entropy of the policy, in nats: the higher, the more random",
        "value": "mean of V(s) over the states seen",
    }
    warmup_updates: ClassVar[int] = 0
    keeps_to_masks: ClassVar[bool] = True
    samples_per_step: ClassVar[float] = 1.0

    learning_rate: float = setting(7e-4, "the actor's learning rate α", above=0)
    critic_learning_rate: float = setting(2e-3, "the critic's learning rate α_w", above=0)
    learning_rate_end: float = setting(
        1.0, "fraction of both learning rates that is left after `decay_steps`", at_least=0, at_most=1
    )
    decay_steps: float = setting(1e6, "environment steps over which both learning rates are annealed", above=0)
    discount: float = setting(0.99, "discount factor γ", at_least=0, at_most=1)
    entropy_bonus: float = setting(0.01, "coefficient c_e of the entropy bonus", at_least=0)
    environments: int = setting(8, "environments played in parallel", at_least=1)
    steps_per_update: int = setting(8, "steps n of each environment between updates", at_least=1)
    optimizer: str = setting("adam", "the optimiser", choices=("adam", "rmsprop"))
    rmsprop_decay: float = setting(
        0.99, "decay of the mean square at each update", above=0, below=1, needs="optimizer=rmsprop"
    )
    max_gradient_norm: float = setting(0.5, "the norm of each network's gradient is clipped to this", above=0)

    def refuse(self, spaces: Spaces) -> str | None:
        return refuse_policy(spaces) or self.refuse_networks(spaces)

    def check(self) -> None:
        pass

    def rule(self) -> optax.GradientTransformation:
        """The optimiser of each network, by `optimizer`; step sizes fall linearly with the updates done."""
        updates = self.decay_steps / (self.environments * self.steps_per_update)

        def one(start: float) -> optax.GradientTransformation:
            rate = falling(start, self.learning_rate_end, updates)
            return bounded(adam_or_rmsprop(self.optimizer, rate, self.rmsprop_decay), self.max_gradient_norm)

        return of_actor_and_critic(one(self.learning_rate), one(self.critic_learning_rate))

    def init(self, key: Key, spaces: Spaces) -> State:
        network = ActorAndCritic.create(key, spaces, self)
        policy = network.scaled_by(Scales.initial(self, spaces))
        return State(policy, self.rule().init(network), Returns.initial(self, self.environments))

    def noise(self, policy: ActorAndCritic, key: Key, shape: tuple[int, ...]) -> Array:
        return policy.noise(key, shape)

    def initial_memory(self, policy: Any, number: int) -> Any:
        return policy.initial_memory(number)

    def act(
        self, policy: ActorAndCritic, memory: Any, observation: Array, noise: Array | None = None, mask: Mask = ()
    ) -> tuple[Array, Any, tuple[()]]:
        action, memory, _ = policy.act(memory, observation, noise, mask)
        return action, memory, ()

    def targets(self, network: ActorAndCritic, steps: Steps) -> Array:
        """G_t of each step, [T, N]."""
        _, next_value = network.values(steps)
        return discounted_return(steps.reward, next_value, steps.terminated, steps.truncated, self.discount)

    def terms(self, network: ActorAndCritic, steps: Steps, target: Array) -> tuple[Distribution, Array, Array, Array]:
        """π(·|s), V(s), the error of the target G - V(s), and ln π(a|s), of each step [T, N]."""
        distribution = network.distribution_along(network.sequence(steps), steps.mask)
        value, _ = network.values(steps)
        error = target - value
        return distribution, value, error, distribution.log_probability(network.as_drawn(steps.action))

    def loss(self, network: ActorAndCritic, steps: Steps, target: Array) -> tuple[Array, Metrics]:
        """The sum of both networks' losses, and metrics. They share no weights, so its gradient is that of each."""
        distribution, value, error, log_probability = self.terms(network, steps, target)
        policy_loss = -(jax.lax.stop_gradient(error) * log_probability).mean()
        value_loss = jnp.square(error).mean()
        entropy = distribution.entropy().mean()
        return policy_loss - self.entropy_bonus * entropy + 0.5 * value_loss, {
            "policy_loss": policy_loss,
            "value_loss": value_loss,
            "entropy": entropy,
            "value": value.mean(),
        }

    def gradient(self, network: ActorAndCritic, steps: Steps) -> tuple[ActorAndCritic, Metrics]:
        """The gradient of networks, perhaps a worker's older copy, on steps that they played; and metrics."""
        target = self.targets(network, steps)
        gradient: tuple[ActorAndCritic, Metrics] = jax.grad(self.loss, has_aux=True)(network, steps, target)
        return gradient

    def apply(self, state: State, gradient: ActorAndCritic) -> State:
        """The state after a step along a gradient, its own or a worker's."""
        change, optimizer = self.rule().update(gradient, state.optimizer)
        networks = optax.apply_updates(state.policy.networks, change)
        return State(networks.scaled_by(state.policy.scales), optimizer, state.returns)

    def update(self, state: State, steps: Steps, key: Key) -> tuple[State, Metrics]:
        del key  # the update is deterministic
        scales, returns = state.policy.scales.updated(steps, self.discount, state.returns)
        steps = state.policy.scales.normalize(steps)
        gradient, metrics = self.gradient(state.policy.networks, steps)
        learnt = self.apply(state, gradient)
        return State(learnt.policy.scaled_by(scales), learnt.optimizer, returns), metrics

    def explain(self, before: State, steps: Steps, key: Key, after: State) -> Explanation:
        del key, after
        return explanation_of(self, before, steps)

    def explain_action(self, policy: Any, memory: Any, observation: Array, noise: Array, mask: Mask = ()) -> Decision:
        return decision_of(policy, memory, observation, noise, mask)
