"""User-defined environments and shaped rewards in Python. For the command line see `tests/cli`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import ClassVar

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zerone as zo
from zerone.algorithms import outside as algorithms
from zerone.algorithms.q_learning import QLearning
from zerone.base import outside as names
from zerone.base.errors import InputError, RunError
from zerone.base.modules import ForeignId, place_of, source_of
from zerone.base.pytree import configured, setting
from zerone.environments import catalogue, outside, rewards
from zerone.environments.cartpole import CartPole
from zerone.environments.gym.bridge import GymnasiumEnvironment
from zerone.environments.objects import by_id, timed
from zerone.environments.pendulum import Pendulum
from zerone.environments.shaping import cart_pole
from zerone.environments.wrappers import DiscretizedActions, ShapedReward, TimeLimit
from zerone.training import callback_sources

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NAME = "windy_walk:WindyWalk"
FEW = {"steps": 600, "evaluation_episodes": 2, "figure": False}


@configured
class Line:
    """A line whose right end is the goal."""

    size: int = setting(4, "cells", at_least=2)
    cost: float = setting(0.0, "of a step", at_least=0.0)
    max_episode_steps: ClassVar[int] = 30
    reward_threshold: ClassVar[float] = 0.5
    action_names: ClassVar[tuple[str, ...]] = ("left", "right")

    @property
    def observation_space(self):
        return gymnasium.spaces.Discrete(self.size)

    @property
    def action_space(self):
        return gymnasium.spaces.Discrete(2)

    def reset(self, key):
        del key
        return jnp.int32(0), jnp.int32(0)

    def step(self, key, state, action):
        del key
        place = jnp.clip(state + 2 * action - 1, 0, self.size - 1)
        over = place == self.size - 1
        return place, place, jnp.where(over, 1.0, 0.0) - self.cost, over, {}


def nearer(observation, action, reward, terminated, next_observation):
    """A shaped reward: a little for each step to the right."""
    del action, terminated
    return reward + 0.5 * (next_observation - observation)


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.delitem(sys.modules, "windy_walk", raising=False)
    yield NAME
    sys.modules.pop("windy_walk", None)


@pytest.fixture
def registered(monkeypatch):
    for kind in (outside.ENVIRONMENTS, rewards.REWARDS, algorithms.NAMES):
        monkeypatch.setattr(kind, "registered", {})
    monkeypatch.setattr(callback_sources, "_registered", {})


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """An installed package with an environment, a reward and an algorithm as entry points."""
    place = tmp_path / "site"
    about = place / "brought-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[zerone.environments]\nbrought/Walk-v0 = brought_walk:WindyWalk\n"
        "[zerone.rewards]\nbrought-nearer = brought_walk:nearer\n"
        "[zerone.algorithms]\nbrought-sarsa = brought_sarsa:ExpectedSarsa\n"
    )
    (place / "brought_walk.py").write_text((EXAMPLES / "windy_walk.py").read_text())
    (place / "brought_sarsa.py").write_text((EXAMPLES / "expected_sarsa.py").read_text())
    monkeypatch.syspath_prepend(str(place))
    yield lambda: [sys.modules.pop(each, None) for each in ("brought_walk", "brought_sarsa")]
    for each in ("brought_walk", "brought_sarsa"):
        sys.modules.pop(each, None)
    names._installed_entry_points.cache_clear()


def stop_after(steps):
    """Interrupt a training after so many steps."""

    def on_progress(now, policy):
        del policy
        if now.steps >= steps:
            raise KeyboardInterrupt

    return on_progress


def saved(run):
    return json.loads((run.path / "config.json").read_text())["environment"]


@pytest.mark.thorough
def test_an_object_goes_the_whole_way(tmp_path):
    """An environment object works with everything: training, resuming, evaluation, plots, comparison, sweeps, video."""
    whole = zo.train("q-learning", Line(size=5), out=tmp_path / "whole", seeds=3, **FEW)
    with pytest.raises(KeyboardInterrupt):
        zo.train(
            "q-learning", Line(size=5), out=tmp_path / "run", seeds=3, chunk=20, on_progress=stop_after(200), **FEW
        )
    run = zo.resume(tmp_path / "run")
    assert (run.path / "metrics.csv").read_text() == (whole.path / "metrics.csv").read_text()
    assert saved(run)["id"] == saved(run)["source"] == f"{__name__}:Line"
    assert saved(run)["options"] == {"size": 5}
    loaded = zo.load(run.path)
    assert loaded.evaluate(episodes=3) == run.evaluate(episodes=3)
    assert loaded.agent().act(0) == 1
    assert loaded.plot().exists()
    compared = zo.compare([run.path, whole.path])
    assert len(compared.runs) == 2
    assert zo.record(run.path, episodes=2, out=tmp_path / "data")["return_mean"] == 1.0
    swept = zo.sweep("q-learning", Line(size=3), {"epsilon": [0.1, 0.2]}, steps=200, seeds=3, out=tmp_path / "sweep",
                     progress=False)  # fmt: skip
    assert zo.resume_sweep(swept.path, progress=False).best.settings == swept.best.settings
    with pytest.raises(InputError, match="an environment by name"):
        zo.sweep("q-learning", hidden(), {"epsilon": [0.1]}, progress=False)


def hidden():
    """A class that cannot be imported, as it is defined in a function."""

    @configured
    class Hidden(Line):
        """The same line."""

    return Hidden


def test_a_class_is_made_with_options_and_its_level_is_that_of_its_defaults(tmp_path):
    run = zo.train("q-learning", Line, out=tmp_path / "run", **FEW)
    assert run.config["solved_at"] == 0.5
    longer = zo.train("q-learning", Line, options={"size": 6, "limit": 50}, out=tmp_path / "longer", **FEW)
    assert longer.config["solved_at"] is None
    assert zo.load(longer.path).engine().environment == TimeLimit(Line(size=6), 50)
    assert catalogue.level_of(catalogue.find(f"{__name__}:Inherits"), {}) == 0.5
    assert catalogue.level_of(catalogue.find(f"{__name__}:Inherits"), {"size": 6}) is None
    with pytest.raises(InputError, match=r"option 'sise' is unknown: did you mean 'size'"):
        zo.train("q-learning", Line, options={"sise": 6})


def test_a_level_and_a_limit_may_depend_on_the_size(tmp_path):
    run = zo.train("q-learning", Sized(size=6), out=tmp_path / "run", **FEW)
    assert run.config["solved_at"] == 0.75
    assert zo.load(run.path).engine().environment == TimeLimit(Sized(size=6), 60)


@configured
class Endless(Line):
    """A field that cannot be written as JSON."""

    most: float = float("inf")


@configured
class Wrapped(Line):
    """A field that is an environment."""

    inside: Line = Line()


@configured
class Inherits(Line):
    """Inherited fields, with their defaults."""


@configured
class Sized(Line):
    """A line whose objects define when they are solved, and their time limit."""

    @property
    def max_episode_steps(self):
        return 10 * self.size

    @property
    def reward_threshold(self):
        return self.size / 8


def test_a_class_that_nobody_can_find_is_trained_and_loaded_with_itself(tmp_path):
    kind = hidden()
    run = zo.train("q-learning", kind, options={"size": 3}, out=tmp_path / "run", **FEW)
    assert run.evaluate(episodes=2)["return_mean"] == 1.0
    with pytest.raises(InputError, match="Hidden was not given by id, nor as what can be made again"):
        zo.load(run.path).evaluate(episodes=2)
    assert zo.load(run.path, environment=kind).evaluate(episodes=2)["return_mean"] == 1.0
    assert zo.load(run.path, environment=kind(size=3)).evaluate(episodes=2)["return_mean"] == 1.0


@pytest.mark.usefixtures("registered")
def test_what_is_registered_goes_by_its_name_here_and_by_its_place_elsewhere(tmp_path):
    zo.register("my/Line-v0", Line)
    zo.register("my/Line-v0", Line)  # a second time, as when a notebook cell is run again
    zo.register("rightwards", nearer)
    run = zo.train("q-learning", "my/Line-v0", options={"reward": "rightwards", "size": 5}, out=tmp_path / "run", **FEW)
    assert (saved(run)["id"], saved(run)["source"]) == ("my/Line-v0", f"{__name__}:Line")
    here = zo.load(run.path).evaluate(episodes=3)
    assert run.evaluate(episodes=3) == here
    assert here["return_mean"] == 1.0
    outside.ENVIRONMENTS.registered.clear()
    assert zo.load(run.path).evaluate(episodes=3) == here
    assert (
        len(zo.compare([zo.train("q-learning", Line, seeds=3, out=tmp_path / each, **FEW).path for each in "ab"]).runs)
        == 2
    )


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("what", "said"),
    [
        (("CartPole-v1", Line), "environment 'CartPole-v1' is there already: give Line another name"),
        (("Acrobot-v1", Line), "environment 'Acrobot-v1' is there already"),
        (("my/Line-v0", Sized), "environment 'my/Line-v0' is there already: give Sized another name"),
        (("shaped", nearer), "reward 'shaped' is there already: give nearer another name"),
        (("a b", Line), "must be a word without spaces"),
        (("thing", 3), "'thing': int cannot be registered"),
        (("thing",), "'thing' names nothing"),
    ],
)
def test_a_name_is_of_one_thing(what, said):
    zo.register("my/Line-v0", Line)
    with pytest.raises(InputError, match=said):
        zo.register(*what)


def test_what_an_installed_package_brings(tmp_path, installed):
    """It is loaded if the user types its name; if only a run folder names it, it must have been imported already."""
    run = zo.train(
        "brought-sarsa", "brought/Walk-v0", options={"reward": "brought-nearer"}, out=tmp_path / "run", **FEW
    )
    assert run.config["environment"]["options"] == {"reward": "brought_walk:nearer"}
    assert zo.load(run.path).evaluate(episodes=2) == run.evaluate(episodes=2)
    installed()  # as in another process
    with pytest.raises(InputError, match="'brought_sarsa:ExpectedSarsa' is named in a file"):
        zo.load(run.path).evaluate(episodes=2)
    assert "brought_walk" not in sys.modules
    assert "brought_sarsa" not in sys.modules


@pytest.mark.parametrize(("kind", "name"), [("environment", "brought/Walk-v0"), ("algorithm", "brought-sarsa")])
def test_a_folder_that_names_an_installed_packages_thing_runs_nothing(tmp_path, installed, kind, name):
    del installed
    run = zo.train("q-learning", "zerone/Treasure-v0", out=tmp_path / "run", **FEW)
    config = json.loads((run.path / "config.json").read_text())
    config[kind] |= {"id": name} if kind == "environment" else {"name": name}
    (run.path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=f"{kind} 'brought_.*' is named in a file and would import"):
        zo.load(run.path).evaluate(episodes=2)
    assert "brought_walk" not in sys.modules
    assert "brought_sarsa" not in sys.modules


@pytest.mark.thorough(after=4)
@pytest.mark.parametrize(
    "reward",
    ["never_imported:nearer", "os:system", "subprocess:call", "builtins:print", "shutil:copyfileobj", ":", "x:"],
)
def test_whatever_stands_in_a_file_as_a_reward_runs_nothing(tmp_path, reward):
    run = zo.train("q-learning", Line, out=tmp_path / "run", **FEW)
    config = json.loads((run.path / "config.json").read_text())
    config["environment"]["options"] = {"reward": reward}
    (run.path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"is named in a file|is not a valid reward|would import"):
        zo.load(run.path).evaluate(episodes=2)


def test_a_function_is_a_reward_to_learn_from_and_the_own_one_judges(tmp_path):
    """Its own reward, a cost per step, never leads to the goal; the function does. Evaluations use its own reward."""
    asked = {**FEW, "options": {"reward": nearer, "size": 3}}
    run = zo.train("q-learning", Line, out=tmp_path / "run", **asked)
    assert saved(run)["options"] == {"reward": f"{__name__}:nearer", "size": 3}
    assert run.evaluate(episodes=2)["return_mean"] == 1.0
    assert np.nanmax(run.metrics["return"]) == 2.0  # the shaped reward of two steps to the right
    environment = zo.load(run.path).engine().environment
    assert environment.environment == ShapedReward(Line(size=3), nearer)
    ours = zo.train("q-learning", "zerone/Treasure-v0", options={"reward": nearer}, out=tmp_path / "ours", **FEW)
    assert zo.load(ours.path).evaluate(episodes=2) == ours.evaluate(episodes=2)


def test_a_function_without_a_name_trains_and_is_not_loaded(tmp_path):
    def twice(observation, action, reward, terminated, next_observation):
        del observation, action, terminated, next_observation
        return 2 * reward

    asked = {**FEW, "options": {"reward": twice}}
    run = zo.train("q-learning", Line, out=tmp_path / "run", **asked)
    assert run.evaluate(episodes=2)["episodes"] == 2
    with pytest.raises(InputError, match="reward <twice> was given as a function that nobody can find again"):
        zo.load(run.path).evaluate(episodes=2)
    assert zo.load(run.path, environment=Line()).evaluate(episodes=2) == run.evaluate(episodes=2)


def by_two(observation, reward):
    del observation
    return reward


def by_any(*values):
    return values


@pytest.mark.parametrize(
    ("reward", "said"),
    [
        (
            by_two,
            r"it must take \(observation, action, reward, terminated, next_observation",
        ),
        (by_any, "it must take"),
        ("nonesuch", "reward = 'nonesuch' is not allowed: must be one of task, or module:function"),
        (f"{__name__}:nothing", "has no 'nothing': it has .*nearer"),
        (f"{__name__}:Line", "has no 'Line'|is not a valid reward"),
        ("nowhere_at_all:nearer", "module 'nowhere_at_all' cannot be imported"),
        (3, "must be one of task, or a function"),
    ],
)
def test_what_is_no_reward_is_said(reward, said, tmp_path):
    with pytest.raises(InputError, match=said):
        zo.train("q-learning", Line, options={"reward": reward}, out=tmp_path / "run", **FEW)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (Line(), (f"{__name__}:Line", {})),
        (TimeLimit(Line(cost=0.5), 30), (f"{__name__}:Line", {"cost": 0.5})),
        (
            TimeLimit(ShapedReward(Line(), nearer), 7),
            (f"{__name__}:Line", {"limit": 7, "reward": f"{__name__}:nearer"}),
        ),
        (TimeLimit(CartPole(), 500), ("CartPole-v1", {})),
        (CartPole(gravity=1.0), ("CartPole-v1", {"limit": 0, "gravity": 1.0})),
        (zo.make("zerone/Maze-v0"), ("zerone/Maze-v0", {})),
        (TimeLimit(DiscretizedActions(Pendulum(), 5), 200), ("Pendulum-v1", {"torques": 5})),
        (TimeLimit(ShapedReward(CartPole(), cart_pole), 500), ("CartPole-v1", {"reward": "shaped"})),
        (zo.make("zerone/Pendulum11-v0"), ("Pendulum-v1", {"torques": 11, "reward": "tenth"})),
    ],
)
def test_an_object_is_an_id_with_options(given, found):
    assert by_id(given, {}) == found
    made = catalogue.make(found[0], **found[1])
    assert made == (given if isinstance(given, TimeLimit) else timed(given, "it"))


def test_what_no_options_can_say_stays_an_object():
    for each in (
        Line(cost=jnp.float32(0.5)),
        Endless(),
        TimeLimit(Wrapped(), 5),
        TimeLimit(ShapedReward(Line(), lambda *_: 0.0), 5),
        hidden()(),
    ):
        assert by_id(each, {})[0] is each


def changed(**functions):
    """A line with some of its methods replaced."""
    return configured(type("Changed", (Line,), {"__doc__": "Another.", "__annotations__": {}, **functions}))


def giving(values):
    """A `step` that returns what `values` computes from the state."""

    def step(self, key, state, action):
        del self, key, action
        return values(state)

    return step


def no_key(self):
    del self


def turned(self, state, action, key):
    del self, state, action, key


def with_parameters(self, key, state, action, params):
    del self, key, state, action, params


def one_value(self, key):
    del self, key
    return jnp.int32(0)


def of_state(self, key):
    del self, key
    return jnp.int32(0), {"place": jnp.int32(0)}


def plain_state(self, key, state, action):
    del self, key, state
    return action, action, 0.0, False, {}


def wide_state(self, key, state, action):
    del self, key
    return action, jnp.float32(state), 0.0, False, {}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (changed(step=None), r"Changed is not a valid environment: it lacks the function step\(key, state, action\)"),
        (changed(reset=no_key), r"Changed is not a valid environment: its reset must take reset\(key\)"),
        (changed(step=turned), r"its step must take step\(key, state, action\)"),
        (changed(step=with_parameters), r"its step must take step\(key, state, action\)"),
        (changed(reset=one_value), "reset returns one value, not two: observation, state"),
        (changed(step=giving(lambda state: (state, state, 0.0, False))), "step returns 4 values, not five"),
        (
            changed(step=giving(lambda state: (state, state, 0.0, 1.0, {}))),
            "as terminated, not true or false",
        ),
        (changed(step=giving(lambda state: (state, state, jnp.zeros(2), False, {}))), r"\[2\] as reward"),
        (changed(step=giving(lambda state: state / None)), "step cannot be compiled: TypeError"),
        (changed(reset=of_state, step=plain_state), "step returns a state that is made of other parts"),
        (changed(step=wide_state), r"step returns a state whose numbers is float32\[\]; that of reset is int32\[\]"),
        (changed(observation_space=3), "its observation_space is int, not a space"),
        (
            changed(observation_space=gymnasium.spaces.Box(0, 1, (3,))),
            r"of the form int32\[\], its observation_space says",
        ),
        (changed(max_episode_steps=-1), "max_episode_steps = -1 is not allowed"),
        (changed(reward_threshold="high"), "reward_threshold = 'high' is not allowed"),
        (changed(reward_threshold=float("nan")), "reward_threshold = nan is not allowed"),
        (
            changed(carry_over=lambda _, ended, fresh: (ended, fresh)),
            "carry_over returns a state that is made of other",
        ),
        (changed(carry_over=lambda *_: 1 / 0), "carry_over cannot be compiled: ZeroDivisionError"),
        (changed(carry_over=lambda _: 0), "carry_over cannot be compiled: TypeError"),
        (changed(move_goal=lambda _self, _state, x, _y: x), r"move_goal returns a state whose numbers is float32\[\]"),
        (changed(evaluation_environment=lambda _: None), "evaluation_environment is not a valid environment"),
        (changed(evaluation_environment=lambda _: 1 / 0), "evaluation_environment raised ZeroDivisionError"),
        (changed(evaluation_environment=lambda _: Line(size=9)), r"observation_space of its .* is Discrete\(9\), not"),
        (changed(action_names=["left"]), "action_names = .* is not allowed: must be a tuple"),
    ],
)
def test_what_is_no_environment_is_named_with_what_it_lacks(kind, said, tmp_path):
    for given in (kind, kind()):
        with pytest.raises(InputError, match=said):
            zo.train("q-learning", given, out=tmp_path / "run", **FEW)
    assert not (tmp_path / "run").exists()


def shaping(values):
    """A shaped reward that returns what `values` computes from the reward."""

    def shaped(observation, action, reward, terminated, next_observation):
        del observation, action, terminated, next_observation
        return values(reward)

    return shaped


WRONG_SHAPINGS = [
    (lambda _: 1 / 0, "the shaped reward .*shaped cannot be compiled: ZeroDivisionError"),
    (lambda _: jnp.zeros(3), r"the shaped reward .*shaped returns float32\[3\], not a number"),
    (lambda reward: reward > 0, r"the shaped reward .*shaped returns bool\[\], not a number"),
    (lambda _: None, "the shaped reward .*shaped returns NoneType, not a number"),
    (lambda reward: reward * jnp.nan, "the shaped reward .*shaped is nan, not a finite number"),
]


@pytest.mark.parametrize(("values", "said"), WRONG_SHAPINGS)
def test_a_wrong_shaped_reward_is_blamed_itself_not_its_environment(values, said, tmp_path):
    wrong = shaping(values)
    made = TimeLimit(ShapedReward(ShapedReward(Line(), nearer), wrong), 9)
    for given, options in ((Line, {"reward": wrong}), (made, {}), ("zerone/Treasure-v0", {"reward": wrong})):
        with pytest.raises(InputError, match=said):
            zo.train("q-learning", given, options=options, out=tmp_path / "run", **FEW)
    assert not (tmp_path / "run").exists()


def test_a_wrong_shaped_reward_is_blamed_where_it_is_played_and_not_for_a_wrong_environment():
    wrong = {"reward": shaping(lambda _: jnp.zeros(3))}
    with pytest.raises(InputError, match=r"CartPole-v1: the shaped reward .*shaped returns float32\[3\]"):
        GymnasiumEnvironment("CartPole-v1", **wrong)
    with pytest.raises(InputError, match="step returns 4 values, not five"):
        timed(ShapedReward(changed(step=giving(lambda state: (state, state, 0.0, False)))(), wrong["reward"]), "it")


@configured
class Far(Line):
    """Its observation at the goal is outside of its space."""

    reward: ClassVar[float] = 0.0
    beyond: ClassVar[int] = 3

    def step(self, key, state, action):
        _, place, _, _, info = super().step(key, state, action)
        return place + (place >= self.size - 1) * self.beyond, place, jnp.float32(self.reward), place < 0, info


@configured
class Costly(Far):
    """Its rewards are NaN."""

    reward: ClassVar[float] = float("nan")
    beyond: ClassVar[int] = 0


@configured
class Sound(Far):
    """Nothing is wrong with it."""

    beyond: ClassVar[int] = 0


def test_observations_outside_their_space_and_rewards_that_are_no_numbers_end_it_before_it_begins(tmp_path):
    asked = {**FEW, "out": tmp_path / "run", "progress": False}
    with pytest.raises(
        InputError, match=r"Far, step \d+ with random actions: the observation is 6, not in Discrete\(4\)"
    ):
        zo.train("q-learning", Far, **asked)
    with pytest.raises(InputError, match="Costly, step 1 with random actions: the reward is nan, not a finite number"):
        zo.train("q-learning", Costly, **asked)
    with pytest.raises(InputError, match="Far, step"):
        zo.train("q-learning", Far, action_mask=lambda _: jnp.ones(2, bool), **asked)
    assert not (tmp_path / "run").exists()
    assert zo.train("q-learning", Sound, **asked).result["steps"] == 600


@configured
class Worn(Far):
    """From its 151st step on its rewards are no numbers."""

    reward: ClassVar[float] = 0.0
    beyond: ClassVar[int] = 0
    worn: ClassVar[float] = float("nan")
    max_episode_steps: ClassVar[int] = 200

    def reset(self, key):
        observation, place = super().reset(key)
        return observation, (place, jnp.int32(0))

    def step(self, key, state, action):
        place, age = state
        observation, place, reward, terminated, info = super().step(key, place, action)
        worn = jnp.where(age < 150, reward, self.worn)
        return observation, (place, age + 1), worn, terminated, info


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("algorithm", ["q-learning", "dqn"])
def test_rewards_that_are_no_numbers_later_are_not_called_divergence(algorithm, tmp_path):
    with pytest.raises(RunError, match=r"reward was no finite number|rewards are no numbers"):
        zo.train(algorithm, Worn, **FEW, out=tmp_path / "run", progress=False)


def test_where_there_are_masks_only_allowed_actions_are_tried(tmp_path):
    """Without the mask, the goal and so an observation outside the space is reached by random steps to the right."""
    asked = {**FEW, "out": tmp_path / "run", "progress": False}
    assert zo.train("q-learning", Far, action_mask=lambda _: jnp.array([True, False]), **asked).result["steps"] == 600


def test_steps_are_also_checked_where_workers_train():
    from zerone.cluster.ray_engine import RayEngine
    from zerone.engines.compiled import Compiled
    from zerone.training.engine_setup import check_first_steps

    engine = RayEngine(Compiled(zo.QLearning(), timed(Far(), "Far")))
    with pytest.raises(InputError, match="Far, step"):
        check_first_steps(engine, "Far")


def test_a_plain_class_is_told_what_to_be(tmp_path):
    class Plain:
        """Not made with `configured`."""

        observation_space = action_space = gymnasium.spaces.Discrete(2)

        def reset(self, key):
            del key
            return jnp.int32(0), jnp.int32(0)

        def step(self, key, state, action):
            del key, action
            return state, state, 0.0, True, {}

    for given in (Plain, Plain()):
        with pytest.raises(InputError, match=r"it must be .*a class made with zerone.base.pytree's `configured`"):
            zo.train("q-learning", given, out=tmp_path / "run", **FEW)


def test_what_a_module_lacks_is_said_with_what_it_has(example):
    with pytest.raises(InputError, match="windy_walk has no 'WindyWlak': did you mean"):
        zo.train("q-learning", "windy_walk:WindyWlak")
    assert catalogue.find(example).limit == 100


def test_the_host_engine_plays_it_through_gymnasium(tmp_path):
    run = zo.train("q-learning", Line, engine="host", out=tmp_path / "run", **FEW)
    assert run.config["engine"] == "host"
    assert zo.load(run.path).evaluate(episodes=2)["return_mean"] == 1.0


def test_a_step_of_the_example_is_what_it_says(example):
    """By hand: without wind an action moves by one cell, and the right end has a reward of 1."""
    environment = zo.make(example, wind=0.0, length=3)
    _, state = environment.reset(jax.random.key(0))
    seen = [environment.step(jax.random.key(0), state, action)[:5] for action in (0, 1)]
    assert [int(each[0]) for each in seen] == [0, 1]
    last = environment.step(jax.random.key(0), seen[1][1], 1)
    assert (int(last[0]), float(last[2]), bool(last[3]), bool(last[4])) == (2, 1.0, True, False)


def test_what_a_class_is_called_while_its_file_is_run(monkeypatch, tmp_path):
    """If `world.py` is run as a program, its run is saved with `world:World`, which other processes can import."""
    (tmp_path / "world.py").write_text("class World:\n    pass\n")
    main = type(sys)("__main__")
    main.__file__ = str(tmp_path / "world.py")
    exec("class World:\n    pass\n", vars(main))  # noqa: S102
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert source_of(main.World) == place_of(main.World) == "world:World"
    assert ForeignId("world:World", None).source is None
    del main.__file__
    assert source_of(main.World) == "__main__:World"


def test_a_registered_class_of_a_notebook_is_said_to_be_one(tmp_path):
    with pytest.raises(InputError, match="was made in a notebook or at a prompt"):
        raise outside.ENVIRONMENTS.missing("__main__:World")
    with pytest.raises(InputError, match="my/Nothing-v0"):
        zo.train("q-learning", "my/Nothing-v0", out=tmp_path / "run", **FEW)


class OwnCallback(zo.Callback):
    """A callback that does nothing."""


@pytest.mark.usefixtures("registered")
def test_an_algorithm_is_still_registered_by_its_own_name():
    @configured
    class Own(QLearning):
        name = "own"

    zo.register(Own)
    assert algorithms.is_registered("own")
    zo.register("own-callback", OwnCallback)
    assert callback_sources.find("own-callback").name == "own-callback"
    with pytest.raises(InputError, match="must be a text, before what it names"):
        zo.register(Own, Line)


def parted(space, value):
    """`Line` with this space and this observation."""

    class Parted(Line):
        observation_space = space

        def reset(self, key):
            return value, super().reset(key)[1]

        def step(self, key, state, action):
            return value, *super().step(key, state, action)[1:]

    return configured(Parted)


@pytest.mark.parametrize(
    ("space", "value"),
    [
        (gymnasium.spaces.Dict(place=gymnasium.spaces.Discrete(4)), {"place": jnp.int32(0)}),
        (gymnasium.spaces.Tuple([gymnasium.spaces.Discrete(4)]), (jnp.int32(0),)),
        (gymnasium.spaces.MultiBinary(2), jnp.zeros(2, jnp.int8)),
    ],
)
def test_an_observation_in_parts_is_refused_with_what_to_do(space, value, tmp_path):
    """The algorithms were said to be unable, and `zerone check` said that they can."""
    with pytest.raises(InputError, match="in JAX it must be one array, a Box, Discrete or MultiDiscrete: join"):
        zo.train("dqn", parted(space, value)(), out=tmp_path / "r", **FEW)
    assert not (tmp_path / "r").exists()


def test_options_say_their_values(monkeypatch):
    @configured
    class Optional(Line):
        bits: bool = setting(False, "as bits")
        title: str = setting("x", "its title")
        seen: int = setting(3, "how far it sees")
        plain: int = 3

    monkeypatch.setitem(outside.ENVIRONMENTS.registered, "my/Optional-v0", Optional)
    texts = {each.name: each.text for each in catalogue.options(catalogue.look_up("my/Optional-v0"))}
    assert texts["bits"].endswith("on or off")
    assert texts["title"].endswith("a text")
    assert texts["seen"].endswith("a whole number")
    assert texts["plain"] == "a whole number"
    assert Optional(title="another").title == "another"
    with pytest.raises(InputError, match="title = 3 is not allowed: must be of type str"):
        Optional(title=3)
