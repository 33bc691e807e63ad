"""The cluster engine's chief and workers without Ray: simulated workers in this process, with a controlled order.

Results are compared with the same algorithm without a cluster. `test_ray_connection` tests real processes.
"""

from __future__ import annotations

import dataclasses
import functools

import gymnasium
import jax
import numpy as np
import pytest
from toys import PLAIN, equal_bits

import zerone as zo
from zerone.cluster import worker
from zerone.cluster.engine import Cluster
from zerone.cluster.worker import Task, Worker, own_seed
from zerone.cluster.worker_programs import FlatParameters
from zerone.engines.compiled import Compiled
from zerone.engines.host import Host
from zerone.environments import catalogue
from zerone.environments.gym.makers import maker
from zerone.environments.gym.vector import make_vector

# Gymnasium's environments, under names that Zerone has no compiled version of.
CLASSIC = "gymnasium.envs.classic_control"
gymnasium.register("Swing-v1", f"{CLASSIC}.acrobot:AcrobotEnv", max_episode_steps=500)
gymnasium.register("Push-v0", f"{CLASSIC}.continuous_mountain_car:Continuous_MountainCarEnv", max_episode_steps=999)
SMALL = {**PLAIN, "hidden": (8,), "steps_per_update": 8}


class InProcess:
    """Simulated workers; `next_one` chooses which one answers first."""

    lost = 0

    def __init__(self, algorithm, task, next_one=min):
        self.workers = {slot: Worker(algorithm, task, slot) for slot in range(algorithm.workers)}
        self.asked, self.next_one, self.heard = {}, next_one, []

    def share(self, value):
        return value

    def ask(self, key, slot, what, *arguments):
        assert (key, slot) not in self.asked
        self.asked[key, slot] = what, arguments

    def answer(self, key):
        slot = self.next_one(asked for of, asked in self.asked if of == key)
        what, arguments = self.asked.pop((key, slot))
        self.heard.append((slot, what))
        return slot, getattr(self.workers[slot], what)(*arguments)

    def close(self):
        pass


def cluster(algorithm, environment="CartPole-v1", next_one=min):
    """A cluster engine with simulated workers."""
    compiled = catalogue.find(environment) is not None
    alone = algorithm.alone()
    judge = Compiled(alone, catalogue.make(environment)) if compiled else host(alone, environment)
    task = Task(environment, environment, {}, compiled)
    engine = Cluster(algorithm, judge, task)
    engine._supervisor = InProcess(algorithm, task, next_one)
    return engine


def host(algorithm, environment):
    return Host(algorithm, lambda number, seed: make_vector(maker(environment, {}), environment, number, seed))


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("environment", ["CartPole-v1", "Swing-v1"])
def test_one_worker_of_a3c_is_actor_critic(environment):
    """With one worker nothing is stale: each push is an update of `ActorCritic` with that worker's steps."""
    engine = cluster(zo.A3C(workers=1, environments=2, **SMALL), environment)
    carry = engine.init(3)
    alone = engine.algorithm.alone()
    state, other = carry.state, Worker(engine.algorithm, engine._task, 0)
    update = jax.jit(lambda state, steps: alone.update(state, steps, jax.random.key(0))[0])
    for index in range(4):
        (carry,) = engine.advance([carry], [3], [index], index + 1)
        steps, _ = other.steps(3, index, np.asarray(FlatParameters.wrap(state.policy)))
        state = update(state, steps)
        jax.tree.map(lambda one, two: np.testing.assert_allclose(one, two, rtol=2e-4, atol=1e-6), carry.state, state)
    row, _ = engine.report(carry, 0, 4)
    assert row["staleness"] == 0
    engine.close()


def test_staleness_is_the_pushes_of_others_since_the_pull():
    """One worker is three times as fast as the other; every push counts as a block of steps."""
    order = iter([0, 0, 0, 1] * 4)
    engine = cluster(zo.A3C(workers=2, **SMALL), next_one=lambda _: next(order))
    carry = engine.init(0)
    (carry,) = engine.advance([carry], [0], [0], 8)
    assert [slot for slot, _ in engine._supervisor.heard] == [0, 0, 0, 1] * 4
    stale = [0, 0, 0, 3, 1, 0, 0, 3, 1, 0, 0, 3, 1, 0, 0, 3]
    row, carry = engine.report(carry, 0, 8)
    assert row["staleness"] == pytest.approx(np.mean(stale))
    assert row["staleness"] != 1  # the staleness if workers took turns
    assert (carry.pushes, carry.iteration) == (16, 8)
    engine.close()


