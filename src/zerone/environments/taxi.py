"""Drive a passenger to a destination: Gymnasium's `Taxi-v4`, compiled (`Taxi-v3` is the same in dry weather)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ClassVar

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.pytree import check, configured, setting, struct
from zerone.environments.table import CERTAIN, Table, neighbours, uniform

if TYPE_CHECKING:
    from zerone.environments.base import Array, Info, Key

# A colon is an opening between two cells, a bar is a wall.
MAP = ("|R: | : :G|", "| : | : : |", "| : : : : |", "| | : | : |", "|Y| : |B: |")
SIDE = 5
PLACES = (0, 4, 20, 23)
"""The cells of the places R, G, Y and B."""
PLACE_NAMES = "RGYB"
ABOARD = len(PLACES)
"""The passenger's place while in the taxi."""
SHAPE = (SIDE * SIDE, len(PLACES) + 1, len(PLACES))
"""The numbers of cells, passenger's places and destinations; a state's number is the flat index of the three."""

# The actions south, north, east and west as (rows, columns), and the actions to the left and right of each.
MOVES = ((1, 0), (-1, 0), (0, 1), (0, -1))
LEFT, RIGHT = (2, 3, 1, 0), (3, 2, 0, 1)
PICK_UP, DROP_OFF = 4, 5
RAINY_PROBABILITY, FICKLE_PROBABILITY = 0.8, 0.3


def roads() -> np.ndarray:
    """The cell to which each move leads from each cell: int32 [25, 4]."""
    there = neighbours(SIDE, SIDE, MOVES)
    for cell in range(SIDE * SIDE):
        row, column = divmod(cell, SIDE)
        for move, gate in ((2, 2 * column + 2), (3, 2 * column)):
            if MAP[row][gate] != ":":
                there[cell, move] = cell
    return there


@functools.cache
def transitions(rainy: bool) -> Table:
    """The transition table. In rain, a move may go to either side; one that would hit a wall has no effect."""
    cell, passenger, goal = np.unravel_index(np.arange(np.prod(SHAPE)), SHAPE)
    there = roads()
    ways = np.stack([there, there[:, LEFT], there[:, RIGHT]] if rainy else [there], axis=2)
    stays = (there == np.arange(len(there))[:, None])[:, :, None]
    ways = np.where(stays, np.arange(len(there))[:, None, None], ways)[cell]

    actions = len(MOVES) + 2
    following = np.zeros((len(cell), actions, ways.shape[2]), np.int32)
    following[:, : len(MOVES)] = np.ravel_multi_index((ways, *(x[:, None, None] for x in (passenger, goal))), SHAPE)
    reward, terminated = np.full(following.shape, -1, np.float32), np.zeros(following.shape, bool)

    places = np.array([*PLACES, -1])
    picks = places[passenger] == cell
    aboard = passenger == ABOARD
    arrives, leaves = aboard & (places[goal] == cell), aboard & np.isin(cell, PLACES)
    after_pick_up = np.where(picks, ABOARD, passenger)
    after_drop_off = np.where(leaves, np.argmax(places[None, :] == cell[:, None], axis=1), passenger)
    for action, after in ((PICK_UP, after_pick_up), (DROP_OFF, after_drop_off)):
        following[:, action] = np.ravel_multi_index((cell, after, goal), SHAPE)[:, None]
    reward[:, PICK_UP] = np.where(picks, -1, -10)[:, None]
    reward[:, DROP_OFF] = np.select([arrives, leaves], [20, -1], -10)[:, None]
    terminated[:, DROP_OFF] = arrives[:, None]
    return Table(following, reward, terminated)


@functools.cache
def useful_actions() -> np.ndarray:
    """The actions that Gymnasium's `info["action_mask"]` allows in each state: bool [states, actions].

    A move is allowed if it would leave the cell in dry weather.
    """
    table = transitions(rainy=False)
    cell, passenger, _ = np.unravel_index(np.arange(np.prod(SHAPE)), SHAPE)
    there = np.unravel_index(table.following[:, : len(MOVES), 0], SHAPE)[0]
    mask = np.zeros((len(cell), len(MOVES) + 2), bool)
    mask[:, : len(MOVES)] = there != cell[:, None]
    places = np.array([*PLACES, -1])
    mask[:, PICK_UP] = places[passenger] == cell
    mask[:, DROP_OFF] = (passenger == ABOARD) & np.isin(cell, PLACES)
    return mask


def first_states() -> np.ndarray:
    """The states in which an episode may start, int32 [300]: the passenger waits, and not at the destination."""
    states = np.arange(np.prod(SHAPE), dtype=np.int32)
    _, passenger, goal = np.unravel_index(states, SHAPE)
    first: np.ndarray = states[(passenger != ABOARD) & (passenger != goal)]
    return first


