"""Deep deterministic policy gradient: an actor that climbs what its critic says of its actions.

    repeat:  play T steps of μ(s; θ) + σ x, with noise x, and remember them
             draw minibatches of (s, a, r, s') and, for each,
                 y = r + γ (1 - terminated) Q(s', μ(s'; θ⁻); w⁻)
                 w ← w - α_w ∇_w E[ ½ (y - Q(s, a; w))² + ½ c w² ]
                 θ ← θ + α E[ ∇_a Q(s, a; w)|_{a = μ(s; θ)} ∇_θ μ(s; θ) ]
             every `target_period` gradient updates:  θ⁻ ← τ θ + (1 - τ) θ⁻,  w⁻ ← τ w + (1 - τ) w⁻

Lillicrap et al. 2016 (arXiv 1509.02971), algorithm 1; the actor's gradient is its eq. 6 (Silver et al. 2014, eq. 9).
Differences: actions join the critic at its first layer, not the second; no batch normalisation; weights are born as
everywhere here (the paper's last layers are smaller still); actions and noise are clipped to the bounds together, and
remembered so, because that is what was done; the noise may be white, and σ may fall; until the first gradient update
actions are uniform within the bounds, not the untrained actor's, which are all near the middle (`warmup_actions`; as in
OpenAI's Spinning Up, 2018). Hard replacement (τ = 1 and a `target_period`) is DQN's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax

from zerone.algorithms.off_policy import (
    Transition,
    block_of,
    check_memory,
    check_shape,
    clock_setting,
    gradient_updates,
    minibatch_noise,
    one_step_transitions,
    samples_per_step,
    ticks,
    transition_like,
    update_target,
    updates_after,
    warmup_updates,
)
from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.base.pytree import configured, setting, struct
from zerone.parts.action_noise import OrnsteinUhlenbeck, Process, White
from zerone.parts.architecture import NetworkSettings
from zerone.parts.deterministic import Actor, Critic, refuse_actor
from zerone.parts.exploration import schedule
from zerone.parts.normalization import NormalizationSettings, Returns, Scales
from zerone.parts.optimizers import as_one_array
from zerone.parts.replay import Memory, Uniform, gather
from zerone.parts.returns import one_step_target
from zerone.parts.spaces import Spaces


@struct
class Policy:
    """The actor, and the environment steps seen (int32), on which σ depends."""

    actor: Actor
    steps: Array
    scales: Scales = Scales()


@struct
class Noise:
    """The chance of actions: of the noise that is added, and the uniform actions [..., d] before there was learning."""

    process: Any
    uniform: Array | None


@struct
class Networks:
    """An actor and its critic."""

    actor: Actor
    critic: Critic


@struct
class Learner:
    """What a gradient update changes: both networks, their targets, and Adam's moments."""

    online: Networks
    target: Networks
    actor_optimizer: Any
    critic_optimizer: Any


@struct
class State:
    """The policy, all else that learns, and the memory."""

    policy: Policy
    critic: Critic
    target: Networks
    actor_optimizer: Any
    critic_optimizer: Any
    updates: Array
    memory: Memory
    returns: Returns = Returns()


