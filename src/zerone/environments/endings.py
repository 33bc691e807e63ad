"""The reason why an episode ended, where it is known: success, or the kind of failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from zerone.base.language import translatable
from zerone.environments.catalogue import find

Why = Callable[[Any, float], str]
"""A function from the last observation and reward to the reason in a few words; empty if they do not show it."""
SUCCESS = ("is_success", "success")
"""The keys of `info` under which environments report success."""


def _by_reward(good: str, bad: str, neither: str | None = None) -> Why:
    """Choose the reason by the sign of the last reward; a reward of 0 means `neither` if that is given, else `bad`."""

    def why(observation: Any, reward: float) -> str:
        del observation
        return good if reward > 0 else neither if reward == 0 and neither is not None else bad

    return why


def _always(said: str) -> Why:
    return _by_reward(said, said)


def _pole(observation: Any, reward: float) -> str:
    del reward
    position, _, angle, _ = np.asarray(observation, np.float64)
    if abs(position) > 2.4:
        return translatable("off the track")
    return translatable("the pole has fallen") if abs(angle) > 0.2 else ""


_GRID = _by_reward(translatable("goal reached"), translatable("in hell"))
_KNOWN: Mapping[str, Why] = {
    "zerone/Treasure-v0": _always(translatable("treasure found")),
    "zerone/Maze-v0": _GRID,
    "zerone/MazeFeatures-v0": _GRID,
    "zerone/MazePixels-v0": _GRID,
    "zerone/DynaMaze-v0": _GRID,
    "zerone/BlockingMaze-v0": _GRID,
    "zerone/ShortcutMaze-v0": _GRID,
    "zerone/Cliff-v0": _always(translatable("goal reached")),
    "CliffWalking-v1": _always(translatable("goal reached")),
    "FrozenLake-v1": _by_reward(translatable("goal reached"), translatable("in a hole")),
    "FrozenLake8x8-v1": _by_reward(translatable("goal reached"), translatable("in a hole")),
    "Taxi-v4": _always(translatable("passenger delivered")),
    "zerone/Arm-v0": _always(translatable("goal held")),
    "zerone/ArmHard-v0": _always(translatable("goal held")),
    "CartPole-v1": _pole,
    "CartPole-v0": _pole,
    "zerone/CartPoleShaped-v0": _pole,
    "MountainCar-v0": _always(translatable("goal reached")),
    "MountainCarContinuous-v0": _always(translatable("goal reached")),
    "zerone/MountainCarShaped-v0": _always(translatable("goal reached")),
    "zerone/MountainCarSparse-v0": _always(translatable("goal reached")),
    "Acrobot-v1": _always(translatable("goal reached")),
    "LunarLander-v3": _by_reward(translatable("landed"), translatable("crashed or flown away")),
    "LunarLanderContinuous-v3": _by_reward(translatable("landed"), translatable("crashed or flown away")),
    "Blackjack-v1": _by_reward(translatable("won"), translatable("lost"), translatable("drawn")),
}


def ending(id: str, options: Mapping[str, Any]) -> Callable[[Any, float, Mapping[str, Any]], str]:  # noqa: A002
    """A function from an episode's last observation, reward and info to the reason why it ended.

    Rewards are not used as evidence if options change them.
    """
    entry = find(id)
    why = _KNOWN.get(id if entry is None else entry.id)
    changed = any("reward" in name and name != "reward" for name in options)

    def describe(observation: Any, reward: float, info: Mapping[str, Any]) -> str:
        for name in SUCCESS:
            if isinstance(info.get(name), (bool, np.bool_)):
                return translatable("success") if info[name] else translatable("failed")
        return "" if why is None or changed else why(observation, reward)

    return describe
