"""REINFORCE: its gradient against the closed form and in expectation; long, truncated and partial episodes."""

import dataclasses
import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium import spaces
from linear import gradient_of, linear_policy, score, values
from scipy import special
from toys import small_reinforce, table

from zerone.algorithms.protocol import Steps
from zerone.algorithms.reinforce import ROWS, Episodes, Reinforce, State
from zerone.base.errors import InputError
from zerone.engines.compiled import Compiled, _advance
from zerone.environments.spaces import Spaces
from zerone.parts.returns import discounted_return

BOTH = pytest.mark.parametrize("continuous", [False, True], ids=["discrete", "continuous"])
GRADIENT = jax.jit(lambda algorithm, *rest: algorithm.gradient(*rest))
UPDATE = jax.jit(lambda algorithm, state, step: algorithm.update(state, step, jax.random.key(0)))


@dataclasses.dataclass
class Episode:
    """Random steps of one environment, and how the episode ended."""

    observation: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    last: np.ndarray
    terminated: bool


def episode(seed, length, *, continuous, terminated=True, rewards=None):
    random = np.random.default_rng(seed)
    seen = random.normal(size=(length + 1, 3)).astype(np.float32)
    action = random.normal(size=(length, 2)).astype(np.float32) if continuous else random.integers(2, size=length)
    reward = random.normal(size=length).astype(np.float32) if rewards is None else np.array(rewards)
    return Episode(seen[:-1], action, reward, seen[-1], terminated)


def _returns(played_episode, discount, following):
    """G_t by its definition, with the value used for the state after a truncation."""
    length = len(played_episode.reward)
    bootstrap = 0.0 if played_episode.terminated else following
    return np.array(
        [
            sum(discount ** (k - t) * played_episode.reward[k] for k in range(t, length))
            + discount ** (length - t) * bootstrap
            for t in range(length)
        ]
    )


def _by_hand(policy, played_episode, algorithm, guard=True):
    """-Σ weight ∇ ln π and -Σ (G - V) ∇ V of one episode, in closed form."""
    discount = algorithm.discount
    following = values(policy, played_episode.last[None])[0] if algorithm.baseline else 0.0
    weight = _returns(played_episode, discount, following)
    found = {}
    if algorithm.baseline:
        weight = weight - values(policy, played_episode.observation)
        found["critic"] = -(weight @ played_episode.observation)[:, None]
    if algorithm.normalize and (len(weight) > 1 or not guard):
        weight = (weight - weight.mean()) / weight.std()
    if algorithm.discount_steps:
        weight = weight * discount ** np.arange(len(weight))
    slopes = score(policy, played_episode.observation, played_episode.action)
    return found | {name: -np.tensordot(weight, each, 1) for name, each in slopes.items()}


def _state(algorithm, policy):
    """A state of `algorithm` with this policy."""
    continuous = policy.log_deviation is not None
    action = spaces.Box(-1, 1, (2,)) if continuous else spaces.Discrete(2)
    made = Spaces(spaces.Box(-9, 9, (3,)), action)
    born = jax.jit(lambda key: algorithm.init(key, made))(jax.random.key(0))
    return State(policy, algorithm.optimizer().init(policy), born.ongoing, born.measured)


def _moments(played_episode):
    """The steps of N episodes in parallel, one block per time step; leaves [1, N, ...]."""
    for t in range(len(played_episode[0].reward)):
        over = [t == len(each.reward) - 1 for each in played_episode]
        following = [
            each.last if end else each.observation[t + 1] for each, end in zip(played_episode, over, strict=True)
        ]
        columns = (
            [each.observation[t] for each in played_episode], [each.action[t] for each in played_episode],
            [each.reward[t] for each in played_episode], following,
            [end and each.terminated for each, end in zip(played_episode, over, strict=True)],
            [end and not each.terminated for each, end in zip(played_episode, over, strict=True)],
        )  # fmt: skip
        yield Steps(*(np.stack(column)[None] for column in columns), ())


def _played(algorithm, state, played_episode):
    """The algorithm's states after each of the steps."""
    states = []
    for step in _moments(played_episode):
        state, _ = UPDATE(algorithm, state, step)
        states.append(state)
    return states


def _one(**changed):
    return small_reinforce(**{"environments": 1, "max_gradient_norm": 1e9, **changed})


