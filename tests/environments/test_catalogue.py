"""The catalogue of environments, and how they are made."""

from __future__ import annotations

import gymnasium
import jax
import pytest

from zerone.base.errors import InputError
from zerone.environments import catalogue
from zerone.environments.cartpole import CartPole
from zerone.environments.maze import Maze
from zerone.environments.pendulum import Pendulum
from zerone.environments.wrappers import DiscretizedActions, ShapedReward, TimeLimit, evaluation_environment

ENTRIES = catalogue.entries()


def test_ids():
    assert [entry.id for entry in ENTRIES] == [
        "zerone/Treasure-v0",
        "zerone/Maze-v0",
        "zerone/MazeFeatures-v0",
        "zerone/MazePixels-v0",
        "zerone/DynaMaze-v0",
        "zerone/BlockingMaze-v0",
        "zerone/ShortcutMaze-v0",
        "zerone/Cliff-v0",
        "CliffWalking-v1",
        "FrozenLake-v1",
        "FrozenLake8x8-v1",
        "Taxi-v4",
        "Blackjack-v1",
        "CartPole-v1",
        "zerone/CartPoleShaped-v0",
        "MountainCar-v0",
        "zerone/MountainCarShaped-v0",
        "zerone/MountainCarSparse-v0",
        "MountainCarContinuous-v0",
        "Acrobot-v1",
        "Pendulum-v1",
        "zerone/Pendulum11-v0",
        "zerone/Pendulum25-v0",
        "zerone/Arm-v0",
        "zerone/ArmHard-v0",
    ]


@pytest.mark.thorough(after=11)
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_every_entry_makes_what_it_says(entry):
    environment = catalogue.make(entry.id)
    assert isinstance(environment, TimeLimit)
    assert environment.limit == entry.limit
    assert (entry.limit == 0) == (entry.id in ("CliffWalking-v1", "Blackjack-v1"))  # these have no limit in Gymnasium
    observation, _ = environment.reset(jax.random.key(0))
    assert environment.observation_space.contains(jax.device_get(observation)[()])
    assert catalogue.find(entry.id) is catalogue.find(entry.registered_id) is entry
    names = getattr(environment.environment, "action_names", None)
    assert names is None or entry.action == ", ".join(names)


@pytest.mark.parametrize("entry", [each for each in ENTRIES if each.gymnasium_id], ids=lambda entry: entry.id)
def test_limits_and_thresholds_are_gymnasiums(entry):
    if entry.gymnasium_id not in gymnasium.registry:
        pytest.skip(f"this Gymnasium has no {entry.gymnasium_id}")
    twin = gymnasium.spec(entry.gymnasium_id)
    assert (twin.max_episode_steps or 0) == entry.limit
    # Gymnasium's level of Taxi is above the optimum: see test_tables.
    assert twin.reward_threshold in (None, entry.solved_at) or entry.id == "Taxi-v4"


def test_options_build_the_wrappers():
    assert catalogue.make("CartPole-v1", gravity=1.6, limit=0) == TimeLimit(CartPole(gravity=1.6), 0)
    assert catalogue.make("zerone/MazeFeatures-v0") == TimeLimit(Maze(observe="features"), 100)
    assert catalogue.make("zerone/MazeFeatures-v0", observe="index") == catalogue.make("zerone/Maze-v0")
    made = catalogue.make("Pendulum-v1", torques=25, reward="tenth")
    assert isinstance(made.environment, ShapedReward)
    assert made.environment.environment == DiscretizedActions(Pendulum(), 25)
    assert catalogue.make("Pendulum-v1", torques=0, reward="task") == catalogue.make("Pendulum-v1")


def test_every_option_is_described_and_its_default_is_accepted():
    for entry in ENTRIES:
        for option in catalogue.options(entry):
            assert option.text
            assert catalogue.make(entry.id, **{option.name: option.default}) == catalogue.make(entry.id)


