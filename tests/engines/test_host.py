"""The host engine: true next observations in every autoreset mode, all spaces, repeatable evaluation."""

import functools
import gc

import gymnasium
import jax
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from toys import (
    CounterEnv,
    Keeper,
    equal_bits,
    small_a3c,
    small_actor_critic,
    small_dqn,
    small_ppo,
    small_reinforce,
    wrong_steps,
)

from zerone.algorithms.q_learning import QLearning
from zerone.engines import host
from zerone.engines.host import Host
from zerone.engines.host_evaluation import seeds_for
from zerone.engines.protocol import EvaluationSettings
from zerone.engines.streams import EVALUATE
from zerone.engines.vector_rollout import Block, Player, VectorStep
from zerone.environments.gym.vector import make_vector
from zerone.training.engine_setup import make_engine

ITERATIONS = 30
MODES = pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.name)


def counters(mode, **options):
    """A function that makes vectors of counters. With `copy=False` they return the same array at each step."""
    copy = options.pop("copy", True)

    def make(number, seed):
        del seed
        return SyncVectorEnv([functools.partial(CounterEnv, **options)] * number, autoreset_mode=mode, copy=copy)

    return make


def played(make, algorithm=None, seed=0, iterations=ITERATIONS):
    """All steps of some iterations, and the row of the log."""
    engine = Host(algorithm or Keeper(), make)
    carries, blocks = [engine.init(seed)], []
    for i in range(iterations):
        carries = engine.advance(carries, [seed], [i], i + 1)
        blocks.append(jax.device_get(carries[0].state.steps))
    row, _ = engine.report(carries[0], 0, iterations)
    engine.close()
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *blocks), row


@pytest.mark.thorough(after=3)
@MODES
@pytest.mark.parametrize("buffer", [False, True], ids=["new arrays", "one buffer"])
def test_every_stored_step_is_true_and_none_is_lost_or_invented(mode, buffer):
    # In SAME_STEP mode Gymnasium's vector loses the last observation of an environment that reuses its array.
    steps, row = played(counters(mode, buffer=buffer and mode != AutoresetMode.SAME_STEP, copy=not buffer))
    assert steps.reward.shape == (ITERATIONS * 4, 3)
    assert wrong_steps(steps) == 0
    assert (steps.reward == 1).all()  # Gymnasium's reset step, which has reward 0, is left out
    over = (steps.terminated | steps.truncated)[:-1]
    assert over.sum() > 50
    seen, following = steps.observation[1:, :, 0], steps.next_observation[:-1, :, 0]
    np.testing.assert_array_equal(seen[~over], following[~over])  # no step in between was lost
    assert (seen[over] % 100 == 0).all()  # a new episode begins exactly where one has ended
    assert float(row["return"]) == float(row["length"])
    # The log counts each episode when it ends, including steps that wait for the next block.
    assert (steps.terminated | steps.truncated).sum() <= row["episodes"] <= over.sum() + 12


@pytest.mark.thorough(after=1)
@MODES
def test_whole_episodes_stay_whole(mode):
    # With a reward of 1 per step, the discounted return shows the length of what was taken for an episode.
    engine = Host(small_reinforce(environments=1, baseline=False), counters(mode))
    (carry,), found = [engine.init(0)], []
    for i in range(120):
        (carry,) = engine.advance([carry], [0], [i], i + 1)
        found.append(float(carry.state.measured["discounted_return"]))
    engine.close()
    possible = [(1 - 0.9**length) / 0.1 for length in range(6)]  # 0 before the first episode is over
    nearest = np.abs(np.subtract.outer(found, possible))
    assert nearest.min(1).max() < 1e-5
    assert set(nearest.argmin(1)) == set(range(6))


class Naive(Player):
    """The broken twin: stores the observations that the vector returns, also those after a reset."""

    def step(self, action):
        observation, reward, terminated, truncated, _ = self.environments.step(action)
        over = terminated | truncated
        self.observation = observation
        if over.any() and self._mode == AutoresetMode.DISABLED:
            self.observation, _ = self.environments.reset(options={"reset_mask": over})
            observation = self.observation
        return VectorStep(observation.copy(), np.float32(reward), terminated, truncated, np.ones(len(reward), bool))


@MODES
def test_the_detector_of_false_successors_catches_a_naive_player_in_every_mode(mode, monkeypatch):
    monkeypatch.setattr(host, "Player", Naive)
    steps, _ = played(counters(mode))
    assert wrong_steps(steps) > 50


@MODES
def test_a_player_that_forgets_to_copy_is_caught(mode, monkeypatch):
    class Forgetful(Player):
        def reset(self, seeds):
            self.observation, _ = self.environments.reset(seed=seeds)
            self._resetting[:] = False

        def step(self, action):
            with monkeypatch.context() as patch:
                patch.setattr("zerone.engines.vector_rollout.np.array", np.asarray)
                return super().step(action)

    monkeypatch.setattr(host, "Player", Forgetful)
    steps, _ = played(counters(mode, buffer=True, copy=False))
    assert wrong_steps(steps) > 50