def _gradient(algorithm, policy, played_episode):
    """The gradient of one episode, as computed within `update`."""
    length, room = len(played_episode.reward), algorithm.longest_episode

    def padded(x):
        return np.concatenate([x, np.full((room - length, *x.shape[1:]), 7, x.dtype)])[:, None]

    kept = Episodes(
        padded(played_episode.observation),
        padded(played_episode.action),
        padded(played_episode.reward),
        np.array([length]),
    )
    *_, last = _moments([played_episode])
    over = np.ones(1, bool)
    return GRADIENT(algorithm, policy, kept, jax.tree.map(lambda x: x[0], last), over)[0]


def _fits(found, expected):
    return all(np.allclose(gradient_of(found, name), each, rtol=1e-3, atol=1e-3) for name, each in expected.items())


@pytest.mark.thorough(after=2)
@BOTH
@pytest.mark.parametrize("baseline", [False, True], ids=["plain", "baseline"])
@pytest.mark.parametrize("normalize", [False, True], ids=["returns", "normalised"])
@pytest.mark.parametrize("discount_steps", [False, True], ids=["usual", "textbook"])
@pytest.mark.parametrize("terminated", [False, True], ids=["cut", "ended"])
def test_the_gradient_is_the_textbooks(continuous, baseline, normalize, discount_steps, terminated):
    algorithm = _one(baseline=baseline, normalize=normalize, discount_steps=discount_steps)
    policy = linear_policy(1, 3, 2, continuous=continuous, critic=baseline)
    played_episode = episode(3, 7, continuous=continuous, terminated=terminated)
    found = _gradient(algorithm, policy, played_episode)
    assert _fits(found, _by_hand(policy, played_episode, algorithm))
    # Broken twins: other discounts, and with a baseline a termination instead of a truncation.
    assert not _fits(found, _by_hand(policy, played_episode, dataclasses.replace(algorithm, discount=1.0)))
    assert not _fits(
        found, _by_hand(policy, played_episode, dataclasses.replace(algorithm, discount_steps=not discount_steps))
    )
    other = dataclasses.replace(played_episode, terminated=not terminated)
    assert _fits(found, _by_hand(policy, other, algorithm)) is not baseline


def _exact(logits, reward, discount):
    """E[R_1 + discount R_2] of a softmax policy over two steps; the second state is the first action."""
    first = jax.nn.softmax(logits[0])
    second = jnp.stack([jax.nn.softmax(row) for row in logits[1:]])
    return (first * (reward[0] + discount * (second * reward[1:]).sum(1))).sum()


def _expected_gradient(algorithm, policy, reward):
    """The expected -gradient: the mean over all four episodes, weighted with their probabilities."""
    logits = np.float64(policy.actor.weight)
    total = np.zeros_like(logits)
    for first, second in itertools.product(range(2), repeat=2):
        rewards = [reward[0, first], reward[1 + first, second]]
        seen = np.eye(3, dtype=np.float32)[[0, 1 + first]]
        played_episode = Episode(seen, np.array([first, second]), np.float32(rewards), np.zeros(3, np.float32), True)
        likely = special.softmax(logits[0])[first] * special.softmax(logits[1 + first])[second]
        total -= likely * gradient_of(_gradient(algorithm, policy, played_episode), "actor")
    return total


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("baseline", [False, True], ids=["plain", "baseline"])
def test_in_expectation_the_gradient_is_that_of_the_expected_return(baseline):
    # Williams 1992, theorem 2; and a baseline does not change the expectation (Sutton & Barto 2018, eq. 13.10).
    reward = np.float32([[1.0, -0.5], [2.0, 0.3], [-1.0, 4.0]])
    policy = linear_policy(5, 3, 2, continuous=False, critic=baseline)
    textbook = _one(baseline=baseline, discount_steps=True)
    for discount in (0.6, 1.0):
        truth = jax.grad(_exact)(policy.actor.weight, reward, discount)
        found = _expected_gradient(dataclasses.replace(textbook, discount=discount), policy, reward)
        np.testing.assert_allclose(found, truth, rtol=1e-4, atol=1e-5)
        usual = dataclasses.replace(textbook, discount=discount, discount_steps=False)
        # Without the weights discount^t the direction differs, unless the discount is 1.
        assert np.allclose(_expected_gradient(usual, policy, reward), truth, rtol=1e-4, atol=1e-5) == (discount == 1.0)


