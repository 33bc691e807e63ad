"""The Chinese page has no English except names. Skipped if there is no Chromium."""

from __future__ import annotations

import re

import pytest
from browser import found

import zerone as zo

pytestmark = pytest.mark.skipif(found() is None, reason="there is no Chromium here: apt-get install chromium")

READY = "document.querySelector('.transport .play') && document.querySelector('.veil').hidden"
OURS = re.compile(
    "(?i:zerone|lab|home|max|ln|exp|clip|mean|old|objective|part|clipped|end|var|nat|kl|epsilon|q-learning|sarsa"
    "|csv|npz|sarsa-lambda|dyna-q|dqn|dyna|sutton|barto|replacing|accumulating|linear|exponential|first|every|double|dueling|actor-critic)"
)
"""Words that stay as they are in Chinese: names, and what is typed."""
LEFT = """(() => {
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const inside = node.parentElement;
    const kept = inside.closest('select, script, style, math, pre, code, [lang=en], [translate=no]');
    if (!kept && inside.checkVisibility()) found.push(node.textContent);
  }
  for (const each of document.querySelectorAll('[aria-label], [title]'))
    if (!each.closest('math, .equation, [translate=no]'))
      found.push(each.getAttribute('aria-label') ?? '', each.getAttribute('title') ?? '');
  return found;
})()"""


def english(browser):
    """The English words that are visible or read by screen readers."""
    seen = [re.sub(r"/\S+|Q-learning|\w+-v\d|zerone \w+ \S+", "", each) for each in browser.run(LEFT)]
    words = re.findall(r"[A-Za-z][a-z]{2,}(?:-[a-z]+)*", " ".join(seen))
    return sorted({each for each in words if not OURS.fullmatch(each)})


@pytest.mark.thorough
def test_nothing_is_left_in_english_on_the_chinese_page(browser, lab):
    zo.train("sarsa", "zerone/Maze-v0", steps=500, seed=3, out=lab.runs / "my" / "first")
    browser.run("location.hash = '#learn/traces'")
    browser.until("document.querySelector('.lesson')")
    browser.until(f"{READY} && document.querySelector('#look')")
    browser.click("#language")
    browser.until("document.documentElement.lang == 'zh-CN'")
    browser.until(f"{READY} && document.querySelector('#look')")
    browser.run(
        "(e => { e.selectedIndex = 1; e.dispatchEvent(new Event('change')); })(document.querySelector('#look'))"
    )
    browser.run("document.querySelectorAll('.lesson details').forEach(each => { each.open = true; })")
    browser.press("e")
    browser.until("document.querySelector('.changes') && document.querySelector('svg.futures')")
    assert re.search(r"动作 A\s+上", browser.text(".happened"))
    assert "上" in browser.text(".bars")
    assert re.search(r"Q\(\(\d, \d\), [上下左右]\)", browser.text(".changes"))
    assert re.search("[上下左右]", browser.run("document.querySelector('svg.futures').textContent"))
    browser.run(
        "(e => { e.value = 'simulations 16'; e.dispatchEvent(new Event('change')); })(document.querySelector('#look'))"
    )
    browser.until("document.querySelector('svg.futures .visits')")
    visits = "[...document.querySelectorAll('svg.futures .visits')].map(each => each.textContent)"
    assert sum(int(each.removeprefix("N ")) for each in browser.run(visits)[:4]) == 16  # four actions, at the root
    assert "模拟" in browser.text(".looking")
    assert "推翻" in browser.text(".lesson")  # the experiment's verdict
    assert english(browser) == []
    for page, there in (
        ("chapters", ".chapter"),
        ("runs", "main .card tbody tr"),
        ("runs/my%2Ffirst", ".runhead .facts"),
        ("compare", ".form"),
    ):
        browser.run(f"location.hash = '#{page}'")
        browser.until(f"document.querySelector('{there}')")
        assert english(browser) == [], page
    browser.click("#language")
    browser.until("document.documentElement.lang == 'en'")
