"""The constant part of an environment's picture on the page: its still shapes, its grid and its actions' names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zerone.environments.drawing.geometry import grid_of
from zerone.environments.drawing.scene import scene_of

if TYPE_CHECKING:
    from zerone.environments.base import TimedEnvironment


def picture_of(environment: TimedEnvironment, actions: list[str]) -> dict[str, Any]:
    """The data that the page needs before it can draw a moment."""
    grid, scene = grid_of(environment), scene_of(environment)
    return {
        "actions": actions,
        "scene": None if scene is None else {"box": scene.box, "still": scene.still},
        "grid": None if grid is None else {
            "columns": grid.columns, "rows": grid.rows, "directions": grid.directions, "acts": grid.acts.tolist(),
        },
    }  # fmt: skip
