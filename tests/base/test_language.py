"""The language in Python: what is chosen, then the environment variable; in every thread, and not the locale."""

from __future__ import annotations

import logging
import threading

import pytest

import zerone as zo
from zerone.base import language as speaking
from zerone.base.language import ENGLISH, in_language, language, process_in_language, translated
from zerone.cluster.ray_actor import RayActor, WorkerError


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """Nothing is chosen, and no variable is set; the locale is Chinese."""
    monkeypatch.delenv("ZERONE_LANGUAGE")
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    yield
    zo.set_language(None)


def in_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def refusal():
    with pytest.raises(zo.InputError) as caught:
        zo.train("q-learning", "zerone/Maze-v0", steps=0)
    return str(caught.value)


def test_what_is_chosen_holds_in_every_thread_and_is_stronger_than_the_variable(monkeypatch):
    assert language() == ENGLISH
    assert "must be" in refusal()
    monkeypatch.setenv("ZERONE_LANGUAGE", "zh")
    assert (language(), in_thread(language)) == ("zh", "zh")
    assert "应为" in refusal()
    zo.set_language("en")
    assert "must be" in refusal()
    zo.set_language("zh")
    assert "应为" in in_thread(refusal)
    with in_language("en"):
        assert (language(), in_thread(language)) == ("en", "zh")
    with process_in_language("en"):
        assert (language(), in_thread(language)) == ("en", "en")
    zo.set_language(None)
    assert language() == "zh"  # the variable's again


def test_a_setting_that_is_refused_where_it_is_made_says_it_in_chinese():
    zo.set_language("zh")
    with pytest.raises(zo.InputError, match="learning_rate") as caught:
        zo.QLearning(learning_rate=-1.0)
    assert "应为" in str(caught.value)


def test_progress_in_python_is_in_chinese(capfd, tmp_path):
    zo.set_language("zh")
    zo.train("q-learning", "zerone/Treasure-v0", steps=200, out=tmp_path / "run", figure=False, progress=True)
    said = capfd.readouterr().err

    assert "步" in said
    assert (tmp_path / "run" / "metrics.csv").read_text().startswith("seed,step,")  # what programs read


@pytest.mark.parametrize("name", ["klingon", "", "ZH", 5, "zh_CN"])
def test_another_language_is_refused(name):
    with pytest.raises(zo.InputError, match="allowed: en, zh"):
        zo.set_language(name)
    assert language() == ENGLISH


def test_a_variable_that_names_no_language_is_said_once(monkeypatch, caplog):
    monkeypatch.setenv("ZERONE_LANGUAGE", "klingon")
    speaking._of_variable.cache_clear()
    with caplog.at_level(logging.WARNING, "zerone"):
        assert (language(), language()) == (ENGLISH, ENGLISH)
    assert len(caplog.records) == 1
    assert "ZERONE_LANGUAGE klingon is not allowed" in caplog.text


def test_a_worker_says_what_is_wrong_in_the_language_of_its_chief():
    class Task:
        def worker(self, algorithm, _):
            raise zo.InputError(translated("the {name} world", name=algorithm) + refusal())

    for spoken, word in (("zh", "应为"), ("en", "must be")):
        actor = object.__new__(RayActor)
        found = actor.begin("toy", Task(), 0, spoken)
        assert isinstance(found, WorkerError)
        assert word in found.line
