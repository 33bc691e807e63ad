"""Deep Q-network: Q-learning with a network, a replay memory and a fixed target.

    repeat:  play T steps of ε-greedy(Q(s, ·; θ)) and remember them
             draw minibatches of (s, a, r, s') and, for each,
                 y = r + γ (1 - terminated) max_a Q(s', a; θ⁻)
                 θ ← θ - α ∇_θ E[ ½ (y - Q(s, a; θ))² ]
             every `target_period` gradient updates:  θ⁻ ← τ θ + (1 - τ) θ⁻

Mnih et al. 2015 (doi 10.1038/nature14236), algorithm 1. `double` takes the target of van Hasselt et al. 2016
(arXiv 1509.06461): y = r + γ Q(s', argmax_a Q(s', a; θ); θ⁻).
Differences: Adam instead of RMSProp, the gradient's norm is clipped, the error is not clipped unless `loss` is
huber, and the target may move softly (τ < 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax
from gymnasium import spaces as gym_spaces

from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.base.errors import InputError
from zerone.base.pytree import configured, setting, struct
from zerone.parts.exploration import epsilon_greedy, epsilon_greedy_noise, greedy, linear_schedule
from zerone.parts.networks import Network
from zerone.parts.replay import Memory, Uniform
from zerone.parts.returns import double_value, huber, max_value, one_step_target, pick
from zerone.parts.spaces import Spaces, count, example


@struct
class Policy:
    """The online network θ and the environment steps seen so far (int32), which drive ε."""

    network: Network
    steps: Array


@struct
class Transition:
    """What is remembered of one step. An episode that was only cut still bootstraps, so its cut is not kept."""

    observation: Array
    action: Array
    reward: Array
    next_observation: Array
    terminated: Array


@struct
class State:
    """The policy, the target network θ⁻, Adam's moments, the memory, and gradient updates so far (int32)."""

    policy: Policy
    target: Network
    optimizer: Any
    memory: Memory
    updates: Array


