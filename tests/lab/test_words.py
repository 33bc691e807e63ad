"""All texts of the page exist in both languages."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np

from zerone.algorithms import catalogue as algorithms
from zerone.environments import catalogue as environments
from zerone.environments.endings import ending
from zerone.lab import assets
from zerone.lab.playable import PLAYABLE

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def script(name):
    return assets.files()[f"js/{name}.js"][0].decode()


def words():
    text = r'"(?:[^"\\]|\\.)*"'
    found = re.findall(rf"(\w+): \[({text}), ({text})\]", script("words"))
    return {name: (json.loads(english), json.loads(chinese)) for name, english, chinese in found}


def test_each_word_is_there_in_both_languages():
    known = words()
    assert len(known) > 100
    for name, (english, chinese) in known.items():
        if name not in ("language", "stepOfEnd", "of", "comma"):
            assert english
            assert not CHINESE.search(english), name
            assert CHINESE.search(chinese), name
        assert re.findall(r"\{\w+\}", english) == re.findall(r"\{\w+\}", chinese) or set(
            re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", chinese)), name  # fmt: skip


def test_each_word_that_is_asked_for_is_known():
    known, used = words(), set()
    for name, (content, _) in assets.files().items():
        if name.endswith(".js"):
            used |= set(re.findall(r'\bt\("(\w+)"', content.decode()))
        if name.endswith(".html"):
            used |= set(re.findall(r'data-word="(\w+)"', content.decode()))
    assert used - set(known) == set()


def test_what_the_server_says_of_settings_is_translated():
    """After a change of an English text, the test fails until its translation is updated, too."""
    chinese = json.loads(script("catalogue").removeprefix("export const CATALOGUE = ").rstrip().rstrip(";"))
    asked = {entry.text for entry in (*algorithms.entries(), *environments.entries())}
    for entry in algorithms.entries():
        for field in dataclasses.fields(entry.make):
            allowed = field.metadata.get("allowed")
            if allowed is not None and allowed.text:
                asked.add(allowed.text)
    assert asked - chinese.keys() == set(), "say it in Chinese, too: tools/translations.py"
    assert all(CHINESE.search(chinese[text]) for text in asked)


def listed(name):
    """The names in a table of `refusals.js`."""
    (table,) = re.findall(rf"^export const {name} = \{{\n(.*?)^\}};", script("refusals"), re.MULTILINE | re.DOTALL)
    return set(re.findall(r'"?(\w+(?: \w+)*)"?: "', table))


def test_settings_metrics_and_ends_of_episodes_have_chinese_names():
    settings = {field.name for entry in algorithms.entries() for field in dataclasses.fields(entry.make)}
    assert settings - listed("SETTING_NAMES") == set(), "name it in Chinese: src/zerone/lab/page/js/refusals.js"
    metrics = {name for entry in algorithms.entries() for name in entry.make().metrics}
    assert metrics - listed("METRICS") == set()
    ends = {ending(each, {})(np.array([0.0, 0.0, 1.0, 0.0]), reward, {}) for each in PLAYABLE for reward in (-1.0, 1.0)}
    assert ends - listed("ENDINGS") - {""} == set()