def test_a_stale_gradient_is_of_the_networks_that_were_pulled():
    """The second worker's first push uses the initial networks, although the first worker has changed them since."""
    engine = cluster(zo.A3C(workers=2, **SMALL))
    carry = engine.init(0)
    begun = carry.state
    networks = np.asarray(FlatParameters.wrap(begun.policy))
    others = [Worker(engine.algorithm, engine._task, slot) for slot in (0, 1)]
    order = iter([0, 1])
    engine._supervisor.next_one = lambda _: next(order)
    (carry,) = engine.advance([carry], [0], [0], 1)
    opened = FlatParameters(engine.algorithm.alone(), engine.spaces).open_gradient
    apply = jax.jit(engine.algorithm.apply)
    first, second = (opened(other.gradient(0, 0, networks)[0]) for other in others)
    right = apply(apply(begun, first), second)
    mine = jax.tree.leaves(carry.state.policy)[0]
    np.testing.assert_allclose(mine, jax.tree.leaves(right.policy)[0], rtol=1e-4, atol=1e-7)
    after_first = np.asarray(FlatParameters.wrap(apply(begun, first).policy))
    fresh = opened(Worker(engine.algorithm, engine._task, 1).gradient(0, 0, after_first)[0])
    broken = apply(apply(begun, first), fresh)  # not stale: a gradient of the networks after the first push
    assert not np.allclose(jax.tree.leaves(broken.policy)[0], jax.tree.leaves(right.policy)[0], rtol=1e-4, atol=1e-7)
    engine.close()


OPTIONS = {
    "clip": {},
    "kl": {"objective": "kl"},
    "normalised": {"normalize_observations": "on", "normalize_rewards": True},
    "clip, all options": {
        "kl_stop": 4.0, "kl_target": 1e-7, "critic_learning_rate": 0.01, "normalize_advantages": False,
    },
    "kl, all options": {
        "objective": "kl", "kl_stop": 4.0, "kl_target": 1e-7, "critic_learning_rate": 0.01, "kl_penalty_max": 1.5,
    },
}  # fmt: skip


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_gradients_that_are_gathered_are_those_of_dppo(options):
    """Each minibatch gives the same as `DPPO.update` in one program, which is tested against PPO's equations."""
    settings = {"epochs": 2, "minibatches": 2, "gather": "gradients", **SMALL, **options}
    engine = cluster(zo.DPPO(workers=2, environments=4, **settings))
    carry = engine.init(0)
    others = [Worker(engine.algorithm, engine._task, slot) for slot in (0, 1)]
    networks = np.asarray(FlatParameters.wrap(carry.state.policy))
    blocks = [other.steps(0, 0, networks)[0] for other in others]
    steps = jax.tree.map(lambda *parts: np.concatenate(parts, 1), *blocks)
    chance = np.uint32(0), np.int32(0)
    state, metrics = engine._programs.update(engine.algorithm, carry.state, steps, *chance)
    state = dataclasses.replace(state, returns=carry.state.returns)  # the workers have those of unfinished episodes
    (carry,) = engine.advance([carry], [0], [0], 1)
    jax.tree.map(lambda one, two: np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-6), carry.state, state)
    for name, value in metrics.items():
        np.testing.assert_allclose(carry.metrics[name], value, rtol=1e-3, atol=1e-5, err_msg=name)
    engine.close()


@pytest.mark.thorough
def test_a_worker_in_a_lost_ones_place_plays_the_block_again():
    """A worker is lost between two minibatches with its samples: the block is played again with the same networks."""
    engine = cluster(zo.DPPO(workers=2, gather="gradients", epochs=1, minibatches=2, **SMALL))
    carry = engine.init(0)
    supervisor, ask = engine._supervisor, engine._supervisor.ask

    def lose(key, slot, what, *arguments):
        if slot == 1 and arguments[-1] == (0, 1):
            supervisor.workers[1] = Worker(engine.algorithm, engine._task, 1)
        ask(key, slot, what, *arguments)

    supervisor.ask = lose
    (carry,) = engine.advance([carry], [0], [0], 1)
    whole = cluster(engine.algorithm)
    (right,) = whole.advance([whole.init(0)], [0], [0], 1)
    assert equal_bits(carry.state, right.state)  # equal bits: random numbers depend on the block's index
    assert equal_bits(carry.episodes, right.episodes)  # and episodes are counted once
    for each in (engine, whole):
        each.close()


def test_workers_differ_and_a_block_is_decided_by_seed_worker_and_index():
    algorithm, task = zo.DPPO(workers=2, **SMALL), Task("CartPole-v1", "CartPole-v1", {}, True)
    networks = np.asarray(FlatParameters.wrap(cluster(algorithm).init(0).state.policy))

    def played(slot, seed):
        return Worker(algorithm, task, slot).steps(seed, 0, networks)[0]

    assert equal_bits(played(0, 0), played(0, 0))
    assert not np.allclose(played(0, 0).observation, played(1, 0).observation)
    assert not np.allclose(played(0, 0).observation, played(0, 1).observation)
    assert len({own_seed(seed, slot) for seed in range(20) for slot in range(20)}) == 400


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("environment", ["CartPole-v1", "Swing-v1"])
def test_episodes_are_counted_as_they_are(environment):
    """In CartPole returns equal lengths, and every step belongs to a finished or an unfinished episode."""
    engine = cluster(zo.DPPO(workers=2, environments=4, **SMALL | {"steps_per_update": 512}, epochs=1), environment)
    (carry,) = engine.advance([engine.init(0)], [0], [0], 2)
    count, total, length = carry.episodes
    assert count > 0
    assert length <= 2 * 512 * 4
    assert total == (length if environment == "CartPole-v1" else -length)
    engine.close()


