"""A faulty environment stops the run with one line that names it, the seed and the step."""

import asyncio
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import SyncVectorEnv
from toys import Keeper, small_ppo

from zerone.base.errors import RunError
from zerone.engines.host import Host
from zerone.environments.gym.vector import make_vector

GOOD = np.array([0.5, -0.5], np.float32)
WRONG_STEPS = {
    "NaN observation": (lambda: (GOOD * np.nan, 1.0, False, False, {}), "NaN or infinity"),
    "infinite observation": (lambda: (GOOD * np.inf, 1.0, False, False, {}), "NaN or infinity"),
    "observation too large for its type": (lambda: (np.array([1e300, 0]), 1.0, False, False, {}), "NaN or infinity"),
    "NaN reward": (lambda: (GOOD, np.nan, False, False, {}), "the reward is nan"),
    "infinite reward": (lambda: (GOOD, -np.inf, False, False, {}), "the reward is -inf"),
    "reward too large for float32": (lambda: (GOOD, 1e300, False, False, {}), "the reward is 1e+300"),
    "no reward": (lambda: (GOOD, None, False, False, {}), "the reward is None"),
    "a text for a reward": (lambda: (GOOD, "1", False, False, {}), "the reward is '1'"),
    "rewards": (lambda: (GOOD, np.ones(2), False, False, {}), "the reward is array"),
    "a reward in a list": (lambda: (GOOD, [1.0], False, False, {}), "the reward is [1.0], not a finite number"),
    "an end in a list": (lambda: (GOOD, 1.0, [False], False, {}), "terminated is [False], not one boolean"),
    "an end for all": (lambda: (GOOD, 1.0, {"__all__": False}, False, {}), "terminated is {'__all__': False}, not"),
    "an end as a text": (lambda: (GOOD, 1.0, "False", False, {}), "terminated is 'False', not one boolean"),
    "no end": (lambda: (GOOD, 1.0, None, False, {}), "terminated is None, not one boolean"),
    "a time limit in a tuple": (lambda: (GOOD, 1.0, False, (False,), {}), "truncated is (False,), not one boolean"),
    "no info": (lambda: (GOOD, 1.0, False, False, None), "step returned None as its info, not a dictionary"),
    "another shape": (lambda: (np.zeros(3, np.float32), 1.0, False, False, {}), "of shape (3,), not of shape (2,)"),
    "a masked observation": (
        lambda: (np.ma.array(GOOD, mask=[True, False]), 1.0, False, False, {}),
        "the observation has masked entries, which are no numbers",
    ),
    "masked observations in a list": (
        lambda: ([np.ma.array(0.5, mask=True), 0.5], 1.0, False, False, {}),
        "the observation has masked entries",
    ),
    "a masked reward": (lambda: (GOOD, np.ma.masked, False, False, {}), "the reward is masked, not a finite number"),
    "a masked reward of some type": (
        lambda: (GOOD, np.ma.array(1.0, mask=True), False, False, {}),
        "the reward is masked_array(data=--",
    ),
    "a masked end": (
        lambda: (GOOD, 1.0, np.ma.array(False, mask=True), False, {}),
        "terminated is masked_array(data=--",
    ),
    "no observation": (lambda: (None, 1.0, False, False, {}), "the observation is None"),
    "a ragged observation": (lambda: ([[1.0], 2.0], 1.0, False, False, {}), "the observation is"),
    "four values": (lambda: (GOOD, 1.0, False, {}), "step returned 4 values"),
    "one value": (lambda: GOOD, "step returned 1 values"),
    "an exit": (lambda: sys.exit(3), "step called sys.exit(3)"),
    "an end of a task": (lambda: _cancel(), "step raised CancelledError"),
    "a crash": (lambda: 1 / 0, "step raised ZeroDivisionError: division by zero"),
}


def _cancel():
    raise asyncio.CancelledError


