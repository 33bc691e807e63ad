"""Normalisation in the policy: each step counts once in the statistics, and learning uses normalised observations."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import small_a3c, small_actor_critic, small_ddpg, small_dppo, small_dqn, small_ppo, small_reinforce, small_sac

import zerone as zo
from zerone.algorithms import catalogue
from zerone.base.pytree import configured
from zerone.engines.rollout import OWN_PLAY, start
from zerone.environments.cartpole import CartPole
from zerone.environments.pendulum import Pendulum
from zerone.environments.spaces import Spaces
from zerone.environments.wrappers import TimeLimit
from zerone.training.interrupt import Interrupted

BOTH = {"normalize_observations": "on", "normalize_rewards": True}
BLOCKS = 12


@configured
class Far:
    """A pendulum with observations far from 0 and on different scales, with continuous or discrete actions."""

    chosen: bool = False

    @property
    def observation_space(self):
        return zo.make("Pendulum-v1").observation_space

    @property
    def action_space(self):
        return (CartPole if self.chosen else Pendulum)().action_space

    def reset(self, key):
        seen, state = Pendulum().reset(key)
        return self._far(seen), state

    def step(self, key, state, action):
        force = action[None] * 2.0 - 1.0 if self.chosen else action
        seen, *following = Pendulum().step(key, state, force)
        return self._far(seen), *following

    @staticmethod
    def _far(seen):
        return seen * jnp.array([1.0, 1e3, 1e-3]) + jnp.array([0.0, 5e3, 1.0])


def _trained(algorithm, environment, blocks=BLOCKS):
    """The state after some blocks, and all played steps [T, N, ...]."""
    spaces = Spaces(environment.observation_space, environment.action_space)

    @jax.jit
    def run(algorithm):
        state = algorithm.init(jax.random.key(0), spaces)
        simulation = start(algorithm, environment, state.policy, jax.random.key(1))

        def block(carry, key):
            state, simulation = carry
            chance = OWN_PLAY.draw(algorithm, environment, state.policy, key, jnp.uint32(0), jnp.int32(0))
            simulation, steps = OWN_PLAY.collect(algorithm, environment, state.policy, simulation, chance)
            return (algorithm.update(state, steps, chance.update_key)[0], simulation), steps

        (state, _), steps = jax.lax.scan(block, (state, simulation), jax.random.split(jax.random.key(2), blocks))
        return state, steps

    state, steps = run(algorithm)
    return state, jax.tree.map(lambda x: np.asarray(x).reshape(-1, *x.shape[2:]), steps)


def _rows(observation):
    return np.float64(observation).reshape(-1, observation.shape[-1])


def _agree(found, rows):
    mean, deviation = rows.mean(0), rows.std(0)
    near = np.allclose(found.mean.total(), mean, rtol=1e-5, atol=1e-5 * np.max(deviation))
    return near and np.allclose(found.deviation, deviation, rtol=1e-5) and int(found.count) == len(rows)


def _discounted(steps, discount):
    found, now = [], np.zeros(steps.reward.shape[1])
    for reward, over in zip(np.float64(steps.reward), steps.terminated | steps.truncated, strict=True):
        now = discount * now + reward
        found.append(now)
        now = np.where(over, 0, now)
    return np.reshape(found, (-1, 1))


def _scales(policy):
    return policy.shared.scales if hasattr(policy, "shared") else policy.scales


ALGORITHMS = {
    "dqn, 1": small_dqn(**BOTH),
    "ddpg, 8": small_ddpg(environments=8, **BOTH),
    "sac, 8": small_sac(environments=8, **BOTH),
    "reinforce, 8": small_reinforce(environments=8, **BOTH),
    "actor-critic, 1": small_actor_critic(environments=1, **BOTH),
    "ppo, 8": small_ppo(environments=8, **BOTH),
    "a3c, 4 workers": small_a3c(environments=8, **BOTH | {"workers": 4}),
    "dppo, 4 workers": small_dppo(environments=8, gather="gradients", **BOTH | {"workers": 4}),
}


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
def test_statistics_are_those_of_every_step_once(algorithm):
    environment = TimeLimit(Far(chosen=algorithm.name == "dqn"), 7)
    state, steps = _trained(algorithm, environment)
    rows, scales = _rows(steps.observation), _scales(state.policy)
    assert _agree(scales.observation, rows)
    assert _agree(scales.reward, _discounted(steps, algorithm.discount))
    # Broken twins: counting the observation after a reset instead of the true successor, or each step twice.
    assert not _agree(scales.observation, _rows(steps.next_observation))
    assert not _agree(scales.observation, np.concatenate([rows, rows[-8:]]))
    if hasattr(state, "memory"):  # the replay memory has raw observations
        kept = np.asarray(state.memory.data.observation)[: len(rows)]
        assert {row.tobytes() for row in kept[:50]} <= {np.float32(row).tobytes() for row in rows}
    if algorithm.name == "ppo":
        _learns_from_what_was_played(algorithm, environment, state)


def _learns_from_what_was_played(algorithm, environment, state):
    """In the first epoch the ratio is 1: probabilities are computed with the statistics of the policy that played."""
    policy = state.policy
    simulation = start(algorithm, environment, policy, jax.random.key(5))
    chance = OWN_PLAY.draw(algorithm, environment, policy, jax.random.key(6), jnp.uint32(0), jnp.int32(0))
    _, steps = OWN_PLAY.collect(algorithm, environment, policy, simulation, chance)
    learnt, (scales, _) = (
        policy.scales.normalize(steps),
        policy.scales.updated(steps, algorithm.discount, state.returns),
    )

    def ratio(observation):
        log_probability = policy.networks.distribution(observation).log_probability(policy.as_drawn(steps.action))
        return np.exp(log_probability - steps.extras)

    np.testing.assert_allclose(ratio(learnt.observation), 1, rtol=1e-4)
    assert not np.allclose(ratio(scales.normalize_observation(steps.observation)), 1, rtol=1e-3)


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
def test_what_is_off_is_not_there(algorithm):
    """Without normalisation, the state has no further leaves and the program is the same as without the feature."""
    off = dataclasses.replace(algorithm, normalize_observations="off", normalize_rewards=False)
    spaces = Spaces(zo.make("Pendulum-v1").observation_space, Far(chosen=algorithm.name == "dqn").action_space)
    for each, there in ((off, False), (algorithm, True)):
        state = jax.eval_shape(lambda each=each: each.init(jax.random.key(0), spaces))
        names = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(state)]
        assert any("scales" in name or "returns" in name for name in names) is there
        assert not any("optimizer" in name and "scales" in name for name in names)


RUN = {"steps": 1280, "evaluate_every": 320, "save_every": 256, "evaluation_episodes": 2, "figure": False, "chunk": 1}


def _train(path, **more):
    return zo.train(small_ppo(environments=2, **BOTH), "CartPole-v1", out=path, **RUN, **more)


def _bytes(path):
    files = [path / "metrics.csv", *sorted((path / "checkpoints").glob("*.safetensors"))]
    return {file.name: file.read_bytes() for file in files}


@pytest.mark.thorough
def test_a_run_is_resumed_to_the_same_bytes_and_acts_the_same_elsewhere(tmp_path):
    whole, looks = _train(tmp_path / "whole"), []

    def on_progress(now, _):
        looks.append(now.steps)
        if len(looks) == 10:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        _train(tmp_path / "cut", on_progress=on_progress)
    assert _bytes(zo.resume(tmp_path / "cut").path) == _bytes(whole.path)

    seen = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    agent = zo.load(tmp_path / "cut").agent()
    assert int(agent.policy.scales.observation.count) > 0
    acted = whole.agent().act(seen)
    np.testing.assert_array_equal(agent.act(seen), acted)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(agent)).act(seen), acted)  # noqa: S301
    np.testing.assert_array_equal(whole.metrics["return"], whole.metrics["length"])  # logged returns are not scaled


@pytest.mark.thorough
def test_a_run_from_before_it_could_be_said_sees_as_it_did(tmp_path):
    path = zo.train(small_ppo(environments=2), "CartPole-v1", out=tmp_path / "run", **RUN).path
    config = json.loads((path / "config.json").read_text())
    settings = config["algorithm"]["settings"]
    assert settings.pop("normalize_observations") == "off"
    assert settings.pop("normalize_rewards") is False
    (path / "config.json").write_text(json.dumps(config))
    agent = zo.load(path).agent()
    assert agent.policy.scales.observation is None
    younger = ("td3", "sac")  # these algorithms are newer than the format
    for entry in (each for each in catalogue.entries() if each.name not in younger):
        made = catalogue.make_saved(entry.name, {})
        assert getattr(made, "normalize_observations", "off") == "off"
