"""The numbers in a row of the log are exact, however many steps and updates they cover."""

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import Keeper

from zerone.algorithms.q_learning import QLearning
from zerone.base.pytree import configured, struct
from zerone.engines.compiled import Compiled
from zerone.engines.host import Host
from zerone.environments.gym.vector import make_vector
from zerone.environments.wrappers import TimeLimit

SCALE = 0.1
"""A reward that float32 cannot hold, nor most of its multiples."""


@struct
class At:
    """The state of `Steady`: the number of steps in the episode (int32)."""

    step: jax.Array


@configured
class Steady:
    """Each step has a reward of `SCALE`; episodes only end by the time limit."""

    observation_space = gymnasium.spaces.Discrete(2)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, key):
        del key
        return jnp.int32(0), At(jnp.int32(0))

    def step(self, key, state, action):
        del key, action
        return jnp.int32(0), At(state.step + 1), jnp.float32(SCALE), jnp.bool_(False), {}


@configured
class Measuring(QLearning):
    """Q-learning with a further metric that is constant."""

    metrics = {"always": "a number"}  # noqa: RUF012 - as everywhere

    def update(self, state, steps, key):
        return QLearning.update(self, state, steps, key)[0], {"always": jnp.float32(SCALE)}


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(
    ("environments", "limit", "iterations"), [(1, 20_000, 2_000_000), (1, 13, 2_000_000), (50, 7, 300_000)]
)
@pytest.mark.usefixtures("optimized")
def test_long_stretches_are_logged_to_a_millionth(environments, limit, iterations):
    engine = Compiled(Measuring(environments=environments), TimeLimit(Steady(), limit))
    (carry,) = engine.advance([engine.init(0)], [0], [0], 5)
    _, carry = engine.report(carry, 0, 5)
    (carry,) = engine.advance([carry], [0], [5], iterations)
    row, _ = engine.report(carry, 5, iterations)
    engine.close()
    reward = float(np.float32(SCALE))
    # An episode that was unfinished at the last row counts with all its steps.
    assert row["episodes"] == environments * (iterations // limit)
    assert row["length"] == limit
    assert float(row["return"]) == pytest.approx(reward * limit, rel=2e-7)
    assert float(row["always"]) == pytest.approx(reward, rel=2e-7)


@pytest.mark.thorough
@pytest.mark.usefixtures("optimized")
def test_one_episode_of_many_steps_is_logged_to_a_millionth():
    # In float32 16,777,216 + 1 is 16,777,216.
    steps = 20_000_001
    engine = Compiled(QLearning(), TimeLimit(Steady(), steps))
    (carry,) = engine.advance([engine.init(0)], [0], [0], steps)
    row, _ = engine.report(carry, 0, steps)
    engine.close()
    assert row["episodes"] == 1
    assert float(row["length"]) == pytest.approx(steps, rel=1e-7)
    assert float(row["return"]) == pytest.approx(float(np.float32(SCALE)) * steps, rel=2e-7)


def test_rows_leave_nothing_out_and_count_nothing_twice():
    engine = Compiled(QLearning(environments=3), TimeLimit(Steady(), 11))
    carry, rows, at = engine.init(0), [], 0
    for stop in (4, 5, 11, 12, 33, 100, 257, 600):
        (carry,) = engine.advance([carry], [0], [at], stop)
        row, carry = engine.report(carry, at, stop)
        rows.append(row)
        at = stop
    engine.close()
    assert sum(row["episodes"] for row in rows) == 3 * (600 // 11)
    for row in rows:
        if row["episodes"]:
            assert row["length"] == 11
            assert float(row["return"]) == pytest.approx(11 * float(np.float32(SCALE)), rel=2e-7)


class SteadyEnv(gymnasium.Env):
    """The same in Gymnasium, with episodes of one step."""

    observation_space, action_space = Steady.observation_space, Steady.action_space

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        return 0, {}

    def step(self, action):
        del action
        return 0, SCALE, True, False, {}


def test_the_host_adds_up_in_float64():
    engine = Host(Measuring(), lambda number, seed: make_vector(SteadyEnv, "Steady-v0", number, seed))
    (carry,) = engine.advance([engine.init(0)], [0], [0], 3)
    assert all(isinstance(each, np.float64) for each in carry.metrics.values())
    saved = engine.saved(carry)
    assert {each.dtype for each in saved["metrics"].values()} == {np.dtype(np.float64)}
    # As if there had been millions of updates before.
    carry = engine.resume({**saved, "metrics": {"always": np.float64(2**24)}}, 0, 3)
    (carry,) = engine.advance([carry], [0], [3], 13)
    assert carry.metrics["always"] == pytest.approx(2**24 + 10 * SCALE, rel=1e-9)
    engine.close()


def test_an_evaluation_of_long_episodes_is_exact():
    environment = TimeLimit(Steady(), 9_973)
    engine = Compiled(QLearning(), environment)
    found = engine.evaluate(np.zeros((2, 2), np.float32), 0, 1, 3)
    engine.close()
    np.testing.assert_array_equal(found.lengths, 9_973)
    np.testing.assert_allclose(found.returns, float(np.float32(SCALE)) * 9_973, rtol=1e-7)


def test_a_return_that_is_no_number_spoils_one_row_only():
    engine = Compiled(Keeper(environments=1, steps_per_update=1), TimeLimit(Spoilt(), 5))
    carry, rows = engine.init(0), []
    for at in range(0, 60, 10):
        (carry,) = engine.advance([carry], [0], [at], at + 10)
        row, carry = engine.report(carry, at, at + 10)
        rows.append(float(row["return"]))
    engine.close()
    assert not np.isfinite(rows[1])
    assert rows[:1] + rows[2:] == [5.0] * 5


@configured
class Spoilt(Steady):
    """A reward of 1 per step, but infinity at the 12th step overall."""

    def carry_over(self, ended, fresh):
        del fresh
        return ended

    def step(self, key, state, action):
        seen, state, _, over, info = Steady.step(self, key, state, action)
        return seen, state, jnp.where(state.step == 12, jnp.inf, 1.0), over, info
