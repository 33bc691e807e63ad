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
from zerone.algorithms.tabular import TabularControl, in_turn, learn_greedy, only_step, zeros
from zerone.algorithms.tabular_explanation import Teacher, played_steps
from zerone.base.pytree import configured, struct
from zerone.environments.spaces import Spaces


@struct
class State:
    """The table Q [states, actions] is both what acts and what learns."""

    policy: Array


@configured
class QLearning(TabularControl):
    """Tabular Q-learning, for `Discrete` observations and actions."""

    name: ClassVar[str] = "q-learning"

    def init(self, key: Key, spaces: Spaces) -> State:
        del key  # a table of zeros needs no randomness
        return State(zeros(spaces))

    def update(self, state: State, steps: Steps, key: Key) -> tuple[State, Metrics]:
        del key

        def learn(table: Array, step: Steps) -> Array:
            return learn_greedy(table, step, self.learning_rate, self.discount)

        return State(in_turn(learn, state.policy, only_step(steps))), {}

    def explain(self, before: State, steps: Steps, key: Key, after: State) -> Explanation:
        del key
        teacher = Teacher(before.policy, self.learning_rate, self.discount)
        for step in played_steps(steps):
            teacher.greedy(step, "step")
        return teacher.explanation(after.policy)
