"""Observations reach the algorithm with their exact values, or the run is refused."""

import logging

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from toys import Keeper

from zerone.base.errors import RunError
from zerone.base.notices import Notices
from zerone.engines.host import Host
from zerone.environments.gym.vector import make_vector


class Showing(gymnasium.Env):
    """Returns given observations in turn, again and again; an episode has ten steps."""

    action_space = spaces.Discrete(2)

    def __init__(self, space, *shown):
        self.observation_space, self.shown, self.steps = space, shown, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        return self.shown[self.steps % len(self.shown)], {}

    def step(self, action):
        del action
        self.steps += 1
        return self.shown[self.steps % len(self.shown)], 1.0, self.steps % 10 == 0, False, {}


def host_of(make, **settings):
    notices = Notices()
    return Host(Keeper(**settings), lambda number, seed: make_vector(make, "Odd-v0", number, seed, notices=notices))


INFINITE = (-np.inf, np.inf)
WRONG_TYPES = {
    "halves as bytes": (spaces.Box(0, 255, (1,), np.uint8), [0.9], "0.9 in it, which the type uint8"),
    "halves as 32 bits": (spaces.Box(0, 9, (1,), np.int32), [0.5], "0.5 in it, which the type int32"),
    "halves as 64 bits": (spaces.Box(0, 9, (1,), np.int64), [0.5], "0.5 in it, which the type int64"),
    "halves as booleans": (spaces.Box(0, 1, (1,), bool), [0.5], "0.5 in it, which the type bool"),
    "halves as bits": (spaces.MultiBinary(1), [0.5], "[0.5], not in MultiBinary(1)"),
    "halves as counts": (spaces.MultiDiscrete([9]), [0.5], "[0.5], not in MultiDiscrete(9)"),
    "half as a count": (spaces.Discrete(9), 0.5, "is 0.5, not in Discrete(9)"),
    "256 as a byte": (spaces.Box(0, 255, (1,), np.uint8), [256], "256 in it, which the type uint8"),
    "-1 as a byte": (spaces.Box(0, 255, (1,), np.uint8), [-1], "-1 in it, which the type uint8"),
    "128 as a small byte": (spaces.Box(-128, 127, (1,), np.int8), [128], "128 in it, which the type int8"),
    "2 as a boolean": (spaces.Box(0, 1, (1,), bool), [2], "2 in it, which the type bool"),
    "2 as a bit": (spaces.MultiBinary(1), [2], "[2], not in MultiBinary(1)"),
    "2³² + 5 as 32 bits": (spaces.Box(0, 9, (1,), np.int32), [2**32 + 5], "4294967301 in it, which the type int32"),
    "2³² + 5 as 64 bits": (spaces.Box(0, 2**40, (1,), np.int64), [2**32 + 5], "4294967301 in it, which is beyond"),
    "2³² beyond its bounds": (spaces.Box(0, 9, (1,), np.int64), [2**32], "4294967296 in it, which is beyond the 32"),
    "2³² without a sign": (spaces.Box(0, 9, (1,), np.uint64), [2**32], "4294967296 in it, which is beyond the 32"),
    "2³² + 5 as a count": (spaces.Discrete(9), 2**32 + 5, "is 4294967301, not in Discrete(9)"),
    "1e5 as 16 bits": (spaces.Box(*INFINITE, (1,), np.float16), [1e5], "NaN or infinity in it, as float16"),
    "1e39 as 32 bits": (spaces.Box(*INFINITE, (1,), np.float64), [1e39], "NaN or infinity in it, as float32"),
    "2⁷⁰": (spaces.Box(*INFINITE, (1,), np.float32), [2**70], "is list, not an array of numbers"),
    "a complex number": (spaces.Box(*INFINITE, (1,), np.float32), [1j], "is list, not an array of numbers"),
    "a text": (spaces.Box(*INFINITE, (1,), np.float32), ["1"], "is list, not an array of numbers"),
    "a text as a count": (spaces.Discrete(9), "1", "is str, not an array of numbers"),
}


