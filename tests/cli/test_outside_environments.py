"""A user-defined environment and shaped reward work with all commands, with and without `--trust`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import gymnasium
import pytest

from zerone.environments import suites

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NAME = "windy_walk:WindyWalk"
REWARD = "windy_walk:nearer"
BAD = """
from windy_walk import WindyWalk
from zerone.base.pytree import configured


class Plain:
    def reset(self, key): ...
    def step(self, key, state, action): ...


@configured
class Stepless(WindyWalk):
    step = None
"""
FEW = ("--steps", "600", "--evaluation-episodes", "2")


@pytest.fixture
def own(here, monkeypatch):
    """A working folder with a module that has an environment, which is not imported yet."""
    (here / "windy_walk.py").write_text((EXAMPLES / "windy_walk.py").read_text())
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(here)])
    monkeypatch.delitem(sys.modules, "windy_walk", raising=False)
    yield here
    sys.modules.pop("windy_walk", None)


@pytest.fixture
def forgotten():
    """Undo the import of the module, as if in another process."""
    return lambda: sys.modules.pop("windy_walk", None)


def test_an_environment_goes_the_whole_way(own, zerone, forgotten):
    """Each command imports a module that a run folder names only if the user allows it."""
    assert own
    options = ("--option", "length=4", "--option", f"reward={REWARD}")
    said = zerone("train", "q-learning", NAME, *FEW, "--seeds", "3", *options, "--out", "run")
    assert said.code == 0, said.err
    assert "zerone evaluate run --trust" in said.out
    record = ("record", "run", "--steps", "20", "--out", "played")
    show = ("watch", "run", "--text", "--episodes", "1")
    again = ("train", "--resume", "run")
    walk, leave = ("step", "run", "--steps", "2"), ("export", "run", "policy.npz")
    for command in (("evaluate", "run", "--episodes", "2"), show, again, walk, leave, record):
        forgotten()
        refused = zerone(*command)
        assert refused.code == 2
        assert f"environment {NAME!r} is named in a file" in refused.err
        assert "pass --trust" in refused.err
        assert "windy_walk" not in sys.modules
        shown = zerone(*command, "--trust")
        assert shown.code == 0, shown.err
        if command[0] == "watch":
            assert "action 1  reward 1  observation 3" in shown.out
            assert "Q  left" in shown.out
    forgotten()
    assert zerone("plot", "run").code == 0  # drawing curves does not need the module
    assert zerone("train", "sarsa", NAME, *FEW, "--seeds", "3", "--option", "length=4", "--out", "other").code == 0
    forgotten()
    assert zerone("compare", "run", "other", "--out", "compared.png").code == 0
    assert "windy_walk" not in sys.modules
    assert zerone("train", "q-learning", NAME, "--from", "played", "--option", "length=4", "--out", "studied",
                  "--steps", "60").code in (0, 2)  # fmt: skip


def test_a_reward_in_a_folder_imports_nothing(own, zerone, forgotten):
    """Not even if the environment is one of Zerone's."""
    assert own
    asked = ("--option", f"reward={REWARD}", "--out", "run")
    assert zerone("train", "q-learning", "zerone/Treasure-v0", *FEW, *asked).code == 0
    forgotten()
    refused = zerone("evaluate", "run", "--episodes", "2")
    assert refused.code == 2
    assert f"reward {REWARD!r} is named in a file" in refused.err
    assert zerone("plot", "run").code == 0
    assert "windy_walk" not in sys.modules
    resumed = ("train", "q-learning", "zerone/Treasure-v0", "--resume", "run")
    zerone(*resumed).refused(f"reward {REWARD!r} is named in a file")  # the command line does not name the module
    assert "windy_walk" not in sys.modules
    assert zerone("evaluate", "run", "--episodes", "2", "--trust").code == 0


