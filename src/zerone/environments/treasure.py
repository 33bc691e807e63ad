"""A line of cells with a treasure at its right end, the smallest task of the library."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import gymnasium
import jax.numpy as jnp

from zerone.base.pytree import configured, setting, struct

if TYPE_CHECKING:
    from zerone.environments.base import Array, Info, Key


@struct
class TreasureState:
    """The agent's cell, an int32 scalar: 0 is the left end."""

    position: Array


@configured
class Treasure:
    """Walk along a line, `o----T`, to the treasure T at its right end.

    Observation: the agent's cell, int32 in [0, cells). Actions: 0 left, 1 right; left of the first cell
    there is a wall. Reward: 1 for reaching the treasure, which ends the episode, and 0 otherwise.
    """

    cells: int = setting(6, "cells in the line, the treasure's included", at_least=2)

    action_names: ClassVar[tuple[str, ...]] = ("left", "right")

    @property
    def observation_space(self) -> gymnasium.spaces.Discrete:
        return gymnasium.spaces.Discrete(self.cells)

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        return gymnasium.spaces.Discrete(len(self.action_names))

    def reset(self, key: Key) -> tuple[Array, TreasureState]:
        del key  # every episode starts at the left end
        position = jnp.int32(0)
        return position, TreasureState(position)

    def step(self, key: Key, state: TreasureState, action: Array) -> tuple[Array, TreasureState, Array, Array, Info]:
        del key  # a step is deterministic
        move = jnp.where(action == 1, 1, -1)
        position = jnp.clip(state.position + move, 0, self.cells - 1)
        found = position == self.cells - 1
        return position, TreasureState(position), found.astype(jnp.float32), found, {}
