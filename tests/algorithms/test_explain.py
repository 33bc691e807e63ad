"""`explain` compared with `update` over whole trainings: its values are those after the update; its equations hold."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from toys import cliff

from zerone.algorithms.dyna_q import DynaQ
from zerone.algorithms.explanation import MINUS, PLUS, TIMES, Equation, Sign, Value
from zerone.algorithms.monte_carlo import MonteCarlo
from zerone.algorithms.q_learning import QLearning
from zerone.algorithms.sarsa import Sarsa
from zerone.algorithms.sarsa_lambda import SarsaLambda
from zerone.algorithms.tabular import table_in
from zerone.engines.stepping import Iteration, Stepper

ITERATIONS = 250
TABLES = [
    QLearning(learning_rate=0.5, environments=3),
    Sarsa(learning_rate=0.5),
    SarsaLambda(learning_rate=0.3, trace="accumulating"),
    MonteCarlo(learning_rate=0.1),
    DynaQ(learning_rate=0.5, planning_steps=4),
    Sarsa(learning_rate=0.5, epsilon_steps=200.0, decay_steps=100.0, epsilon=0.5),
    MonteCarlo(learning_rate=0.5, averaging=False, epsilon_steps=200.0, decay_steps=200.0, epsilon=1.0),
]


def evaluated(equation: Equation) -> float:
    """The right side of an equation, evaluated by Python."""
    text = "".join(part.number if isinstance(part, Sign) else f"({part.number!r})" for part in equation.right)
    value: float = eval(text.replace("×", "*").replace("[", "(").replace("]", ")"))  # noqa: S307 - our own numbers
    return value


def iterations(algorithm: Any, environment: Any) -> list[Iteration]:
    stepper = Stepper(algorithm, environment, 5)
    return [stepper.forward() for _ in range(ITERATIONS)]


def wrong(algorithm: Any, played: list[Iteration]) -> int:
    """In how many updates the explanation differs from what the update did."""
    failed = 0
    for iteration in played:
        before, after = (np.asarray(table_in(each.state.policy)) for each in (iteration.before, iteration.after))
        explained = algorithm.explain(iteration.before.state, iteration.steps, iteration.key, iteration.after.state)
        told = before.copy()
        for change in explained.changes:
            assert before[change.state, change.action] == np.float32(change.before)
            told[change.state, change.action] = change.after
        here = [(entry.state, entry.action) for entry in explained.entries]
        last = dict(zip(here, explained.entries, strict=True))
        good = np.array_equal(told, after) and all(
            np.isclose(evaluated(entry.equation), entry.equation.result, rtol=1e-4, atol=1e-6)
            and entry.equation.result == entry.after
            for entry in explained.entries
        )
        if here:
            good = good and np.float32(explained.entries[-1].after) == after[here[-1]]
        if not isinstance(algorithm, SarsaLambda):  # it changes every entry with a trace
            good = good and {(change.state, change.action) for change in explained.changes} <= set(here)
            good = good and all(np.float32(entry.after) == after[place] for place, entry in last.items())
        failed += not good
    return failed


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("algorithm", TABLES, ids=lambda each: each.name + " that falls" * (each.epsilon_steps > 0))
def test_what_is_explained_is_what_was_learnt(algorithm: Any) -> None:
    environment = cliff(limit=20)
    played = iterations(algorithm, environment)
    assert any(np.asarray(each.steps.truncated | each.steps.terminated).any() for each in played)
    assert wrong(algorithm, played) == 0
    twin = dataclasses.replace(algorithm, discount=0.5, learning_rate=0.2)  # explains with other settings
    assert wrong(twin, played) > 0


def test_a_cut_episode_is_explained_with_its_bootstrap() -> None:
    algorithm = Sarsa(learning_rate=0.5, epsilon=0.2)
    played = iterations(algorithm, cliff(limit=20))
    entries = [
        entry
        for each in played
        if np.asarray(each.steps.truncated).any() and not np.asarray(each.steps.terminated).any()
        for entry in algorithm.explain(each.before.state, each.steps, each.key, each.after.state).entries
        if entry.source == "step"
    ]
    assert entries
    assert all("E[Q(S', a)]" in entry.equation.symbols() for entry in entries)


def test_an_equation_is_written_with_symbols_and_with_numbers() -> None:
    right = (Value("Q", 0.5), PLUS, Value("α", 0.1), TIMES, Value("R", -1.0), MINUS, Value("c", -0.25))
    equation = Equation("Q", right, 0.65)
    assert equation.symbols() == "Q ← Q + α R - c"
    assert equation.numbers() == "0.5 + 0.1 × (-1) - (-0.25) = 0.65"
