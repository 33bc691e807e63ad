"""What an update did, as the page shows it: each application of the learning rule with symbols and with numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zerone.algorithms.explanation import Equation, Explains, Explanation, LearntEntry, Value, number_text
from zerone.lab.training import Training

MOST_ENTRIES, MOST_CHANGES = 3, 6
"""How many applications of the rule, and how many changed entries are shown; of the rest it is said how many."""

Name = Callable[[Any], str]


def explanation_of(training: Training) -> Explanation | None:
    """What the update here did; None where there is none, or its algorithm cannot say."""
    algorithm, iteration = training.algorithm, training.iteration
    if iteration is None or not training.updated or not isinstance(algorithm, Explains):
        return None
    return algorithm.explain(iteration.before.state, iteration.steps, iteration.after.state)


def as_json(explained: Explanation, state: Name, action: Name) -> dict[str, Any]:
    """The same for the page; states and actions by their names."""

    def entry(each: LearntEntry) -> dict[str, Any]:
        found: dict[str, Any] = {
            "source": each.source,
            "name": f"Q({state(each.state)}, {action(each.action)})",
            "cell": [each.state, each.action],
            "equation": equation(each.equation),
            "target": number_text(each.target),
            "error": number_text(each.error),
        }
        step = each.step
        if step is not None and each.source != "step":
            found["step"] = {
                "reward": number_text(step.reward),
                "next": state(step.next_state),
                "nextAction": None if step.next_action is None else action(step.next_action),
            }
        return found

    largest = sorted(explained.changes, key=lambda change: -abs(change.after - change.before))
    return {
        "entries": [entry(each) for each in explained.entries[:MOST_ENTRIES]],
        "moreEntries": max(0, len(explained.entries) - MOST_ENTRIES),
        "changes": [
            {
                "name": f"Q({state(each.state)}, {action(each.action)})",
                "before": number_text(each.before),
                "after": number_text(each.after),
                "trace": None if each.trace is None else number_text(each.trace),
            }
            for each in largest[:MOST_CHANGES]
        ],
        "moreChanges": max(0, len(largest) - MOST_CHANGES),
        "lit": [[each.state, each.action] for each in largest[:200]],
    }


def equation(found: Equation) -> dict[str, Any]:
    """The two sides of an equation, part by part: its symbols and its numbers."""
    right = [
        {"symbol": part.symbol, "number": number_text(part.number), "value": True}
        if isinstance(part, Value)
        else {"symbol": part.symbol, "number": part.number, "value": False}
        for part in found.right
    ]
    return {"left": found.left, "right": right, "result": number_text(found.result)}
