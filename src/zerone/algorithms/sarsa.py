"""Sarsa: on-policy control with a table.

    repeat:  play A, see R, S';  A' ~ ε-greedy(Q(S', ·))
             Q(S, A) ← Q(S, A) + α [R + γ Q(S', A') - Q(S, A)]        (Q(S', A') is 0 where S' is terminal)
             S ← S', A ← A'

Rummery & Niranjan 1994; Sutton & Barto 2018, section 6.4, eq. 6.7. As there, A' is chosen from the table before this
update: a step therefore waits for the next one, and is learnt with the action that was actually taken.
Differences: where an episode is truncated at S', no A' is chosen; E_{a ~ ε-greedy}[Q(S', a)] replaces Q(S', A'), as in
the target of Expected Sarsa (section 6.6). Ties between greedy actions are broken at random; the steps of several
environments are learnt one after the other.
"""

from __future__ import annotations

from typing import ClassVar

import jax

from zerone.algorithms.explanation import Explanation
from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.algorithms.tabular import (
    Pending,
    Policy,
    TabularControl,
    final_change,
    in_turn,
    only_step,
    pending_change,
    table_in,
    zeros,
)
from zerone.algorithms.tabular_explanation import Teacher, played_steps, waiting_steps
from zerone.base.pytree import configured, struct
from zerone.environments.spaces import Spaces


@struct
class State:
    """The table Q [states, actions], and the step of each environment that waits for the next action."""

    policy: Policy
    ongoing: Pending


@configured
class Sarsa(TabularControl):
    """Tabular Sarsa, for `Discrete` observations and actions."""

    name: ClassVar[str] = "sarsa"
    keeps_to_masks: ClassVar[bool] = True

    def init(self, key: Key, spaces: Spaces) -> State:
        del key  # a table of zeros needs no randomness
        return State(self.begin(zeros(spaces)), Pending.none(self.environments))

    def update(self, state: State, steps: Steps, key: Key) -> tuple[State, Metrics]:
        del key
        now, policy = only_step(steps), state.policy
        step_size, epsilon = self.step_size(policy), self.epsilon_now(policy)

        # The step before this one: this step's action is its A'.
        def learn(table: Array, each: tuple[Pending, Steps]) -> Array:
            last, now = each
            change = pending_change(table, last, now, step_size, self.discount)
            return table.at[last.observation, last.action].add(change)

        def learn_end(table: Array, now: Steps) -> Array:
            change = final_change(table, now, step_size, self.discount, epsilon)
            return table.at[now.observation, now.action].add(change)

        table = in_turn(learn, table_in(policy), (state.ongoing, now))

        # In a branch of its own, or the compiler would copy the table at every step to read it between two writes.
        over = (now.terminated | now.truncated).any()
        table = jax.lax.cond(over, lambda table: in_turn(learn_end, table, now), lambda table: table, table)
        return State(self.after(policy, table), Pending.after(now)), {}

    def explain(self, before: State, steps: Steps, key: Key, after: State) -> Explanation:
        del key
        policy, now = before.policy, played_steps(steps)
        teacher = Teacher(table_in(policy), self.step_size(policy), self.discount)
        for last in waiting_steps(before.ongoing, now):
            if last is not None:
                teacher.sarsa(last)
        for step in now:
            if step.terminated or step.truncated:
                teacher.ended(step, self.epsilon_now(policy))
        return teacher.explanation(table_in(after.policy))