@pytest.mark.thorough
def test_it_is_swept_and_what_is_best_is_trained(own, zerone, forgotten):
    option = ("--option", f"reward={REWARD}")
    found = zerone("sweep", "q-learning", NAME, "epsilon=0.1,0.2", "--steps", "200", "--seeds", "3", *option,
                   "--out", "swept")  # fmt: skip
    assert found.code == 0, found.err
    assert json.loads((own / "swept" / "sweep.json").read_text())["sources"]["environment"] == NAME
    forgotten()
    assert zerone("sweep", "--resume", "swept").code == 0  # the sweep has ended, so it is only read
    assert "windy_walk" not in sys.modules
    (own / "swept" / "other-seeds" / "result.json").unlink()
    zerone("sweep", "--resume", "swept").refused(f"environment {NAME!r} is named in a file")
    assert "windy_walk" not in sys.modules
    assert zerone("sweep", "--resume", "swept", "--trust").code == 0
    best = ("--settings", "swept/best.toml", *FEW, "--out", "best")
    assert zerone("train", "q-learning", NAME, *best).code == 0


def test_its_fields_are_options_and_it_is_described(own, zerone):
    assert own
    zerone("train", "q-learning", NAME, "--option", "lenth=4").refused("has no 'lenth': did you mean 'length'?")
    zerone("train", "q-learning", NAME, "--option", "wind=2").refused("wind = 2.0 is not allowed: must be at least 0")
    zerone("train", "q-learning", NAME, "--option", "length=long").refused("length is places on the line")
    zerone("train", "q-learning", NAME, "--option", "reward=windy_walk:further").refused("has no 'further': it has")
    zerone("train", "q-learning", "windy_walk:WindyWlak").refused("did you mean 'WindyWalk'?", "it has WindyWalk")
    zerone("train", "q-learning", "nowhere_at_all:World").refused("'nowhere_at_all' cannot be imported")
    (own / "bad_worlds.py").write_text(BAD)
    zerone("train", "ppo", "bad_worlds:Plain").refused("it must be a class made with zerone.base.pytree's `configured`")
    zerone("train", "ppo", "bad_worlds:Stepless").refused("it lacks the function step(key, state, action)")
    shown = zerone("environments", NAME)
    assert "Walk to the right end of a line, against a wind" in " ".join(shown.out.split())
    assert "at most 100 steps; solved at a mean return of 0.9" in shown.out
    assert "chance that the wind blows a step back" in shown.out
    assert zerone("check", NAME).code == 0
    assert not [each for each in own.iterdir() if each.is_dir() and each.name != "__pycache__"]


def test_a_film_of_what_has_no_drawing_is_refused_in_a_line(own, zerone):
    assert own
    assert zerone("train", "q-learning", NAME, *FEW, "--out", "run").code == 0
    refused = zerone("watch", "run", "--video", "walk.gif", "--trust")
    refused.refused(f"environment {NAME!r} gives no pictures: ask for --text")


@pytest.mark.parametrize("suite", suites.SUITES)
def test_a_suite_that_is_not_installed_is_said_with_its_extra(zerone, monkeypatch, suite):
    monkeypatch.setitem(sys.modules, suite, None)
    monkeypatch.delitem(sys.modules, f"zerone.environments.suites.{suite}", raising=False)
    zerone("train", "ppo", f"{suite}:Thing").refused(f'pip install "zerone[{suite}]"')


def test_the_list_says_what_else_there_is(zerone):
    said = zerone("environments").out
    for each in suites.SUITES.values():
        assert each.examples[0] in said
    assert "module:Name" in said


PRESSER = """
import gymnasium


class Presser(gymnasium.Env):
    observation_space = action_space = gymnasium.spaces.Discrete(2)
    steps = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return 0, {}

    def step(self, action):
        Presser.steps += 1
        if Presser.steps > 250:
            raise KeyboardInterrupt
        return 1, 1.0, True, False, {}


gymnasium.register("Presser-v0", Presser)
"""


@pytest.mark.parametrize(
    "command", [("train", "q-learning", "presser:Presser-v0"),
                ("sweep", "q-learning", "presser:Presser-v0", "learning_rate=0.1,0.2")]
)  # fmt: skip
def test_after_ctrl_c_the_command_that_goes_on_trusts_the_same_code(own, zerone, command):
    (own / "presser.py").write_text(PRESSER)
    said = zerone(*command, "--steps", "600", "--out", "run")
    assert "presser" in sys.modules, said.err
    sys.modules.pop("presser")
    gymnasium.registry.pop("Presser-v0")
    assert said.code == 130
    assert said.err.rstrip().endswith(f"zerone {command[0]} --resume run --trust")
