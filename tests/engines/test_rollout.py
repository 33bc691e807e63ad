"""Steps in compiled environments: true next observations, exact counts, independent evaluation episodes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import (
    Counter,
    Keeper,
    Table,
    cycle,
    small_a3c,
    small_actor_critic,
    small_dppo,
    small_dqn,
    small_ppo,
    small_reinforce,
    table,
    wrong_steps,
)

from zerone.algorithms.q_learning import QLearning
from zerone.base.pytree import configured
from zerone.engines.compiled import Compiled
from zerone.engines.evaluation import evaluate_episodes
from zerone.engines.protocol import LONGEST_EVALUATION, EvaluationSettings
from zerone.engines.rollout import OWN_PLAY, start
from zerone.environments.wrappers import ShapedReward, TimeLimit

COUNTER = TimeLimit(Counter(), 3)


def _blocks(engine, blocks, seed=0):
    """The steps of each iteration."""
    carry = engine.init(seed)
    for i in range(blocks):
        (carry,) = engine.advance([carry], [seed], [i], i + 1)
        yield jax.device_get(carry.state.steps), carry


@pytest.fixture(scope="module")
def played():
    engine = Compiled(Keeper(), COUNTER)
    blocks = [steps for steps, _ in _blocks(engine, 40)]
    engine.close()
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *blocks)


def test_the_next_observation_is_the_true_one_also_where_an_episode_ends(played):
    assert played.reward.shape == (160, 3)
    over = played.terminated | played.truncated
    assert over.sum() > 100
    assert wrong_steps(played) == 0
    # Broken twin: the observation after the reset instead of the true next one.
    broken = type(played)(**{**vars(played), "next_observation": np.roll(played.observation, -1, axis=0)})
    assert wrong_steps(broken) >= over[:-1].sum()


def test_after_an_end_a_new_episode_begins_and_otherwise_the_old_goes_on(played):
    over = (played.terminated | played.truncated)[:-1]
    following, seen = played.next_observation[:-1, :, 0], played.observation[1:, :, 0]
    np.testing.assert_array_equal(seen[~over], following[~over])
    assert (seen[over] % 100 == 0).all()
    assert (seen[over] != following[over] - following[over] % 100).mean() > 0.9  # each begins at another number


def test_cut_and_ended_stay_apart(played):
    place = played.observation[..., 0] % 100
    np.testing.assert_array_equal(played.truncated, place == 2)
    assert (played.truncated & played.terminated).any()
    assert (played.truncated & ~played.terminated).any()


def test_the_log_counts_every_episode_once_whenever_it_is_written(played):
    engine = Compiled(Keeper(), COUNTER)
    carry, rows, last = engine.init(0), [], 0
    for iteration in (1, 2, 7, 20, 40):
        (carry,) = engine.advance([carry], [0], [last], iteration)
        row, carry = engine.report(carry, last, iteration)
        rows.append((row["episodes"], (row["return"] or 0) * row["episodes"], (row["length"] or 0) * row["episodes"]))
        last = iteration
    engine.close()
    over = played.terminated | played.truncated
    ended_length = sum(int(played.observation[t, n, 0]) % 100 + 1 for t, n in zip(*np.nonzero(over), strict=True))
    np.testing.assert_allclose(np.sum(rows, axis=0), [over.sum(), ended_length, ended_length], rtol=1e-6)
    assert [row[1] for row in rows] == pytest.approx([row[2] for row in rows])  # a reward of 1 per step


@configured
class Careless(Counter):
    """The broken twin: one key for two draws."""

    def reset(self, key):
        value = 100.0 * jax.random.randint(key, (1,), 1, 1000)
        return value, Counter.reset(self, key)[1]


def _one_iteration(algorithm, environment):
    """Everything that uses random keys, once."""

    def program():
        keys = jax.random.split(jax.random.key(0), 3)
        engine_spaces = Compiled(algorithm, environment).spaces
        state = algorithm.init(keys[0], engine_spaces)
        simulation = start(algorithm, environment, state.policy, keys[1])
        chance = OWN_PLAY.draw(algorithm, environment, state.policy, keys[2], jnp.uint32(0), jnp.int32(0))
        _, steps = OWN_PLAY.collect(algorithm, environment, state.policy, simulation, chance)
        state, _ = algorithm.update(state, steps, chance.update_key)
        here = algorithm, environment, state.policy, jnp.uint32(0), jnp.int32(0)
        return evaluate_episodes(*here, jnp.int32(0), jnp.int32(5), 2)

    return jax.jit(program).lower()


@pytest.mark.thorough(after=3)
@pytest.mark.usefixtures("key_reuse_raises")
@pytest.mark.parametrize(
    "algorithm",
    [QLearning(), small_dqn(), small_reinforce(), small_actor_critic(), small_ppo(), small_a3c(), small_dppo()],
    ids=lambda each: each.name,
)
def test_no_key_is_used_twice(algorithm):
    _one_iteration(algorithm, cycle())


@pytest.mark.usefixtures("key_reuse_raises")
def test_the_detector_of_keys_used_twice_catches_a_careless_environment():
    _one_iteration(Keeper(), COUNTER)
    with pytest.raises(jax.errors.KeyReuseError):
        _one_iteration(Keeper(), TimeLimit(Careless(), 3))


def _hundred(observation, action, reward, terminated, following):
    del observation, action, reward, terminated, following
    return jnp.float32(100)


def test_evaluation_is_greedy_and_on_the_real_reward():
    inner = table([0], [(1, -1)], [1]).environment
    engine = Compiled(QLearning(epsilon=1.0), TimeLimit(ShapedReward(inner, _hundred), 8))
    best = np.array([[1.0, 0.0]] * 4, np.float32)
    for policy, expected in ((best, 1.0), (-best, -1.0)):
        found = engine.evaluate(policy, 0, 0, 30)
        np.testing.assert_array_equal(found.returns, np.full(30, expected))
        np.testing.assert_array_equal(found.lengths, np.ones(30))
    # ... but learning uses the shaped reward.
    (carry,) = engine.advance([engine.init(0)], [0], [0], 300)
    engine.close()
    np.testing.assert_allclose(np.asarray(carry.state.policy)[0], 100, rtol=1e-3)


def test_a_policy_that_walks_in_a_circle_for_ever_is_cut_and_gets_an_answer():
    endless = TimeLimit(cycle().environment, 0)
    engine = Compiled(QLearning(), endless)
    found = engine.evaluate(np.zeros((4, 2), np.float32), 0, 0, 3)
    np.testing.assert_array_equal(found.lengths, np.full(3, LONGEST_EVALUATION))
    np.testing.assert_array_equal(found.returns, np.full(3, LONGEST_EVALUATION))
    assert found.cut.all()
    shorter, longer = (
        engine.evaluate(np.zeros((4, 2), np.float32), 0, 0, 3, EvaluationSettings(limit)) for limit in (7, 20_000)
    )
    assert (shorter.lengths == 7).all()
    assert (longer.lengths == 20_000).all()
    engine.close()


def test_evaluation_is_decided_by_its_seed_and_index_alone():
    engine = Compiled(Keeper(), TimeLimit(Counter(longest=50), 0))
    policy = np.zeros(2, np.float32)
    one, again = engine.evaluate(policy, 5, 2, 40), engine.evaluate(policy, 5, 2, 40)
    np.testing.assert_array_equal(one.returns, again.returns)
    np.testing.assert_array_equal(one.returns, one.lengths)
    for seed, index in ((6, 2), (5, 3)):
        assert (engine.evaluate(policy, seed, index, 40).returns != one.returns).any()
    engine.close()
    assert len(np.unique(one.returns)) > 10  # episodes are not copies of each other
    assert one.mean == pytest.approx(one.returns.mean())
    assert one.surely_at_least == pytest.approx(one.returns.mean() - 2 * one.returns.std() / np.sqrt(40), rel=1e-5)


def test_a_stochastic_start_is_drawn_for_each_environment_and_episode():
    tables = Table(*(np.asarray(x) for x in ([[0]] * 4, [[0.0]] * 4, [[True]] * 4, [0, 1, 2, 3])))
    engine = Compiled(Keeper(environments=8, steps_per_update=50), TimeLimit(tables, 8))
    ((steps, _),) = _blocks(engine, 1)
    engine.close()
    counts = np.bincount(steps.observation.ravel(), minlength=4)
    assert counts.min() > 50  # 100 each on average; all 400 in one if all episodes began alike
    assert len({tuple(column) for column in steps.observation.T.tolist()}) == 8