class Misbehaving(gymnasium.Env):
    """Works until the seventh step."""

    observation_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, wrong, at=7):
        self.wrong, self.at, self.steps = wrong, at, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        return GOOD.copy(), {}

    def step(self, action):
        del action
        self.steps += 1
        return self.wrong() if self.steps == self.at else (GOOD.copy(), 1.0, False, False, {})


def _fault(make, seed=3):
    engine = Host(Keeper(environments=2), lambda number, seed: make_vector(make, "Odd-v0", number, seed))
    carry = engine.init(seed)
    with pytest.raises(RunError) as caught:
        engine.advance([carry], [seed], [0], 10)
    engine.close()
    return str(caught.value)


@pytest.mark.thorough(after=3)
@pytest.mark.parametrize("kind", WRONG_STEPS)
def test_a_wrong_step_is_an_error_that_names_environment_seed_and_step(kind):
    wrong, text = WRONG_STEPS[kind]
    message = _fault(lambda: Misbehaving(wrong))
    assert message.startswith("environment Odd-v0, seed 3, step 7: ")
    assert text in message


def test_a_well_behaved_environment_is_left_alone():
    engine = Host(Keeper(), lambda number, seed: make_vector(lambda: Misbehaving(None, 0), "Fine-v0", number, seed))
    (carry,) = engine.advance([engine.init(0)], [0], [0], 10)
    engine.close()
    np.testing.assert_array_equal(np.asarray(carry.state.steps.observation)[0, 0], GOOD)


def test_gymnasiums_own_checker_passes_what_is_caught_here():
    # The reason for a guard of our own. If this test fails, Gymnasium's checks would suffice.
    check_env(Misbehaving(WRONG_STEPS["infinite reward"][0]), skip_render_check=True)


class OutOfRange(Misbehaving):
    """Its space is Discrete(4) but it returns 4: JAX would silently use the last row of a table instead."""

    observation_space = spaces.Discrete(4)

    def reset(self, *, seed=None, options=None):
        gymnasium.Env.reset(self, seed=seed, options=options)
        return 3, {}

    def step(self, action):
        del action
        self.steps += 1
        return (4 if self.steps == self.at else 0), 1.0, False, False, {}


def test_a_discrete_observation_out_of_its_range_is_an_error():
    assert "environment Odd-v0, seed 3, step 7: the observation is 4" in _fault(lambda: OutOfRange(None))


class Growing(Misbehaving):
    """Begins with two actions, and says at its first reset that there are three."""

    def reset(self, *, seed=None, options=None):
        self.action_space = spaces.Discrete(3)
        return super().reset(seed=seed, options=options)


class GrowingInside(Misbehaving):
    """The same with its space changed where it is."""

    def __init__(self):
        super().__init__(None)
        self.action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        self.action_space.n = np.int64(3)
        return super().reset(seed=seed, options=options)


@pytest.mark.parametrize("make", [lambda: Growing(None), GrowingInside])
def test_actions_that_change_at_a_reset_are_an_error(make):
    # The third action would never be taken, and nothing would say so.
    engine = Host(Keeper(), lambda number, seed: make_vector(make, "Odd-v0", number, seed))
    with pytest.raises(RunError, match=r"step 0: the action space was Discrete\(2\) .*, and is Discrete\(3\) after a"):
        engine.init(3)
    engine.close()


class Remade(Misbehaving):
    """Makes a new space each time: an equal one is the same."""

    @property
    def action_space(self):
        return spaces.Discrete(2)


def test_equal_action_spaces_are_the_same():
    engine = Host(Keeper(), lambda number, seed: make_vector(lambda: Remade(None, 0), "Fine-v0", number, seed))
    engine.advance([engine.init(0)], [0], [0], 2)
    engine.close()


class WrongReset(Misbehaving):
    """Its `reset` returns no info."""

    def reset(self, **_):
        return GOOD.copy()


