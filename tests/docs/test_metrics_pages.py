"""The metrics pages explain exactly the metrics that are written."""

from __future__ import annotations

import json
import re

import pytest

from zerone.algorithms import catalogue
from zerone.cli.app import run

PAGES = pytest.mark.parametrize("name", ["docs/metrics.md", "docs/metrics.zh.md"])


def tables(text):
    """The names in the first column of each table, table by table."""
    found = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) for table in found]


def section(text, heading):
    """The text below a second-level heading."""
    return re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)[1]


@PAGES
def test_columns(name, page, trained):
    header = (trained / "metrics.csv").read_text().splitlines()[0].split(",")
    common = tables(page(name))[0]
    assert common[:5] + list(catalogue.look_up("dqn").make.metrics) + common[5:] == header
    for entry in catalogue.entries():
        found = tables(section(page(name), entry.name))
        assert (found[0] if found else []) == list(entry.make.metrics), entry.name


def test_meanings_are_those_of_the_code(page):
    for entry in catalogue.entries():
        for metric, meaning in entry.make.metrics.items():
            assert f"| `{metric}` | {meaning}" in page("docs/metrics.md")


@PAGES
def test_result(name, page, trained):
    result = json.loads((trained / "result.json").read_text())
    whole, of_each_seed = tables(section(page(name), "result.json"))
    assert whole == list(result)
    assert of_each_seed == list(result["seeds"][0])


@PAGES
def test_evaluation(name, page, trained, capsys):
    assert run(["evaluate", str(trained), "--episodes", "2", "--json"]) == 0
    (named,) = tables(section(page(name), "zerone evaluate --json"))
    assert {*json.loads(capsys.readouterr().out), "seeds"} == {*named}


@pytest.mark.thorough(after=1)
@PAGES
def test_experiment(name, page, capsys, tmp_path):
    assert run(["experiment", "maximum-bias", "--quick", "--json", "--out", str(tmp_path)]) == 0
    (named,) = tables(section(page(name), "zerone experiment NAME --json"))
    assert named == [*json.loads(capsys.readouterr().out)]
