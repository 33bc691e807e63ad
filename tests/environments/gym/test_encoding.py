"""All Gymnasium spaces, and others, are converted to ones that algorithms support; compared with `flatten`."""

import itertools

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array

from zerone.base.errors import InputError
from zerone.environments.gym.describing import bounds_of
from zerone.environments.gym.encoding import Encoding
from zerone.environments.gym.leaves import Counts, ObservationError
from zerone.environments.gym.views import FIRST, view_of

PICTURE = spaces.Box(0, 255, (9, 9, 3), np.uint8)
PLACE = spaces.Box(-1.0, 1.0, (2,), np.float32)
BLACKJACK = spaces.Tuple([spaces.Discrete(32), spaces.Discrete(11), spaces.Discrete(2)])
MIXED = {
    "numbers and counts": spaces.Dict(place=PLACE, thing=spaces.Discrete(3, start=1)),
    "deep": spaces.Dict(a=spaces.Tuple([PLACE, spaces.Dict(b=spaces.MultiBinary(3))]), c=spaces.MultiDiscrete([2, 3])),
    "64 bits": spaces.Tuple([spaces.Box(-9, 9, (2, 2), np.float64), spaces.Box(0, 2**40, (1,), np.int64)]),
    "a matrix of counts": spaces.Tuple([PLACE, spaces.MultiDiscrete([[2, 3], [4, 2]], start=[[1, 0], [-3, 5]])]),
}
COUNTED = {
    "blackjack": BLACKJACK,
    "from elsewhere": spaces.Dict(a=spaces.Discrete(3, start=-5), b=spaces.MultiDiscrete([2, 4], start=[7, 1])),
    "with bits": spaces.Tuple([spaces.MultiBinary((2, 2)), spaces.Discrete(3)]),
    "deep": spaces.Tuple([spaces.Dict(a=spaces.Dict(b=spaces.Discrete(2))), spaces.Discrete(2)]),
    "odd types": spaces.Tuple([spaces.Discrete(3, dtype=np.uint8), spaces.MultiDiscrete([3, 100], dtype=np.int8)]),
}


def samples(space, number=20, seed=3):
    space.seed(seed)
    return [space.sample() for _ in range(number)]


@pytest.mark.parametrize("space", MIXED.values(), ids=MIXED)
def test_a_mixture_of_parts_is_one_row_as_gymnasium_flattens_it(space):
    encoding = Encoding(space)
    assert (encoding.space.dtype, encoding.left_out) == (np.float32, [])
    for each in samples(space):
        row = encoding(each)
        np.testing.assert_allclose(row, spaces.flatten(space, each).astype(np.float32), rtol=1e-6)
        assert encoding.space.contains(row)


@pytest.mark.parametrize("space", COUNTED.values(), ids=COUNTED)
def test_counted_parts_are_one_row_of_counts_each_observation_another(space):
    encoding = Encoding(space)
    assert isinstance(encoding.space, Counts)
    of_all = {tuple(encoding(each).tolist()) for each in samples(space, 400)}
    gymnasiums = {tuple(spaces.flatten(space, each).tolist()) for each in samples(space, 400)}
    assert len(of_all) == len(gymnasiums)
    assert all(encoding.space.contains(np.array(each)) for each in of_all)
    assert {type(each) for each in Encoding(space)(space.sample()).tolist()} == {int}


def test_blackjack_is_counted_as_it_is():
    encoding = Encoding(BLACKJACK)
    assert encoding.space.nvec.tolist() == [32, 11, 2]
    np.testing.assert_array_equal(encoding((14, 10, 1)), [14, 10, 1])
    np.testing.assert_array_equal(encoding([14, 10, True]), [14, 10, 1])


def test_the_order_of_keys_does_not_matter():
    space = spaces.Dict({"b": PLACE, "a": spaces.Discrete(2, start=3)})
    one, other = {"b": [0.5, -0.5], "a": 4}, {"a": 4, "b": [0.5, -0.5]}
    for each in (one, other, {**one, "c": "something else"}):
        np.testing.assert_array_equal(Encoding(space)(each), [0, 1, 0.5, -0.5])


def test_a_single_part_with_numbers_is_seen_as_itself():
    """A single picture in a dictionary is a picture, and a single Discrete can be used for tables."""
    pixels = Encoding(spaces.Dict(image=PICTURE, mission=spaces.Text(9)))
    assert view_of(pixels.space).picture == (9, 9, 3)
    assert [str(each) for each in pixels.left_out] == ["mission (Text)"]
    shown = np.arange(243, dtype=np.uint8).reshape(9, 9, 3)
    np.testing.assert_array_equal(pixels({"image": shown, "mission": "go"}), shown)
    np.testing.assert_array_equal(pixels({"image": shown}), shown)
    assert Encoding(spaces.Tuple([spaces.Discrete(5)])).space == spaces.Discrete(5)


