"""User-defined algorithms: registered, or named `module:Name`. For the command line see `tests/cli`."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import zerone as zo
from zerone.algorithms import catalogue, outside
from zerone.algorithms.q_learning import QLearning
from zerone.base.errors import InputError
from zerone.base.pytree import configured
from zerone.training.algorithm_setup import make_algorithm_from

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FEW = {"steps": 2_000, "evaluation_episodes": 2, "figure": False}


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.delitem(sys.modules, "expected_sarsa", raising=False)
    yield "expected_sarsa:ExpectedSarsa"
    sys.modules.pop("expected_sarsa", None)


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(outside.NAMES, "registered", {})


@configured
class Own(QLearning):
    """Q-learning under another name."""

    name = "own"


def test_expected_sarsa_is_what_the_example_says(example):
    """Compared with Sutton & Barto's eq. 6.9 in NumPy, along the steps of the training."""
    from zerone.algorithms.protocol import Steps
    from zerone.environments.spaces import Spaces

    environment = zo.make("zerone/Treasure-v0")
    algorithm = catalogue.make(example, {"epsilon": 0.25, "learning_rate": 0.5, "discount": 0.5})
    spaces = Spaces(environment.observation_space, environment.action_space)
    state = type(algorithm.init(None, spaces))(jnp.float32([[0, 1], [2, 4], [0, 0], [0, 0], [0, 0], [0, 0]]))
    steps = Steps(np.int32([[0]]), np.int32([[1]]), np.float32([[3]]), np.int32([[1]]), np.array([[False]]),
                  np.array([[False]]), ())  # fmt: skip
    after, _ = algorithm.update(state, steps, None)
    following = 0.75 * 4 + 0.25 * 3  # greedy with probability 3/4, else the other one
    assert float(after.policy[0, 1]) == pytest.approx(1 + 0.5 * (3 + 0.5 * following - 1))


@pytest.mark.thorough
@pytest.mark.usefixtures("example")
def test_a_run_is_loaded_again_by_the_place_of_its_class(tmp_path):
    from expected_sarsa import ExpectedSarsa

    run = zo.train(ExpectedSarsa(epsilon=0.2), "zerone/Maze-v0", out=tmp_path / "r", **FEW)
    assert json.loads((run.path / "config.json").read_text())["algorithm"]["source"] == "expected_sarsa:ExpectedSarsa"
    loaded = zo.load(run.path)
    assert loaded.evaluate(episodes=3)["return_mean"] == run.evaluate(episodes=3)["return_mean"]
    assert zo.resume(run.path).result["seeds"] == run.result["seeds"]
    by_name = zo.train("expected_sarsa:ExpectedSarsa", "zerone/Maze-v0", settings={"epsilon": 0.2},
                       out=tmp_path / "n", **FEW)  # fmt: skip
    assert (by_name.path / "metrics.csv").read_text() == (run.path / "metrics.csv").read_text()
    swept = zo.sweep("expected_sarsa:ExpectedSarsa", "zerone/Maze-v0", {"epsilon": [0.1, 0.2]}, steps=400, seeds=3,
                     out=tmp_path / "s", progress=False)  # fmt: skip
    assert zo.resume_sweep(swept.path, progress=False).best.settings == swept.best.settings


def test_a_folder_imports_nothing_unless_it_is_trusted(tmp_path, example):
    run = zo.train(example, "zerone/Maze-v0", out=tmp_path / "r", **FEW)
    load = (
        "import sys, zerone as zo; sys.path.insert(0, sys.argv[2]);"
        "{before}; print(zo.load(sys.argv[1]).evaluate(episodes=2)['return_mean'])"
    )

    def loaded(before):
        words = [sys.executable, "-c", load.format(before=before), str(run.path), str(EXAMPLES)]
        return subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603

    refused = loaded("pass")
    assert "algorithm 'expected_sarsa:ExpectedSarsa' is named in a file" in refused.stderr
    assert "import expected_sarsa first" in refused.stderr
    assert loaded("import expected_sarsa").returncode == 0


@pytest.mark.usefixtures("registered")
def test_what_is_registered_goes_by_its_name(tmp_path):
    zo.register(Own)
    zo.register(Own)  # a second time, as when a notebook cell is run again
    run = zo.train("own", "zerone/Maze-v0", out=tmp_path / "r", **FEW)
    assert zo.load(run.path).evaluate(episodes=2) == run.evaluate(episodes=2)
    assert zo.compare([zo.train("own", "zerone/Maze-v0", seeds=3, out=tmp_path / name, **FEW).path for name in "ab"])


@pytest.mark.usefixtures("registered")
def test_one_name_is_of_one_algorithm():
    @configured
    class Another(QLearning):
        name = "own"

    zo.register(Own)
    with pytest.raises(InputError, match=r"algorithm 'own' is there already: give .*Another another name"):
        zo.register(Another)
    with pytest.raises(InputError, match="algorithm 'q-learning' is there already"):
        zo.register(QLearning)


