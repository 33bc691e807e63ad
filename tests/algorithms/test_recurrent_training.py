"""Learning with a recurrent network: sequences as played, a task that needs memory, and exact resuming."""

import functools
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import (
    equal_bits,
    small_a3c,
    small_actor_critic,
    small_ddpg,
    small_dppo,
    small_dqn,
    small_ppo,
    small_reinforce,
)

import zerone as zo
from zerone.base.errors import InputError
from zerone.cluster.worker import Task, Worker
from zerone.cluster.worker_programs import FlatParameters
from zerone.engines.compiled import Compiled
from zerone.engines.host import Host
from zerone.environments.gym.bridge import GymnasiumEnvironment
from zerone.environments.gym.vector import make_vector
from zerone.environments.spaces import Spaces
from zerone.environments.wrappers import TimeLimit

sys.path.append(str(Path(__file__).resolve().parents[2] / "examples"))
from t_maze import TMaze

GRU = {"network": "gru"}
LEARNERS = {
    "ppo": small_ppo(**GRU),
    "ppo with the penalty": small_ppo(objective="kl", **GRU),
    "actor-critic": small_actor_critic(**GRU),
    "a3c": small_a3c(**GRU),
    "dppo": small_dppo(gather="gradients", **GRU),
    "dqn": small_dqn(environments=2, sequence=8, burn_in=2, double=True, dueling=True, **GRU),
}
MAZE = TimeLimit(TMaze(2), 6)


def on_the_host(algorithm, maze=MAZE):
    return Host(algorithm, lambda number, seed: make_vector(lambda: GymnasiumEnvironment(maze), "T", number, seed))


@pytest.mark.thorough
@pytest.mark.parametrize("name", LEARNERS)
def test_training_is_resumed_in_mid_episode_to_the_same_bits(name):
    engine = Compiled(LEARNERS[name], MAZE)
    (whole,) = engine.advance([engine.init(0)], [0], [0], 9)
    (half,) = engine.advance([engine.init(0)], [0], [0], 4)
    assert (np.asarray(half.simulation.episode_length) > 0).any()
    (resumed,) = engine.advance([engine.resume(jax.tree.map(np.asarray, engine.saved(half)), 0, 4)], [0], [4], 9)
    assert equal_bits(jax.device_get(resumed), jax.device_get(whole))
    engine.close()


def test_the_ratio_of_a_policy_that_has_not_moved_is_one_along_every_sequence():
    """Learning along sequences sees the same as acting step by step, including hidden states and episode starts."""
    from toys import played

    algorithm = LEARNERS["ppo"]
    state, steps = played(algorithm, MAZE)
    over = np.asarray(steps.terminated | steps.truncated)
    assert over[:-1].sum() > 8
    policy = state.policy

    @jax.jit
    def log_probability(sequence):
        return policy.distribution_along(sequence).log_probability(steps.action)

    sequence = policy.sequence(steps)
    np.testing.assert_allclose(log_probability(sequence), steps.extras, rtol=1e-4, atol=1e-5)
    # Broken twin: starts of episodes within a block are ignored.
    broken = type(sequence)(sequence.memory, sequence.observation, jnp.zeros_like(sequence.begins))
    assert np.abs(log_probability(broken) - steps.extras).max() > 1e-4
    samples, _ = jax.jit(algorithm.samples)(policy, steps)
    assert samples.advantage.shape == (4, 16)  # minibatches are made of sequences, not of steps
    assert jax.tree.leaves(algorithm.cut(samples, jax.random.key(0)))[0].shape[:2] == (2, 2)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("compiled", [True, False])
def test_a_worker_of_a_cluster_plays_with_the_memory_of_its_own_episodes(compiled):
    algorithm = LEARNERS["dppo"]
    task = Task(MAZE if compiled else functools.partial(GymnasiumEnvironment, MAZE), "T", {}, compiled)
    worker = Worker(algorithm, task, 0)
    spaces = Spaces(MAZE.observation_space, MAZE.action_space)
    policy = jax.jit(lambda key: algorithm.alone().init(key, spaces))(jax.random.key(0)).policy
    log_probability = jax.jit(
        lambda steps: policy.distribution_along(policy.sequence(steps)).log_probability(steps.action)
    )
    for index in range(3, 6):
        steps, *_ = worker.steps(5, index, np.asarray(FlatParameters.wrap(policy)))
        np.testing.assert_allclose(log_probability(steps), steps.extras, rtol=1e-4, atol=1e-5)


