"""Asynchronous advantage actor-critic (A3C): workers push gradients to shared networks without waiting for each other.

    shared networks θ, and a copy θ_k of them for each worker k
    each worker k, independently, repeats:
        pull   θ_k ← θ
        play   n steps with π(·|s; θ_k)
        g      = ∇_θ_k of the actor-critic's loss of these steps  (actor_critic.py)
        push   θ ← θ - α g / √(m + ε),  with m ← β m + (1 - β) g² shared by all workers

Between a pull and a push other workers push, so g is the gradient of older networks than those it changes: it is stale
by that number of pushes. Mnih et al. 2016 (arXiv 1602.01783), algorithm S3; section 4 for the shared RMSProp.

Here the workers take turns in a fixed order, and each pulls right after its push. Every gradient is then stale by
workers - 1 pushes, as on average for free workers of equal speed, and the same seed gives the same bits. With one
worker it is `actor-critic`. Where workers run in parallel, each is `alone()`, and pushes are applied as they arrive.
Differences: those of actor-critic; a worker may play several environments in parallel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax

from zerone.algorithms import actor_critic
from zerone.algorithms.actor_critic import ActorCritic
from zerone.algorithms.actor_critic_explanation import explanation_of_workers
from zerone.algorithms.explanation import Decision, Explanation
from zerone.algorithms.policy_explanation import decision_of
from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.algorithms.workers import WorkerSettings, check_workers, one_each, one_of, shared_out
from zerone.base.pytree import configured, setting, struct
from zerone.environments.spaces import Spaces
from zerone.parts.exploration import Mask
from zerone.parts.normalization import Returns
from zerone.parts.policies import ActorAndCritic


@struct
class Policy:
    """The shared networks, which are evaluated, and each worker's copy of them (leaves [workers, ...]), which play.

    Observations are normalised by the scales of the shared ones.
    """

    shared: ActorAndCritic
    copies: ActorAndCritic

    def noise(self, key: Key, shape: tuple[int, ...]) -> Array:
        """As `ActorAndCritic`."""
        return self.shared.noise(key, shape)

    def initial_memory(self, number: int) -> Any:
        """As `ActorAndCritic`."""
        return self.shared.initial_memory(number)

    def act(
        self, memory: Any, observation: Array, noise: Array | None = None, mask: Mask = ()
    ) -> tuple[Array, Any, Array]:
        """Without noise the shared networks act; with noise each copy acts in its worker's environments."""
        if noise is None:
            return self.shared.act(memory, observation, None, mask)
        number = jax.tree.leaves(self.copies)[0].shape[0]
        mine = shared_out((memory, self.shared.scales.normalize_observation(observation), noise, mask), number, 0)
        acted = jax.vmap(ActorAndCritic.act)(self.copies, *mine)
        joined: tuple[Array, Any, Array] = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), acted)
        return joined


@struct
class State:
    """The policy (shared networks and copies), the shared optimiser's moments, and when each worker pulled.

    `pulled`, int32 [workers], is the number of pushes before each worker's last pull; the last worker's is the total.
    """

    policy: Policy
    optimizer: Any
    pulled: Array
    returns: Returns = Returns()


@configured
class A3C(WorkerSettings, ActorCritic):
    """A3C, for `Box`, `Discrete` or `MultiDiscrete` observations (pictures too) and actions."""

    name: ClassVar[str] = "a3c"
    metrics: ClassVar[Mapping[str, str]] = {
        **ActorCritic.metrics,
        "staleness": "pushes of others between a worker's pull and its push",
    }
    asynchronous: ClassVar[bool] = True

    steps_per_update: int = setting(16, "steps n of each environment between two pushes", at_least=1)
    optimizer: str = setting("rmsprop", "the optimiser", choices=("adam", "rmsprop"))

    def __post_init__(self) -> None:
        one_each(self)

    def check(self) -> None:
        check_workers(self)

    def alone(self) -> ActorCritic:
        """The algorithm of one worker: actor-critic in its part of the environments."""
        return one_of(self, ActorCritic)

    def playing_alone(self, policy: Policy) -> Policy:
        """One worker that has just pulled the shared networks."""
        return Policy(policy.shared, jax.tree.map(lambda x: x[None], policy.shared.networks))

    def rule(self) -> optax.GradientTransformation:
        """The shared optimiser: its step size falls with the pushes, each of one worker's steps."""
        return self.alone().rule()

    def init(self, key: Key, spaces: Spaces) -> State:  # type: ignore[override]  # a state of its own, for `update`
        begun = super().init(key, spaces)
        return State(self.pulled(begun.policy), begun.optimizer, jnp.zeros(self.workers, jnp.int32), begun.returns)

    def pulled(self, network: ActorAndCritic) -> Policy:
        """The policy when every worker has just pulled these shared networks."""
        return Policy(network, jax.tree.map(lambda x: jnp.broadcast_to(x, (self.workers, *x.shape)), network.networks))

    def shared_out(self, state: State, steps: Steps) -> tuple[tuple[actor_critic.State, Array], tuple[Any, ...]]:
        """The shared state with the number of pushes so far, and each worker's copy, last pull and steps."""
        shared = actor_critic.State(state.policy.shared, state.optimizer), state.pulled[-1]
        return shared, (state.policy.copies, state.pulled, shared_out(steps, self.workers, 1))

    def turn(self, shared: tuple[actor_critic.State, Array], worker: tuple[Any, ...]) -> tuple[Any, Any]:
        """One worker's push and pull: the shared state after it, and the worker's copy, last pull and metrics."""
        learner, pushes = shared
        copy, pulled, mine = worker
        gradient, metrics = self.gradient(copy, mine)
        learner, done = self.apply(learner, gradient), pushes + 1
        return (learner, done), (learner.policy.networks, done, metrics | {"staleness": pushes - pulled})

    def update(self, state: State, steps: Steps, key: Key) -> tuple[State, Metrics]:  # type: ignore[override]  # as `init`
        del key  # the update is deterministic
        scales, returns = state.policy.shared.scales.updated(steps, self.discount, state.returns)
        steps = state.policy.shared.scales.normalize(steps)
        shared, each = self.shared_out(state, steps)
        (learner, _), (copies, pulled, metrics) = jax.lax.scan(self.turn, shared, each)
        means: Metrics = jax.tree.map(lambda x: x.mean(dtype=jnp.float32), metrics)
        policy = Policy(learner.policy.scaled_by(scales), copies)
        return State(policy, learner.optimizer, pulled, returns), means

    def explain(self, before: State, steps: Steps, key: Key, after: State) -> Explanation:  # type: ignore[override]  # as `init`
        del key, after
        return explanation_of_workers(self, before, steps)

    def explain_action(
        self, policy: Policy, memory: Any, observation: Array, noise: Array, mask: Mask = ()
    ) -> Decision:
        first = jax.tree.map(lambda x: x[0], policy.copies)
        return decision_of(first.scaled_by(policy.shared.scales), memory, observation, noise, mask)
