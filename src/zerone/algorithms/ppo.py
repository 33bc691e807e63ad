"""Proximal policy optimisation, with the clipped objective or the adaptive KL penalty.

    repeat:  play T steps of N environments with π(·|s; θ); call θ now θ_old
             Â = advantages by GAE(λ),  R̂ = Â + V(s)
             for each epoch, for each minibatch:
                 ρ = π(a|s; θ) / π(a|s; θ_old)
                 L = E[min(ρ Â, clip(ρ, 1-ε, 1+ε) Â)] - c_v E[(R̂ - V(s))²] + c_e E[H(π(·|s))]
                 θ ← θ + α ∇ L

With `objective` kl the first term of L is E[ρ Â - β KL(π(·|s; θ_old), π(·|s; θ))], and β is adapted after each block:

             d = E[KL(π(·|s; θ_old), π(·|s; θ))]
             β ← β / 2 if d < d_target / 1.5,  β ← β × 2 if d > d_target × 1.5

With `kl_stop` only the critic is updated for the rest of a block once the divergence of a minibatch is above
`kl_stop` × d_target (Heess et al. 2017, arXiv 1707.02286, algorithm 2, with 4 × d_target).

Schulman et al. 2017 (arXiv 1707.06347), algorithm 1, eq. 7 and 9; section 4, eq. 8, for the penalty; advantages by
Schulman et al. 2016 (arXiv 1506.02438).
Differences: actor and critic are two networks, which may have step sizes of their own; advantages are normalised in
each minibatch, unless `normalize_advantages` is off or all of them are the same; the gradient's norm is clipped; the
step size may fall linearly; continuous actions are drawn unclipped and clipped at the environment; β is kept within
bounds, because repeated doubling leads to infinity, and repeated halving to a 0 that cannot grow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp
import optax

from zerone.algorithms.explanation import Decision, Explanation
from zerone.algorithms.policy_explanation import decision_of
from zerone.algorithms.ppo_explanation import explanation_of
from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.pytree import configured, is_on, setting, struct
from zerone.environments.spaces import Spaces
from zerone.parts.distributions import Distribution
from zerone.parts.exploration import Mask, shuffled
from zerone.parts.normalization import NormalizationSettings, Returns, Scales
from zerone.parts.optimizers import bounded, falling, held_back, of_actor_and_critic
from zerone.parts.policies import ActorAndCritic, PolicySettings, refuse_policy
from zerone.parts.recurrent import Sequence
from zerone.parts.returns import (
    adapted_penalty,
    clipped_surrogate,
    explained_variance,
    generalized_advantage,
    normalize,
)


@struct
class State:
    """The policy (actor and critic), Adam's moments, β (None without a penalty), and returns of unfinished episodes."""

    policy: ActorAndCritic
    optimizer: Any
    penalty: Array | None
    returns: Returns = Returns()


@struct
class Sample:
    """The samples of a block or a minibatch. `distribution` is π_old(·|s), kept only for the KL penalty."""

    sequence: Sequence
    action: Array
    log_probability: Array
    advantage: Array
    value_target: Array
    distribution: Distribution | None = None
    mask: Mask = ()


