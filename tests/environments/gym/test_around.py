"""Wrappers that are given by name: their order, what an agent observes, and what is refused."""

import functools
import json
import re

import gymnasium
import numpy as np
import pytest
from falling import Counts
from gymnasium import spaces
from toys import small_dqn

import zerone as zo
from zerone.base.errors import InputError
from zerone.base.modules import ForeignId
from zerone.environments.gym.around import Around, around, time_limit_of
from zerone.environments.gym.vector import make_vector
from zerone.environments.gym.views import describe, view_of
from zerone.training.run import load


class Doubled(gymnasium.RewardWrapper):
    """Multiplies rewards by a factor."""

    def __init__(self, env, factor=2):
        super().__init__(env)
        self.factor = factor

    def reward(self, reward):
        return self.factor * reward


def plus_one(env):
    return gymnasium.wrappers.TransformReward(env, lambda reward: reward + 1)


def no_return(env):
    del env


def fails(env):
    raise OSError(f"no screen for {env}")


def a_class(env):
    del env
    return gymnasium.Env


NOT_ONE = 3


def made(outer, make=Counts):
    return outer.put(make, "World-v0")()


def test_actions_are_repeated_inside_of_the_wrappers_and_observations_stacked_outside():
    outer = around([plus_one, (Doubled, {"factor": 3}), f"{__name__}:Doubled"], frame_stack=3, frame_skip=2)
    env = made(outer)
    first, _ = env.reset(seed=0)
    np.testing.assert_array_equal(first[:, 0], [100, 100, 100])
    seen, reward, *_ = env.step(0)
    np.testing.assert_array_equal(seen[:, 0], [100, 100, 102])
    assert reward == ((1 + 1) + 1) * 3 * 2  # two steps, plus 1, then the wrapper that was named later


def test_a_repeated_action_stops_where_the_episode_does_and_its_limit_is_counted_in_the_agents_steps():
    env = made(around(frame_skip=4), lambda: gymnasium.wrappers.TimeLimit(Counts(), 5))
    env.reset(seed=3)
    rewards = [env.step(0)[1] for _ in range(1)]
    ends = env.step(0) if rewards[0] == 4 else None
    assert ends is None or (ends[1] < 4 and (ends[2] or ends[3]))
    limited = made(around(frame_skip=4), lambda: gymnasium.make("CartPole-v1"))
    assert time_limit_of(limited) == 125
    assert time_limit_of(made(around(frame_skip=3), lambda: gymnasium.make("CartPole-v1"))) == 167


class Shows(gymnasium.Env):
    """Observations are samples of a space."""

    action_space = spaces.Discrete(2)

    def __init__(self, space):
        self.observation_space = space
        space.seed(0)

    def reset(self, *, seed=None, options=None):
        del seed, options
        return self.observation_space.sample(), {}

    def step(self, action):
        del action
        return self.observation_space.sample(), 0.0, False, False, {}


@pytest.mark.parametrize(
    ("space", "seen"),
    [
        (spaces.Box(-1, 1, (5,)), "15 numbers, as they are"),
        (spaces.Box(0, 255, (84, 84), np.uint8), "a picture of 84 × 84 with 3 channels, scaled by 255"),
        (spaces.Box(0, 255, (40, 60, 3), np.uint8), "a picture of 40 × 60 with 9 channels, scaled by 255"),
        (spaces.Box(0, 255, (3, 40, 60), np.uint8), "a picture of 40 × 60 with 9 channels, scaled by 255"),
    ],
    ids=["numbers", "grey", "colours", "channels first"],
)
def test_a_stack_of_pictures_is_a_picture_of_more_channels(space, seen):
    vector = make_vector(around(frame_stack=3).put(functools.partial(Shows, space), "S"), "S", 1, 0)
    assert view_of(vector.single_observation_space).describe() == seen
    vector.reset(seed=[0])
    vector.close()


@pytest.mark.parametrize(
    ("space", "shape"),
    [
        (spaces.Dict(place=spaces.Box(-1, 1, (2,)), thing=spaces.Discrete(3)), (2 * 2 + 2 * 3,)),
        (spaces.Tuple([spaces.Box(-1, 1, (2,)), spaces.Text(4)]), (2, 2)),
    ],
    ids=["Dict", "with a text"],
)
def test_of_what_has_parts_each_part_is_stacked(space, shape):
    vector = make_vector(around(frame_stack=2).put(functools.partial(Shows, space), "S"), "S", 1, 0)
    assert vector.single_observation_space.shape == shape
    vector.reset(seed=[0])
    vector.close()


