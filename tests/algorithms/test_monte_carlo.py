"""Monte Carlo control equals the textbook's, which stores its episodes, with the same random numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textbook import by_hand, soft_value, trained
from toys import graph, table

from zerone.algorithms.monte_carlo import MonteCarlo
from zerone.algorithms.protocol import Steps
from zerone.algorithms.sarsa_lambda import SarsaLambda
from zerone.environments.spaces import Spaces


class Textbook:
    """Sutton & Barto 2018, section 5.4: keep the episode, go through it backwards, and average the returns."""

    def __init__(self, algorithm, shape):
        self.table, self.setting = np.zeros(shape, np.float32), algorithm
        self.learnt = np.zeros(shape, int)
        self.episodes = [[] for _ in range(algorithm.environments)]

    def learn(self, steps):
        ended = []
        for step in steps:
            self.episodes[step.environment].append(step)
            if step.terminated or step.truncated:
                ended.append((step, 0.0 if step.terminated else self._follows(step)))
        for step, follows in ended:
            self._average(self.episodes[step.environment], follows)
            self.episodes[step.environment] = []

    def _follows(self, step):
        return soft_value(self.table[step.following], self.setting.epsilon)

    def _average(self, episode, following):
        returns = {}
        for step in reversed(episode):
            following = step.reward + self.setting.discount * following
            returns.setdefault((step.state, step.action), []).append(following)
        for pair, found in returns.items():
            counted = found if self.setting.visits == "every" else found[-1:]
            n = len(counted)
            self.learnt[pair] += n
            weight = 1 - (1 - self.setting.learning_rate) ** n
            if self.setting.averaging:
                weight = max(weight, n / self.learnt[pair])
            self.table[pair] += weight * (sum(counted) / n - self.table[pair])


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("environments", [1, 3])
@pytest.mark.parametrize("averaging", [True, False])
@pytest.mark.parametrize("visits", ["first", "every"])
def test_it_equals_the_textbook_step_for_step(visits, averaging, environments):
    algorithm = MonteCarlo(
        learning_rate=0.05, discount=0.9, epsilon=0.3, visits=visits, averaging=averaging, environments=environments
    )
    expected, ends = by_hand(algorithm, graph(), 5, 400, Textbook(algorithm, (4, 2)))
    assert min(ends) > 5  # both terminated and truncated episodes
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(trained(algorithm, graph(), 5, 400).policy, expected, rtol=2e-4, atol=2e-4)


class CutIsEnd(Textbook):
    """A broken twin: the value of the last state is ignored if an episode was truncated."""

    def _follows(self, step):
        del step
        return 0.0


@pytest.mark.parametrize(("twin", "visits"), [(CutIsEnd, "first"), (Textbook, "every")])
def test_the_comparison_finds_a_cut_that_is_taken_for_an_end_and_the_other_visits(twin, visits):
    same = {"learning_rate": 0.05, "discount": 0.9, "epsilon": 0.3, "averaging": False}
    algorithm = MonteCarlo(visits="first", **same)
    broken, _ = by_hand(algorithm, graph(), 5, 200, twin(MonteCarlo(visits=visits, **same), (4, 2)))
    assert not np.allclose(trained(algorithm, graph(), 5, 200).policy, broken, rtol=0.02, atol=0.02)


SMALL = Spaces(graph().observation_space, graph().action_space)
# The settings are arguments, so that another step size or discount needs no new compilation.
INIT = jax.jit(lambda algorithm: algorithm.init(jax.random.key(0), SMALL))
UPDATE = jax.jit(lambda algorithm, state, steps: algorithm.update(state, steps, jax.random.key(0))[0])


def _lived(algorithm, episode, cut=False):
    """The state after one episode of (state, action, reward), which is terminated or truncated in state 3."""
    state = INIT(algorithm)
    for t, (observation, action, reward) in enumerate(episode):
        last = t == len(episode) - 1
        following = 3 if last else episode[t + 1][0]
        step = observation, action, reward, following, last and not cut, last and cut
        steps = Steps(*(np.array([[x]], jax.dtypes.canonicalize_dtype(type(x))) for x in step), ())
        state = UPDATE(algorithm, state, steps)
    return jax.tree.map(np.asarray, state)


def test_returns_worked_by_hand():
    # Rewards: 1 for (0, 0), 2 for (1, 0), 3 for (0, 0) again, then the end; γ = 0.5.
    episode = [(0, 0, 1.0), (1, 0, 2.0), (0, 0, 3.0)]
    returns = 1 + 0.5 * (2 + 0.5 * 3), 2 + 0.5 * 3, 3.0
    first = _lived(MonteCarlo(discount=0.5, visits="first"), episode)
    every = _lived(MonteCarlo(discount=0.5, visits="every"), episode)
    np.testing.assert_allclose(first.policy[:2, 0], returns[:2], rtol=1e-6)
    np.testing.assert_allclose(every.policy[:2, 0], [(returns[0] + returns[2]) / 2, returns[1]], rtol=1e-6)
    assert first.learnt[0, 0] == 1
    assert every.learnt[0, 0] == 2
    for state in (first, every):
        assert not any(np.asarray(leaf).any() for leaf in jax.tree.leaves(state.ongoing))


EPISODES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(-9, 9)), min_size=1, max_size=12)


@given(episode=EPISODES, cut=st.booleans(), discount=st.sampled_from([0.0, 0.7, 1.0]))
@settings(max_examples=10, deadline=None)
def test_accumulating_sarsa_with_all_of_the_trace_agrees_in_the_limit(episode, cut, discount):
    # With a small step size the table hardly changes within an episode, as if updated at its end. Then the sum of
    # Sarsa(1)'s changes is α Σ (G_t - Q), as of every-visit Monte Carlo (Sutton & Barto 1998, section 7.4).
    rate = 2.0**-14
    episode = [(observation, action, float(reward)) for observation, action, reward in episode]
    same = {"learning_rate": rate, "discount": discount}
    one = _lived(SarsaLambda(trace="accumulating", trace_decay=1.0, **same), episode, cut)
    other = _lived(MonteCarlo(visits="every", averaging=False, **same), episode, cut)
    np.testing.assert_allclose(np.asarray(one.policy) / rate, np.asarray(other.policy) / rate, rtol=0.01, atol=0.05)


def test_other_traces_than_those_do_not_agree():
    episode = [(0, 0, 1.0), (1, 0, 2.0), (0, 0, 3.0)]
    same = {"learning_rate": 2.0**-14, "discount": 0.7}
    other = _lived(MonteCarlo(visits="every", averaging=False, **same), episode)
    for changed in ({"trace": "replacing", "trace_decay": 1.0}, {"trace": "accumulating", "trace_decay": 0.9}):
        one = _lived(SarsaLambda(**changed, **same), episode)
        assert not np.allclose(one.policy, other.policy, rtol=0.02)


def test_averaging_gives_the_plain_mean_of_chance_and_a_step_size_follows_it():
    # In state 0 either action ends the episode. The value of each is certain, but the choice is random.
    world = table([0], [(1.0, 3.0)], [1])
    state = trained(MonteCarlo(learning_rate=1e-6, epsilon=1.0), world, 0, 500)
    np.testing.assert_allclose(state.policy[0], [1.0, 3.0], rtol=1e-5)
    assert state.learnt.sum() == 500


@pytest.mark.thorough(after=2)
@pytest.mark.parametrize("rate", [0.01, 0.5, 1.0])
def test_no_number_of_visits_moves_the_table_beyond_the_mean(rate):
    algorithm = MonteCarlo(learning_rate=rate, visits="every", averaging=False)
    weight = algorithm.weight(jnp.arange(200.0), jnp.arange(200), rate)
    np.testing.assert_allclose(weight, 1 - (1 - rate) ** np.arange(200), rtol=1e-4)
    assert weight.max() <= 1.0
    assert 200 * 0.01 > 1  # broken twin: n α > 1, so the table would diverge
