"""Layouts of mazes, one character per cell: S start, G goal, H hell, # wall, . floor. It imports no JAX."""

from __future__ import annotations

TUTORIAL = (
    "S...",
    "..H.",
    ".HG.",
    "....",
)

# Sutton & Barto 2018, figure 8.2: fourteen steps from start to goal.
DYNA = (
    ".......#G",
    "..#....#.",
    "S.#....#.",
    "..#......",
    ".....#...",
    ".........",
)

# Sutton & Barto 2018, examples 8.2 and 8.3: ten steps past the right end of the wall, sixteen past the left.
RIGHT_WAY = (
    "........G",
    ".........",
    ".........",
    "########.",
    ".........",
    "...S.....",
)
LEFT_WAY = (*RIGHT_WAY[:3], ".########", *RIGHT_WAY[4:])
BOTH_WAYS = (*RIGHT_WAY[:3], ".#######.", *RIGHT_WAY[4:])
