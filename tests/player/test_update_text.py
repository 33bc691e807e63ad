"""Gradient updates as text: everything fits into a line, and each row is a sample of the update."""

from __future__ import annotations

import io
from typing import Any

import pytest
from toys import small_dqn

from zerone.algorithms.explanation import Decision, Descent, Node, Quantity
from zerone.engines.stepping import Stepper
from zerone.environments import catalogue
from zerone.player.step_terminal import Walk, printed
from zerone.player.step_text import StepText
from zerone.player.table_text import visible
from zerone.player.update_text import decision, descent, wrapped


def shown(algorithm: Any, environment: str, at: int) -> str:
    stepper = Stepper(algorithm, catalogue.make(environment), 0)
    out = io.StringIO()
    walk = Walk(stepper, StepText(stepper, algorithm.name, None, ["left", "right"], out))
    walk.begin_at(at)
    printed(walk, 1, out)
    return out.getvalue()


@pytest.mark.thorough
def test_an_update_is_shown_in_lines_of_eighty() -> None:
    text = shown(small_dqn(double=True, dueling=True, prioritized=True, n_steps=3), "CartPole-v1", 47)
    said = ["Q(s, a) in S", "gradient update 4, of 16 samples the first 5", "= 2.71 + 0.729 × ",
            "drawn at ", "the target network θ⁻ stays: it is copied from θ in 1 gradient update"]  # fmt: skip
    assert [each for each in said if each not in text] == [], text
    assert max(map(visible, text.split("\n"))) <= 80


def test_bars_are_in_proportion_and_the_action_is_marked() -> None:
    lines = decision(Decision("Q(s, a)", (1.0, -0.5)), ["left", "right"], 1, "#")
    assert lines[1].count("#") == 30
    assert lines[2].count("#") == 15
    assert [line.endswith("← A") for line in lines[1:]] == [False, True]
    assert decision(Decision("π(a|s)", (0.5, 0.5)), [], 0, "#")[1].count("#") == 15
    many = decision(Decision("Q(s, a)", tuple(map(float, range(25)))), [], 3, "#")
    assert many == ["Q(s, a) of 25 actions: highest 24 of 24, lowest 0 of 0"]
    assert decision(Decision("", (), (Quantity("noise", "x", 0.5, ""),)), [], None, "#") == ["x = 0.5"]


def test_a_way_down_is_told_by_its_sums() -> None:
    nodes = (Node((29.0, 13.0), 0, 24.0), Node((13.0, 16.0), 1, 11.0), Node((12.0, 4.0), 0, 11.0))
    assert " ".join(descent(Descent(24.0, 42.0, nodes, 2, 12.0))) == (
        "  drawn at 24 of 42: 29 of (29 13) → 16 of (13 16) → 12 of (12 4) → slot 2"
    )


def test_parts_are_wrapped_between_themselves() -> None:
    assert wrapped(["aa", "bb", "cc"], 6) == ["aa  bb", "cc"]
    assert wrapped([], 6) == []
