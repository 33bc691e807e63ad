"""Q-learning: off-policy control with a table.

    repeat:  A ~ ε-greedy(Q(S, ·));  play A, see R, S'
             Q(S, A) ← Q(S, A) + α [R + γ (1 - terminated) max_a Q(S', a) - Q(S, A)]

Watkins 1989; Sutton & Barto 2018, section 6.5, eq. 6.8.
Differences: ties between greedy actions are broken at random; with several environments their steps are learnt one
after the other.
"""

from __future__ import annotations

from typing import ClassVar

from zerone.algorithms.explanation import Explanation
from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.algorithms.tabular import Policy, TabularControl, in_turn, learn_greedy, only_step, table_in, zeros
from zerone.algorithms.tabular_explanation import Teacher, played_steps
from zerone.base.pytree import configured, struct
from zerone.environments.spaces import Spaces


@struct
class State:
    """The policy with the table Q [states, actions]: all that learns and acts."""

    policy: Policy


@configured
class QLearning(TabularControl):
    """Tabular Q-learning, for `Discrete` observations and actions."""

    name: ClassVar[str] = "q-learning"
    keeps_to_masks: ClassVar[bool] = True

    def init(self, key: Key, spaces: Spaces) -> State:
        del key  # a table of zeros needs no randomness
        return State(self.begin(zeros(spaces)))

    def update(self, state: State, steps: Steps, key: Key) -> tuple[State, Metrics]:
        del key
        step_size = self.step_size(state.policy)

        def learn(table: Array, step: Steps) -> Array:
            return learn_greedy(table, step, step_size, self.discount)

        table = in_turn(learn, table_in(state.policy), only_step(steps))
        return State(self.after(state.policy, table)), {}

    def explain(self, before: State, steps: Steps, key: Key, after: State) -> Explanation:
        del key
        teacher = Teacher(table_in(before.policy), self.step_size(before.policy), self.discount)
        for step in played_steps(steps):
            teacher.greedy(step, "step")
        return teacher.explanation(table_in(after.policy))
