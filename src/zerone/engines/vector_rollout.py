"""Playing in Gymnasium's vector environments: transitions one vector step at a time, right in every autoreset mode."""

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
    """One vector step: leaves are [N, ...]. Where `real` is False nothing happened but a reset: store nothing."""

    next_observation: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    real: np.ndarray
    next_mask: Any = ()
    """Which actions are allowed where `next_observation` was seen, bool [N, actions]; `()` where nothing says so."""
    lost: np.ndarray | None = None
    """Where the process that plays has been replaced: what went on there is over, and another episode has begun."""


class Player:
    """Steps a vector environment and keeps the observations from which to act next.

    Gymnasium's vectors reset in one of three ways, and in each the true last observation is somewhere else:
    NEXT_STEP returns it, and spends the step after on the reset (which is no transition); SAME_STEP returns the
    first of the new episode and hides the last in `info["final_obs"]`; DISABLED returns it and waits for a reset.
    """

    def __init__(self, environments: Vector) -> None:
        self.environments = environments
        self.observation = np.empty(0)
        self.mask: Any = ()
        """Which actions are allowed where `observation` was seen; `()` where the vector is not one with masks."""
        self._mode = environments.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
        self._resetting = np.zeros(environments.num_envs, bool)

    def reset(self, seeds: list[int]) -> None:
        """Start an episode in each environment, environment i with `seeds[i]`; the first ones, if there are fewer."""
        number = self.environments.num_envs
        each: Any = seeds + [0] * (number - len(seeds))  # a list is allowed, though the type says otherwise
        some = len(seeds) < number and isinstance(self.environments, OwnVector)
        options = {"reset_mask": np.arange(number) < len(seeds)} if some else None
        observation, info = self.environments.reset(seed=each, options=options)
        self.observation, self.mask = np.array(observation), info.get(NOW, ())
        self._resetting[:] = False

    def step_only(self, action: np.ndarray, where: np.ndarray) -> VectorStep:
        """Play one action where `where` is true, to the end of each episode and no further, if that can be done."""
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
        following, mask = observation, info.get(NOW, ())
        next_mask = mask
        real, lost = ~self._resetting, info.get("lost")
        if lost is not None:
            real &= ~lost
        if done.any():
            if self._mode == AutoresetMode.SAME_STEP:
                following = observation.copy()
                for i in np.flatnonzero(done):
                    following[i] = info["final_obs"][i]
                if AT_THE_END in info:
                    next_mask = np.where(done[:, None], info[AT_THE_END], mask)
            elif self._mode == AutoresetMode.DISABLED:
                observation, info = self.environments.reset(options={"reset_mask": done})
                observation, mask = np.array(observation), info.get(NOW, ())
        if self._mode == AutoresetMode.NEXT_STEP:
            self._resetting = done
        self.observation, self.mask = observation, mask
        return VectorStep(
            following, np.asarray(reward, np.float32), np.array(terminated), np.array(truncated), real, next_mask, lost
        )  # fmt: skip


class Block:
    """Transitions of N environments, gathered until each has T.

    A vector may spend a step of one environment on its reset, so columns fill at different speeds; what one
    environment has too much waits for the next block, and nothing is dropped.
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
        """Say of the last transition where `where` is true that its episode was cut: in the column `truncated`.

        Whether it could be said everywhere; where a column is empty the last transition was taken before.
        """
        there = where & (self._filled > 0)
        places = np.flatnonzero(there)
        if len(places):
            self._columns[truncated][self._filled[places] - 1, places] = True
        return bool((there == where).all())

    def take(self) -> list[np.ndarray]:
        """The T transitions of each environment, [T, N, ...]; what is left moves to the front."""
        taken = [column[: self._length].copy() for column in self._columns]
        for column in self._columns:
            column[: -self._length] = column[self._length :]
        self._filled -= self._length
        return taken


Judged: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray, int]
"""Of episodes their returns and lengths (float32), whether each was cut (bool), and how many vector steps that took."""


def playing(
    environments: Vector, act: Callable[[list[int]], Act], seeds: list[int], cap: int
) -> Iterator[Judged | None]:
    """Play one episode for each seed, as many at a time as there are environments.

    Gives None after each vector step, so that the caller may do something else in between, and at last what was
    found. An episode that has not ended after `cap` steps is cut there.

    Args:
        environments: Where.
        act: Who acts in the episodes of some seeds, which are played side by side.
        seeds: Of the episodes.
        cap: Steps of an episode at the most.
    """
    number, turns = environments.num_envs, 0
    returns, lengths = np.zeros((2, len(seeds)))
    cut = np.zeros(len(seeds), bool)
    player = Player(environments)
    for begin in range(0, len(seeds), number):
        wanted = seeds[begin : begin + number]
        found = None
        while found is None:  # an episode that was lost is played again, from its seed
            found = yield from _round(player, act, wanted, cap)
        here = slice(begin, begin + len(wanted))
        returns[here], lengths[here], cut[here] = found[0], found[1], found[2]
        turns += found[3]
    yield returns.astype(np.float32), lengths.astype(np.float32), cut, turns


def _round(
    player: Player, act: Callable[[list[int]], Act], seeds: list[int], cap: int
) -> Generator[None, None, Judged | None]:
    """Play the episodes of some seeds side by side; None where the process that plays one of them was replaced."""
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
