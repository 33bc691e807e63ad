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
    all_real: bool = False
    """Whether `real` is known to be true everywhere."""
    any_ended: bool = True
    """Whether an episode may have ended with this step."""


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
        self._own = isinstance(environments, OwnVector)  # it returns new arrays at each step
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
        if not self._own:
            observation, terminated, truncated = np.array(observation), np.array(terminated), np.array(truncated)
        done = terminated | truncated
        any_ended = bool(np.count_nonzero(done))
        next_observation, mask = observation, info.get(NOW, ())
        next_mask = mask
        real, lost = ~self._resetting, info.get("lost")
        all_real = lost is None and self._mode != AutoresetMode.NEXT_STEP
        if lost is not None:
            real &= ~lost
        if any_ended:
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
            next_observation, np.asarray(reward, np.float32), terminated, truncated, real, next_mask, lost,
            all_real, any_ended,
        )  # fmt: skip


class Block:
    """Transitions of N environments, collected until each has T.

    A vector step may be only a reset for some environments, so columns fill at different speeds; surplus transitions
    wait for the next block, and none is dropped.
    """

    def __init__(self, length: int, number: int) -> None:
        self._length, self._number = length, number
        self._rows: list[list[np.ndarray]] = []
        """The vector steps, as long as all of them were real everywhere; it takes a quarter of the time of columns."""
        self._columns: list[np.ndarray] = []
        """Afterwards, the transitions: leaves [room, N, ...], of which `_filled` [N] are used."""
        self._filled: np.ndarray | None = None

    def full(self) -> bool:
        """Whether every environment has its T transitions."""
        return (len(self._rows) if self._filled is None else int(self._filled.min())) >= self._length

    def add(self, leaves: list[np.ndarray], real: np.ndarray | None = None) -> None:
        """Append one vector step (leaves [N, ...], not to be changed later) where it is real; everywhere if None."""
        if self._filled is None and (real is None or real.all()):
            self._rows.append(leaves)
            return
        filled = self._filled_columns(leaves)
        where = np.arange(self._number) if real is None else np.flatnonzero(real)
        if filled[where].max(initial=0) >= len(self._columns[0]):
            self._columns = [np.concatenate([column, np.empty_like(column)]) for column in self._columns]
        for column, leaf in zip(self._columns, leaves, strict=True):
            column[filled[where], where] = leaf[where]
        filled[where] += 1

    def _filled_columns(self, leaves: list[np.ndarray]) -> np.ndarray:
        """How much of the columns is filled; rows become columns first."""
        if self._filled is None:
            room = max(len(self._rows), 2 * self._length + 2)
            self._columns = [np.empty((room, *leaf.shape), leaf.dtype) for leaf in leaves]
            for place, row in enumerate(self._rows):
                for column, leaf in zip(self._columns, row, strict=True):
                    column[place] = leaf
            self._filled = np.full(self._number, len(self._rows))
            self._rows = []
        return self._filled

    def cut(self, where: np.ndarray, truncated: int) -> bool:
        """Mark the last transitions where `where` (bool [N]) in the column number `truncated`.

        Returns whether all were marked: where a column is empty, its last transition was taken before.
        """
        if self._filled is None:
            if not self._rows:
                return not where.any()
            self._filled_columns(self._rows[0])
        filled = self._filled_columns([])
        there = where & (filled > 0)
        places = np.flatnonzero(there)
        if len(places):
            self._columns[truncated][filled[places] - 1, places] = True
        return bool((there == where).all())

    def take(self) -> list[np.ndarray]:
        """The first T transitions of each environment, [T, N, ...]; the others move to the front."""
        if self._filled is None:
            rows, self._rows = self._rows[: self._length], self._rows[self._length :]
            shape = self._length, self._number
            return [np.concatenate(each).reshape(*shape, *each[0].shape[1:]) for each in zip(*rows, strict=True)]
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
