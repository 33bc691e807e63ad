"""What DDPG, TD3 and SAC share: an actor that maximises the values of its critics, learnt from remembered steps.

    repeat:  play T steps with the actions of `explore`, and remember them
             draw minibatches of (s, a, r, s') and, for each,
                 y = r + γ (1 - terminated) V(s'),  with V(s') from `next_value`
                 w ← w - α_w ∇_w E[ ½ (y - Q(s, a; w))² + ½ c w² ]      of each critic
                 at every `actor_period`-th update:  θ ← θ - α ∇_θ `actor_cost`
             every `target_period` gradient updates:  θ⁻ ← τ θ + (1 - τ) θ⁻,  w⁻ ← τ w + (1 - τ) w⁻

Each algorithm defines its networks, how it explores, the value of a next state and the actor's cost. Until the first
gradient update actions are uniform within the bounds: those of an untrained actor are all near the middle
(`warmup_actions`; as in OpenAI's Spinning Up, 2018).
"""

from __future__ import annotations

import abc
import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax

from zerone.algorithms.explanation import Decision, Explanation
from zerone.algorithms.off_policy import (
    OffPolicy,
    PendingSteps,
    Remembered,
    Transition,
    gradient_updates,
    transition_like,
    update_target,
)
from zerone.algorithms.off_policy_actor_explanation import decision_of, explanation_of
from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.base.pytree import configured, setting, struct
from zerone.environments.spaces import Spaces
from zerone.parts.action_noise import OrnsteinUhlenbeck, Process, White
from zerone.parts.deterministic import Actor, Critic, refuse_actor
from zerone.parts.normalization import Returns, Scales
from zerone.parts.optimizers import as_one_array
from zerone.parts.replay import Memory
from zerone.parts.returns import one_step_target


@struct
class Policy:
    """The actor, and the environment steps so far (int32), on which exploration depends."""

    actor: Any
    steps: Array
    scales: Scales = Scales()


@struct
class Noise:
    """The random numbers of actions: exploration noise, and uniform actions [..., d] for the warm-up."""

    process: Any
    uniform: Array | None


@struct
class Networks:
    """Target networks: an actor, None where it has no target, and a critic or critics."""

    actor: Any
    critic: Any


@struct
class Learner:
    """What gradient updates change besides the actor: critics, targets, Adam's moments, and their number (int32).

    `actor_metrics` are those of the actor's last update, where only every `actor_period`-th update is one.
    """

    critic: Any
    target: Networks
    actor_optimizer: Any
    critic_optimizer: Any
    updates: Array
    actor_metrics: Metrics


@struct
class State:
    """The policy, the rest of what is learnt, the replay memory, and the last n-1 steps, not yet complete (n > 1)."""

    policy: Policy
    learner: Learner
    memory: Memory
    ongoing: PendingSteps | tuple[()]
    returns: Returns = Returns()

    @property
    def updates(self) -> Array:
        """Gradient updates so far."""
        return self.learner.updates