def test_a_block_keeps_what_does_not_fit_for_the_next_one():
    block, next_number, taken = Block(3, 2), np.zeros(2, int), []
    random = np.random.default_rng(0)
    for _ in range(300):
        real = random.random(2) < (0.9, 0.4)
        block.add([next_number.copy()], real)
        next_number += real
        if block.full():
            (column,) = block.take()
            assert column.shape == (3, 2)
            taken.append(column)
    columns = np.concatenate(taken)
    for number in columns.T:
        np.testing.assert_array_equal(number, np.arange(len(columns)))


class Strict(gymnasium.Env):
    """An action outside its space is an error. Valid actions are recorded in `seen`; the reward is always 0.5."""

    def __init__(self, observations, actions):
        self.observation_space, self.action_space = observations, actions
        self.seen = []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        self.observation_space.seed(int(self.np_random.integers(2**31)))
        self.left = 5
        return self.observation_space.sample(), {}

    def step(self, action):
        inside = np.asarray(action, self.action_space.dtype)
        inside = int(inside) if isinstance(self.action_space, spaces.Discrete) else inside
        if not self.action_space.contains(inside):
            raise ValueError(f"{action!r} is not in {self.action_space}")
        self.seen.append(inside)
        self.left -= 1
        return self.observation_space.sample(), 0.5, False, self.left == 0, {}


def _driven(algorithm, observations, actions, iterations):
    """The carry after some iterations, all actions of the environments, and the greedy actions for 4 observations."""
    made = []

    def make():
        made.append(Strict(observations, actions))
        return made[-1]

    engine = Host(algorithm, lambda number, seed: make_vector(make, "Strict-v0", number, seed))
    carries = [engine.init(0)]
    (carry,) = engine.advance(carries, [0], [0], iterations)
    observations.seed(0)
    greedy, _ = engine.act(engine.policy(carry), (), np.stack([observations.sample() for _ in range(4)]))
    engine.evaluate(engine.policy(carry), 0, 0, 3)
    engine.close()
    return carry, [action for each in made for action in each.seen], greedy


def test_discrete_spaces_that_do_not_start_at_zero():
    actions = spaces.Discrete(3, start=-1)
    carry, got, greedy = _driven(QLearning(epsilon=1.0), spaces.Discrete(4, start=10), actions, 200)
    assert set(got) == {-1, 0, 1}
    assert all(actions.contains(int(action)) for action in greedy)
    table = np.asarray(carry.state.policy)
    assert table.shape == (4, 3)
    assert (table > 0).all()  # every state has learnt its own row


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(
    ("algorithm", "iterations"),
    [(small_ppo(), 3), (small_actor_critic(), 20), (small_reinforce(), 60), (small_a3c(), 20)],
    ids=["ppo", "actor-critic", "reinforce", "a3c"],
)
def test_asymmetric_actions_reach_both_ends(algorithm, iterations):
    actions = spaces.Box(np.array([-1.0, 5.0], np.float32), np.array([3.0, 6.0], np.float32))
    _, got, greedy = _driven(algorithm, spaces.Box(-1.0, 1.0, (2,), np.float32), actions, iterations)
    np.testing.assert_array_equal(np.min(got, axis=0), actions.low)
    np.testing.assert_array_equal(np.max(got, axis=0), actions.high)
    assert all(actions.contains(action) for action in greedy)


def test_pictures_are_remembered_as_bytes():
    pictures = spaces.Box(0, 255, (10, 9, 1), np.uint8)
    carry, got, _ = _driven(small_dqn(warmup=8), pictures, spaces.Discrete(2), 4)
    memory = carry.state.memory.data.observation
    assert memory.dtype == np.uint8
    assert len(np.unique(memory[:16])) > 100
    assert set(got) == {0, 1}
    assert int(carry.state.policy.updates) == 3


def test_float64_observations_are_taken():
    carry, _, _ = _driven(small_dqn(), spaces.Box(-1.0, 1.0, (2,), np.float64), spaces.Discrete(2), 3)
    assert carry.state.memory.data.observation.dtype == np.float32


def test_evaluation_plays_the_episodes_of_its_seeds_and_is_repeatable():
    engine = Host(Keeper(), counters(AutoresetMode.DISABLED))
    policy = np.zeros(2, np.float32)
    found = engine.evaluate(policy, 4, 1, 45)

    def length(seed):
        env = CounterEnv()
        env.reset(seed=seed)
        return next(n for n in range(1, 99) if any(env.step(0)[2:4]))

    expected = [length(seed) for seed in seeds_for(4, EVALUATE, 1, 45)]
    np.testing.assert_array_equal(found.lengths, expected)
    np.testing.assert_array_equal(found.returns, expected)
    np.testing.assert_array_equal(engine.evaluate(policy, 4, 1, 45).returns, expected)
    np.testing.assert_array_equal(engine.evaluate(policy, 4, 1, 7).returns, expected[:7])
    assert (engine.evaluate(policy, 4, 2, 45).returns != expected).any()
    assert (engine.evaluate(policy, 5, 1, 45).returns != expected).any()
    engine.close()


