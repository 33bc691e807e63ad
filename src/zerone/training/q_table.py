"""A table of action values that is displayed as text or HTML, and converts to an array."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from gymnasium import spaces

from zerone.charts import html
from zerone.environments.gym.views import Space
from zerone.environments.spaces import digits

MOST_ROWS = 64
"""Number of rows displayed; the array has all rows."""


@dataclasses.dataclass(frozen=True, eq=False)
class QTable:
    """Q(s, a): `values` is float32 [states, actions], as is `np.asarray(table)`; `table[state]` is a row of it."""

    values: np.ndarray
    states: tuple[str, ...]
    actions: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """(number of states, number of actions)."""
        return self.values.shape

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype, copy=copy) if copy else np.asarray(self.values, dtype)

    def __getitem__(self, place: Any) -> Any:
        return self.values[place]

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        header, rows = ["state", *self.actions], self._rows()
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        lines = ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
                 for row in (header, *rows)]  # fmt: skip
        return "\n".join([f"Q(s, a) of {self.shape[0]:,} states and {self.shape[1]} actions", *lines, *self._rest()])

    def _repr_html_(self) -> str:
        best = self.values[:MOST_ROWS].max(1, keepdims=True)
        greedy = (self.values[:MOST_ROWS] == best) & (self.values[:MOST_ROWS].min(1, keepdims=True) < best)
        bold = [(int(row), int(action) + 1) for row, action in np.argwhere(greedy)]
        rest = "".join(html.text(each) for each in self._rest())
        return html.table(["state", *self.actions], self._rows(), bold) + rest

    def _rows(self) -> list[list[str]]:
        return [[state, *(f"{value:.4g}" for value in row.tolist())]
                for state, row in zip(self.states[:MOST_ROWS], self.values, strict=False)]  # fmt: skip

    def _rest(self) -> list[str]:
        more = len(self) - MOST_ROWS
        return [f"… and {more:,} more states: np.asarray(table) has all"] if more > 0 else []


def labels(space: Space, number: int) -> tuple[str, ...]:
    """The names of the `number` states of a space, as the environment shows them: one number or several."""
    first = int(space.start) if isinstance(space, spaces.Discrete) else 0
    if not isinstance(space, spaces.MultiDiscrete):
        return tuple(str(first + state) for state in range(number))
    parts = np.stack(np.unravel_index(np.arange(number), digits(space)), axis=1) + np.ravel(space.start)
    return tuple(" ".join(map(str, each)) for each in parts.tolist())
