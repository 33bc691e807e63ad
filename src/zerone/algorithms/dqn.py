"""Deep Q-network: Q-learning with a network, a replay memory and a fixed target, and its improvements.

    repeat:  play T steps of ε-greedy(Q(s, ·; θ)) and remember them
             draw minibatches of (s, a, r, s') and, for each,
                 y = r + γ (1 - terminated) max_a Q(s', a; θ⁻)
                 θ ← θ - α ∇_θ E[ ½ (y - Q(s, a; θ))² ]
             every `target_period` gradient updates:  θ⁻ ← τ θ + (1 - τ) θ⁻

Mnih et al. 2015 (doi 10.1038/nature14236), algorithm 1. What can be put in, in any combination:

    double       y = r + γ Q(s', argmax_a Q(s', a; θ); θ⁻)         van Hasselt et al. 2016 (arXiv 1509.06461)
    dueling      Q = V + A - mean A, two streams                   Wang et al. 2016 (arXiv 1511.06581), eq. 9;
                 they read the same layer, or are separate         section 4.1 for the latter
    prioritized  drawn by |y - Q|, the loss weighted for that      Schaul et al. 2016 (arXiv 1511.05952)
    n_steps      r is the return of n steps, γ^n counts for γ      Sutton & Barto 2018, section 7.1

Differences: Adam instead of RMSProp, the gradient's norm is clipped, the error is not clipped unless `loss` is
huber, and the target may move softly (τ < 1). n-step returns are not corrected for what was explored on the way.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax
from gymnasium import spaces as gym_spaces

from zerone.algorithms.dqn_explanation import decision_of, explanation_of
from zerone.algorithms.explanation import Decision, Explanation
from zerone.algorithms.off_policy import (
    Transition,
    Waiting,
    check_memory,
    check_shape,
    clock_setting,
    gradient_updates,
    minibatch_noise,
    n_step_transitions,
    samples_per_step,
    sequence_transitions,
    ticks,
    transition_like,
    update_target,
    warmup_updates,
)
from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.base.errors import InputError
from zerone.base.pytree import configured, setting, struct
from zerone.parts.architecture import NetworkSettings
from zerone.parts.exploration import (
    epsilon_greedy,
    epsilon_greedy_noise,
    greedy,
    linear_schedule,
    schedule,
)
from zerone.parts.networks import MLP, Dueling, Network
from zerone.parts.normalization import NormalizationSettings, Returns, Scales
from zerone.parts.optimizers import bounded
from zerone.parts.replay import Memory, Prioritized, Replay, Uniform, gather, sample_sequences
from zerone.parts.returns import double_value, huber, max_value, one_step_target, pick
from zerone.parts.spaces import Spaces, count, refuse_actions, refuse_observations


@struct
class Policy:
    """The online network θ; environment steps seen and gradient updates made (int32), one of which drives ε."""

    network: Network
    steps: Array
    updates: Array
    scales: Scales = Scales()


@struct
class State:
    """The policy, the target network θ⁻, Adam's moments, the memory, and what it has to know of the episodes going on.

    That is the last n-1 steps, which wait; or whether the last step ended one ([N]), where sequences are learnt from.
    """

    policy: Policy
    target: Network
    optimizer: Any
    memory: Memory
    ongoing: Waiting | Array
    returns: Returns = Returns()


@struct
class Learner:
    """What a gradient update changes."""

    network: Network
    target: Network
    optimizer: Any
    priorities: Any


@struct
class Remembered:
    """What is known once a block of steps is remembered, and all that its gradient updates learn from."""

    memory: Memory
    ongoing: Waiting | Array
    scales: Scales
    returns: Returns
    seen: Array
    """Environment steps so far."""
    updates: Array
    """Gradient updates before these."""
    noise: Array
    """What chance decides in their minibatches, a row for each."""


@configured
class DQN(NetworkSettings, NormalizationSettings):
    """Deep Q-network, for any `Box`, `Discrete` or `MultiDiscrete` observation (pictures too), `Discrete` actions."""

    name: ClassVar[str] = "dqn"
    metrics: ClassVar[Mapping[str, str]] = {
        "cost": "loss of the TD errors of a minibatch",
        "q": "value Q(s, a) of the remembered actions of a minibatch",
        "epsilon": "exploration rate ε",
    }

    learning_rate: float = setting(1e-3, "learning rate α (Adam)", above=0)
    discount: float = setting(0.99, "discount factor γ", at_least=0, at_most=1)
    epsilon_start: float = setting(1.0, "exploration rate ε at the start", at_least=0, at_most=1)
    epsilon_end: float = setting(
        0.05,
        "exploration rate ε at the end: 0.1 where the tutorial's e_greedy, the greedy rate, is 0.9",
        at_least=0,
        at_most=1,
    )
    epsilon_steps: float = setting(10_000.0, "ticks of `epsilon_clock` over which ε is annealed", above=0)
    epsilon_clock: str = clock_setting("ε")
    epsilon_shape: str = setting(
        "linear", "shape of ε's schedule: equal differences or equal ratios", choices=("linear", "exponential")
    )
    batch: int = setting(128, "transitions in a minibatch", at_least=1)
    updates: int = setting(1, "gradient updates after each block of steps", at_least=1)
    steps_per_update: int = setting(4, "steps of each environment in a block", at_least=1)
    environments: int = setting(1, "environments played in parallel", at_least=1)
    memory: int = setting(10_000, "capacity of the replay memory, in steps", at_least=1, at_most=2_000_000_000)
    warmup: int = setting(1_000, "steps stored before learning starts", at_least=0)
    target_period: int = setting(50, "gradient updates between two updates of the target network", at_least=1)
    target_step: float = setting(
        1.0, "soft update coefficient τ of the target network; 1 is a copy", above=0, at_most=1
    )
    loss: str = setting("squared", "loss of the TD error; huber bounds its gradient", choices=("squared", "huber"))
    double: bool = setting(False, "select the target's action with the online network (Double DQN)")
    dueling: bool = setting(False, "a network with two streams: the state's value V and the actions' advantages A")
    dueling_streams: str = setting(
        "shared",
        "whether both streams read the whole last hidden layer (shared) or half of it each: "
        "separate needs two hidden layers, halved does not",
        choices=("shared", "separate", "halved"),
        needs="dueling",
    )
    n_steps: int = setting(1, "number n of rewards in the n-step return", at_least=1)
    prioritized: bool = setting(False, "sample transitions in proportion to their TD error (prioritised replay)")
    priority_exponent: float = setting(
        0.6, "priority exponent α; 0 samples uniformly", at_least=0, at_most=1, needs="prioritized"
    )
    priority_floor: float = setting(0.01, "constant ε_p added to the absolute TD error", above=0, needs="prioritized")
    priority_limit: float = setting(1.0, "upper bound of the TD error in a priority", above=0, needs="prioritized")
    importance: float = setting(
        0.4, "exponent β of the importance-sampling weights at the start", at_least=0, at_most=1, needs="prioritized"
    )
    importance_steps: float = setting(
        50_000.0, "ticks of `importance_clock` over which β is annealed to 1", above=0, needs="prioritized"
    )
    importance_clock: str = clock_setting("β", needs="prioritized")
    hidden: tuple[int, ...] = (128, 128)
    activation: str = "relu"
    sequence: int = setting(16, "steps of a sequence that is learnt from", at_least=1, needs="network=gru")
    burn_in: int = setting(4, "first steps of a sequence that only refresh the memory", at_least=0, needs="network=gru")
    max_gradient_norm: float = setting(10.0, "the gradient's norm is clipped to this", above=0)

    @property
    def warmup_updates(self) -> int:
        """Blocks that are only remembered."""
        return warmup_updates(self, self.n_steps)

    @property
    def samples_per_step(self) -> float:
        """Remembered transitions that are learnt from, for each environment step."""
        return samples_per_step(self)

    @property
    def replay(self) -> Replay:
        """The memory's rule."""
        if not self.prioritized:
            return Uniform(self.memory)
        return Prioritized(self.memory, self.priority_exponent, self.priority_floor, self.priority_limit)

    def refuse(self, spaces: Spaces) -> str | None:
        if not isinstance(spaces.action, gym_spaces.Discrete):
            return "it needs Discrete actions"
        refused = refuse_observations(spaces.observation) or refuse_actions(spaces.action)
        return refused or self.refuse_networks(spaces)

    def check_sequences(self) -> None:
        """Raise `InputError` where settings do not go together with a network that remembers."""
        whole = self.sequence * self.environments
        wrong = [
            ("n_steps", self.n_steps, self.n_steps != 1, "1"),
            ("prioritized", self.prioritized, self.prioritized, "off"),
            ("burn_in", self.burn_in, self.burn_in >= self.sequence, f"less than sequence = {self.sequence}"),
            ("batch", self.batch, self.batch % self.sequence != 0, f"a multiple of sequence = {self.sequence}"),
            ("warmup", self.warmup, self.warmup < whole, f"at least sequence × environments = {whole}"),
            ("memory", self.memory, self.memory < whole, f"at least sequence × environments = {whole}"),
        ]
        for name, value, refused, allowed in wrong:
            if refused:
                raise InputError(f"dqn: {name} = {value} is not allowed with network = gru: must be {allowed}")

    def check(self) -> None:
        check_memory(self)
        if self.recurrent:
            self.check_sequences()
        check_shape("dqn", self.epsilon_shape, {"epsilon_start": self.epsilon_start, "epsilon_end": self.epsilon_end})
        if self.dueling_streams == "separate" and len(self.hidden) < 2:
            raise InputError(
                f"dqn: dueling_streams = separate is not allowed with hidden = {self.hidden}: must have two layers, "
                "the first for both streams (halved is for pictures, whose convolution they share)"
            )
        if self.dueling_streams != "shared" and self.hidden[-1] < 2:
            raise InputError(
                f"dqn: hidden = {self.hidden} is not allowed with dueling_streams = {self.dueling_streams}: "
                "the last must be at least 2, one for each stream"
            )

    def optimizer(self) -> optax.GradientTransformation:
        """Adam on gradients of bounded norm."""
        return bounded(optax.adam(self.learning_rate), self.max_gradient_norm)

    def init(self, key: Key, spaces: Spaces) -> State:
        actions = count(spaces.action, "action")
        streams = {"separate": self.dueling_streams != "shared"} if self.dueling else {}
        network = self.make_network(key, spaces.observation, actions, Dueling if self.dueling else MLP, **streams)
        target = jax.tree.map(jnp.copy, network)  # its own arrays, or the state could not be donated
        action = jnp.int32(0)
        policy = Policy(network, jnp.int32(0), jnp.int32(0), Scales.begun(self, spaces))
        one = transition_like(spaces, action)
        ongoing: Waiting | Array = Waiting.none(spaces, action, self.n_steps, self.environments)
        if self.recurrent:
            begun = jax.tree.map(lambda x: x[0], self.initial_memory(policy, 1))
            one = dataclasses.replace(one, begins=jnp.bool_(True), memory=begun)
            ongoing = jnp.ones(self.environments, bool)
        memory = self.replay.init(one)
        returns = Returns.begun(self, self.environments)
        return State(policy, target, self.optimizer().init(network), memory, ongoing, returns)

    def initial_memory(self, policy: Policy, number: int) -> Any:
        return policy.network.initial_memory(number)

    def explores(self, policy: Policy, noise: Array) -> Array:
        return noise[..., 0] < self.exploration_rate(policy)

    def exploration_rate(self, policy: Policy) -> Array:
        """ε, by the clock that was chosen."""
        elapsed = ticks(self, self.epsilon_clock, policy.steps, policy.updates)
        return schedule(self.epsilon_shape, self.epsilon_start, self.epsilon_end, elapsed / self.epsilon_steps)

    def correction(self, steps: Array, updates: Array) -> Array:
        """β of a gradient update that `updates` others came before, after `steps` environment steps."""
        elapsed = ticks(self, self.importance_clock, steps, updates)
        return linear_schedule(self.importance, 1.0, elapsed / self.importance_steps)

    def noise(self, policy: Policy, key: Key, shape: tuple[int, ...]) -> Array:
        return epsilon_greedy_noise(key, shape, policy.network.outputs)

    def values(self, policy: Policy, memory: Any, observation: Array) -> Array:
        """Q(s, a) of each action: what can be shown of a decision."""
        return policy.network.step(memory, policy.scales.see(observation))[0]

    def act(
        self, policy: Policy, memory: Any, observation: Array, noise: Array | None = None
    ) -> tuple[Array, Any, tuple[()]]:
        values, memory = policy.network.step(memory, policy.scales.see(observation))
        if noise is None:
            return greedy(values), memory, ()
        return epsilon_greedy(values, self.exploration_rate(policy), noise), memory, ()

    def terms(self, network: Network, target: Network, batch: Transition) -> tuple[Array, Array, Array]:
        """Q(s, a), the value of s' that its target bootstraps from, and the target y, of each transition."""
        value = pick(self.along(network, batch)[0], batch.action)
        next_target = self.following(target, batch)
        bootstrap = double_value(self.following(network, batch), next_target) if self.double else max_value(next_target)
        return value, bootstrap, one_step_target(batch.reward, batch.discount == 0, batch.discount, bootstrap)

    def losses(self, error: Array, weights: Array) -> Array:
        """The weighted loss of each TD error."""
        return weights * (huber(error) if self.loss == "huber" else 0.5 * error**2)

    def cost(
        self, network: Network, target: Network, batch: Transition, weights: Array
    ) -> tuple[Array, tuple[Metrics, Array]]:
        """Weighted mean loss of the chosen actions' TD errors, and these; the target is constant for the gradient."""
        value, _, wanted = self.terms(network, target, batch)
        error = wanted - value
        cost = self.losses(error, weights).mean()
        return cost, ({"cost": cost, "q": value.mean()}, error)

    def along(self, network: Any, batch: Transition) -> tuple[Array, Any]:
        """Q(s, ·) of each transition, and what the network remembers after it."""
        begun = jax.tree.map(lambda x: x[0], batch.memory)
        found: tuple[Array, Any] = network.along(begun, batch.observation, batch.begins)
        return found

    def following(self, network: Any, batch: Transition) -> Array:
        """Q(s', ·) of each transition."""
        values: Array = network.step(self.along(network, batch)[1], batch.next_observation)[0]
        return values

    def minibatch(self, memory: Memory, noise: Array, beta: Array) -> tuple[Array, Array]:
        """The slots that are learnt from, and their weights: [batch], or of sequences [sequence, batch / sequence]."""
        if not self.recurrent:
            return self.replay.sample(memory, noise, beta)
        slots = sample_sequences(memory, noise, self.sequence, self.environments)
        learnt = (jnp.arange(self.sequence) >= self.burn_in) * (self.sequence / (self.sequence - self.burn_in))
        return slots, jnp.broadcast_to(learnt[:, None], slots.shape)

    def remember(self, state: State, steps: Steps, key: Key) -> Remembered:
        """A block of steps is remembered. Consumes `key`."""
        old, replay = state.policy, self.replay
        missing: Array | int = 0
        ongoing: Waiting | Array
        if isinstance(state.ongoing, Waiting):
            transitions, missing, ongoing = n_step_transitions(state.ongoing, steps, self.discount, self.n_steps)
        else:
            transitions, ongoing = sequence_transitions(state.ongoing, steps, self.discount)
        memory = replay.add(state.memory, transitions, missing)
        found, returns = old.scales.of(steps, self.discount, state.returns)
        scales, seen = old.scales.merged(found), old.steps + steps.reward.size
        noise = minibatch_noise(replay, key, self.updates, self.batch // (self.sequence if self.recurrent else 1))
        return Remembered(memory, ongoing, scales, returns, seen, old.updates, noise)

    def learner(self, state: State, now: Remembered) -> Learner:
        """What the gradient updates of a block begin with."""
        return Learner(state.policy.network, state.target, state.optimizer, now.memory.priorities)

    def drawn(self, now: Remembered, i: Array, priorities: Any) -> tuple[Array, Array, Transition]:
        """What gradient update `i` of a block learns from: slots, weights, and the transitions as networks see them."""
        beta = self.correction(now.seen, now.updates + i)
        slots, weights = self.minibatch(dataclasses.replace(now.memory, priorities=priorities), now.noise[i], beta)
        return slots, weights, now.scales.normalized(gather(now.memory, slots))

    def learn(self, now: Remembered, i: Array, learner: Learner) -> tuple[Learner, Metrics]:
        """Gradient update `i` of a block."""
        slots, weights, batch = self.drawn(now, i, learner.priorities)
        gradient, (metrics, error) = jax.grad(self.cost, has_aux=True)(learner.network, learner.target, batch, weights)
        priorities = self.replay.update_priorities(learner.priorities, slots, error)
        change, optimizer = self.optimizer().update(gradient, learner.optimizer)
        network = optax.apply_updates(learner.network, change)
        target = update_target(learner.target, network, self.target_step, self.target_period, now.updates + i + 1)
        return Learner(network, target, optimizer, priorities), metrics

    def times(self, now: Remembered, block: int) -> Array:
        """How many gradient updates follow a block of so many steps: none while warming up.

        Where episodes were lost in that time, nothing may be remembered yet.
        """
        idle = (now.seen <= self.warmup_updates * block) | (now.memory.size == 0)
        return jnp.where(idle, 0, self.updates)

    def update(self, state: State, steps: Steps, key: Key) -> tuple[State, Metrics]:
        old, now = state.policy, self.remember(state, steps, key)
        times = self.times(now, steps.reward.size)
        learn = functools.partial(self.learn, now)
        after, metrics = gradient_updates(learn, self.learner(state, now), times, self.updates, ("cost", "q"))
        policy = Policy(after.network, now.seen, old.updates + times, now.scales)
        metrics["epsilon"] = jnp.where(times > 0, self.exploration_rate(policy), 0.0)
        memory = dataclasses.replace(now.memory, priorities=after.priorities)
        return State(policy, after.target, after.optimizer, memory, now.ongoing, now.returns), metrics

    def explain(self, before: State, steps: Steps, key: Key, after: State) -> Explanation:
        return explanation_of(self, before, steps, key, after)

    def explain_action(self, policy: Policy, memory: Any, observation: Array, noise: Array) -> Decision:
        return decision_of(self, policy, memory, observation, noise)
