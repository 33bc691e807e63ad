"""`zerone lesson`: lists the chapters quickly, and plays one: question, running example, answer."""

from __future__ import annotations

import json
import re
import shlex
import sys

import pytest

from zerone.lessons.catalogue import lessons


def test_the_list_imports_nothing_large(zerone, monkeypatch):
    for name in ("jax", "numpy", "gymnasium"):
        monkeypatch.setitem(sys.modules, name, None)  # importing it raises an error
    ended = zerone("lesson")
    assert (ended.code, ended.err) == (0, "")
    listed = [line.split()[:2] for line in ended.out.split("\n")[:14]]
    assert listed == [[str(number), each.name] for number, each in enumerate(lessons(), 1)]
    assert "悬崖边的 Sarsa" in zerone("lesson", "--language", "zh").out


def test_as_json_it_is_the_same_in_both_languages(zerone):
    found = json.loads(zerone("lesson", "--json").out)
    assert [each["name"] for each in found] == [each.name for each in lessons()]
    assert found[2] == json.loads(zerone("lesson", "cliff", "--json", "--language", "zh").out)
    assert found[2]["measured"]["verdict"] == {"en": "confirmed", "zh": "证实"}


def test_a_chapter_asks_before_it_answers_and_shows_both_trainings(zerone):
    ended = zerone("lesson", "cliff", "--steps", "1")
    assert ended.code == 0
    parts = ["Chapter 3: Sarsa at the cliff", "[update] → values → [choice of the action]", "Which path",
             "q-learning on zerone/Cliff-v0, seed 0  step 1", "sarsa on zerone/Cliff-v0, seed 0  step 1",
             "Sarsa keeps away from the edge", "- confirmed: Sarsa's return", "zerone lesson traces"]  # fmt: skip
    places = [ended.out.find(each) for each in parts]
    assert -1 not in places
    assert places == sorted(places)
    assert zerone("lesson", "3", "--steps", "1").out == ended.out


def test_without_a_terminal_the_turning_points_are_printed(zerone):
    ended = zerone("lesson", "treasure", "--language", "zh")
    assert ended.code == 0
    assert "先想一想" in ended.out
    assert "已结束的回合：第 1 回合" in ended.out
    assert "变化" in ended.out
    assert "（证实" not in ended.out
    assert re.search(r"- 证实：", ended.out)


def test_the_narrowest_terminal_will_do(zerone, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1")
    assert (zerone("lesson").code, zerone("lesson", "1", "--steps", "1").code) == (0, 0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("clif",), "chapter clif is unknown: did you mean 'cliff'?"),
        (("0",), "chapter 0 is unknown: there are 1 to 14"),
        (("--at", "3"), "--at is not allowed without NAME"),
        (("cliff", "--json", "--steps", "3"), "--json is not allowed with --steps"),
        (("cliff", "--html", "a.html", "--at", "3"), "--at is not allowed with --html"),
        (("cliff", "--html", "a.pdf"), "--html a.pdf is not allowed: must be a file that ends in .html"),
    ],
)
def test_what_cannot_be_shown_is_one_line(zerone, words, said):
    ended = zerone("lesson", *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_what_to_change_next_are_commands_that_are_taken(lesson):
    from zerone.cli.algorithm_command import parsed
    from zerone.cli.app import COMMANDS
    from zerone.cli.settings import chosen_settings
    from zerone.cli.step import step
    from zerone.cli.train import require_environment
    from zerone.training.algorithm_setup import make_algorithm

    for line in lesson.tries:
        command, *words = shlex.split(line)[1:]
        assert command in COMMANDS
        if command == "step":
            with step.make_context("step", words) as context:
                said = parsed(context.params["words"])
            require_environment(said.environment)
            make_algorithm(said.algorithm, said.environment, chosen_settings(said.algorithm, said.given))
