"""Densities integrate to 1, samples follow them, entropies are right, and log-densities equal SciPy's."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from zerone.parts.distributions import DiagonalNormal, categorical, choices

# Few lengths, as each needs a new compilation.
SCORES = st.sampled_from([1, 4]).flatmap(lambda n: st.lists(st.floats(-20, 20, width=32), min_size=n, max_size=n))


def normal(mean, deviation):
    return DiagonalNormal(jnp.array(mean, jnp.float32), jnp.log(jnp.array(deviation, jnp.float32)))


@given(SCORES)
@settings(max_examples=20, deadline=None)
def test_categorical_probabilities_are_the_softmax_and_entropy_is_theirs(scores):
    distribution = categorical(jnp.array(scores, jnp.float32))
    probability = special.softmax(np.float64(np.float32(scores)))
    actions = jnp.arange(len(scores))
    found = jax.vmap(distribution.log_probability)(actions)
    np.testing.assert_allclose(np.exp(found), probability, rtol=1e-4, atol=1e-7)
    assert np.exp(np.float64(found)).sum() == pytest.approx(1, abs=1e-5)
    assert distribution.entropy() == pytest.approx(stats.entropy(probability), abs=1e-4)
    # Scores that differ by less than float32's precision count as equal.
    assert probability[distribution.mode()] == pytest.approx(probability.max(), rel=1e-6)


def _frequencies_fit(sampled, probability):
    counts = np.bincount(sampled, minlength=len(probability))
    return stats.chisquare(counts, probability * len(sampled)).pvalue > 1e-6


def test_gumbel_max_samples_have_the_probabilities_of_the_softmax():
    scores = jnp.array([0.5, -1.0, 2.0, 0.0, 1.0])
    distribution, probability = categorical(scores), special.softmax(np.float64(scores))
    noise = distribution.noise(jax.random.key(0), (100_000,))
    sampled = categorical(jnp.broadcast_to(scores, (100_000, 5))).sample(noise)
    assert sampled.dtype == jnp.int32
    assert _frequencies_fit(sampled, probability)
    # Broken twins: normal noise instead of Gumbel noise, and probabilities instead of scores.
    normal_noise = jax.random.normal(jax.random.key(0), noise.shape)
    assert not _frequencies_fit((scores[None] + normal_noise).argmax(-1), probability)
    assert not _frequencies_fit((jax.nn.softmax(scores)[None] + noise).argmax(-1), probability)


def test_normal_samples_have_the_density():
    distribution = normal([1.5], [0.3])
    noise = distribution.noise(jax.random.key(1), (20_000,))
    sampled = normal(np.full((20_000, 1), 1.5), np.full((20_000, 1), 0.3)).sample(noise)[:, 0]
    assert stats.kstest(sampled, stats.norm(1.5, 0.3).cdf).pvalue > 1e-6
    assert stats.kstest(np.clip(sampled, 1.2, 1.8), stats.norm(1.5, 0.3).cdf).pvalue < 1e-6  # the broken twin clips


@given(
    st.sampled_from([1, 3]).flatmap(
        lambda n: st.lists(st.tuples(st.floats(-5, 5), st.floats(0.05, 5), st.floats(-8, 8)), min_size=n, max_size=n)
    )
)
@settings(max_examples=20, deadline=None)
def test_normal_log_density_and_entropy_are_scipys(numbers):
    mean, deviation, action = (np.array(x) for x in zip(*numbers, strict=True))
    distribution, truth = normal(mean, deviation), stats.norm(mean, deviation)
    expected = truth.logpdf(action).sum()
    assert distribution.log_probability(jnp.array(action, jnp.float32)) == pytest.approx(expected, rel=1e-4, abs=1e-3)
    assert distribution.entropy() == pytest.approx(truth.entropy().sum(), rel=1e-4, abs=1e-4)
    np.testing.assert_array_equal(distribution.mode(), np.float32(mean))


def _integral(log_density, low, high):
    grid = np.linspace(low, high, 20_001, dtype=np.float32)
    return integrate.simpson(np.exp(np.float64(log_density(grid[:, None]))), x=np.float64(grid))


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 1.0), (3.0, 0.2), (-1.0, 2.5)])
def test_the_normal_density_integrates_to_one(mean, deviation):
    def density(x):
        return normal(np.full(x.shape, mean), np.full(x.shape, deviation)).log_probability(x)

    def density_of_the_clipped(x):
        return density(np.clip(x, -1, 1))

    reach = 10 * deviation
    assert _integral(density, mean - reach, mean + reach) == pytest.approx(1, abs=1e-4)
    assert _integral(density_of_the_clipped, mean - reach, mean + reach) != pytest.approx(1, abs=0.05)


def test_the_entropy_of_a_normal_is_its_integral():
    distribution = normal([0.7], [0.4])

    def integrand(x):
        log_density = float(distribution.log_probability(jnp.array([x], jnp.float32)))
        return -np.exp(log_density) * log_density

    assert distribution.entropy() == pytest.approx(integrate.quad(integrand, -3, 4, limit=20, epsabs=1e-4)[0], abs=1e-3)


@pytest.mark.parametrize("make", [lambda s: categorical(jnp.zeros(s)), lambda s: normal(np.zeros(s), np.ones(s))])
def test_batch_axes_lead_everywhere(make):
    for leading in [(), (2, 3)]:
        distribution = make((*leading, 4))
        action = distribution.sample(distribution.noise(jax.random.key(0), leading))
        assert distribution.log_probability(action).shape == distribution.entropy().shape == leading
        assert distribution.mode().shape == action.shape


def _normal_divergence(mean, deviation, other_mean, other_deviation):
    """KL(P, Q) of two normal distributions, by numerical integration."""
    p, q = stats.norm(mean, deviation), stats.norm(other_mean, other_deviation)
    reach = mean - 12 * deviation, mean + 12 * deviation
    return integrate.quad(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), *reach, limit=200)[0]


@given(st.lists(st.tuples(st.floats(-6, 6), st.floats(-6, 6)), min_size=3, max_size=3))
@settings(max_examples=20, deadline=None)
def test_the_divergence_of_categoricals_is_scipys_relative_entropy(scores):
    p, q = np.array(scores, np.float32).T
    found = categorical(jnp.array(p)).divergence(categorical(jnp.array(q)))
    truth = stats.entropy(special.softmax(np.float64(p)), special.softmax(np.float64(q)))
    assert found == pytest.approx(truth, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize(
    ("mine", "other"), [((0, 1), (1, 1)), ((0.5, 0.2), (0.4, 0.3)), ((-1, 2), (1, 0.7)), ((3, 0.1), (3, 0.1))]
)
def test_the_divergence_of_normals_is_their_integral(mine, other):
    found = normal([mine[0]], [mine[1]]).divergence(normal([other[0]], [other[1]]))
    assert found == pytest.approx(_normal_divergence(*mine, *other), rel=1e-4, abs=1e-6)
    # The broken twin exchanges the two, which is only right for equal deviations.
    twin = normal([other[0]], [other[1]]).divergence(normal([mine[0]], [mine[1]]))
    assert (abs(float(twin - found)) < 1e-5) == (mine[1] == other[1])


def test_divergences_of_dimensions_add_up():
    mine, other = normal([[0.0, 1.0]], [[1.0, 0.5]]), normal([[0.5, 0.0]], [[2.0, 0.4]])
    expected = _normal_divergence(0, 1, 0.5, 2) + _normal_divergence(1, 0.5, 0, 0.4)
    np.testing.assert_allclose(mine.divergence(other), [expected], rtol=1e-4)


def joint(scores, sizes):
    """All combinations of choices and their probabilities, as products of the softmaxes."""
    ends = np.cumsum(sizes)
    each = [special.softmax(np.float64(scores[end - n : end])) for end, n in zip(ends, sizes, strict=True)]
    combinations = list(itertools.product(*(range(n) for n in sizes)))
    return combinations, np.array([math.prod(p[a] for p, a in zip(each, one, strict=True)) for one in combinations])


@pytest.mark.thorough(after=2)
@pytest.mark.parametrize("sizes", [(3,), (2, 4), (2, 3, 2)])
def test_choices_are_the_product_of_their_softmaxes(sizes):
    rng = np.random.default_rng(len(sizes))
    scores, others = (np.float32(rng.normal(size=sum(sizes)) * 2) for _ in range(2))
    distribution, other = choices(jnp.asarray(scores), sizes), choices(jnp.asarray(others), sizes)
    combinations, probability = joint(scores, sizes)
    _, its = joint(others, sizes)
    found = distribution.log_probability(jnp.asarray(combinations))
    np.testing.assert_allclose(found, np.log(probability), rtol=1e-4, atol=1e-5)
    assert distribution.entropy() == pytest.approx(stats.entropy(probability), rel=1e-4)
    assert distribution.divergence(other) == pytest.approx(stats.entropy(probability, its), rel=1e-4)
    assert tuple(np.asarray(distribution.mode())) == combinations[probability.argmax()]


def test_samples_of_choices_have_the_probabilities_of_the_combinations():
    sizes, scores = (2, 3), np.float32([0.5, -1.0, 2.0, 0.0, 1.0])
    distribution = choices(jnp.broadcast_to(scores, (100_000, 5)), sizes)
    noise = distribution.noise(jax.random.key(0), (100_000,))
    sampled = np.asarray(distribution.sample(noise))
    assert sampled.dtype == np.int32
    assert sampled.shape == (100_000, 2)
    _, probability = joint(scores, sizes)
    assert _frequencies_fit(sampled @ [3, 1], probability)
    # A broken twin: the choices share their random numbers, so that they are not independent.
    shared = jnp.concatenate([noise[:, :2], noise[:, :2], noise[:, 4:]], -1)
    assert not _frequencies_fit(np.asarray(distribution.sample(shared)) @ [3, 1], probability)
