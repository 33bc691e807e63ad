"""An environment whose steps take 5 ms, like a simulator's: `zerone train a3c slow:Slow-v0 --engine cluster`.

Each worker waits for its own environments, and all workers do so at the same time: see docs/cluster.md.
"""

import time

import gymnasium
import numpy as np

STEP_SECONDS = 0.005


class Slow(gymnasium.Env):
    """Hold a number at 0: the action and random noise push it."""

    observation_space = gymnasium.spaces.Box(-10.0, 10.0, (1,), np.float32)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        """Begin anywhere in [-1, 1]."""
        super().reset(seed=seed, options=options)
        self.place = self.np_random.uniform(-1.0, 1.0, 1).astype(np.float32)
        return self.place, {}

    def step(self, action):
        """Move, slowly."""
        time.sleep(STEP_SECONDS)
        push = 0.3 * np.clip(action, -1.0, 1.0) + self.np_random.normal(0.0, 0.05, 1)
        self.place = np.clip(self.place + push, -10.0, 10.0).astype(np.float32)
        return self.place, -abs(float(self.place[0])), False, False, {}


gymnasium.register("Slow-v0", Slow, max_episode_steps=50)
