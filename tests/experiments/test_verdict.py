"""The rule that decides on a claim, and how its result is phrased."""

from __future__ import annotations

import math

import pytest

from zerone.experiments import catalogue
from zerone.experiments.protocol import CONFIRMED, REFUTED, UNDECIDED, Estimate, Question, Text, together
from zerone.experiments.verdict import Answer, Verdict, plain


def question(**bounds):
    return Question(Text("the effect", "效应"), lambda results: results, **bounds)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(1.1, 9, CONFIRMED), (1, 9, UNDECIDED), (-5, 1, REFUTED), (-5, 1.1, UNDECIDED), (1.1, 10, UNDECIDED),
     (10, 12, REFUTED), (-5, 12, UNDECIDED), (math.nan, math.nan, UNDECIDED), (2, math.inf, UNDECIDED),
     (-math.inf, 5, UNDECIDED)],
)  # fmt: skip
def test_an_interval_decides_only_where_all_of_it_lies_on_one_side(low, high, verdict):
    assert question(above=1, below=10).decide(Estimate(5, low, high)) == verdict


def test_a_rule_without_an_upper_end():
    assert question(above=0).decide(Estimate(5, 0.1, math.inf)) == CONFIRMED
    assert question(above=0).rule().en == "above 0"
    assert question(below=-0.5).rule().en == "below -0.5"
    assert question(above=1, below=2).rule().zh == "在 1 与 2 之间"


def test_parts_together():
    assert together([CONFIRMED, CONFIRMED]) == CONFIRMED
    assert together([CONFIRMED, UNDECIDED]) == UNDECIDED
    assert together([CONFIRMED, UNDECIDED, REFUTED]) == REFUTED


def test_a_question_that_was_added_is_answered_and_does_not_count():
    """Otherwise a question that was added after seeing the results could decide the verdict."""
    asked = [question(above=0), question(above=9, added=True)]
    answers = tuple(Answer(each, Estimate(5, 4, 6), each.decide(Estimate(5, 4, 6))) for each in asked)
    assert [each.verdict for each in answers] == [CONFIRMED, REFUTED]
    verdict = Verdict(catalogue.look_up("caution"), 20, False, answers, {})
    assert verdict.word == CONFIRMED
    assert "added later" not in answers[0].sentence(20).en
    assert answers[1].sentence(20).en.startswith("added later, no part of the verdict: refuted: ")
    assert [each["added"] for each in verdict.as_json("figure.png")["questions"]] == [False, True]


def test_the_sentence_has_all_that_is_needed_to_check_it():
    told = Answer(question(above=3), Estimate(4.5, 3.25, 1234.5), CONFIRMED).sentence(20)
    assert told.en == (
        "confirmed: the effect is 4.50 (95% interval over 20 seeds: 3.25 to 1,234); the rule asked for above 3"
    )
    assert "效应为 4.50" in told.zh


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (22.05, "22.1"), (-0.1234, "-0.123"), (12345.6, "12,346"), (1e-6, "1.00e-06"), (math.inf, "infinite"),
     (0.999, "0.999"), (-3, "-3.00")],
)  # fmt: skip
def test_numbers_are_told_with_three_digits(value, text):
    assert plain(value) == text
