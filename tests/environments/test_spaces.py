"""Actions are converted to what each space of the environment needs; NumPy and JAX agree."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zerone.base.errors import InputError
from zerone.environments.gym.views import describe
from zerone.environments.spaces import (
    cells,
    choices_in,
    count,
    example,
    from_environment,
    numbers,
    to_algorithm,
    to_environment,
)
from zerone.parts.layers import Features

INF = np.inf


def box(low, high, kind):
    return spaces.Box(np.array(low, kind), np.array(high, kind), dtype=kind)


BOXES = {
    "symmetric": spaces.Box(-2.0, 2.0, (1,), np.float32),
    "asymmetric": box([-1.0, 0.0, 5.0], [3.0, 10.0, 6.0], np.float32),
    "matrix": spaces.Box(-1.0, 4.0, (2, 3), np.float32),
    "half infinite": box([0.0, -INF, -INF], [INF, 1.0, INF], np.float32),
    "mixed": box([0.0, -3.0], [INF, 5.0], np.float64),
    "whole numbers": spaces.Box(0, 255, (4,), np.uint8),
    "negative whole numbers": spaces.Box(-3, 9, (2,), np.int32),
}
ANY_BOX = pytest.mark.parametrize("space", BOXES.values(), ids=BOXES)


def _one_number(low, high, action, whole):
    """The rule of conversion for one number."""
    if np.isfinite(low) and np.isfinite(high):
        value = low + (high - low) * (min(max(action, -1.0), 1.0) + 1) / 2
    else:
        value = min(max(action, low), high)
    return round(value) if whole else value


@ANY_BOX
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_a_box_action_is_stretched_or_clipped_into_the_space(space, data):
    leading = data.draw(st.sampled_from([(), (3,), (2, 2)]))
    drawn = st.floats(-4, 4, width=32)
    action = data.draw(hnp.arrays(np.float32, (*leading, *space.shape), elements=drawn))
    found = to_environment(space, action)
    low, high = (np.broadcast_to(np.float64(bound), action.shape) for bound in (space.low, space.high))
    whole = np.issubdtype(space.dtype, np.integer)
    each = [_one_number(*numbers, whole) for numbers in zip(low.flat, high.flat, np.float64(action).flat, strict=True)]
    expected = np.reshape(each, action.shape)
    assert found.dtype == space.dtype
    np.testing.assert_allclose(np.float64(found), expected, rtol=1e-5, atol=1 if whole else 1e-5)
    for one in found.reshape(-1, *space.shape):
        assert space.contains(one)


@pytest.mark.parametrize("space", [each for each in BOXES.values() if each.dtype != np.float64], ids=str)
def test_numpy_and_jax_give_the_same_action(space):
    action = np.random.default_rng(0).normal(size=(50, *space.shape)).astype(np.float32) * 1.5
    on_jax = jax.jit(lambda a: to_environment(space, a))(action)
    assert on_jax.dtype == space.dtype
    # The compiler may fuse multiplication and addition, which rounds once less.
    np.testing.assert_allclose(np.float64(on_jax), np.float64(to_environment(space, action)), rtol=1e-6, atol=1e-6)


def test_the_ends_and_the_middle_of_an_asymmetric_box_are_exact():
    space = BOXES["asymmetric"]
    for action, expected in ((-1.0, space.low), (1.0, space.high), (0.0, (space.low + space.high) / 2)):
        np.testing.assert_array_equal(to_environment(space, np.full(3, action, np.float32)), expected)
    np.testing.assert_array_equal(to_environment(space, np.full(3, 9.0, np.float32)), space.high)


@pytest.mark.parametrize("start", [0, 1, -5, 100])
@pytest.mark.parametrize("numpy", [np, jnp])
def test_discrete_actions_and_observations_are_counted_from_zero_inside(start, numpy):
    space = spaces.Discrete(4, start=start)
    inside = numpy.arange(4)
    outside = to_environment(space, inside)
    assert [space.contains(int(each)) for each in outside] == [True] * 4
    assert outside.dtype == np.int32
    np.testing.assert_array_equal(from_environment(space, outside), inside)


@pytest.mark.parametrize("start", [0, 1, -5, 100])
def test_discrete_actions_come_back_as_they_were_drawn(start):
    space, drawn = spaces.Discrete(4, start=start), np.arange(4)
    back = to_algorithm(space, to_environment(space, drawn).astype(np.int64))
    np.testing.assert_array_equal(back, drawn)
    assert back.dtype == np.int32


@pytest.mark.parametrize(
    "space",
    [spaces.MultiDiscrete([3, 2], start=[1, -4]), spaces.MultiDiscrete([[3, 2], [2, 3]]), spaces.MultiBinary((2, 3))],
    ids=str,
)
def test_several_choices_are_counted_from_zero_inside_too(space):
    values = choices_in(space)
    assert numbers(space) == sum(values)
    every = np.array(list(itertools.product(*(range(n) for n in values))), np.int32)
    sent = jax.jit(lambda inside: to_environment(space, inside))(every.reshape(-1, *space.shape))
    assert all(space.contains(each) for each in np.asarray(sent, space.dtype))
    # Every action is reached, each exactly once.
    assert len({tuple(each) for each in np.reshape(sent, (len(every), -1)).tolist()}) == math.prod(values)


@ANY_BOX
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_an_action_of_a_box_goes_to_the_algorithm_and_back_to_itself(space, data):
    """Converting an action back and forth gives the environment the same action, and the drawn one if not clipped."""
    low, high = np.maximum(space.low, -1e3), np.minimum(space.high, 1e3)
    share = data.draw(hnp.arrays(np.float64, (5, *space.shape), elements=st.floats(0, 1)))
    given_to_it = low + (high - low) * share
    if np.issubdtype(space.dtype, np.integer):
        given_to_it = np.round(given_to_it)
    given_to_it = given_to_it.astype(space.dtype)
    inside = to_algorithm(space, given_to_it)
    assert inside.dtype == np.float32
    bounded = np.broadcast_to(np.isfinite(space.low) & np.isfinite(space.high), inside.shape)
    assert (np.abs(inside[bounded]) <= 1 + 1e-6).all()
    np.testing.assert_allclose(np.float64(to_environment(space, inside)), given_to_it, rtol=1e-5, atol=1e-5)
    drawn = np.where(bounded, 2 * share - 1, given_to_it).astype(np.float32)
    if not np.issubdtype(space.dtype, np.integer):
        np.testing.assert_allclose(to_algorithm(space, to_environment(space, drawn)), drawn, rtol=1e-5, atol=1e-5)


def test_the_ends_of_a_box_are_one_and_what_is_beyond_is_not_clipped():
    space = BOXES["asymmetric"]
    beyond = space.high + (space.high - space.low)
    for action, expected in ((space.low, -1), (space.high, 1), (beyond, 3)):
        np.testing.assert_allclose(to_algorithm(space, action), np.full(3, expected), rtol=1e-6)
    flat = spaces.Box(2.0, 2.0, (1,), np.float32)
    np.testing.assert_array_equal(to_algorithm(flat, np.full((1,), 2.0)), [0.0])


def test_other_observations_are_left_as_they_are():
    observation = np.array([[3.0]], np.float32)
    assert from_environment(BOXES["symmetric"], observation) is observation


def test_features_of_a_discrete_space_are_one_hot():
    features = Features.of_space(spaces.Discrete(3, start=7))
    assert features.width == 3
    np.testing.assert_array_equal(features(jnp.array([[0, 2]])), [[[1, 0, 0], [0, 0, 1]]])


def test_features_of_a_box_are_its_numbers_as_they_are():
    few = Features.of_space(spaces.Box(0, 255, (2, 2), np.uint8))
    np.testing.assert_array_equal(few(jnp.array([[[0, 255], [51, 102]]], jnp.uint8)), [[0, 255, 51, 102]])
    wide = Features.of_space(BOXES["matrix"])
    assert (wide.width, wide(jnp.ones((5, 4, 2, 3))).shape) == (6, (5, 4, 6))
    assert Features.of_space(spaces.Box(-1.0, 1.0, (), np.float32))(jnp.ones((5,))).shape == (5, 1)


@pytest.mark.thorough(after=11)
@pytest.mark.parametrize("leading", [(), (2,), (3, 2)])
@pytest.mark.parametrize(
    ("shape", "order"),
    [
        ((9, 12, 3), None),
        ((4, 9, 12), (1, 2, 0)),
        ((4, 9, 12, 3), (1, 2, 0, 3)),
        ((4, 3, 9, 12), (2, 3, 0, 1)),
        ((9, 12, 3, 4), None),
    ],
    ids=str,
)
def test_features_of_a_picture_are_its_height_width_and_channels_scaled(shape, order, leading):
    """Whatever the order of the axes, pixels keep their neighbours, and the channels of a pixel are together."""
    pixels = np.random.default_rng(0).integers(256, size=(*leading, *shape), dtype=np.uint8)
    features = Features.of_space(spaces.Box(0, 255, shape, np.uint8))
    ordered = pixels
    if order is not None:
        ordered = pixels.transpose(*range(len(leading)), *(len(leading) + axis for axis in order))
    assert features.picture is not None
    assert features.picture[:2] == (9, 12)
    expected = ordered.reshape(*leading, *features.picture) / np.float32(255)
    np.testing.assert_allclose(features(jnp.asarray(pixels)), expected, rtol=1e-6)


def test_spaces_are_described_and_counted():
    assert describe(spaces.Discrete(5)) == "Discrete(5)"
    assert describe(spaces.Discrete(5, start=1)) == "Discrete(5, start=1)"
    assert describe(BOXES["matrix"]) == "Box(2, 3)"
    assert describe(spaces.MultiBinary(3)) == "MultiBinary(3)"
    assert describe(spaces.MultiDiscrete([2] * 20)) == f"MultiDiscrete({'2, ' * 16}…)"
    parts = spaces.Dict(hand=spaces.Tuple([spaces.Discrete(3), spaces.Text(5)]), place=BOXES["symmetric"])
    assert describe(parts) == "Dict(hand: Tuple(Discrete(3), Text), place: Box(1,))"
    assert count(spaces.Discrete(5, start=3), "action") == 5
    with pytest.raises(InputError, match=r"action must be Discrete, not Box\(1,\)"):
        count(BOXES["symmetric"], "action")


SEVERAL = {
    "two": spaces.MultiDiscrete([3, 4]),
    "from elsewhere": spaces.MultiDiscrete([2, 5, 3], start=[10, -2, 1]),
    "a matrix": spaces.MultiDiscrete([[2, 3], [4, 2]]),
}


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("space", SEVERAL.values(), ids=SEVERAL)
def test_several_discrete_numbers_become_one_as_numpy_counts_them(space):
    sizes = tuple(space.nvec.reshape(-1))
    every = np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), -1).reshape(-1, *space.shape) + space.start
    assert cells(space) == len(every)
    assert all(space.contains(each.astype(space.dtype)) for each in every)
    found = jax.jit(lambda x: from_environment(space, x))(every)
    np.testing.assert_array_equal(found, np.arange(len(every)))
    assert found.dtype == example(space).dtype == np.int32
    assert example(space).shape == ()
    # Networks get each number one-hot.
    features = Features.of_space(space)
    assert features.width == sum(sizes)
    counted = (every - space.start).reshape(len(every), -1)
    expected = np.concatenate([np.eye(n)[counted[:, i]] for i, n in enumerate(sizes)], 1)
    np.testing.assert_array_equal(features(found), expected)
    np.testing.assert_array_equal(features(found[:, None])[:, 0], expected)


def test_what_no_table_can_hold_stays_several_numbers():
    space = spaces.MultiDiscrete([1024, 1025], start=[0, 5])
    assert cells(space) is None
    assert cells(spaces.MultiDiscrete([1024, 1024])) == 2**20
    assert cells(spaces.Box(-1.0, 1.0, (2,))) is None
    found = from_environment(space, jnp.array([[3, 6], [1023, 1029]]))
    np.testing.assert_array_equal(found, [[3, 1], [1023, 1024]])
    assert example(space).shape == (2,)
    hot = Features.of_space(space)(found)
    assert hot.shape == (2, 2049)
    np.testing.assert_array_equal(np.argwhere(hot), [[0, 3], [0, 1025], [1, 1023], [1, 2048]])
    assert describe(space) == "MultiDiscrete(1024, 1025)"
