"""SAC: the density of its actions, its gradients and targets, the temperature, and exploration."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from by_hand import backward, forward, layers
from gymnasium import spaces
from scipy import stats
from toys import equal_bits, small_ddpg, small_sac

from zerone.algorithms import catalogue
from zerone.algorithms.off_policy import Transition
from zerone.algorithms.off_policy_actor import Networks
from zerone.algorithms.protocol import initial_memory
from zerone.algorithms.sac import SAC
from zerone.base.errors import InputError
from zerone.base.pytree import struct
from zerone.environments.spaces import Spaces
from zerone.parts import squashed
from zerone.parts.layers import Linear
from zerone.parts.squashed import SquashedActor, SquashedNormal

SPACES = Spaces(spaces.Box(-1.0, 1.0, (3,), np.float32), spaces.Box(-2.0, 6.0, (2,), np.float32))
INIT = jax.jit(lambda algorithm, key: algorithm.init(key, SPACES))
ROWS = 12


# The density


def _mass(mean, log_deviation):
    """The integral of π over (-1, 1), by the trapezoidal rule between the actions for a grid of noise values."""
    noise = np.linspace(-8, 8, 4_001, dtype=np.float32)[:, None]
    both = (np.full_like(noise, each) for each in (mean, log_deviation))
    action, log_probability = map(np.float64, jax.jit(lambda d, z: d.draw(z))(SquashedNormal(*both), noise))
    density = np.exp(log_probability)
    return float(((density[1:] + density[:-1]) / 2 * np.diff(action[:, 0])).sum())


@pytest.mark.parametrize(("mean", "log_deviation"), [(0.0, 0.0), (0.7, -1.5), (-1.5, 0.3)])
def test_the_density_integrates_to_1(mean, log_deviation):
    assert _mass(mean, log_deviation) == pytest.approx(1.0, abs=1e-3)


def test_the_detector_of_the_density_catches_that_of_the_unsquashed_normal(monkeypatch):
    monkeypatch.setattr(SquashedNormal, "draw", lambda self, noise: (
        jnp.tanh(self.mean + jnp.exp(self.log_deviation) * noise),
        (-0.5 * noise**2 - self.log_deviation - 0.5 * np.log(2 * np.pi)).sum(-1)))  # fmt: skip
    assert abs(_mass(0.7, 0.0) - 1.0) > 0.1


def test_the_log_density_is_that_of_scipy_with_the_change_of_volume_and_holds_far_out():
    random = np.random.default_rng(0)
    mean, log_deviation, noise = random.normal(size=(3, 50, 2)).astype(np.float32)
    action, found = jax.jit(lambda d, z: d.draw(z))(SquashedNormal(mean, log_deviation / 2), noise)
    raw = np.float64(mean) + np.exp(np.float64(log_deviation) / 2) * noise
    normal = stats.norm(np.float64(mean), np.exp(np.float64(log_deviation) / 2)).logpdf(raw)
    np.testing.assert_allclose(action, np.tanh(raw), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found, (normal - np.log1p(-(np.tanh(raw) ** 2))).sum(-1), rtol=1e-4, atol=1e-4)
    # If tanh u is 1 in float32: ln(1 - tanh² u) → ln 4 - 2|u|.
    far = SquashedNormal(np.float32([[30.0], [-30.0]]), np.zeros((2, 1), np.float32))
    edge, log_probability = far.draw(np.zeros((2, 1), np.float32))
    np.testing.assert_array_equal(edge, [[1.0], [-1.0]])
    np.testing.assert_allclose(log_probability, -0.5 * np.log(2 * np.pi) - np.log(4) + 60, rtol=1e-6)


def test_deviations_stay_within_their_bounds():
    actor = SquashedActor(Linear(np.zeros((3, 4), np.float32), np.float32([0, 0, -99, 99])), jnp.float32(0), (2,))
    found = actor.distribution(np.zeros((1, 3), np.float32)).log_deviation
    np.testing.assert_array_equal(found, [[squashed.LEAST, squashed.MOST]])


# Gradients and targets, in NumPy


def _drawn(actor, seen, noise):
    """The hidden layer, μ, σ, the actions and their ln π."""
    hidden, output = forward(actor, seen)
    mean, deviation = output[:, :2], np.exp(np.clip(output[:, 2:], -20, 2))
    action = np.tanh(mean + deviation * noise)
    log_probability = stats.norm.logpdf(noise) - np.log(deviation) - np.log1p(-(action**2))
    return hidden, deviation, action, log_probability.sum(-1)


@pytest.fixture(scope="module")
def made_up():
    """Networks and a batch, also as NumPy arrays."""
    algorithm = small_sac(temperature=0.3, discount=0.9)
    state, random = INIT(algorithm, jax.random.key(0)), np.random.default_rng(1)
    other = INIT(algorithm, jax.random.key(5)).learner.critic  # target networks that differ from the critics
    seen, following = random.normal(size=(2, ROWS, 3)).astype(np.float32)
    action = random.uniform(-1, 1, (ROWS, 2)).astype(np.float32)
    discount = np.where(random.random(ROWS) < 0.4, 0.0, 0.9).astype(np.float32)
    batch = Transition(seen, action, random.normal(size=ROWS).astype(np.float32), following, discount)
    normals = random.normal(size=(2, ROWS, 2)).astype(np.float32)
    return algorithm, state, Networks(None, other), batch, normals


def _target(made_up, least=np.minimum, entropy=1.0):
    """The target y of each transition, in NumPy."""
    _, state, target, batch, normals = made_up
    _, _, action, log_probability = _drawn(layers(state.policy.actor.network), batch.next_observation, normals[0])
    both = np.concatenate([batch.next_observation, action], 1)
    first, second = (
        forward(layers(each.network), both)[1][:, 0] for each in (target.critic.first, target.critic.second)
    )
    return batch.reward + batch.discount * (least(first, second) - entropy * 0.3 * log_probability)


def _critic_gradient_fits(made_up, weights=None):
    algorithm, state, target, batch, normals = made_up
    weights = np.ones(ROWS, np.float32) if weights is None else weights
    critic, actor = state.learner.critic, state.policy.actor
    cost = jax.jit(jax.grad(lambda *given: algorithm.critic_cost(*given)[0]))
    found = cost(critic, actor, target, batch, weights, normals)
    y, both = _target(made_up), np.concatenate([batch.observation, batch.action], 1)
    fits = []
    for mine, its in ((critic.first, found.first), (critic.second, found.second)):
        hidden, value = forward(layers(mine.network), both)
        slope = -(weights * (y - value[:, 0]))[:, None] / ROWS
        gradient, _ = backward(layers(mine.network), both, hidden, slope)
        pairs = zip(gradient, layers(its.network), strict=True)
        fits += [np.allclose(one, other, rtol=1e-3, atol=1e-5) for one, other in pairs]
    return all(fits)


def test_both_critics_gradients_and_their_target_are_those_of_numpy(made_up):
    assert _critic_gradient_fits(made_up)
    assert _critic_gradient_fits(made_up, np.linspace(0.1, 1, ROWS, dtype=np.float32))


def test_the_detector_of_targets_catches_three_broken_twins(made_up, monkeypatch):
    def larger(_, actor, target, observation, normals):
        action, log_probability = actor.distribution(observation).draw(normals[0])
        return target.critic(observation, action).max(0) - actor.temperature * log_probability

    def hard(_, actor, target, observation, normals):
        return target.critic(observation, actor.distribution(observation).draw(normals[0])[0]).min(0)

    def online_noise(self, actor, target, observation, normals):
        return SAC_NEXT_VALUE(self, actor, target, observation, normals[1:])

    for twin in (larger, hard, online_noise):
        monkeypatch.setattr(SAC, "next_value", twin)
        assert not _critic_gradient_fits(made_up)


SAC_NEXT_VALUE = SAC.next_value


def test_the_actor_s_and_the_temperature_s_gradients_are_those_of_numpy(made_up):
    algorithm, state, _, batch, normals = made_up
    actor, critic = state.policy.actor, state.learner.critic
    gradient = jax.jit(jax.grad(lambda *given: algorithm.actor_cost(*given), has_aux=True))
    found, measured = gradient(actor, critic, batch.observation, normals)
    mine, noise = layers(actor.network), normals[1]
    hidden, deviation, action, log_probability = _drawn(mine, batch.observation, noise)
    both = np.concatenate([batch.observation, action], 1)
    values, slopes = [], []
    for each in (critic.first, critic.second):
        inner, value = forward(layers(each.network), both)
        values.append(value[:, 0])
        slopes.append(backward(layers(each.network), both, inner, np.ones((ROWS, 1)))[1][:, 3:])
    first = values[0] < values[1]
    assert 0 < first.sum() < ROWS  # each critic is the smaller one somewhere
    slope = np.where(first[:, None], *slopes) * (1 - action**2)  # of min Q by u
    by_mean = 0.3 * 2 * action - slope
    by_log_deviation = 0.3 * (-1 + 2 * action * deviation * noise) - slope * deviation * noise
    expected, _ = backward(mine, batch.observation, hidden, np.concatenate([by_mean, by_log_deviation], 1) / ROWS)
    for one, other in zip(layers(found.network), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
    # The gradient by ln α is minus the mean of ln π + H̄, and H̄ is -1 for each of two components.
    assert float(found.log_temperature) == pytest.approx(-(log_probability.mean() - 2), rel=1e-4)
    assert float(measured["entropy"]) == pytest.approx(-log_probability.mean(), rel=1e-4)
    assert float(measured["actor_q"]) == pytest.approx(np.minimum(*values).mean(), rel=1e-3)
    fixed = dataclasses.replace(algorithm, learn_temperature=False)
    still, _ = jax.grad(fixed.actor_cost, has_aux=True)(actor, critic, batch.observation, normals)
    assert float(still.log_temperature) == 0.0


# The temperature


@struct
class Bowl:
    """Two critics with Q(s, a) = -½ k |a|²."""

    steepness: float

    def __call__(self, seen, action):
        value = -0.5 * self.steepness * jnp.square(action).sum(-1)
        return jnp.stack([value, value + 0.0 * seen.sum(-1)])


def test_temperature_and_policy_have_the_known_fixed_point():
    # The best policy is proportional to exp(Q/α): normal with σ² = α/k, here far within the bounds. Its entropy is H̄,
    # -2 per component, and ½ ln(2πe σ²) = -2. So α = k σ², apart from the small effect of tanh.
    algorithm, steepness = small_sac(target_entropy=-2.0, learning_rate=0.01), 5.0
    deviation = np.exp(-2.0) / np.sqrt(2 * np.pi * np.e)
    actor = SquashedActor(Linear(jnp.zeros((3, 4)), jnp.zeros(4)), jnp.float32(0.0), (2,))
    rule, seen = optax.adam(0.01), jnp.ones((256, 3))

    def one(carry, key):
        actor, moments = carry
        normals = jax.random.normal(key, (2, 256, 2))
        gradient, measured = jax.grad(algorithm.actor_cost, has_aux=True)(actor, Bowl(steepness), seen, normals)
        change, moments = rule.update(gradient, moments)
        return (optax.apply_updates(actor, change), moments), (measured["entropy"], actor.temperature)

    _, (entropy, temperature) = jax.jit(lambda: jax.lax.scan(
        one, (actor, rule.init(actor)), jax.random.split(jax.random.key(0), 3_000)))()  # fmt: skip
    assert float(entropy[-500:].mean()) == pytest.approx(-4.0, abs=0.05)
    assert float(temperature[-500:].mean()) == pytest.approx(steepness * deviation**2, rel=0.1)


# How it explores


def _acted(algorithm, steps=10**6, number=4_000, length=60):
    """Actions [length, number, 2] of episodes with the same observations, and the distribution of the actions."""
    policy = dataclasses.replace(INIT(algorithm, jax.random.key(0)).policy, steps=jnp.int32(steps))
    seen = jnp.ones((number, 3))

    @jax.jit
    def play(key):
        def one(memory, noise):
            action, memory, _ = algorithm.act(policy, memory, seen, noise)
            return memory, action

        noise = algorithm.noise(policy, key, (length, number))
        return jax.lax.scan(one, initial_memory(algorithm, policy, number), noise)[1]

    distribution = policy.actor.distribution(np.ones((1, 3), np.float32))
    return np.asarray(play(jax.random.key(2))), jax.tree.map(np.asarray, distribution)


@pytest.mark.parametrize(("exploration", "correlation"), [("gaussian", 0.0), ("ornstein-uhlenbeck", 0.8)])
def test_each_action_is_drawn_from_the_policy_also_where_the_noise_drifts(exploration, correlation):
    pull = {"noise_pull": 0.2} if correlation else {}
    action, distribution = _acted(small_sac(exploration=exploration, **pull))
    score = (np.arctanh(action[-2:]) - distribution.mean) / np.exp(distribution.log_deviation)
    for column in score[-1].T:
        assert stats.kstest(column, "norm").pvalue > 1e-4
    assert np.corrcoef(score[0, :, 0], score[1, :, 0])[0, 1] == pytest.approx(correlation, abs=0.06)


def test_greedy_it_plays_the_median_and_before_learning_all_of_the_range():
    algorithm = small_sac()
    action, _ = _acted(algorithm, steps=0, length=1)
    assert all(stats.kstest(column, stats.uniform(-1, 2).cdf).pvalue > 1e-4 for column in action[0].T)
    policy = INIT(algorithm, jax.random.key(0)).policy
    seen = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    greedy = algorithm.act(policy, (), seen)[0]
    np.testing.assert_allclose(greedy, np.tanh(policy.actor.network(seen)[:, :2]), rtol=1e-5, atol=1e-7)
    assert equal_bits(greedy, algorithm.act(policy, (), seen)[0])


# What it refuses


def test_discrete_actions_are_refused_and_it_is_said_who_can():
    box = spaces.Box(-1.0, 1.0, (3,))
    with pytest.raises(InputError, match=r"^sac cannot take X-v0: it needs Box actions, .* these can: dqn, reinforce"):
        catalogue.require(SAC(), Spaces(box, spaces.Discrete(2)), "X-v0")
    half = spaces.Box(0.0, np.inf, (1,))
    assert SAC().refuse(Spaces(box, half)) == "it needs Box actions with finite bounds"
    assert "cannot learn with a network that remembers" in (SAC(network="gru").refuse(SPACES) or "")
    with pytest.raises(InputError, match="target_entropy"):
        SAC(learn_temperature=False, target_entropy=-2.0)
    with pytest.raises(InputError, match=r"target_entropy = 0.7 is not allowed: must be below 0.69"):
        SAC(target_entropy=0.7)  # more than the entropy of uniform actions
    assert small_ddpg().refuse(SPACES) is SAC().refuse(SPACES) is None
