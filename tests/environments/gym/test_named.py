"""Unregistered Gymnasium environments, named by the class or function that creates them."""

import json
import sys

import gymnasium
import numpy as np
import pytest
from toys import Keeper

import zerone as zo
from zerone.base.errors import InputError
from zerone.environments.gym.makers import maker

WORLD = """
import gymnasium, numpy as np
from gymnasium import spaces

class Line(gymnasium.Env):
    observation_space, action_space = spaces.Box(-1.0, 1.0, (1,), np.float32), spaces.Discrete(2)
    metadata = {"render_modes": ["rgb_array"]}

    def __init__(self, length=4, render_mode=None):
        self.length, self.render_mode = length, render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = self.length
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.left -= 1
        return np.zeros(1, np.float32), 1.0, self.left == 0, False, {}

def longer(extra):
    return Line(4 + extra)

nothing = 3
"""


@pytest.fixture(autouse=True)
def _world(tmp_path, monkeypatch):
    """A module that is not imported yet."""
    (tmp_path / "line_world.py").write_text(WORLD)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "line_world", raising=False)
    yield
    sys.modules.pop("line_world", None)


def _length(identity, **options):
    env = maker(identity, options)()
    env.reset(seed=0)
    return next(i for i in range(1, 99) if env.step(0)[2])


def test_a_class_and_a_function_of_a_module_are_environments_and_options_their_arguments():
    assert _length("line_world:Line") == 4
    assert _length("line_world:Line", length=6) == 6
    assert _length("line_world:longer", extra=3) == 7
    assert maker("line_world:Line", {}, "rgb_array")().render_mode == "rgb_array"


def test_a_misspelt_option_of_a_registered_environment_is_guessed():
    gymnasium.register("Misspelt-v0", entry_point="line_world:Line")
    try:
        with pytest.raises(InputError, match=r"Misspelt-v0: option .lenght. is unknown: did you mean .length.\?"):
            maker("Misspelt-v0", {"lenght": 3})()
    finally:
        del gymnasium.registry["Misspelt-v0"]


@pytest.mark.parametrize(
    ("identity", "options", "text"),
    [
        ("line_world:Lin", {}, "line_world has no 'Lin': did you mean 'Line'? it has Line"),
        ("line_world:nothing", {}, "line_world has no 'nothing'"),
        ("line_world:longer", {}, "the function needs arguments (extra)"),
        ("line_world:Line", {"lenght": 3}, "option 'lenght' is unknown: did you mean 'length'?"),
    ],
)
def test_what_makes_none_is_refused_in_one_line(identity, options, text):
    with pytest.raises(InputError) as caught:
        maker(identity, options)()
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_run_of_a_class_is_loaded_as_any_other_if_it_is_trusted(tmp_path):
    import line_world  # type: ignore[import-not-found]

    run = zo.train(Keeper(), line_world.Line, options={"length": 5}, steps=48, out=tmp_path / "run", progress=False)
    kept = json.loads((run.path / "config.json").read_text())["environment"]
    assert (kept["id"], kept["options"], kept["known"]) == ("line_world:Line", {"length": 5}, True)
    assert zo.load(run.path).evaluate(3)["return_mean"] == 5.0
    del sys.modules["line_world"]
    with pytest.raises(InputError, match="would import the module 'line_world'"):
        zo.load(run.path).evaluate(3)
    assert "line_world" not in sys.modules


def test_what_is_made_inside_of_a_function_has_no_place():
    class Inner(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    from zerone.environments.gym.named import place_of_maker

    assert place_of_maker(Inner) is None
    assert place_of_maker(lambda: Inner()) is None