def test_a_preset_can_choose_the_wrappers():
    assert catalogue.make("zerone/Pendulum25-v0") == catalogue.make("Pendulum-v1", torques=25, reward="tenth")
    assert catalogue.make("zerone/CartPoleShaped-v0", reward="task") == catalogue.make("CartPole-v1")
    assert catalogue.make("zerone/MountainCarSparse-v0") == catalogue.make("MountainCar-v0", reward="flag")


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_judged_is_the_tasks_own_reward_by_object_and_by_options(entry):
    """The compiled engine uses the object, the host engine the options."""
    by_object = evaluation_environment(catalogue.make(entry.id))
    assert by_object == catalogue.make(entry.id, **catalogue.as_judged(entry.id, {}))
    assert not isinstance(by_object.environment, ShapedReward)
    assert "reward" not in catalogue.as_judged("CartPole-v1", {"reward": "shaped"})  # Gymnasium's has no such option


def test_unknown_ids():
    assert catalogue.find("CartPole-v2") is None
    with pytest.raises(InputError, match="did you mean 'CartPole-v1'"):
        catalogue.make("CartPol-v1")
    with pytest.raises(InputError, match="did you mean 'zerone/Maze-v0'"):
        catalogue.make("zerone/maze-v0")


@pytest.mark.parametrize(
    ("name", "option", "says"),
    [
        ("zerone/Maze-v0", {"obsrve": "index"}, "did you mean 'observe'"),
        ("zerone/Maze-v0", {"observe": "picture"}, "one of index, features, pixels"),
        ("zerone/Maze-v0", {"observe": 3}, "one of index, features"),
        ("zerone/Maze-v0", {"layout": 3}, "rows of characters, or a text file"),
        ("zerone/Maze-v0", {"layout": ("S.",)}, "no goal"),
        ("zerone/BlockingMaze-v0", {"change_at": -1}, "at least 0"),
        ("zerone/BlockingMaze-v0", {"later": ("S.G",)}, "must have 6 of 9"),
        ("zerone/BlockingMaze-v0", {"layout": ("S.G",), "later": (".SG",)}, "start in another place"),
        ("zerone/Cliff-v0", {"is_slippery": 1}, "true or false"),
        ("FrozenLake-v1", {"map_name": "5x5"}, "one of 4x4, 8x8"),
        ("FrozenLake-v1", {"success_rate": 1.5}, "at most 1"),
        ("FrozenLake-v1", {"success_rate": 0.5, "is_slippery": False}, "left out unless is_slippery"),
        ("FrozenLake-v1", {"reward_schedule": (1.0, 0.0)}, "three numbers"),
        ("FrozenLake-v1", {"desc": ("SFF", "FHF")}, "no goal"),
        ("Taxi-v4", {"rainy_probability": 0.5}, "left out unless is_rainy"),
        ("Taxi-v4", {"fickle_probability": 0.5}, "left out unless fickle_passenger"),
        ("zerone/Treasure-v0", {"cells": 2.5}, "whole number"),
        ("zerone/Treasure-v0", {"cells": 1}, "at least 2"),
        ("zerone/Treasure-v0", {"limit": -1}, "at least 0"),
        ("zerone/Treasure-v0", {"limit": True}, "whole number"),
        ("zerone/Treasure-v0", {"torques": 11}, "torques"),
        ("CartPole-v1", {"gravity": "strong"}, "gravity"),
        ("CartPole-v1", {"half_length": 0.0}, "above 0"),
        ("CartPole-v1", {"gravity": float("nan")}, "gravity"),
        ("CartPole-v1", {"reward": "flag"}, "one of task, shaped"),
        ("Pendulum-v1", {"torques": 1}, "0 or at least 2"),
    ],
)
def test_bad_options_get_one_clear_line(name, option, says):
    with pytest.raises(InputError, match=says) as caught:
        catalogue.make(name, **option)
    assert "\n" not in str(caught.value)
