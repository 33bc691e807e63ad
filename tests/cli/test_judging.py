"""What is printed about evaluations: truncated episodes, random or greedy actions, and the level of the task."""

import json
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _worlds(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)


def train(zerone, world, *words):
    return zerone("train", "reinforce", f"worlds:{world}", "--steps", 64, "--out", "run", "--longest-episode", 20,
                  "--no-figure", *words)  # fmt: skip


def test_episodes_that_were_cut_are_no_results_and_the_limit_can_be_set(zerone, here):
    ended = train(zerone, "Endless-v0", "--evaluation-episodes", 3, "--evaluation-limit", 20)
    assert ended.code == 0, ended
    cut = "3 of these episodes had not ended after {} steps and were cut: their returns are those of a part ({} sets"
    assert cut.format(20, "--evaluation-limit") in ended.out
    assert "64 / 64 steps  final evaluation: 3 episodes" in ended.out
    found = zerone("evaluate", "run", "--episodes", 3, "--trust")
    assert cut.format(20, "--limit") in found.out
    assert cut.format(7, "--limit") in zerone("evaluate", "run", "--episodes", 3, "--limit", 7, "--trust").out
    said = zerone("evaluate", "run", "--episodes", 3, "--limit", 7, "--trust", "--json").json
    assert (said["cut"], said["limit"], said["length_mean"], said["stochastic"]) == (3, 7, 7.0, False)
    (seed,) = json.loads((here / "run" / "result.json").read_text())["seeds"]
    assert seed["cut"] == 3


def test_what_ends_is_not_said_to_be_cut(zerone):
    assert "cut" not in train(zerone, "Sound-v0", "--evaluation-episodes", 3).out
    assert "cut" not in zerone("evaluate", "run", "--episodes", 3, "--trust").out


@pytest.mark.parametrize("word", ["0", "-3", "2.5", "many"])
def test_a_limit_that_is_none_is_refused(zerone, word):
    train(zerone, "Sound-v0", "--evaluation-limit", word).refused("--evaluation-limit", word)


@pytest.mark.thorough
def test_where_the_best_policy_is_a_random_one_it_is_judged_as_it_acts(zerone, here):
    asked = "--evaluation-episodes", 20, "--evaluation-limit", 300
    assert "-300.00" in train(zerone, "Mirror-v0", *asked).out
    assert "mean return -300.00" in zerone("evaluate", "run", "--episodes", 5, "--trust").out
    by_chance = zerone("evaluate", "run", "--stochastic", "--trust")
    assert "reinforce on worlds:Mirror-v0, stochastic: mean return -" in by_chance.out
    assert zerone("evaluate", "run", "--stochastic", "--trust").out == by_chance.out
    assert zerone("evaluate", "run", "--stochastic", "--trust", "--json").json["return_mean"] > -50
    # As in training by default.
    ended = train(zerone, "Mirror-v0", *asked, "--stochastic", "--overwrite")
    assert "over 20 episodes of stochastic play" in ended.out
    assert json.loads((here / "run" / "result.json").read_text())["return_mean"] > -50
    assert zerone("evaluate", "run", "--trust", "--json").json["return_mean"] > -50
    assert "mean return -300.00" in zerone("evaluate", "run", "--greedy", "--episodes", 5, "--trust").out


def test_an_agent_is_watched_as_it_explores(zerone):
    zerone("train", "q-learning", "zerone/Treasure-v0", "--steps", 2_000, "--out", "run", "--no-figure")
    watched = "watch", "run", "--text", "--plain", "--episodes", 8
    greedy, exploring = zerone(*watched).out, zerone(*watched, "--stochastic").out
    assert exploring == zerone(*watched, "--stochastic").out
    assert len(exploring.splitlines()) > len(greedy.splitlines())  # it makes mistakes and takes longer


@pytest.mark.thorough
def test_the_level_of_another_task_is_not_this_one_s(zerone):
    words = "--steps", 2_000, "--out", "run", "--no-figure", "--evaluation-episodes", 1
    ended = zerone("train", "ppo", "Pendulum-v1", "--option", "gravity=15", *words)
    assert "solved is not tested: the threshold -200 is for Pendulum-v1 without these options" in ended.out
    assert "(solved: -900 or more)" in zerone("train", "ppo", "Pendulum-v1", "--option", "gravity=15", *words,
                                              "--solved-at", "-900", "--overwrite").out  # fmt: skip
    assert "(solved: -200 or more)" in zerone("train", "ppo", "Pendulum-v1", *words, "--overwrite").out
