"""Each chapter is complete in both languages, and its set-ups can be trained as described."""

from __future__ import annotations

import re

import pytest

from zerone.lab.messages import PACES, read_setup
from zerone.lessons.catalogue import lessons
from zerone.training.algorithm_setup import make_algorithm
from zerone.training.engine_setup import make_engine

BOXES = {"environment", "policy", "values", "memory", "model", "update"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_there_are_fourteen_in_the_order_of_the_tutorial():
    assert len(lessons()) == 14
    algorithms = list(dict.fromkeys(setup["algorithm"] for lesson in lessons() for setup in lesson.setups))
    assert algorithms == ["q-learning", "sarsa", "sarsa-lambda", "dyna-q", "dqn", "reinforce", "actor-critic", "ddpg",
                          "a3c", "ppo"]  # fmt: skip
    assert len({lesson.name for lesson in lessons()}) == 14


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_a_chapter_is_whole_and_its_set_ups_can_be_trained(lesson):
    for name in ("title", "idea", "more", "question", "answer", "next"):
        text = getattr(lesson, name)
        assert set(text) == {"en", "zh"}
        assert not CHINESE.search(text["en"]), name
        assert CHINESE.search(text["zh"]), name
    assert set(lesson.boxes) <= BOXES
    assert lesson.pace in PACES
    found = [read_setup(each) for each in lesson.as_json()["setups"]]
    for setup in found:
        algorithm, _ = make_algorithm(setup.algorithm, setup.environment, dict(setup.settings))
        make_engine("compiled", algorithm, setup.environment, {}).close()
    if len(found) > 1:  # they differ in a single setting
        first, *others = found
        for each in others:
            differences = [each.algorithm != first.algorithm, each.environment != first.environment,
                           *(each.settings[name] != value for name, value in first.settings.items())]  # fmt: skip
            assert sum(differences) == 1
