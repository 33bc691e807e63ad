"""Sarsa(λ): Sarsa in which every step updates all state-action pairs of the episode, by their eligibility traces.

    repeat:  play A, see R, S';  A' ~ ε-greedy(Q(S', ·))
             δ ← R + γ Q(S', A') - Q(S, A)                            (Q(S', A') is 0 where S' is terminal)
             E(S, A) ← E(S, A) + 1                                     (accumulating)
             or  E(S, ·) ← 0, E(S, A) ← 1                              (replacing)
             for all s, a:  Q(s, a) ← Q(s, a) + α δ E(s, a);  E(s, a) ← γ λ E(s, a)
             S ← S', A ← A';  at an episode's end  E ← 0

Rummery & Niranjan 1994; Sutton & Barto 1998, section 7.5, figure 7.11. Replacing traces, which clear the other
actions of the state too: Singh & Sutton 1996 (doi 10.1007/BF00114726); Sutton & Barto 1998, section 7.8. λ = 0 is
Sarsa, bit for bit.
Differences are Sarsa's: A' is the action actually taken next; where an episode is truncated at S',
E_{a ~ ε-greedy}[Q(S', a)] replaces Q(S', A'); ties are broken at random; several environments, each with its own
traces, are learnt from one after the other. Where several have traces in the same entry, other than their own (S, A),
these are scaled down until α Σ E ≤ 1 there. Traces are cleared where an episode ends, terminated or truncated.
"""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

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
from zerone.base.pytree import configured, setting, struct
from zerone.environments.spaces import Spaces


@struct
class Ongoing:
    """For each environment, the step that waits for the next action, and the traces E [N, states, actions]."""

    pending: Pending
    trace: Array


@struct
class State:
    """The policy with the table Q [states, actions], and what learning keeps of unfinished episodes."""

    policy: Policy
    ongoing: Ongoing


@configured
class SarsaLambda(TabularControl):
    """Tabular Sarsa(λ), for `Discrete` observations and actions."""

    name: ClassVar[str] = "sarsa-lambda"
    keeps_to_masks: ClassVar[bool] = True

    trace_decay: float = setting(0.9, "trace decay λ: 0 is Sarsa", at_least=0, at_most=1)
    trace: str = setting(
        "replacing", "trace of a state-action pair that is visited again", choices=("accumulating", "replacing")
    )

    def init(self, key: Key, spaces: Spaces) -> State:
        del key  # a table of zeros needs no randomness
        table = zeros(spaces)
        trace = jnp.zeros((self.environments, *table.shape))
        return State(self.begin(table), Ongoing(Pending.none(self.environments), trace))

    def visit(self, trace: Array, observation: Array, action: Array, due: Array) -> Array:
        """The traces [N, states, actions] after a visit of (S, A) [N] where `due` (bool [N])."""
        each = jnp.arange(self.environments)
        if self.trace == "accumulating":
            return trace.at[each, observation, action].add(due.astype(jnp.float32))
        row = trace[each, observation]
        replaced = jax.nn.one_hot(action, row.shape[-1])
        return trace.at[each, observation].set(jnp.where(due[:, None], replaced, row))

    def share(self, trace: Array, observation: Array, action: Array, due: Array, step_size: Array | float) -> Array:
        """The traces for updates where `due`, scaled so that α times their sum in an entry is at most 1.

        The δ of an environment is the error of its own (S, A), computed after the updates before it. For other entries
        δ does not include how far other environments have moved them, so that many updates together would overshoot.
        """
        if self.environments == 1:
            return trace
        here = jnp.arange(self.environments), observation, action
        aside = jnp.where(due[:, None, None], trace, 0.0).at[here].set(0.0)
        shared = aside / jnp.maximum(1.0, step_size * aside.sum(0))[None]
        return shared.at[here].set(trace[here])

    def update(self, state: State, steps: Steps, key: Key) -> tuple[State, Metrics]:
        del key
        now, last, policy = only_step(steps), state.ongoing.pending, state.policy
        done = now.terminated | now.truncated
        step_size, epsilon = self.step_size(policy), self.epsilon_now(policy)

        # The step before this one: this step's action is its A'.
        def learn(table: Array, each: tuple[Pending, Steps, Array]) -> Array:
            last, now, trace = each
            return table + pending_change(table, last, now, step_size, self.discount)[0] * trace[0]

        def learn_ended(table: Array, each: tuple[Steps, Array]) -> Array:
            now, trace = each
            change = final_change(table, now, step_size, self.discount, epsilon)
            return table + change[0] * trace[0]

        trace = self.visit(state.ongoing.trace, last.observation, last.action, last.going)
        shared = self.share(trace, last.observation, last.action, last.going, step_size)
        table = in_turn(learn, table_in(policy), (last, now, shared))
        trace = self.discount * self.trace_decay * trace

        def learn_end(carry: tuple[Array, Array]) -> tuple[Array, Array]:
            table, trace = carry
            trace = self.visit(trace, now.observation, now.action, done)
            shared = self.share(trace, now.observation, now.action, done, step_size)
            table = in_turn(learn_ended, table, (now, shared))
            return table, jnp.where(done[:, None, None], 0.0, trace)

        table, trace = jax.lax.cond(done.any(), learn_end, lambda carry: carry, (table, trace))
        return State(self.after(policy, table), Ongoing(Pending.after(now), trace)), {}

    def traces(self, ongoing: Ongoing, now: Steps, step_size: Array | float) -> tuple[Array, Array]:
        """The traces with which waiting steps are learnt, and those of the last steps of episodes."""
        last, done = ongoing.pending, now.terminated | now.truncated
        trace = self.visit(ongoing.trace, last.observation, last.action, last.going)
        waiting = self.share(trace, last.observation, last.action, last.going, step_size)
        trace = self.visit(self.discount * self.trace_decay * trace, now.observation, now.action, done)
        return waiting, self.share(trace, now.observation, now.action, done, step_size)

    def explain(self, before: State, steps: Steps, key: Key, after: State) -> Explanation:
        del key
        policy, now = before.policy, played_steps(steps)
        step_size = self.step_size(policy)
        teacher = Teacher(table_in(policy), step_size, self.discount)
        waiting, ending = map(np.asarray, _traces(self, before.ongoing, only_step(steps), step_size))
        for n, last in enumerate(waiting_steps(before.ongoing.pending, now)):
            if last is not None:
                teacher.sarsa(last, waiting[n])
        for n, step in enumerate(now):
            if step.terminated or step.truncated:
                teacher.ended(step, self.epsilon_now(policy), ending[n])
        shown = waiting if np.asarray(before.ongoing.pending.going).any() else ending
        return teacher.explanation(table_in(after.policy), shown)


_traces = jax.jit(SarsaLambda.traces)
