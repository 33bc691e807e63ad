"""The memory of a policy starts anew exactly at the beginning of each episode, in every place where policies act."""

import copy
import dataclasses
import functools
import pickle

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from toys import Counter, CounterEnv, Keeper, equal_bits

from zerone.algorithms.protocol import initial_memory, reset_memory
from zerone.base.errors import InputError
from zerone.base.pytree import configured
from zerone.engines import rollout, vector_rollout
from zerone.engines.compiled import Compiled
from zerone.engines.host import Host
from zerone.engines.protocol import EvaluationSettings
from zerone.environments.gym.vector import make_vector
from zerone.environments.wrappers import TimeLimit
from zerone.training.agent import Agent


@configured
class Counts(Keeper):
    """Its memory is the number of steps in the episode and the last observation; its actions alternate: 0, 1, 0, 1."""

    name = "counts"

    def init(self, key, spaces):
        kept = Keeper.init(self, key, spaces)
        shape = self.steps_per_update, self.environments
        extras = jnp.zeros(shape, jnp.int32), jnp.zeros((*shape, 1))
        return dataclasses.replace(kept, steps=dataclasses.replace(kept.steps, extras=extras, memory=extras))

    def initial_memory(self, policy, number):
        del policy
        return jnp.zeros(number, jnp.int32), jnp.full((number, 1), -1.0)

    def act(self, policy, memory, observation, noise=None):
        del policy, noise
        count, _ = memory
        return count % 2, (count + 1, observation), memory


@configured
class Alternating(Counter):
    """A `Counter` that rewards the actions 0, 1, 0, 1, …, which the policy does not see in its observations."""

    def step(self, key, state, action):
        observation, state, _, over, info = Counter.step(self, key, state, action)
        return observation, state, jnp.float32(action == (state.value[0] - 1) % 100 % 2), over, info


class AlternatingEnv(CounterEnv):
    """The same in Gymnasium."""

    def step(self, action):
        right = action == self._value % 100 % 2
        observation, _, terminated, truncated, info = CounterEnv.step(self, action)
        return observation, float(right), terminated, truncated, info


def vectors(mode):
    return lambda number, _: SyncVectorEnv([AlternatingEnv] * number, autoreset_mode=mode)


ENGINES = {
    "compiled": lambda: Compiled(Counts(), TimeLimit(Alternating(), 3)),
    "in turn": lambda: Host(Counts(), lambda number, seed: make_vector(AlternatingEnv, "A-v0", number, seed)),
    **{mode.name: functools.partial(Host, Counts(), vectors(mode)) for mode in AutoresetMode},
}
EACH = pytest.mark.parametrize("name", ENGINES)


def memories_that_are_wrong(steps):
    """How many of the steps [T, N] were taken with a memory that is not that of their episode."""
    count, last = (np.asarray(each) for each in steps.extras)
    seen = np.asarray(steps.observation)
    first = seen[..., 0] % 100 == 0
    return int(((count != seen[..., 0] % 100) | (last[..., 0] != np.where(first, -1, seen[..., 0] - 1))).sum())


def blocks(engine, number=25):
    """The steps of some iterations as one block."""
    carry, found = engine.init(0), []
    for i in range(number):
        (carry,) = engine.advance([carry], [0], [i], i + 1)
        found.append(jax.device_get(carry.state.steps))
    engine.close()
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *found)


@pytest.mark.thorough(after=1)
@EACH
def test_every_episode_begins_with_the_initial_memory_and_goes_on_with_its_own(name):
    steps = blocks(ENGINES[name]())
    assert (steps.terminated | steps.truncated).sum() > 50
    assert steps.terminated.any()
    assert steps.truncated.any()
    assert memories_that_are_wrong(steps) == 0


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(("twin", "environments"), [("never", 5), ("where only terminated", 6)])
def test_the_detector_catches_memories_that_do_not_begin_with_the_episodes(twin, environments, monkeypatch):
    def broken(begins, begun, memory):
        here = begins & (memory[0] < 3) if twin == "where only terminated" else begins & False  # cut after 3 steps
        return reset_memory(here, begun, memory)

    monkeypatch.setattr(rollout, "reset_memory", broken)
    algorithm = Counts(environments=environments)  # a number of its own, so that no correct program is reused
    assert memories_that_are_wrong(blocks(Compiled(algorithm, TimeLimit(Alternating(), 3)))) > 10


