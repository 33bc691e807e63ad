"""The base of tabular algorithms: spaces, the initial table, acting, schedules, and updates of single steps."""

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
    """A table Q [states, actions] with a schedule of ε or α, and the environment steps so far (int32)."""

    table: Array
    steps: Array


Policy: TypeAlias = Array | ScheduledTable
"""The table alone where ε and α are constant, so that steps are counted only where a schedule needs them."""

LAST_COUNTED = 2**31 - 2**20
"""The count of steps stops here, before it overflows; no schedule is as long."""


def table_in(policy: Policy) -> Array:
    """The table Q of a policy, float32 [states, actions]."""
    return policy.table if isinstance(policy, ScheduledTable) else policy


@configured
class TabularControl:
    """A table Q [states, actions] that acts ε-greedily, and learns from every single step.

    An algorithm adds its `init` and its `update`. ε and α are constant, or fall with the environment steps; each step
    is also an update, so there is a single clock.
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
        """The policy after a step of each environment, with this table."""
        if not isinstance(policy, ScheduledTable):
            return table
        return ScheduledTable(table, jnp.minimum(policy.steps, LAST_COUNTED) + self.environments)

    def step_size(self, policy: Policy) -> Array | float:
        """α at the policy's number of steps."""
        if not isinstance(policy, ScheduledTable) or not is_on(self.decay_steps):
            return self.learning_rate
        return self.learning_rate * linear_schedule(1.0, self.learning_rate_end, policy.steps / self.decay_steps)

    def epsilon_now(self, policy: Policy) -> Array | float:
        """ε at the policy's number of steps."""
        if not isinstance(policy, ScheduledTable) or not is_on(self.epsilon_steps):
            return self.epsilon
        return schedule(self.epsilon_shape, self.epsilon, self.epsilon_end, policy.steps / self.epsilon_steps)

    def noise(self, policy: Policy, key: Key, shape: tuple[int, ...]) -> Array:
        return epsilon_greedy_noise(key, shape, table_in(policy).shape[-1])

    def values(self, policy: Policy, memory: tuple[()], observation: Array) -> Array:
        """Q(s, a) of each action, [N, actions], for observations [N]."""
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
    """The initial table, Q(s, a) = 0: float32 [states, actions]."""
    return jnp.zeros((cells(spaces.observation) or 0, count(spaces.action, "action")))


def only_step(steps: Steps) -> Steps:
    """The one step of a block with T = 1: leaves [1, N, ...] become [N, ...]."""
    step: Steps = jax.tree.map(lambda x: x[0], steps)
    return step


def in_turn(learn: Callable[[Tree, Any], Tree], learnt: Tree, each: Any) -> Tree:
    """`learnt = learn(learnt, one)` for one environment after the other; `each` has leaves [N, ...], `one` [1, ...].

    An entry that n environments have visited is updated n times, each time from its present value. Adding up n updates
    of the old table would be one update with the step size n α, which diverges above 2.
    """
    number = jax.tree.leaves(each)[0].shape[0]
    if number == 1:
        return learn(learnt, each)

    def of_one(n: Array, learnt: Tree) -> Tree:
        return learn(learnt, jax.tree.map(lambda x: jax.lax.dynamic_slice_in_dim(x, n, 1), each))

    after: Tree = jax.lax.fori_loop(0, number, of_one, learnt)
    return after


def learn_greedy(table: Array, step: Steps, learning_rate: Array | float, discount: Array | float) -> Array:
    """The table after Q-learning's update of one step, whose leaves are scalars or [1].

    Q(S, A) ← Q(S, A) + α [R + γ (1 - terminated) max_a Q(S', a) - Q(S, A)]: Sutton & Barto 2018, eq. 6.8.
    """
    following = allowed_only(table[step.next_observation], step.next_mask).max(-1)
    target = one_step_target(step.reward, step.terminated, discount, following)
    error = target - table[step.observation, step.action]
    return table.at[step.observation, step.action].add(learning_rate * error)


@struct
class Pending:
    """The last step (S, A, R) of each environment [N], which is learnt once the next action A' is known.

    `going` (bool) is False where no step waits: before the first one of an episode.
    """

    observation: Array
    action: Array
    reward: Array
    going: Array

    @staticmethod
    def none(environments: int) -> Pending:
        """No step waits in any environment."""
        places = jnp.zeros(environments, jnp.int32)
        return Pending(places, jnp.copy(places), jnp.zeros(environments), jnp.zeros(environments, bool))

    @staticmethod
    def after(step: Steps) -> Pending:
        """The waiting steps after `step` [N]: none where it ended the episode, terminated or truncated."""
        return Pending(step.observation, step.action, step.reward, ~(step.terminated | step.truncated))


def pending_change(
    table: Array, last: Pending, now: Steps, learning_rate: Array | float, discount: Array | float
) -> Array:
    """α [R + γ Q(S', A') - Q(S, A)] of the waiting steps [N], 0 where none waits; `now` are S' and A'.

    Sutton & Barto 2018, section 6.4, eq. 6.7. The product is rounded before `where`, so that Sarsa(λ) with λ = 0 has
    the same bits as Sarsa.
    """
    following = table[now.observation, now.action]
    error = last.reward + discount * following - table[last.observation, last.action]
    return jnp.where(last.going, learning_rate * error, 0.0)


def final_change(
    table: Array, now: Steps, learning_rate: Array | float, discount: Array | float, epsilon: Array | float
) -> Array:
    """The change by steps that end their episode [N], 0 elsewhere: there is no A' at an end.

    α [R - Q(S, A)] where terminated, α [R + γ E_{a ~ ε-greedy}[Q(S', a)] - Q(S, A)] where truncated.
    """
    following = epsilon_greedy_value(table[now.next_observation], epsilon, now.next_mask)
    error = one_step_target(now.reward, now.terminated, discount, following) - table[now.observation, now.action]
    return jnp.where(now.terminated | now.truncated, learning_rate * error, 0.0)
