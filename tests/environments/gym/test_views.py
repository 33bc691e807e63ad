"""Which observations are pictures and which are numbers, what is scaled, and how users can choose."""

import numpy as np
import pytest
from gymnasium import spaces

from zerone.base.errors import InputError
from zerone.environments.catalogue import make
from zerone.environments.gym.atari import FRAMES
from zerone.environments.gym.views import VIEWS, first_view, in_doubt, view_of, viewed


def bytes_of(*shape, high=255):
    return spaces.Box(0, high, shape, np.uint8)


PICTURES = [
    (bytes_of(84, 84, 3), (84, 84, 3), 255),
    (bytes_of(210, 160, 3), (210, 160, 3), 255),
    (bytes_of(FRAMES, 84, 84), (84, 84, 4), 255),
    (bytes_of(9, 84, 84), (84, 84, 9), 255),
    (bytes_of(12, 84, 84), (84, 84, 12), 255),
    (bytes_of(4, 84, 84, 3), (84, 84, 12), 255),
    (bytes_of(4, 3, 84, 84), (84, 84, 12), 255),
    (bytes_of(84, 84, 3, 4), (84, 84, 12), 255),
    (bytes_of(84, 84), (84, 84, 1), 255),
    (bytes_of(9, 9, 1), (9, 9, 1), 255),
    (bytes_of(9, 9, 9), (9, 9, 9), 255),
    (bytes_of(19, 19, 3, high=10), (19, 19, 3), 10),
    (spaces.Box(0, 255, (3, 84, 84), np.float32), (84, 84, 3), 255),
    (spaces.Box(0, 1, (3, 84, 84), np.float32), (84, 84, 3), 1),
    (spaces.Box(0, 1, (84, 84, 3), np.float32), (84, 84, 3), 1),
    (spaces.Box(-1, 1, (84, 84, 3), np.float32), (84, 84, 3), 1),
    (spaces.Box(-np.inf, np.inf, (84, 84, 3), np.float32), (84, 84, 3), 1),
    (spaces.Box(0, np.float32(3e38), (84, 84, 3), np.float32), (84, 84, 3), 1),
    (spaces.Box(0, 65535, (84, 84, 1), np.uint16), (84, 84, 1), 65535),
    (spaces.Box(0, 1, (10, 10, 4), bool), (10, 10, 4), 1),
]
NUMBERS = [
    bytes_of(2835),  # MiniGrid, flattened: symbols and a text
    bytes_of(7, 7, 3),  # MiniGrid: symbols
    bytes_of(128),  # the RAM of an Atari game
    bytes_of(10, 20),  # a board game
    bytes_of(4, 8, 84),
    bytes_of(84, 3, 84, 84, 2),
    spaces.Box(0, 1, (84, 84), np.float32),
    spaces.Box(-1, 1, (4,), np.float32),
    spaces.Box(-1, 1, (), np.float32),
    spaces.Box(0, 1, (5,), bool),
]


@pytest.mark.parametrize(("space", "shape", "scale"), PICTURES, ids=[str(each[0])[:40] for each in PICTURES])
def test_pictures_have_height_width_and_channels_and_are_scaled_by_their_bound(space, shape, scale):
    view = view_of(space)
    assert (view.picture, view.scale) == (shape, scale)


@pytest.mark.parametrize("space", NUMBERS, ids=[str(each)[:40] for each in NUMBERS])
def test_all_else_is_a_row_of_numbers_as_they_are(space):
    view = view_of(space)
    assert (view.picture, view.scale, view.axes, view.width) == (None, 1, None, int(np.prod(space.shape)))


def test_how_a_box_is_seen_can_be_said():
    symbols = bytes_of(7, 7, 3)
    assert {name: view_of(viewed(symbols, name)).describe() for name in VIEWS} == {
        "auto": "147 numbers, as they are",
        "picture": "a picture of 7 × 7 with 3 channels, scaled by 255",
        "grid": "a picture of 7 × 7 with 3 channels, as it is",
        "numbers": "147 numbers, as they are",
        "scaled": "147 numbers, scaled by 255",
    }
    pixels = bytes_of(1, 84, 84)
    assert view_of(pixels).describe() == "a picture of 84 × 84 with 1 channel, scaled by 255"
    assert view_of(viewed(pixels, "numbers")).describe() == "7,056 numbers, as they are"
    assert view_of(spaces.Box(-1, 1, (1,))).describe() == "1 number, as it is"
    assert viewed(symbols, "grid") == symbols


@pytest.mark.parametrize(
    ("space", "view", "words"),
    [
        (bytes_of(7), "picture", ["'picture'", "Box(7,)", "no height and width"]),
        (bytes_of(7), "grid", ["'grid'", "no height and width"]),
        (spaces.Discrete(4), "numbers", ["'numbers'", "Discrete(4)", "one way only"]),
        (spaces.Box(-1, 1, (4,)), "scaled", ["'scaled'", "bounds are not 0 and"]),
        (spaces.Box(0, 1, (4,)), "scaled", ["'scaled'", "bounds are not 0 and"]),
        (bytes_of(7), "pictur", ["'pictur'", "did you mean 'picture'?"]),
        (bytes_of(7), "first", ["'first'", "auto"]),
        (bytes_of(7), ["picture"], ["['picture']", "auto"]),
    ],
)
def test_what_would_be_ignored_or_is_unknown_is_refused(space, view, words):
    with pytest.raises(InputError) as caught:
        viewed(space, view)
    for word in words:
        assert word in str(caught.value)


def test_small_bytes_may_be_symbols():
    assert in_doubt(bytes_of(16, 16, 3))
    for sure in (bytes_of(84, 84, 3), bytes_of(7, 7, 3), bytes_of(16, 16, 3, high=10), spaces.Discrete(4)):
        assert not in_doubt(sure)
    assert not in_doubt(viewed(bytes_of(16, 16, 3), "picture"))


def test_ours_and_those_of_runs_from_before_are_seen_as_before():
    """The old rule: bytes by 255; pictures have sides of at least 9; a first axis below 9 has the channels."""
    pixels = make("zerone/MazePixels-v0").observation_space
    assert view_of(pixels) == view_of(first_view(pixels))
    for space, picture, scale in [
        (bytes_of(4, 84, 84), (84, 84, 4), 255),
        (bytes_of(9, 84, 84), (9, 84, 84), 255),
        (bytes_of(7, 7, 3), None, 255),
        (bytes_of(84, 84), None, 255),
        (bytes_of(84, 84, 3, high=10), (84, 84, 3), 255),
        (spaces.Box(0, 255, (84, 84, 3), np.float32), (84, 84, 3), 1),
        (spaces.Box(0, 1, (3, 84, 84), np.float32), None, 1),
    ]:
        view = view_of(first_view(space))
        assert (view.picture, view.scale) == (picture, scale)


class Broken(spaces.Box):
    """A box with exchanged bounds, one of which is NaN."""

    def __init__(self):
        super().__init__(-1, 1, (2,), np.float32)
        self.low, self.high = np.array([3.0, np.nan], np.float32), np.array([1.0, 1.0], np.float32)


def test_bounds_that_are_none_are_wide_open():
    assert view_of(Broken()).describe() == "2 numbers, as they are"
    low, high = viewed(Broken(), "numbers").low, viewed(Broken(), "numbers").high
    assert np.isneginf(low).all()
    assert np.isposinf(high).all()
