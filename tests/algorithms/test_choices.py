"""MultiDiscrete actions: the policies that learn them, and what is refused."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from toys import small_a3c, small_actor_critic, small_dppo, small_ppo, small_reinforce

import zerone as zo
from zerone.algorithms.dqn import DQN
from zerone.base.errors import InputError

SEVERAL = {
    "counted from one": spaces.MultiDiscrete([3, 2], start=[1, 0]),
    "a table of them": spaces.MultiDiscrete([[3, 2], [2, 3]]),
    "bits": spaces.MultiBinary(3),
    "a table of bits": spaces.MultiBinary((2, 2)),
}


class Switches(gymnasium.Env):
    """A lamp is on or off, and decides which value of each choice is right. The reward is 1 if all are right."""

    observation_space = spaces.Box(0.0, 1.0, (1,), np.float32)

    def __init__(self, action_space):
        self.action_space = action_space
        self.low = getattr(action_space, "start", 0)
        self.high = self.low + (getattr(action_space, "nvec", 2) - 1)

    def _lamp(self):
        self.lit = bool(self.np_random.integers(2))
        return np.array([self.lit], np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        self.steps = 0
        return self._lamp(), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self.steps += 1
        right = np.array_equal(action, np.broadcast_to(self.high if self.lit else self.low, action.shape))
        return self._lamp(), float(right), self.steps == 4, False, {}


FAST = {"learning_rate": 0.02, "discount": 0.0, "hidden": (16,)}


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("space", SEVERAL.values(), ids=SEVERAL)
def test_ppo_learns_every_choice_of_every_kind_of_space(space, tmp_path):
    agent = small_ppo(environments=8, steps_per_update=16, epochs=4, minibatches=4, **FAST)
    _learns(agent, space, 6_000, tmp_path)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(
    "agent",
    [
        small_ppo(objective="kl", environments=8, steps_per_update=16, epochs=4, minibatches=4, **FAST),
        small_actor_critic(environments=8, steps_per_update=8, critic_learning_rate=0.02, **FAST),
        small_a3c(workers=2, environments=8, steps_per_update=8, critic_learning_rate=0.02, **FAST),
        small_dppo(workers=2, environments=4, steps_per_update=16, epochs=4, minibatches=4, **FAST),
        small_reinforce(environments=8, longest_episode=4, **{**FAST, "learning_rate": 0.01}),
    ],
    ids=lambda agent: agent.name,
)
def test_so_does_every_algorithm_with_a_policy(agent, tmp_path):
    _learns(agent, SEVERAL["counted from one"], 6_000, tmp_path)


def _learns(agent, space, steps, path):
    run = zo.train(agent, lambda: Switches(space), steps=steps, out=path / "run", figure=False, evaluation_episodes=20)
    assert run.result["return_mean"] == 4.0


def test_an_agent_acts_in_the_words_of_the_environment(tmp_path):
    space = SEVERAL["counted from one"]
    agent = small_ppo(environments=2, steps_per_update=4, epochs=1, minibatches=1)
    run = zo.train(agent, lambda: Switches(space), steps=8, out=tmp_path / "run", figure=False, evaluation_episodes=1)
    again = zo.load(run.path, lambda: Switches(space))
    for lamp in (0.0, 1.0):
        action = again.agent(0).act([lamp])
        assert space.contains(action)
        np.testing.assert_array_equal(action, run.agent(0).act([lamp]))


def test_who_learns_values_of_actions_says_who_can(tmp_path):
    with pytest.raises(InputError, match=r"dqn cannot take .*these can: reinforce, actor-critic, ppo, a3c, dppo$"):
        zo.train(DQN(), lambda: Switches(SEVERAL["bits"]), out=tmp_path / "run")