@MODES
def test_evaluation_is_the_same_in_every_mode(mode):
    engine = Host(Keeper(), counters(mode))
    disabled = Host(Keeper(), counters(AutoresetMode.DISABLED))
    policy = np.zeros(2, np.float32)
    np.testing.assert_array_equal(
        engine.evaluate(policy, 0, 0, 25).returns, disabled.evaluate(policy, 0, 0, 25).returns
    )
    engine.close()
    disabled.close()


class Endless(CounterEnv):
    """Never ends."""

    def step(self, action):
        observation, reward, _, _, info = super().step(action)
        return observation, reward, False, False, info


def test_an_environment_that_never_ends_is_cut_in_evaluation():
    engine = Host(Keeper(), lambda number, seed: make_vector(Endless, "Endless-v0", number, seed))
    found = engine.evaluate(np.zeros(2, np.float32), 0, 0, 3, EvaluationSettings(limit=60))
    np.testing.assert_array_equal(found.lengths, [60, 60, 60])
    assert found.cut.all()
    engine.close()


def test_an_episode_that_has_ended_is_not_stepped_on():
    """Twenty environments run until the longest episode ends; the others are not stepped after their ends."""
    steps = []

    class Counted(CounterEnv):
        def step(self, action):
            steps.append(self)
            return super().step(action)

    engine = Host(Keeper(), lambda number, seed: make_vector(Counted, "Counted-v0", number, seed))
    found = engine.evaluate(np.zeros(2, np.float32), 0, 0, 45)
    assert len(steps) == found.steps == found.lengths.sum()
    assert found.steps < found.work <= 20 * 3 * found.lengths.max()
    engine.close()


def test_evaluations_of_any_number_of_episodes_share_the_environments():
    made, closed = [], []

    class Kept(CounterEnv):
        def __init__(self):
            super().__init__()
            made.append(self)

        def close(self):
            closed.append(self)

    engine = Host(Keeper(), lambda number, seed: make_vector(Kept, "Kept-v0", number, seed))
    policy = np.zeros(2, np.float32)
    for number in (20, 3, 7, 1, 45):
        engine.evaluate(policy, 0, 0, number)
    assert len(made) == 21  # one for the spaces, twenty for the evaluation
    assert len(closed) == 1
    engine.close()
    assert len(closed) == 21


def test_seeds_play_different_episodes_and_the_same_seed_the_same():
    make = counters(AutoresetMode.DISABLED)
    one, again, other = (played(make, seed=seed, iterations=8)[0] for seed in (0, 0, 1))
    assert equal_bits(one, again)
    assert not np.array_equal(one.observation, other.observation)
    assert not np.array_equal(one.action, other.action)
    first = one.observation[0, :, 0]
    assert len(set(first.tolist())) == 3  # the environments of one seed differ, too


def test_actions_do_not_depend_on_how_a_training_is_cut():
    make = counters(AutoresetMode.DISABLED)
    engine = Host(Keeper(), make)
    (whole,) = engine.advance([engine.init(0)], [0], [0], 9)
    carries = [engine.init(0)]
    for i in range(9):
        carries = engine.advance(carries, [0], [i], i + 1)
    assert equal_bits(whole.state, carries[0].state)
    engine.close()


def test_what_was_saved_goes_on_with_new_episodes_and_the_same_knowledge():
    engine = Host(QLearning(), lambda number, seed: make_vector(_grid, "Grid-v0", number, seed))
    (carry,) = engine.advance([engine.init(1)], [1], [0], 30)
    saved = jax.tree.map(np.asarray, engine.saved(carry))
    assert jax.tree.map(np.shape, saved) == jax.tree.map(np.shape, engine.saved_example())
    resumed = engine.resume(saved, 1, 30)
    assert equal_bits(resumed.state, carry.state)
    np.testing.assert_array_equal(resumed.episodes, carry.episodes)
    engine.advance([resumed], [1], [30], 40)
    engine.close()


def _grid():
    return Strict(spaces.Discrete(4), spaces.Discrete(2))


def test_environments_are_closed_where_more_are_needed_and_where_the_engine_is_forgotten():
    open_now = set()

    class Counted(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)
        action_space = gymnasium.spaces.Discrete(2)

        def __init__(self):
            open_now.add(id(self))

        def reset(self, *, seed=None, **_):
            super().reset(seed=seed)
            return np.zeros(1, np.float32), {}

        def step(self, _):
            return np.zeros(1, np.float32), 1.0, True, False, {}

        def close(self):
            open_now.discard(id(self))

    engine = make_engine("host", small_actor_critic(), Counted)
    policy = engine.policy(engine.init(0))
    for episodes, most in ((1, 1), (5, 5), (3, 5), (30, 20), (2, 20)):  # existing ones are reused if they suffice
        engine.evaluate(policy, 0, 0, episodes)
        assert len(open_now) == most + engine.algorithm.environments
    del engine
    gc.collect()
    assert not open_now
