"""Environments with faults for `zerone check` to find, each registered under its name: `worlds:Bounds-v0`."""

import random

import gymnasium
import numpy as np
from gymnasium import spaces


class Sound(gymnasium.Env):
    """A sound environment: the observation is a bit, and repeating it has a reward of 1; episodes of ten steps."""

    observation_space = spaces.Box(-1, 1, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, size: float = 1.0, **_):
        self.size, self.steps = size, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        self.steps, self.bit = 0, int(self.np_random.integers(2))
        return self.show(), {}

    def step(self, action):
        reward = self.pay(action)
        self.steps, self.bit = self.steps + 1, int(self.np_random.integers(2))
        return self.show(), reward, self.over(), False, {}

    def show(self):
        return np.array([self.size * self.bit], np.float32)

    def pay(self, action):
        return float(action == self.bit)

    def over(self):
        return self.steps >= 10


class Bounds(Sound):
    """Observations leave the bounds of their space."""

    def show(self):
        return np.array([3.0 * self.bit], np.float32)


class Chance(Sound):
    """Uses random numbers other than those of its own generator."""

    def show(self):
        return np.array([random.SystemRandom().random()], np.float32)


class Remembers(Sound):
    """Depends on earlier episodes even after it is seeded again."""

    age = 0

    def show(self):
        self.age += 1
        return np.array([min(self.age / 1e4, 1.0)], np.float32)


class NoReward(Sound):
    """The reward is missing."""

    def pay(self, action):
        del action


class Halves(Sound):
    """Fractions in a box of bytes."""

    observation_space = spaces.Box(0, 255, (1,), np.uint8)

    def show(self):
        return np.array([0.5])


class Clock(Sound):
    """The time since 1970 as an observation."""

    observation_space = spaces.Box(0, 1e10, (1,), np.float64)

    def show(self):
        return np.array([1.7e9 + 60.0 * self.bit])


class Symbols(Sound):
    """Symbols in an array that looks like a picture."""

    observation_space = spaces.Box(0, 255, (16, 16, 3), np.uint8)

    def show(self):
        return np.full((16, 16, 3), 2 + self.bit, np.uint8)


class Large(Sound):
    """Numbers that are large for networks, with another dtype than that of the space."""

    observation_space = spaces.Box(-1e6, 1e6, (1,), np.float32)

    def show(self):
        return np.array([5000.0 * self.bit])


class Endless(Sound):
    """Never ends; all rewards are 0."""

    def over(self):
        return False

    def pay(self, action):
        del action
        return 0.0


class Mirror(Sound):
    """The corridor with switched actions (Sutton & Barto 2018, example 13.1): no constant action reaches the goal."""

    def reset(self, *, seed=None, options=None):
        self.cell = 0
        return super().reset(seed=seed, options=options)

    def show(self):
        return np.ones(1, np.float32)

    def pay(self, action):
        way = 1 if action == 1 else -1
        self.cell = max(0, self.cell - way if self.cell == 1 else self.cell + way)
        return -1.0

    def over(self):
        return self.cell == 3


class Mission(spaces.Space):
    """A space of texts that Gymnasium cannot flatten."""

    def __init__(self):
        super().__init__(dtype=str)

    def sample(self, **_):
        return "go"

    def contains(self, x):
        return isinstance(x, str)


class Missions(Sound):
    """Observations as in MiniGrid: a picture of symbols, a direction, and a mission in words."""

    observation_space = spaces.Dict(
        image=spaces.Box(0, 255, (7, 7, 3), np.uint8), direction=spaces.Discrete(4), mission=Mission()
    )

    def show(self):
        return {"image": np.full((7, 7, 3), self.bit, np.uint8), "direction": 3, "mission": "go"}


class OnlyMissions(Sound):
    """Observations that consist of words only."""

    observation_space = Mission()

    def show(self):
        return "go"


class Prints(Sound):
    """Prints."""

    def show(self):
        print("Traceback (most recent call last)")
        return super().show()


for each in list(globals().values()):
    if isinstance(each, type) and issubclass(each, gymnasium.Env) and each is not gymnasium.Env:
        gymnasium.register(f"{each.__name__}-v0", each, disable_env_checker=True)  # else the checker would report first
gymnasium.register("Limited-v0", Endless, max_episode_steps=30, reward_threshold=7.5, kwargs={"size": 0.5})