@pytest.mark.thorough
@pytest.mark.parametrize("environment", ["Swing-v1", "Push-v0"])
def test_workers_judge_by_the_very_episodes_of_the_host_engine(monkeypatch, environment):
    """Free workers play episodes in parts, and one worker is lost: the result has the same bits as one process's."""
    monkeypatch.setattr(worker, "A_WHILE", 0.0)
    chance = np.random.default_rng(0)
    engine = cluster(zo.A3C(workers=3, **SMALL), environment, next_one=lambda slots: chance.choice(list(slots)))
    (carry,) = engine.advance([engine.init(0)], [0], [0], 1)  # and gradients are still on the way
    policy, supervisor = engine.policy(carry), engine._supervisor
    ask, asked = supervisor.ask, []

    def lose(key, slot, what, *arguments):
        asked.append((slot, arguments[-1]))
        if len(asked) == 300:
            supervisor.workers[slot] = Worker(engine.algorithm, engine._task, slot)
        ask(key, slot, what, *arguments)

    supervisor.ask = lose
    found = engine.evaluate(policy, 0, 1, 5)
    right = engine.evaluator.evaluate(policy, 0, 1, 5)
    assert equal_bits(found.returns, right.returns)
    assert equal_bits(found.lengths, right.lengths)
    assert {slot for slot, _ in asked} == {0, 1, 2}
    assert len(asked) > found.lengths.sum()  # parts of some were played twice, but counted once
    row, _ = engine.report(carry, 0, 1)
    assert row["staleness"] is not None
    # The evaluation of another policy does not continue episodes of the one before.
    other = engine.policy(engine.init(1))
    assert equal_bits(engine.evaluate(other, 0, 1, 5).returns, engine.evaluator.evaluate(other, 0, 1, 5).returns)
    engine.close()


def test_a_checkpoint_is_all_that_a_resumed_training_needs():
    algorithm = zo.A3C(workers=2, **SMALL)
    engine = cluster(algorithm)
    (carry,) = engine.advance([engine.init(0)], [0], [0], 3)
    saved = jax.tree.map(np.array, engine.saved(carry))
    assert jax.tree.structure(saved) == jax.tree.structure(engine.saved_example())
    again = cluster(algorithm)
    resumed = again.resume(saved, 0, 3)
    assert equal_bits(resumed.state, carry.state)
    assert min(resumed.asked.values()) >= max(carry.asked.values()) - 2  # no block's random numbers are used twice
    (resumed,) = again.advance([resumed], [0], [3], 5)
    assert resumed.iteration == 5
    policy = again.policy(resumed)
    assert again.evaluate(policy, 0, 1, 3).returns.shape == (3,)
    for each in (engine, again):
        each.close()


_GATHERED = [{"gather": gather, "epochs": 1, "minibatches": 2} for gather in ("steps", "gradients")]


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(("kind", "options"), [(zo.A3C, {}), *((zo.DPPO, each) for each in _GATHERED)])
def test_workers_scales_are_merged_and_no_step_is_counted_twice(kind, options):
    """Compared with NumPy over all delivered steps, whichever worker they are from and if blocks are played again."""
    both = {"normalize_observations": "on", "normalize_rewards": True}
    engine = cluster(kind(workers=4, environments=8, **SMALL | both | options))
    carry, played = engine.init(0), {}
    for slot, each in engine._supervisor.workers.items():
        record = functools.partial(_recorded, each._ground, played, slot)
        each._ground = record
    (carry,) = engine.advance([carry], [0], [0], 3)
    rows = np.concatenate([np.float64(steps.observation).reshape(-1, 4) for steps in played.values()])
    found = carry.state.policy.scales.observation
    assert int(found.count) == len(rows) == 3 * 8 * 8
    np.testing.assert_allclose(found.mean.total(), rows.mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.deviation, rows.std(0), rtol=1e-5)
    assert int(carry.state.policy.scales.reward.count) == len(rows)
    assert float(carry.state.policy.scales.reward.deviation) > 0
    engine.close()


def _recorded(ground_of, played, slot, seed, index):
    ground = ground_of(seed, index)

    class Recording:
        spaces = ground.spaces

        def play(self, policy, index):
            steps, tally = ground.play(policy, index)
            played[slot, index] = steps
            return steps, tally

    return Recording()
