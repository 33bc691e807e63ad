"""An environment that works until step 7, and then has the fault that its `fault` names."""

import gymnasium
import numpy as np


class Mischief(gymnasium.Env):
    """A constant observation of two numbers; episodes of five steps."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, fault: str = "none"):
        self.fault, self.steps = fault, 0

    def reset(self, *, seed=None, options=None):
        """The observation is always the same."""
        del seed, options
        return np.zeros(2, np.float32), {}

    def step(self, action):
        """One step; the seventh has the fault."""
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


class Filmed(Mischief):
    """An environment without faults except in `render`."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}  # noqa: RUF012 - Gymnasium's

    def __init__(self, render_mode: str | None = None, fault: str = "none"):
        super().__init__()
        self.metadata = {**self.metadata, "render_fps": {"speed": 0, "fast": 100}.get(fault, 30)}
        self.render_mode, self.film_fault = render_mode, fault

    def render(self):
        if self.steps > 3 and self.film_fault == "raise":
            raise ValueError("no\npaint")
        if self.steps > 3 and self.film_fault == "none-at-all":
            return None
        height = 32 + self.steps if self.film_fault == "size" else 32
        return np.full((height, 32), 0.5)


gymnasium.register("Filmed-v0", Filmed)
