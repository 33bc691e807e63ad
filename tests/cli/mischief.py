"""An environment that behaves until step 7, and then does what it is told to."""

import gymnasium
import numpy as np


class Mischief(gymnasium.Env):
    """Two numbers that never change, episodes of five steps."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, fault: str = "none"):
        self.fault, self.steps = fault, 0

    def reset(self, *, seed=None, options=None):
        """The observation never depends on anything."""
        del seed, options
        return np.zeros(2, np.float32), {}

    def step(self, action):
        """One step, the seventh with the fault."""
        del action
        self.steps += 1
        values = [np.zeros(2, np.float32), 1.0, self.steps % 5 == 0, False, {}]
        if self.steps == 7:
            if self.fault == "raise":
                raise ValueError("it broke\nin two lines")
            if self.fault == "interrupt":
                raise KeyboardInterrupt
            if self.fault == "four":
                return tuple(values[:4])
            place, value = {
                "nan": (1, float("nan")),
                "infinite": (1, float("inf")),
                "none": (0, values[0]),
                "no-reward": (1, None),
                "shape": (0, np.zeros(3, np.float32)),
                "nan-observation": (0, np.full(2, np.nan, np.float32)),
                "no-observation": (0, None),
            }[self.fault]
            values[place] = value
        return tuple(values)


gymnasium.register("Mischief-v0", Mischief)
