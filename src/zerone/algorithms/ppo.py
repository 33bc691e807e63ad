"""Proximal policy optimisation, with the clipped objective.

    repeat:  play T steps of N environments with π(·|s; θ); call θ now θ_old
             Â = advantages by GAE(λ),  R̂ = Â + V(s)
             for each epoch, for each minibatch:
                 ρ = π(a|s; θ) / π(a|s; θ_old)
                 L = E[min(ρ Â, clip(ρ, 1-ε, 1+ε) Â)] - c_v E[(R̂ - V(s))²] + c_e E[H(π(·|s))]
                 θ ← θ + α ∇ L

Schulman et al. 2017 (arXiv 1707.06347), algorithm 1, eq. 7 and 9; advantages by Schulman et al.
2016 (arXiv 1506.02438).
Differences: actor and critic are two networks; advantages are normalised in each minibatch; the gradient's norm
is clipped; the step size may fall linearly; continuous actions are drawn unclipped and clipped at the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from gymnasium import spaces as gym_spaces

from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.base.errors import InputError
from zerone.base.pytree import configured, setting, struct
from zerone.parts.distributions import DiagonalNormal, Distribution, categorical
from zerone.parts.exploration import shuffled
from zerone.parts.networks import Network
from zerone.parts.returns import clipped_surrogate, explained_variance, generalized_advantage, normalize
from zerone.parts.spaces import Spaces, numbers


class ActorCritic(eqx.Module):
    """A policy and a value, each a network of its own; `log_deviation` [d] where actions are continuous."""

    actor: Network
    critic: Network
    log_deviation: Array | None
    outputs: int = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)

    def distribution(self, observation: Array) -> Distribution:
        """π(·|s) for observations with any leading axes."""
        output = self.actor(observation)
        if self.log_deviation is None:
            return categorical(output)
        return DiagonalNormal(output, jnp.broadcast_to(self.log_deviation, output.shape))

    def value(self, observation: Array) -> Array:
        """V(s), one number for each observation."""
        return self.critic(observation)[..., 0]


@struct
class State:
    """Actor and critic (the policy), Adam's moments."""

    policy: ActorCritic
    optimizer: Any


@struct
class Sample:
    """What a minibatch holds of each step."""

    observation: Array
    action: Array
    log_probability: Array
    advantage: Array
    value_target: Array


