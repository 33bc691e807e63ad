"""What one update did, with its numbers: what stepping through a training, the documentation and the lessons show.

    explanation = algorithm.explain(before, steps, after)

`before` and `steps` are what `update` was given, `after` is what it returned. Everything here is plain Python on the
host: it explains an update, and is no part of one. The learnt values that it names are those of `after`, to the bit;
the terms in between are computed a second time, in float32, from the equation of the paper.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol, runtime_checkable

from zerone.algorithms.protocol import Steps


@dataclasses.dataclass(frozen=True)
class Value:
    """A term of an equation: its symbol, such as `max_a Q(S', a)`, and the number that it has here."""

    symbol: str
    number: float

    def numbers(self, first: bool) -> str:
        """The number; in brackets where it is negative and something stands before it."""
        text = number_text(self.number)
        return text if first or not text.startswith("-") else f"({text})"


@dataclasses.dataclass(frozen=True)
class Sign:
    """A sign between the terms of an equation: how it is written between symbols, and between numbers."""

    symbol: str
    number: str


PLUS, MINUS, TIMES = Sign(" + ", " + "), Sign(" - ", " - "), Sign(" ", " × ")
OPEN, CLOSE = Sign(" [", " × ["), Sign("]", "]")
Part = Value | Sign


@dataclasses.dataclass(frozen=True)
class Equation:
    """`left ← right` with symbols, and the same with numbers."""

    left: str
    right: tuple[Part, ...]
    result: float

    def symbols(self) -> str:
        """`Q(S, A) ← Q(S, A) + α [R - Q(S, A)]`."""
        return f"{self.left} ← " + "".join(part.symbol for part in self.right)

    def numbers(self) -> str:
        """`0.5 + 0.1 × [1 - 0.5] = 0.55`."""
        text = ""
        for part in self.right:
            if isinstance(part, Sign):
                text += part.number
            else:
                text += part.numbers(first=not text or text.endswith("["))
        return f"{text} = {number_text(self.result)}"


def number_text(number: float) -> str:
    """A number in at most five digits; never `-0`."""
    text = f"{number:.5g}"
    return "0" if text == "-0" else text


@dataclasses.dataclass(frozen=True)
class PlayedStep:
    """A step S, A, R, S' of an environment, or of a model of it; observations and actions as the algorithm has them."""

    state: int
    action: int
    reward: float
    next_state: int
    terminated: bool
    truncated: bool
    next_action: int | None = None
    """A', where the target asks for the action that was taken next."""


@dataclasses.dataclass(frozen=True)
class LearntEntry:
    """One application of the learning rule to one entry of a table, and what came of it."""

    source: str
    """`step`: the step just played; `waiting`: the one before it, whose next action is known now; `model`: an imagined
    one; `episode`: all visits of a pair in the episode that has ended."""
    state: int
    action: int
    target: float
    error: float
    """The target minus the old value: δ, where the target is that of one step."""
    equation: Equation
    before: float
    after: float
    step: PlayedStep | None = None
    """The step that it is learnt from, if it is a single one."""


@dataclasses.dataclass(frozen=True)
class Change:
    """An entry of a table that an update has changed."""

    state: int
    action: int
    before: float
    after: float
    trace: float | None = None
    """E(s, a), by which the error was weighted, where there are traces."""


@dataclasses.dataclass(frozen=True)
class Explanation:
    """What an update did: each application of the learning rule, in order, and every entry that differs afterwards."""

    entries: tuple[LearntEntry, ...]
    changes: tuple[Change, ...]


@runtime_checkable
class Explains(Protocol):
    """An algorithm that can say what an update of it did."""

    def explain(self, before: Any, steps: Steps, after: Any) -> Explanation:
        """What `update(before, steps, key)` did, which returned `after`. On the host."""
        ...
