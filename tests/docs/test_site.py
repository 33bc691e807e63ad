"""The built site in a browser, opened from its folder without a server. `make site` builds it."""

import json
import re
from pathlib import Path

import pytest
from tests import browser

SITE = Path(__file__).resolve().parents[2] / "site"
pytestmark = pytest.mark.skipif(
    not (SITE / "index.html").exists() or browser.found() is None, reason="it is not built here (make site)"
)


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    opened = browser.Browser(tmp_path_factory.mktemp("browser"))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("page", "word", "title"),
    [("index.html", "truncated", "The map of the field"), ("zh/index.html", "截断", "强化学习的地图")],
)
def test_the_search_finds_words_of_the_language_of_the_page(window, page, word, title):
    window.open(f"{(SITE / page).as_uri()}?q={word}")
    window.until("document.querySelectorAll('.md-search-result__item').length > 5")
    found = window.text(".md-search-result__list").replace("\u200b", "")
    assert title in found
    chinese = len(re.findall(r"[\u4e00-\u9fff]", found)) / len(found)
    assert (chinese > 0.2) == page.startswith("zh/"), found
    assert not [each for each in window.asked if not each.startswith(("file:", "data:", "blob:", "about:"))]


@pytest.mark.parametrize("page", ["index", "install", "algorithms/dqn", "howto", "zh/algorithms/sac", "zh/lessons"])
def test_pages_fit_a_telephone(window, page):
    window.resize(390, 844)
    window.open((SITE / f"{page}.html").as_uri())
    window.until("document.readyState === 'complete' && document.querySelector('.md-content')")
    assert window.run("document.scrollingElement.scrollWidth") <= 390


def test_every_page_has_its_twin_and_is_in_the_index():
    english = {each.relative_to(SITE).as_posix() for each in SITE.rglob("*.html") if "zh" not in each.parts}
    ours = {each for each in english if not each.startswith(("source/", "404", "contributing", "lessons/"))}
    assert all((SITE / "zh" / each).exists() for each in ours)
    index = json.loads((SITE / "search" / "search_index.json").read_text("utf-8"))["docs"]
    places = {each["location"].partition("#")[0] for each in index}
    assert ours <= places
    assert {f"zh/{each}" for each in ours} <= places


def test_chinese_sentences_have_no_spaces_from_line_breaks():
    for page in (SITE / "zh").rglob("*.html"):
        text = re.sub(r"<pre.*?</pre>|<script.*?</script>", "", page.read_text("utf-8"), flags=re.DOTALL)
        assert not re.findall(r".{9}[\u4e00-\u9fff，。；：]\n[\u4e00-\u9fff].{9}", text), page.name
