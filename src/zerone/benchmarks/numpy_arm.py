"""The arm in plain NumPy, one at a time: a reference for the speed and the results of `zerone/Arm-v0`.

It is an independent implementation in float64.
"""

from __future__ import annotations

import numpy as np

LINK, MIDDLE, ZONE, HOLD, TIME_STEP = 100.0, np.array([200.0, 200.0]), 15.0, 50, 0.1


class NumpyArm:
    """The arm with its shaped reward and a time limit of 300 steps."""

    def __init__(self, mode: str = "easy", limit: int = 300, seed: int = 0) -> None:
        self.mode, self.limit = mode, limit
        self.random = np.random.default_rng(seed)
        self.angles, self.goal = np.zeros(2), np.array([250.0, 303.0])
        self.count = self.steps = 0

    def reset(self) -> np.ndarray:
        """Draw a pose, and in mode `hard` a goal; return the observation, float64 [7]."""
        self.angles = self.random.uniform(0, 2 * np.pi, 2)
        if self.mode == "hard":
            self.goal = self.random.uniform(100, 300, 2)
        self.count = self.steps = 0
        elbow, finger = self.joints()
        return self.observation(elbow, finger, float(np.linalg.norm(finger - self.goal)))

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool]:
        """One step: observation, reward, terminated, truncated."""
        self.angles = (self.angles + np.clip(action, -1, 1) * TIME_STEP) % (2 * np.pi)
        elbow, finger = self.joints()
        distance = float(np.linalg.norm(finger - self.goal))
        reward = -distance / 200
        if distance < ZONE:
            self.count += 1
            reward += 1
        else:
            self.count = 0
        terminated = self.count > HOLD
        if terminated:
            reward += 10
        self.steps += 1
        return self.observation(elbow, finger, distance), reward, terminated, self.steps >= self.limit

    def joints(self) -> tuple[np.ndarray, np.ndarray]:
        """The positions (x, y) of elbow and finger."""
        first, second = self.angles
        elbow = MIDDLE + LINK * np.array([np.cos(first), np.sin(first)])
        return elbow, elbow + LINK * np.array([np.cos(second), np.sin(second)])

    def observation(self, elbow: np.ndarray, finger: np.ndarray, distance: float) -> np.ndarray:
        """The observation, float64 [7]: whether in the zone; elbow, finger and middle relative to the goal."""
        seen = np.hstack([elbow - self.goal, finger - self.goal, MIDDLE - self.goal]) / 200
        return np.hstack([float(distance < ZONE), seen])