@struct
class TaxiState:
    """The state's number (int32 scalar), and whether the passenger is yet to change the destination (bool scalar)."""

    number: Array
    fickle: Array


@configured
class Taxi:
    """Fetch a passenger from one of four places and bring him to another, through a town of 5 by 5 cells with walls.

    Observation: int32 in [0, 500), (cell * 5 + the passenger's place) * 4 + the destination, where the places R, G, Y,
    B are 0 to 3 and the taxi is 4. Actions: 0 south, 1 north, 2 east, 3 west, 4 pick up, 5 drop off. Reward: -1 a
    step, -10 for picking up or dropping off where that is impossible, 20 for delivering the passenger, which ends the
    episode. Each of the 300 first states is equally likely.

    Source: Dietterich 2000, "Hierarchical reinforcement learning with the MAXQ value function decomposition", sections
    3 and 7.1 (rain, and a passenger who may change the destination at the taxi's first move), as in Gymnasium's
    `Taxi-v4`.
    """

    is_rainy: bool = setting(False, "whether a move may go to either side of where it was meant to")
    rainy_probability: float = setting(RAINY_PROBABILITY, "chance that it does not", at_least=0, at_most=1)
    fickle_passenger: bool = setting(False, "whether the passenger may change his mind once he is aboard")
    fickle_probability: float = setting(FICKLE_PROBABILITY, "chance that he does", at_least=0, at_most=1)

    action_names: ClassVar[tuple[str, ...]] = ("south", "north", "east", "west", "pick up", "drop off")

    def __post_init__(self) -> None:
        check(self, "Taxi")
        for name, usual, switch in (
            ("rainy_probability", RAINY_PROBABILITY, "is_rainy"),
            ("fickle_probability", FICKLE_PROBABILITY, "fickle_passenger"),
        ):
            value = getattr(self, name)
            if isinstance(value, float) and value != usual and not getattr(self, switch):
                raise InputError(
                    translated(
                        "Taxi: {name} = {value!r} is not allowed: must be left out unless {switch}",
                        name=name,
                        value=value,
                        switch=switch,
                    )
                )

    @property
    def observation_space(self) -> gymnasium.spaces.Discrete:
        return gymnasium.spaces.Discrete(int(np.prod(SHAPE)))

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        return gymnasium.spaces.Discrete(len(self.action_names))

    @property
    def chances(self) -> tuple[Array | float, ...]:
        """The probability of each outcome of a step: as intended, to the left, to the right."""
        if not self.is_rainy:
            return CERTAIN
        aside = (1 - self.rainy_probability) / 2
        return self.rainy_probability, aside, aside

    @property
    def table(self) -> Table:
        """The transition table, for a passenger who keeps the destination."""
        return transitions(self.is_rainy)

    def action_mask(self, state: TaxiState) -> Array:
        """The actions that have an effect: moves that no wall stops, and picking up and dropping off where possible."""
        return jnp.array(useful_actions())[state.number]

    def reset(self, key: Key) -> tuple[Array, TaxiState]:
        state_key, fickle_key = jax.random.split(key)
        number = jax.random.choice(state_key, jnp.array(first_states()))
        fickle = self.fickle_passenger & (jax.random.uniform(fickle_key) < self.fickle_probability)
        return number, TaxiState(number, fickle)

    def step(self, key: Key, state: TaxiState, action: Array) -> tuple[Array, TaxiState, Array, Array, Info]:
        way_key, mind_key = jax.random.split(key) if self.fickle_passenger else (key, key)
        number, reward, terminated = self.table.step(way_key, self.chances, state.number, action)
        if not self.fickle_passenger:
            return number, TaxiState(number, state.fickle), reward, terminated, {}
        cell, passenger, goal = decode(state.number)
        # The destination changes once, when the taxi first moves with the passenger; other places are equally likely.
        changes = state.fickle & (passenger == ABOARD) & (decode(number)[0] != cell)
        others = len(PLACES) - 1
        other = (goal + 1 + jnp.floor(uniform(mind_key) * others).astype(jnp.int32)) % len(PLACES)
        number = jnp.where(changes, number - goal + other, number)
        return number, TaxiState(number, state.fickle & ~changes), reward, terminated, {}


def decode(number: Array) -> tuple[Array, Array, Array]:
    """The taxi's cell, the passenger's place and the destination of a state's number."""
    return number // (SHAPE[1] * SHAPE[2]), number // SHAPE[2] % SHAPE[1], number % SHAPE[2]