@pytest.mark.thorough(after=1)
@BOTH
def test_nothing_is_learnt_before_the_episode_is_over_and_then_adam_makes_one_step(continuous):
    algorithm, played_episode = _one(baseline_learning_rate=0.002), episode(3, 7, continuous=continuous)
    policy = linear_policy(1, 3, 2, continuous=continuous)
    *before, after = _played(algorithm, _state(algorithm, policy), [played_episode])
    for state in before:
        assert all(np.array_equal(*pair) for pair in zip(*map(jax.tree.leaves, (state.policy, policy)), strict=True))
    for name, gradient in _by_hand(policy, played_episode, algorithm).items():
        step = (0.002 if name == "critic" else 0.01) * gradient / (np.abs(gradient) + 1e-8)
        moved = gradient_of(after.policy, name) - gradient_of(policy, name)
        np.testing.assert_allclose(moved, -step, rtol=1e-3, atol=1e-6)
    assert int(after.ongoing.length[0]) == 0
    assert float(after.measured["discounted_return"]) == pytest.approx(_returns(played_episode, 0.9, 0.0)[0], rel=1e-4)


def test_the_next_episode_knows_nothing_of_the_one_before():
    algorithm = _one(learning_rate=1e-12, baseline_learning_rate=1e-12)  # the policy stays the same
    state = _state(algorithm, linear_policy(1, 3, 2, continuous=False))
    long, short = episode(3, 9, continuous=False), episode(4, 4, continuous=False)
    alone = _played(algorithm, state, [short])[-1].measured
    after = _played(algorithm, _played(algorithm, state, [long])[-1], [short])[-1].measured
    for name, value in alone.items():
        assert float(after[name]) == pytest.approx(float(value), rel=1e-4), name


def test_what_an_update_measures_stays_until_the_next_one():
    algorithm = _one()
    state = _state(algorithm, linear_policy(1, 3, 2, continuous=False))
    first, second = episode(3, 5, continuous=False), episode(4, 5, continuous=False)
    measured = _played(algorithm, state, [first])[-1].measured
    later = _played(algorithm, _played(algorithm, state, [first])[-1], [second])
    for each in later[:-1]:
        assert each.measured == measured
    assert later[-1].measured != measured


def test_episodes_of_several_environments_are_learnt_from_as_each_is_over():
    algorithm = small_reinforce(max_gradient_norm=1e9)
    policy = linear_policy(1, 3, 2, continuous=False)
    pair = [episode(3, 6, continuous=False), episode(4, 6, continuous=False)]
    state = _state(algorithm, policy)
    kept = [np.stack([getattr(each, name) for each in pair], 1) for name in ("observation", "action", "reward")]
    padded = [np.concatenate([x, np.zeros((4, *x.shape[1:]), x.dtype)]) for x in kept]
    *_, last = _moments(pair)
    last = jax.tree.map(lambda x: x[0], last)
    length = np.array([6, 6])
    both = GRADIENT(algorithm, policy, Episodes(*padded, length), last, np.array([True, True]))[0]
    one = GRADIENT(algorithm, policy, Episodes(*padded, length), last, np.array([False, True]))[0]
    hands = [_by_hand(policy, each, algorithm) for each in pair]
    assert _fits(one, hands[1])
    assert _fits(both, {name: (hands[0][name] + hands[1][name]) / 2 for name in hands[0]})
    assert not _fits(both, hands[0])
    *before, after = _played(algorithm, state, pair)
    assert np.array_equal(before[-1].policy.actor.weight, policy.actor.weight)
    assert not np.array_equal(after.policy.actor.weight, policy.actor.weight)


