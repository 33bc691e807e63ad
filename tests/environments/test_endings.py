"""The reason for the end of an episode is reported correctly by tasks that know it."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from zerone.environments import catalogue
from zerone.environments.endings import ending
from zerone.player.episode import episodes, open_environment


def last(identity, act, options={}, seed=0, engine="auto"):  # noqa: B006 - it is only read
    """The reported reason for the end of an episode."""
    environment = open_environment(identity, options, engine, None, seed)
    try:
        *_, moment = episodes(environment, act, number=1, seed=seed, why=ending(identity, options))
    finally:
        environment.close()
    return moment


UP, DOWN, LEFT, RIGHT = range(4)
WAY = {0: DOWN, 4: DOWN, 8: DOWN, 12: RIGHT, 13: RIGHT, 14: UP}


@pytest.mark.parametrize(
    ("identity", "act", "said"),
    [
        ("zerone/Treasure-v0", lambda _: 1, "treasure found"),
        ("zerone/Treasure-v0", lambda _: 0, "time is up"),
        ("zerone/Maze-v0", lambda cell: WAY[int(cell)], "goal reached"),
        ("zerone/Maze-v0", lambda cell: {0: DOWN, 4: RIGHT, 5: RIGHT}[int(cell)], "in hell"),
        ("zerone/Cliff-v0", lambda cell: 0 if cell == 36 else 2 if int(cell) % 12 == 11 else 1, "goal reached"),
        ("CartPole-v1", lambda _: 0, "the pole has fallen"),
        ("CartPole-v1", lambda seen: int(seen[2] + 0.5 * seen[3] > 0), "time is up"),
        ("MountainCar-v0", lambda seen: 2 if seen[1] >= 0 else 0, "goal reached"),
        ("MountainCar-v0", lambda _: 1, "time is up"),
        ("Pendulum-v1", lambda _: np.zeros(1, np.float32), "time is up"),
    ],
)
@pytest.mark.parametrize("engine", ["auto", "host"])
def test_what_is_said(identity, act, said, engine):
    assert last(identity, act, engine=engine).ended == said


def test_a_lake_has_a_goal_and_holes():
    calm = {"is_slippery": False}
    way = {0: 1, 4: 1, 8: 2, 9: 1, 13: 2, 14: 2}
    assert last("FrozenLake-v1", lambda cell: way[int(cell)], calm).ended == "goal reached"
    assert last("FrozenLake-v1", lambda cell: 2 if cell == 4 else 1, calm).ended == "in a hole"
    paid = {**calm, "reward_schedule": (0.0, 1.0, 0.0)}  # then the reward does not show the reason
    assert last("FrozenLake-v1", lambda cell: way[int(cell)], paid).ended == "ended"


def test_a_cart_that_leaves_the_track_has_not_let_the_pole_fall():
    why = ending("CartPole-v1", {})
    assert why(np.array([2.5, 0.0, 0.0, 0.0]), 1.0, {}) == "off the track"
    assert why(np.array([0.0, 0.0, 0.3, 0.0]), 1.0, {}) == "the pole has fallen"


def test_an_environment_that_says_so_itself_is_believed_and_of_others_nothing_is_said():
    for name in ("is_success", "success"):
        assert ending("Somebody/Else-v0", {})(None, 0.0, {name: True}) == "success"
        assert ending("Somebody/Else-v0", {})(None, 0.0, {name: np.False_}) == "failed"
    assert ending("Somebody/Else-v0", {})(None, 0.0, {"success": 0.3}) == ""
    assert ending("Acrobot-v1", {})(None, 0.0, {}) == "goal reached"


def test_every_environment_of_ours_that_can_end_says_why():
    for entry in catalogue.entries():
        why = ending(entry.id, {})
        endless = entry.id.startswith(("Pendulum", "zerone/Pendulum"))
        assert bool(why(np.full(4, 3.0), 1.0, {})) is not endless, entry.id
    for identity in ("LunarLander-v3", "Acrobot-v1", "Blackjack-v1", "MountainCarContinuous-v0"):
        assert identity in gymnasium.registry


def test_a_return_has_the_decimals_that_its_rewards_need_and_keeps_them():
    environment = open_environment("Pendulum-v1", {}, "auto", None, 0)
    moments = episodes(environment, lambda _: np.ones(1, np.float32), number=1, seed=1)
    shown = [moment.describe() for moment in moments]
    digits = {len(text.split("return ")[1].split()[0].partition(".")[2]) for text in shown[1:]}
    assert digits == {1}
    assert shown[0].endswith("return 0")
    assert "return 1  (" in last("zerone/Treasure-v0", lambda _: 1).describe()