def test_a_wrong_reset_is_an_error():
    engine = Host(Keeper(), lambda number, seed: make_vector(lambda: WrongReset(None), "Odd-v0", number, seed))
    with pytest.raises(RunError, match="environment Odd-v0, seed 3, step 0: reset must return two values"):
        engine.init(3)
    engine.close()


class OldReset(Misbehaving):
    """Its `reset` is that of Gym before 0.26."""

    def reset(self):
        return GOOD.copy()


def test_a_reset_without_a_seed_is_answered_with_the_signature_of_today():
    engine = Host(Keeper(), lambda number, seed: make_vector(lambda: OldReset(None), "Odd-v0", number, seed))
    with pytest.raises(RunError, match=r"'seed'; it must be reset\(self, \*, seed=None, options=None\)"):
        engine.init(3)
    engine.close()


class PassesOn(Misbehaving):
    """Its `reset` has today's signature, and passes on an argument that nobody takes."""

    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed, options=options, extra=1)


def test_another_wrong_argument_inside_of_a_reset_is_said_as_it_is():
    engine = Host(Keeper(), lambda number, seed: make_vector(lambda: PassesOn(None), "Odd-v0", number, seed))
    with pytest.raises(RunError, match=r"unexpected keyword argument 'extra'$"):
        engine.init(3)
    engine.close()


class Exits(Misbehaving):
    """Its `reset` calls `sys.exit`."""

    def reset(self, **_):
        sys.exit("no licence")


def test_a_reset_that_ends_the_program_is_an_error():
    engine = Host(Keeper(), lambda number, seed: make_vector(lambda: Exits(None), "Odd-v0", number, seed))
    with pytest.raises(RunError, match=r"environment Odd-v0, seed 3, step 0: reset called sys.exit\('no licence'\)"):
        engine.init(3)
    engine.close()


class NoInfo(Misbehaving):
    """Its `reset` returns only the observation, which is a pair."""

    observation_space = spaces.Box(-1.0, 1.0, (2,), np.float32)

    def reset(self, **_):
        return 0.5, -0.5


def test_an_observation_that_is_a_pair_is_no_observation_with_an_info():
    engine = Host(Keeper(), lambda number, seed: make_vector(lambda: NoInfo(None), "Odd-v0", number, seed))
    with pytest.raises(RunError, match=r"step 0: reset returned -0\.5 as its info, not a dictionary"):
        engine.init(3)
    engine.close()


class Doubling(gymnasium.Env):
    """Writes into the action array that it gets, and records its dtype."""

    observation_space = spaces.Box(-1.0, 1.0, (2,), np.float32)

    def __init__(self, action_space, got):
        self.action_space, self.got, self.left = action_space, got, 5

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        self.left = 5
        return GOOD.copy(), {}

    def step(self, action):
        sample = self.action_space.sample()
        self.got.append((type(action) is type(sample), getattr(action, "dtype", None), np.shape(action)))
        if np.shape(action):
            action *= 0
        self.left -= 1
        return GOOD.copy(), 1.0, self.left == 0, False, {}


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(
    "space",
    [
        spaces.Discrete(3, start=-1),
        spaces.Box(-1.0, 2.0, (2,), np.float32),
        spaces.Box(-1.0, 2.0, (2,), np.float64),
        spaces.Box(0, 200, (1,), np.uint8),
        spaces.MultiDiscrete([2, 3]),
        spaces.MultiBinary(2),
    ],
    ids=str,
)
@pytest.mark.parametrize("vector", [make_vector, None], ids=["ours", "gymnasium's"])
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype")
def test_actions_are_the_environments_own_in_training_evaluation_and_use(space, vector):
    got = []

    def make(number, seed):
        makers = [lambda: Doubling(space, got)] * number
        return SyncVectorEnv(makers) if vector is None else vector(makers[0], "Odd-v0", number, seed)

    engine = Host(small_ppo(environments=2, minibatches=1), make)
    (carry,) = engine.advance([engine.init(0)], [0], [0], 2)
    engine.evaluate(engine.policy(carry), 0, 0, 3)
    assert len(got) > 40
    assert set(got) == {(True, space.sample().dtype, space.sample().shape)}
    acted, _ = engine.act(engine.policy(carry), (), np.zeros((4, 2), np.float32))
    assert acted.dtype == space.dtype
    acted[:] = 0
    engine.close()