def test_a_class_that_cannot_be_found_again_is_trained_but_not_loaded(tmp_path):
    @configured
    class Hidden(QLearning):
        name = "hidden"

    run = zo.train(Hidden(), "zerone/Maze-v0", out=tmp_path / "r", **FEW)
    assert run.evaluate(episodes=2)["episodes"] == 2
    with pytest.raises(InputError, match="algorithm 'hidden' is unknown"):
        zo.load(run.path).evaluate(episodes=2)


class NoClass:
    """A class without any of an algorithm's methods."""


@configured
class NoUpdate(QLearning):
    """An algorithm without a method to learn."""

    name = "no-update"
    update = None


@configured
class OtherAct(QLearning):
    """An algorithm whose `act` has other arguments."""

    name = "other-act"

    def act(self, policy):
        return policy


def test_all_that_an_algorithm_lacks_is_named_at_once():
    @configured
    class Bare:
        name = "bare"

        def init(self, key, spaces): ...

        def update(self, state, steps, key): ...

    with pytest.raises(InputError) as error:
        zo.register(Bare)
    for part in ("`metrics`", "`environments`", "`warmup_updates`", "refuse(spaces)", "check()", "act(policy, memory"):
        assert part in str(error.value)
    assert "init(" not in str(error.value)


@pytest.mark.thorough
@configured
class SizedByANumber(QLearning):
    """The size of its noise depends on a number, which is traced."""

    name = "sized-by-a-number"

    def noise(self, policy, key, shape):
        return super().noise(policy, key, (*shape[:-1], int(shape[-1] * self.discount)))


def test_a_size_that_depends_on_a_number_is_found_before_anything_is_created(tmp_path):
    with pytest.raises(InputError, match="sized-by-a-number: its noise raised ConcretizationTypeError") as error:
        zo.train(SizedByANumber(), "zerone/Maze-v0", steps=100, out=tmp_path / "run")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_the_example_with_networks_learns(tmp_path, monkeypatch):
    """Random actions return 22 on CartPole."""
    monkeypatch.syspath_prepend(EXAMPLES)
    import small_a2c

    run = zo.train(small_a2c.SmallA2C(), "CartPole-v1", steps=40_000, out=tmp_path / "run", figure=False)
    assert run.result["return_mean"] > 100
    assert np.isfinite(run.metrics["critic_loss"]).all()
    sys.modules.pop("small_a2c")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (NoClass, "NoClass is not a valid algorithm: it must be a class made with"),
        (3, "3 is not a valid algorithm: it must be a class"),
        (NoUpdate, r"NoUpdate is not a valid algorithm: it lacks the function update\(state, steps, key\)"),
        (OtherAct, r"OtherAct is not a valid algorithm: its act must take act\(policy, memory, observation, noise\)"),
    ],
)
def test_what_is_no_algorithm_is_named_with_what_it_lacks(kind, said):
    with pytest.raises(InputError, match=said):
        zo.register(kind)


def test_what_a_module_lacks_is_said_with_what_it_has(example):
    with pytest.raises(InputError, match="module 'expected_sarsa' has no 'Nope': it has ExpectedSarsa"):
        catalogue.look_up("expected_sarsa:Nope")
    with pytest.raises(InputError, match="algorithm nowhere_at_all:Nope: module 'nowhere_at_all' cannot be imported"):
        catalogue.look_up("nowhere_at_all:Nope")
    assert catalogue.look_up(example).name == "expected-sarsa"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("os:path", "os:path is not a valid algorithm"),  # already imported, so it can be checked at once
        ("subprocess:Popen", "subprocess:Popen is not a valid algorithm"),
        ("builtins:eval", "builtins:eval is not a valid algorithm"),
        ("sys:", "module 'sys' has no ''"),
        ("never.imported:Thing", "would import the module 'never.imported'"),
        (":", "would import the module ''"),
        ("", "algorithm '' is unknown"),
    ],
)
def test_whatever_stands_in_a_file_as_source_runs_nothing(source, said):
    with pytest.raises(InputError, match=said):
        make_algorithm_from({"name": "q-learning", "settings": {}, "source": source})
    assert "never" not in sys.modules


@configured
class OldAct(QLearning):
    """An algorithm whose `act` returns no memory."""

    name = "old-act"

    def act(self, policy, memory, observation, noise=None):
        return QLearning.act(self, policy, memory, observation, noise)[::2]


@configured
class Grows(QLearning):
    """An algorithm whose memory changes its shape."""

    name = "grows"

    def initial_memory(self, policy, number):
        return jnp.zeros((number, 1)) + 0 * policy.size

    def act(self, policy, memory, observation, noise=None):
        action, *_ = QLearning.act(self, policy, (), observation, noise)
        return action, jnp.concatenate([memory, memory], -1), ()


@configured
class Unannounced(QLearning):
    """An algorithm with a memory but without a function that initialises it."""

    name = "unannounced"

    def act(self, policy, memory, observation, noise=None):
        assert memory == ()
        return QLearning.act(self, policy, (), observation, noise)[0], observation, ()


