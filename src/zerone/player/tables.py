"""Q tables over a grid and eligibility traces of episodes, as the pictures and texts of tables use them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from zerone.environments.drawing.geometry import Grid
    from zerone.player.episode import Moment

TIE = 1e-5
"""Values whose relative difference is at most this count as equal, since float32 sums depend on their order."""
FAINTEST = 0.02
"""The smallest trace that is shown."""


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """Q(s, a) over a grid: `values` is float [states, actions]."""

    values: NDArray[np.floating[Any]]
    grid: Grid

    @property
    def best(self) -> NDArray[np.floating[Any]]:
        """V(s) = max_a Q(s, a), [states]."""
        best: NDArray[np.floating[Any]] = self.values.max(1)
        return best

    @property
    def largest(self) -> float:
        """The largest absolute value."""
        return float(np.abs(self.values[self.grid.acts]).max(initial=0.0))

    @property
    def largest_best(self) -> float:
        """The largest absolute V(s) among the learnt states."""
        return float(np.abs(self.best[self.learnt]).max(initial=0.0))

    @property
    def learnt(self) -> NDArray[np.bool_]:
        """The states in which the agent can act and the values of actions differ, bool [states]."""
        return self.grid.acts & ~self._tied().all(1)

    @property
    def greedy(self) -> NDArray[np.bool_]:
        """The best actions of each state, bool [states, actions]: several if they are equal, none if all are equal."""
        return self._tied() & self.learnt[:, None]

    def _tied(self) -> NDArray[np.bool_]:
        best = self.best[:, None]
        return np.asarray(best - self.values <= TIE * np.abs(best))

    def arrows(self) -> Iterator[tuple[int, list[tuple[int, int]]]]:
        """Each learnt state with the directions of its greedy actions."""
        greedy = self.greedy
        for state in np.flatnonzero(self.learnt):
            yield int(state), [self.grid.directions[action] for action in np.flatnonzero(greedy[state])]


class Trace:
    """Eligibility traces: how much the next TD error will change Q of each (state, action) of an episode.

    E ← γ λ E;  then E(S, A) ← E(S, A) + 1 (accumulating), or E(S, ·) ← 0, E(S, A) ← 1 (replacing).
    Sutton & Barto 1998, section 7.5; Singh & Sutton 1996, section 3.3.
    """

    def __init__(self, states: int, actions: int, fade: float, replacing: bool) -> None:
        self.values = np.zeros((states, actions))
        self._fade, self._replacing = fade, replacing

    @staticmethod
    def of(settings: Mapping[str, Any], grid: Grid) -> Trace | None:
        """The trace of an algorithm with these settings; None if it has no traces."""
        if "trace_decay" not in settings:
            return None
        fade = float(settings["discount"]) * float(settings["trace_decay"])
        return Trace(grid.states, len(grid.directions), fade, settings["trace"] == "replacing")

    def clear(self) -> None:
        """Reset the trace for a new episode."""
        self.values[:] = 0.0

    def visit(self, state: int, action: int) -> None:
        """Update the trace for a step: `action` was taken in `state`."""
        self.values *= self._fade
        if self._replacing:
            self.values[state] = 0.0
        self.values[state, action] += 1.0

    def follow(self, moments: Iterable[Moment]) -> Iterator[Moment]:
        """Pass moments on, after updating the trace with the step that led to each."""
        state = 0
        for moment in moments:
            if moment.step == 0:
                self.clear()
            else:
                self.visit(state, int(moment.action))
            state = int(moment.observation)
            yield moment


@runtime_checkable
class HoldsTable(Protocol):
    """A policy that holds a table among other things."""

    @property
    def table(self) -> Any:
        """Q [states, actions]."""
        ...


def table_of(policy: Any, grid: Grid | None) -> Table | None:
    """The table that a policy is or holds; None if there is none, or if it does not fit the grid."""
    if grid is None:
        return None
    policy = policy.table if isinstance(policy, HoldsTable) else policy
    if getattr(policy, "shape", None) != (grid.states, len(grid.directions)):
        return None
    return Table(np.asarray(policy, np.float64), grid)


def plain_number(value: float, largest: float) -> str:
    """A value as text, with decimals chosen so that at least two digits of the picture's `largest` value are shown.

    `~0` stands for a value that is not 0 but would be rounded to it.
    """
    if 0 < largest < 0.0005:
        text = f"{value:.0e}".replace("e-0", "e-") if abs(value) >= largest / 2000 else "0"
        return "~0" if value and text == "0" else text
    decimals = 3 if 0 < largest < 0.0995 else 2 if largest < 9.995 else 1 if largest < 99.95 else 0
    text = f"{value + 0.0:.{decimals}f}"
    return "~0" if value and not float(text) else text
