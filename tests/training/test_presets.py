"""Every preset has existing names and allowed values, and its steps are a whole number of updates."""

import dataclasses
import tomllib
from importlib import resources

import gymnasium
import pytest

import zerone as zo
from zerone.algorithms import catalogue as algorithms
from zerone.base.errors import InputError
from zerone.environments import catalogue as environments
from zerone.training import presets
from zerone.training.algorithm_setup import make_algorithm
from zerone.training.engine_setup import make_engine
from zerone.training.presets import preset
from zerone.training.timetable import make_timetable

OF_TRAINING = {"steps": int, "episodes": int, "evaluate_every": int, "stop_when_solved": bool}
FILES = sorted(each.name for each in (resources.files("zerone") / "presets").iterdir() if each.name.endswith(".toml"))
PAIRS = [
    (file.removesuffix(".toml"), environment)
    for file in FILES
    for environment in tomllib.loads((resources.files("zerone") / "presets" / file).read_text("utf-8"))
]


def write(folder, text):
    (folder / "mine.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / "mine.toml"


TABLES = """algorithm = "dqn"
["zerone/CartPole-v1"]
steps = 700
stop_when_solved = false
batch = 16
hidden = [8, 8]
learning_rate = 1
["MountainCar-v0"]
batch = 17
"""


@pytest.mark.parametrize("change", [str, lambda text: text.replace("\n", "\r\n"), lambda text: "\ufeff" + text])
def test_a_file_takes_the_place_of_the_preset(tmp_path, change):
    path = write(tmp_path, change(TABLES))
    made, training = make_algorithm("dqn", "CartPole-v1", path)
    assert (made, training) == (
        zo.DQN(batch=16, hidden=(8, 8), learning_rate=1.0),
        {"steps": 700, "stop_when_solved": False},
    )
    assert make_algorithm("dqn", "MountainCar-v0", str(path))[0] == zo.DQN(batch=17)
    assert make_algorithm("dqn", "MountainCar-v0", (path, {"double": True}))[0] == zo.DQN(batch=17, double=True)


def test_a_file_without_tables_is_for_any_environment(tmp_path):
    path = write(tmp_path, "batch = 16\nsteps = 5\n")
    assert make_algorithm("dqn", "Acrobot-v1", path) == (zo.DQN(batch=16), {"steps": 5})


def test_every_preset_of_ours_is_such_a_file():
    for algorithm, environment in PAIRS:
        path = resources.files("zerone") / "presets" / f"{algorithm}.toml"
        assert make_algorithm(algorithm, environment, str(path)) == make_algorithm(algorithm, environment)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lr = 1", "dqn has no setting 'lr': here it is 'learning_rate'"),
        ("frob = 1", "dqn has no setting 'frob'"),
        ("batch = 0", "batch = 0 is not allowed: must be at least 1"),
        ("batch = 'x'", "batch = 'x' is not allowed: must be of type int"),
        ("steps = 0", "steps = 0 is not allowed: must be a whole number, at least 1"),
        ("steps = true", "steps = True is not allowed: must be a whole number"),
        ("stop_when_solved = 1", "stop_when_solved = 1 is not allowed: must be true or false"),
        ("algorithm = 'ppo'\nclip = 0.1", "settings of 'ppo', not of dqn"),
        ("batch = 3\n['CartPole-v1']\nbatch = 4", "batch is in no table"),
        ("['MountainCar-v0']\nbatch = 4", r'has no table \["CartPole-v1"\]; it has \["MountainCar-v0"\]'),
        ("['CartPole-v1']\nbatch = [1, [2]]", "batch = "),
        ("['CartPole-v1'.deeper]\nbatch = 4", "dqn has no setting 'deeper'"),
        ("batch =", r"not TOML \("),
        ("{", r"not TOML \("),
        (b"\xff\xfe", "not a text "),
        ("#" * 2_000_000, "larger than 1,000,000 bytes"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_name(tmp_path, monkeypatch, text, words):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, text)
    with pytest.raises(zo.InputError, match=f"^mine.toml: .*{words}"):
        zo.train("dqn", "CartPole-v1", settings="mine.toml", out="run")
    assert [each.name for each in tmp_path.iterdir()] == ["mine.toml"]


def test_what_is_no_file_is_refused(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe")
    for path, words in ((tmp_path, "a folder"), (tmp_path / "pipe", "a pipe"), (tmp_path / "x", "no such")):
        with pytest.raises(zo.InputError, match=words):
            make_algorithm("dqn", "CartPole-v1", path)


def test_every_file_is_named_after_an_algorithm():
    assert FILES
    names = {entry.name for entry in algorithms.entries()}
    assert {file.removesuffix(".toml") for file in FILES} <= names


# If Box2D is installed: SWIG's warning as an error would end the process during the import.
@pytest.mark.filterwarnings("ignore:builtin type .* has no __module__ attribute:DeprecationWarning")
@pytest.mark.parametrize(("algorithm", "environment"), PAIRS)
def test_a_preset_names_what_exists_with_values_that_are_allowed(algorithm, environment):
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
    try:
        make_engine("auto", made, environment).close()  # refuses spaces that do not fit
    except InputError as error:
        if "not installed" not in str(error):
            raise
        pytest.skip(str(error))
    ours = environments.ours(environment)
    assert (gymnasium.spec(environment) if ours is None else ours).id == environment


@pytest.mark.parametrize(("algorithm", "environment"), PAIRS)
def test_the_steps_of_a_preset_are_whole_updates(algorithm, environment):
    made, training = make_algorithm(algorithm, environment)
    plan = make_timetable(made, training["steps"])
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


def test_every_algorithm_has_a_file():
    assert presets.algorithms() == {entry.name for entry in algorithms.entries()}


@pytest.mark.parametrize(
    ("algorithm", "changed", "minibatches"),
    [
        ("dppo", {}, 4), ("dppo", {"workers": 4}, 4), ("dppo", {"workers": 2}, 5), ("dppo", {"workers": 3}, 3),
        ("dppo", {"workers": 1}, 5), ("dppo", {"gather": "gradients"}, 5), ("dppo", {"environments": 24}, 4),
        ("ppo", {"environments": 1}, 5), ("ppo", {"steps_per_update": 3}, 4),
        ("ppo", {"environments": 3, "steps_per_update": 7}, 3),
        ("ppo", {"environments": 1, "steps_per_update": 2}, 1),
    ],
)  # fmt: skip
def test_no_preset_is_refused_for_its_own_minibatches(algorithm, changed, minibatches, caplog):
    made, _ = make_algorithm(algorithm, "CartPole-v1", changed)
    assert made.minibatches == minibatches
    expected = [] if minibatches == 4 else [f"{minibatches} minibatches instead of the preset's 4"]
    assert [any(each in line for line in caplog.messages) for each in expected] == [True] * len(caplog.messages)


def test_minibatches_that_a_person_chose_are_never_others():
    with pytest.raises(InputError, match="minibatches = 4 is not allowed"):
        make_algorithm("dppo", "CartPole-v1", {"workers": 2, "minibatches": 4})
