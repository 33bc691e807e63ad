"""Deep Q-network: Q-learning with a network, a replay memory and a fixed target, and its improvements.

    repeat:  play T steps of ε-greedy(Q(s, ·; θ)) and remember them
             draw minibatches of (s, a, r, s') and, for each,
                 y = r + γ (1 - terminated) max_a Q(s', a; θ⁻)
                 θ ← θ - α ∇_θ E[ ½ (y - Q(s, a; θ))² ]
             every `target_period` gradient updates:  θ⁻ ← τ θ + (1 - τ) θ⁻

Mnih et al. 2015 (doi 10.1038/nature14236), algorithm 1. What can be put in, in any combination:

    double       y = r + γ Q(s', argmax_a Q(s', a; θ); θ⁻)         van Hasselt et al. 2016 (arXiv 1509.06461)
    dueling      Q = V + A - mean A, two streams                   Wang et al. 2016 (arXiv 1511.06581), eq. 9
    prioritized  drawn by |y - Q|, the loss weighted for that      Schaul et al. 2016 (arXiv 1511.05952)
    n_steps      r is the return of n steps, γ^n counts for γ      Sutton & Barto 2018, section 7.1

Differences: Adam instead of RMSProp, the gradient's norm is clipped, the error is not clipped unless `loss` is
huber, and the target may move softly (τ < 1). n-step returns are not corrected for what was explored on the way.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax
from gymnasium import spaces as gym_spaces

from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.base.errors import InputError
from zerone.base.pytree import configured, setting, struct
from zerone.parts.exploration import (
    epsilon_greedy,
    epsilon_greedy_noise,
    exponential_schedule,
    greedy,
    linear_schedule,
)
from zerone.parts.networks import MLP, Dueling, Network
from zerone.parts.replay import Memory, Prioritized, Replay, Uniform, read
from zerone.parts.returns import double_value, huber, max_value, n_step_return, one_step_target, pick
from zerone.parts.spaces import Spaces, count, example


@struct
class Policy:
    """The online network θ; environment steps seen and gradient updates made (int32), one of which drives ε."""

    network: Network
    steps: Array
    updates: Array


@struct
class Transition:
    """What is remembered of n steps: the first, their return, and where they led.

    `discount` is what the value of `next_observation` counts: γ^n, or 0 if it is terminal. An episode that was only
    cut still bootstraps, from its true last observation.
    """

    observation: Array
    action: Array
    reward: Array
    next_observation: Array
    discount: Array


@struct
class State:
    """The policy, the target network θ⁻, Adam's moments, the memory, and the last n-1 steps [n-1, N, ...].

    Those steps wait for what follows them: none is lost where a block ends.
    """

    policy: Policy
    target: Network
    optimizer: Any
    memory: Memory
    recent: Steps


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
    epsilon_steps: float = setting(10_000.0, "ticks of `epsilon_clock` over which ε falls", above=0)
    epsilon_clock: str = setting(
        "steps", "what moves ε: environment steps or gradient updates", choices=("steps", "updates")
    )
    epsilon_shape: str = setting(
        "linear", "how ε falls: by equal amounts or equal factors", choices=("linear", "exponential")
    )
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
    dueling: bool = setting(False, "a network of two streams, the state's value and its actions' advantages")
    n_steps: int = setting(1, "rewards n counted before the target network is asked", at_least=1)
    prioritized: bool = setting(False, "draw steps in proportion to their TD error (prioritised replay)")
    priority_exponent: float = setting(
        0.6, "how much α the TD error decides: 0 is uniform", at_least=0, at_most=1, needs="prioritized"
    )
    priority_floor: float = setting(0.01, "added ε_p to the size of each TD error", above=0, needs="prioritized")
    priority_limit: float = setting(1.0, "larger TD errors count as this", above=0, needs="prioritized")
    importance: float = setting(
        0.4, "how far β weights correct for the priorities at first", at_least=0, at_most=1, needs="prioritized"
    )
    importance_steps: float = setting(
        50_000.0, "environment steps over which β rises to 1", above=0, needs="prioritized"
    )
    hidden: tuple[int, ...] = setting((128, 128), "widths of the hidden layers", at_least=1)
    max_gradient_norm: float = setting(10.0, "longer gradients are shortened to this norm", above=0)

    @property
    def warmup_updates(self) -> int:
        """Blocks that are only remembered: the first gradient updates follow the block that completes `warmup`.

        The last n-1 steps of each environment are lived, but not yet remembered.
        """
        lived = max(1, self.warmup) + (self.n_steps - 1) * self.environments
        return -(-lived // (self.steps_per_update * self.environments)) - 1

    @property
    def replay(self) -> Replay:
        """The memory's rule."""
        if not self.prioritized:
            return Uniform(self.memory)
        return Prioritized(self.memory, self.priority_exponent, self.priority_floor, self.priority_limit)

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
        if self.dueling and self.hidden[-1] < 2:
            raise InputError(f"dqn: hidden = {self.hidden} is not allowed with dueling: the last must be at least 2")
        for name in ("epsilon_start", "epsilon_end") if self.epsilon_shape == "exponential" else ():
            if getattr(self, name) == 0:
                raise InputError(f"dqn: {name} = 0 is not allowed: must be above 0 where epsilon_shape is exponential")

    def optimizer(self) -> optax.GradientTransformation:
        """Adam on gradients of bounded norm."""
        clipped = optax.chain(optax.clip_by_global_norm(self.max_gradient_norm), optax.adam(self.learning_rate))
        return optax.flatten(clipped)  # one array instead of one a layer: less to compile, and faster

    def init(self, key: Key, spaces: Spaces) -> State:
        head = Dueling if self.dueling else MLP
        network = Network(key, spaces.observation, self.hidden, count(spaces.action, "action"), head)
        target = jax.tree.map(jnp.copy, network)  # its own arrays, or the state could not be donated
        seen = example(spaces.observation)

        def nothing(*shape: int) -> Steps:
            def observation() -> Array:
                return jnp.zeros((*shape, *seen.shape), seen.dtype)

            def flag() -> Array:
                return jnp.zeros(shape, bool)

            action, reward = jnp.zeros(shape, jnp.int32), jnp.zeros(shape)
            return Steps(observation(), action, reward, observation(), flag(), flag(), ())

        one = nothing()
        item = Transition(one.observation, one.action, one.reward, one.observation, one.reward)
        policy = Policy(network, jnp.int32(0), jnp.int32(0))
        recent = nothing(self.n_steps - 1, self.environments)
        return State(policy, target, self.optimizer().init(network), self.replay.init(item), recent)

    def epsilon(self, policy: Policy) -> Array:
        """ε, by the clock that was chosen."""
        elapsed = (policy.steps if self.epsilon_clock == "steps" else policy.updates) / self.epsilon_steps
        schedule = linear_schedule if self.epsilon_shape == "linear" else exponential_schedule
        return schedule(self.epsilon_start, self.epsilon_end, elapsed)

    def noise(self, policy: Policy, key: Key, shape: tuple[int, ...]) -> Array:
        return epsilon_greedy_noise(key, shape, policy.network.outputs)

    def values(self, policy: Policy, observation: Array) -> Array:
        """Q(s, a) of each action: what can be shown of a decision."""
        values: Array = policy.network(observation)
        return values

    def act(self, policy: Policy, observation: Array, noise: Array | None = None) -> tuple[Array, tuple[()]]:
        values = self.values(policy, observation)
        if noise is None:
            return greedy(values), ()
        return epsilon_greedy(values, self.epsilon(policy), noise), ()

    def cost(
        self, network: Network, target: Network, batch: Transition, weights: Array
    ) -> tuple[Array, tuple[Metrics, Array]]:
        """Weighted mean loss of the chosen actions' TD errors, and these; the target is constant for the gradient."""
        value = pick(network(batch.observation), batch.action)
        next_target = target(batch.next_observation)
        bootstrap = (
            double_value(network(batch.next_observation), next_target) if self.double else max_value(next_target)
        )
        error = one_step_target(batch.reward, batch.discount == 0, batch.discount, bootstrap) - value
        cost = (weights * (huber(error) if self.loss == "huber" else 0.5 * error**2)).mean()
        return cost, ({"cost": cost, "q": value.mean()}, error)

    def lived(self, recent: Steps, steps: Steps, seen: Array) -> tuple[Transition, Array, Steps]:
        """The transitions [T * N] that can be told now that `steps` are known, and the steps that must wait.

        The first ones are of before the first step of all, when `seen` steps of each environment had been lived:
        the number in the middle says how many they are.
        """
        known = jax.tree.map(lambda old, new: jnp.concatenate([old, new.astype(old.dtype)]), recent, steps)
        reward, bootstrap, taken = n_step_return(
            known.reward, known.terminated, known.truncated, self.discount, self.n_steps
        )
        length, number = reward.shape
        last = jnp.arange(length)[:, None] + taken - 1
        following = known.next_observation[last, jnp.arange(number)[None]]
        told = Transition(known.observation[:length], known.action[:length], reward, following, bootstrap)
        missing = jnp.clip(self.n_steps - 1 - seen, 0, length) * number
        flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), told)
        return flat, missing, jax.tree.map(lambda x: x[length:], known)

    def update(self, state: State, steps: Steps, key: Key) -> tuple[State, Metrics]:
        before, replay = state.policy.steps, self.replay
        transitions, missing, recent = self.lived(state.recent, steps, before // self.environments)
        memory = replay.add(state.memory, transitions, missing)
        seen = before + steps.reward.size
        noise = replay.noise(key, (self.updates, self.batch))
        importance = linear_schedule(self.importance, 1.0, seen / self.importance_steps)

        def learn(i: Array, carry: tuple[Network, Network, Any, Array, Any, Metrics]) -> tuple[Any, ...]:
            network, target, optimizer, updates, priorities, sums = carry
            slots, weights = replay.draw(dataclasses.replace(memory, priorities=priorities), noise[i], importance)
            gradient, (metrics, error) = jax.grad(self.cost, has_aux=True)(
                network, target, read(memory, slots), weights
            )
            priorities = replay.learnt(priorities, slots, error)
            change, optimizer = self.optimizer().update(gradient, optimizer)
            network = optax.apply_updates(network, change)
            updates = updates + 1
            moved = optax.incremental_update(network, target, self.target_step)
            due = updates % self.target_period == 0
            target = jax.tree.map(lambda new, old: jnp.where(due, new, old), moved, target)
            return network, target, optimizer, updates, priorities, jax.tree.map(jnp.add, sums, metrics)

        # While warming up the loop is run 0 times; a branch (`lax.cond`) would run both sides under `vmap`.
        count = jnp.where(seen <= self.warmup_updates * steps.reward.size, 0, self.updates)
        sums = {"cost": jnp.float32(0), "q": jnp.float32(0)}
        old = state.policy
        carry = (old.network, state.target, state.optimizer, old.updates, memory.priorities, sums)
        network, target, optimizer, updates, priorities, sums = jax.lax.fori_loop(0, count, learn, carry)
        policy = Policy(network, seen, updates)
        metrics = {name: total / self.updates for name, total in sums.items()}
        metrics["epsilon"] = jnp.where(count > 0, self.epsilon(policy), 0.0)
        memory = dataclasses.replace(memory, priorities=priorities)
        return State(policy, target, optimizer, memory, recent), metrics
