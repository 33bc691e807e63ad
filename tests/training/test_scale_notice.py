"""Notices about very different scales of observations and about wrappers that normalise: once, and no others."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces as gym_spaces
from toys import small_ppo

from zerone.base.notices import Notices
from zerone.environments.gym.vector import make_vector
from zerone.environments.spaces import Spaces
from zerone.training.scale_notice import ScaleNotice, as_they_are

TWO = gym_spaces.Discrete(2)
WIDE = gym_spaces.Box(-np.inf, np.inf, (3,))


def _said(caplog, how, space, rows):
    notice = ScaleNotice(100)
    for part in np.split(rows, 8) if as_they_are(small_ppo(normalize_observations=how), Spaces(space, TWO)) else ():
        notice(part)
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("how", "space", "scales", "lines"),
    [
        ("off", WIDE, (1, 1e4, 1e-3), 1),
        ("auto", WIDE, (1, 1e4, 1e-3), 0),
        ("off", WIDE, (1, 50, 1), 0),
        ("off", WIDE, (1, 50, 0), 0),  # a constant has no scale
        ("off", gym_spaces.MultiDiscrete([500, 500, 2]), (1, 1e4, 1e-3), 0),
    ],
)
def test_scales_a_hundredfold_apart_are_said_where_nothing_is_done_about_them(caplog, how, space, scales, lines):
    rows = np.random.default_rng(0).normal(size=(400, 3)) * scales + 5
    said = _said(caplog, how, space, rows)
    assert len(said) == lines
    if lines:
        assert "number 1 varies by 1e+04, number 2 by 0.0009" in said[0]
        assert "normalize_observations='auto'" in said[0]


@pytest.mark.parametrize(
    ("wrappers", "named"),
    [
        ([], []),
        ([gymnasium.wrappers.NormalizeObservation], ["normalize_observations='on'"]),
        ([gymnasium.wrappers.NormalizeReward, gymnasium.wrappers.TimeAwareObservation], ["normalize_rewards=True"]),
    ],
)
def test_a_wrapper_that_normalises_is_named_with_what_to_use_instead(wrappers, named):
    def make():
        env = gymnasium.make("CartPole-v1")
        for each in wrappers:
            env = each(env)
        return env

    lines: list[str] = []
    make_vector(make, "mine", 2, 0, notices=Notices(lines.append)).close()
    assert len(lines) == len(named)
    for line, words in zip(lines, named, strict=True):
        assert wrappers[0].__name__ in line
        assert words in line
