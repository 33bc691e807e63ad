"""Sums in float32 that stay accurate, however many numbers are added."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zerone.base.sums import Sum

MANY = 20_000_000


@jax.jit
def added(x):
    """`x` added `MANY` times, in plain float32 and as a `Sum`."""

    def one(_, sums):
        plain, kept = sums
        return plain + x, kept.plus(x)

    return jax.lax.fori_loop(0, MANY, one, (jnp.float32(0), Sum.zero()))


@pytest.mark.parametrize("x", [0.1, 1.0, -13.3, 1e-3])
def test_twenty_million_numbers_are_added_exactly(x):
    plain, kept = added(np.float32(x))
    expected = float(np.float32(x)) * MANY
    assert float(kept.total()) == pytest.approx(expected, rel=2e-7)
    assert abs(float(plain) / expected - 1) > 0.005  # the broken twin drops the rounding errors


def test_numbers_of_all_sizes_and_signs_are_added_exactly():
    random = np.random.default_rng(0)
    numbers = (random.normal(size=(100_000, 3)) * 10.0 ** random.uniform(-4, 4, (100_000, 3))).astype(np.float32)
    found = jax.jit(lambda x: jax.lax.scan(lambda sums, row: (sums.plus(row), None), Sum.zero(3), x)[0])(numbers)
    exact = np.array([float(sum(map(Fraction, column.tolist()))) for column in numbers.T])
    sizes = np.abs(numbers).sum(0, dtype=np.float64)
    assert (np.abs(found.total() - exact) < 2e-7 * sizes).all()


def test_a_total_is_kept_in_both_parts():
    total = np.array([1e9 + 0.3, -0.1, 0.0])
    kept = Sum.of(total)
    assert kept.value.dtype == kept.rest.dtype == np.float32
    np.testing.assert_allclose(kept.total(), total, rtol=1e-14)
