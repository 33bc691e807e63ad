"""Explanations of updates of tables: the parts of the `explain` of every tabular algorithm.

Each environment's steps are learnt one after the other, so the table of the explanation goes along: float32, in NumPy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, SupportsFloat

import numpy as np
from numpy.typing import NDArray

from zerone.algorithms.explanation import (
    CLOSE,
    MINUS,
    OPEN,
    PLUS,
    TIMES,
    Change,
    Equation,
    Explanation,
    LearntEntry,
    Part,
    PlayedStep,
    Value,
)
from zerone.algorithms.protocol import Steps
from zerone.algorithms.tabular import Pending

Table = NDArray[np.float32]


def played_steps(steps: Steps) -> list[PlayedStep]:
    """The steps of all environments in a block with T = 1, or of steps [N]."""
    columns = (steps.observation, steps.action, steps.reward, steps.next_observation, steps.terminated, steps.truncated)
    each = [np.asarray(column).reshape(-1) for column in columns]
    masks = steps.next_mask
    rows = None if isinstance(masks, tuple) else np.asarray(masks).reshape(len(each[0]), -1)
    return [
        PlayedStep(int(s), int(a), float(r), int(following), bool(end), bool(cut),
                   next_allowed=None if rows is None else tuple(np.flatnonzero(rows[n]).tolist()))
        for n, (s, a, r, following, end, cut) in enumerate(zip(*each, strict=True))
    ]  # fmt: skip


def waiting_steps(pending: Pending, now: Sequence[PlayedStep]) -> list[PlayedStep | None]:
    """The waiting step of each environment (None if none); `now` has its S' and A'."""
    columns = (pending.observation, pending.action, pending.reward, pending.going)
    return [
        PlayedStep(int(s), int(a), float(r), each.state, False, False, each.action) if going else None
        for s, a, r, going, each in zip(*map(np.asarray, columns), now, strict=True)
    ]


def term(symbol: str, number: SupportsFloat) -> Value:
    """A term of an equation, with its number as Python's."""
    return Value(symbol, float(number))


class Teacher:
    """Learns steps one after the other, as an algorithm does, and keeps each update.

    `learning_rate` α and `discount` γ are those of the algorithm; `table` is the one before its update.
    """

    def __init__(self, table: Any, learning_rate: Any, discount: Any) -> None:
        self.table: Table = np.array(table, np.float32)
        self.before = self.table.copy()
        self.learning_rate, self.discount = np.float32(learning_rate), np.float32(discount)
        self.entries: list[LearntEntry] = []

    def greedy(self, step: PlayedStep, source: str) -> None:
        """Q-learning's update: the target bootstraps from the best action of S'."""
        self._learn(step, source, "max_a Q(S', a)", self._following(step).max())

    def _following(self, step: PlayedStep) -> Table:
        """Q(S', a) of the allowed actions."""
        values = self.table[step.next_state]
        allowed: Table = values if step.next_allowed is None else values[list(step.next_allowed)]
        return allowed

    def sarsa(self, step: PlayedStep, trace: Table | None = None) -> None:
        """Sarsa's update of a step with a known next action, for all entries with a trace."""
        assert step.next_action is not None  # noqa: S101 - it waited for that
        self._learn(step, "waiting", "Q(S', A')", self.table[step.next_state, step.next_action], trace)

    def ended(self, step: PlayedStep, epsilon: Any, trace: Table | None = None) -> None:
        """Sarsa's update of an episode's last step: if it was truncated, E[Q(S', a)] replaces Q(S', A')."""
        values = self._following(step)
        expected = np.float32(epsilon) * values.mean() + (1 - np.float32(epsilon)) * values.max()
        self._learn(step, "step", "E[Q(S', a)]" if step.truncated else "Q(S', A')", expected, trace)

    def mean_return(self, state: int, action: int, mean: np.float32, weight: np.float32) -> None:
        """Monte Carlo's update of a pair, by the mean of its returns in an episode."""
        old = self.table[state, action]
        right = (term("Q(s, a)", old), PLUS, term("w", weight), OPEN, term("mean G", mean), MINUS,
                 term("Q(s, a)", old), CLOSE)  # fmt: skip
        self.table[state, action] = old + weight * (mean - old)
        self._keep("episode", state, action, mean, mean - old, "Q(s, a)", right, old, None)

    def _learn(
        self, step: PlayedStep, source: str, symbol: str, following: np.float32, trace: Table | None = None
    ) -> None:
        here = step.state, step.action
        old = self.table[here]
        following = np.float32(0.0 if step.terminated else following)
        target = np.float32(step.reward) + self.discount * following
        weight = np.float32(1.0) if trace is None else trace[here]
        by_trace = () if trace is None else (TIMES, term("E(S, A)", weight))
        right = (term("Q(S, A)", old), PLUS, term("α", self.learning_rate), OPEN, term("R", step.reward), PLUS,
                 term("γ", self.discount), TIMES, term(symbol, following), MINUS, term("Q(S, A)", old), CLOSE,
                 *by_trace)  # fmt: skip
        change = self.learning_rate * (target - old)
        if trace is None:
            self.table[here] += change
        else:
            self.table += change * trace
        self._keep(source, *here, target, target - old, "Q(S, A)", right, old, step)

    def _keep(
        self, source: str, state: int, action: int, target: np.float32, error: np.float32, left: str,
        right: tuple[Part, ...], old: np.float32, step: PlayedStep | None,
    ) -> None:  # fmt: skip
        new = float(self.table[state, action])
        equation = Equation(left, right, new)
        self.entries.append(
            LearntEntry(source, state, action, float(target), float(error), equation, float(old), new, step)
        )

    def explanation(self, after: Any, trace: Any = None) -> Explanation:
        """The explanation of the update to the table `after`; `trace` [N, states, actions] are the traces, if any.

        What the update left in an entry is `after`'s number: the compiler may round in other places than NumPy.
        """
        new = np.asarray(after, np.float32)
        last = {(entry.state, entry.action): place for place, entry in enumerate(self.entries)}
        entries = []
        for place, entry in enumerate(self.entries):
            value = float(new[entry.state, entry.action])
            if last[entry.state, entry.action] == place and np.isclose(value, entry.after, rtol=1e-5, atol=1e-7):
                entry = dataclasses.replace(
                    entry, after=value, equation=dataclasses.replace(entry.equation, result=value)
                )
            entries.append(entry)
        weights = None if trace is None else np.asarray(trace, np.float32).sum(0)
        changes = tuple(
            Change(int(s), int(a), float(self.before[s, a]), float(new[s, a]),
                   None if weights is None else float(weights[s, a]))
            for s, a in np.argwhere(self.before != new)
        )  # fmt: skip
        return Explanation(tuple(entries), changes)