def test_pictures_among_parts_are_scaled_and_other_bytes_are_not():
    space = spaces.Dict(image=PICTURE, symbols=spaces.Box(0, 255, (2,), np.uint8))
    shown = {"image": np.full((9, 9, 3), 51, np.uint8), "symbols": np.array([7, 9], np.uint8)}
    np.testing.assert_allclose(Encoding(space)(shown), [0.2] * 243 + [7, 9], rtol=1e-6)
    np.testing.assert_allclose(Encoding(space, "numbers")(shown), [51] * 243 + [7, 9])
    for view in ("picture", "grid", "scaled"):
        with pytest.raises(InputError, match=rf"observations = '{view}' is not allowed here: they are Dict\("):
            Encoding(space, view)


BEFORE = {
    **MIXED,
    **COUNTED,
    "bits": spaces.MultiBinary((2, 2)),
    "bytes": spaces.Dict(a=PICTURE, b=spaces.Box(0, 255, (2,), np.uint8)),
    "one": spaces.Dict(a=spaces.Discrete(3)),
}


@pytest.mark.parametrize("space", BEFORE.values(), ids=BEFORE)
def test_runs_from_before_see_what_gymnasium_flattens(space):
    encoding, flat = Encoding(space, FIRST), spaces.flatten_space(space)
    assert encoding.space.shape == flat.shape
    assert (encoding.space.dtype.kind, encoding.space.dtype.itemsize) == (flat.dtype.kind, min(flat.dtype.itemsize, 4))
    for each in samples(space):
        np.testing.assert_allclose(encoding(each), spaces.flatten(space, each).astype(encoding.space.dtype))


class Foreign(spaces.Space):
    """A space of another library."""


class ForeignBox(spaces.Box):
    """A subclass of `Box` of another library."""


def test_spaces_of_somebody_elses_are_seen_if_they_are_arrays_of_numbers():
    for kind, value in ((np.float64, [0.5, -7.5]), (np.int8, [3, -4]), (bool, [True, False]), (np.uint16, [1, 65535])):
        encoding = Encoding(Foreign((2,), kind))
        np.testing.assert_array_equal(encoding(np.array(value, kind)), value)
    assert Encoding(ForeignBox(-1, 1, (2,))).space.shape == (2,)


NO_NUMBERS = [
    spaces.Text(5),
    spaces.Graph(PLACE, None),
    spaces.Sequence(PLACE),
    spaces.OneOf([PLACE, spaces.Discrete(2)]),
    spaces.Tuple([]),
    spaces.Dict({}),
    spaces.Dict(a=spaces.Text(5), b=spaces.Tuple([spaces.Sequence(PLACE)])),
    spaces.Box(0, 1, (0,)),
    spaces.Box(0, 1, (3, 0)),
    spaces.MultiDiscrete([]),
    Foreign(dtype=str),
    Foreign(),
    Foreign((2,), object),
    Foreign((2,), "datetime64[s]"),
    Foreign((2,), np.complex64),
]


@pytest.mark.parametrize("space", NO_NUMBERS, ids=[str(each)[:40] for each in NO_NUMBERS])
def test_where_there_are_no_numbers_the_line_names_the_parts(space):
    with pytest.raises(InputError, match="ObservationWrapper") as caught:
        Encoding(space)
    if isinstance(space, spaces.Dict) and space.spaces:
        assert "(a (Text), b[0] (Sequence))" in str(caught.value)


@pytest.mark.parametrize("space", [None, 3, "Box", gymnasium.Env, [PLACE], {"a": PLACE}], ids=str)
def test_what_is_no_space_is_refused(space):
    with pytest.raises(InputError, match=r"observation_space is .*, not a space of Gymnasium's"):
        Encoding(space)


def test_a_count_of_too_many_values_among_other_parts_is_refused():
    with pytest.raises(InputError, match=r"become 1,000,000,000 numbers"):
        Encoding(spaces.Tuple([PLACE, spaces.Discrete(10**9)]))


def test_counts_from_far_away_are_counted_from_0():
    for start in (2**40, -(2**40), 2**31):
        encoding = Encoding(spaces.Discrete(3, start=start))
        assert (encoding.space, int(encoding(start + 2))) == (spaces.Discrete(3), 2)
    assert Encoding(spaces.MultiDiscrete([3, 2], start=[2**40, 0]))([2**40 + 1, 1]).tolist() == [1, 1]
    assert Encoding(spaces.Discrete(3, start=5)).space == spaces.Discrete(3, start=5)


