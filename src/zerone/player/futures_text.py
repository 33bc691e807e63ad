"""The futures of a search as a text tree: one line each, with what follows below it, and the best one marked."""

from __future__ import annotations

import dataclasses
from collections import deque
from typing import TYPE_CHECKING

from zerone.base.language import translated
from zerone.base.wide import padded, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zerone.engines.search import Future, Outcome

MOST_LINES = 24
UNICODE, ASCII = ("├ ", "└ ", "│ ", "×", "…"), ("|-", "`-", "| ", "x", "...")
DECIMALS = 3
"""The significant digits of a value."""


@dataclasses.dataclass
class Line:
    """A line of the tree: an action or one of its outcomes. `opened` means that the lines below it are shown."""

    text: str
    below: list[Line]
    best: bool = False
    opened: bool = False


def futures_lines(
    futures: Sequence[Future], names: Sequence[str], discount: float, plain: bool = False, most: int = MOST_LINES
) -> list[str]:
    """The futures as lines of text.

    All first actions are shown, then the best branch, then other branches, up to `most` lines; `…` marks branches that
    are left out.

    Args:
        futures: The future of each first action.
        names: The names of the actions.
        discount: The discount factor.
        plain: Whether to use ASCII characters only.
        most: The most lines.
    """
    times = (ASCII if plain else UNICODE)[3]
    roots = [_of_future(each, names, discount, times) for each in futures]
    room = most - len(roots)
    best = next((each for each in roots if each.best), None)
    while best is not None and best.below and len(best.below) <= room:
        best.opened, room = True, room - len(best.below)
        best = next((each for each in best.below if each.best), best.below[0])
    waiting = deque(roots)
    while waiting:
        line = waiting.popleft()
        if not line.opened and line.below and len(line.below) <= room:
            line.opened, room = True, room - len(line.below)
        waiting.extend(line.below if line.opened else ())
    return list(_drawn(roots, "  ", ASCII if plain else UNICODE))


def _of_future(future: Future, names: Sequence[str], discount: float, times: str) -> Line:
    said = padded(names[future.action] + "*" * future.best, max(map(width, names)) + 1) + f" {_short(future.value)}"
    if future.visits is not None:
        many = translated("{count} simulations", count=future.visits)
        said += "  " + (translated("1 simulation") if future.visits == 1 else many)
    if len(future.outcomes) == 1:
        (outcome,) = future.outcomes
        return Line(
            f"{said} = {_sum(outcome, discount, times)}", _next_lines(outcome, names, discount, times), future.best
        )
    total = sum(each.count for each in future.outcomes)
    below = [
        Line(
            translated("{count} of {total}: ", count=each.count, total=total) + f"{_sum(each, discount, times)}",
            _next_lines(each, names, discount, times),
        )
        for each in future.outcomes
    ]
    return Line(said, below, future.best)


def _next_lines(outcome: Outcome, names: Sequence[str], discount: float, times: str) -> list[Line]:
    return [_of_future(each, names, discount, times) for each in outcome.following if each.visits != 0]


def _sum(outcome: Outcome, discount: float, times: str) -> str:
    """The terms of a value, such as `-1 + 0.9 × 0.81`."""
    reward = _short(outcome.reward)
    if outcome.terminated == 1:
        return translated("{reward}, the end", reward=reward)
    rarely = f" {times} {_short(1 - outcome.terminated)}" if outcome.terminated else ""
    return f"{reward} + {_short(discount)}{rarely} {times} {_short(outcome.value)}"


def _short(value: float) -> str:
    return f"{value + 0.0:.{DECIMALS}g}"


def _drawn(lines: Sequence[Line], indent: str, marks: tuple[str, ...]) -> Iterable[str]:
    for place, line in enumerate(lines):
        last = place == len(lines) - 1
        hidden = f"  {marks[4]}" if line.below and not line.opened else ""
        yield f"{indent}{marks[1] if last else marks[0]}{line.text}{hidden}"
        if line.opened:
            yield from _drawn(line.below, indent + ("  " if last else marks[2]), marks)
