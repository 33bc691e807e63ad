"""Exchange between agent and environment: actions, rewards and ends."""

import decimal
import fractions

import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium import spaces

from zerone.environments.gym.conversion import action_converter, flag_of, raised, reward_of, shown
from zerone.environments.spaces import to_environment

F64 = spaces.Box(-1.0, 1.0, (2,), np.float64)


def _read_only(value):
    array = np.array(value)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("space", "action"),
    [
        (spaces.Discrete(3), np.int32(2)),
        (spaces.Discrete(3), 2),
        (spaces.Discrete(3), jnp.int32(2)),
        (spaces.Discrete(3), np.array([2])),
        (spaces.Box(-1.0, 1.0, (2,), np.float32), _read_only([0.5, 1.0])),
        (spaces.Box(-1.0, 1.0, (2,), np.float32), _read_only(np.float32([0.5, 1.0]))),
        (F64, jnp.array([0.5, 1.0])),
        (spaces.Box(-1.0, 1.0, (1,), np.float32), 0.25),
        (spaces.Box(-1.0, 1.0, (), np.float32), np.float32(0.25)),
        (spaces.Box(0, 9, (2,), np.uint8), [3, 9]),
        (spaces.MultiDiscrete([2, 3]), _read_only(np.int32([1, 2]))),
        (spaces.MultiBinary(3), _read_only(np.int32([1, 0, 1]))),
    ],
    ids=str,
)
def test_an_action_is_as_gymnasium_would_sample_it_and_can_be_written_into(space, action):
    taken, sampled = action_converter(space)(action), space.sample()
    assert type(taken) is type(sampled)
    assert (taken.dtype, taken.shape) == (sampled.dtype, sampled.shape)
    assert space.contains(taken)
    np.testing.assert_array_equal(np.ravel(taken), np.ravel(action))
    if taken.shape:
        taken *= 0  # the environment may change it
        assert np.any(np.asarray(action))


@pytest.mark.parametrize(
    ("space", "action"),
    [
        (spaces.Discrete(3), 1.5),
        (spaces.Discrete(3), None),
        (spaces.Discrete(3), np.array([1, 2])),
        (spaces.Box(0, 9, (2,), np.uint8), [0.5, 1.0]),
        (spaces.Box(0, 9, (2,), np.uint8), [-1, 1]),
        (spaces.MultiDiscrete([2, 3]), [np.nan, 1.0]),
        (F64, [0.5]),
        (F64, "ab"),
        (F64, None),
    ],
    ids=str,
)
def test_what_is_no_action_is_refused(space, action):
    with pytest.raises(ValueError, match=r"not|cannot"):
        action_converter(space)(action)


ONE_REWARD = [1, 1.0, True, np.float64(1), np.float16(1), np.int8(1), np.bool_(1), np.array(1.0), np.array([[1]])]


@pytest.mark.parametrize("reward", [*ONE_REWARD, jnp.float32(1)], ids=repr)
def test_a_reward_is_one_number(reward):
    found = reward_of(reward)
    assert (type(found), found) == (float, 1.0)


HUGE = 10**5000  # Python refuses to print it


@pytest.mark.parametrize(
    "reward",
    [None, "1", b"1", 1j, np.complex64(1), [1.0], (1.0,), {"a": 1.0}, {1.0}, np.ones(2), np.ones(0), np.nan, -np.inf,
     1e39, -1e300, np.array([np.nan]), decimal.Decimal(1), fractions.Fraction(1), object(), np.datetime64(1, "s"),
     pytest.param(HUGE, id="huge"), pytest.param(-HUGE, id="minus huge")],
)  # fmt: skip
def test_what_is_not_one_finite_number_is_no_reward(reward):
    assert reward_of(reward) is None
    assert "\n" not in shown(reward)


TRUE = [True, 1, np.bool_(1), np.array(True), np.array([True]), np.array([[True]]), np.int8(1), np.array([1])]


@pytest.mark.parametrize("flag", [*TRUE, jnp.bool_(True)], ids=repr)
def test_an_end_is_one_boolean_or_0_or_1(flag):
    assert flag_of(flag) is True


def test_so_is_what_is_no_end():
    assert [flag_of(each) for each in (False, 0, np.bool_(0), np.array([False]), np.uint8(0))] == [False] * 5


@pytest.mark.parametrize(
    "flag",
    [None, "", "False", b"x", [False], [True], (False,), {}, {"__all__": False}, set(), 2, -1, 1.0, 0.0, np.float32(1),
     np.array(0.0), np.array([True, False]), np.array([], bool), ..., 1j, np.nan],
    ids=repr,
)  # fmt: skip
def test_what_is_not_one_boolean_is_no_end(flag):
    assert flag_of(flag) is None


class Unwritable:
    """An object that cannot be printed or converted to an array."""

    def __repr__(self):
        raise RuntimeError

    def __str__(self):
        raise RuntimeError

    def __array__(self, *_):
        raise OSError


class SilentError(Exception):
    """An exception whose `__str__` fails."""

    def __str__(self):
        raise RuntimeError


def test_whatever_a_value_or_an_error_is_it_is_said_in_a_line():
    assert shown(Unwritable()) == "a Unwritable"
    assert reward_of(Unwritable()) is flag_of(Unwritable()) is None
    assert shown(np.zeros((20, 20))).count("\n") == 0
    assert len(shown("x" * 1000)) == 80
    assert raised(SilentError()) == "raised SilentError"
    assert raised(OSError("one\n two")) == "raised OSError: one two"
    assert raised(SystemExit()) == "called sys.exit()"
    assert raised(SystemExit(3)) == "called sys.exit(3)"


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype")
def test_no_action_of_a_policy_leaves_a_space_finer_than_float32():
    for low, high in ((0.0, 0.1), (-0.3, 0.7), (1 / 3, 2 / 3), (-1e9 - 0.1, 1e9 + 0.1)):
        space = spaces.Box(low, high, (1,), np.float64)
        for drawn in (-1.0, 1.0, -9.0, 9.0):
            sent = to_environment(space, jnp.full((1,), drawn, jnp.float32))
            assert space.contains(np.array(sent, np.float64)), (low, high, drawn)
