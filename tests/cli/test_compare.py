"""`zerone compare`: two tables for people, one JSON object for programs."""

from __future__ import annotations

import pytest
from finished import write_run


@pytest.fixture
def two(here):
    write_run(here / "good", [500.0, 480.0, 470.0, 490.0])
    write_run(here / "bad", [100.0, 400.0, 90.0, 120.0, 60.0])


@pytest.mark.usefixtures("two")
def test_tables(zerone):
    ended = zerone("compare", "good", "bad")
    assert (ended.code, ended.err) == (0, "")
    for word in ("CartPole-v1", "interquartile mean", "485.0 [", "reached 475", "3 of 4", "0 of 5", "never",
                 "good > bad", "1 [0.518, 1]", "difference", "331.0 [", "95% intervals over seeds", "4 seeds are few",
                 "older run"):  # fmt: skip
        assert word in ended.out


@pytest.mark.usefixtures("two")
def test_json_and_a_figure(zerone, here):
    found = zerone("compare", "good", "bad", "--json", "--threshold", "80", "--out", "c.svg").json
    assert (found["environment"], found["threshold"], found["figure"]) == ("CartPole-v1", 80, "c.svg")
    assert [run["name"] for run in found["runs"]] == ["good", "bad"]
    assert found["runs"][1]["returns"] == [100, 400, 90, 120, 60]
    assert found["runs"][1]["reached"]["seeds"] == 4
    low, high = found["runs"][0]["iqm_interval"]
    assert low <= found["runs"][0]["iqm"] <= high
    (pair,) = found["pairs"]
    assert (pair["better"], pair["worse"], pair["probability"], pair["difference"]) == ("good", "bad", 1, 331)
    assert pair["interval"][1] == 1
    assert pair["difference_interval"][0] < 331 < pair["difference_interval"][1]
    assert found["runs"][0]["reached"]["steps_interval"] is None  # too few seeds for an interval of the median
    assert any("few" in note for note in found["notes"])
    assert (here / "c.svg").read_text().startswith("<?xml")
    # The median seed never reached the level: infinity is null in JSON.
    assert zerone("compare", "good", "bad", "--json").json["runs"][1]["reached"]["steps_median"] is None


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(("arguments", "words"), [
    ((), ["RUN", "missing"]),
    (("good",), ["1 run is too few"]),
    (("good", "nowhere"), ["nowhere", "no such run folder"]),
    (("good", "bad", "--threshold", "nan"), ["--threshold nan", "finite number"]),
    (("good", "bad", "--out", "c.jpg"), ["--out c.jpg", ".png, .svg, .pdf"]),
    (("good", "bad", "--treshold", "1"), ["--treshold", "did you mean --threshold?"]),
])  # fmt: skip
def test_refusals(zerone, here, arguments, words):
    before = sorted(here.iterdir())
    zerone("compare", *arguments).refused(*words)
    assert sorted(here.iterdir()) == before
