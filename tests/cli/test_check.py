"""`zerone check` finds faults of an environment and lists suitable algorithms; `zerone environments` describes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from zerone.cli.options import VIEWS
from zerone.environments.gym import views
from zerone.training import schema


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)


def test_one_that_is_sound(zerone):
    ended = zerone("check", "worlds:Sound-v0")
    assert (ended.code, ended.err) == (0, "")
    for line in (
        "observations  Box(1,)",
        "seen as 1 number, as it is (float32, from -1 to 1)",
        "actions       Discrete(2)",
        "played        400 random steps, 40 episodes ended",
        "sound         yes",
        "algorithms    dqn, reinforce, actor-critic, ppo, a3c, dppo",
        "ddpg, td3, sac: it needs Box actions",
        "q-learning, sarsa, sarsa-lambda, monte-carlo, dyna-q: a table needs",
    ):
        assert line in ended.out.replace("\n              ", " "), (line, ended.out)
    assert max(map(len, ended.out.splitlines())) <= 80


def test_how_large_its_numbers_are_how_fast_it_is_and_what_gymnasium_says(zerone):
    found = zerone("check", "worlds:Large-v0", "--json").json
    (part,) = found["observed"]
    assert (part["name"], part["low"], part["high"]) == ("", 0, 5_000)
    assert 2_000 < part["mean"] < 3_000
    assert 2_400 < part["deviation"] < 2_501
    assert found["steps_per_second"] > 0
    (line,) = zerone("check", "worlds:Bounds-v0", "--json").json["gymnasium"]
    assert line.endswith("returned by `env.reset()` is not within the observation space.")
    assert zerone("check", "CartPole-v1", "--json", "--steps", 20).json["steps_per_second"] is None
    text = zerone("check", "worlds:Sound-v0", "--steps", 60).out
    assert "gymnasium     its own checker finds nothing" in text
    assert "observed      0 to 1, mean 0." in text


def test_what_is_put_around_is_checked_with_it(zerone):
    asked = ("--wrapper", "gymnasium.wrappers:ClipReward,min_reward=0,max_reward=0.5", "--frame-stack", 3)
    ended = zerone("check", "worlds:Sound-v0", *asked, "--frame-skip", 2, "--json")
    found = ended.json
    assert (ended.code, found["sound"], max(found["returns"]) <= 2.5) == (0, True, True)
    assert found["facts"]["observations"]["seen"][0]["as"].startswith("3 numbers, as they are")
    assert zerone("check", "CartPole-v1", "--frame-stack", 2, "--steps", 9, "--json").json["facts"]["engine"] == "host"
    zerone("check", "worlds:Sound-v0", "--wrapper", "worlds:Nothing").refused("module 'worlds' has no 'Nothing'")
    zerone("check", "worlds:Sound-v0", "--wrapper", "Nothing").refused("--wrapper Nothing is not allowed")


WRONG = {
    "Bounds": "number 0 of the observation goes from 0 to 3, though its space says from -1 to 1",
    "Chance": "with the same seed and actions the same copy, reset again, gives something else after step 0",
    "Remembers": "the same copy, reset again, gives something else after step 0",
    "NoReward": "environment worlds:NoReward-v0, seed 0, step 1: the reward is None, not a finite number",
    "Halves": "seed 0, step 0: the observation has 0.5 in it, which the type uint8 of its space cannot hold",
}


@pytest.mark.parametrize(("name", "words"), WRONG.items())
def test_what_is_wrong_is_a_problem_and_ends_with_1(zerone, name, words):
    ended = zerone("check", f"worlds:{name}-v0", "--json")
    assert (ended.code, ended.err, ended.json["sound"]) == (1, "", False)
    (problem,) = ended.json["problems"]
    assert words in problem
    ended = zerone("check", f"worlds:{name}-v0")
    assert ended.code == 1
    assert "sound         no: 1 problem\nproblem       " in ended.out


NOTED = {
    "Clock": ["one number in 32 bits", "has numbers of up to 1.7e+09"],
    "Symbols": ["goes from 2 to 3 only, and is divided by 255: if these are symbols, not brightness, choose --observ"],
    "Large": ["is of type float64, its space says float32", "has numbers of up to 5,000; networks learn best"],
    "Endless": ["no reward but 0 in 400 random steps", "no episode ended in 400 random steps"],
    "Missions": [],
}


@pytest.mark.parametrize(("name", "words"), NOTED.items())
def test_what_may_be_meant_so_is_noted(zerone, name, words):
    ended = zerone("check", f"worlds:{name}-v0", "--json")
    assert (ended.code, ended.err, ended.json["sound"]) == (0, "", True)
    notes = ended.json["notes"]
    assert len(notes) == len(words), notes
    for word in words:
        assert any(word in note for note in notes), (word, notes)


def test_what_cannot_be_checked_ends_with_2(zerone):
    zerone("check").refused("ENVIRONMENT is missing")
    zerone("check", "worlds:Nothing-v0").refused("worlds has no 'Nothing-v0'")
    zerone("check", "nowhere_at_all:X-v0").refused("cannot be imported")
    zerone("check", "CartPole-v1", "--steps", 0).refused("--steps 0")
    zerone("check", "CartPole-v1", "--option", "gravty=3").refused("gravty")
    zerone("check", "worlds:Sound-v0", "--observations", "pictures").refused("did you mean 'picture'?")
    zerone("check", "worlds:Sound-v0", "--observations", "grid").refused("no height and width")
    zerone("check", "worlds:OnlyMissions-v0").refused(
        "its observations are Mission, in which no number has a fixed place"
    )


def test_how_each_part_is_seen(zerone):
    found = zerone("check", "worlds:Missions-v0", "--json").json["facts"]["observations"]
    assert found["seen"] == [
        {"name": "image", "as": "147 numbers, as they are (uint8, each from 0 to 255)"},
        {"name": "direction", "as": "one of 4"},
    ]
    assert (found["left_out"], found["together"]) == (["mission (Mission)"], "a row of 151 numbers")
    asked = zerone("check", "worlds:Symbols-v0", "--observations", "grid", "--json").json
    assert asked["notes"] == []
    assert asked["facts"]["observations"]["seen"][0]["as"].startswith("a picture of 16 × 16 with 3 channels, as it is")
    assert "mission (Mission) is not seen" in zerone("check", "worlds:Missions-v0").out


def test_the_words_are_those_of_the_library():
    assert tuple(views.VIEWS) == VIEWS
    assert (*views.VIEWS, views.FIRST, views.ROW) == schema.VIEWS


@pytest.mark.thorough(after=3)
@pytest.mark.parametrize("name", ["CartPole-v1", "zerone/Maze-v0", "Pendulum-v1", "FrozenLake-v1"])
def test_ours_are_sound(zerone, name):
    ended = zerone("check", name, "--json")
    assert (ended.code, ended.json["problems"], ended.json["facts"]["engine"]) == (0, [], "compiled")


def test_what_an_environment_prints_is_not_among_the_results(zerone):
    ended = zerone("check", "worlds:Prints-v0", "--json", "--steps", 20)
    assert ended.json["sound"]


def test_any_environment_can_be_described(zerone):
    ended = zerone("environments", "worlds:Limited-v0")
    assert (ended.code, ended.err) == (0, "")
    for line in (
        "environment   worlds:Limited-v0",
        "episodes      at most 30 steps; solved at a mean return of 7.5",
        "engine        host",
        "presets       none: algorithms begin with their defaults",
        "Options, each as --option NAME=VALUE:\n  size                  default 0.5",
    ):
        assert line in ended.out, (line, ended.out)
    found = zerone("environments", "Acrobot-v1", "--json").json
    assert (found["limit"], found["solved_at"], found["actions"]["kind"]) == (500, -100.0, "one of 3")
    assert found["observations"]["low"][:4] == [-1.0] * 4
    assert len(found["observations"]["high"]) == 6
    blackjack = zerone("environments", "Blackjack-v1", "--json").json
    assert blackjack["observations"]["seen"][0]["as"] == "3 counts of 32, 11, 2 values"
    assert [each["name"] for each in blackjack["options"]] == ["limit", "reward", "sab", "natural"]


def test_ours_are_described_with_their_tuned_settings(zerone):
    found = zerone("environments", "CartPole-v1", "--json").json
    assert found["presets"] == ["dqn", "reinforce", "actor-critic", "ppo", "a3c", "dppo"]
    assert (found["limit"], found["engine"], found["gymnasium_id"]) == (500, "compiled", "CartPole-v1")
    assert "gravity" in [each["name"] for each in found["options"]]
    assert found["observations"]["low"][1] is None
    changed = zerone("environments", "zerone/Maze-v0", "--option", "limit=7")
    assert "at most 7 steps" in changed.out
    zerone("environments", "--option", "limit=7").refused("--option limit=7", "without an ENVIRONMENT")
    zerone("environments", "worlds:OnlyMissions-v0").refused("no number has a fixed place")


@pytest.mark.thorough
def test_another_version_of_one_of_ours_is_said_when_a_training_begins(zerone, caplog):
    small = ("--steps", 40, "--evaluation-episodes", 1, "--no-figure", "--quiet", "--warmup", 1000)
    assert zerone("train", "dqn", "CartPole-v0", *small, "--out", "old").code == 0
    (line,) = [each.getMessage() for each in caplog.records if each.name == "zerone"]
    assert line == (
        "zerone: CartPole-v0 is another version of CartPole-v1, which has tuned settings for dqn and runs compiled: "
        "this one does not"
    )
    caplog.clear()
    assert zerone("train", "dqn", "worlds:Sound-v0", *small, "--out", "other").code == 0
    assert [each for each in caplog.records if each.name == "zerone"] == []


@pytest.mark.thorough
def test_missions_are_learnt_and_blackjack_is_a_table(zerone, caplog):
    """Both once failed: Gymnasium cannot flatten the first space, and flattens the second into 45 numbers."""
    small = ("--steps", 300, "--evaluation-episodes", 2, "--no-figure", "--quiet")
    assert zerone("train", "ppo", "worlds:Missions-v0", *small, "--out", "missions").code == 0
    assert [each.getMessage() for each in caplog.records if each.name == "zerone"] == [
        "zerone: environment worlds:Missions-v0: mission (Mission) has no numbers in fixed places, and is left out of "
        "what is seen"
    ]
    assert zerone("train", "q-learning", "Blackjack-v1", "--engine", "host", *small, "--out", "blackjack").code == 0
    assert "mean return" in zerone("evaluate", "blackjack", "--episodes", 5).out
    shown = zerone("watch", "blackjack", "--text", "--episodes", 1)
    assert (shown.code, shown.err) == (0, "")
    assert "episode 1  step 1  return" in shown.out
    zerone("train", "ppo", "worlds:OnlyMissions-v0", *small, "--out", "no").refused("no number has a fixed place")


def test_a_sweep_is_asked_the_same(zerone, here):
    asked = ("sweep", "dqn", "CartPole-v1", "learning_rate=1e-3,1e-2", "--steps", 40)
    zerone(*asked, "--observations", "picture").refused("observations = 'picture'", "no height and width")
    zerone(*asked, "--observations", "pixels").refused("--observations pixels", "picture")
    assert not list(here.iterdir())


@pytest.mark.thorough
def test_how_it_is_seen_goes_with_a_run(zerone):
    small = ("--steps", 40, "--evaluation-episodes", 1, "--no-figure", "--quiet", "--warmup", 1000, "--hidden", 8)
    assert zerone("train", "dqn", "worlds:Symbols-v0", *small, "--observations", "numbers", "--out", "run").code == 0
    assert zerone("evaluate", "run", "--episodes", 1).code == 0
    zerone("train", "--resume", "run", "--observations", "grid").refused("--observations grid", "has numbers")
    assert zerone("train", "--resume", "run", "--observations", "numbers", "--quiet").code == 0
