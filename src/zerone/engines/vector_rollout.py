"""Playing in Gymnasium's vector environments, step by step, correctly in every autoreset mode."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeAlias

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode

from zerone.engines.protocol import Act
from zerone.environments.gym.allowed import AT_THE_END, NOW
from zerone.environments.gym.kinds import Vector
from zerone.environments.gym.vector import OwnVector


@dataclasses.dataclass(frozen=True)
class VectorStep:
    """One vector step: leaves are [N, ...]. Where `real` is False it was only a reset: store nothing."""

    next_observation: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    real: np.ndarray
    next_mask: Any = ()
    """The allowed actions after the step, bool [N, actions]; `()` without action masks."""
    lost: np.ndarray | None = None
    """Where an environment's process was replaced (bool [N]): its episode was lost, and another one has begun."""


class Player:
    """Steps a vector environment, and keeps the observations for the next actions.

    Gymnasium's vectors reset in one of three ways, and each has the true last observation in another place: NEXT_STEP
    returns it, and the step after it is only a reset (no transition); SAME_STEP returns the first observation of the
    new episode, and the last one in `info["final_obs"]`; DISABLED returns it and waits for a reset.
    """

    def __init__(self, environments: Vector) -> None:
        self.environments = environments
        self.observation = np.empty(0)
        self.mask: Any = ()
        """The allowed actions for `observation`, bool [N, actions]; `()` without action masks."""
        self._mode = environments.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
        self._resetting = np.zeros(environments.num_envs, bool)

    def reset(self, seeds: list[int]) -> None:
        """Start an episode in each environment, environment i with `seeds[i]`; the first ones, if there are fewer."""
        number = self.environments.num_envs
        each: Any = seeds + [0] * (number - len(seeds))  # Gymnasium takes a list, against its annotation
        some = len(seeds) < number and isinstance(self.environments, OwnVector)
        options = {"reset_mask": np.arange(number) < len(seeds)} if some else None
        observation, info = self.environments.reset(seed=each, options=options)
        self.observation, self.mask = np.array(observation), info.get(NOW, ())
        self._resetting[:] = False

    def step_only(self, action: np.ndarray, where: np.ndarray) -> VectorStep:
        """Play one action where `where` (bool [N]), if the vector can do so; ended episodes then stay ended."""
        if not isinstance(self.environments, OwnVector):
            return self.step(action)
        observation, reward, terminated, truncated, info = self.environments.step_only(action, np.flatnonzero(where))
        self.observation, self.mask = observation, info.get(NOW, ())
        return VectorStep(
            observation, np.asarray(reward, np.float32), terminated, truncated, where, self.mask, info.get("lost")
        )  # fmt: skip

    def step(self, action: np.ndarray) -> VectorStep:
        """Play one action in each environment."""
        observation, reward, terminated, truncated, info = self.environments.step(action)
        observation, done = np.array(observation), terminated | truncated
        next_observation, mask = observation, info.get(NOW, ())
        next_mask = mask
        real, lost = ~self._resetting, info.get("lost")
        if lost is not None:
            real &= ~lost
        if done.any():
            if self._mode == AutoresetMode.SAME_STEP:
                next_observation = observation.copy()
                for i in np.flatnonzero(done):
                    next_observation[i] = info["final_obs"][i]
                if AT_THE_END in info:
                    next_mask = np.where(done[:, None], info[AT_THE_END], mask)
            elif self._mode == AutoresetMode.DISABLED:
                observation, info = self.environments.reset(options={"reset_mask": done})
                observation, mask = np.array(observation), info.get(NOW, ())
        if self._mode == AutoresetMode.NEXT_STEP:
            self._resetting = done
        self.observation, self.mask = observation, mask
        return VectorStep(
            next_observation, np.asarray(reward, np.float32), np.array(terminated), np.array(truncated), real,
            next_mask, lost,
        )  # fmt: skip


