"""`--lookahead` and related options: evaluating and watching an agent that searches before it acts."""

import pytest


@pytest.fixture
def run(zerone):
    words = "--steps", 300, "--seed", 1, "--out", "run", "--no-figure"
    assert zerone("train", "dyna-q", "zerone/Maze-v0", *words).code == 0
    return "run"


@pytest.mark.thorough
def test_an_agent_that_searches_is_judged_watched_and_refused(zerone, run):
    plain = zerone("evaluate", run, "--episodes", 3, "--json").json
    assert zerone("evaluate", run, "--episodes", 3, "--lookahead", 0, "--json").json == plain

    found = zerone("evaluate", run, "--episodes", 3, "--simulations", 24, "--json").json
    assert found["simulations"] == 24
    assert found["return_mean"] == 1.0
    assert {name for name in found if name not in plain} == {"simulations"}
    assert "maze" in zerone("evaluate", run, "--episodes", 3, "--simulations", 24).out.lower()

    learnt = zerone("evaluate", run, "--episodes", 3, "--lookahead", 2, "--lookahead-model", "learnt", "--json").json
    expected = {"lookahead": 2, "lookahead_samples": 1, "lookahead_model": "learnt"}
    assert {name: value for name, value in learnt.items() if name not in plain} == expected
    said = zerone("evaluate", run, "--episodes", 3, "--lookahead", 2, "--lookahead-model", "learnt").out
    assert "dyna-q on zerone/Maze-v0, lookahead 2, lookahead model learnt, lookahead samples 1: mean return" in said

    watch = "watch", run, "--text", "--episodes", 1
    shown = zerone(*watch, "--simulations", 24).out
    assert "1, the end" in shown
    first = zerone(*watch, "--lookahead", 2).out.split("\n\n")[1].splitlines()
    futures = [line for line in first if line.startswith("  ") and " = " in line]
    assert len(futures) == 4 + 16
    assert sum("*" in line for line in futures) == 1 + 4  # the best action now, and after each first action
    assert zerone(*watch).out == zerone(*watch, "--lookahead", 0).out

    for words, what in {
        ("evaluate", run, "--lookahead", 2, "--stochastic"): "stochastic and a search exclude each other",
        ("evaluate", run, "--lookahead", 65): "--lookahead 65 is not allowed: must be a whole number, from 0 to 64",
        ("evaluate", run, "--lookahead", 9): "lookahead = 8 has 65,536",
        (*watch, "--lookahead", 2, "--simulations", 3): "exclude each other",
        (*watch, "--lookahead", 2, "--follow"): "--follow and --lookahead exclude each other",
        (*watch, "--simulations", 2, "--learning"): "--simulations and --learning exclude each other",
        ("watch", run, "--html", "page.html", "--lookahead", 2): "--html and --lookahead exclude each other",
        ("watch", run, "--html", "page.html", "--trust"): "--html and --trust exclude each other: the page imports",
        (*watch, "--lookahead-samples", 2): "lookahead_samples = 2 is not allowed without lookahead",
    }.items():
        zerone(*words).refused(what)
