"""Registration in Gymnasium, in separate processes where every warning is an error."""

from __future__ import annotations

import subprocess
import sys

import pytest

from zerone.environments import catalogue


def run(program):
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.thorough
def test_every_environment_can_be_made_by_name():
    program = """
import gymnasium, zerone.environments
for name in gymnasium.registry:
    if name.startswith("zerone/"):
        environment = gymnasium.make(name, render_mode="rgb_array")
        environment.reset(seed=0)
        environment.step(environment.action_space.sample())
        assert environment.render().ndim == 3
        print(name, environment.spec.max_episode_steps, environment.spec.reward_threshold)
"""
    expected = [(each.registered_id, str(each.limit or None), str(each.threshold)) for each in catalogue.entries()]
    assert [each.id for each in catalogue.entries() if each.threshold is None] == [
        "Blackjack-v1",  # has none in Gymnasium either
        "zerone/CartPoleShaped-v0",
        "zerone/MountainCarShaped-v0",
        "zerone/MountainCarSparse-v0",
        "zerone/Pendulum11-v0",
        "zerone/Pendulum25-v0",
        "zerone/Arm-v0",
        "zerone/ArmHard-v0",
    ]  # Gymnasium would compare the shaped rewards
    assert run(program) == [word for line in expected for word in line]


def test_naming_the_module_is_enough():
    """Gymnasium 1.0 has no plugins any more; `module:id` makes it import the module first."""
    program = 'import gymnasium; print(gymnasium.make("zerone.environments:zerone/Maze-v0").spec.id)'
    assert run(program) == ["zerone/Maze-v0"]


def test_registering_is_light_and_can_be_repeated():
    program = """
import sys, gymnasium, zerone.environments
from zerone.environments.gym.registration import register
register()
print(*sorted({"jax", "pygame", "zerone.environments.wrappers"} & set(sys.modules)))
"""
    assert run(program) == []


def test_as_a_plugin_of_an_older_gymnasium():
    """Old versions run our entry point within the namespace that it names."""
    program = """
from gymnasium.envs import registration
with registration.namespace("zerone"):
    from zerone.environments.gym.registration import register
    register()
print(*sorted(name for name in registration.registry if "zerone" in name))
"""
    assert run(program) == sorted(each.registered_id for each in catalogue.entries())


@pytest.mark.parametrize("entry", catalogue.entries(), ids=lambda entry: entry.id)
def test_ids_are_ours(entry):
    assert entry.registered_id.startswith("zerone/")