def test_an_episode_longer_than_there_is_room_is_learnt_from_as_if_it_was_cut():
    algorithm = _one(longest_episode=5)
    policy = linear_policy(1, 3, 2, continuous=False)
    whole = episode(3, 8, continuous=False)
    states = _played(algorithm, _state(algorithm, policy), [whole])
    lengths = [int(state.ongoing.length[0]) for state in states]
    assert lengths == [1, 2, 3, 4, 0, 1, 2, 0]
    cut = Episode(whole.observation[:5], whole.action[:5], whole.reward[:5], whole.observation[5], False)
    as_cut = _played(algorithm, _state(algorithm, policy), [cut])[-1]
    np.testing.assert_allclose(states[4].policy.actor.weight, as_cut.policy.actor.weight, rtol=1e-6)
    assert float(states[4].measured["discounted_return"]) == float(as_cut.measured["discounted_return"])


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("baseline", [False, True])
def test_an_episode_of_one_step_breaks_nothing(normalize, baseline):
    algorithm = _one(normalize=normalize, baseline=baseline)
    policy = linear_policy(1, 3, 2, continuous=False, critic=baseline)
    played_episode = episode(3, 1, continuous=False)
    found = _gradient(algorithm, policy, played_episode)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found))
    assert _fits(found, _by_hand(policy, played_episode, algorithm))
    if normalize:
        with np.errstate(invalid="ignore"):  # the broken twin divides by a deviation of 0
            assert np.isnan(_by_hand(policy, played_episode, algorithm, guard=False)["actor"]).all()
        assert np.abs(found.actor.weight).max() > 1e-3  # and the gradient is not 0 either


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("baseline", [False, True])
def test_where_every_episode_is_one_step_long_normalised_returns_teach_too(baseline):
    # Two actions, of which the second has a reward of 1. Normalised within an episode, all returns would be 0.
    environment = table([0], [(0, 1)], [1])
    engine = Compiled(_one(normalize=True, baseline=baseline, environments=2), environment)
    (carry,) = engine.advance([engine.init(0)], [0], [0], 1_000)
    engine.close()
    chance = np.exp(carry.state.policy.distribution(np.zeros(1, np.int32)).log_probability(np.ones(1, np.int32)))
    assert float(chance[0]) > 0.9


def _whole(policy, algorithm, episodes, last, over):
    """Gradient and metrics from all rows at once, as an earlier version computed them (for short episodes only)."""
    rows = jnp.arange(algorithm.longest_episode)[:, None]
    inside, at_last = over[None] & (rows < episodes.length[None]), rows == episodes.length[None] - 1
    following = policy.value(last.next_observation) if algorithm.baseline else jnp.zeros(len(over))
    ended = at_last & last.terminated[None]
    next_value = jnp.broadcast_to(following[None], ended.shape)
    columns = jnp.asarray(episodes.reward, jnp.float32), next_value, ended, at_last & ~ended
    returns = discounted_return(*columns, algorithm.discount)
    steps, number = inside.sum(), over.sum()

    def total(x):
        return jnp.where(inside, x, 0.0).sum()

    def loss(policy):
        distribution = policy.distribution(episodes.observation)
        weight, value_loss = returns, 0.0
        if algorithm.baseline:
            error = returns - policy.value(episodes.observation)
            weight, value_loss = jax.lax.stop_gradient(error), total(error**2)
        if algorithm.normalize:
            count = jnp.maximum(inside.sum(0), 1)
            mean = jnp.where(inside, weight, 0.0).sum(0) / count
            centred = jnp.where(inside, weight - mean[None], 0.0)
            weight = centred / (jnp.sqrt((centred**2).sum(0) / count) + 1e-5 * jnp.abs(mean) + 1e-8)[None]
        if algorithm.discount_steps:
            weight = weight * algorithm.discount**rows
        chosen = policy.as_drawn(episodes.action)
        policy_loss = -total(weight * distribution.log_probability(chosen)) / number
        measured = {
            "policy_loss": policy_loss,
            "value_loss": value_loss / steps,
            "entropy": total(distribution.entropy()) / steps,
            "discounted_return": jnp.where(over, returns[0], 0.0).sum() / number,
        }
        return policy_loss + 0.5 * value_loss / number, measured

    return jax.grad(loss, has_aux=True)(policy)


def _near(one, other):
    leaves = list(zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True))
    size = max(float(np.abs(x).max()) for _, x in leaves)
    return all(np.allclose(a, b, rtol=2e-4, atol=2e-5 * size) for a, b in leaves)


LONGEST = 3 * ROWS + 7
LENGTHS = [(1, 2), (ROWS - 1, 3), (ROWS, ROWS + 1), (2 * ROWS, 5), (LONGEST - 1, 2 * ROWS + 9), (LONGEST, ROWS)]


