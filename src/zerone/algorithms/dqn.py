"""Deep Q-network: Q-learning with a network, a replay memory and a fixed target, and its improvements.

    repeat:  play T steps of ε-greedy(Q(s, ·; θ)) and remember them
             draw minibatches of (s, a, r, s') and, for each,
                 y = r + γ (1 - terminated) max_a Q(s', a; θ⁻)
                 θ ← θ - α ∇_θ E[ ½ (y - Q(s, a; θ))² ]
             every `target_period` gradient updates:  θ⁻ ← τ θ + (1 - τ) θ⁻

Mnih et al. 2015 (doi 10.1038/nature14236), algorithm 1. Extensions, in any combination:

    double       y = r + γ Q(s', argmax_a Q(s', a; θ); θ⁻)         van Hasselt et al. 2016 (arXiv 1509.06461)
    dueling      Q = V + A - mean A, two streams                   Wang et al. 2016 (arXiv 1511.06581), eq. 9;
                 they read the same layer, or are separate         section 4.1 for separate ones
    prioritized  sampled by |y - Q|, with importance weights       Schaul et al. 2016 (arXiv 1511.05952)
    n_steps      r is the return of n steps, γ^n in place of γ     Sutton & Barto 2018, section 7.1
    quantile     N quantiles θ_i(s, a) of the return, Q their      Dabney et al. 2018 (arXiv 1710.10044), algorithm 1
                 mean: Σ_i E_j[ρ_i(r + γ θ_j(s', a*) - θ_i(s, a))]

Differences: Adam instead of RMSProp, the gradient's norm is clipped, the error is not clipped unless `loss` is huber or
quantiles are learnt, and the target may move softly (τ < 1). n-step returns are not corrected for exploring actions.
With quantiles, priorities are TD errors of their means.
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
    OffPolicy,
    PendingSteps,
    Remembered,
    Transition,
    clock_setting,
    gradient_updates,
    transition_like,
    update_target,
)
from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.base.errors import InputError
from zerone.base.language import translatable, translated
from zerone.base.pytree import configured, setting, struct
from zerone.environments.spaces import Spaces, count, refuse_actions
from zerone.parts.exploration import (
    Mask,
    allowed_only,
    epsilon_greedy,
    epsilon_greedy_noise,
    greedy,
    require_positive,
    schedule,
)
from zerone.parts.layers import MLP, Dueling, refuse_observations
from zerone.parts.networks import Network
from zerone.parts.normalization import Returns, Scales
from zerone.parts.optimizers import bounded
from zerone.parts.quantiles import Quantiles, quantile_loss
from zerone.parts.replay import Memory, Replay, Sequences
from zerone.parts.returns import double_value, huber, max_value, one_step_target, pick, pick_row


@struct
class Policy:
    """The online network θ, and the environment steps and gradient updates so far (int32), which drive ε."""

    network: Any
    steps: Array
    updates: Array
    scales: Scales = Scales()


@struct
class State:
    """The policy, the target network θ⁻, Adam's moments, the replay memory, and what it keeps of unfinished episodes.

    `ongoing` are the last n-1 steps, whose returns are not complete; or, for a network with a memory, whether the last
    step ended an episode (bool [N]).
    """

    policy: Policy
    target: Network
    optimizer: Any
    memory: Memory
    ongoing: PendingSteps | Array
    returns: Returns = Returns()

    @property
    def updates(self) -> Array:
        """Gradient updates so far."""
        return self.policy.updates


@struct
class Learner:
    """The part of the state that a gradient update changes."""

    network: Network
    target: Network
    optimizer: Any
    priorities: Any


@configured
class DQN(OffPolicy):
    """Deep Q-network, for any `Box`, `Discrete` or `MultiDiscrete` observation (pictures too), `Discrete` actions."""

    name: ClassVar[str] = "dqn"
    keeps_to_masks: ClassVar[bool] = True
    metrics: ClassVar[Mapping[str, str]] = {
        "cost": "loss of the TD errors of a minibatch",
        "q": "value Q(s, a) of the stored actions of a minibatch",
        "epsilon": "exploration rate ε",
    }

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
    batch: int = 128
    steps_per_update: int = 4
    memory: int = 50_000
    target_period: int = 50
    target_step: float = 1.0
    loss: str = setting(
        "squared",
        "loss of the TD error; huber bounds its gradient",
        choices=("squared", "huber"),
        needs="distributional=off",
    )
    distributional: str = setting(
        "off", "learn the distribution of the return, by quantiles (QR-DQN)", choices=("off", "quantile")
    )
    quantiles: int = setting(
        50, "number N of quantiles of each action's return", at_least=2, needs="distributional=quantile"
    )
    double: bool = setting(False, "select the target's action with the online network (Double DQN)")
    dueling: bool = setting(False, "a network with two streams: the state's value V and the actions' advantages A")
    dueling_streams: str = setting(
        "shared",
        "whether both streams read the whole last hidden layer (shared) or half of it each: "
        "separate needs two hidden layers, halved does not",
        choices=("shared", "separate", "halved"),
        needs="dueling",
    )
    hidden: tuple[int, ...] = (128, 128)
    sequence: int = setting(16, "steps of a sequence that is learnt from", at_least=1, needs="network=gru")
    burn_in: int = setting(4, "first steps of a sequence that only refresh the memory", at_least=0, needs="network=gru")
    max_gradient_norm: float = setting(10.0, "the gradient's norm is clipped to this", above=0)

    def refuse(self, spaces: Spaces) -> str | None:
        if not isinstance(spaces.action, gym_spaces.Discrete):
            return translated("it needs Discrete actions")
        refused = refuse_observations(spaces.observation) or refuse_actions(spaces.action)
        return refused or self.refuse_networks(spaces)

    def check_sequences(self) -> None:
        """Raise `InputError` where settings do not go together with a network that has a memory."""
        whole = self.sequence * self.environments
        least = translatable("at least sequence × environments = {whole}")
        wrong = [
            ("n_steps", self.n_steps, self.n_steps != 1, "1"),
            ("prioritized", self.prioritized, self.prioritized, "off"),
            ("burn_in", self.burn_in, self.burn_in >= self.sequence, translatable("less than sequence = {sequence}")),
            ("batch", self.batch, self.batch % self.sequence != 0, translatable("a multiple of sequence = {sequence}")),
            ("warmup", self.warmup, self.warmup < whole, least),
            ("memory", self.memory, self.memory < whole, least),
        ]
        for name, value, refused, allowed in wrong:
            if refused:
                raise InputError(
                    translated(
                        "dqn: {name} = {value} is not allowed with network = gru: must be {allowed}",
                        name=name,
                        value=value,
                        allowed=translated(allowed, sequence=self.sequence, whole=whole),
                    )
                )

    def check(self) -> None:
        super().check()
        if self.recurrent:
            self.check_sequences()
        if self.epsilon_shape == "exponential":
            require_positive("dqn", "epsilon", {"epsilon_start": self.epsilon_start, "epsilon_end": self.epsilon_end})
        if self.dueling:
            self.check_streams()

    def check_streams(self) -> None:
        """Raise `InputError` where the hidden layers cannot be divided between two streams."""
        if self.dueling_streams == "separate" and len(self.hidden) < 2:
            raise InputError(
                translated(
                    "dqn: dueling_streams = separate is not allowed with hidden = {hidden}: must have two layers, "
                    "the first for both streams (halved is for pictures, whose convolution they share)",
                    hidden=self.hidden,
                )
            )
        if self.dueling_streams != "shared" and self.hidden[-1] < 2:
            raise InputError(
                translated(
                    "dqn: hidden = {hidden} is not allowed with dueling_streams = {dueling_streams}: the last must "
                    "be at least 2, one for each stream",
                    hidden=self.hidden,
                    dueling_streams=self.dueling_streams,
                )
            )

    @property
    def replay(self) -> Replay:
        """The rule of the replay memory: sequences of steps for a network with a memory."""
        if self.recurrent:
            return Sequences(self.memory, self.sequence, self.burn_in, self.environments)
        return super().replay

    def optimizer(self, steps: Array | int = 0) -> optax.GradientTransformation:
        """Adam on gradients of bounded norm, after `steps` environment steps."""
        return bounded(optax.adam(self.rate(self.learning_rate, jnp.asarray(steps))), self.max_gradient_norm)

    def init(self, key: Key, spaces: Spaces) -> State:
        actions = count(spaces.action, "action")
        each = self.quantiles if self.distributional == "quantile" else 1
        streams = {"separate": self.dueling_streams != "shared", "each": each} if self.dueling else {}
        head = Dueling if self.dueling else MLP
        network = self.make_network(key, spaces.observation, actions * each, head, **streams)
        if each > 1:
            network = Quantiles(network, each)
        target = jax.tree.map(jnp.copy, network)  # its own arrays, or the state could not be donated
        action = jnp.int32(0)
        policy = Policy(network, jnp.int32(0), jnp.int32(0), Scales.initial(self, spaces))
        one = transition_like(spaces, action)
        ongoing: PendingSteps | Array = PendingSteps.none(one, self.n_steps, self.environments)
        if self.recurrent:
            initial = jax.tree.map(lambda x: x[0], self.initial_memory(policy, 1))
            one = dataclasses.replace(one, begins=jnp.bool_(True), memory=initial)
            ongoing = jnp.ones(self.environments, bool)
        memory = self.replay.init(one)
        returns = Returns.initial(self, self.environments)
        return State(policy, target, self.optimizer().init(network), memory, ongoing, returns)

    def initial_memory(self, policy: Policy, number: int) -> Any:
        return policy.network.initial_memory(number)

    def explores(self, policy: Policy, noise: Array) -> Array:
        return noise[..., 0] < self.exploration_rate(policy)

    def exploration_rate(self, policy: Policy) -> Array:
        """ε at the time of `epsilon_clock`."""
        elapsed = self.ticks(self.epsilon_clock, policy.steps, policy.updates)
        return schedule(self.epsilon_shape, self.epsilon_start, self.epsilon_end, elapsed / self.epsilon_steps)

    def noise(self, policy: Policy, key: Key, shape: tuple[int, ...]) -> Array:
        return epsilon_greedy_noise(key, shape, policy.network.outputs)

    def values(self, policy: Policy, memory: Any, observation: Array) -> Array:
        """Q(s, a) of each action, [N, actions], for observations [N, ...] and the memory before them."""
        values: Array = policy.network.step(memory, policy.scales.normalize_observation(observation))[0]
        return values

    def value_unit(self, policy: Policy) -> Array:
        return policy.scales.reward_unit

    def act(
        self, policy: Policy, memory: Any, observation: Array, noise: Array | None = None, mask: Mask = ()
    ) -> tuple[Array, Any, tuple[()]]:
        values, memory = policy.network.step(memory, policy.scales.normalize_observation(observation))
        if noise is None:
            return greedy(allowed_only(values, mask)), memory, ()
        return epsilon_greedy(values, self.exploration_rate(policy), noise, mask), memory, ()

    def terms(self, network: Any, target: Any, batch: Transition) -> tuple[Array, Array, Array]:
        """Q(s, a), the value of s' in its target, and the target y, of each transition: float32 [batch].

        With quantiles all three are quantiles, [batch, N].
        """
        if isinstance(network, Quantiles):
            return self.quantile_terms(network, target, batch)
        value = pick(self.action_values(network, batch)[0], batch.action)
        next_target = self.next_values(target, batch)
        if self.double:
            bootstrap = double_value(allowed_only(self.next_values(network, batch), batch.next_mask), next_target)
        else:
            bootstrap = max_value(allowed_only(next_target, batch.next_mask))
        return value, bootstrap, one_step_target(batch.reward, batch.discount == 0, batch.discount, bootstrap)

    def quantile_terms(self, network: Quantiles, target: Any, batch: Transition) -> tuple[Array, Array, Array]:
        """As `terms`, of quantiles: Dabney et al. 2018, algorithm 1."""
        now = network.spread(self.action_values(network.network, batch)[0])
        after = network.spread(self.next_values(target.network, batch))
        expected = self.next_values(network, batch) if self.double else after.mean(-1)
        best = allowed_only(expected, batch.next_mask).argmax(-1)
        quantiles, bootstrap = pick_row(now, batch.action), pick_row(after, best)
        reward, discount = batch.reward[..., None], batch.discount[..., None]
        return quantiles, bootstrap, one_step_target(reward, discount == 0, discount, bootstrap)

    def expected(self, value: Array) -> Array:
        """The mean of quantiles [..., N]; without quantiles, the value itself."""
        return value.mean(-1) if self.distributional == "quantile" else value

    def losses(self, value: Array, wanted: Array, weights: Array) -> Array:
        """The loss of each transition [batch], weighted: squared, Huber, or that of quantiles."""
        if self.distributional == "quantile":
            return weights * quantile_loss(value, wanted)
        error = wanted - value
        return weights * (huber(error) if self.loss == "huber" else 0.5 * error**2)

    def cost(
        self, network: Network, target: Network, batch: Transition, weights: Array
    ) -> tuple[Array, tuple[Metrics, Array]]:
        """The mean loss of a minibatch, its metrics, and the TD errors; the target is constant for the gradient."""
        value, _, wanted = self.terms(network, target, batch)
        cost = self.losses(value, wanted, weights).mean()
        return cost, ({"cost": cost, "q": value.mean()}, self.expected(wanted) - self.expected(value))

    def action_values(self, network: Any, batch: Transition) -> tuple[Array, Any]:
        """Q(s, ·) of each transition, and the network's memory after it."""
        memory = jax.tree.map(lambda x: x[0], batch.memory)
        values: tuple[Array, Any] = network.along(memory, batch.observation, batch.begins)
        return values

    def next_values(self, network: Any, batch: Transition) -> Array:
        """Q(s', ·) of each transition."""
        values: Array = network.step(self.action_values(network, batch)[1], batch.next_observation)[0]
        return values

    def learner(self, state: State, now: Remembered) -> Learner:
        """The learner before the gradient updates of a block."""
        return Learner(state.policy.network, state.target, state.optimizer, now.memory.priorities)

    def learn(self, now: Remembered, i: Array, learner: Learner) -> tuple[Learner, Metrics]:
        """Gradient update `i` of a block: the learner after it, and its metrics."""
        slots, weights, batch = self.sample(now, i, learner.priorities)
        gradient, (metrics, error) = jax.grad(self.cost, has_aux=True)(learner.network, learner.target, batch, weights)
        priorities = self.replay.update_priorities(learner.priorities, slots, error)
        change, optimizer = self.optimizer(now.seen).update(gradient, learner.optimizer)
        network = optax.apply_updates(learner.network, change)
        target = update_target(learner.target, network, self.target_step, self.target_period, now.updates + i + 1)
        return Learner(network, target, optimizer, priorities), metrics

    def update(self, state: State, steps: Steps, key: Key) -> tuple[State, Metrics]:
        old, now = state.policy, self.remember(state, steps, key)
        times = self.times(now, steps.reward.size)
        learn = functools.partial(self.learn, now)
        after, metrics = gradient_updates(learn, self.learner(state, now), times, self.updates)
        policy = Policy(after.network, now.seen, old.updates + times, now.scales)
        metrics["epsilon"] = jnp.where(times > 0, self.exploration_rate(policy), 0.0)
        memory = dataclasses.replace(now.memory, priorities=after.priorities)
        return State(policy, after.target, after.optimizer, memory, now.ongoing, now.returns), metrics

    def explain(self, before: State, steps: Steps, key: Key, after: State) -> Explanation:
        return explanation_of(self, before, steps, key, after)

    def explain_action(
        self, policy: Policy, memory: Any, observation: Array, noise: Array, mask: Mask = ()
    ) -> Decision:
        del mask  # the values of all actions are shown
        return decision_of(self, policy, memory, observation, noise)
