"""Environments with something to find in them, each registered under its name: `worlds:Bounds-v0`."""

import random

import gymnasium
import numpy as np
from gymnasium import spaces


class Sound(gymnasium.Env):
    """A bit is shown; episodes of ten steps, repeating it pays 1."""

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
    """Leaves its bounds."""

    def show(self):
        return np.array([3.0 * self.bit], np.float32)


class Chance(Sound):
    """Takes its chance from elsewhere."""

    def show(self):
        return np.array([random.SystemRandom().random()], np.float32)


class Remembers(Sound):
    """Does not forget its first episodes when it is seeded again."""

    age = 0

    def show(self):
        self.age += 1
        return np.array([min(self.age / 1e4, 1.0)], np.float32)


class NoReward(Sound):
    """Says nothing of the reward."""

    def pay(self, action):
        del action


class Halves(Sound):
    """Halves in a box of bytes."""

    observation_space = spaces.Box(0, 255, (1,), np.uint8)

    def show(self):
        return np.array([0.5])


class Clock(Sound):
    """Minutes since 1970, in seconds."""

    observation_space = spaces.Box(0, 1e10, (1,), np.float64)

    def show(self):
        return np.array([1.7e9 + 60.0 * self.bit])


class Symbols(Sound):
    """Symbols that could be a picture."""

    observation_space = spaces.Box(0, 255, (16, 16, 3), np.uint8)

    def show(self):
        return np.full((16, 16, 3), 2 + self.bit, np.uint8)


class Large(Sound):
    """Numbers of a size that networks do not like, of another type than was said."""

    observation_space = spaces.Box(-1e6, 1e6, (1,), np.float32)

    def show(self):
        return np.array([5000.0 * self.bit])


class Endless(Sound):
    """Never ends, and pays nothing."""

    def over(self):
        return False

    def pay(self, action):
        del action
        return 0.0


class Mirror(Sound):
    """The corridor with switched actions (Sutton & Barto 2018, example 13.1): always the same leads nowhere."""

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
    """A text of somebody else's, which Gymnasium cannot flatten."""

    def __init__(self):
        super().__init__(dtype=str)

    def sample(self, **_):
        return "go"

    def contains(self, x):
        return isinstance(x, str)


class Missions(Sound):
    """As MiniGrid has it: a picture of symbols, a direction, and a mission in words."""

    observation_space = spaces.Dict(
        image=spaces.Box(0, 255, (7, 7, 3), np.uint8), direction=spaces.Discrete(4), mission=Mission()
    )

    def show(self):
        return {"image": np.full((7, 7, 3), self.bit, np.uint8), "direction": 3, "mission": "go"}


class OnlyMissions(Sound):
    """Nothing but words."""

    observation_space = Mission()

    def show(self):
        return "go"


class Prints(Sound):
    """Talks."""

    def show(self):
        print("Traceback (most recent call last)")
        return super().show()


for each in list(globals().values()):
    if isinstance(each, type) and issubclass(each, gymnasium.Env) and each is not gymnasium.Env:
        gymnasium.register(f"{each.__name__}-v0", each, disable_env_checker=True)  # else it would be heard first
gymnasium.register("Limited-v0", Endless, max_episode_steps=30, reward_threshold=7.5, kwargs={"size": 0.5})