WRONG = [
    (PLACE, [0.5, np.nan], "NaN or infinity"),
    (PLACE, [0.5, -np.inf], "NaN or infinity"),
    (PLACE, {"place": [0.5, 0.5]}, "is dict, not an array of numbers"),
    (spaces.Discrete(4), 4, "is 4, not in Discrete(4)"),
    (spaces.Discrete(4, start=2), 1, "is 1, not in Discrete(4, start=2)"),
    (spaces.Discrete(4), np.nan, "is nan, not in Discrete(4)"),
    (BLACKJACK, (14, 10), "is (14, 10), not a tuple of 3 parts"),
    (BLACKJACK, (14, 11, 0), "[1] of the observation is 11, not in Discrete(11)"),
    (BLACKJACK, {"a": 14}, "is {'a': 14}, not a tuple of 3 parts"),
    (BLACKJACK, np.float32(3), "not a tuple of 3 parts"),
    (MIXED["numbers and counts"], [0, 1, 0.5, 0.5], "is list, not a dictionary with 'place', 'thing'"),
    (MIXED["numbers and counts"], np.zeros(5), "is ndarray, not a dictionary with 'place', 'thing'"),
    (MIXED["numbers and counts"], {"place": [0, 0]}, "has no 'thing', only 'place'"),
    (MIXED["numbers and counts"], {}, "has no 'place', only nothing"),
    (MIXED["deep"], {"a": ([0, 0], {"b": [0, 0, 2]}), "c": [0, 0]}, "a[1].b of the observation is [0, 0, 2], not in"),
]


@pytest.mark.parametrize(("space", "observation", "words"), WRONG, ids=[each[2] for each in WRONG])
@pytest.mark.parametrize("way", ["one", "perhaps a batch"])
def test_what_a_space_does_not_promise_is_said(space, observation, words, way):
    encoding = Encoding(space)
    with pytest.raises(ObservationError) as caught:
        encoding(observation) if way == "one" else encoding.batch(observation)
    assert words in str(caught.value)


ALL = {
    **MIXED,
    **COUNTED,
    "numbers": PLACE,
    "one number": spaces.Box(-1.0, 1.0, ()),
    "a count": spaces.Discrete(4, start=2),
    "counts": spaces.MultiDiscrete([2, 3]),
    "bits": spaces.MultiBinary(3),
    "pixels": PICTURE,
}


@pytest.mark.parametrize("space", ALL.values(), ids=ALL)
def test_a_batch_is_what_its_observations_are(space):
    """A list of observations, a batch as from Gymnasium's vectors, and a single observation."""
    encoding, found = Encoding(space), samples(space, 5)
    expected = np.stack([encoding(each) for each in found])
    empty = create_empty_array(batch_space(space, 5), 1)
    together = concatenate(space, found, create_empty_array(space, 5)) if empty is not None else None
    for several in (found, together):
        batch, single = encoding.batch(several)
        assert not single
        np.testing.assert_array_equal(batch, expected)
    batch, single = encoding.batch(found[0])
    assert single
    np.testing.assert_array_equal(batch, expected[:1])


def test_what_could_be_two_things_is_refused():
    two = Encoding(spaces.Tuple([spaces.Discrete(3), spaces.Discrete(3)]))
    with pytest.raises(ObservationError, match="could be a list of observations, or one whose parts are batches"):
        two.batch([(0, 1), (2, 0)])
    np.testing.assert_array_equal(two.batch(np.array([[0, 1], [2, 0]]))[0], [[0, 1], [2, 0]])
    np.testing.assert_array_equal(two.batch([(0, 1), (2, 0), (1, 1)])[0], [[0, 1], [2, 0], [1, 1]])


def test_parts_that_are_batches_of_different_lengths_are_refused():
    with pytest.raises(ObservationError):
        Encoding(MIXED["numbers and counts"]).batch({"place": np.zeros((3, 2)), "thing": np.ones(2, int)})


def test_every_observation_of_a_vector_has_its_own_row():
    space = MIXED["deep"]
    rows = [Encoding(space)(each) for each in samples(space, 30)]
    assert all(not np.shares_memory(one, other) for one, other in itertools.pairwise(rows))


def test_a_bound_of_minus_zero_is_said_as_zero():
    """LunarLander's legs have such a bound."""
    assert bounds_of(spaces.Box(np.float32(-0.0), np.float32(1.0), (2,))) == "each from 0 to 1"
