"""Our environments with Gymnasium's interface, tested with Gymnasium's own checker."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from zerone.base.errors import InputError
from zerone.environments import catalogue
from zerone.environments.drawing import RENDER_MODES
from zerone.environments.gym.bridge import GymnasiumEnvironment

IDS = [entry.registered_id for entry in catalogue.entries()]


@pytest.fixture(autouse=True)
def _unseen_window(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")


# The checker also warns about the spaces of Gymnasium's own CartPole and Pendulum.
@pytest.mark.thorough(after=2)
@pytest.mark.filterwarnings("ignore:.*A Box observation space m.*imum value is:UserWarning")
@pytest.mark.filterwarnings("ignore:.*we recommend using a symmetric and normalized space:UserWarning")
@pytest.mark.parametrize("name", IDS)
def test_gymnasiums_checker_is_content(name):
    """The checker also renders in each of the three modes."""
    environment = gymnasium.make(name).unwrapped
    assert environment.metadata["render_modes"] == list(RENDER_MODES)
    check_env(environment)


@pytest.mark.thorough(after=10)
@pytest.mark.parametrize("name", IDS)
def test_kinds_of_what_comes_back(name):
    environment = gymnasium.make(name)
    observation, info = environment.reset(seed=3)
    assert set(info) == ({"action_mask"} if name.endswith("Taxi-v4") else set())
    for _ in range(3):
        following, reward, terminated, truncated, _ = environment.step(environment.action_space.sample())
        assert type(reward) is float
        assert type(terminated) is type(truncated) is bool
        for each in (observation, following):
            assert environment.observation_space.contains(each)
        if isinstance(environment.observation_space, gymnasium.spaces.Discrete):
            assert type(following) is int
        else:
            assert following.dtype == environment.observation_space.dtype
            assert following.flags.writeable
            assert not np.shares_memory(observation, following)
        observation = following


def test_seeds_follow_gymnasiums_rules():
    first, second = GymnasiumEnvironment("CartPole-v1"), GymnasiumEnvironment("CartPole-v1")
    one = [first.reset(seed=7)[0], first.reset()[0], first.reset()[0]]
    two = [second.reset(seed=7)[0], second.reset()[0], second.reset()[0]]
    np.testing.assert_array_equal(one, two)
    assert len(np.unique(np.array(one)[:, 0])) == 3
    assert not np.array_equal(first.reset(seed=8)[0], one[0])


def test_episodes_are_cut_by_gymnasiums_limit():
    environment = gymnasium.make("zerone/Treasure-v0")
    environment.reset(seed=0)
    for step in range(1, 101):
        _, _, terminated, truncated, _ = environment.step(0)
        assert (terminated, truncated) == (False, step == 100)
    assert gymnasium.make("zerone/Treasure-v0", max_episode_steps=3).spec.max_episode_steps == 3


def test_an_environment_with_a_clock_truncates_by_itself():
    environment = GymnasiumEnvironment(catalogue.make("zerone/Treasure-v0", limit=2))
    environment.reset(seed=0)
    assert environment.step(0)[2:4] == (False, False)
    assert environment.step(0)[2:4] == (False, True)


def test_options_reach_the_environment():
    assert gymnasium.make("zerone/Maze-v0", observe="features").observation_space.shape == (2,)
    torques = gymnasium.make("zerone/Pendulum-v1", torques=11, reward="tenth", render_mode="rgb_array")
    torques.reset(seed=0)
    _, reward, _, _, info = torques.step(np.int64(10))
    assert reward == pytest.approx(info["reward"] / 10)
    assert torques.render().shape == (500, 500, 3)


def test_many_at_once():
    environments = gymnasium.make_vec("zerone/CartPole-v1", num_envs=3, vectorization_mode="sync")
    observations, _ = environments.reset(seed=0)
    assert observations.shape == (3, 4)
    assert len(np.unique(observations[:, 0])) == 3
    assert environments.step(np.array([0, 1, 0]))[1].tolist() == [1.0, 1.0, 1.0]
    environments.close()


def test_misuse_gets_one_clear_line():
    environment = GymnasiumEnvironment("zerone/Maze-v0")
    with pytest.raises(gymnasium.error.ResetNeeded):
        environment.step(0)
    with pytest.raises(gymnasium.error.ResetNeeded):
        environment.render()
    environment.reset(seed=0)
    for action in (4, -1, 1.5):
        with pytest.raises(InputError, match="from 0 to 3"):
            environment.step(action)
    with pytest.raises(InputError, match="no options"):
        environment.reset(options={"low": 0})
    with pytest.raises(InputError, match="human, rgb_array, ansi"):
        GymnasiumEnvironment("zerone/Maze-v0", render_mode="rgb")
    with pytest.raises(InputError, match="max_episode_steps"):
        GymnasiumEnvironment("zerone/Maze-v0", limit=3)
    with pytest.raises(InputError, match="observe"):
        GymnasiumEnvironment(catalogue.make("zerone/Maze-v0"), observe="index")
    pendulum = GymnasiumEnvironment("Pendulum-v1")
    pendulum.reset(seed=0)
    with pytest.raises(InputError, match="shape"):
        pendulum.step(1.0)


def test_a_window_follows_the_steps():
    environment = gymnasium.make("zerone/Treasure-v0", render_mode="human")
    environment.unwrapped.metadata["render_fps"] = 1000
    environment.reset(seed=0)
    environment.step(1)
    assert environment.render() is None
    environment.close()
    environment.close()
