"""The tree of futures on the page shows what the search compares, and does not change what is learnt."""

from __future__ import annotations

import json

import numpy as np
import pytest

from zerone.base.errors import InputError
from zerone.lab.futures import can_look_ahead, search_of
from zerone.lab.messages import LookAhead, read
from zerone.lab.moment import Moments
from zerone.lab.setups import read_setup
from zerone.lab.training import Training


def made(algorithm, environment):
    training = Training(read_setup({"algorithm": algorithm, "environment": environment}))
    return training, Moments(training)


def test_each_value_is_the_reward_and_the_discounted_best_of_what_follows():
    training, moments = made("q-learning", "zerone/Treasure-v0")
    training.go_to(400)
    before = moments.now(False)
    moments.look_ahead(2)
    now = moments.now(False)
    found, table, here = now.pop("futures"), np.asarray(now["table"]), now["state"]
    assert now == before
    assert (found["depth"], found["discount"]) == (2, 0.9)
    best = max(found["tree"], key=lambda each: each["value"])
    assert [each["action"] for each in found["tree"] if each["best"]] == [best["action"]] == ["right"]
    for node in found["tree"]:
        assert node["value"] == pytest.approx(node["reward"] + 0.9 * node["following"], abs=1e-3)
    # In a line of cells, each step to the right leads to the next cell.
    below = {each["action"]: each["value"] for each in best["next"]}
    assert below["left"] == pytest.approx(0.9 * table[here].max(), abs=1e-3)
    assert best["following"] == pytest.approx(max(below.values()), abs=1e-3)
    moments.look_ahead(0)
    assert "futures" not in moments.now(False)


def test_a_tree_search_says_how_often_it_went_where_and_what_it_would_do():
    training, moments = made("q-learning", "zerone/Treasure-v0")
    training.go_to(3_000)
    before = moments.now(False)
    while before["state"] != 2:
        training.go_to(training.at + 1)
        before = moments.now(False)
    moments.look_ahead(0, 64)
    now = moments.now(False)
    found, state = now.pop("futures"), now["state"]
    assert now == before
    assert sum(each["visits"] for each in found["tree"]) == found["simulations"] == 64
    (best,) = [each for each in found["tree"] if each["best"]]
    assert best["action"] == "right"
    # The treasure, of reward 1, is at the right end of a line of six cells: what is k steps away is worth 0.9^(k - 1).
    away = 5 - state
    assert best["value"] == pytest.approx(0.9 ** (away - 1), abs=1e-3)
    assert found["way"][:away] == ["right"] * away
    for node in found["tree"]:
        if node["visits"]:
            follows = 0.9 * (1 - node["terminated"]) * node["following"]
            assert node["value"] == pytest.approx(node["reward"] + follows, abs=1e-3)
    # Of the simulations that went right, the first grew the node, and each of the others tried one action there.
    assert sum(each["visits"] for each in best["next"]) in (best["visits"] - 1, best["visits"])
    training.go_to(training.at + 1)
    training.go_to(training.at - 1)
    assert moments.now(False)["futures"] == found  # the same bits on the way back
    moments.look_ahead(0)
    assert "futures" not in moments.now(False)


def test_an_action_that_no_simulation_has_tried_has_its_learnt_value_and_nothing_behind_it():
    _, moments = made("q-learning", "Taxi-v4")
    moments.look_ahead(0, 16)
    tree = moments.now(False)["futures"]["tree"]
    untried = [each for each in tree if not each["visits"]]
    assert untried or all("reward" in each for each in tree)
    assert all("reward" not in each and each["next"] == [] for each in untried)


def test_only_values_of_actions_can_be_looked_ahead_with_and_only_so_far_as_is_quick():
    assert not can_look_ahead(made("reinforce", "CartPole-v1")[0])
    torques, _ = made("dqn", "zerone/Pendulum25-v0")
    assert search_of(torques, 3).depth == 2
    slippery, _ = made("q-learning", "FrozenLake-v1")
    assert search_of(slippery, 3).depth == 2


@pytest.mark.parametrize("steps", [-1, 4, 1.0, "2", None, True])
def test_another_number_of_steps_is_refused(steps):
    assert read('{"do": "look-ahead", "steps": 3}') == LookAhead(3)
    with pytest.raises(InputError, match="must be a whole number from 0 to 3"):
        read(json.dumps({"do": "look-ahead", "steps": steps}))


@pytest.mark.parametrize("simulations", [-1, 0, 17, 64.0, "64", None, True, 10**9])
def test_another_number_of_simulations_is_refused(simulations):
    assert read('{"do": "look-ahead", "simulations": 64}') == LookAhead(0, 64)
    with pytest.raises(InputError, match="must be one of 16, 64, 256"):
        read(json.dumps({"do": "look-ahead", "simulations": simulations}))
    with pytest.raises(InputError, match="nothing else"):
        read(json.dumps({"do": "look-ahead", "steps": 1, "simulations": 64}))
