"""Q-learning: off-policy control with a table.

    repeat:  A ~ ε-greedy(Q(S, ·));  play A, see R, S'
             Q(S, A) ← Q(S, A) + α [R + γ (1 - terminated) max_a Q(S', a) - Q(S, A)]

Watkins 1989; Sutton & Barto 2018, section 6.5, eq. 6.8.
Differences: ties between greedy actions are broken at random; with several environments their updates are
added at once, each from the table as it was before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.algorithms.tabular import act_on_table, learn_greedy, only_step, refuse_table, zeros
from zerone.base.pytree import configured, setting, struct
from zerone.parts.exploration import epsilon_greedy_noise
from zerone.parts.spaces import Spaces


@struct
class State:
    """The table Q [states, actions] is both what acts and what learns."""

    policy: Array


@configured
class QLearning:
    """Tabular Q-learning, for `Discrete` observations and actions."""

    name: ClassVar[str] = "q-learning"
    metrics: ClassVar[Mapping[str, str]] = {}
    warmup_updates: ClassVar[int] = 0
    steps_per_update: ClassVar[int] = 1

    learning_rate: float = setting(0.1, "step size α", above=0, at_most=1)
    discount: float = setting(0.9, "worth γ of a reward one step later", at_least=0, at_most=1)
    epsilon: float = setting(0.1, "share ε of steps that explore", at_least=0, at_most=1)
    environments: int = setting(1, "environments played in parallel", at_least=1)

    def refuse(self, spaces: Spaces) -> str | None:
        return refuse_table(spaces)

    def check(self) -> None:
        pass

    def init(self, key: Key, spaces: Spaces) -> State:
        del key  # a table of zeros needs no randomness
        return State(zeros(spaces))

    def noise(self, policy: Array, key: Key, shape: tuple[int, ...]) -> Array:
        return epsilon_greedy_noise(key, shape, policy.shape[-1])

    def act(self, policy: Array, observation: Array, noise: Array | None = None) -> tuple[Array, tuple[()]]:
        return act_on_table(policy, observation, self.epsilon, noise), ()

    def update(self, state: State, steps: Steps, key: Key) -> tuple[State, Metrics]:
        del key
        return State(learn_greedy(state.policy, only_step(steps), self.learning_rate, self.discount)), {}
