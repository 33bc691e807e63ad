"""Environments that crash their process or hang, for tests of worker processes. Imported there without JAX."""

import os
import signal
import time
from pathlib import Path

import gymnasium
import numpy as np
from gymnasium import spaces

WAYS = {
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exits": lambda: os._exit(7),
    "sys.exit": lambda: (_ for _ in ()).throw(SystemExit(3)),
    "hangs": lambda: time.sleep(1_000),
    "fails": lambda: [].pop(),
}


class Counts(gymnasium.Env):
    """The observation is 100 × the number of the episode + the number of steps in it. Each step has a reward of 1.

    An episode ends after 2 to 6 steps (random), or is truncated after 5. At step number `at` since its creation, the
    environment fails as `how` says, one of `WAYS`. If `mark` is a path, it fails only if that file does not exist yet,
    and creates it: so it fails only once.
    """

    observation_space = spaces.Box(0, np.inf, (1,))
    action_space = spaces.Discrete(2)

    def __init__(self, how="", at=0, mark=None):
        self.how, self.at, self.mark = how, at, None if mark is None else Path(mark)
        self.episode, self.played = 0, 0

    def reset(self, *, seed=None, options=None):
        del options
        super().reset(seed=seed)
        self.episode, self.time = self.episode + 1 if seed is None else 1, 0
        self.length = int(self.np_random.integers(2, 7))
        return self._seen(), {}

    def step(self, action):
        del action
        self.played, self.time = self.played + 1, self.time + 1
        if self.how and self.played == self.at and self._is_first():
            WAYS[self.how]()
        return self._seen(), 1.0, self.time >= self.length, self.time >= 5, {}

    def _is_first(self):
        try:
            return self.mark is None or self.mark.touch(exist_ok=False) is None
        except FileExistsError:
            return False

    def _seen(self):
        return np.array([100 * self.episode + self.time], np.float32)


class Draws(gymnasium.Env):
    """Random observations; the reward is the sum of the action, and both end flags are random."""

    observation_space = spaces.Box(0, 1, (2, 3))
    action_space = spaces.Box(-2, 2, (2,))

    def reset(self, *, seed=None, options=None):
        del options
        super().reset(seed=seed)
        return self._seen(), {}

    def step(self, action):
        ends = self.np_random.random(2) < 0.2
        return self._seen(), float(action.sum()), bool(ends[0]), bool(ends[1]), {}

    def _seen(self):
        return self.np_random.random((2, 3)).astype(np.float32)


gymnasium.register("Counts-v0", "falling:Counts")


class FailsToClose(Counts):
    """Its `close` does what `how` says, one of `WAYS`."""

    def __init__(self, how):
        super().__init__()
        self.at_the_end = how

    def close(self):
        WAYS[self.at_the_end]()
