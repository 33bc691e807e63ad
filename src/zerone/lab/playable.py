"""The environments that a user can play on the page."""

from __future__ import annotations

PLAYABLE = {
    "zerone/Treasure-v0": ("q-learning", 5.0), "zerone/Maze-v0": ("q-learning", 5.0),
    "zerone/Cliff-v0": ("q-learning", 10.0), "CartPole-v1": ("dqn", 10.0), "MountainCar-v0": ("dqn", 30.0),
    "Pendulum-v1": ("ddpg", 30.0), "zerone/Arm-v0": ("ddpg", 30.0),
}  # fmt: skip
"""The environments, each with the algorithm that learns beside, and a speed in steps per second for human players."""
