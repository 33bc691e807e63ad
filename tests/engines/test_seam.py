"""A resumed training on the host engine begins new episodes; nothing joins the unfinished old ones to the new ones."""

import os
import signal

import gymnasium
import jax
import numpy as np
import pytest
from gymnasium import spaces
from toys import (
    small_a3c,
    small_actor_critic,
    small_ddpg,
    small_dppo,
    small_dqn,
    small_ppo,
    small_reinforce,
    small_sac,
    small_td3,
)

import zerone as zo
from zerone.algorithms import catalogue
from zerone.algorithms.dyna_q import DynaQ
from zerone.algorithms.monte_carlo import MonteCarlo
from zerone.algorithms.off_policy_actor import OffPolicyActor
from zerone.algorithms.q_learning import QLearning
from zerone.algorithms.sarsa import Sarsa
from zerone.algorithms.sarsa_lambda import SarsaLambda
from zerone.engines.host import Host
from zerone.environments.gym.vector import make_vector
from zerone.training.interrupt import Interrupted

NUMBER, LENGTH = 14, 10
"""Environments, a number that no other size is; and steps of an episode."""

MANY = {"environments": NUMBER}
TABLES = {
    "q-learning": QLearning(**MANY),
    "sarsa": Sarsa(**MANY),
    "sarsa-lambda": SarsaLambda(trace_decay=0.9, **MANY),
    "accumulating": SarsaLambda(trace_decay=1.0, trace="accumulating", **MANY),
    "monte-carlo": MonteCarlo(**MANY),
    "every visit": MonteCarlo(visits="every", averaging=False, **MANY),
    "dyna-q": DynaQ(planning_steps=3, **MANY),
}
REPLAY = {
    "dqn": small_dqn(**MANY),
    "dqn of 3 steps": small_dqn(n_steps=3, **MANY),
    "dqn of 9 steps": small_dqn(n_steps=9, steps_per_update=2, warmup=0, **MANY),
    "dqn with every part": small_dqn(n_steps=3, prioritized=True, double=True, dueling=True, **MANY),
    "ddpg": small_ddpg(**MANY),
    "td3": small_td3(**MANY),
    "sac with every part": small_sac(n_steps=3, prioritized=True, **MANY),
    "ddpg that drifts": small_ddpg(exploration="ornstein-uhlenbeck", **MANY),
}
POLICIES = {
    "reinforce": small_reinforce(discount=1.0, baseline=False, longest_episode=LENGTH + 2, **MANY),
    "reinforce with a baseline": small_reinforce(discount=1.0, longest_episode=LENGTH + 2, **MANY),
    "actor-critic": small_actor_critic(**MANY),
    "ppo": small_ppo(**MANY),
    "a3c": small_a3c(**MANY),
    "dppo": small_dppo(**MANY),
}
ALL = {**TABLES, **REPLAY, **POLICIES}
EACH = pytest.mark.parametrize("name", ALL, scope="module")


