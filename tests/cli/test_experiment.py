"""`zerone experiment`: the list, a quick run, and what is refused."""

from __future__ import annotations

import re

from zerone.experiments import catalogue


def test_the_list(zerone):
    ended = zerone("experiment")
    assert ended.code == 0
    for experiment in catalogue.entries():
        assert experiment.name in ended.out
    listed = zerone("experiment", "--json").json
    assert [each["name"] for each in listed] == catalogue.names()
    assert {"claim", "source", "minutes", "seeds", "environment"} <= listed[0].keys()


def test_a_look(zerone, here):
    ended = zerone("experiment", "maximum-bias", "--quick", "--json")
    assert ended.code == 0
    found = ended.json
    assert {"claim", "verdict", "effect", "interval", "seeds", "figure"} <= found.keys()
    assert found["only_a_look"]
    assert found["seeds"] == catalogue.look_up("maximum-bias").quick_seeds
    assert (here / found["figure"]).exists()
    assert found["figure"] == "runs/experiments/maximum-bias-quick/figure.png"
    said = zerone("experiment", "maximum-bias", "--quick", "--seeds", "5", "--out", "there")
    assert said.code == 0
    assert "only a look" in said.out
    assert "5 seeds" in said.out
    assert (here / "there" / "maximum-bias-quick" / "results.csv").exists()


def test_what_is_refused(zerone, here):
    zerone("experiment", "causion").refused("experiment 'causion' is unknown", "did you mean 'caution'?")
    zerone("experiment", "caution", "--seeds", "1").refused("--seeds 1", "from 2 to")
    zerone("experiment", "caution", "--all").refused("--all", "exclude")
    zerone("experiment", "--quick").refused("--quick needs an experiment")
    zerone("experiment", "--seeds", "3").refused("--seeds needs an experiment")
    zerone("experiment", "caution", "--report").refused("--report", "needs --all")
    zerone("experiment", "--all", "--quick", "--report").refused("--report", "not --quick")
    zerone("experiment", "--all", "--report").refused("--report", "docs")
    assert list(here.iterdir()) == []


def test_a_look_prints_no_verdict_in_capitals_and_says_what_to_look_at(zerone):
    said = zerone("experiment", "maximum-bias", "--quick", "--seeds", "5").out
    assert not any(word in said for word in ("CONFIRMED", "REFUTED", "UNDECIDED"))
    assert re.search(r"so far (confirmed|refuted|undecided)  runs/", said)
    assert "look at: The blue curve" in said
