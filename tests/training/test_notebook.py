"""The facts about a run's task that its figure shows as title, labels and lines."""

from __future__ import annotations

import pytest

from zerone.environments import catalogue
from zerone.training.notebook import about_of


def config(identity, settings=None, options=None, known=True):
    return {
        "algorithm": {"name": "dqn", "settings": {"discount": 0.99} if settings is None else settings},
        "environment": {"id": identity, "options": options or {}, "known": known},
    }


@pytest.mark.parametrize(
    ("identity", "options", "shaped", "bound"),
    [
        ("CartPole-v1", {}, False, 100.0),
        ("CartPole-v1", {"limit": 50}, False, 100.0),  # a time limit is no termination: later rewards would count
        ("CartPole-v1", {"reward": "shaped"}, True, None),
        ("CartPole-v1", {"reward": "task"}, False, 100.0),
        ("zerone/CartPoleShaped-v0", {}, True, None),
        ("zerone/CartPoleShaped-v0", {"reward": "task"}, False, 100.0),
        ("CartPole-v1", {"sutton_barto_reward": True}, False, None),  # an option of Gymnasium that changes the rewards
        ("Pendulum-v1", {}, False, 0.0),
        ("zerone/Pendulum11-v0", {}, True, None),
        ("MountainCar-v0", {}, False, -1.0),
        ("zerone/Maze-v0", {}, False, 1.0),
        ("zerone/Maze-v0", {"goal_reward": 5.0}, False, None),
        ("Taxi-v4", {}, False, 20.0),
        ("zerone/Arm-v0", {}, True, None),
        ("LunarLander-v3", {}, False, None),
    ],
)
def test_what_is_known(identity, options, shaped, bound):
    found = about_of(config(identity, options=options))
    assert (found.algorithm, found.environment, found.shaped) == ("dqn", identity, shaped)
    assert found.bound == (None if bound is None else pytest.approx(bound))


def test_without_discount_there_is_no_bound_but_where_a_reward_ends_the_episode():
    assert about_of(config("CartPole-v1", {"discount": 1.0})).bound is None
    assert about_of(config("FrozenLake-v1", {"discount": 1.0})).bound == 1.0
    assert about_of(config("CartPole-v1", {}, known=False)).bound is None


@pytest.mark.thorough
def test_no_reward_is_above_what_is_said_to_be_the_highest():
    """Checked for every step of a random policy. In CartPole every reward equals the highest."""
    import jax
    import numpy as np

    for entry in catalogue.entries():
        if entry.highest_reward is None or "reward" in entry.preset:
            continue
        environment = catalogue.make(entry.id)
        reset, step = jax.jit(environment.reset), jax.jit(environment.step)
        _, state = reset(jax.random.key(0))
        rewards = []
        for number in range(60):
            space = environment.action_space
            space.seed(number)
            outcome = step(jax.random.key(number), state, np.asarray(space.sample()))
            state, rewards = outcome[1], [*rewards, float(outcome[2])]
        assert max(rewards) <= entry.highest_reward, entry.id
