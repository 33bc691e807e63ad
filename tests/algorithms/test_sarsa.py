"""Sarsa and Sarsa(λ) equal the textbook's step by step, with the same random numbers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from textbook import by_hand, soft_value, trained
from toys import cycle, equal_bits, graph

from zerone.algorithms.protocol import Steps
from zerone.algorithms.sarsa import Sarsa
from zerone.algorithms.sarsa_lambda import SarsaLambda
from zerone.base.errors import InputError
from zerone.environments.spaces import Spaces


class Textbook:
    """Sarsa(λ) after Sutton & Barto 1998, figure 7.11. The step of each environment waits for its next action."""

    def __init__(self, algorithm, shape):
        self.table, self.setting = np.zeros(shape, np.float32), algorithm
        self.decay, self.kind = getattr(algorithm, "trace_decay", 0.0), getattr(algorithm, "trace", "accumulating")
        self.waiting = [None] * algorithm.environments
        self.trace = np.zeros((algorithm.environments, *shape), np.float32)

    def learn(self, steps):
        going = [(step, self.waiting[step.environment]) for step in steps if self.waiting[step.environment]]
        self._teach([(last, lambda now=now: self.table[now.state, now.action]) for now, last in going])
        ended = []
        for step in steps:
            over = step.terminated or step.truncated
            self.waiting[step.environment] = None if over else step
            if over:
                ended.append((step, lambda step=step: self._worth(step)))
        self._teach(ended)
        for step, _ in ended:
            self.trace[step.environment] = 0.0

    def _worth(self, step):
        return 0.0 if step.terminated else soft_value(self.table[step.following], self.setting.epsilon)

    def _teach(self, lessons):
        """Learn from steps one after the other; each target uses the table as it is at that moment."""
        rate, discount, aside = self.setting.learning_rate, self.setting.discount, np.zeros_like(self.table)
        for step, _ in lessons:
            trace = self.trace[step.environment]
            if self.kind == "replacing":
                trace[step.state] = 0.0
            trace[step.state, step.action] += 1.0
            aside += trace
            aside[step.state, step.action] -= trace[step.state, step.action]
        for step, follows in lessons:
            trace = self.trace[step.environment]
            error = step.reward + discount * follows() - self.table[step.state, step.action]
            shared = trace if len(self.trace) == 1 else trace / np.maximum(1.0, rate * aside)
            shared[step.state, step.action] = trace[step.state, step.action]
            self.table += rate * error * shared
        for step, _ in lessons:
            self.trace[step.environment] *= discount * self.decay


ALGORITHMS = {
    "sarsa": Sarsa,
    "accumulating": lambda **kind: SarsaLambda(trace="accumulating", trace_decay=0.7, **kind),
    "replacing": lambda **kind: SarsaLambda(trace="replacing", trace_decay=0.9, **kind),
}


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("environments", [1, 3, 20])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_it_equals_the_textbook_step_for_step(name, environments):
    algorithm = ALGORITHMS[name](learning_rate=0.2, discount=0.9, epsilon=0.3, environments=environments)
    expected, ends = by_hand(algorithm, graph(), 5, 400, Textbook(algorithm, (4, 2)))
    assert min(ends) > 5  # both terminated and truncated episodes
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(trained(algorithm, graph(), 5, 400).policy, expected, rtol=2e-4, atol=2e-4)


class Greedy(Textbook):
    """A broken twin: the target is Q-learning's."""

    def _teach(self, lessons):
        super()._teach([(step, lambda step=step: self._best(step)) for step, _ in lessons])

    def _best(self, step):
        return 0.0 if step.terminated else float(self.table[step.following].max())


class Uncleared(Textbook):
    """Another broken twin: traces are not cleared at the end of an episode."""

    def learn(self, steps):
        kept = self.trace.copy()
        super().learn(steps)
        ended = [step.environment for step in steps if step.terminated or step.truncated]
        self.trace[ended] = kept[ended]


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(("name", "twin"), [("sarsa", Greedy), ("replacing", Greedy), ("accumulating", Uncleared)])
def test_the_comparison_finds_another_target_and_a_trace_that_is_not_cleared(name, twin):
    algorithm = ALGORITHMS[name](learning_rate=0.2, discount=0.9, epsilon=0.3)
    broken, _ = by_hand(algorithm, graph(), 5, 100, twin(algorithm, (4, 2)))
    assert not np.allclose(trained(algorithm, graph(), 5, 100).policy, broken, rtol=0.05, atol=0.05)


