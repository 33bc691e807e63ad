"""What every table of action values shares: its spaces, its start, how it acts, its schedules, what Sarsa waits for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
from gymnasium import spaces as gym_spaces

from zerone.algorithms.protocol import Array, Key, Steps
from zerone.base.language import translated
from zerone.base.pytree import configured, is_on, setting, struct
from zerone.environments.spaces import LARGEST_TABLE, MOST_VALUES, Spaces, cells, count, refuse_actions
from zerone.parts.exploration import (
    Mask,
    allowed_only,
    epsilon_greedy_noise,
    epsilon_greedy_ties,
    greedy,
    linear_schedule,
    require_positive,
    schedule,
)
from zerone.parts.returns import epsilon_greedy_value, one_step_target

Tree = TypeVar("Tree")


@struct
class ScheduledTable:
    """A table Q [states, actions] whose ε or α falls with time, and the environment steps that were learnt (int32)."""

    table: Array
    steps: Array


Policy: TypeAlias = Array | ScheduledTable
"""The table alone, unless something falls: so nothing is counted where nothing depends on it."""

LAST_COUNTED = 2**31 - 2**20
"""Where the count of steps stands still, before it would overflow; no schedule is as long."""


def table_in(policy: Policy) -> Array:
    """Q [states, actions]."""
    return policy.table if isinstance(policy, ScheduledTable) else policy


@configured
class TabularControl:
    """A table Q [states, actions] that is its own policy, ε-greedy, and learns from every single step.

    What is learnt from a step is all that an algorithm adds: its `init` and its `update`. ε and α are constant, or fall
    with the environment steps, of which each is also an update: DQN's clocks would all say the same.
    """

    name: ClassVar[str]
    metrics: ClassVar[Mapping[str, str]] = {}
    warmup_updates: ClassVar[int] = 0
    steps_per_update: ClassVar[int] = 1
    samples_per_step: ClassVar[float] = 0.0

    learning_rate: float = setting(0.1, "step size α", above=0, at_most=1)
    discount: float = setting(0.9, "discount factor γ", at_least=0, at_most=1)
    epsilon: float = setting(
        0.1,
        "exploration rate ε: 0.1 where the tutorial's EPSILON, the greedy rate, is 0.9",
        at_least=0,
        at_most=1,
    )
    epsilon_end: float = setting(0.05, "exploration rate ε at the end", at_least=0, at_most=1, needs="epsilon_steps")
    epsilon_steps: float = setting(
        0.0, "environment steps over which ε is annealed; 0: it stays", at_least=0, zero_is_off=True
    )
    epsilon_shape: str = setting(
        "linear",
        "shape of ε's schedule: equal differences or equal ratios",
        choices=("linear", "exponential"),
        needs="epsilon_steps",
    )
    learning_rate_end: float = setting(
        0.1, "fraction of the step size α that is left after `decay_steps`", at_least=0, at_most=1, needs="decay_steps"
    )
    decay_steps: float = setting(
        0.0, "environment steps over which the step size α is annealed; 0: it stays", at_least=0, zero_is_off=True
    )
    environments: int = setting(1, "environments played in parallel", at_least=1)

    def refuse(self, spaces: Spaces) -> str | None:
        """Why a table cannot hold these spaces; None if it can."""
        if cells(spaces.observation) is None:
            if isinstance(spaces.observation, gym_spaces.Discrete):
                return translated("a table needs at most {count:,} different observations", count=MOST_VALUES)
            if isinstance(spaces.observation, gym_spaces.MultiDiscrete):
                return translated("a table needs at most {count:,} different observations", count=LARGEST_TABLE)
            return translated("a table needs observations made of Discrete, MultiDiscrete or MultiBinary")
        if not isinstance(spaces.action, gym_spaces.Discrete):
            return translated("a table needs Discrete actions")
        return refuse_actions(spaces.action)

    def check(self) -> None:
        if is_on(self.epsilon_steps) and self.epsilon_shape == "exponential":
            require_positive(self.name, "epsilon", {"epsilon": self.epsilon, "epsilon_end": self.epsilon_end})

    def begin(self, table: Array) -> Policy:
        """The policy before the first step."""
        return ScheduledTable(table, jnp.int32(0)) if is_on(self.epsilon_steps) or is_on(self.decay_steps) else table

    def after(self, policy: Policy, table: Array) -> Policy:
        """The policy that `policy` has become by a step of each environment, whose table is this now."""
        if not isinstance(policy, ScheduledTable):
            return table
        return ScheduledTable(table, jnp.minimum(policy.steps, LAST_COUNTED) + self.environments)

    def step_size(self, policy: Policy) -> Array | float:
        """α, now."""
        if not isinstance(policy, ScheduledTable) or not is_on(self.decay_steps):
            return self.learning_rate
        return self.learning_rate * linear_schedule(1.0, self.learning_rate_end, policy.steps / self.decay_steps)

    def epsilon_now(self, policy: Policy) -> Array | float:
        """ε, now."""
        if not isinstance(policy, ScheduledTable) or not is_on(self.epsilon_steps):
            return self.epsilon
        return schedule(self.epsilon_shape, self.epsilon, self.epsilon_end, policy.steps / self.epsilon_steps)

    def noise(self, policy: Policy, key: Key, shape: tuple[int, ...]) -> Array:
        return epsilon_greedy_noise(key, shape, table_in(policy).shape[-1])

    def values(self, policy: Policy, memory: tuple[()], observation: Array) -> Array:
        """Q(s, a) of each action: what can be shown of a decision."""
        del memory
        values: Array = table_in(policy)[observation]
        return values

    def exploration_rate(self, policy: Policy) -> Array:
        rate: Array = jnp.float32(self.epsilon_now(policy))
        return rate

    def explores(self, policy: Policy, noise: Array) -> Array:
        explored: Array = noise[..., 0] < self.exploration_rate(policy)
        return explored

    def act(
        self, policy: Policy, memory: tuple[()], observation: Array, noise: Array | None = None, mask: Mask = ()
    ) -> tuple[Array, tuple[()], Any]:
        values = table_in(policy)[observation]
        if noise is None:
            return greedy(allowed_only(values, mask)), memory, ()
        return epsilon_greedy_ties(values, self.epsilon_now(policy), noise, mask), memory, ()


def zeros(spaces: Spaces) -> Array:
    """Q(s, a) = 0 everywhere: float32 [states, actions]."""
    return jnp.zeros((cells(spaces.observation) or 0, count(spaces.action, "action")))


def only_step(steps: Steps) -> Steps:
    """The one step of a block with T = 1: leaves [1, N, ...] become [N, ...]."""
    step: Steps = jax.tree.map(lambda x: x[0], steps)
    return step


def in_turn(learn: Callable[[Tree, Any], Tree], learnt: Tree, each: Any) -> Tree:
    """`learnt = learn(learnt, one)` for one environment after the other; `each` has leaves [N, ...], `one` [1, ...].

    So an entry that several have hit moves as often, each time from where it is. Added at once, each from the table as
    it was before, the updates of n hits would be one with the step size n α, which diverges where that is above 2.
    """
    number = jax.tree.leaves(each)[0].shape[0]
    if number == 1:
        return learn(learnt, each)

    def of_one(n: Array, learnt: Tree) -> Tree:
        return learn(learnt, jax.tree.map(lambda x: jax.lax.dynamic_slice_in_dim(x, n, 1), each))

    after: Tree = jax.lax.fori_loop(0, number, of_one, learnt)
    return after


def learn_greedy(table: Array, step: Steps, learning_rate: Array | float, discount: Array | float) -> Array:
    """Q-learning's update of one step, whose leaves are scalars or [1].

    Q(S, A) ← Q(S, A) + α [R + γ (1 - terminated) max_a Q(S', a) - Q(S, A)]: Sutton & Barto 2018, eq. 6.8.
    """
    following = allowed_only(table[step.next_observation], step.next_mask).max(-1)
    target = one_step_target(step.reward, step.terminated, discount, following)
    error = target - table[step.observation, step.action]
    return table.at[step.observation, step.action].add(learning_rate * error)


@struct
class Pending:
    """The last step (S, A, R) of each environment [N], to be learnt when the next action A' is known.

    `going` is false where no step waits: before the first one of an episode.
    """

    observation: Array
    action: Array
    reward: Array
    going: Array

    @staticmethod
    def none(environments: int) -> Pending:
        """Nothing waits in any environment."""
        places = jnp.zeros(environments, jnp.int32)
        return Pending(places, jnp.copy(places), jnp.zeros(environments), jnp.zeros(environments, bool))

    @staticmethod
    def after(step: Steps) -> Pending:
        """What waits after `step` [N]: nothing where it ended the episode, in either way."""
        return Pending(step.observation, step.action, step.reward, ~(step.terminated | step.truncated))


def pending_change(
    table: Array, last: Pending, now: Steps, learning_rate: Array | float, discount: Array | float
) -> Array:
    """α [R + γ Q(S', A') - Q(S, A)] of the steps that wait [N], 0 where none does: `now` was taken at S', with A'.

    Sutton & Barto 2018, section 6.4, eq. 6.7. Chosen after the product: so it is rounded before it is added, and
    what is built on it (traces) can agree with Sarsa to the bit.
    """
    following = table[now.observation, now.action]
    error = last.reward + discount * following - table[last.observation, last.action]
    return jnp.where(last.going, learning_rate * error, 0.0)


def final_change(
    table: Array, now: Steps, learning_rate: Array | float, discount: Array | float, epsilon: Array | float
) -> Array:
    """The same of steps that end their episode [N], 0 where one goes on: there is no A' at an end.

    α [R - Q(S, A)] where S' is terminal, α [R + γ E_{a ~ ε-greedy}[Q(S', a)] - Q(S, A)] where the episode was cut.
    """
    following = epsilon_greedy_value(table[now.next_observation], epsilon, now.next_mask)
    error = one_step_target(now.reward, now.terminated, discount, following) - table[now.observation, now.action]
    return jnp.where(now.terminated | now.truncated, learning_rate * error, 0.0)