@pytest.mark.thorough(after=5)
@EACH
@pytest.mark.parametrize("stochastic", [False, True])
def test_every_episode_of_an_evaluation_begins_with_the_initial_memory(name, stochastic):
    engine = ENGINES[name]()
    policy = engine.policy(engine.init(0))
    for _ in range(2):  # also after earlier episodes
        found = engine.evaluate(policy, 0, 0, 23, EvaluationSettings(stochastic=stochastic))
        assert len(set(found.lengths)) > 2
        np.testing.assert_array_equal(found.returns, found.lengths)
    engine.close()


def test_a_training_that_is_resumed_in_mid_episode_goes_on_with_the_same_memory():
    engine = ENGINES["compiled"]()
    (whole,) = engine.advance([engine.init(0)], [0], [0], 9)
    (half,) = engine.advance([engine.init(0)], [0], [0], 4)
    assert (np.asarray(half.simulation.memory[0]) > 0).any()
    saved = jax.tree.map(np.asarray, engine.saved(half))
    (resumed,) = engine.advance([engine.resume(saved, 0, 4)], [0], [4], 9)
    assert equal_bits(jax.device_get(resumed), jax.device_get(whole))
    engine.close()


def test_on_the_host_a_resumed_training_begins_with_the_episodes():
    engine = ENGINES["NEXT_STEP"]()
    (half,) = engine.advance([engine.init(0)], [0], [0], 4)
    carry = engine.resume(jax.tree.map(np.asarray, engine.saved(half)), 0, 4)
    for i in range(4, 9):
        (carry,) = engine.advance([carry], [0], [i], i + 1)
        assert memories_that_are_wrong(jax.device_get(carry.state.steps)) == 0
    engine.close()


# An agent


@pytest.fixture
def agent():
    engine = ENGINES["compiled"]()
    yield Agent(engine, np.zeros(2, np.float32), 0)
    engine.close()


SEEN = np.zeros(1, np.float32)


def test_an_agent_remembers_until_it_is_reset(agent):
    assert agent.remembers
    assert [int(agent.act(SEEN)) for _ in range(3)] == [0, 1, 0]
    agent.reset()
    assert [int(agent.act(SEEN)) for _ in range(2)] == [0, 1]
    assert [int(copy.copy(agent).act(SEEN)), int(pickle.loads(pickle.dumps(agent)).act(SEEN))] == [0, 0]  # noqa: S301
    exploring = agent.exploring(0)
    assert [int(exploring(SEEN)) for _ in range(3)] == [0, 1, 0]
    exploring.reset()
    assert [int(exploring(SEEN)) for _ in range(2)] == [0, 1]
    assert int(agent.act(SEEN)) == 0  # it has its own memory


def test_an_agent_remembers_each_row_of_a_batch(agent):
    batch = np.zeros((3, 1), np.float32)
    assert agent.act(batch).tolist() == [0, 0, 0]
    agent.reset(np.array([False, True, False]))
    assert agent.act(batch).tolist() == [1, 0, 1]
    with pytest.raises(InputError, match=r"1 observations, but the policy remembers 3 episodes: call reset\(\)"):
        agent.act(SEEN)
    with pytest.raises(InputError, match="where is not allowed: must be 3 booleans"):
        agent.reset([True])
    agent.reset()
    assert int(agent.act(SEEN)) == 0


def test_who_remembers_nothing_has_nothing_to_reset():
    engine = Compiled(Keeper(), TimeLimit(Counter(), 3))
    agent = Agent(engine, np.zeros(2, np.float32), 0)
    assert not agent.remembers
    for seen in (SEEN, np.zeros((3, 1), np.float32), SEEN):
        agent.act(seen)
    agent.reset()
    agent.reset([True])
    assert initial_memory(Keeper(), None, 3) == ()
    engine.close()


# Watching and recording


def test_moments_and_recordings_begin_each_episode_with_the_initial_memory(agent, tmp_path):
    import zerone as zo
    from zerone.player.episode import episodes

    env = gymnasium.wrappers.TimeLimit(AlternatingEnv(), 4)
    moments = list(episodes(env, agent.act, number=12, seed=0, begin=agent.reset))
    ends = [each for each in moments if each.ended]
    assert sum(each.step % 2 for each in ends) > 2  # odd lengths, so that an old memory would be wrong
    assert all(each.total == each.step for each in ends)
    forgotten = [each for each in episodes(env, agent.act, number=12, seed=0) if each.ended]
    assert any(each.total != each.step for each in forgotten)
    told = zo.record(agent.exploring(), AlternatingEnv, episodes=12, out=tmp_path / "d")
    assert told["return_mean"] == told["length_mean"]


def test_a_player_knows_the_steps_that_are_only_resets():
    player = vector_rollout.Player(vectors(AutoresetMode.NEXT_STEP)(3, 0))
    player.reset([1, 2, 3])
    assert any(not player.step(np.zeros(3, int)).real.all() for _ in range(8))