@pytest.mark.thorough(after=5)
@pytest.mark.parametrize("kind", WRONG_TYPES)
def test_what_the_declared_type_cannot_hold_is_an_error(kind):
    """A silent cast would give another number, and the algorithm would learn from that."""
    space, shown, text = WRONG_TYPES[kind]
    right = np.zeros(space.shape, int)
    engine = host_of(lambda: Showing(space, right, right, right, shown))
    with pytest.raises(RunError) as caught:
        engine.advance([engine.init(3)], [3], [0], 10)
    assert str(caught.value).startswith("environment Odd-v0, seed 3, step 3: ")
    assert text in str(caught.value)
    engine.close()


def test_it_is_an_error_in_an_evaluation_too():
    space = spaces.Box(0, 255, (1,), np.uint8)
    engine = host_of(lambda: Showing(space, [0], [0.9]))
    with pytest.raises(RunError, match=r"environment Odd-v0, seed 5, step 1: .* 0\.9 in it"):
        engine.evaluate(np.zeros(2, np.float32), 5, 0, 1)
    engine.close()


RIGHT_TYPES = {
    "whole floats as bytes": (spaces.Box(0, 255, (2,), np.uint8), np.array([7.0, 255.0])),
    "integers as bytes": (spaces.Box(0, 255, (2,), np.uint8), [0, 255]),
    "integers as floats": (spaces.Box(-9, 9, (2,), np.float32), [7, -3]),
    "64 bits as 32": (spaces.Box(-9, 9, (2,), np.float32), np.array([0.1, -0.7])),
    "64 bits as 16": (spaces.Box(-9, 9, (2,), np.float16), np.array([0.1, -0.7])),
    "0 and 1 as booleans": (spaces.Box(0, 1, (2,), bool), [0, 1]),
    "large whole numbers": (spaces.Box(-(2**63), 2**63 - 1, (2,), np.int64), [-(2**31), 2**31 - 1]),
    "larger ones": (spaces.Box(0, 2**64 - 1, (2,), np.uint64), np.array([0, 2**32 - 1], np.uint64)),
    "with a mask, but none masked": (spaces.Box(-1, 1, (2,), np.float32), np.ma.array([0.5, -0.5], mask=False)),
    "beyond the bounds": (spaces.Box(-1, 1, (2,), np.float32), [3.0, -5.0]),
    "in 32 bits": (spaces.Box(-9, 9, (2,), np.int64), [-9, 9]),
    "no sign": (spaces.Box(0, 9, (2,), np.uint64), [0, 9]),
}


@pytest.mark.thorough(after=2)
@pytest.mark.parametrize("kind", RIGHT_TYPES)
def test_what_the_declared_type_holds_is_seen_as_the_number_it_is(kind):
    space, shown = RIGHT_TYPES[kind]

    engine = host_of(lambda: Showing(space, shown), steps_per_update=1)
    carry = engine.init(0)
    seen = carry.player.observation
    (carry,) = engine.advance([carry], [0], [0], 1)
    engine.close()
    assert seen.dtype.itemsize <= 4
    np.testing.assert_allclose(seen[0].astype(float), np.array(shown, float), rtol=1e-3)
    learnt_from = np.asarray(carry.state.steps.observation)[0, 0]
    np.testing.assert_array_equal(learnt_from, seen[0])


class Parted(spaces.Space):
    """A foreign space without shape and dtype, like MiniGrid's missions."""

    def __init__(self):
        super().__init__(dtype=str)

    def sample(self, **_):
        return "go to the door"


def said(caplog):
    return [each.getMessage() for each in caplog.records if each.name == "zerone"]