@pytest.mark.parametrize(
    ("algorithm", "said"),
    [
        (OldAct(), r"old-act is not a valid algorithm: its act must return \(action, memory, extras\)"),
        (
            Grows(),
            r"its act returns the memory .*float32\[1, 2\].* one like .*float32\[1, 1\]",
        ),
        (Unannounced(), r"its act returns the memory .*int32\[1\].*one like \(\), as there is no initial_memory"),
    ],
)
@pytest.mark.parametrize("environment", ["zerone/Maze-v0", "FrozenLake-v1"])
def test_an_act_that_gives_back_something_else_is_refused_and_nothing_is_created(
    algorithm, said, environment, tmp_path
):
    with pytest.raises(InputError, match=said):
        zo.train(algorithm, environment, out=tmp_path / "r", **FEW)
    assert not (tmp_path / "r").exists()


def changed(name, **functions):
    """An algorithm like Q-learning in which some attributes differ. Its class cannot be found by a module's name."""
    return configured(type("Changed", (QLearning,), {"name": name, "__module__": __name__, **functions}))


def counting(state, steps, key):
    return QLearning().update(state, steps, key)[0]


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"init": lambda *_: 1 / 0}, "odd: its init raised ZeroDivisionError"),
        ({"init": lambda *_: jnp.zeros((6, 2))}, "its init must return a state with a `policy`"),
        ({"noise": lambda *_: jnp.zeros(7)}, r"its noise returns float32\[7\], but must"),
        (
            {"act": lambda *_: (jnp.zeros(1), (), ())},
            r"its act returns the action float32\[1\], but Discrete\(2\) needs int32\[1\]",
        ),
        (
            {"act": lambda _s, _p, _m, _o, noise=None: (noise["action"], (), ())},
            "its act raised TypeError",  # greedy actions have no noise
        ),
        (
            {"update": lambda _, state, steps, key: counting(state, steps, key)},
            r"its update must return \(state, metrics\)",
        ),
        (
            {"update": lambda _self, state, *_: (dataclasses.replace(state, policy=jnp.zeros(3)), {})},
            r"its update returns a state whose policy is float32\[3\]; that of init is float32\[6, 2\]",
        ),
        ({"metrics": {"error": "the error"}}, "its update returns the metrics none, but `metrics` names error"),
        (
            {
                "metrics": {"error": "the error"},
                "update": lambda _, state, steps, key: (counting(state, steps, key), {"error": steps.reward}),
            },
            "its update returns the metric 'error' as float32.*, not as one number",
        ),
        ({"metrics": {"a,b": "two"}}, "its metrics must be a mapping from names, without commas"),
        ({"metrics": {"step": "the step"}}, "the metric 'step' is in the log already"),
        ({"check": lambda _: 1 / 0}, "odd: its check raised ZeroDivisionError"),
        ({"refuse": lambda _, spaces: spaces.nothing}, "odd: its refuse raised AttributeError"),
        ({"refuse": lambda *_: False}, "its refuse must return a text or None, not False"),
        ({"steps_per_update": property(lambda _: 0)}, "its steps_per_update must be a whole number of at least 1"),
        ({"warmup_updates": property(lambda _: 0.5)}, "its warmup_updates must be a whole number of at least 0"),
        ({"values": lambda _self, policy, *_: policy}, r"its `values` returns float32\[6, 2\]"),
    ],
)
def test_a_function_that_gives_back_something_else_is_refused_before_anything_is_created(attributes, said, tmp_path):
    with pytest.raises(InputError, match=said):
        zo.train(changed("odd", **attributes)(), "zerone/Treasure-v0", out=tmp_path / "r", **FEW)
    assert not (tmp_path / "r").exists()


def test_a_class_in_place_of_an_object_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"algorithm Own is a class: give an object of it, Own\(\)"):
        zo.train(Own, "zerone/Maze-v0", out=tmp_path / "r", **FEW)
    with pytest.raises(InputError, match="NoClass is not a valid algorithm: it must be a class made with"):
        zo.train(NoClass(), "zerone/Maze-v0", out=tmp_path / "r", **FEW)
    assert not (tmp_path / "r").exists()


@pytest.mark.figures
def test_a_class_that_cannot_be_found_again_is_drawn_with_its_table(tmp_path):
    run = zo.train(changed("hidden")(), "zerone/Maze-v0", out=tmp_path / "r", **(FEW | {"figure": True}))
    assert run.result["algorithm"] == "hidden"
    assert (run.path / "table.png").exists()


@pytest.mark.parametrize("kind", [zo.DQN, zo.TD3])
def test_a_subclass_may_add_a_metric_to_the_gradient_updates(kind, tmp_path):
    """The names of the means were a fixed list: the update raised a `KeyError`."""

    @configured
    class More(kind):
        name = "more"
        metrics = {**kind.metrics, "one": "1 in each gradient update"}  # noqa: RUF012

        def learn(self, now, i, carry):
            after, metrics = super().learn(now, i, carry)
            return after, {**metrics, "one": jnp.float32(1)}

    where = "CartPole-v1" if kind is zo.DQN else "Pendulum-v1"
    algorithm = More(warmup=100, hidden=(8,), batch=8, updates=2)
    run = zo.train(algorithm, where, out=tmp_path / "r", **(FEW | {"steps": 400}))
    assert run.metrics["one"][-1] == 1
