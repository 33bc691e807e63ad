"""Atari games: the usual preprocessing, and a one-line refusal if a package is missing."""

from __future__ import annotations

import sys

import gymnasium
import numpy as np
import pytest

import zerone as zo
from zerone.base.errors import InputError
from zerone.environments.gym.makers import maker
from zerone.training.checkpoint import load

PONG = "ALE/Pong-v5"


@pytest.fixture
def _games():
    pytest.importorskip("ale_py", reason="the games come with zerone[atari]")
    pytest.importorskip("cv2", reason="the preprocessing needs it")


@pytest.mark.usefixtures("_games")
def test_a_game_is_four_grey_pictures_of_every_fourth_frame():
    environment = maker(PONG, {"repeat_action_probability": 0.0})()
    space = environment.observation_space
    assert (space.shape, space.dtype) == ((4, 84, 84), np.uint8)
    assert environment.action_space == gymnasium.spaces.Discrete(6)
    first, _ = environment.reset(seed=0)
    game = environment.unwrapped
    frames = game.ale.getEpisodeFrameNumber()
    second, *_ = environment.step(0)
    assert game.ale.getEpisodeFrameNumber() == frames + 4
    assert np.array_equal(second[:3], first[1:])
    again, _ = environment.reset(seed=0)
    assert np.array_equal(first, again)
    environment.close()


@pytest.mark.usefixtures("_games")
@pytest.mark.parametrize("option", [{"frameskip": 2}, {"obs_type": "ram"}])
def test_what_the_preprocessing_decides_is_refused(option):
    with pytest.raises(InputError, match="must be left to the preprocessing"):
        maker(PONG, option)()


@pytest.mark.thorough
@pytest.mark.usefixtures("_games")
def test_dqn_plays_a_game(tmp_path):
    """Its memory stores bytes, and its network has convolutions."""
    dqn = zo.DQN(memory=64, warmup=32, batch=4, hidden=(16,), steps_per_update=16)
    run = zo.train(dqn, PONG, steps=64, out=tmp_path / "run", evaluate_every=64, evaluation_episodes=1, figure=False)
    checkpoint = max((tmp_path / "run" / "checkpoints").glob("step-*"))
    arrays, _ = load(checkpoint)
    remembered = [array for name, array in arrays.items() if "memory" in name and array.ndim == 4]
    assert [(array.shape, array.dtype) for array in remembered] == [((64, 4, 84, 84), np.uint8)] * 2
    assert run.result is not None
    assert -21 <= run.result["return_mean"] <= 21


@pytest.mark.parametrize("missing", ["ale_py", "cv2"])
def test_what_is_not_installed_is_named(monkeypatch, missing):
    for name in ("ale_py", "cv2"):
        monkeypatch.setitem(sys.modules, name, None if name == missing else type(sys)(name))
    with pytest.raises(InputError, match=rf'needs {missing}.*pip install "zerone\[atari\]"'):
        maker(PONG, {})