@configured
class OffPolicyActor(OffPolicy, abc.ABC):
    """An actor and its critics, learnt from remembered steps."""

    name: ClassVar[str]
    metrics: ClassVar[Mapping[str, str]]
    actor_metrics: ClassVar[tuple[str, ...]]
    """The names of the metrics of `actor_cost`."""
    next_value_symbol: ClassVar[str] = "V(s')"
    """The symbol of `next_value` in equations."""
    normals: ClassVar[int] = 0
    """Standard normal actions that a gradient update draws for each sample."""
    actor_has_target: ClassVar[bool] = True
    """Whether the actor has a target network."""

    learning_rate: float = setting(1e-3, "the actor's learning rate α (Adam)", above=0)
    critic_learning_rate: float = setting(1e-3, "the critic's learning rate α_w (Adam)", above=0)
    actor_period: int = setting(1, "gradient updates of the critic for each one of the actor", at_least=1)
    exploration: str = setting(
        "gaussian", "the noise x: white, or correlated over time", choices=("gaussian", "ornstein-uhlenbeck")
    )
    noise_pull: float = setting(
        0.15,
        "rate θ at which the noise returns to its mean, per step",
        above=0,
        at_most=1,
        needs="exploration=ornstein-uhlenbeck",
    )
    warmup_actions: str = setting(
        "uniform",
        "until learning starts: uniform within the bounds, or of the untrained policy with noise",
        choices=("uniform", "policy"),
    )
    weight_decay: float = setting(0.0, "coefficient c of the critic's L2 regularisation", at_least=0)

    # What each algorithm defines.

    def make_actor(self, key: Key, spaces: Spaces) -> Any:
        """The actor. Consumes `key`."""
        return Actor.create(key, spaces, self)

    def make_critic(self, key: Key, spaces: Spaces) -> Any:
        """The critic or critics: Q(s, a) [batch], or [critics, batch]. Consumes `key`."""
        return Critic.create(key, spaces, self)

    @abc.abstractmethod
    def explore(self, policy: Policy, memory: Any, observation: Array, noise: Any) -> tuple[Array, Any]:
        """Exploring actions [N, d] for normalised observations, and the memory after them."""

    @abc.abstractmethod
    def next_value(self, actor: Any, target: Networks, observation: Array, normals: Array) -> Array:
        """V(s') [batch], from which targets bootstrap; `normals` are [number, batch, d]."""

    @abc.abstractmethod
    def actor_cost(self, actor: Any, critic: Any, observation: Array, normals: Array) -> tuple[Array, Metrics]:
        """The cost that the actor minimises, a float32 scalar, and its metrics."""

    @abc.abstractmethod
    def policy_metrics(self, policy: Policy) -> Metrics:
        """The metrics of the policy after a block."""

    # What follows from it.

    @property
    def process(self) -> Process:
        """The noise process of actions."""
        return White() if self.exploration == "gaussian" else OrnsteinUhlenbeck(self.noise_pull)

    def refuse(self, spaces: Spaces) -> str | None:
        return refuse_actor(spaces) or self.refuse_networks(spaces, remembers=False)

    def actor_rule(self, steps: Array | int = 0) -> optax.GradientTransformation:
        """Adam, after `steps` environment steps."""
        return as_one_array(optax.adam(self.rate(self.learning_rate, jnp.asarray(steps))))

    def critic_rule(self, steps: Array | int = 0) -> optax.GradientTransformation:
        """As `actor_rule`, for the critic, with the gradient of the squared weights added."""
        adam = optax.adam(self.rate(self.critic_learning_rate, jnp.asarray(steps)))
        return as_one_array(optax.chain(optax.add_decayed_weights(self.weight_decay), adam))

    def init(self, key: Key, spaces: Spaces) -> State:
        actor_key, critic_key = jax.random.split(key)
        actor, critic = self.make_actor(actor_key, spaces), self.make_critic(critic_key, spaces)
        # Arrays of its own, or the state could not be donated.
        target = jax.tree.map(jnp.copy, self.networks_with_target(actor, critic))
        moments = self.actor_rule().init(actor), self.critic_rule().init(critic)
        measured = dict.fromkeys(self.actor_metrics, jnp.float32(0)) if self.actor_period > 1 else {}
        learner = Learner(critic, target, *moments, jnp.int32(0), measured)
        action = jnp.zeros(actor.width)
        one = transition_like(spaces, action)
        memory = self.replay.init(one)
        waiting = PendingSteps.none(one, self.n_steps, self.environments) if self.n_steps > 1 else ()
        policy = Policy(actor, jnp.int32(0), Scales.initial(self, spaces))
        return State(policy, learner, memory, waiting, Returns.initial(self, self.environments))

    def networks_with_target(self, actor: Any, critic: Any) -> Networks:
        """The online networks that have a target network."""
        return Networks(actor if self.actor_has_target else None, critic)

    def initial_memory(self, policy: Policy, number: int) -> Any:
        """The state of the noise process at the start of episodes."""
        return self.process.init((number, policy.actor.width))

    def noise(self, policy: Policy, key: Key, shape: tuple[int, ...]) -> Noise:
        shape = (*shape, policy.actor.width)
        if self.warmup_actions == "policy":
            return Noise(self.process.noise(key, shape), None)
        process_key, uniform_key = jax.random.split(key)
        return Noise(self.process.noise(process_key, shape), jax.random.uniform(uniform_key, shape, minval=-1.0))

    def act(
        self, policy: Policy, memory: Any, observation: Array, noise: Noise | None = None
    ) -> tuple[Array, Any, tuple[()]]:
        observation = policy.scales.normalize_observation(observation)
        if noise is None:
            return policy.actor.shaped(policy.actor(observation)), memory, ()
        action, memory = self.explore(policy, memory, observation, noise.process)
        if noise.uniform is not None:
            action = jnp.where(policy.steps > self.warmup_updates * self.block, action, noise.uniform)
        return policy.actor.shaped(action), memory, ()

    def targets(self, actor: Any, target: Networks, batch: Transition, normals: Array) -> Array:
        """The target y of each transition, [batch]."""
        next_value = self.next_value(actor, target, batch.next_observation, normals)
        return one_step_target(batch.reward, batch.discount == 0, batch.discount, next_value)

    def critic_cost(
        self, critic: Any, actor: Any, target: Networks, batch: Transition, weights: Array, normals: Array
    ) -> tuple[Array, tuple[Array, Metrics]]:
        """½ E[(y - Q(s, a))²], summed over the critics; the mean absolute error of each sample; and metrics."""
        wanted = self.targets(actor, target, batch, normals)
        value = critic(batch.observation, batch.action)
        error = jnp.broadcast_to(wanted, value.shape) - value
        cost = 0.5 * (jnp.broadcast_to(weights, value.shape) * jnp.square(error)).mean(-1).sum()
        return cost, (jnp.abs(error).reshape(-1, len(wanted)).mean(0), {"critic_loss": cost, "q": value.mean()})

    def update_actor(
        self, actor: Any, learner: Learner, observation: Array, normals: Array, steps: Array
    ) -> tuple[Any, Any, Metrics]:
        """The actor and its optimiser after a step along the gradient of its cost, and metrics."""
        gradient, measured = jax.grad(self.actor_cost, has_aux=True)(actor, learner.critic, observation, normals)
        change, moments = self.actor_rule(steps).update(gradient, learner.actor_optimizer)
        return optax.apply_updates(actor, change), moments, measured

    def update_networks(
        self, actor: Any, learner: Learner, batch: Transition, weights: Array, normals: Array, steps: Array
    ) -> tuple[Any, Learner, Array, Metrics]:
        """The actor and the learner after a gradient update, absolute TD errors [batch], and metrics."""
        updates = learner.updates + 1
        gradient, (error, metrics) = jax.grad(self.critic_cost, has_aux=True)(
            learner.critic, actor, learner.target, batch, weights, normals
        )
        change, critic_moments = self.critic_rule(steps).update(gradient, learner.critic_optimizer, learner.critic)
        critic = optax.apply_updates(learner.critic, change)
        learner = dataclasses.replace(learner, critic=critic, critic_optimizer=critic_moments, updates=updates)

        def climb(_: Any, climber: tuple[Any, Any, Metrics]) -> tuple[Any, Any, Metrics]:
            now = dataclasses.replace(learner, actor_optimizer=climber[1])
            return self.update_actor(climber[0], now, batch.observation, normals, steps)

        climber = actor, learner.actor_optimizer, learner.actor_metrics
        if self.actor_period == 1:
            actor, moments, measured = climb(0, climber)
        else:  # once or not at all: a branch (`lax.cond`) would run both sides under `vmap`
            due = (updates % self.actor_period == 0).astype(jnp.int32)
            actor, moments, measured = jax.lax.fori_loop(0, due, climb, climber)
        online = self.networks_with_target(actor, critic)
        target = update_target(learner.target, online, self.target_step, self.target_period, updates)
        kept = measured if self.actor_period > 1 else {}
        learner = dataclasses.replace(learner, target=target, actor_optimizer=moments, actor_metrics=kept)
        return actor, learner, error, metrics | measured

    def transitions(self, ongoing: Any, steps: Steps) -> tuple[Transition, Array | int, Any]:
        # Recorded actions (`--from`) may be out of bounds; the environment has clipped them.
        done = jnp.clip(steps.action.reshape(*steps.reward.shape, -1), -1.0, 1.0)
        return super().transitions(ongoing, dataclasses.replace(steps, action=done, memory=()))

    def remember(self, state: Any, steps: Steps, key: Key) -> Remembered:
        rows = max(self.updates, 2)
        if not self.normals:
            return dataclasses.replace(super().remember(state, steps, key), normals=jnp.zeros((rows, 0)))
        key, own = jax.random.split(key)
        normals = jax.random.normal(own, (rows, self.normals, self.batch, state.policy.actor.width))
        return dataclasses.replace(super().remember(state, steps, key), normals=normals)

    def learn(
        self, now: Remembered, i: Array, carry: tuple[Any, Learner, Any]
    ) -> tuple[tuple[Any, Learner, Any], Metrics]:
        """Gradient update `i` of a block: the actor, the learner and the priorities after it, and metrics."""
        actor, learner, priorities = carry
        slots, weights, batch = self.sample(now, i, priorities)
        actor, learner, error, metrics = self.update_networks(actor, learner, batch, weights, now.normals[i], now.seen)
        return (actor, learner, self.replay.update_priorities(priorities, slots, error)), metrics

    def update(self, state: State, steps: Steps, key: Key) -> tuple[State, Metrics]:
        now = self.remember(state, steps, key)
        times = self.times(now, steps.reward.size)
        learn, before = functools.partial(self.learn, now), (state.policy.actor, state.learner, now.memory.priorities)
        (actor, learner, priorities), metrics = gradient_updates(learn, before, times, self.updates)
        policy = Policy(actor, now.seen, now.scales)
        for name, value in self.policy_metrics(policy).items():
            metrics[name] = jnp.where(times > 0, value, 0.0)
        memory = dataclasses.replace(now.memory, priorities=priorities)
        return State(policy, learner, memory, now.ongoing, now.returns), metrics

    def explain(self, before: State, steps: Steps, key: Key, after: State) -> Explanation:
        return explanation_of(self, before, steps, key, after)

    def explain_action(self, policy: Policy, memory: Any, observation: Array, noise: Noise, mask: Any = ()) -> Decision:
        del mask  # continuous actions have no masks
        return decision_of(self, policy, memory, observation, noise)
