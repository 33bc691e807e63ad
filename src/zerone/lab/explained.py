"""Explanations of updates and of choices of actions as JSON for the page: symbols, numbers and samples."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

from zerone.algorithms.explanation import (
    Cell,
    Column,
    Decision,
    Equation,
    Explanation,
    GradientUpdate,
    LearntEntry,
    Quantity,
    Value,
    number_text,
)

MOST_ENTRIES, MOST_CHANGES, MOST_LIT = 3, 6, 200
"""The most applications of the learning rule, changed entries, and highlighted entries that are sent."""
MOST_UPDATES, MOST_ROWS = 2, 5
"""The most gradient updates that are sent (the first and the last), and the most samples of each."""

Name = Callable[[Any], str]


@dataclasses.dataclass(frozen=True)
class Names:
    """Functions that name states and actions."""

    state: Name
    action: Name

    def entry(self, state: int, action: int) -> str:
        """The name of a table entry, such as `Q((1, 2), down)`."""
        return f"Q({self.state(state)}, {self.action(action)})"


def as_json(explained: Explanation, names: Names) -> dict[str, Any]:
    """An explanation as a JSON object."""
    largest = sorted(explained.changes, key=lambda change: -abs(change.after - change.before))
    shown = (
        explained.updates if len(explained.updates) <= MOST_UPDATES else (explained.updates[0], explained.updates[-1])
    )
    return {
        "entries": [_entry(each, names) for each in explained.entries[:MOST_ENTRIES]],
        "moreEntries": max(0, len(explained.entries) - MOST_ENTRIES),
        "changes": [
            {
                "name": names.entry(each.state, each.action),
                "before": number_text(each.before),
                "after": number_text(each.after),
                "trace": None if each.trace is None else number_text(each.trace),
            }
            for each in largest[:MOST_CHANGES]
        ],
        "moreChanges": max(0, len(largest) - MOST_CHANGES),
        "lit": [[each.state, each.action] for each in largest[:MOST_LIT]],
        "updates": [_gradient(each, names) for each in shown],
        "moreUpdates": len(explained.updates) - len(shown),
        "quantities": [_quantity(each) for each in explained.quantities],
        "notes": list(explained.notes),
    }


def decision_as_json(found: Decision) -> dict[str, Any]:
    """The numbers by which an action was chosen, as a JSON object."""
    return {
        "kind": found.kind,
        "numbers": [_rounded(each) for each in found.numbers],
        "quantities": [_quantity(each) for each in found.quantities],
        "how": found.how,
    }


def _entry(each: LearntEntry, names: Names) -> dict[str, Any]:
    found: dict[str, Any] = {
        "source": each.source,
        "name": names.entry(each.state, each.action),
        "cell": [each.state, each.action],
        "equation": _equation(each.equation),
        "target": number_text(each.target),
        "error": number_text(each.error),
    }
    step = each.step
    if step is not None and each.source != "step":
        found["step"] = {
            "reward": number_text(step.reward),
            "next": names.state(step.next_state),
            "nextAction": None if step.next_action is None else names.action(step.next_action),
        }
    return found


def _gradient(update: GradientUpdate, names: Names) -> dict[str, Any]:
    samples = update.samples
    rows = [
        [_cell(column, cell, names) for column, cell in zip(samples.columns, row, strict=True)]
        for row in samples.rows[:MOST_ROWS]
    ]
    return {
        "title": update.title,
        "columns": [{"symbol": each.symbol, "meaning": each.meaning} for each in samples.columns],
        "rows": rows,
        "number": samples.number,
        "equations": [_equation(each) for each in update.equations],
        "quantities": [_quantity(each) for each in update.quantities],
        "notes": list(update.notes),
        "descents": [
            {
                "aim": number_text(each.looked_for), "total": number_text(each.total), "slot": each.slot,
                "priority": number_text(each.priority),
                "nodes": [{"sums": list(map(number_text, node.sums)), "chosen": node.chosen} for node in each.nodes],
            }
            for each in update.descents[:1]
        ],
    }  # fmt: skip


def _equation(found: Equation) -> dict[str, Any]:
    """The two sides of an equation, with the symbol and the number of each part."""
    right = [
        {"symbol": part.symbol, "number": number_text(part.number), "value": True}
        if isinstance(part, Value)
        else {"symbol": part.symbol, "number": part.number, "value": False}
        for part in found.right
    ]
    return {"left": found.left, "relation": found.relation, "right": right, "result": number_text(found.result)}


def _quantity(each: Quantity) -> dict[str, str]:
    return {"symbol": each.symbol, "number": number_text(float(f"{each.number:.4g}")), "meaning": each.meaning}


def _cell(column: Column, cell: Cell, names: Names) -> Any:
    """A cell as text; booleans and None are unchanged."""
    if cell is None or isinstance(cell, bool):
        return cell
    if column.name in ("state", "next_state"):
        return names.state(cell)
    if column.name in ("action", "online_choice", "target_choice"):
        return names.action(cell)
    if isinstance(cell, tuple):
        return _listed(cell)
    return cell if isinstance(cell, str) else number_text(float(f"{cell:.4g}"))


def _listed(numbers: Sequence[float]) -> str:
    return "(" + ", ".join(f"{each:.2f}" if abs(each) < 10 else f"{each:.3g}" for each in numbers) + ")"


def _rounded(number: float) -> float:
    return float(f"{number:.4g}") if math.isfinite(number) else 0.0