@pytest.mark.parametrize(
    ("space", "seen"),
    [
        (spaces.Discrete(4), "4, 4"),
        (spaces.MultiDiscrete([4, 3], start=[-2, 5]), "4, 3, 4, 3"),
        (spaces.MultiBinary((1, 2)), "2, 2, 2, 2"),
        (spaces.Tuple([spaces.Discrete(3, start=2), spaces.MultiBinary(2)]), "3, 3, 2, 2, 2, 2"),
        (spaces.Dict(a=spaces.Tuple([spaces.MultiDiscrete([[2], [5]], np.int32)])), "2, 5, 2, 5"),
    ],
    ids=["Discrete", "MultiDiscrete", "MultiBinary", "Tuple", "Dict"],
)
def test_counts_stay_counts(space, seen):
    make = around(frame_stack=2).put(functools.partial(Shows, space), "S")
    vector = make_vector(make, "S", 1, 0)
    assert describe(vector.single_observation_space) == f"MultiDiscrete({seen})"
    vector.reset(seed=[0])
    vector.close()
    env = make()
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    env.close()


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"frame_stack": 0}, "frame_stack = 0 is not allowed: must be a whole number from 1 to 1,000"),
        ({"frame_skip": 2.0}, "frame_skip = 2.0 is not allowed"),
        ({"wrappers": "falling:Counts"}, "wrappers = 'falling:Counts' is not allowed: must be a list of wrappers"),
        ({"wrappers": ["ClipReward"]}, "wrapper 'ClipReward' is not allowed: must be module:Name"),
        ({"wrappers": [f"{__name__}:NOT_ONE"]}, "NOT_ONE is none: it is 3, not a class or function"),
        ({"wrappers": [f"{__name__}:missing"]}, "has no 'missing'"),
        ({"wrappers": ["no_such_module:x"]}, "module 'no_such_module' cannot be imported"),
        ({"wrappers": [no_return]}, "no_return is none: put around Blackjack-v1 it returned None, not an environment"),
        ({"wrappers": [a_class]}, "returned <class 'gymnasium.core.Env'>, no gymnasium.Env"),
        ({"wrappers": [fails]}, "cannot be put around Blackjack-v1: it raised OSError: no screen"),
        ({"wrappers": [(Doubled, {"facto": 3})]}, "it raised TypeError"),
        ({"wrappers": [(Doubled, 3)]}, "its options are 3, not words with values"),
        ({"wrappers": [lambda env: env]}, "cannot be found again by a name: put it into a module"),
        ({"frame_stack": 4, "environment": "CartPole-v1", "engine": "auto"}, "frame_stack = 4 is not allowed here: "
         "CartPole-v1 runs compiled, in one program; use engine='host', which steps it from Python"),
        ({"wrappers": [Doubled], "frame_skip": 2, "environment": "CartPole-v1", "engine": "compiled"},
         "wrappers and frame_skip = 2 are not allowed here"),
    ],
)  # fmt: skip
def test_what_cannot_be_put_around_is_one_line_and_nothing_is_created(asked, line, tmp_path):
    asked = {"engine": "host", "environment": "Blackjack-v1", **asked}
    with pytest.raises(InputError, match=re.escape(line)):
        zo.train("dqn", asked.pop("environment"), out=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()


@pytest.mark.thorough
def test_a_run_knows_what_was_around_its_environment(tmp_path):
    run = zo.train(
        small_dqn(), "falling:Counts-v0", steps=40, out=tmp_path / "run", figure=False, evaluation_episodes=3,
        wrappers=[(Doubled, {"factor": 10})], frame_stack=3,
    )  # fmt: skip
    kept = json.loads((run.path / "config.json").read_text())["environment"]["around"]
    wrapper = {"name": f"{__name__}:Doubled", "options": {"factor": 10}}
    assert kept == {"frame_skip": 1, "wrappers": [wrapper], "frame_stack": 3}
    again = load(run.path)
    found = again.evaluate(5)
    assert found["returns"] == run.evaluate(5)["returns"]
    assert min(found["returns"]) >= 20  # 10 per step
    assert again.agent().act(np.zeros((3, 1), np.float32)) in (0, 1)
    with pytest.raises(InputError, match=r"must be \(3, 1\)"):
        again.agent().act(np.zeros(1, np.float32))
    assert zo.resume(run.path).result["steps"] == 40
    assert again.export(tmp_path / "policy.npz", checkpoint="last")["observations"] > 0


def test_a_wrapper_that_stands_in_a_file_imports_nothing_unasked():
    saved = {"frame_skip": 1, "wrappers": [{"name": ForeignId("ballast:Wrapper"), "options": {}}], "frame_stack": 1}
    with pytest.raises(InputError, match=r"wrapper 'ballast:Wrapper' is named in a file .* import ballast first"):
        Around.read(saved)
