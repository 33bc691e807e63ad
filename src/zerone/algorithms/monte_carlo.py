"""Monte Carlo control: the value of an action is the mean of the returns that followed it.

    repeat:  play an episode S_0, A_0, R_1, …, S_T with ε-greedy(Q)
             for each t (the first visit of (S_t, A_t) in the episode, or every visit):
                 G_t = R_{t+1} + γ R_{t+2} + … + γ^{T-t-1} R_T
             for each pair:  Q(s, a) ← Q(s, a) + w [mean of its G_t - Q(s, a)]

Sutton & Barto 2018, section 5.4. No episode is stored. Let E be the eligibility trace for λ = 1: it decays by γ at each
step and grows by 1 at each visit that counts. Then the sum of a pair's returns is Σ_t R_{t+1} E_t(s, a), the backward
view of the same sum (section 12.2). So the memory is a few tables, however long an episode.

With `averaging`, w = n / N(s, a), for n visits of this episode among N of all: Q is the plain mean of all returns; but
w is never below 1 - (1 - α)^n, the weight of n steps of size α (`learning_rate`). Without `averaging` w is always that;
for one visit it is α.
Differences: an episode that is truncated at S_T bootstraps with γ^{T-t} E_{a ~ ε-greedy}[Q(S_T, a)] from the current
table. Without averaging the n returns of an episode have equal weights, whatever their order. Ties between greedy
actions are broken at random; episodes that end together are learnt one environment after the other.
"""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.explanation import Explanation
from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.algorithms.tabular import Policy, TabularControl, only_step, table_in, zeros
from zerone.algorithms.tabular_explanation import Teacher
from zerone.base.pytree import configured, setting, struct
from zerone.environments.spaces import Spaces
from zerone.parts.returns import epsilon_greedy_value


@struct
class Episode:
    """What learning keeps of unfinished episodes: float32 [N, states, actions] each."""

    trace: Array
    """E: the factor of the next reward in the sum of a pair's returns."""
    total: Array
    """The sum of a pair's returns so far."""
    visits: Array
    """The number of visits that count."""


@struct
class State:
    """The policy with the table Q [states, actions], the unfinished episodes, and N(s, a) (int32)."""

    policy: Policy
    ongoing: Episode
    learnt: Array


@configured
class MonteCarlo(TabularControl):
    """Tabular Monte Carlo control, for `Discrete` observations and actions, and episodes that end."""

    name: ClassVar[str] = "monte-carlo"
    keeps_to_masks: ClassVar[bool] = True

    learning_rate: float = setting(0.01, "learning rate α, the smallest one with averaging", above=0, at_most=1)
    visits: str = setting("first", "which visits of an episode count", choices=("first", "every"))
    averaging: bool = setting(True, "learning rate 1/N at the N-th visit, as long as that is above α")

    def init(self, key: Key, spaces: Spaces) -> State:
        del key  # a table of zeros needs no randomness
        table = zeros(spaces)
        trace, total, visits = jnp.zeros((3, self.environments, *table.shape))
        return State(self.begin(table), Episode(trace, total, visits), jnp.zeros(table.shape, jnp.int32))

    def weight(self, visits: Array, learnt: Array, step_size: Array | float) -> Array:
        """The weight w of the mean of an episode's `visits` returns; `learnt` is N(s, a), including these."""
        constant = -jnp.expm1(visits * jnp.log1p(-step_size))  # 1 - (1 - α)^n
        weight = jnp.maximum(constant, visits / learnt) if self.averaging else constant
        return jnp.where(visits > 0, weight, 0.0)

    def grown(self, going: Episode, now: Steps) -> Episode:
        """The episodes with one more step [N] each."""
        here = jnp.arange(self.environments), now.observation, now.action
        counts = jnp.ones(self.environments) if self.visits == "every" else 1.0 - going.visits[here]
        trace = (self.discount * going.trace).at[here].add(counts)
        return Episode(trace, going.total + now.reward[:, None, None] * trace, going.visits.at[here].add(counts))

    def bootstrap_value(self, policy: Policy, table: Array, now: Steps) -> Array:
        """The discounted bootstrap value of the states after the last steps [N] of episodes; 0 where terminal."""
        expected = epsilon_greedy_value(table[now.next_observation], self.epsilon_now(policy), now.next_mask)
        return jnp.where(now.terminated, 0.0, self.discount * expected)

    def update(self, state: State, steps: Steps, key: Key) -> tuple[State, Metrics]:
        del key
        now, policy = only_step(steps), state.policy
        done, step_size = now.terminated | now.truncated, self.step_size(policy)

        def learn(carry: tuple[Array, Array, Episode]) -> tuple[Array, Array, Episode]:
            table, learnt, episode = carry
            bootstrap = self.bootstrap_value(policy, table, now)

            def one(n: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
                table, learnt = carry
                visits = jnp.where(done[n], episode.visits[n], 0.0)
                learnt = learnt + visits.astype(jnp.int32)
                mean = (episode.total[n] + bootstrap[n] * episode.trace[n]) / jnp.maximum(visits, 1.0)
                return table + self.weight(visits, learnt, step_size) * (mean - table), learnt

            table, learnt = jax.lax.fori_loop(0, self.environments, one, (table, learnt))
            return table, learnt, jax.tree.map(lambda x: jnp.where(done[:, None, None], 0.0, x), episode)

        carry = table_in(policy), state.learnt, self.grown(state.ongoing, now)
        table, learnt, episode = jax.lax.cond(done.any(), learn, lambda carry: carry, carry)
        return State(self.after(policy, table), episode, learnt), {}

    def returns_of(self, before: State, now: Steps) -> tuple[Array, Array, Array]:
        """Each pair's mean return, weight w and visits in the episodes that end with the steps `now` [N].

        All are [N, states, actions]; the weights of an environment include the visits of those before it.
        """
        episode, done = self.grown(before.ongoing, now), now.terminated | now.truncated
        visits = jnp.where(done[:, None, None], episode.visits, 0.0)
        bootstrap = self.bootstrap_value(before.policy, table_in(before.policy), now)[:, None, None] * episode.trace
        learnt = before.learnt[None] + jnp.cumsum(visits, 0).astype(jnp.int32)
        weight = self.weight(visits, learnt, self.step_size(before.policy))
        return (episode.total + bootstrap) / jnp.maximum(visits, 1.0), weight, visits

    def explain(self, before: State, steps: Steps, key: Key, after: State) -> Explanation:
        del key
        policy, now = before.policy, only_step(steps)
        teacher = Teacher(table_in(policy), self.step_size(policy), self.discount)
        if (now.terminated | now.truncated).any():
            mean, weight, visits = map(np.asarray, _returns_of(self, before, now))
            for n, s, a in np.argwhere(visits > 0):
                teacher.mean_return(int(s), int(a), mean[n, s, a], weight[n, s, a])
        return teacher.explanation(table_in(after.policy))


_returns_of = jax.jit(MonteCarlo.returns_of)
