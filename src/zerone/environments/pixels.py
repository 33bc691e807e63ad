"""Image observations of a maze with a few pixels per cell, small enough for a convolutional network on one core."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np

if TYPE_CHECKING:
    from zerone.environments.base import Array

CELL = 3
"""The side of a cell in pixels, with the agent as a square in its middle. Small mazes have larger cells."""
SMALLEST = 12
"""The least size of an image's shorter side in pixels: three convolutions need 9."""

# Okabe and Ito's colours, which also differ in brightness.
COLORS = {"S": (86, 180, 233), "G": (240, 228, 66), "H": (35, 38, 43), "#": (91, 97, 107), ".": (240, 241, 243)}
EXPLORER = (213, 94, 0)


def cell_size(layout: tuple[str, ...]) -> int:
    """The side of a cell in pixels."""
    return max(CELL, -(-SMALLEST // min(len(layout), len(layout[0]))))


@functools.lru_cache(maxsize=64)
def scenery(layout: tuple[str, ...]) -> np.ndarray:
    """The maze without the agent: uint8 [height, width, 3] in pixels."""
    cells = np.array([[COLORS[character] for character in row] for row in layout], np.uint8)
    size = cell_size(layout)
    return cells.repeat(size, axis=0).repeat(size, axis=1)


def picture_of(layout: tuple[str, ...], cell: Array) -> Array:
    """The maze with the agent in `cell` (an int32 scalar): uint8 [height, width, 3]."""
    size = cell_size(layout)
    across, down = jnp.arange(len(layout[0]) * size), jnp.arange(len(layout) * size)
    row, column = cell // len(layout[0]), cell % len(layout[0])

    def covers(pixels: Array, place: Array) -> Array:
        inside = pixels - place * size
        return (inside >= size // 3) & (inside < size - size // 3)

    here = covers(down, row)[:, None, None] & covers(across, column)[None, :, None]
    return jnp.where(here, jnp.array(EXPLORER, jnp.uint8)[None, None, :], jnp.array(scenery(layout)))