def test_the_values_after_each_step_are_those_of_its_memory():
    from toys import played

    state, steps = played(LEARNERS["ppo"], MAZE)
    value, following = jax.jit(lambda policy: policy.values(steps))(state.policy)
    on = ~np.asarray(steps.terminated | steps.truncated)[:-1]
    np.testing.assert_allclose(following[:-1][on], value[1:][on], rtol=1e-4, atol=1e-5)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("engine", "network"),
    [(lambda a: Compiled(a, MAZE), "gru"), (lambda a: Compiled(a, MAZE), "mlp"), (on_the_host, "gru")],
    ids=["compiled", "compiled, without", "host"],
)
def test_with_a_memory_a_t_maze_is_solved_and_without_one_it_is_not(engine, network):
    made = engine(small_ppo(network=network, environments=16, learning_rate=0.005))
    (carry,) = made.advance([made.init(1)], [1], [0], 60)
    found = made.evaluate(made.policy(carry), 1, 0, 60).mean
    made.close()
    assert found >= 0.95 if network == "gru" else found <= 0.65


@pytest.mark.thorough
def test_dqn_learns_to_remember():
    algorithm = small_dqn(environments=4, sequence=4, burn_in=0, batch=64, memory=4096, epsilon_steps=4_000.0, **GRU)
    engine = Compiled(algorithm, MAZE)
    (carry,) = engine.advance([engine.init(0)], [0], [0], 900)
    assert engine.evaluate(engine.policy(carry), 0, 0, 60).mean >= 0.95
    engine.close()


@pytest.mark.parametrize(
    ("algorithm", "said"),
    [
        (small_reinforce(**GRU), r"it cannot learn with a network that remembers \(network = gru\)"),
        (small_ddpg(**GRU), r"it cannot learn with a network that remembers \(network = gru\)"),
    ],
)
def test_who_cannot_learn_along_sequences_says_so(algorithm, said, tmp_path):
    environment = "Pendulum-v1" if algorithm.name == "ddpg" else "CartPole-v1"
    with pytest.raises(InputError, match=said):
        zo.train(algorithm, environment, steps=100, out=tmp_path / "r")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"n_steps": 3}, "n_steps = 3 is not allowed with network = gru: must be 1"),
        ({"prioritized": True}, "prioritized = True is not allowed with network = gru: must be off"),
        ({"burn_in": 16}, "burn_in = 16 is not allowed with network = gru: must be less than sequence = 16"),
        ({"batch": 20}, "batch = 20 is not allowed with network = gru: must be a multiple of sequence = 16"),
        ({"warmup": 3}, "warmup = 3 is not allowed with network = gru: must be at least sequence × environments = 16"),
    ],
)
def test_what_does_not_go_with_sequences_is_refused(changed, said):
    with pytest.raises(InputError, match=said):
        zo.DQN(**GRU, **changed).check()
    with pytest.raises(InputError, match="minibatches = 3 is not allowed: must divide environments = 8"):
        zo.PPO(minibatches=3, **GRU).check()


@pytest.mark.thorough
def test_a_run_is_kept_evaluated_and_acts_step_by_step(tmp_path):
    run = zo.train(small_ppo(**GRU), MAZE, steps=300, seed=1, evaluation_episodes=2, out=tmp_path / "r", figure=False)
    agent, env = run.agent(), GymnasiumEnvironment(MAZE)
    evaluated = agent.evaluate(4)
    assert len(evaluated.returns) == 4
    observation, _ = env.reset(seed=0)
    first = agent.act(observation)
    agent.act(observation)
    agent.reset()
    assert agent.act(observation) == first
