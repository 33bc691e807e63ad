"""Greedy arrows and traces, compared with a different computation in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from zerone.environments.drawing.geometry import grid_of
from zerone.environments.maze import Maze
from zerone.player.episode import Moment
from zerone.player.tables import Table, Trace, plain_number, table_of

GRID = grid_of(Maze(layout=("S.#", "..G")))


def table(**rows: list[float]) -> Table:
    """A table of zeros except for some states: `s1=[...]`."""
    values = np.zeros((6, 4))
    for name, row in rows.items():
        values[int(name[1:])] = row
    return Table(values, GRID)


def test_arrows_are_all_of_the_greedy_actions():
    made = table(s0=[1, 0, 0, 0.5], s1=[0, 2, 2, -1], s3=[0, 0, 0, 0], s4=[-3, -3, -3, -3])
    assert made.greedy.tolist() == [[True, False, False, False], [False, True, True, False], *[[False] * 4] * 4]
    assert made.learnt.tolist() == [True, True, False, False, False, False]
    assert dict(made.arrows()) == {0: [(0, -1)], 1: [(0, 1), (-1, 0)]}
    assert made.best.tolist() == [1, 2, 0, 0, -3, 0]


def test_rounding_breaks_no_tie_and_nothing_else_is_one():
    nearly = np.float32(0.9) ** np.float32(3)
    made = table(s0=[nearly, np.nextafter(nearly, np.float32(1)), 0, 0], s1=[0.9, 0.8999, 0, 0], s3=[0, -1e-9, 0, 0])
    assert made.greedy[0].tolist() == [True, True, False, False]
    assert made.greedy[1].tolist() == [True, False, False, False]
    assert made.greedy[3].tolist() == [True, False, True, True]


def test_where_nobody_acts_nothing_is_learnt():
    assert not table(s2=[1, 2, 3, 4], s5=[1, 2, 3, 4]).learnt.any()
    assert table(s2=[9, 2, 3, 4], s1=[-5, 0, 1, 0]).largest == 5.0


def test_a_policy_of_another_shape_is_no_table():
    assert table_of(np.zeros((6, 4)), GRID) is not None
    for policy in (np.zeros((6, 3)), np.zeros(24), {"weights": np.zeros((6, 4))}, None):
        assert table_of(policy, GRID) is None
    assert table_of(np.zeros((6, 4)), None) is None


def walk(steps: int = 60) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.integers(6, size=steps), random.integers(4, size=steps)


def textbook(states, actions, fade, replacing):
    """E after the last of these steps: each visit adds (γλ) to the power of the number of steps since then."""
    found = np.zeros((6, 4))
    for when, (state, action) in enumerate(zip(states, actions, strict=True)):
        later = states[when + 1 :] == state
        if not (replacing and later.any()):
            found[state, action] += fade ** (len(states) - 1 - when)
    return found


@pytest.mark.parametrize("kind", ["accumulating", "replacing"])
@pytest.mark.parametrize("decay", [0.0, 0.7, 1.0])
def test_the_trace_is_that_of_the_textbook(kind, decay):
    states, actions = walk()
    trace = Trace.of({"trace": kind, "trace_decay": decay, "discount": 0.9}, GRID)
    for state, action in zip(states, actions, strict=True):
        trace.visit(int(state), int(action))
    wanted = textbook(states, actions, 0.9 * decay, kind == "replacing")
    np.testing.assert_allclose(trace.values, wanted, atol=1e-12)
    if decay:
        other = textbook(states, actions, 0.9 * decay, kind != "replacing")
        assert not np.allclose(trace.values, other)


def test_only_some_algorithms_leave_a_trace():
    assert Trace.of({"learning_rate": 0.1, "discount": 0.9}, GRID) is None


def test_a_trace_follows_an_episode_and_is_cleared_for_the_next():
    trace = Trace(6, 4, 0.5, replacing=True)
    moments = [Moment(1, 0, 0.0, 3), Moment(1, 1, 0.0, 4, 3, 0.0), Moment(1, 2, 1.0, 5, 3, 1.0, "(ended)"),
               Moment(2, 0, 0.0, 3)]  # fmt: skip
    seen = [(moment.step, trace.values[3, 3], trace.values[4, 3]) for moment in trace.follow(moments)]
    assert seen == [(0, 0, 0), (1, 1, 0), (2, 0.5, 1), (0, 0, 0)]


@pytest.mark.parametrize(
    ("value", "largest", "text"),
    [(0.0, 1.0, "0.00"), (-0.0, 1.0, "0.00"), (0.5904, 1.0, "0.59"), (1.0, 1.0, "1.00"), (0.0312, 1.0, "0.03"),
     (-9.0, 9.0, "-9.00"), (-9.0, 14.0, "-9.0"), (-9.999, 9.999, "-10.0"), (-9.4, 113.0, "-9"), (-123.4, 123.4, "-123"),
     (0.0312, 0.07, "0.031"), (-0.0995, 1.0, "-0.10"), (0.004, 1.0, "~0"), (-1e-5, 1.0, "~0"), (0.0, 0.0, "0.00")],
)  # fmt: skip
def test_numbers_are_short_and_those_of_one_picture_have_the_same_decimals(value, largest, text):
    assert plain_number(value, largest) == text


def test_small_numbers_are_told_where_all_are_small():
    assert plain_number(3.2e-5, largest=4e-5) == "3e-5"
    assert plain_number(3.2e-12, largest=4e-12) == "3e-12"
    assert plain_number(3.2e-12, largest=4e-5) == "~0"
    assert plain_number(0.0, largest=4e-5) == "0"
