"""`--preset tutorial`: the tutorial's numbers, copied here from its text, and trainings with them."""

from __future__ import annotations

import math
import tomllib
from importlib import resources

import pytest

import zerone as zo
from zerone.base.errors import InputError
from zerone.training.algorithm_setup import make_algorithm
from zerone.training.timetable import make_timetable

FOLDER = resources.files("zerone") / "presets" / "tutorial"
PAIRS = [
    (file.name.removesuffix(".toml"), environment)
    for file in FOLDER.iterdir()
    for environment in tomllib.loads(file.read_text("utf-8"))
]

GREEDY = 0.9
"""Its EPSILON, and e_greedy, everywhere: the share of greedy actions."""
TABLE = {"epsilon": 1 - GREEDY, "discount": 0.9}
DQN = {"discount": 0.9, "batch": 32, "hidden": (20,), "epsilon_end": 1 - GREEDY, "target_step": 1.0}
PENDULUM = {**DQN, "memory": 3000, "warmup": 3000, "epsilon_steps": GREEDY / 0.001, "epsilon_clock": "updates"}
ARM = {"learning_rate": 1e-4, "critic_learning_rate": 1e-4, "discount": 0.9, "target_period": 1000, "memory": 5000,
       "batch": 16, "hidden": (200, 200, 10), "noise_start": 2.0, "noise_end": 0.1,
       "noise_steps": round(math.log(2 / 0.1) / -math.log(0.9999))}  # fmt: skip
A3C_ARM = {"learning_rate": 1e-4, "critic_learning_rate": 2e-4, "discount": 0.9, "entropy_bonus": 0.01,
           "steps_per_update": 5, "hidden": (400, 300), "optimizer": "rmsprop"}  # fmt: skip
