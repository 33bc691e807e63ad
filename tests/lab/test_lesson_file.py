"""A chapter in one file: it shows the training's own steps, and a browser can step through it without a server."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from browser import found, wait_for
from PIL import Image

from zerone.base.language import in_language
from zerone.lab.lesson_file import page_of, recorded
from zerone.lab.moment import Moments
from zerone.lab.setups import read_setup
from zerone.lab.training import Training
from zerone.lessons.catalogue import look_up

STEPS = 120


@pytest.fixture(scope="module")
def cliff():
    return recorded(look_up("cliff"), STEPS)


@pytest.mark.thorough
def test_each_recorded_moment_is_that_of_the_training(cliff):
    places = cliff["places"]
    assert places[:31] == list(range(31))
    assert places[-1] == STEPS
    for which, setup in enumerate(look_up("cliff").as_json()["setups"]):
        training = Training(read_setup(setup))
        made, now = Moments(training), {}
        for at, changed in zip(places, cliff["trainings"][which]["moments"], strict=True):
            now |= changed
            if at in (1, 30, STEPS):
                training.go_to(at)
                assert now == made.now(False)
    assert [*cliff["trainings"][0]["films"]] == ["0", "24", str(STEPS)]
    assert cliff["trainings"][0]["films"][str(STEPS)]["table"] != cliff["trainings"][1]["films"][str(STEPS)]["table"]


@pytest.mark.skipif(found() is None, reason="there is no Chromium here: apt-get install chromium")
def test_a_browser_steps_through_it(tmp_path, window):
    page = tmp_path / "treasure.html"
    with in_language("zh"):
        page.write_text(page_of(look_up("treasure"), STEPS), "utf-8")
    window.problems.clear()
    window.asked.clear()
    window.resize(390, 844)
    window.open(page.as_uri())
    window.until("document.querySelector('.transport')")
    assert "没有人告诉智能体什么是对的" in window.text(".lesson")
    assert window.run("document.scrollingElement.scrollWidth") <= 390
    window.click("[data-move=change]")
    window.until("document.querySelector('.changes')")
    assert re.search(r"Q\(\(1, 5\), 右\)\s+0 → 0.1", window.text(".changes"))
    window.click("[data-move=back]")
    window.until("!document.querySelector('.changes')")
    window.open(page.as_uri() + "#en")
    window.until("document.documentElement.lang === 'en'")
    window.run("document.querySelector('.ask summary').click()")
    assert "At first all numbers are 0" in window.text(".ask")
    window.press("End")
    window.click("[data-move=step]")
    window.until("document.querySelector('.through output').innerText === 'step 1'")
    assert window.problems == []
    assert not [each for each in window.asked if not each.startswith(("file:", "data:", "about:"))]


@pytest.mark.skipif(found() is None, reason="there is no Chromium here: apt-get install chromium")
def test_in_a_frame_it_follows_the_theme_of_the_page_around_it(tmp_path, window):
    """From a folder, where one page may not look into another: with the script of the documentation's pages."""
    (tmp_path / "treasure.html").write_text(page_of(look_up("treasure"), 8), "utf-8")
    script = (Path(__file__).parents[2] / "tools" / "site" / "lesson_theme.js").read_text("utf-8")
    around = tmp_path / "around.html"
    around.write_text(
        '<body data-md-color-scheme="slate"><iframe class="film" src="treasure.html"></iframe>'
        f"<script>{script}</script>",
        "utf-8",
    )
    # A frame of a folder is closed to the page around it: what it shows is seen on the screen alone.
    window.problems.clear()
    window.asked.clear()
    window.resize(600, 500)  # the person prefers light pages, the page is dark
    window.open(around.as_uri())
    window.until("document.readyState == 'complete' && document.querySelector('iframe')")
    paper = {"dark": (26, 30, 36), "light": (255, 255, 255)}

    def is_seen(theme):
        window.picture(tmp_path / "seen.png")
        colors = Image.open(tmp_path / "seen.png").convert("RGB").crop((12, 12, 300, 150)).getcolors(1 << 20)
        return paper[theme] in {color for _, color in colors or []}

    wait_for(lambda: is_seen("dark"))
    window.run("document.body.dataset.mdColorScheme = 'default'")
    wait_for(lambda: is_seen("light") and not is_seen("dark"))
    assert window.problems == []


def test_its_policy_forbids_all_that_it_does_not_bring(cliff):
    text = page_of(look_up("treasure"), 1)
    assert "default-src 'none'" in text
    assert json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])["language"] == "en"
    assert not re.search(r"(?:src|href)=\"?https?:", text)
    assert len(json.dumps(cliff, ensure_ascii=False).encode()) < 1_000_000