class Manifold(Misbehaving):
    """Observations with parts: two numbers, one of three categories, and bits."""

    observation_space = spaces.Dict(
        {
            "place": spaces.Box(-1.0, 1.0, (2,), np.float32),
            "rest": spaces.Tuple([spaces.Discrete(3, start=1), spaces.MultiBinary(2)]),
        }
    )

    def reset(self, *, seed=None, options=None):
        gymnasium.Env.reset(self, seed=seed, options=options)
        return self._seen(1), {}

    def step(self, action):
        del action
        self.steps += 1
        return (self.wrong() if self.steps == self.at else self._seen(3)), 1.0, False, False, {}

    def _seen(self, thing):
        return {"place": GOOD, "rest": (thing, np.array([0, 1], np.int8))}


def test_what_has_parts_is_seen_as_one_vector_the_numbers_as_they_are_the_rest_one_hot():
    vector = make_vector(lambda: Manifold(None, 0), "Parts-v0", 1, 0)
    assert vector.single_observation_space.shape == (7,)
    np.testing.assert_array_equal(vector.reset()[0], [[*GOOD, 1, 0, 0, 0, 1]])
    np.testing.assert_array_equal(vector.step([0])[0], [[*GOOD, 0, 0, 1, 0, 1]])


class Bits(Misbehaving):
    """A checkered observation of 2 × 2 bits."""

    observation_space = spaces.MultiBinary((2, 2))

    def reset(self, **_):
        return np.array([[0, 1], [1, 0]], np.int8), {}


def test_bits_are_seen_as_numbers():
    vector = make_vector(lambda: Bits(None), "Bits-v0", 1, 0)
    assert vector.single_observation_space.shape == (4,)
    np.testing.assert_array_equal(vector.reset()[0], [[0, 1, 1, 0]])


@pytest.mark.thorough(after=4)
@pytest.mark.parametrize(
    "part",
    [
        {"place": GOOD},
        {"place": GOOD, "rest": (7, np.zeros(2, np.int8))},
        {"place": GOOD * np.nan, "rest": (1, np.zeros(2, np.int8))},
        {"place": np.zeros(3, np.float32), "rest": (1, np.zeros(2, np.int8))},
        None,
    ],
    ids=["one is missing", "one is out of range", "one is NaN", "one has another shape", "nothing"],
)
def test_a_wrong_part_is_an_error_that_names_environment_seed_and_step(part):
    assert _fault(lambda: Manifold(lambda: part)).startswith("environment Odd-v0, seed 3, step 7: ")


class Unending(Misbehaving):
    """Cannot be closed."""

    def close(self):
        raise RuntimeError("stuck")


def test_an_environment_that_cannot_be_closed_is_a_warning_and_loses_nothing():
    engine = Host(Keeper(), lambda number, seed: make_vector(lambda: Unending(None, 0), "Odd-v0", number, seed))
    engine.advance([engine.init(0)], [0], [0], 10)
    with pytest.warns(UserWarning, match="environment Odd-v0: close raised RuntimeError: stuck"):
        engine.close()


def test_a_fault_in_an_evaluation_names_the_seed_that_is_judged():
    made = []

    def make():
        made.append(Misbehaving(WRONG_STEPS["a crash"][0], at=0))
        return made[-1]

    engine = Host(Keeper(), lambda number, seed: make_vector(make, "Odd-v0", number, seed))
    for each in made:
        each.at = 3
    for seed in (5, 6):
        for each in made:
            each.steps = 0
        with pytest.raises(RunError, match=rf"environment Odd-v0, seed {seed}, "):
            engine.evaluate(np.zeros(2, np.float32), seed, 0, 1)
    engine.close()
