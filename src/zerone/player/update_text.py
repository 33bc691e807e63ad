"""A gradient update as text: the numbers behind the action, equations with their numbers, and the first samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from zerone.algorithms.explanation import number_text
from zerone.base import wide
from zerone.base.language import translated
from zerone.base.wide import padded
from zerone.base.wide import width as width_of
from zerone.player.table_text import visible

if TYPE_CHECKING:
    from zerone.algorithms.explanation import Cell, Column, Decision, Descent, Explanation, GradientUpdate, Quantity

MOST_BARS, BAR = 8, 30
"""The most actions whose numbers are drawn as bars, and the length of the longest bar."""
DISPENSABLE = (
    "next_state", "state", "old_log_probability", "log_probability", "target_choice", "online_choice", "state_value",
    "discount", "advantage_of_action", "bootstrap", "environment", "number", "still", "value_target", "after",
)  # fmt: skip
"""The columns to leave out if a line is too short, in this order."""
MOST_BETWEEN = 3
"""The most gradient updates between the first and the last that get a line each."""
MOST_CHILDREN = 6
"""The most children of a node of a sum tree that are listed."""

Words = Callable[["Cell"], str]


def wrapped(parts: Sequence[str], width: int, between: str = "  ", indent: str = "") -> list[str]:
    """Put parts side by side in lines of at most `width` characters; further lines are indented."""
    lines: list[str] = []
    for part in parts:
        if lines and visible(lines[-1]) + visible(between) + visible(part) <= width:
            lines[-1] += between + part
        else:
            lines.append((indent if lines else "") + part)
    return lines


def decision(found: Decision, actions: Sequence[str], taken: int | None, shade: str) -> list[str]:
    """The number of each action as a bar, with the chosen action marked, and further quantities of the choice."""
    more = [f"{each.symbol} = {number_text(round(each.number, 4))}" for each in found.quantities
            if each.name not in ("epsilon", "log_probability")]  # fmt: skip
    if not found.numbers:
        return ["  ".join(more)] if more else []
    if found.kind == "μ(s)" or len(found.numbers) > MOST_BARS:
        return wrapped([*_listed(found), *more], 80)
    names = [actions[i] if i < len(actions) else str(i) for i in range(len(found.numbers))]
    wide, longest = max(map(width_of, names)), max(1.0 if found.kind.startswith("π") else 0.0, *map(abs, found.numbers))
    lines = []
    for place, (name, number) in enumerate(zip(names, found.numbers, strict=True)):
        bar = shade * round(BAR * abs(number) / longest) if longest > 0 else ""
        mark = "  ← A" if place == taken else ""
        lines.append(
            f"  {padded(name, wide)} {number_text(round(number, 4)):>9} {'-' if number < 0 else ' '}{bar}{mark}"
        )
    head = translated("{kind} in S", kind=found.kind) + (f"   {'  '.join(more)}" if more else "")
    return [head, *lines]


def _listed(found: Decision) -> list[str]:
    if len(found.numbers) <= MOST_BARS:
        return [f"{found.kind} = {' '.join(number_text(round(number, 4)) for number in found.numbers)}"]
    best, worst = max(found.numbers), min(found.numbers)
    return [translated(
        "{kind} of {count} actions: highest {best} of {first}, lowest {worst} of {last}", kind=found.kind,
        count=len(found.numbers), best=number_text(best), first=found.numbers.index(best), worst=number_text(worst),
        last=found.numbers.index(worst),
    )]  # fmt: skip


def updates(found: Explanation, width: int, state: Words, action: Words) -> list[str]:
    """The first and the last gradient update in full, a line for others, and the quantities and notes of all."""
    lines: list[str] = []
    first, last, between = found.updates[:1], found.updates[1:][-1:], found.updates[1:-1]
    for update in first:
        lines += full(update, width, state, action)
    for update in between[:MOST_BETWEEN]:
        lines += wrapped([f"{update.title}:", *map(_measured, update.quantities)], width, indent="    ")[:1]
    if len(between) > MOST_BETWEEN:
        lines.append(translated("and {count:,} more like these", count=len(between) - MOST_BETWEEN))
    for update in last:
        lines += full(update, width, state, action)
    lines += wrapped([_measured(each) for each in found.quantities if each.name != "epsilon"], width)
    return [*lines, *(line for note in found.notes for line in sentence(note, width))]


def sentence(text: str, width: int) -> list[str]:
    """A note, broken into lines."""
    return wrapped(text.split(" "), width, " ") if width_of(text) == len(text) else wide.wrapped(text, width)


def full(update: GradientUpdate, width: int, state: Words, action: Words) -> list[str]:
    """A gradient update in full."""
    shown, number = len(update.samples.rows), update.samples.number
    several = translated(", of {number:,} samples", number=number)
    if number > shown:
        several = translated(", of {number:,} samples the first {shown}", number=number, shown=shown)
    lines = [f"{update.title}{several if number > 1 else ''}"]
    for equation in update.equations:
        symbols = f"  {equation.symbols()}"
        numbers = f" = {equation.numbers()}" if equation.relation == "=" else f": {equation.numbers()}"
        together = f"{symbols}{numbers}"
        lines += [together] if visible(together) <= width else [symbols, f"     {numbers}"]
    lines += table(update, width - 2, state, action)
    for way in update.descents[:1]:
        lines += wrapped(descent(way), width, indent="      ")
    lines += wrapped(["  " + _measured(each) if not place else _measured(each)
                      for place, each in enumerate(update.quantities)], width, indent="  ")  # fmt: skip
    return [*lines, *(f"  {line}" for note in update.notes for line in sentence(note, width - 2))]


def table(update: GradientUpdate, width: int, state: Words, action: Words) -> list[str]:
    """The samples as a table, with as many columns as fit into the width."""
    columns, rows = update.samples.columns, update.samples.rows
    cells = {
        column.name: [column.symbol, *(_cell(column, row[place], state, action) for row in rows)]
        for place, column in enumerate(columns)
    }
    for name in (*DISPENSABLE, *reversed([column.name for column in columns])):
        if sum(max(map(visible, each)) + 2 for each in cells.values()) - 2 <= width:
            break
        cells.pop(name, None)
    widths = {name: max(map(visible, each)) for name, each in cells.items()}
    return [
        "  " + "  ".join(" " * (widths[name] - visible(each[line])) + each[line] for name, each in cells.items())
        for line in range(len(rows) + 1)
    ]


def _cell(column: Column, cell: Cell, state: Words, action: Words) -> str:
    if column.name in ("state", "next_state"):
        return state(cell)
    if column.name in ("action", "online_choice", "target_choice"):
        return action(cell)
    if isinstance(cell, bool):
        return translated("yes") if cell else ""
    if isinstance(cell, tuple):
        return short_numbers(cell)
    return str(cell or "") if isinstance(cell, str) or cell is None else f"{cell:.4g}"


def short_numbers(cell: tuple[float, ...]) -> str:
    """Numbers with two decimals, or three significant digits from 10 on."""
    return " ".join(f"{number:.2f}" if abs(number) < 10 else f"{number:.3g}" for number in cell)


def descent(way: Descent) -> list[str]:
    """The path of a draw through a sum tree: `drawn at 24 of 42: 29 of (29 13) → 13 of (13 16) → slot 2`, in parts."""
    parts = ["  " + translated("drawn at {place} of {total}:", place=number_text(way.looked_for),
                               total=number_text(way.total))]  # fmt: skip
    for node in way.nodes:
        sums = [number_text(each) for each in node.sums if each > 0]
        listed = translated("{count} children", count=len(sums)) if len(sums) > MOST_CHILDREN else " ".join(sums)
        parts.append(translated("{sum} of ({sums}) →", sum=number_text(node.sums[node.chosen]), sums=listed))
    return [*parts, translated("slot {slot:,}", slot=way.slot)]


def _measured(each: Quantity) -> str:
    return f"{each.symbol} = {number_text(float(f'{each.number:.4g}'))}"