@pytest.mark.thorough(after=1)
@BOTH
@pytest.mark.parametrize("baseline", [False, True], ids=["plain", "baseline"])
@pytest.mark.parametrize("normalize", [False, True], ids=["returns", "normalised"])
def test_in_parts_the_gradient_is_that_of_the_whole(continuous, baseline, normalize):
    algorithm = small_reinforce(longest_episode=LONGEST, baseline=baseline, normalize=normalize, discount=0.98)
    policy = linear_policy(1, 3, 2, continuous=continuous, critic=baseline)
    whole = jax.jit(_whole)
    random = np.random.default_rng(0)
    shape = LONGEST, 2
    # Rows beyond the length of an episode are left over from another one and must not count.
    seen, following = random.normal(size=(*shape, 3)).astype(np.float32), random.normal(size=(2, 3)).astype(np.float32)
    action = random.normal(size=(*shape, 2)).astype(np.float32) if continuous else random.integers(2, size=shape)
    reward = (random.normal(size=shape) - 1).astype(np.float32)
    for lengths in LENGTHS:
        for over in ((True, True), (True, False), (False, True)):
            if not normalize or all(length > 1 for length, ends in zip(lengths, over, strict=True) if ends):
                ended = random.random(2) < 0.5
                last = Steps(following, action[0], reward[0], following, ended, ~ended, ())
                kept = Episodes(seen, action, reward, np.array(lengths, np.int32))
                here = kept, last, np.array(over)
                for textbook in (False, True):
                    chosen = dataclasses.replace(algorithm, discount_steps=textbook)
                    found, expected = GRADIENT(chosen, policy, *here), whole(policy, chosen, *here)
                    assert _near(found[0], expected[0]), (lengths, over, textbook)
                    for name, value in expected[1].items():
                        assert float(found[1][name]) == pytest.approx(float(value), rel=2e-3, abs=1e-4), name


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("changed", [{}, {"normalize": True}, {"baseline": False}, {"environments": 1}], ids=str)
def test_no_step_and_no_update_costs_more_for_a_longer_longest_episode(changed):
    # The compiled training creates no array as long as the longest episode: steps are written in place, parts are read.
    long = 123_457
    algorithm, environment = small_reinforce(longest_episode=long, **changed), table([1, 2, 3, 0], [1] * 4, [0] * 4)
    carry = Compiled(algorithm, environment).saved_example()
    number, seed = jax.ShapeDtypeStruct((), jnp.int32), jax.ShapeDtypeStruct((), jnp.uint32)
    program = _advance.lower(algorithm, environment, carry, seed, number, number).compile().as_text()
    made = set(re.findall(rf"= \S*\[{long}[,\]]\S* ([\w-]+)\(", program))
    assert made <= {"parameter", "get-tuple-element", "scatter", "dynamic-update-slice", "fusion", "bitcast"}
    inside = re.findall(rf"%(\S+) \([^)]*\) -> \S*\[{long}[,\]]", program)
    assert inside  # each of these fusions is a write in place, which is its last operation
    for name in inside:
        body = program.split(f"%{name} (", 1)[1].split("\n}", 1)[0]
        assert re.search(r"ROOT .* (scatter|dynamic-update-slice|bitcast)\(", body), name


def test_whole_rewards_are_discounted_as_numbers_and_not_as_integers():
    algorithm = _one(normalize=True, baseline=False)
    policy = linear_policy(1, 3, 2, continuous=False, critic=False)
    whole = episode(3, 6, continuous=False, rewards=[1, 1, 0, 1, 2, 1])
    assert whole.reward.dtype == np.int64
    fractions = dataclasses.replace(whole, reward=whole.reward.astype(np.float32))
    state = _state(algorithm, policy)
    after, other = (_played(algorithm, state, [each])[-1] for each in (whole, fractions))
    np.testing.assert_array_equal(after.policy.actor.weight, other.policy.actor.weight)
    truth = _returns(fractions, 0.9, 0.0)
    assert float(after.measured["discounted_return"]) == pytest.approx(truth[0], rel=1e-5)
    # The broken twin, `zeros_like` of integer rewards, rounds the returns to integers.
    twin, later = np.zeros_like(whole.reward), 0.0
    for t in reversed(range(6)):
        later = whole.reward[t] + 0.9 * later
        twin[t] = later
    assert not np.allclose(twin, truth, rtol=0.01)


def test_a_baseline_sees_through_the_time_limit():
    # With a discount of 0.9, a reward of 1 for ever has the value 10; for eight steps it has at most 5.7.
    environment = table([1, 2, 3, 0], [1, 1, 1, 1], [0, 0, 0, 0])
    engine = Compiled(small_reinforce(), environment)
    (carry,) = engine.advance([engine.init(0)], [0], [0], 8000)
    engine.close()
    found = carry.state.policy.value(jnp.arange(4))
    np.testing.assert_allclose(found, 10.0, atol=0.6)
    assert (1 - 0.9**8) / 0.1 < 6


def test_an_option_that_would_be_ignored_is_refused():
    with pytest.raises(InputError, match=r"baseline_learning_rate = 0.1 is not allowed: .* without baseline"):
        Reinforce(baseline_learning_rate=0.1)
    assert Reinforce(baseline_learning_rate=0.1, baseline=True).baseline
