"""A maze that changes during training: a path is blocked, or a shorter one opens."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.pytree import check, configured, setting, struct
from zerone.environments.layout import layout_field
from zerone.environments.maze import LEGEND, Maze, MazeState, read_map
from zerone.environments.maze_layouts import LEFT_WAY, RIGHT_WAY

if TYPE_CHECKING:
    import gymnasium

    from zerone.environments.base import Array, Info, Key


@struct
class ChangingMazeState:
    """The agent's cell, and the steps taken since the environment was made, over all episodes (int32 scalars)."""

    cell: Array
    steps: Array


@configured
class ChangingMaze:
    """Walk through a maze to the goal (reward 1, else 0). After `change_at` steps, the maze changes to another one.

    Observation, actions and moves are as in `Maze`. Steps are counted over all episodes of an environment, so the count
    is kept between episodes (`carry_over`). An agent in a cell that becomes a wall can leave it. The default is the
    blocking maze: ten steps from start to goal at first, sixteen after the change.

    Source: Sutton & Barto 2018, examples 8.2 (blocking maze) and 8.3 (shortcut maze).
    """

    layout: tuple[str, ...] = layout_field(RIGHT_WAY, LEGEND, "the maze at first")
    later: tuple[str, ...] = layout_field(LEFT_WAY, LEGEND, "the maze after the change, of the same size")
    change_at: int = setting(1000, "steps, over all episodes, after which the maze changes", at_least=0)

    action_names: ClassVar[tuple[str, ...]] = Maze.action_names

    def __post_init__(self) -> None:
        check(self, "ChangingMaze")
        before, after = (Maze(layout=each) for each in (self.layout, self.later))
        if (before.height, before.width) != (after.height, after.width):
            raise InputError(
                translated(
                    "ChangingMaze: later has {rows} rows of {cells} cells: must have {wanted_rows} of "
                    "{wanted_cells}, as layout has",
                    rows=after.height,
                    cells=after.width,
                    wanted_rows=before.height,
                    wanted_cells=before.width,
                )
            )
        if read_map(self.layout).start != read_map(self.later).start:
            raise InputError(
                translated("ChangingMaze: later has its start in another place than layout: must be the same")
            )

    @property
    def observation_space(self) -> gymnasium.Space[Any]:
        return Maze(layout=self.layout).observation_space

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        return Maze(layout=self.layout).action_space

    def reset(self, key: Key) -> tuple[Array, ChangingMazeState]:
        observation, state = Maze(layout=self.layout).reset(key)
        return observation, ChangingMazeState(state.cell, jnp.int32(0))

    def step(
        self, key: Key, state: ChangingMazeState, action: Array
    ) -> tuple[Array, ChangingMazeState, Array, Array, Info]:
        before, after = (
            Maze(layout=each).step(key, MazeState(state.cell), action) for each in (self.layout, self.later)
        )
        changed = state.steps >= self.change_at
        observation, moved, reward, terminated, info = jax.tree.map(
            functools.partial(jnp.where, changed), after, before
        )
        return observation, ChangingMazeState(moved.cell, state.steps + 1), reward, terminated, info

    def carry_over(self, ended: ChangingMazeState, fresh: ChangingMazeState) -> ChangingMazeState:
        """Keep the count of steps."""
        return dataclasses.replace(fresh, steps=ended.steps)

    def evaluation_environment(self) -> ChangingMaze:
        """The maze after its change; otherwise every episode of an evaluation would begin before the change."""
        return dataclasses.replace(self, change_at=0)

    def seen_in(self, state: ChangingMazeState) -> Maze:
        """The maze of a state, for drawing."""
        return self.seen_after(int(state.steps))

    def seen_after(self, steps: int) -> Maze:
        """The maze after a number of steps."""
        return Maze(layout=self.layout if steps < self.change_at else self.later)