WATCHED = [
    (spaces.Box(0, 1e10, (1,), np.float64), np.array([1.7e9]), np.array([1.7e9 + 60]), "observation"),
    (spaces.Box(0, 1e10, (1,), np.float32), np.array([1.7e9]), np.array([1.7e9 + 60]), "observation"),
    (spaces.Box(0, 2**31 - 1, (2,), np.int32), [5, 2**30], [7, 2**30 + 1], "number 1 was 1073741824 and 1073741825"),
    (spaces.Box(0, 2**50, (), np.int64), 2**30, 2**30 + 1, "it was 1073741824 and 1073741825"),
    (spaces.Dict(a=spaces.Box(-1, 1, (1,)), t=spaces.Box(0, 1e10, (1,), np.float64)),
     {"a": np.zeros(1, np.float32), "t": np.array([1.7e9])}, {"a": np.ones(1, np.float32), "t": np.array([1.7e9 + 60])},
     "t changes by less"),
]  # fmt: skip


@pytest.mark.thorough(after=3)
@pytest.mark.parametrize(("space", "one", "other", "words"), WATCHED, ids=[str(each[0])[:40] for each in WATCHED])
def test_what_32_bits_cannot_tell_apart_is_said_once(space, one, other, words, caplog):
    engine = host_of(lambda: Showing(space, one, other))
    engine.advance([engine.init(0)], [0], [0], 10)
    engine.evaluate(np.zeros(2, np.float32), 0, 0, 5)
    engine.close()
    (line,) = said(caplog)
    assert line.startswith("zerone: environment Odd-v0: ")
    assert words in line
    assert "one number in 32 bits" in line
    assert caplog.records[0].levelno == logging.WARNING


def _swinging():
    """A float64 pendulum that comes to rest: its last changes are too small for float32."""
    steps = np.arange(4000)
    return [np.array([np.cos(t / 9) * 0.99**t, 1.25 + 1e-10 * 0.99**t, 1 + 1e-16 * (t % 3)]) for t in steps]


UNWATCHED = [
    (spaces.Box(-9, 9, (3,), np.float64), _swinging()),
    (spaces.Box(0, 1e9, (1,), np.float64), [np.array([float(t)]) for t in range(0, 10**9, 10**6 + 1)]),
    (spaces.Box(0, 2**31 - 1, (1,), np.int32), [[2**24 + t] for t in range(0, 10**5, 3)]),
    (spaces.Box(-1, 1, (2,), np.float64), [np.random.default_rng(t).normal(size=2) * 1e-30 for t in range(999)]),
]


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(("space", "shown"), UNWATCHED, ids=["at rest", "a clock", "a counter", "tiny"])
def test_what_32_bits_tell_apart_well_enough_is_no_line(space, shown, caplog):
    engine = host_of(lambda: Showing(space, *shown), environments=1, steps_per_update=50)
    engine.advance([engine.init(0)], [0], [0], 60)
    engine.close()
    assert said(caplog) == []


def test_parts_without_numbers_are_left_out_and_that_is_said_once(caplog):
    space = spaces.Dict(mission=Parted(), place=spaces.Box(-1, 1, (2,)), far=spaces.Tuple([spaces.Text(9)]))
    shown = {"mission": "go", "place": np.array([0.5, -0.5], np.float32), "far": ("a",)}
    engine = host_of(lambda: Showing(space, shown))
    carry = engine.init(0)
    np.testing.assert_array_equal(carry.player.observation, [[0.5, -0.5]] * 3)
    engine.advance([carry], [0], [0], 2)
    engine.close()
    assert said(caplog) == [
        "zerone: environment Odd-v0: mission (Parted) has no numbers in fixed places, and is left out of what is seen",
        "zerone: environment Odd-v0: far[0] (Text) has no numbers in fixed places, and is left out of what is seen",
    ]


def test_small_bytes_that_may_be_symbols_are_said(caplog):
    space = spaces.Box(0, 255, (16, 16, 3), np.uint8)
    engine = host_of(lambda: Showing(space, np.zeros(space.shape, np.uint8)))
    engine.close()
    (line,) = said(caplog)
    assert "(16, 16, 3) are seen as a picture" in line
    assert "observations='grid' or 'numbers'" in line
