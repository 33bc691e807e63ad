"""Policies with networks, as initialised."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest
from gymnasium import spaces

from zerone.algorithms.catalogue import entries
from zerone.parts.policies import ActorAndCritic, PolicySettings

BOX = SimpleNamespace(observation=spaces.Box(-1, 1, (3,)), action=spaces.Box(-2, 2, (2,)))


def test_actions_begin_with_the_deviation_that_was_asked_for():
    def drawn(settings):
        policy = ActorAndCritic.create(jax.random.key(0), BOX, settings)
        noise = policy.noise(jax.random.key(1), (4_000,))
        action, _, _ = policy.act((), np.zeros((4_000, 3), np.float32), noise)
        return np.asarray(action)

    for deviation in (1.0, 0.135):
        found = drawn(PolicySettings(hidden=(4,), deviation_start=deviation))
        assert found.std(0) == pytest.approx(deviation, rel=0.05)


def test_who_draws_continuous_actions_from_normals_can_be_asked_for_their_deviation():
    able = {each.name for each in entries() if issubclass(each.make, PolicySettings)}
    assert able == {"reinforce", "actor-critic", "ppo", "a3c", "dppo"}
