"""Functions that turn arrays into the plain numbers of explanations, for all algorithms with networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsFloat

import jax
import numpy as np

from zerone.algorithms.explanation import Cell, Column, Descent, Node, Quantity, Samples, Sign, Value

ROWS = 5
"""The number of samples of a gradient update that are shown."""
MOST_UPDATES = 16
"""The number of gradient updates of a block that are explained: of more, half of these are the first, half the last."""
WIDEST = 12
"""The largest number of components of an observation or an action that are shown; larger ones are not shown."""
SQUARED = Sign("²", "²")

STATE = Column("state", "s", "state")
ACTION = Column("action", "a", "action")
REWARD = Column("reward", "r", "reward")
NEXT_STATE = Column("next_state", "s'", "state that followed")
TERMINATED = Column("terminated", "end", "s' is terminal: it is worth 0")


def value(symbol: str, number: SupportsFloat) -> Value:
    """A term of an equation, with its number as Python's."""
    return Value(symbol, float(number))


def quantity(name: str, symbol: str, number: SupportsFloat, meaning: str) -> Quantity:
    """A number of an update, as Python's."""
    return Quantity(name, symbol, float(number), meaning)


def cell(x: Any) -> Cell:
    """The content of a cell: one number, or a few; None for more, such as a picture."""
    array = np.asarray(x)
    if array.size > WIDEST:
        return None
    flat = [item.item() for item in array.reshape(-1)]
    if array.ndim == 0:
        found: bool | int | float = flat[0]
        return found
    return tuple(float(number) for number in flat)


def samples(columns: Sequence[tuple[Column, Any]], number: int | None = None) -> Samples:
    """The first of the samples whose leaves [n, ...] these are; columns whose values are None are left out.

    `number` is how many there are, where the leaves are not those of all.
    """
    there = [(column, np.asarray(values)) for column, values in columns if values is not None]
    whole = len(there[0][1])
    rows = tuple(tuple(cell(values[i]) for _, values in there) for i in range(min(ROWS, whole)))
    return Samples(tuple(column for column, _ in there), rows, whole if number is None else number)


def some(number: int) -> list[int]:
    """The gradient updates that are explained, of so many."""
    if number <= MOST_UPDATES:
        return list(range(number))
    half = MOST_UPDATES // 2
    return [*range(half), *range(number - half, number)]


def descents(shares: Any, total: Any, levels: Sequence[Any]) -> tuple[Descent, ...]:
    """The descents of the first shares in a sum tree (`parts/sum_tree.py: Level`), in NumPy."""
    found = []
    for i in range(min(ROWS, len(np.asarray(shares)))):
        nodes = tuple(
            Node(tuple(map(float, level.sums[i])), int(level.chosen[i]), float(level.rest[i])) for level in levels
        )
        last = nodes[-1]
        looked_for = float(np.float32(shares[i]) * np.float32(total))
        found.append(Descent(looked_for, float(total), nodes, int(levels[-1].node[i]), last.sums[last.chosen]))
    return tuple(found)


def on_host(tree: Any) -> Any:
    """The same tree of NumPy arrays."""
    return jax.tree.map(np.asarray, jax.device_get(tree))


def at(tree: Any, index: Any) -> Any:
    """The leaves at an index of their first axis."""
    return jax.tree.map(lambda leaf: leaf[index], tree)


def gradient_norm(number: SupportsFloat, largest: SupportsFloat) -> Quantity:
    """The norm of a gradient, and whether it is clipped."""
    clipped = float(number) > float(largest)
    then = f"; above {float(largest):g}, so the gradient is shortened" if clipped else ""
    return quantity("gradient_norm", "‖∇‖", number, f"norm of the gradient{then}")
