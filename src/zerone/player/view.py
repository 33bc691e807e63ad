"""Views of a moment: the environment's own picture or text, with the agent's values or table added."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, TextIO

from zerone.base.language import translated
from zerone.player import episode, table_frame, table_text
from zerone.player.tables import table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    import numpy as np

    from zerone.environments.drawing.geometry import Grid
    from zerone.environments.gym.kinds import Env
    from zerone.player.episode import Moment
    from zerone.player.tables import Table, Trace

WIDTH = 80
"""The number of characters in a line if the output is not a terminal."""


class View:
    """A moment as the environment draws it."""

    def legend(self, stream: TextIO) -> str:
        """Lines that explain the symbols of `text`, shown once; empty if there is nothing to explain."""
        del stream
        return ""

    def follow(self, moments: Iterable[Moment]) -> Iterator[Moment]:
        """Pass moments on; each is drawn before the next one is requested."""
        return iter(moments)

    def frame(self, environment: Env) -> np.ndarray:
        """The picture of the current moment, uint8 [height, width, 3]."""
        return episode.frame_of(environment)

    def text(self, environment: Env, moment: Moment, stream: TextIO) -> str:
        """The moment as text in the encoding of `stream`."""
        del stream
        return episode.text_of(environment, moment)


class ValueView(View):
    """A view whose text also shows the value of each action."""

    def __init__(self, values: Callable[[Any], Any], names: Sequence[str]) -> None:
        """`values` returns Q(s, a) of each action for an observation; `names` are the names of the actions."""
        self._values, self._names = values, names

    def text(self, environment: Env, moment: Moment, stream: TextIO) -> str:
        drawn = super().text(environment, moment, stream)
        return drawn if moment.ended else f"{drawn}\n{values_text(self._names, self._values(moment.observation))}"


def values_text(names: Sequence[str], values: Sequence[float]) -> str:
    """A line such as `Q  left 98.2  right 99.1*`, with a star at the highest value unless all are equal."""
    best, stars = max(values), min(values) < max(values)
    return "Q  " + "  ".join(f"{translated(name)} {float(value):.3g}{'*' if stars and value == best else ''}"
                             for name, value in zip(names, values, strict=True))  # fmt: skip


class TableView(View):
    """A view that adds the greedy arrows and values of a table, and the episode's trace as fading footprints."""

    def __init__(self, policy: Callable[[], Any], grid: Grid, trace: Trace | None, names: Sequence[str]) -> None:
        """`policy` returns the agent's current table [states, actions]; `names` are the names of the actions."""
        self._policy, self._grid, self._trace, self._names = policy, grid, trace, names
        self._drawn: tuple[Any, Table, table_frame.Overlay] | None = None
        self._here = 0

    def follow(self, moments: Iterable[Moment]) -> Iterator[Moment]:
        for moment in moments if self._trace is None else self._trace.follow(moments):
            self._here = int(moment.observation)
            yield moment

    def frame(self, environment: Env) -> np.ndarray:
        frame = episode.frame_of(environment)
        _, overlay = self._now()
        return overlay.over(frame, table_frame.margin_of(environment), self._trace, self._here)

    def text(self, environment: Env, moment: Moment, stream: TextIO) -> str:
        drawing = episode.text_of(environment, moment)
        live = stream.isatty()
        width = shutil.get_terminal_size().columns if live else WIDTH
        symbols = table_text.symbols_for(stream.encoding)
        table, _ = self._now()
        colored = live and "NO_COLOR" not in os.environ
        drawn = table_text.together(drawing, table, self._trace, symbols, width, colored, self._here)
        return drawn if moment.ended else f"{drawn}\n{values_text(self._names, table.values[self._here].tolist())}"

    def legend(self, stream: TextIO) -> str:
        symbols = table_text.symbols_for(stream.encoding)
        return "\n".join(table_text.legend(symbols, self._trace is not None))

    def _now(self) -> tuple[Table, table_frame.Overlay]:
        """The current table and its overlay, made again only when the table is a new object."""
        policy = self._policy()
        if self._drawn is None or self._drawn[0] is not policy:
            table = table_of(policy, self._grid)
            assert table is not None  # noqa: S101 - checked by the caller
            self._drawn = policy, table, table_frame.Overlay(table)
        return self._drawn[1], self._drawn[2]
