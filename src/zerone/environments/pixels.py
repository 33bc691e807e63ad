"""A maze as a picture of a few pixels a cell: for a network that sees, small enough to learn on one core."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

if TYPE_CHECKING:
    from zerone.environments.base import Array

CELL = 3
"""Pixels of a cell's side; the explorer is the square in its middle. More where a maze would be too small to see."""
SMALLEST = 12
"""Pixels of a picture's shorter side: three convolutions need 9."""

# Okabe and Ito's colours, which differ in brightness, too.
COLORS = {"S": (86, 180, 233), "G": (240, 228, 66), "H": (35, 38, 43), "#": (91, 97, 107), ".": (240, 241, 243)}
EXPLORER = (213, 94, 0)


def cell_size(layout: tuple[str, ...]) -> int:
    """Pixels of a cell's side."""
    return max(CELL, -(-SMALLEST // min(len(layout), len(layout[0]))))


@functools.lru_cache(maxsize=64)
def scenery(layout: tuple[str, ...]) -> np.ndarray[Any, Any]:
    """The maze without its explorer: uint8 [height, width, 3] in pixels."""
    cells = np.array([[COLORS[character] for character in row] for row in layout], np.uint8)
    size = cell_size(layout)
    return cells.repeat(size, axis=0).repeat(size, axis=1)


def picture_of(layout: tuple[str, ...], cell: Array) -> Array:
    """The maze with its explorer in `cell` (an int32 scalar): uint8 [height, width, 3]."""
    size = cell_size(layout)
    across, down = jnp.arange(len(layout[0]) * size), jnp.arange(len(layout) * size)
    row, column = cell // len(layout[0]), cell % len(layout[0])

    def covers(pixels: Array, place: Array) -> Array:
        inside = pixels - place * size
        return (inside >= size // 3) & (inside < size - size // 3)

    here = covers(down, row)[:, None, None] & covers(across, column)[None, :, None]
    return jnp.where(here, jnp.array(EXPLORER, jnp.uint8)[None, None, :], jnp.array(scenery(layout)))
