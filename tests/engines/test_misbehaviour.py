"""An environment that misbehaves stops the run with one line that names it, the seed and the step."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from toys import Keeper

from zerone.base.errors import RunError
from zerone.engines.host import Host
from zerone.environments.vector import make_vector

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
    "another shape": (lambda: (np.zeros(3, np.float32), 1.0, False, False, {}), "of shape (3,), not of shape (2,)"),
    "no observation": (lambda: (None, 1.0, False, False, {}), "the observation is None"),
    "a ragged observation": (lambda: ([[1.0], 2.0], 1.0, False, False, {}), "the observation is"),
    "four values": (lambda: (GOOD, 1.0, False, {}), "step returned 4 values"),
    "one value": (lambda: GOOD, "step returned 1 values"),
    "a crash": (lambda: 1 / 0, "step raised ZeroDivisionError: division by zero"),
}


class Misbehaving(gymnasium.Env):
    """Well-behaved up to the seventh step."""

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
    # The reason for a guard of our own: were this to fail, the guard could lean on Gymnasium's.
    check_env(Misbehaving(WRONG_STEPS["infinite reward"][0]), skip_render_check=True)


class OutOfRange(Misbehaving):
    """Says Discrete(4) and returns 4: an index beyond a table, which JAX would silently move to its last row."""

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


class WrongReset(Misbehaving):
    """Returns no information from a reset."""

    def reset(self, **_):
        return GOOD.copy()


def test_a_wrong_reset_is_an_error():
    engine = Host(Keeper(), lambda number, seed: make_vector(lambda: WrongReset(None), "Odd-v0", number, seed))
    with pytest.raises(RunError, match="environment Odd-v0, seed 3, step 0: reset returned no"):
        engine.init(3)
    engine.close()


class Manifold(Misbehaving):
    """What is seen has parts: two numbers, one of three things, and bits."""

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
    (env,) = make_vector(lambda: Manifold(None, 0), "Parts-v0", 1, 0).envs
    assert env.observation_space.shape == (7,)
    np.testing.assert_array_equal(env.reset()[0], [*GOOD, 1, 0, 0, 0, 1])
    np.testing.assert_array_equal(env.step(0)[0], [*GOOD, 0, 0, 1, 0, 1])


class Bits(Misbehaving):
    """A chequered picture of four bits."""

    observation_space = spaces.MultiBinary((2, 2))

    def reset(self, **_):
        return np.array([[0, 1], [1, 0]], np.int8), {}


def test_bits_are_seen_as_numbers():
    (env,) = make_vector(lambda: Bits(None), "Bits-v0", 1, 0).envs
    assert env.observation_space.shape == (4,)
    np.testing.assert_array_equal(env.reset()[0], [0, 1, 1, 0])


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
