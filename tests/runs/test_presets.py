"""Every preset names what exists, with values that are allowed, and divides into whole updates."""

import dataclasses
import tomllib
from importlib import resources

import pytest

import zerone as zo
from zerone.algorithms import catalogue as algorithms
from zerone.environments import catalogue as environments
from zerone.runs import presets
from zerone.runs.plan import make_plan
from zerone.runs.presets import preset
from zerone.runs.setup import make_algorithm, make_engine

OF_TRAINING = {"steps": int, "evaluate_every": int, "stop_when_solved": bool}
FILES = sorted(each.name for each in (resources.files("zerone") / "presets").iterdir() if each.name.endswith(".toml"))
PAIRS = [
    (file.removesuffix(".toml"), environment)
    for file in FILES
    for environment in tomllib.loads((resources.files("zerone") / "presets" / file).read_text("utf-8"))
]


def test_every_file_is_named_after_an_algorithm():
    assert FILES
    names = {entry.name for entry in algorithms.entries()}
    assert {file.removesuffix(".toml") for file in FILES} <= names


@pytest.mark.parametrize(("algorithm", "environment"), PAIRS)
def test_a_preset_names_what_exists_with_values_that_are_allowed(algorithm, environment):
    assert environments.look_up(environment).id == environment
    tuned = preset(algorithm, environment)
    own = {field.name for field in dataclasses.fields(algorithms.look_up(algorithm).make)}
    others = {name: value for name, value in tuned.items() if name not in own}
    assert set(others) <= set(OF_TRAINING)
    assert all(type(value) is OF_TRAINING[name] for name, value in others.items())
    made, training = make_algorithm(algorithm, environment)  # refuses wrong types and values
    assert training == others
    assert all(
        getattr(made, name) == (tuple(v) if isinstance(v, list) else v) for name, v in tuned.items() if name in own
    )
    make_engine("auto", made, environment).close()  # refuses spaces that do not fit


@pytest.mark.parametrize(("algorithm", "environment"), PAIRS)
def test_the_steps_of_a_preset_are_whole_updates(algorithm, environment):
    made, training = make_algorithm(algorithm, environment)
    plan = make_plan(made, training["steps"])
    assert plan.total * plan.block == training["steps"]


def test_what_nobody_has_tuned_keeps_its_defaults():
    assert preset("dqn", "Nowhere-v0") == {}
    assert preset("no-such-algorithm", "CartPole-v1") == {}
    made, training = make_algorithm("dqn", "zerone/Maze-v0")
    assert (made, training) == (algorithms.look_up("dqn").make(), {})


def test_a_preset_says_how_often_to_evaluate_a_training_of_its_own_length(monkeypatch, tmp_path):
    tuned = {**preset("q-learning", "zerone/Treasure-v0"), "steps": 400, "evaluate_every": 50}
    monkeypatch.setattr(presets, "preset", lambda *_: tuned)

    def evaluated(**asked):
        run = zo.train("q-learning", "zerone/Treasure-v0", out=tmp_path / str(len(list(tmp_path.iterdir()))), **asked)
        return run.config["evaluate_every"]

    assert evaluated() == 50
    assert evaluated(evaluate_every=100) == 100
    assert evaluated(steps=200) == 10
    with pytest.raises(zo.InputError, match="evaluate_every = 0"):
        evaluated(evaluate_every=0)


def test_what_is_asked_for_goes_before_the_preset():
    made, _ = make_algorithm("dqn", "CartPole-v1", {"batch": 64})
    assert made.batch == 64
    assert made.memory == preset("dqn", "CartPole-v1")["memory"]
    assert make_algorithm("dqn", "zerone/CartPole-v1")[0] == make_algorithm("dqn", "CartPole-v1")[0]