class Ten(gymnasium.Env):
    """Episodes of ten steps. The observation is the era (before or after resuming), the episode and the step."""

    era, paid = 0, 1.0

    def __init__(self, table, continuous):
        seen = spaces.Discrete(2 * (LENGTH + 1)) if table else spaces.Box(-np.inf, np.inf, (3,), np.float32)
        self.observation_space = seen
        self.action_space = spaces.Box(-1.0, 1.0, (1,)) if continuous else spaces.Discrete(2)
        self._table = table

    def _seen(self):
        place = self._began * (LENGTH + 1) + self._step
        return place if self._table else np.array([self._began, self._episode, self._step], np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        self._began, self._episode, self._step = Ten.era, int(self.np_random.integers(1, 1_000_000)), 0
        return self._seen(), {}

    def step(self, action):
        del action
        self._step += 1
        return self._seen(), Ten.paid, self._step == LENGTH, False, {}


def _engine(name):
    def make():
        return Ten(name in TABLES, isinstance(ALL[name], OffPolicyActor))

    return Host(ALL[name], lambda number, seed: make_vector(make, "Ten-v0", number, seed))


def _iterations(algorithm):
    """A number of iterations that ends in the middle of an episode."""
    return next(k for k in range(1, 99) if k * algorithm.steps_per_update > 12 and k * algorithm.steps_per_update % 10)


def _over_the_seam(engine, paid_before, paid_after, then):
    """The carry that was saved in the middle of episodes, and the carry some iterations after resuming."""
    first = _iterations(engine.algorithm)
    Ten.era, Ten.paid = 0, paid_before
    (carry,) = engine.advance([engine.init(0)], [0], [0], first)
    row, carry = engine.report(carry, 0, first)
    assert row["episodes"] == NUMBER * (first * engine.algorithm.steps_per_update // LENGTH)
    saved = jax.tree.map(np.asarray, engine.saved(carry))
    Ten.era, Ten.paid = 1, paid_after
    resumed = engine.resume(saved, 0, first)
    for i in range(first, first + then):
        (resumed,) = engine.advance([resumed], [0], [i], i + 1)
        yield first, i + 1, resumed


def test_every_algorithm_of_the_list_is_here():
    assert {entry.name for entry in catalogue.entries()} == {algorithm.name for algorithm in ALL.values()}


@pytest.mark.thorough(after=1)
@EACH
def test_every_episode_of_the_log_is_whole(name):
    engine, length = _engine(name), ALL[name].steps_per_update
    *_, (first, last, carry) = _over_the_seam(engine, 1.0, 1.0, -(-12 // length))
    row, _ = engine.report(carry, first, last)
    assert row["episodes"] == NUMBER * ((last - first) * length // LENGTH)
    assert (row["return"], row["length"]) == (LENGTH, LENGTH)
    engine.close()


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("name", TABLES)
def test_no_value_flows_over_the_seam_into_a_table(name):
    # There are no rewards before it, and no step leads from there to the rewards after it.
    engine = _engine(name)
    for _, _, carry in _over_the_seam(engine, 0.0, 1.0, 25):
        before, after = np.split(np.asarray(carry.state.policy), 2)
        assert not before.any()
    assert after.any()
    engine.close()


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("name", REPLAY)
def test_no_remembered_step_leads_over_the_seam(name):
    engine, n = _engine(name), getattr(ALL[name], "n_steps", 1)
    for first, last, carry in _over_the_seam(engine, 0.0, 1.0, 4):
        memory, block = carry.state.memory, NUMBER * ALL[name].steps_per_update
        size = int(memory.size)
        before, after = (max(0, k * block - (n - 1) * NUMBER) for k in (first, last - first))
        assert size == min(256, before + after)  # only the waiting steps are lost
        data = jax.tree.map(lambda x: np.asarray(x)[:size], memory.data)  # noqa: B023 - used here
        seen, following = data.observation, data.next_observation
        np.testing.assert_array_equal(seen[:, :2], following[:, :2])  # within one era and one episode
        steps = following[:, 2] - seen[:, 2]
        assert (((steps == n) | (following[:, 2] == LENGTH)) & (steps >= 1)).all()
        np.testing.assert_allclose(data.reward, seen[:, 0] * (1 - 0.9**steps) / (1 - 0.9), rtol=1e-5)
    engine.close()


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("name", [name for name in POLICIES if name.startswith("reinforce")])
def test_no_return_is_of_two_episodes(name):
    engine = _engine(name)
    for _, _, carry in _over_the_seam(engine, 1.0, 1.0, 25):
        assert float(carry.state.measured["discounted_return"]) == LENGTH
    engine.close()


def test_drifting_noise_begins_at_its_middle_again():
    engine = _engine("ddpg that drifts")
    first = _iterations(engine.algorithm)
    (carry,) = engine.advance([engine.init(0)], [0], [0], first)
    saved = jax.tree.map(np.asarray, engine.saved(carry))
    assert np.abs(carry.memory).min() > 1e-6
    resumed, begun = engine.resume(saved, 0, first), engine.init(1)
    (resumed,) = engine.advance([resumed], [0], [first], first + 1)
    (begun,) = engine.advance([begun], [0], [first], first + 1)  # the same random numbers, without earlier episodes
    np.testing.assert_array_equal(resumed.memory, begun.memory)
    engine.close()


@pytest.mark.thorough(after=3)
@EACH
def test_whatever_is_kept_for_each_environment_begins_anew_and_all_else_stays(name):
    from zerone.algorithms.protocol import ongoing

    engine = _engine(name)
    first = _iterations(engine.algorithm)
    (carry,) = engine.advance([engine.init(0)], [0], [0], first)
    saved = jax.tree.map(np.asarray, engine.saved(carry))
    resumed, begun = engine.resume(saved, 0, first).state, engine.init(1).state
    kept = {id(leaf) for leaf in ongoing(saved["state"])}
    for leaf, other in zip(jax.tree.leaves(saved["state"]), jax.tree.leaves(resumed), strict=True):
        if id(leaf) not in kept:
            assert NUMBER not in leaf.shape
            np.testing.assert_array_equal(leaf, other)
    for leaf, other in zip(ongoing(resumed), ongoing(begun), strict=True):
        np.testing.assert_array_equal(leaf, other)
    engine.close()


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("name", ["reinforce", "dqn of 3 steps", "monte-carlo"])
def test_a_run_that_is_stopped_and_resumed_logs_whole_episodes(name, tmp_path):
    Ten.era, Ten.paid = 0, 1.0

    def make():
        return Ten(name in TABLES, False)

    def stop(now, _):
        if now.steps == 13 * NUMBER * ALL[name].steps_per_update:
            os.kill(os.getpid(), signal.SIGINT)

    block = NUMBER * ALL[name].steps_per_update
    settings = {"steps": 40 * block, "evaluate_every": 10 * block, "evaluation_episodes": 1, "figure": False}
    with pytest.raises(Interrupted):
        zo.train(ALL[name], make, out=tmp_path / "run", chunk=1, on_progress=stop, **settings)
    metrics = zo.resume(tmp_path / "run", make).metrics
    ended = metrics["episodes"] > 0
    assert ended.sum() >= 3
    assert set(metrics["return"][ended]) == set(metrics["length"][ended]) == {LENGTH}
    if name == "reinforce":
        assert set(metrics["discounted_return"][metrics["step"] >= 13 * block]) == {LENGTH}