@configured
class PPO:
    """PPO, for `Box` or `Discrete` observations (pictures too), `Discrete` or `Box` actions."""

    name: ClassVar[str] = "ppo"
    metrics: ClassVar[Mapping[str, str]] = {
        "policy_loss": "minus the clipped objective; near 0 by construction",
        "value_loss": "mean square of the value targets minus V(s)",
        "entropy": "entropy of the policy, in nats: high is undecided",
        "kl": "how far the policy has moved from the one that played, in nats",
        "clipped": "share of samples whose ratio has left the clipping range",
        "explained_variance": "how well V(s) foretells the value targets: 1 is perfectly, 0 not at all",
    }

    warmup_updates: ClassVar[int] = 0

    learning_rate: float = setting(3e-4, "Adam's step size α", above=0)
    learning_rate_end: float = setting(1.0, "share of α left after `decay_steps`", at_least=0, at_most=1)
    decay_steps: float = setting(1e6, "environment steps over which α falls", above=0)
    discount: float = setting(0.99, "worth γ of a reward one step later", at_least=0, at_most=1)
    trace_decay: float = setting(0.95, "λ of the advantages: 0 trusts the critic, 1 the returns", at_least=0, at_most=1)
    clip: float = setting(0.2, "how far ε the probability ratio may pay off", above=0)
    value_cost: float = setting(0.5, "weight c_v of the critic's loss", at_least=0)
    entropy_bonus: float = setting(0.0, "weight c_e of the policy's entropy", at_least=0)
    environments: int = setting(8, "environments played in parallel", at_least=1)
    steps_per_update: int = setting(128, "steps of each environment between updates", at_least=1)
    epochs: int = setting(4, "passes over each block of steps", at_least=1)
    minibatches: int = setting(4, "parts each pass is cut into", at_least=1)
    hidden: tuple[int, ...] = setting((64, 64), "widths of the hidden layers", at_least=1)
    max_gradient_norm: float = setting(0.5, "longer gradients are shortened to this norm", above=0)

    def refuse(self, spaces: Spaces) -> str | None:
        if not isinstance(spaces.observation, (gym_spaces.Box, gym_spaces.Discrete, gym_spaces.MultiDiscrete)):
            return "it needs Box, Discrete or MultiDiscrete observations"
        if not isinstance(spaces.action, (gym_spaces.Box, gym_spaces.Discrete)):
            return "it needs Discrete or Box actions"
        return None

    def check(self) -> None:
        block = self.environments * self.steps_per_update
        if block % self.minibatches:
            raise InputError(
                f"ppo: minibatches = {self.minibatches} is not allowed: "
                f"must divide environments × steps_per_update = {block}"
            )

    def optimizer(self) -> optax.GradientTransformation:
        """Adam on gradients of bounded norm; its step size falls linearly with the gradient updates done."""
        updates_per_step = self.epochs * self.minibatches / (self.environments * self.steps_per_update)

        def rate(count: Array) -> Array:
            fallen = jnp.minimum(count / (self.decay_steps * updates_per_step), 1.0)
            return self.learning_rate * (1.0 - fallen * (1.0 - self.learning_rate_end))

        # Flattened, the thirteen arrays of two networks are one to Adam: a quarter less to compile.
        return optax.flatten(optax.chain(optax.clip_by_global_norm(self.max_gradient_norm), optax.adam(rate)))

    def init(self, key: Key, spaces: Spaces) -> State:
        actor_key, critic_key = jax.random.split(key)
        discrete = isinstance(spaces.action, gym_spaces.Discrete)
        outputs = numbers(spaces.action)
        network = ActorCritic(
            Network(actor_key, spaces.observation, self.hidden, outputs, activation=jnp.tanh, last=0.01),
            Network(critic_key, spaces.observation, self.hidden, 1, activation=jnp.tanh),
            None if discrete else jnp.zeros(outputs),
            outputs,
            spaces.action.shape or (),
        )
        return State(network, self.optimizer().init(network))

    def noise(self, policy: ActorCritic, key: Key, shape: tuple[int, ...]) -> Array:
        if policy.log_deviation is None:
            return jax.random.gumbel(key, (*shape, policy.outputs))
        return jax.random.normal(key, (*shape, policy.outputs))

    def act(self, policy: ActorCritic, observation: Array, noise: Array | None = None) -> tuple[Array, Array]:
        distribution = policy.distribution(observation)
        action = distribution.mode() if noise is None else distribution.sample(noise)
        return action.reshape(*action.shape[:1], *policy.shape), distribution.log_probability(action)

    def loss(self, network: ActorCritic, batch: Sample) -> tuple[Array, Metrics]:
        """-L of a minibatch; see the pseudocode."""
        distribution = network.distribution(batch.observation)
        log_ratio = distribution.log_probability(batch.action) - batch.log_probability
        surrogate = clipped_surrogate(jnp.exp(log_ratio), normalize(batch.advantage), self.clip).mean()
        value_loss = jnp.square(batch.value_target - network.value(batch.observation)).mean()
        entropy = distribution.entropy().mean()
        loss = -surrogate + self.value_cost * value_loss - self.entropy_bonus * entropy
        return loss, {
            "policy_loss": -surrogate,
            "value_loss": value_loss,
            "entropy": entropy,
            # E[ρ - 1 - ln ρ] ≥ 0 estimates KL(π_old, π) without bias: Schulman 2020, "Approximating KL divergence".
            "kl": (jnp.expm1(log_ratio) - log_ratio).mean(),
            "clipped": (jnp.abs(jnp.expm1(log_ratio)) > self.clip).mean(),
        }

    def update(self, state: State, steps: Steps, key: Key) -> tuple[State, Metrics]:
        network = state.policy
        value, next_value = network.value(steps.observation), network.value(steps.next_observation)
        advantage = generalized_advantage(
            steps.reward, value, next_value, steps.terminated, steps.truncated, self.discount, self.trace_decay
        )
        action = steps.action.reshape(*steps.reward.shape, -1) if network.log_deviation is not None else steps.action
        samples = Sample(steps.observation, action, steps.extras, advantage, advantage + value)
        samples = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), samples)
        size = steps.reward.size

        def epoch(carry: tuple[ActorCritic, Any], key: Key) -> tuple[Any, Metrics]:
            order = shuffled(key, size).reshape(self.minibatches, -1)
            return jax.lax.scan(minibatch, carry, jax.tree.map(lambda x: x[order], samples))

        def minibatch(carry: tuple[ActorCritic, Any], batch: Sample) -> tuple[Any, Metrics]:
            network, optimizer = carry
            gradient, metrics = jax.grad(self.loss, has_aux=True)(network, batch)
            change, optimizer = self.optimizer().update(gradient, optimizer)
            return (optax.apply_updates(network, change), optimizer), metrics

        carry = (network, state.optimizer)
        (network, optimizer), metrics = jax.lax.scan(epoch, carry, jax.random.split(key, self.epochs))
        explained = explained_variance(value, advantage + value)
        return State(network, optimizer), jax.tree.map(jnp.mean, metrics) | {"explained_variance": explained}
