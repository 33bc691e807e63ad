"""Dyna-Q: Q-learning that also learns from steps that its model of the environment predicts.

    repeat:  A ~ ε-greedy(Q(S, ·));  play A, see R, S'
             Q(S, A) ← Q(S, A) + α [R + γ (1 - terminated) max_a Q(S', a) - Q(S, A)]
             Model(S, A) ← R, S', terminated
             `planning_steps` times:  s, a ← any pair that was tried;  r, s' ← Model(s, a);  the same update of Q(s, a)

Sutton 1990; Sutton & Barto 2018, section 8.2. With `exploration_bonus` κ > 0 it is Dyna-Q+ (section 8.3): a planned
reward is r + κ √τ, for a pair last tried τ steps ago, and untried actions of visited states are planned as well: in the
model they lead back to the same state with reward 0 (footnote there).
The model keeps the last outcome of each pair, which is exact in a deterministic environment. Truncation is not a
property of the environment, so the model keeps `terminated` only.
Differences: ties between greedy actions are broken at random; the real steps of several environments are learnt one
after the other, and then `planning_steps` for each of them. With `planning_steps` 0 it is Q-learning.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from zerone.algorithms.explanation import Explanation
from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.algorithms.tabular import Policy, TabularControl, in_turn, learn_greedy, only_step, table_in, zeros
from zerone.algorithms.tabular_explanation import Teacher, played_steps
from zerone.base.pytree import configured, setting, struct
from zerone.environments.spaces import Spaces
from zerone.parts.exploration import Mask, epsilon_greedy_noise


@struct
class Model:
    """The last outcome of each pair, [states, actions], and the pairs that can be planned.

    `reward` is float32, `following` int32, `terminated` bool; `tried` is the time of the last try by `clock`, both
    int32. `known` (bool) are the pairs in the list `pairs` (int32 [states × actions], s × actions + a), whose first
    `number` entries are filled, so that one can be drawn at once. `allowed` (bool) are the action masks of visited
    states; `()` without masks.
    """

    reward: Array
    following: Array
    terminated: Array
    tried: Array
    clock: Array
    known: Array
    pairs: Array
    number: Array
    allowed: Any = ()

    @staticmethod
    def empty(shape: tuple[int, int], masked: bool = False) -> Model:
        """The model before the first step: each action leads back to its state, with reward 0."""
        states, actions = shape
        number, clock = jnp.zeros((2,), jnp.int32)
        return Model(
            jnp.zeros(shape), jnp.tile(jnp.arange(states, dtype=jnp.int32)[:, None], (1, actions)),
            jnp.zeros(shape, bool), jnp.zeros(shape, jnp.int32), clock,
            jnp.zeros(shape, bool), jnp.zeros(states * actions, jnp.int32), number,
            jnp.ones(shape, bool) if masked else (),
        )  # fmt: skip

    def after(self, step: Steps, untried: Array, clock: Array) -> Model:
        """The model after a real step [1]; with `untried` (bool), the untried actions of its state join the list."""
        here = step.observation, step.action
        allowed = self.allowed
        if not isinstance(allowed, tuple):
            allowed = allowed.at[step.next_observation].set(step.next_mask).at[here[0]].set(step.mask)
            untried = untried & allowed[here[0][0]]
        known, pairs, number = listed(self.known, self.pairs, self.number, here[0][0], here[1][0], untried)
        return Model(
            self.reward.at[here].set(step.reward), self.following.at[here].set(step.next_observation),
            self.terminated.at[here].set(step.terminated), self.tried.at[here].set(clock), clock,
            known, pairs, number, allowed,
        )  # fmt: skip

    def predicted(self, chance: Array, bonus: Array | float) -> Steps:
        """The predicted step of a random pair, which `chance` in [0, 1) selects."""
        place = jnp.minimum((chance * self.number).astype(jnp.int32), self.number - 1)
        state, action = jnp.divmod(self.pairs[place], self.reward.shape[1])
        ago = (self.clock - self.tried[state, action]).astype(jnp.float32)
        reward = self.reward[state, action] + bonus * jnp.sqrt(ago)
        following, terminated = self.following[state, action], self.terminated[state, action]
        mask = () if isinstance(self.allowed, tuple) else self.allowed[following]
        return Steps(state, action, reward, following, terminated, jnp.zeros_like(terminated), (), next_mask=mask)


def listed(
    known: Array, pairs: Array, number: Array, state: Array, action: Array, untried: Array
) -> tuple[Array, Array, Array]:
    """`known`, `pairs` and `number` with (state, action) added, and the state's actions where `untried`.

    `untried` is a bool for all actions, or one for each, [actions].
    """
    actions = jnp.arange(known.shape[1])
    new = ~known[state] & (untried | (actions == action))

    def append(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        known, pairs, number = carry
        place = jnp.where(new, number + jnp.cumsum(new) - 1, pairs.size)  # known ones are dropped
        pairs = pairs.at[place].set(state * actions.size + actions, mode="drop")
        return known.at[state].max(new), pairs, number + new.sum()

    grown: tuple[Array, Array, Array] = jax.lax.cond(new.any(), append, lambda carry: carry, (known, pairs, number))
    return grown


@struct
class State:
    """The table Q [states, actions], and the model."""

    policy: Policy
    model: Model


@configured
class DynaQ(TabularControl):
    """Tabular Dyna-Q and Dyna-Q+, for `Discrete` observations and actions."""

    name: ClassVar[str] = "dyna-q"
    keeps_to_masks: ClassVar[bool] = True

    discount: float = setting(0.95, "discount factor γ", at_least=0, at_most=1)
    planning_steps: int = setting(10, "updates from the model after each real step: 0 is Q-learning", at_least=0)
    exploration_bonus: float = setting(
        0.0, "bonus κ √τ in planning for an action last tried τ steps ago (Dyna-Q+)", at_least=0
    )

    def init(self, key: Key, spaces: Spaces) -> State:
        del key  # a table of zeros needs no randomness
        table = zeros(spaces)
        states, actions = table.shape
        return State(self.begin(table), Model.empty((states, actions), spaces.masked))

    def noise(self, policy: Policy, key: Key, shape: tuple[int, ...]) -> Array:
        # The last numbers select the pairs to plan. Without planning, the draw is that of Q-learning.
        return epsilon_greedy_noise(key, shape, table_in(policy).shape[-1] + self.planning_steps)

    def act(
        self, policy: Policy, memory: tuple[()], observation: Array, noise: Array | None = None, mask: Mask = ()
    ) -> tuple[Array, tuple[()], Any]:
        if noise is None or self.planning_steps == 0:
            return super().act(policy, memory, observation, noise, mask)
        used = table_in(policy).shape[-1] + 1
        action, memory, _ = super().act(policy, memory, observation, noise[..., :used], mask)
        return action, memory, noise[..., used:]

    def update(self, state: State, steps: Steps, key: Key) -> tuple[State, Metrics]:
        del key
        bonus, clock = jnp.float32(self.exploration_bonus), state.model.clock + 1
        step_size = self.step_size(state.policy)

        def learn(table: Array, step: Steps) -> Array:
            return learn_greedy(table, step, step_size, self.discount)

        def live(known: tuple[Array, Model], step: Steps) -> tuple[Array, Model]:
            table, model = known
            planned = self.planning_steps > 0
            return learn(table, step), model.after(step, bonus > 0, clock) if planned else model

        now = only_step(steps)
        table, model = in_turn(live, (table_in(state.policy), state.model), now)
        if self.planning_steps == 0:
            return State(self.after(state.policy, table), model), {}
        chances = now.extras.reshape(-1)

        def plan(i: Array, table: Array) -> Array:
            return learn(table, model.predicted(chances[i], bonus))

        table = jax.lax.fori_loop(0, chances.size, plan, table)
        return State(self.after(state.policy, table), model), {}

    def explain(self, before: State, steps: Steps, key: Key, after: State) -> Explanation:
        del key
        teacher = Teacher(table_in(before.policy), self.step_size(before.policy), self.discount)
        for step in played_steps(steps):
            teacher.greedy(step, "step")
        if self.planning_steps > 0:
            imagined = _imagined(after.model, only_step(steps).extras.reshape(-1), jnp.float32(self.exploration_bonus))
            for step in played_steps(imagined):
                teacher.greedy(step, "model")
        return teacher.explanation(table_in(after.policy))


_imagined = jax.jit(jax.vmap(Model.predicted, in_axes=(None, 0, None)))
