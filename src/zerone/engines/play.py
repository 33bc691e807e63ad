"""Playing in Gymnasium's vector environments: transitions one vector step at a time, right in every autoreset mode."""

from __future__ import annotations

import dataclasses
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode

from zerone.environments.vector import Vector


@dataclasses.dataclass(frozen=True)
class Happened:
    """One vector step: leaves are [N, ...]. Where `real` is False nothing happened but a reset: store nothing."""

    next_observation: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    real: np.ndarray


class Player:
    """Steps a vector environment and keeps the observations from which to act next.

    Gymnasium's vectors reset in one of three ways, and in each the true last observation is somewhere else:
    NEXT_STEP returns it, and spends the step after on the reset (which is no transition); SAME_STEP returns the
    first of the new episode and hides the last in `info["final_obs"]`; DISABLED returns it and waits for a reset.
    """

    def __init__(self, environments: Vector) -> None:
        self.environments = environments
        self.observation = np.empty(0)
        self._mode = environments.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
        self._resetting = np.zeros(environments.num_envs, bool)

    def reset(self, seeds: list[int]) -> None:
        """Start an episode in each environment, environment i with `seeds[i]`."""
        each: Any = seeds  # a list is allowed, one seed for each, though its type says otherwise
        observation, _ = self.environments.reset(seed=each)
        self.observation = np.array(observation)
        self._resetting[:] = False

    def step(self, action: np.ndarray) -> Happened:
        """Play one action in each environment."""
        observation, reward, terminated, truncated, info = self.environments.step(action)
        observation, done = np.array(observation), terminated | truncated
        following = observation
        real = ~self._resetting
        if done.any():
            if self._mode == AutoresetMode.SAME_STEP:
                following = observation.copy()
                for i in np.flatnonzero(done):
                    following[i] = info["final_obs"][i]
            elif self._mode == AutoresetMode.DISABLED:
                observation, _ = self.environments.reset(options={"reset_mask": done})
                observation = np.array(observation)
        if self._mode == AutoresetMode.NEXT_STEP:
            self._resetting = done
        self.observation = observation
        return Happened(following, np.asarray(reward, np.float32), np.array(terminated), np.array(truncated), real)


def play(environments: Vector, act: Any, seeds: list[int], cap: int) -> tuple[np.ndarray, np.ndarray]:
    """Greedy returns and lengths of one episode for each seed, as many at a time as there are environments.

    An episode that has not ended after `cap` steps is cut there.
    """
    number = environments.num_envs
    returns, lengths = np.zeros(len(seeds), np.float64), np.zeros(len(seeds), np.float32)
    player = Player(environments)
    for begin in range(0, len(seeds), number):
        wanted = seeds[begin : begin + number]
        player.reset(wanted + [0] * (number - len(wanted)))
        alive = np.arange(number) < len(wanted)
        for _ in range(cap):
            happened = player.step(act(player.observation))
            counted = np.flatnonzero(alive & happened.real)
            returns[begin + counted] += happened.reward[counted]
            lengths[begin + counted] += 1
            alive &= ~(happened.terminated | happened.truncated)
            if not alive.any():
                break
    return returns.astype(np.float32), lengths


def single_spaces(environments: Vector) -> tuple[gymnasium.Space[Any], gymnasium.Space[Any]]:
    """The observation and action space of one of the environments."""
    return environments.single_observation_space, environments.single_action_space
