"""An algorithm of your own: Expected Sarsa, a table that learns from the mean value of the next action.

    Q(S, A) ← Q(S, A) + α [R + γ (1 - terminated) Σ_a π(a|S') Q(S', a) - Q(S, A)]

Sutton & Barto 2018, section 6.6, eq. 6.9; π is ε-greedy.

In the folder of this file it is trained under the name of its module; all other commands take this name, too:

    zerone train expected_sarsa:ExpectedSarsa zerone/Cliff-v0 --epsilon 0.2

In Python, `zo.train(ExpectedSarsa(epsilon=0.2), "zerone/Cliff-v0")`; by its name after `zo.register(ExpectedSarsa)`.
"""

from __future__ import annotations

from typing import ClassVar

from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.algorithms.tabular import TabularControl, in_turn, only_step, zeros
from zerone.base.pytree import configured, struct
from zerone.environments.spaces import Spaces
from zerone.parts.returns import epsilon_greedy_value, one_step_target


@struct
class State:
    """The table Q [states, actions], which both acts and learns."""

    policy: Array


@configured
class ExpectedSarsa(TabularControl):
    """Expected Sarsa, for `Discrete` observations and actions."""

    name: ClassVar[str] = "expected-sarsa"

    def init(self, key: Key, spaces: Spaces) -> State:
        del key  # a table of zeros needs no randomness
        return State(zeros(spaces))

    def update(self, state: State, steps: Steps, key: Key) -> tuple[State, Metrics]:
        del key

        def learn(table: Array, step: Steps) -> Array:
            following = epsilon_greedy_value(table[step.next_observation], self.epsilon)
            target = one_step_target(step.reward, step.terminated, self.discount, following)
            error = target - table[step.observation, step.action]
            return table.at[step.observation, step.action].add(self.learning_rate * error)

        return State(in_turn(learn, state.policy, only_step(steps))), {}
