"""Explanations of single updates, with their numbers, for stepping through a training, the docs and the lessons.

    explanation = algorithm.explain(before, steps, key, after)

`before`, `steps` and `key` are what `update` was given, `after` is what it returned. Everything here is plain Python on
the host, and `dataclasses.asdict` makes it what JSON can say: it explains an update, and is no part of one.

Of a table: the learnt values that are named are those of `after`, to the bit; the terms in between are computed a
second time, in float32, from the equation of the paper.
Of networks: the functions that `update` is made of are run a second time, with the same key, so that the samples are
those that it has drawn. They are compiled into another program, which may round in other places: numbers agree to one
part in 10⁴, or to 10⁻⁵ where that is more, as the tests hold over whole trainings.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol, TypeAlias, runtime_checkable

from zerone.algorithms.protocol import Array, Key, Steps


@dataclasses.dataclass(frozen=True)
class Value:
    """A term of an equation: its symbol, such as `max_a Q(S', a)`, and its number in this update."""

    symbol: str
    number: float

    def numbers(self, first: bool) -> str:
        """The number, in brackets if it is negative and not the first term."""
        text = number_text(self.number)
        return text if first or not text.startswith("-") else f"({text})"


@dataclasses.dataclass(frozen=True)
class Sign:
    """A sign between terms of an equation, as written between symbols and between numbers."""

    symbol: str
    number: str


PLUS, MINUS, TIMES = Sign(" + ", " + "), Sign(" - ", " - "), Sign(" ", " × ")
OPEN, CLOSE = Sign(" [", " × ["), Sign("]", "]")
Part = Value | Sign


@dataclasses.dataclass(frozen=True)
class Equation:
    """An equation `left ← right`, with symbols and with numbers."""

    left: str
    right: tuple[Part, ...]
    result: float
    relation: str = "←"
    """`←` for an assignment, `=` for an equality."""

    def symbols(self) -> str:
        """`Q(S, A) ← Q(S, A) + α [R - Q(S, A)]`."""
        return f"{self.left} {self.relation} " + "".join(part.symbol for part in self.right)

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
    """A number with at most five digits; never `-0`."""
    text = f"{number:.5g}"
    return "0" if text == "-0" else text


@dataclasses.dataclass(frozen=True)
class PlayedStep:
    """A step S, A, R, S' of an environment or a model; observations and actions as algorithms have them."""

    state: int
    action: int
    reward: float
    next_state: int
    terminated: bool
    truncated: bool
    next_action: int | None = None
    """A', where the target uses the next action."""
    next_allowed: tuple[int, ...] | None = None
    """The allowed actions in S'; None where all are allowed."""


@dataclasses.dataclass(frozen=True)
class LearntEntry:
    """One application of the learning rule to one entry of a table, with its result."""

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
    """The step of the update, if it is of a single one."""


@dataclasses.dataclass(frozen=True)
class Change:
    """An entry of a table that an update has changed."""

    state: int
    action: int
    before: float
    after: float
    trace: float | None = None
    """The eligibility trace E(s, a); None without traces."""


Cell: TypeAlias = bool | int | float | str | tuple[float, ...] | None
"""A cell: one number of a sample; the numbers of an observation or an action; None where it does not apply."""


@dataclasses.dataclass(frozen=True)
class Quantity:
    """A number of a whole update. `name` is for programs; for a metric, it is the metric's name."""

    name: str
    symbol: str
    number: float
    meaning: str


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of `Samples`. `name` is for programs, `symbol` is that of the equations."""

    name: str
    symbol: str
    meaning: str


@dataclasses.dataclass(frozen=True)
class Samples:
    """A small table of the first samples of a gradient."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    number: int
    """The number of all samples; `rows` are the first."""

    def column(self, name: str) -> list[Cell]:
        """The cells of a column."""
        place = [column.name for column in self.columns].index(name)
        return [row[place] for row in self.rows]


@dataclasses.dataclass(frozen=True)
class Node:
    """A node of a sum tree on a descent: the sums of its children, the chosen one, and the remainder below it."""

    sums: tuple[float, ...]
    chosen: int
    rest: float
    """The remainder of the priority that was looked for, less the children before the chosen one."""


@dataclasses.dataclass(frozen=True)
class Descent:
    """The descent to a slot in a sum tree: its share of the total, and the nodes from the root on."""

    looked_for: float
    total: float
    nodes: tuple[Node, ...]
    slot: int
    priority: float


@dataclasses.dataclass(frozen=True)
class GradientUpdate:
    """One step along a gradient: its samples, the equations with the numbers of the first sample, and the losses."""

    title: str
    samples: Samples
    equations: tuple[Equation, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    descents: tuple[Descent, ...] = ()
    """The descents of the rows, for prioritised replay."""
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Explanation:
    """What an update did.

    Of a table: each application of the learning rule, in order, and every entry that differs afterwards. Of networks:
    each step along a gradient, in order (of very many, some), and what belongs to the update as a whole.
    """

    entries: tuple[LearntEntry, ...] = ()
    changes: tuple[Change, ...] = ()
    updates: tuple[GradientUpdate, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    notes: tuple[str, ...] = ()


@runtime_checkable
class Explains(Protocol):
    """An algorithm that can explain its updates."""

    def explain(self, before: Any, steps: Steps, key: Key, after: Any) -> Explanation:
        """The explanation of `update(before, steps, key)`, which returned `after`. Not for compiled programs."""
        ...


@dataclasses.dataclass(frozen=True)
class Decision:
    """How an action was chosen: a number of each action, if there are any, and the role of chance."""

    kind: str
    """The symbol of the numbers, such as `Q(s, a)` or `π(a|s)`; empty without numbers."""
    numbers: tuple[float, ...]
    quantities: tuple[Quantity, ...] = ()
    how: str = ""
    """`explored`, `greedy`, or another word for how it was chosen."""


@runtime_checkable
class ExplainsActing(Protocol):
    """An algorithm that can explain its actions."""

    def explain_action(self, policy: Any, memory: Any, observation: Array, noise: Any, mask: Any = ()) -> Decision:
        """The decision for the first of the observations [N, ...], with their memory, noise and mask.

        On the host.
        """
        ...
