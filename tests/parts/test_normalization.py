"""Running statistics, compared with NumPy's over all counted numbers in float64; and the normalised numbers."""

from __future__ import annotations

import dataclasses

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium import spaces as gym_spaces

from zerone.algorithms.protocol import Steps
from zerone.base.sums import Sum
from zerone.environments.gym.views import ViewedBox
from zerone.environments.spaces import Spaces
from zerone.parts.normalization import LIMIT, WANTED, Returns, Scales, Statistics

WORLDS = {
    "three scales": lambda draw: draw.uniform([0, 0, -1e-3], [1, 1e4, 1e-3], (3000, 3)),
    "far from 0": lambda draw: 1e6 + draw.normal(size=(3000, 2)),
    "two values": lambda draw: draw.integers(0, 2, (3000, 2)) * 0.1,
    "drifting": lambda draw: np.cumsum(draw.normal(size=(3000, 2)), 0),
}

ON, AUTO = WANTED["on"], WANTED["auto"]


def _agree(found, rows, least=1e-5):
    """Whether statistics equal NumPy's of `rows`, up to 1e-5 of the deviation or of the mean itself."""
    rows = np.float64(np.float32(rows))
    size = np.maximum(np.abs(rows.mean(0)), rows.std(0))
    near = np.allclose(found.mean.total() / size, rows.mean(0) / size, rtol=0, atol=least)
    return near and np.allclose(found.deviation, rows.std(0), rtol=least) and int(found.count) == len(rows)


@pytest.mark.thorough(after=8)
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("block", [1, 8, 1000])
def test_blocks_of_any_size_give_the_mean_and_deviation_of_all(world, block):
    rows = np.float32(WORLDS[world](np.random.default_rng(0)))
    rows = rows[: 400 * block]
    merge = jax.jit(lambda found, rows: found.merged(Statistics.of_rows(rows)))
    found = Statistics.none(rows.shape[1:])
    for begin in range(0, len(rows), block):
        found = merge(found, rows[begin : begin + block])
    assert _agree(found, rows)
    # Broken twins: a block counted twice, one left out, and each step's next observation counted instead.
    assert not _agree(merge(found, rows[-block:]), rows)
    assert not _agree(found, rows[:-block])
    assert not _agree(found, np.concatenate([rows[1:], rows[:1] * 0 + 99]))


def test_parts_go_together_in_any_order():
    rows = np.random.default_rng(1).normal([5, -3], [1, 1e3], (700, 2)).astype(np.float32)
    parts = [Statistics.of_rows(jnp.asarray(part)) for part in np.split(rows, [1, 90, 400])]
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        found = Statistics.none((2,))
        for each in order:
            found = found.merged(parts[each])
        assert _agree(found, rows)


def test_a_billion_steps_are_counted_exactly_and_what_comes_then_still_counts():
    """After 2³⁰ steps a block of 64 changes a mean of 1000 by less than float32 can show; changes must still add up."""
    before = Statistics.of_rows(jnp.array([[999.0], [1001.0]]))
    for _ in range(29):
        before = before.merged(before)
    assert int(before.count) == 2**30
    assert _agree(dataclasses.replace(before, count=jnp.int32(2)), np.array([[999.0], [1001.0]]))

    def go_on(kept):
        def add(_, found):
            found = found.merged(Statistics.of_rows(jnp.full((64, 1), 1100.0)))
            return found if kept else dataclasses.replace(found, mean=Sum(found.mean.value, jnp.zeros(1)))

        return jax.jit(lambda: jax.lax.fori_loop(0, 5_000, add, before))().mean.total()[0]

    moved = 100 * 5_000 * 64 / (2**30 + 5_000 * 64)
    assert go_on(True) - 1000 == pytest.approx(moved, rel=1e-3)
    assert go_on(False) - 1000 < 0.5 * moved  # without the rounding errors most of the change is lost


def test_numbers_on_any_scale_come_out_near_one():
    rows = np.float32(WORLDS["three scales"](np.random.default_rng(2)))
    found = np.asarray(Statistics.of_rows(jnp.asarray(rows)).normalize(jnp.asarray(rows), ON))
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(0), 1, atol=1e-4)


def test_what_is_near_one_already_stays_as_it_is_and_all_else_is_brought_near():
    """So the policy's inputs do not change while the mean and the deviation are still changing."""
    rows = np.float32(np.random.default_rng(2).normal([0.5, 200, 0, -4], [0.6, 50, 1e-3, 0.5], (3000, 4)))
    early, late = (Statistics.of_rows(jnp.asarray(rows[:number])) for number in (100, 3000))
    found = np.asarray(late.normalize(jnp.asarray(rows), AUTO))
    np.testing.assert_allclose(found[:, 0], rows[:, 0], atol=1e-5)
    np.testing.assert_allclose(early.normalize(jnp.asarray(rows), AUTO)[:, 0], rows[:, 0], atol=1e-5)
    np.testing.assert_allclose(found.std(0)[1:], [1, 0.3, rows[:, 3].std()], rtol=1e-3)
    np.testing.assert_allclose(found.mean(0)[1:], [1, late.mean.total()[2] * 300, -1], atol=1e-2)