@configured
class DDPG(NetworkSettings, NormalizationSettings):
    """DDPG, for any `Box`, `Discrete` or `MultiDiscrete` observation (pictures too), `Box` actions with bounds."""

    name: ClassVar[str] = "ddpg"
    metrics: ClassVar[Mapping[str, str]] = {
        "critic_loss": "half the mean square of the TD errors of a minibatch",
        "q": "value Q(s, a) of the remembered actions of a minibatch",
        "actor_q": "value Q(s, μ(s)) of the actor's own actions, which it climbs",
        "noise": "deviation σ of the noise in the actions, of which 1 is half their range",
    }

    learning_rate: float = setting(1e-3, "the actor's learning rate α (Adam)", above=0)
    critic_learning_rate: float = setting(1e-3, "the critic's learning rate α_w (Adam)", above=0)
    discount: float = setting(0.99, "discount factor γ", at_least=0, at_most=1)
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
    noise_start: float = setting(0.2, "scale σ of the noise at the start; 1 is half of an action's range", at_least=0)
    noise_end: float = setting(0.2, "scale σ of the noise at the end", at_least=0)
    noise_steps: float = setting(100_000.0, "ticks of `noise_clock` over which σ is annealed", above=0)
    noise_clock: str = clock_setting("σ")
    noise_shape: str = setting(
        "linear", "shape of σ's schedule: equal differences or equal ratios", choices=("linear", "exponential")
    )
    batch: int = setting(64, "transitions in a minibatch", at_least=1)
    updates: int = setting(1, "gradient updates after each block of steps", at_least=1)
    steps_per_update: int = setting(1, "steps of each environment in a block", at_least=1)
    environments: int = setting(1, "environments played in parallel", at_least=1)
    memory: int = setting(100_000, "capacity of the replay memory, in steps", at_least=1, at_most=2_000_000_000)
    warmup: int = setting(1_000, "steps stored before learning starts", at_least=0)
    warmup_actions: str = setting(
        "uniform",
        "until then: uniform within the bounds, or of the untrained policy with noise",
        choices=("uniform", "policy"),
    )
    target_period: int = setting(1, "gradient updates between two updates of the target networks", at_least=1)
    target_step: float = setting(
        0.005, "soft update coefficient τ of the target networks; 1 is a copy", above=0, at_most=1
    )
    weight_decay: float = setting(0.0, "coefficient c of the critic's L2 regularisation", at_least=0)
    normalize_observations: str = "on"
    activation: str = "relu"

    @property
    def warmup_updates(self) -> int:
        """Blocks that are only remembered."""
        return warmup_updates(self)

    @property
    def samples_per_step(self) -> float:
        """Remembered transitions that are learnt from, for each environment step."""
        return samples_per_step(self)

    @property
    def replay(self) -> Uniform:
        """The memory's rule."""
        return Uniform(self.memory)

    @property
    def process(self) -> Process:
        """The noise's rule."""
        return White() if self.exploration == "gaussian" else OrnsteinUhlenbeck(self.noise_pull)

    def refuse(self, spaces: Spaces) -> str | None:
        return refuse_actor(spaces) or self.refuse_networks(spaces, remembers=False)

    def check(self) -> None:
        check_memory(self)
        check_shape("ddpg", self.noise_shape, {"noise_start": self.noise_start, "noise_end": self.noise_end})

    def actor_rule(self) -> optax.GradientTransformation:
        """Adam."""
        return as_one_array(optax.adam(self.learning_rate))

    def critic_rule(self) -> optax.GradientTransformation:
        """The same with the gradient of the weights' squares added to the critic's."""
        rule = optax.chain(optax.add_decayed_weights(self.weight_decay), optax.adam(self.critic_learning_rate))
        return as_one_array(rule)

    def init(self, key: Key, spaces: Spaces) -> State:
        actor_key, critic_key = jax.random.split(key)
        actor = Actor.create(actor_key, spaces, self)
        critic = Critic.create(critic_key, spaces, self)
        target = jax.tree.map(jnp.copy, Networks(actor, critic))  # its own arrays, or the state could not be donated
        memory = self.replay.init(transition_like(spaces, jnp.zeros(actor.width)))
        policy = Policy(actor, jnp.int32(0), Scales.begun(self, spaces))
        moments = self.actor_rule().init(actor), self.critic_rule().init(critic)
        return State(policy, critic, target, *moments, jnp.int32(0), memory, Returns.begun(self, self.environments))

    def initial_memory(self, policy: Policy, number: int) -> Any:
        """The noise before an episode's first step."""
        return self.process.init((number, policy.actor.width))

    def scale(self, policy: Policy) -> Array:
        """σ, by the clock that was chosen."""
        elapsed = ticks(self, self.noise_clock, policy.steps, updates_after(self, policy.steps))
        return schedule(self.noise_shape, self.noise_start, self.noise_end, elapsed / self.noise_steps)

    def noise(self, policy: Policy, key: Key, shape: tuple[int, ...]) -> Noise:
        shape = (*shape, policy.actor.width)
        if self.warmup_actions == "policy":
            return Noise(self.process.noise(key, shape), None)
        process_key, uniform_key = jax.random.split(key)
        return Noise(self.process.noise(process_key, shape), jax.random.uniform(uniform_key, shape, minval=-1.0))

    def act(
        self, policy: Policy, memory: Any, observation: Array, noise: Noise | None = None
    ) -> tuple[Array, Any, tuple[()]]:
        action = policy.actor(policy.scales.see(observation))
        if noise is None:
            return policy.actor.shaped(action), memory, ()
        value, memory = self.process.step(memory, noise.process)
        action = jnp.clip(action + self.scale(policy) * value, -1.0, 1.0)
        if noise.uniform is not None:
            learnt = policy.steps > self.warmup_updates * block_of(self)
            action = jnp.where(learnt, action, noise.uniform)
        return policy.actor.shaped(action), memory, ()

    def critic_cost(self, critic: Critic, target: Networks, batch: Transition) -> tuple[Array, Metrics]:
        """½ E[(y - Q(s, a))²]; the target is constant for the gradient."""
        next_value = target.critic(batch.next_observation, target.actor(batch.next_observation))
        value = critic(batch.observation, batch.action)
        error = one_step_target(batch.reward, batch.discount == 0, batch.discount, next_value) - value
        cost = 0.5 * jnp.square(error).mean()
        return cost, {"critic_loss": cost, "q": value.mean()}

    def actor_cost(self, actor: Actor, critic: Critic, observation: Array) -> Array:
        """-E[Q(s, μ(s))], whose gradient is minus eq. 6 by the chain rule."""
        return -critic(observation, actor(observation)).mean()

    def update(self, state: State, steps: Steps, key: Key) -> tuple[State, Metrics]:
        old, replay = state.policy, self.replay
        # Others may have done what is out of bounds (`--from`), and an environment has clipped it.
        done = jnp.clip(steps.action.reshape(*steps.reward.shape, -1), -1.0, 1.0)
        memory = replay.add(state.memory, one_step_transitions(dataclasses.replace(steps, action=done), self.discount))
        found, returns = old.scales.of(steps, self.discount, state.returns)
        scales, seen = old.scales.merged(found), old.steps + steps.reward.size
        noise = minibatch_noise(replay, key, self.updates, self.batch)

        def learn(i: Array, learner: Learner) -> tuple[Learner, Metrics]:
            batch = scales.normalized(gather(memory, replay.sample(memory, noise[i])[0]))
            actor, critic = learner.online.actor, learner.online.critic
            gradient, metrics = jax.grad(self.critic_cost, has_aux=True)(critic, learner.target, batch)
            change, critic_moments = self.critic_rule().update(gradient, learner.critic_optimizer, critic)
            critic = optax.apply_updates(critic, change)
            cost, gradient = jax.value_and_grad(self.actor_cost)(actor, critic, batch.observation)
            change, actor_moments = self.actor_rule().update(gradient, learner.actor_optimizer)
            online = Networks(optax.apply_updates(actor, change), critic)
            target = update_target(learner.target, online, self.target_step, self.target_period, state.updates + i + 1)
            return Learner(online, target, actor_moments, critic_moments), metrics | {"actor_q": -cost}

        times = jnp.where(seen <= self.warmup_updates * steps.reward.size, 0, self.updates)
        online = Networks(old.actor, state.critic)
        before = Learner(online, state.target, state.actor_optimizer, state.critic_optimizer)
        after, metrics = gradient_updates(learn, before, times, self.updates, ("critic_loss", "q", "actor_q"))
        policy = Policy(after.online.actor, seen, scales)
        metrics["noise"] = jnp.where(times > 0, self.scale(policy), 0.0)
        moments = after.actor_optimizer, after.critic_optimizer
        learnt = after.online.critic, after.target, *moments, state.updates + times
        return State(policy, *learnt, memory, returns), metrics