class Block:
    """Transitions of N environments, collected until each has T.

    A vector step may be only a reset for some environments, so columns fill at different speeds; surplus transitions
    wait for the next block, and none is dropped.
    """

    def __init__(self, length: int, number: int) -> None:
        self._length, self._filled, self._even = length, np.zeros(number, int), True
        self._columns: list[np.ndarray] = []

    def full(self) -> bool:
        """Whether every environment has its T transitions."""
        filled = self._filled[0] if self._even else self._filled.min()
        return bool(filled >= self._length)

    def add(self, leaves: list[np.ndarray], real: np.ndarray) -> None:
        """Append one vector step (leaves [N, ...]) where it is real."""
        if not self._columns:
            room = 2 * self._length + 2
            self._columns = [np.empty((room, *leaf.shape), leaf.dtype) for leaf in leaves]
        self._even = self._even and bool(real.all())
        if self._even:  # the usual case, and a quarter of the time
            row = self._filled[0]
            for column, leaf in zip(self._columns, leaves, strict=True):
                column[row] = leaf
            self._filled += 1
            return
        where = np.flatnonzero(real)
        if self._filled[where].max(initial=0) >= len(self._columns[0]):
            self._columns = [np.concatenate([column, np.empty_like(column)]) for column in self._columns]
        for column, leaf in zip(self._columns, leaves, strict=True):
            column[self._filled[where], where] = leaf[where]
        self._filled[where] += 1

    def cut(self, where: np.ndarray, truncated: int) -> bool:
        """Mark the last transitions where `where` (bool [N]) in the column number `truncated`.

        Returns whether all were marked: where a column is empty, its last transition was taken before.
        """
        there = where & (self._filled > 0)
        places = np.flatnonzero(there)
        if len(places):
            self._columns[truncated][self._filled[places] - 1, places] = True
        return bool((there == where).all())

    def take(self) -> list[np.ndarray]:
        """The first T transitions of each environment, [T, N, ...]; the others move to the front."""
        taken = [column[: self._length].copy() for column in self._columns]
        for column in self._columns:
            column[: -self._length] = column[self._length :]
        self._filled -= self._length
        return taken


EpisodeResults: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray, int]
"""Returns and lengths of episodes (float32), whether each was cut (bool), and the number of vector steps."""


def playing(
    environments: Vector, act: Callable[[list[int]], Act], seeds: list[int], cap: int
) -> Iterator[EpisodeResults | None]:
    """Play one episode for each seed, as many side by side as there are environments.

    Yields None after each vector step, so that the caller may do something else in between, and finally the results.

    Args:
        environments: A vector of environments to play in.
        act: From the seeds of episodes that are played side by side to the function that acts in them.
        seeds: One for each episode.
        cap: An episode that has not ended after so many steps is cut there.
    """
    number, turns = environments.num_envs, 0
    returns, lengths = np.zeros((2, len(seeds)))
    cut = np.zeros(len(seeds), bool)
    player = Player(environments)
    for begin in range(0, len(seeds), number):
        wanted = seeds[begin : begin + number]
        found = None
        while found is None:  # a lost episode is played again, from its seed
            found = yield from _round(player, act, wanted, cap)
        here = slice(begin, begin + len(wanted))
        returns[here], lengths[here], cut[here] = found[0], found[1], found[2]
        turns += found[3]
    yield returns.astype(np.float32), lengths.astype(np.float32), cut, turns


def _round(
    player: Player, act: Callable[[list[int]], Act], seeds: list[int], cap: int
) -> Generator[None, None, EpisodeResults | None]:
    """Play the episodes of some seeds side by side; returns None where the process of one of them was replaced."""
    number, turns = player.environments.num_envs, 0
    returns, lengths = np.zeros((2, number))
    player.reset(seeds)
    acting = act(seeds + [0] * (number - len(seeds)))
    alive = np.arange(number) < len(seeds)
    for step in range(cap):
        happened = player.step_only(acting(player.observation, step, mask=player.mask), alive)
        if happened.lost is not None and (happened.lost & alive).any():
            return None
        turns += 1
        counted = np.flatnonzero(alive & happened.real)
        returns[counted] += happened.reward[counted]
        lengths[counted] += 1
        alive = alive & ~(happened.terminated | happened.truncated)
        yield None
        if not alive.any():
            break
    there = slice(0, len(seeds))
    return returns[there], lengths[there], alive[there], turns


def single_spaces(environments: Vector) -> tuple[gymnasium.Space[Any], gymnasium.Space[Any]]:
    """The observation and action space of one of the environments."""
    return environments.single_observation_space, environments.single_action_space