def test_what_never_varied_is_harmless():
    """It is normalised to 0, also when it begins to vary, since its weights were never trained."""
    rows = jnp.array([[0.1, 0.0, 7e8, 1.0]] * 1000)
    found = Statistics.of_rows(rows).merged(Statistics.of_rows(rows))
    for each in WANTED.values():
        np.testing.assert_array_equal(found.normalize(rows[:1], each), 0)
        np.testing.assert_array_equal(found.normalize(rows[:1] + 5, each), 0)
    rounding = Statistics.of_rows(
        jnp.array([[9.81], [9.810001], [9.81]])
    )  # varies by rounding only: must not be enlarged
    assert abs(float(rounding.normalize(jnp.array([[9.810001]]), ON)[0, 0])) < 1


def test_before_anything_was_counted_all_is_nothing():
    np.testing.assert_array_equal(Statistics.none((2,)).normalize(jnp.array([[1e4, -3.0]]), ON), 0)


def test_what_is_far_away_is_cut_off_and_never_nan():
    largest = float(np.finfo(np.float32).max)
    rows = jnp.array([[0.0, largest], [1.0, -largest], [0.5, 0.0]])
    found = Statistics.of_rows(rows)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found))
    seen = found.normalize(jnp.array([[1e30, largest], [-largest, -largest]]), ON)
    np.testing.assert_array_equal(seen[:, 0], [LIMIT, -LIMIT])
    assert np.isfinite(seen).all()


def _steps(reward, over, cut):
    nothing = jnp.zeros((*reward.shape, 1))
    return Steps(nothing, nothing, jnp.asarray(reward), nothing, jnp.asarray(over), jnp.asarray(cut), ())


def test_discounted_returns_begin_again_in_each_episode_and_go_on_over_blocks():
    draw = np.random.default_rng(3)
    reward = draw.normal(size=(40, 2)).astype(np.float32)
    over, cut = draw.random((40, 2)) < 0.1, draw.random((40, 2)) < 0.1
    expected, now = [], np.zeros(2)
    for each, ends in zip(reward, over | cut, strict=True):
        now = 0.9 * now + each
        expected.append(now)
        now = np.where(ends, 0, now)
    scales, returns, found = Scales(reward=Statistics.none(())), Returns(jnp.zeros(2)), []
    for part in (slice(0, 7), slice(7, 40)):
        steps = _steps(reward[part], over[part], cut[part])
        found.append(returns.discounted(steps, 0.9)[0])
        learnt, (own, returns) = scales.normalize(steps), scales.measured(steps, 0.9, returns)
        np.testing.assert_allclose(learnt.reward, scales.scale_reward(steps.reward))
        scales = scales.merged(own)
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-5, atol=1e-6)
    assert _agree(scales.reward, np.reshape(expected, -1), 1e-4)
    np.testing.assert_allclose(scales.scale_reward(jnp.array([3.0])), 3 / np.std(expected), rtol=1e-4)
    np.testing.assert_allclose(returns.ongoing, now, rtol=1e-5)


def test_rewards_that_are_always_nothing_stay_what_they_are():
    scales = Scales(reward=Statistics.of_rows(jnp.zeros(10)))
    np.testing.assert_array_equal(scales.scale_reward(jnp.array([0.0, 2.0])), [0, 2])


@dataclasses.dataclass
class _Settings:
    normalize_observations: str = "on"
    normalize_rewards: bool = False
    environments: int = 1


@pytest.mark.parametrize(
    ("space", "normalised"),
    [
        (gym_spaces.Box(-np.inf, np.inf, (3,)), True),
        (gym_spaces.Box(0, 255, (128,), np.uint8), True),
        (gym_spaces.Box(0, 255, (36, 36, 3), np.uint8), False),
        (gym_spaces.Discrete(5), False),
        (gym_spaces.MultiDiscrete([3, 2**20]), False),
        (ViewedBox(gym_spaces.Box(0, 255, (128,), np.uint8), "scaled"), False),
    ],
)
def test_only_rows_of_plain_numbers_are_normalised(space: gymnasium.Space, normalised: bool):
    spaces = Spaces(space, gym_spaces.Discrete(2))
    assert (Scales.initial(_Settings(), spaces).observation is not None) is normalised
    assert not jax.tree.leaves(Scales.initial(_Settings(normalize_observations="off"), spaces))
