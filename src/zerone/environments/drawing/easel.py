"""Protocols of surfaces on which cells are painted, for pictures and figures of tables; and directions of actions."""

from __future__ import annotations

from typing import Protocol

LOOKS = {"up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0)}
LOOKS |= {"north": LOOKS["up"], "south": LOOKS["down"], "west": LOOKS["left"], "east": LOOKS["right"]}
"""The direction of an action by its name, as (columns, rows)."""


class Easel(Protocol):
    """A surface on which cells are painted: a `Board`, or a figure. One unit is the side of a cell."""

    def square(self, cell: tuple[int, int], color: str, side: float = 0.94, line: float = 0.0) -> None:
        """A filled square, or only its border with the thickness `line`."""
        ...

    def disc(self, cell: tuple[int, int], x: float, y: float, radius: float, color: str) -> None:
        """A filled circle around (x, y), measured from the middle of `cell`."""
        ...

    def shape(self, cell: tuple[int, int], corners: list[tuple[float, float]], color: str) -> None:
        """A filled polygon."""
        ...


class LetteredEasel(Easel, Protocol):
    """An easel that can also write letters."""

    def letter(self, cell: tuple[int, int], x: float, y: float, text: str, color: str, size: float = 0.2) -> None:
        """A letter around (x, y); `size` is its height."""
        ...