DPPO_ARM = {"learning_rate": 1e-4, "critic_learning_rate": 5e-4, "discount": 0.9, "workers": 4, "epochs": 5,
            "clip": 0.2, "steps_per_update": 64 // 4, "hidden": (200,)}  # fmt: skip
WRITTEN = {
    ("q-learning", "zerone/Treasure-v0"): ({"episodes": 13}, {**TABLE, "learning_rate": 0.1}),
    ("q-learning", "zerone/Maze-v0"): ({"episodes": 100}, {**TABLE, "learning_rate": 0.01}),
    ("sarsa", "zerone/Maze-v0"): ({"episodes": 100}, {**TABLE, "learning_rate": 0.01}),
    ("sarsa-lambda", "zerone/Maze-v0"): ({"episodes": 100}, {**TABLE, "learning_rate": 0.01, "trace_decay": 0.9}),
    ("dqn", "zerone/MazeFeatures-v0"): (
        {"episodes": 300},
        {**DQN, "learning_rate": 0.01, "target_period": 200, "memory": 2000, "warmup": 200, "steps_per_update": 5,
         "epsilon_start": 1 - GREEDY},
    ),
    ("dqn", "zerone/CartPoleShaped-v0"): (
        {"episodes": 100},
        {**DQN, "learning_rate": 0.01, "target_period": 100, "memory": 2000, "warmup": 1000, "epsilon_start": 1.0,
         "epsilon_steps": GREEDY / 0.0008, "epsilon_clock": "updates"},
    ),
    ("dqn", "zerone/MountainCarShaped-v0"): (
        {"episodes": 10},
        {**DQN, "learning_rate": 0.001, "target_period": 300, "memory": 3000, "warmup": 1000, "epsilon_start": 1.0,
         "epsilon_steps": GREEDY / 0.0001, "epsilon_clock": "updates"},
    ),
    ("dqn", "zerone/Pendulum11-v0"): (
        {"steps": 23_000, "stop_when_solved": False}, {**PENDULUM, "double": True, "target_period": 300},
    ),
    ("dqn", "zerone/MountainCarSparse-v0"): (
        {},
        {**DQN, "learning_rate": 0.005, "target_period": 500, "memory": 10_000, "prioritized": True,
         "priority_exponent": 0.6, "importance": 0.4, "importance_steps": (1 - 0.4) / 0.001, "priority_floor": 0.01,
         "priority_limit": 1.0, "epsilon_start": 1 - GREEDY},
    ),
    ("dqn", "zerone/Pendulum25-v0"): (
        {"steps": 18_000, "stop_when_solved": False},
        {**PENDULUM, "dueling": True, "learning_rate": 0.001, "target_period": 200},
    ),
    ("reinforce", "CartPole-v1"): (
        {"episodes": 3000}, {"learning_rate": 0.02, "discount": 0.99, "hidden": (10,), "normalize": True},
    ),
    ("reinforce", "MountainCar-v0"): (
        {"episodes": 1000}, {"learning_rate": 0.02, "discount": 0.995, "hidden": (10,), "normalize": True},
    ),
    ("actor-critic", "CartPole-v1"): (
        {"episodes": 3000},
        {"learning_rate": 0.001, "critic_learning_rate": 0.01, "discount": 0.9, "hidden": (20,), "steps_per_update": 1},
    ),
    ("ddpg", "Pendulum-v1"): (
        {"episodes": 200},
        {"learning_rate": 0.001, "critic_learning_rate": 0.001, "discount": 0.9, "target_step": 0.01, "memory": 10_000,
         "batch": 32, "hidden": (30,), "noise_start": 3 / 2, "noise_steps": 30_000,
         "noise_end": 1.5 * 0.9995**30_000},
    ),
    ("ddpg", "zerone/Arm-v0"): ({"episodes": 600}, ARM),
    ("ddpg", "zerone/ArmHard-v0"): ({"episodes": 600}, ARM),
    ("a3c", "Pendulum-v1"): (
        {"episodes": 2000},
        {"learning_rate": 1e-4, "critic_learning_rate": 1e-3, "discount": 0.9, "entropy_bonus": 0.01,
         "steps_per_update": 10, "hidden": (200,), "optimizer": "rmsprop"},
    ),
    ("a3c", "zerone/Arm-v0"): ({"episodes": 2000}, A3C_ARM),
    ("a3c", "zerone/ArmHard-v0"): ({"episodes": 2000}, A3C_ARM),
    ("ppo", "Pendulum-v1"): (
        {"episodes": 1000},
        {"learning_rate": 1e-4, "critic_learning_rate": 2e-4, "discount": 0.9, "steps_per_update": 32, "epochs": 10,
         "clip": 0.2, "environments": 1, "minibatches": 1, "hidden": (100,), "trace_decay": 1.0},
    ),
    ("dppo", "zerone/ArmHard-v0"): ({"episodes": 2000}, DPPO_ARM),
    ("dppo", "zerone/Arm-v0"): ({"episodes": 2000}, DPPO_ARM),
}  # fmt: skip


def test_every_pair_is_written_down_here():
    assert sorted(PAIRS) == sorted(WRITTEN)


@pytest.mark.parametrize(("algorithm", "environment"), PAIRS)
def test_what_it_sets_are_the_tutorials_numbers(algorithm, environment):
    made, training = make_algorithm(algorithm, environment, preset="tutorial")
    of_training, settings = WRITTEN[algorithm, environment]
    assert training == of_training
    for name, value in settings.items():
        found = getattr(made, name)
        assert found == (pytest.approx(value, rel=1e-3) if isinstance(value, float) else value), name
    assert not hasattr(made, "normalize_observations") or made.normalize_observations == "off"
    make_timetable(made, 1_000)


def test_none_is_the_defaults():
    assert make_algorithm("dqn", "CartPole-v1", preset="none") == (zo.DQN(), {})


def test_treasure_is_found_within_its_thirteen_episodes(tmp_path):
    run = zo.train("q-learning", "zerone/Treasure-v0", preset="tutorial", out=tmp_path / "run", figure=False)
    assert run.metrics["episodes"].sum() == 13
    first, last = (run.metrics["length"][run.metrics["episodes"] > 0][place] for place in (0, -1))
    assert last < first


@pytest.mark.thorough
@pytest.mark.parametrize(("algorithm", "environment"), [("reinforce", "CartPole-v1")])
def test_a_training_begins_with_them(algorithm, environment, tmp_path):
    asked = {"steps": 64, "evaluation_episodes": 1, "evaluation_limit": 5, "figure": False}
    run = zo.train(algorithm, environment, preset="tutorial", out=tmp_path / "run", **asked)
    assert run.config["algorithm"]["settings"]["learning_rate"] == WRITTEN[algorithm, environment][1]["learning_rate"]
    assert run.result["steps"] == 64


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"preset": "tutorial"}, "no settings for q-learning on CartPole-v1: it has those for a3c on Pendulum-v1"),
        ({"preset": "tutorials"}, "preset 'tutorials' is unknown: .*tutorial"),
        ({"preset": "tutorial", "algorithm": zo.QLearning()}, "an algorithm object has its settings"),
        ({"preset": "none", "settings": "mine.toml"}, "mine.toml takes the place of a preset"),
        ({"preset": 3}, "preset = 3 is not allowed: must be a text"),
    ],
)
def test_what_is_asked_of_presets_is_checked(tmp_path, asked, line):
    with pytest.raises(InputError, match=line) as error:
        zo.train(**{"algorithm": "q-learning", "environment": "CartPole-v1", "out": tmp_path / "run", **asked})
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_a_file_may_count_episodes_but_has_one_length(tmp_path):
    (tmp_path / "mine.toml").write_text("episodes = 3\nlearning_rate = 0.5\n")
    run = zo.train(
        "q-learning", "zerone/Treasure-v0", settings=tmp_path / "mine.toml", out=tmp_path / "run", figure=False
    )
    assert run.metrics["episodes"].sum() == 3
    (tmp_path / "mine.toml").write_text("episodes = 3\nsteps = 5\n")
    with pytest.raises(InputError, match=r"mine.toml: steps and episodes exclude each other"):
        zo.train("q-learning", "zerone/Treasure-v0", settings=tmp_path / "mine.toml")
