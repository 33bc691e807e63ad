"""REINFORCE: the policy follows the returns of whole episodes.

    repeat:  play an episode S_0, A_0, R_1, …, S_{T-1}, A_{T-1}, R_T with π(·|s; θ)
             G_t = R_{t+1} + γ G_{t+1},  G_T = 0
             θ ← θ + α ∇_θ Σ_t G_t ln π(A_t|S_t; θ)

Williams 1992 (doi 10.1007/BF00992696); Sutton & Barto 2018, section 13.3. What can be put in, in any combination:

    baseline         G_t - V(S_t; w) for G_t, constant for θ;  w ← w - α_w ∇_w Σ_t ½ (G_t - V(S_t; w))²   section 13.4
    discount_steps   step t of an episode is weighted by γ^t, as in both sections; nearly everybody leaves it out
    normalize        the weights of an episode's steps get mean 0 and deviation 1, unless they are all the same

An episode that is only cut (`truncated`, or after `longest_episode` steps) has G_T = V(S_T; w) with a baseline. Without
one nothing is known of what would have followed, and the return so far has to do: where rewards are above 0 a cut looks
worse than it is, where they are below 0 better.
Differences: one step along an episode's whole gradient, not one for each of its steps; Adam; the gradient's norm is
clipped. With several environments a step is made as soon as any episode is complete (the mean where several are), so
an episode may have been begun with an older policy; with one environment, the default, it never was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax

from zerone.algorithms.explanation import Decision, Explanation
from zerone.algorithms.policy_explanation import decision_of
from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.algorithms.reinforce_explanation import explanation_of
from zerone.base.pytree import configured, setting, struct
from zerone.environments.spaces import Spaces, count
from zerone.parts.distributions import Distribution
from zerone.parts.exploration import Mask
from zerone.parts.normalization import NormalizationSettings, Returns, Scales
from zerone.parts.optimizers import bounded, of_actor_and_critic
from zerone.parts.policies import ActorAndCritic, PolicySettings, refuse_policy
from zerone.parts.returns import Moments, discounted_return, normalize_by

ROWS = 64
"""Steps that are worked on at once when an episode is over. All at once would be as long as the longest may be."""


@struct
class Episodes:
    """The episodes going on: leaves [longest_episode, N, ...], of which the first `length` (int32 [N]) are filled."""

    observation: Array
    action: Array
    reward: Array
    length: Array
    mask: Any = ()
    """Which actions were allowed; `()` where nothing says so."""


@struct
class End:
    """The ends of episodes [N]: their length (0 if unfinished), and the value that a truncated one bootstraps from."""

    length: Array
    terminated: Array
    bootstrap: Array


@struct
class Part:
    """Some rows of the episodes' steps, leaves [rows, N, ...]: their numbers, and whether to learn from them.

    `later` [N] are the returns of the first row, from which the part before it continues.
    """

    observation: Array
    action: Array
    returns: Array
    step: Array
    inside: Array
    later: Array
    mask: Any = ()


@struct
class State:
    """The policy (with a critic for a baseline), Adam's moments, unfinished episodes, and the last update's metrics."""

    policy: ActorAndCritic
    optimizer: Any
    ongoing: Episodes
    measured: Metrics
    returns: Returns = Returns()


@configured
class Reinforce(PolicySettings, NormalizationSettings):
    """REINFORCE, for `Box`, `Discrete` or `MultiDiscrete` observations (pictures too) and actions."""

    name: ClassVar[str] = "reinforce"
    metrics: ClassVar[Mapping[str, str]] = {
        "policy_loss": "minus the sum over an episode of its weights times ln π of the actions taken",
        "value_loss": "mean square of the returns minus V(s); 0 without a baseline",
        "entropy": "entropy of the policy, in nats: the higher, the more random",
        "discounted_return": "discounted return of an episode from its first step",
    }
    keeps_to_masks: ClassVar[bool] = True
    warmup_updates: ClassVar[int] = 0
    samples_per_step: ClassVar[float] = 1.0
    steps_per_update: ClassVar[int] = 1

    learning_rate: float = setting(1e-3, "learning rate α (Adam)", above=0)
    discount: float = setting(0.99, "discount factor γ", at_least=0, at_most=1)
    discount_steps: bool = setting(False, "weight step t of an episode by γ^t, as the textbook does")
    normalize: bool = setting(False, "normalise the weights of an episode's steps to mean 0 and standard deviation 1")
    baseline: bool = setting(False, "learn a baseline V(s) and weight each step by G - V(s)")
    baseline_learning_rate: float = setting(
        5e-3, "learning rate α_w of the baseline V(s) (Adam)", above=0, needs="baseline"
    )
    environments: int = setting(1, "environments played in parallel", at_least=1)
    longest_episode: int = setting(
        1_000, "steps after which an episode is treated as truncated", at_least=1, at_most=2_000_000_000
    )
    max_gradient_norm: float = setting(10.0, "the norm of each network's gradient is clipped to this", above=0)

    def refuse(self, spaces: Spaces) -> str | None:
        return refuse_policy(spaces) or self.refuse_networks(spaces, remembers=False)

    def check(self) -> None:
        pass

    def optimizer(self) -> optax.GradientTransformation:
        """Adam for each network."""
        actor = bounded(optax.adam(self.learning_rate), self.max_gradient_norm)
        if not self.baseline:
            return actor
        return of_actor_and_critic(actor, bounded(optax.adam(self.baseline_learning_rate), self.max_gradient_norm))

    def init(self, key: Key, spaces: Spaces) -> State:
        network = ActorAndCritic.create(key, spaces, self, critic=self.baseline)
        policy = network.scaled_by(Scales.initial(self, spaces))
        shape = self.longest_episode, self.environments
        kind = jax.dtypes.canonicalize_dtype(spaces.observation.dtype or jnp.float32)  # 64 bits become 32, as in JAX
        episodes = Episodes(
            jnp.zeros((*shape, *(spaces.observation.shape or ())), kind),
            jnp.zeros((*shape, *policy.shape), jnp.int32 if policy.log_deviation is None else jnp.float32),
            jnp.zeros(shape),
            jnp.zeros(self.environments, jnp.int32),
            jnp.ones((*shape, count(spaces.action, "action")), bool) if spaces.masked else (),
        )
        measured = dict.fromkeys(self.metrics, jnp.float32(0))
        return State(
            policy, self.optimizer().init(network), episodes, measured, Returns.initial(self, self.environments)
        )

    def noise(self, policy: ActorAndCritic, key: Key, shape: tuple[int, ...]) -> Array:
        return policy.noise(key, shape)

    def act(
        self, policy: ActorAndCritic, memory: Any, observation: Array, noise: Array | None = None, mask: Mask = ()
    ) -> tuple[Array, Any, tuple[()]]:
        action, memory, _ = policy.act(memory, observation, noise, mask)
        return action, memory, ()

    def gradient(
        self, policy: ActorAndCritic, episodes: Episodes, last: Steps, over: Array
    ) -> tuple[ActorAndCritic, Metrics]:
        """The gradient of the episodes that are `over` (bool [N]), with their `last` steps [N]; and metrics.

        It is a sum from their last steps to their first, `ROWS` at a time: rows after all episodes' ends are not read.
        """
        scales, policy = policy.scales, policy.networks
        ends, steps, number = self.ends(scales, policy, episodes, last, over)
        parts = -(-ends.length.max() // self.rows)

        def measure(i: Array, carry: tuple[Array, Moments]) -> tuple[Array, Moments]:
            part = self.part(scales, episodes, ends, parts - 1 - i, carry[0])
            return part.later, carry[1].and_of(self.weights(policy, part), part.inside)

        def add(i: Array, carry: tuple[Array, Any]) -> tuple[Array, Any]:
            part = self.part(scales, episodes, ends, parts - 1 - i, carry[0])
            found = jax.grad(self.loss, has_aux=True)(policy, part, moments, number)
            return part.later, jax.tree.map(jnp.add, carry[1], found)

        nothing, moments = jnp.zeros(self.environments), Moments.none(self.environments)
        if self.normalize:
            moments = jax.lax.fori_loop(0, parts, measure, (nothing, moments))[1]
        zero = (
            jax.tree.map(jnp.zeros_like, policy),
            dict.fromkeys(("policy_loss", "value_loss", "entropy"), jnp.float32(0)),
        )
        first, (gradient, sums) = jax.lax.fori_loop(0, parts, add, (nothing, zero))
        return gradient, {
            "policy_loss": sums["policy_loss"] / number,
            "value_loss": sums["value_loss"] / steps,
            "entropy": sums["entropy"] / steps,
            "discounted_return": jnp.where(ends.length > 0, first, 0.0).sum() / number,
        }

    def ends(
        self, scales: Scales, policy: ActorAndCritic, episodes: Episodes, last: Steps, over: Array
    ) -> tuple[End, Array, Array]:
        """The ends of episodes, the number of their steps, and the number of episodes (both at least 1)."""
        length = jnp.where(over, episodes.length, 0)
        steps, number = jnp.maximum(length.sum(), 1), jnp.maximum((length > 0).sum(), 1)
        bootstrap = (
            policy.value(scales.normalize_observation(last.next_observation))
            if self.baseline
            else jnp.zeros(self.environments)
        )
        return End(length, last.terminated, bootstrap), steps, number

    @property
    def rows(self) -> int:
        """Rows of steps that are processed at once."""
        return min(ROWS, self.longest_episode)

    def part(self, scales: Scales, episodes: Episodes, ends: End, index: Array, later: Array) -> Part:
        """The steps from `index` × `rows` on; `later` [N] are the returns of the first step after them."""
        begin = index * self.rows
        start = jnp.minimum(begin, self.longest_episode - self.rows)  # the last part overlaps the one before it

        def cut(x: Array) -> Array:
            return jax.lax.dynamic_slice_in_dim(x, start, self.rows)

        step = start + jnp.arange(self.rows)[:, None]
        at_last = step == ends.length[None] - 1
        terminated = at_last & ends.terminated[None]
        bootstrap = jnp.broadcast_to(ends.bootstrap[None], terminated.shape)
        columns = scales.scale_reward(cut(episodes.reward)), bootstrap, terminated, at_last & ~terminated
        returns = discounted_return(*columns, self.discount, later)
        inside = (step >= begin) & (step < ends.length[None])
        first = jax.lax.dynamic_index_in_dim(returns, begin - start, keepdims=False)
        seen, mask = scales.normalize_observation(cut(episodes.observation)), jax.tree.map(cut, episodes.mask)
        return Part(seen, cut(episodes.action), returns, step, inside, first, mask)

    def weights(self, policy: ActorAndCritic, part: Part) -> Array:
        """The weight of each step's ln π before normalisation: G, or G - V(s) with a baseline; [rows, N]."""
        return part.returns - policy.value(part.observation) if self.baseline else part.returns

    def terms(self, policy: ActorAndCritic, part: Part) -> tuple[Distribution, Array, Array]:
        """π(·|s), ln π(a|s), and its weight before normalisation, of each step of a part."""
        distribution = policy.distribution(part.observation, part.mask)
        log_probability = distribution.log_probability(policy.as_drawn(part.action))
        return distribution, log_probability, self.weights(policy, part)

    def weighted(self, error: Array, part: Part, moments: Moments) -> Array:
        """The final weight of each step's ln π, constant for the gradient."""
        weight = jax.lax.stop_gradient(error)
        if self.normalize:
            weight = normalize_by(weight, moments)
        return weight * self.discount**part.step if self.discount_steps else weight

    def loss(self, policy: ActorAndCritic, part: Part, moments: Moments, number: Array) -> tuple[Array, Metrics]:
        """The loss of a part's steps, divided by the `number` of episodes; and sums for metrics."""

        def total(x: Array) -> Array:
            return jnp.where(part.inside, x, 0.0).sum()

        distribution, log_probability, error = self.terms(policy, part)
        value_loss = total(jnp.square(error)) if self.baseline else jnp.float32(0)
        policy_loss = -total(self.weighted(error, part, moments) * log_probability)
        measured = {"policy_loss": policy_loss, "value_loss": value_loss, "entropy": total(distribution.entropy())}
        return (policy_loss + 0.5 * value_loss) / number, measured

    def apply(self, policy: ActorAndCritic, optimizer: Any, gradient: ActorAndCritic) -> tuple[ActorAndCritic, Any]:
        """Policy and optimiser after a step along a gradient."""
        change, optimizer = self.optimizer().update(gradient, optimizer)
        return optax.apply_updates(policy.networks, change).scaled_by(policy.scales), optimizer

    def with_step(self, state: State, steps: Steps) -> tuple[Episodes, Steps, Array]:
        """The episodes with one more step, that step [N], and which episodes it ends (bool [N])."""
        old: Episodes = state.ongoing
        step: Steps = jax.tree.map(lambda x: x[0], steps)  # T is 1
        here = old.length, jnp.arange(self.environments)
        episodes = Episodes(
            old.observation.at[here].set(step.observation),
            old.action.at[here].set(step.action),
            old.reward.at[here].set(step.reward.astype(jnp.float32)),
            old.length + 1,
            jax.tree.map(lambda all_of, now: all_of.at[here].set(now), old.mask, step.mask),
        )
        return episodes, step, step.terminated | step.truncated | (episodes.length == self.longest_episode)

    def update(self, state: State, steps: Steps, key: Key) -> tuple[State, Metrics]:
        del key  # the update is deterministic
        scales, returns = state.policy.scales.updated(steps, self.discount, state.returns)
        episodes, step, over = self.with_step(state, steps)

        def learn(_: Array, carry: tuple[ActorAndCritic, Any, Metrics]) -> tuple[ActorAndCritic, Any, Metrics]:
            policy, optimizer, _old = carry
            gradient, measured = self.gradient(policy, episodes, step, over)
            return *self.apply(policy, optimizer, gradient), measured

        # A loop that runs once or not at all: a branch (`lax.cond`) would run both sides under `vmap`.
        scaled = state.policy.scaled_by(scales)
        carry = (scaled, state.optimizer, state.measured)
        policy, optimizer, measured = jax.lax.fori_loop(0, over.any().astype(jnp.int32), learn, carry)
        episodes = dataclasses.replace(episodes, length=jnp.where(over, 0, episodes.length))
        return State(policy, optimizer, episodes, measured, returns), measured

    def explain(self, before: State, steps: Steps, key: Key, after: State) -> Explanation:
        del key, after
        return explanation_of(self, before, steps)

    def explain_action(
        self, policy: ActorAndCritic, memory: Any, observation: Array, noise: Array, mask: Mask = ()
    ) -> Decision:
        return decision_of(policy, memory, observation, noise, mask)