def _update(algorithm, state, **step):
    def each(x):
        return jnp.array([[x]])

    names = ("observation", "action", "reward", "next_observation", "terminated", "truncated")
    steps = Steps(*(each(step[name]) for name in names), ())
    return algorithm.update(state, steps, jax.random.key(0))[0]


@pytest.mark.parametrize(
    ("terminated", "truncated", "expected"),
    [(False, False, 1.0), (True, False, 1.4), (False, True, 2.975), (True, True, 1.4)],
)
def test_two_steps_worked_by_hand(terminated, truncated, expected):
    # Q = [[0, 1], [1, 10], [20, 10]], α 0.1, γ 0.9, ε 0.5. First (0, 1) → reward 5 → state 1; this step waits.
    # Then (1, 0) is taken: Q(0, 1) = 1 + 0.1 (5 + 0.9 · 1 - 1) = 1.49, whatever max Q(1, ·) = 10 is.
    # If that step terminates, with reward 5: Q(1, 0) = 1 + 0.1 (5 - 1) = 1.4. If it is truncated in state 2:
    # Q(1, 0) = 1 + 0.1 (5 + 0.9 (0.5 · 20 + 0.5 · 15) - 1) = 2.975.
    algorithm = Sarsa(learning_rate=0.1, discount=0.9, epsilon=0.5)
    table = jnp.array([[0, 1], [1, 10], [20, 10]], jnp.float32)
    begin = algorithm.init(jax.random.key(0), Spaces(spaces.Discrete(3), spaces.Discrete(2)))
    state = dataclasses.replace(begin, policy=table)
    go_on = {"terminated": False, "truncated": False}
    state = _update(algorithm, state, observation=0, action=1, reward=5.0, next_observation=1, **go_on)
    np.testing.assert_array_equal(state.policy, table)  # the step waits, so nothing has changed
    cut = {"terminated": terminated, "truncated": truncated}
    state = _update(algorithm, state, observation=1, action=0, reward=5.0, next_observation=2, **cut)
    np.testing.assert_allclose(state.policy, [[0, 1.49], [expected, 10], [20, 10]], rtol=1e-6)
    assert bool(state.ongoing.going[0]) is not (terminated or truncated)


@pytest.mark.thorough
@given(
    seed=st.integers(0, 100), environments=st.sampled_from([1, 4]), rate=st.sampled_from([0.05, 0.3, 1.0]),
    discount=st.sampled_from([0.0, 0.9, 1.0]), kind=st.sampled_from(["accumulating", "replacing"]),
)  # fmt: skip
@settings(max_examples=15, deadline=None)
def test_without_traces_it_is_sarsa_bit_for_bit(seed, environments, rate, discount, kind):
    same = {"learning_rate": rate, "discount": discount, "epsilon": 0.3, "environments": environments}
    one = trained(Sarsa(**same), graph(), seed, 300)
    other = trained(SarsaLambda(trace=kind, trace_decay=0.0, **same), graph(), seed, 300)
    assert equal_bits(one.policy, other.policy)
    assert equal_bits(one.ongoing, other.ongoing.pending)


def test_with_traces_it_is_not_sarsa():
    one = trained(Sarsa(), graph(), 0, 300)
    other = trained(SarsaLambda(trace_decay=0.5), graph(), 0, 300)
    assert not np.allclose(one.policy, other.policy)


def test_traces_stay_within_their_bounds_and_are_cleared_at_both_ends():
    for kind, bound in (("replacing", 1.0), ("accumulating", 1 / (1 - 0.9**4))):
        # In the circle every episode is truncated after 8 steps: before and after the truncation.
        algorithm = SarsaLambda(trace=kind, trace_decay=1.0, discount=0.9)
        for iterations in (7, 8, 9, 15):
            state = trained(algorithm, cycle(), 0, iterations)
            assert state.ongoing.trace.max() <= bound
            assert (iterations % 8 == 0) == (not state.ongoing.trace.any() and not state.ongoing.pending.going.any())


@pytest.mark.parametrize("decay", [-0.1, 1.1, float("nan")])
def test_a_trace_decay_that_is_none_is_refused(decay):
    with pytest.raises(InputError, match=r"trace_decay = .* must be at least 0 and at most 1"):
        SarsaLambda(trace_decay=decay)
    with pytest.raises(InputError, match="one of accumulating, replacing"):
        SarsaLambda(trace="fading")