@configured
class DQN:
    """Deep Q-network, for any `Box`, `Discrete` or `MultiDiscrete` observation (pictures too), `Discrete` actions."""

    name: ClassVar[str] = "dqn"
    metrics: ClassVar[Mapping[str, str]] = {
        "cost": "loss of the TD errors of a minibatch",
        "q": "value Q(s, a) of the remembered actions of a minibatch",
        "epsilon": "share of exploring steps",
    }

    learning_rate: float = setting(1e-3, "Adam's step size α", above=0)
    discount: float = setting(0.99, "worth γ of a reward one step later", at_least=0, at_most=1)
    epsilon_start: float = setting(1.0, "share ε of exploring steps at first", at_least=0, at_most=1)
    epsilon_end: float = setting(0.05, "share ε of exploring steps at last", at_least=0, at_most=1)
    epsilon_steps: float = setting(10_000.0, "environment steps over which ε falls", above=0)
    batch: int = setting(128, "transitions in a minibatch", at_least=1)
    updates: int = setting(1, "gradient updates after each block of steps", at_least=1)
    steps_per_update: int = setting(4, "steps of each environment in a block", at_least=1)
    environments: int = setting(1, "environments played in parallel", at_least=1)
    memory: int = setting(10_000, "steps remembered", at_least=1)
    warmup: int = setting(1_000, "steps remembered before learning starts", at_least=0)
    target_period: int = setting(50, "gradient updates between two moves of the target network", at_least=1)
    target_step: float = setting(1.0, "how far τ the target moves towards the online network", above=0, at_most=1)
    loss: str = setting("squared", "of the TD error; huber bounds its gradient", choices=("squared", "huber"))
    double: bool = setting(False, "choose the target's action with the online network (Double DQN)")
    hidden: tuple[int, ...] = setting((128, 128), "widths of the hidden layers", at_least=1)
    max_gradient_norm: float = setting(10.0, "longer gradients are shortened to this norm", above=0)

    @property
    def warmup_updates(self) -> int:
        """Blocks that are only remembered: the first gradient updates follow the block that completes `warmup`."""
        return max(0, -(-self.warmup // (self.steps_per_update * self.environments)) - 1)

    @property
    def replay(self) -> Uniform:
        """The memory's rule."""
        return Uniform(self.memory)

    def refuse(self, spaces: Spaces) -> str | None:
        if not isinstance(spaces.action, gym_spaces.Discrete):
            return "it needs Discrete actions"
        if not isinstance(spaces.observation, (gym_spaces.Box, gym_spaces.Discrete, gym_spaces.MultiDiscrete)):
            return "it needs Box, Discrete or MultiDiscrete observations"
        return None

    def check(self) -> None:
        if self.batch > self.memory:
            raise InputError(f"dqn: batch = {self.batch} is not allowed: must be at most memory = {self.memory}")
        if self.steps_per_update * self.environments > self.memory:
            block = f"steps_per_update × environments = {self.steps_per_update * self.environments}"
            raise InputError(f"dqn: {block} is not allowed: must be at most memory = {self.memory}")

    def optimizer(self) -> optax.GradientTransformation:
        """Adam on gradients of bounded norm."""
        return optax.chain(optax.clip_by_global_norm(self.max_gradient_norm), optax.adam(self.learning_rate))

    def init(self, key: Key, spaces: Spaces) -> State:
        network = Network(key, spaces.observation, self.hidden, count(spaces.action, "action"))
        observation = example(spaces.observation)
        transition = Transition(observation, jnp.int32(0), jnp.float32(0), observation, jnp.zeros((), bool))
        target = jax.tree.map(jnp.copy, network)  # its own arrays, or the state could not be donated
        policy = Policy(network, jnp.int32(0))
        return State(policy, target, self.optimizer().init(network), self.replay.init(transition), jnp.int32(0))

    def epsilon(self, steps: Array) -> Array:
        """ε after `steps` environment steps."""
        return linear_schedule(self.epsilon_start, self.epsilon_end, steps / self.epsilon_steps)

    def noise(self, policy: Policy, key: Key, shape: tuple[int, ...]) -> Array:
        return epsilon_greedy_noise(key, shape, policy.network.outputs)

    def act(self, policy: Policy, observation: Array, noise: Array | None = None) -> tuple[Array, tuple[()]]:
        values = policy.network(observation)
        if noise is None:
            return greedy(values), ()
        return epsilon_greedy(values, self.epsilon(policy.steps), noise), ()

    def cost(self, network: Network, target: Network, batch: Transition) -> tuple[Array, Metrics]:
        """Mean loss of the chosen actions' TD errors; the target is constant for the gradient."""
        value = pick(network(batch.observation), batch.action)
        next_target = target(batch.next_observation)
        bootstrap = (
            double_value(network(batch.next_observation), next_target) if self.double else max_value(next_target)
        )
        error = one_step_target(batch.reward, batch.terminated, self.discount, bootstrap) - value
        cost = (huber(error) if self.loss == "huber" else 0.5 * error**2).mean()
        return cost, {"cost": cost, "q": value.mean()}

    def update(self, state: State, steps: Steps, key: Key) -> tuple[State, Metrics]:
        lived = Transition(steps.observation, steps.action, steps.reward, steps.next_observation, steps.terminated)
        memory = self.replay.add(state.memory, jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), lived))
        seen = state.policy.steps + steps.reward.size
        slots = self.replay.sample(memory, key, (self.updates, self.batch))

        def learn(i: Array, carry: tuple[Network, Network, Any, Array, Metrics]) -> tuple[Any, ...]:
            network, target, optimizer, updates, sums = carry
            gradient, metrics = jax.grad(self.cost, has_aux=True)(network, target, self.replay.read(memory, slots[i]))
            change, optimizer = self.optimizer().update(gradient, optimizer)
            network = optax.apply_updates(network, change)
            updates = updates + 1
            moved = optax.incremental_update(network, target, self.target_step)
            due = updates % self.target_period == 0
            target = jax.tree.map(lambda new, old: jnp.where(due, new, old), moved, target)
            return network, target, optimizer, updates, jax.tree.map(jnp.add, sums, metrics)

        # While warming up the loop is run 0 times; a branch (`lax.cond`) would run both sides under `vmap`.
        count = jnp.where(seen <= self.warmup_updates * steps.reward.size, 0, self.updates)
        sums = {"cost": jnp.float32(0), "q": jnp.float32(0)}
        carry = (state.policy.network, state.target, state.optimizer, state.updates, sums)
        network, target, optimizer, updates, sums = jax.lax.fori_loop(0, count, learn, carry)
        metrics = {name: total / self.updates for name, total in sums.items()}
        metrics["epsilon"] = jnp.where(count > 0, self.epsilon(seen), 0.0)
        return State(Policy(network, seen), target, optimizer, memory, updates), metrics
