"""Figures of experiments speak the language of the command: nothing that is drawn is left out of the catalogue."""

from __future__ import annotations

import ast
import inspect
import re
from types import SimpleNamespace

import numpy as np
import pytest

from zerone.base.language import in_language, translated
from zerone.charts import fonts
from zerone.experiments import catalogue, figure
from zerone.experiments.protocol import Text

NAMES = re.compile(
    r"DQN|Double DQN|Q-learning|Sarsa|PPO|DDPG|REINFORCE|actor-critic|dueling DQN|γ\^\(k-1\)|\W*|[\d\W]*"
)
"""What is the same in both languages: names and formulas."""
WORDS = re.compile("[A-Za-z]{2}")
DRAWN = ("curve", "points", "line", "label", "set_title", "plot", "errorbar")
NOT_SHOWN = ("loc", "color", "linestyle", "marker", "fmt")


def literals(module):
    """The texts that a claim's `draw` gives to the sheet as they stand, and those of the tables of its labels."""
    tree = ast.parse(inspect.getsource(module))
    (draw,) = [each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == "draw"]
    named = {each.id for each in ast.walk(draw) if isinstance(each, ast.Name)}
    for each in tree.body:
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Dict) and each.targets[0].id in named:
            yield from (value for value in each.value.values if isinstance(value, ast.Constant | ast.JoinedStr))
    for call in ast.walk(draw):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in DRAWN:
            given = [*call.args, *(each.value for each in call.keywords if each.arg not in NOT_SHOWN)]
            for each in given:
                found = each.elts if isinstance(each, ast.List) else [each]
                yield from (part for part in found if isinstance(part, ast.Constant | ast.JoinedStr))


def text_of(node):
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(each.value for each in parts if isinstance(each, ast.Constant) and isinstance(each.value, str))


def left_in_english(module):
    found = {text_of(each) for each in literals(module)}
    return {each for each in found if WORDS.search(each) and not NAMES.fullmatch(each)}


@pytest.mark.parametrize("experiment", catalogue.entries(), ids=lambda each: each.name)
def test_what_a_claim_draws_is_in_the_catalogue(experiment):
    assert left_in_english(inspect.getmodule(experiment.draw)) == set()


def test_a_text_that_is_drawn_as_it_stands_is_found(monkeypatch):
    """The broken twin of the test above."""
    source = 'LABELS = {"a": "left so"}\ndef draw(sheet, results):\n'
    source += '    sheet.label("episode", f"of {x} steps", loc="upper left")\n'
    source += '    sheet.points(["DQN", "no replay"], LABELS)\n'
    monkeypatch.setattr(inspect, "getsource", lambda _: source)
    assert left_in_english(None) == {"left so", "episode", "of  steps", "no replay"}


def draw(sheet, results):
    del results
    sheet.curve(np.arange(3), np.ones((4, 3)), "no replay", 0)
    sheet.points(["plain DQN"], [np.arange(4.0)], panel=1)
    sheet.label(translated("episode"), translated("return while learning"))


def drawn(tmp_path, language):
    """The texts of a figure."""
    experiment = SimpleNamespace(
        title=Text("A title of its own", "一个很长的标题" * 6), draw=draw, panels=2, name="toy"
    )
    verdict = SimpleNamespace(experiment=experiment, quick=True)
    saved = []
    original = figure.save
    figure.save = lambda made, _: saved.append(made)
    try:
        with in_language(language):
            figure.write(verdict, SimpleNamespace(seeds=4), tmp_path / "figure.png")
    finally:
        figure.save = original
    made, axes = saved[0], saved[0].axes
    ticks = [each.get_text() for each in axes[1].get_yticklabels()]
    legend = [each.get_text() for each in axes[0].get_legend().get_texts()]
    return [made.get_suptitle(), made.get_supxlabel(), axes[0].get_xlabel(), axes[0].get_ylabel(), *legend, *ticks]


def test_a_figure_is_in_the_language_that_is_spoken(tmp_path, monkeypatch):
    english = [
        "A title of its own", "only a look: 4 seeds; shaded or barred: 95% interval over seeds", "episode",
        "return while learning", "no replay", "plain DQN",
    ]  # fmt: skip
    assert drawn(tmp_path, "en") == english
    monkeypatch.setattr(fonts, "_family", lambda: "Noto Sans CJK SC")  # it is only asked for, not looked at
    title, below, x, y, label, tick = drawn(tmp_path, "zh")
    assert title.replace("\n", "") == "一个很长的标题" * 6
    assert max(map(len, title.split("\n"))) <= 28  # each character takes two columns
    assert (below, x, y) == ("只是看一眼：4 个种子；阴影或横条：种子间的 95% 区间", "回合", "学习过程中的回报")
    assert (label, tick) == ("没有经验回放", "普通 DQN")
    monkeypatch.setattr(fonts, "_family", lambda: None)  # without a font figures are English
    assert drawn(tmp_path, "zh") == english