@configured
class PPO(PolicySettings, NormalizationSettings):
    """PPO, for `Box`, `Discrete` or `MultiDiscrete` observations (pictures too) and actions."""

    name: ClassVar[str] = "ppo"
    metrics: ClassVar[Mapping[str, str]] = {
        "policy_loss": "minus the objective; near 0 by construction",
        "value_loss": "mean square of the value targets minus V(s)",
        "entropy": "entropy of the policy, in nats: the higher, the more random",
        "kl": "how far the policy has moved from the one that played, in nats",
        "clipped": "share of samples whose ratio has left the clipping range",
        "penalty": "weight β of the KL penalty; 0 where the objective is clipped",
        "explained_variance": "how well V(s) predicts the value targets: 1 is perfectly, 0 not at all",
    }

    warmup_updates: ClassVar[int] = 0
    keeps_to_masks: ClassVar[bool] = True

    learning_rate: float = setting(3e-4, "learning rate α (Adam)", above=0)
    critic_learning_rate: float = setting(
        0.0, "the critic's learning rate; 0: the same as the actor's", at_least=0, zero_is_off=True
    )
    learning_rate_end: float = setting(1.0, "fraction of α that is left after `decay_steps`", at_least=0, at_most=1)
    decay_steps: float = setting(1e6, "environment steps over which α is annealed", above=0)
    discount: float = setting(0.99, "discount factor γ", at_least=0, at_most=1)
    trace_decay: float = setting(
        0.95, "λ of GAE: 0 is the one-step TD error, 1 the return minus the value", at_least=0, at_most=1
    )
    objective: str = setting(
        "clip", "the surrogate objective, which keeps the policy near the one that played", choices=("clip", "kl")
    )
    clip: float = setting(0.2, "clip range ε of the probability ratio", above=0, needs="objective=clip")
    kl_target: float = setting(
        0.01, "target KL divergence d_target of an update, in nats", above=0, needs="objective=kl or kl_stop"
    )
    kl_stop: float = setting(
        0.0,
        "stop updating the policy for the rest of a block once its KL divergence is above this × d_target; 0: never",
        at_least=0,
        zero_is_off=True,
    )
    kl_penalty: float = setting(1.0, "coefficient β of the KL penalty at the start", above=0, needs="objective=kl")
    kl_penalty_min: float = setting(1e-10, "β never falls below this", above=0, needs="objective=kl")
    kl_penalty_max: float = setting(1e10, "β never rises above this", above=0, needs="objective=kl")
    normalize_advantages: bool = setting(
        True, "normalise the advantages of each minibatch to mean 0 and standard deviation 1"
    )
    value_cost: float = setting(0.5, "coefficient c_v of the value loss", at_least=0)
    entropy_bonus: float = setting(0.0, "coefficient c_e of the entropy bonus", at_least=0)
    environments: int = setting(8, "environments played in parallel", at_least=1)
    steps_per_update: int = setting(128, "steps of each environment between updates", at_least=1)
    epochs: int = setting(4, "epochs over each block of steps", at_least=1)
    minibatches: int = setting(4, "minibatches in each epoch", at_least=1)
    max_gradient_norm: float = setting(0.5, "the gradient's norm is clipped to this", above=0)

    @property
    def samples_per_step(self) -> float:
        """Each step is in one minibatch of each epoch."""
        return float(self.epochs)

    def refuse(self, spaces: Spaces) -> str | None:
        return refuse_policy(spaces) or self.refuse_networks(spaces)

    @property
    def cut_from(self) -> int:
        """How many samples are split into minibatches: steps, or sequences of them for networks with a memory."""
        return self.sequences_of(self.environments)

    def sequences_of(self, environments: int) -> int:
        """How many samples a block of `environments` environments has."""
        return environments if self.recurrent else environments * self.steps_per_update

    def fitted(self) -> Self:
        """The algorithm with the nearest number of minibatches that divides its samples."""
        samples, wanted = self.cut_from, self.minibatches
        fit = [each for each in range(1, min(2 * wanted, samples // 2) + 1) if samples % each == 0]
        nearest = min(fit, key=lambda each: abs(each - wanted), default=wanted)
        return self if nearest == wanted else dataclasses.replace(self, minibatches=nearest)

    def check(self) -> None:
        samples = self.sequences_of(self.environments)
        if samples % self.minibatches:
            what = "environments" if self.recurrent else "environments × steps_per_update"
            raise InputError(
                translated(
                    "{name}: minibatches = {minibatches} is not allowed: must divide {what} = {samples}",
                    name=self.name,
                    minibatches=self.minibatches,
                    what=what,
                    samples=samples,
                )
            )
        if self.objective == "kl" and not self.kl_penalty_min <= self.kl_penalty <= self.kl_penalty_max:
            raise InputError(
                translated(
                    "{name}: kl_penalty = {kl_penalty} is not allowed: must be at least kl_penalty_min = "
                    "{kl_penalty_min:g} and at most kl_penalty_max = {kl_penalty_max:g}",
                    name=self.name,
                    kl_penalty=self.kl_penalty,
                    kl_penalty_min=self.kl_penalty_min,
                    kl_penalty_max=self.kl_penalty_max,
                )
            )

    def optimizer(self) -> optax.GradientTransformation:
        """Adam on gradients of bounded norm; its step size falls linearly with the gradient updates done.

        Actor and critic share one, unless they differ in their step sizes or in when they stop.
        """
        updates_per_step = self.epochs * self.minibatches / (self.environments * self.steps_per_update)

        def adam(start: float) -> optax.GradientTransformation:
            rate = falling(start, self.learning_rate_end, self.decay_steps * updates_per_step)
            return bounded(optax.adam(rate), self.max_gradient_norm)

        own = is_on(self.critic_learning_rate)
        if not (own or is_on(self.kl_stop)):
            return adam(self.learning_rate)
        critic = adam(self.critic_learning_rate if own else self.learning_rate)
        return of_actor_and_critic(adam(self.learning_rate), critic)

    def init(self, key: Key, spaces: Spaces) -> State:
        network = ActorAndCritic.create(key, spaces, self)
        penalty = jnp.float32(self.kl_penalty) if self.objective == "kl" else None
        policy = network.scaled_by(Scales.initial(self, spaces))
        return State(policy, self.optimizer().init(network), penalty, Returns.initial(self, self.environments))

    def noise(self, policy: ActorAndCritic, key: Key, shape: tuple[int, ...]) -> Array:
        return policy.noise(key, shape)

    def initial_memory(self, policy: ActorAndCritic, number: int) -> Any:
        return policy.initial_memory(number)

    def act(
        self, policy: ActorAndCritic, memory: Any, observation: Array, noise: Array | None = None, mask: Mask = ()
    ) -> tuple[Array, Any, Array]:
        return policy.act(memory, observation, noise, mask)

    def terms(self, network: ActorAndCritic, batch: Sample) -> tuple[Distribution, Array, Array, Array]:
        """π(·|s), ln ρ, ρ and Â of the steps of a minibatch."""
        distribution = network.distribution_along(batch.sequence, batch.mask)
        log_ratio = distribution.log_probability(batch.action) - batch.log_probability
        ratio = jnp.exp(log_ratio)
        return (
            distribution,
            log_ratio,
            ratio,
            normalize(batch.advantage) if self.normalize_advantages else batch.advantage,
        )

    def loss(self, network: ActorAndCritic, batch: Sample, penalty: Array | None = None) -> tuple[Array, Metrics]:
        """-L of a minibatch (see the pseudocode), a float32 scalar, and its metrics."""
        batch = network.steps(batch)
        distribution, log_ratio, ratio, advantage = self.terms(network, batch)
        if penalty is None:
            objective = clipped_surrogate(ratio, advantage, self.clip).mean()
            # E[ρ - 1 - ln ρ] ≥ 0 estimates KL(π_old, π) without bias: Schulman 2020, "Approximating KL divergence".
            divergence = (jnp.expm1(log_ratio) - log_ratio).mean()
            clipped = (jnp.abs(jnp.expm1(log_ratio)) > self.clip).mean()
        else:
            assert batch.distribution is not None  # noqa: S101 - `samples` keeps it where there is a penalty
            divergence = batch.distribution.divergence(distribution).mean()
            objective = (ratio * advantage).mean() - penalty * divergence
            clipped = jnp.float32(0)
        value_loss = jnp.square(batch.value_target - network.value_along(batch.sequence)[0]).mean()
        entropy = distribution.entropy().mean()
        loss = -objective + self.value_cost * value_loss - self.entropy_bonus * entropy
        return loss, {
            "policy_loss": -objective,
            "value_loss": value_loss,
            "entropy": entropy,
            "kl": divergence,
            "clipped": clipped,
        }

    @property
    def gathered(self) -> int:
        """The number of workers whose gradients are averaged; 0 where each gradient is of all steps."""
        return 0

    def samples(self, policy: ActorAndCritic, steps: Steps) -> tuple[Sample, Array]:
        """The samples of the steps [T, N] that `policy` has played, and the explained variance of its V(s)."""
        value, next_value = policy.values(steps)
        advantage = generalized_advantage(
            steps.reward, value, next_value, steps.terminated, steps.truncated, self.discount, self.trace_decay
        )
        target = advantage + value
        sequence = policy.sequence(steps)
        old = policy.distribution_along(sequence, steps.mask) if self.objective == "kl" else None
        kept = Sample(sequence, policy.as_drawn(steps.action), steps.extras, advantage, target, old, steps.mask)
        return policy.samples(kept), explained_variance(value, target)

    def sampled(self, policy: ActorAndCritic, each: Array) -> Array:
        """Values of the steps, [T, N], arranged as `samples` arranges them."""
        return policy.samples(each)

    def cut(self, samples: Sample, key: Key) -> Sample:
        """The samples in random order, split into minibatches: leaves [minibatches, ...]. Consumes `key`."""
        order = shuffled(key, samples.advantage.shape[0]).reshape(self.minibatches, -1)
        parts: Sample = jax.tree.map(lambda x: x[order], samples)
        return parts

    def gradient(self, policy: ActorAndCritic, batch: Sample, penalty: Array | None) -> tuple[ActorAndCritic, Metrics]:
        """The gradient of `loss` on a minibatch, and its metrics."""
        gradient: tuple[ActorAndCritic, Metrics] = jax.grad(self.loss, has_aux=True)(policy, batch, penalty)
        return gradient

    def apply(self, state: State, gradient: ActorAndCritic, stopped: Array | None = None) -> State:
        """The state after a step along a gradient; only of the critic where the policy has `stopped` (bool)."""
        change, optimizer = self.optimizer().update(gradient, state.optimizer)
        before = state.policy.networks
        networks = optax.apply_updates(before, change)
        if stopped is not None:
            networks, optimizer = held_back(stopped, (before, state.optimizer), (networks, optimizer))
        return dataclasses.replace(state, policy=networks.scaled_by(state.policy.scales), optimizer=optimizer)

    def begin_block(self) -> Array | None:
        """Whether the policy has stopped before a block's first minibatch: False, or None without `kl_stop`."""
        return jnp.bool_(False) if is_on(self.kl_stop) else None

    def stops(self, stopped: Array, metrics: Metrics) -> Array:
        """Whether the policy has stopped after a minibatch with these metrics, before the step along its gradient."""
        return stopped | (metrics["kl"] > self.kl_stop * self.kl_target)

    def divergence_from_old(self, policy: ActorAndCritic, samples: Sample) -> Array | None:
        """The mean KL divergence of the policy from the one that played, in nats; None without a penalty."""
        if samples.distribution is None:
            return None
        old, sequence, mask = policy.steps((samples.distribution, samples.sequence, samples.mask))
        return old.divergence(policy.distribution_along(sequence, mask)).mean()

    def adapt(self, state: State, moved: Array | None) -> tuple[State, Metrics]:
        """The state with β for the next block, given the divergence after this one, and the metrics of both."""
        if state.penalty is None or moved is None:
            return state, {"penalty": jnp.float32(0)}
        bounds = self.kl_penalty_min, self.kl_penalty_max
        penalty = adapted_penalty(state.penalty, moved, self.kl_target, *bounds)
        return dataclasses.replace(state, penalty=penalty), {"kl": moved, "penalty": state.penalty}

    def minibatch(self, carry: tuple[State, Array | None], batch: Sample) -> tuple[tuple[State, Array | None], Metrics]:
        """The state, and whether the policy has stopped, after the gradient update of a minibatch."""
        state, stopped = carry
        gradient, metrics = self.gradient(state.policy.networks, batch, state.penalty)
        if stopped is not None:
            stopped = self.stops(stopped, metrics)
        return (self.apply(state, gradient, stopped), stopped), metrics

    def update(self, state: State, steps: Steps, key: Key) -> tuple[State, Metrics]:
        scales, returns = state.policy.scales.updated(steps, self.discount, state.returns)
        steps = state.policy.scales.normalize(steps)  # by the scales it was played with: π(a|s) is as it was
        samples, explained = self.samples(state.policy.networks, steps)

        def epoch(carry: tuple[State, Array | None], key: Key) -> tuple[tuple[State, Array | None], Metrics]:
            return jax.lax.scan(self.minibatch, carry, self.cut(samples, key))

        carry, metrics = jax.lax.scan(epoch, (state, self.begin_block()), jax.random.split(key, self.epochs))
        state = carry[0]
        penalty: Metrics = {"penalty": jnp.float32(0)}
        if self.objective == "kl":
            state, penalty = self.adapt(state, self.divergence_from_old(state.policy, samples))
        state = dataclasses.replace(state, policy=state.policy.scaled_by(scales), returns=returns)
        return state, jax.tree.map(jnp.mean, metrics) | {"explained_variance": explained} | penalty

    def explain(self, before: State, steps: Steps, key: Key, after: State) -> Explanation:
        return explanation_of(self, before, steps, key, after)

    def explain_action(
        self, policy: ActorAndCritic, memory: Any, observation: Array, noise: Array, mask: Mask = ()
    ) -> Decision:
        return decision_of(policy, memory, observation, noise, mask)
