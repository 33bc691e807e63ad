"""The page in a real browser: clicks, keys and what is visible. Skipped if there is no Chromium."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from browser import found, wait_for

from zerone.engines.stepping import Stepper
from zerone.lab import server as serving
from zerone.lab.visit import Visit

pytestmark = pytest.mark.skipif(found() is None, reason="there is no Chromium here: apt-get install chromium")

STEP = "Number(document.querySelector('.facts dd')?.innerText.replaceAll(',', '') ?? -1)"
FACTS = "[...document.querySelectorAll('.facts dd')].map(each => each.innerText)"
READY = "document.querySelector('.transport .play') && document.querySelector('.veil').hidden"


def paused(browser):
    browser.run("document.activeElement.blur()")
    browser.press(" ", 32)
    browser.until("document.querySelector('.play').innerText.trim() == 'Play'")
    browser.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_the_first_visit_moves_and_the_token_leaves_the_address(browser, lab):
    assert browser.run("location.href") == f"http://{lab.host}/"
    assert "token" not in browser.run("document.cookie")
    assert browser.run("document.cookie") == ""  # scripts cannot read the cookie
    step = browser.run(STEP)
    browser.until(f"{STEP} > {step}")
    assert "Find paradise" in browser.text(".setup")
    picture = "document.querySelector('canvas').getContext('2d').getImageData(0, 0, 300, 300).data.buffer"
    assert browser.run(f"new Set(new Uint32Array({picture})).size") > 10  # something is drawn


def test_by_keys_alone_forwards_and_back(browser):
    paused(browser)
    browser.press("c")
    browser.until("document.querySelectorAll('.changes li').length > 0")
    assert "max" in browser.run("document.querySelector('.equation').getAttribute('aria-label')")
    facts, equation = browser.run(FACTS), browser.text(".equation")
    browser.press("ArrowRight", 39)
    browser.until(f"{STEP} == {int(facts[0].replace(',', '')) + 1}")
    browser.press("ArrowLeft", 37)
    browser.until(f"{STEP} == {int(facts[0].replace(',', ''))}")
    assert browser.run(FACTS) == facts
    assert browser.text(".equation") == equation
    browser.press("e")
    browser.until("document.querySelector('.tag.end')")
    browser.press("Home", 36)
    browser.until(f"{STEP} == 0")
    assert "Nothing has happened yet" in browser.text(".happened, .side")
    for _ in range(8):  # the focus is always visible
        browser.press("Tab", 9)
        assert browser.run("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert browser.text("#live").startswith("Step 0")


@pytest.mark.thorough
def test_settings_are_typed_and_what_cannot_be_is_said(browser):
    browser.run("document.querySelector('#setting-learning_rate').select()")
    browser.click("#setting-learning_rate")
    browser.run("document.querySelector('#setting-learning_rate').select()")
    for letter in "1.5":
        browser.press(letter, text=letter)
    browser.until("!document.querySelector('#setting-learning_rate-wrong').hidden")
    assert browser.text("#setting-learning_rate-wrong") == "Above 0, at most 1."
    before = browser.run("sessionStorage.getItem('zerone-session-learn')")
    browser.click(".begin button")
    assert browser.run("document.activeElement.id") == "setting-learning_rate"
    assert browser.run("sessionStorage.getItem('zerone-session-learn')") == before
    browser.run("document.querySelector('#setting-learning_rate').select()")
    for letter in "0.25":
        browser.press(letter, text=letter)
    browser.until("document.querySelector('.begin button').innerText == 'Begin with these'")
    browser.click("#theme")  # the page is drawn again
    assert browser.run("document.querySelector('#setting-learning_rate').value") == "0.25"
    browser.until("document.querySelector('.begin button').innerText == 'Begin with these'")
    browser.click(".begin button")
    browser.until(f"{READY} && document.querySelector('.equation')?.innerText.includes('0.25')")
    environment = "document.querySelector('#setup-environment')"
    choose = f"(e => {{{{ e.value = {{!r}}; e.dispatchEvent(new Event('change')); }}}})({environment})"
    browser.run(choose.format("CartPole-v1"))
    browser.click(".begin button")
    browser.until("document.querySelector('.veil.bad') && !document.querySelector('.veil.bad').hidden")
    assert "q-learning cannot take CartPole-v1" in browser.text(".veil.bad")
    browser.run(choose.format("zerone/Treasure-v0"))
    browser.click(".begin button")
    browser.until(f"{READY} && {STEP} >= 0")


def test_full_speed_language_theme_and_a_narrow_screen(browser):
    browser.run("(e => { e.value = 8; e.dispatchEvent(new Event('input')); })(document.querySelector('#speed'))")
    browser.until(f"{STEP} > 50000")
    assert "Too fast to read" in browser.text(".side")
    browser.until("document.querySelectorAll('.chart .mean').length >= 2")
    browser.click(".play")
    browser.until("document.querySelector('dl.happened dd')")  # the frame after the full-speed run is drawn
    step = browser.run(STEP)
    browser.click("#theme")
    assert browser.run("document.documentElement.dataset.theme") == "dark"
    browser.click("#language")
    browser.until("document.querySelector('.play').innerText.trim() == '播放'")
    assert browser.run("document.documentElement.lang") == "zh-CN"
    assert browser.run(STEP) == step
    browser.resize(390, 844)
    time.sleep(0.2)
    assert browser.run("document.documentElement.scrollWidth") <= 390
    browser.click("#language")
    browser.click("#theme")


def test_a_lost_connection_comes_back_with_the_session_as_it_is(browser, lab, monkeypatch):
    paused(browser)
    facts = browser.run(FACTS)
    monkeypatch.setattr(serving, "MOST_SOCKETS", 0)  # no connection is accepted for a while
    lab.drop()
    browser.until("!document.querySelector('#banner').hidden")
    assert "Trying again" in browser.text("#banner")
    monkeypatch.undo()
    browser.until("document.querySelector('#banner').hidden")
    wait_for(lambda: browser.run(FACTS) == facts)
    browser.press("ArrowRight", 39)
    browser.until(f"{STEP} == {int(facts[0].replace(',', '')) + 1}")
    browser.problems.clear()  # the browser itself logs that a socket was refused


def test_a_chapter_opens_its_running_example_and_two_are_compared(browser, lab):
    browser.run("location.hash = '#chapters'")
    browser.until("document.querySelectorAll('.chapter').length == 14")
    browser.click(".chapter:nth-child(2) .go")
    browser.until(f"document.querySelector('.lesson') && {READY} && {STEP} == 0")
    assert browser.run("document.querySelector('#setting-learning_rate').value") == "0.1"
    assert not browser.run("document.querySelector('.lesson details').open")  # the answer is closed below the question
    browser.click(".lesson summary")
    browser.until("document.querySelector('.lesson details').open")
    browser.run("location.hash = '#compare/cliff'")
    browser.until("document.querySelectorAll('.compare .stage').length == 2")
    assert browser.text(".compare h2:first-child") == "q-learning"
    browser.run("document.activeElement.blur()")
    browser.press(" ", 32)
    steps = "[...document.querySelectorAll('.compare .facts div:first-child dd')].map(each => each.innerText)"
    browser.until(f"(each => each.length == 2 && each[0] == each[1] && each[0] != '0')({steps})")
    browser.until("document.querySelectorAll('.chart .mean').length >= 4")
    browser.press(" ", 32)
    browser.until("document.querySelector('.play').innerText.trim() == 'Play'")
    browser.click(".form .row button")
    assert browser.run("document.querySelectorAll('.form .row select').length") == 3
    browser.run("location.hash = '#learn'")
    browser.until(f"{READY} && document.querySelector('.equation, .side')")  # the session of Learn is unchanged
    assert browser.run("document.querySelector('#setting-learning_rate').value") == "0.1"
    assert lab.host in browser.run("location.host")


def test_the_session_that_is_left_while_it_plays_draws_nothing_in_the_other(browser, monkeypatch):
    leave = Visit._leave

    async def late(self):
        await asyncio.sleep(0.5)  # meanwhile the session that is left sends what it has
        await leave(self)

    browser.run("location.hash = '#compare/cliff'")
    browser.until("document.querySelectorAll('.compare .stage').length == 2")
    fastest = "(e => { e.value = e.max; e.dispatchEvent(new Event('input')) })(document.querySelector('#speed'))"
    browser.run(fastest)
    browser.run("document.activeElement.blur()")
    browser.press(" ", 32)
    browser.until("document.querySelectorAll('.chart .mean').length >= 4")
    monkeypatch.setattr(Visit, "_leave", late)
    browser.run("location.hash = '#learn'")
    browser.until("document.querySelector('.learn .facts')")
    assert browser.problems == []


def test_nothing_is_compared_with_a_seed_or_a_value_that_is_not_allowed(browser):
    browser.run("location.hash = '#compare'")
    browser.until("document.querySelector('#compare-seed')")
    session = "sessionStorage.getItem('zerone-session-compare')"
    before, largest = browser.run(session), browser.run("document.querySelector('#compare-seed').max")
    choose = "(e => {{ e.value = '{}'; e.dispatchEvent(new Event('{}')) }})(document.querySelector('#{}'))"
    browser.run(choose.format("discount", "change", "compare-differs"))
    for field, good in (("compare-seed", "3"), ("compare-value-1", "0.5")):
        for bad in ("-1", "", "1.5", str(int(largest) + 1)):
            browser.run(choose.format(bad, "input", field))
            assert browser.text(f"#{field}-wrong"), (field, bad)
            browser.click(".begin-compare")
            assert browser.run("document.activeElement.id") == field
        browser.run(choose.format(good, "input", field))
        assert browser.run(f"document.querySelector('#{field}-wrong').hidden")
    assert browser.run(session) == before
    browser.click(".begin-compare")
    browser.until(f"{session} != {json.dumps(before)} && document.querySelectorAll('.compare .stage').length == 2")
    browser.run("location.hash = '#learn'")
    browser.until(f"{READY} && document.querySelector('.equation, .side')")


def test_the_maze_is_changed_by_clicking_and_by_keys(browser):
    paused(browser)
    browser.click(".editor .plain")
    browser.until("!document.querySelector('.toolbox').hidden")
    box = "document.querySelector('.picture canvas').getBoundingClientRect()"
    browser.run("document.querySelector('.picture canvas').scrollIntoView({block: 'center'})")
    x, y, side = browser.run(f"(b => [b.x, b.y, b.width / 4])({box})")
    for kind in ("mousePressed", "mouseReleased"):  # the second cell of the first row becomes a wall
        browser.call(
            "Input.dispatchMouseEvent", type=kind, x=x + 1.5 * side, y=y + side / 2, button="left", clickCount=1
        )
    browser.run("document.querySelector('.picture canvas').focus()")
    browser.press("ArrowRight", 39)  # and the third one with keys
    browser.press("Enter", 13)
    session = "sessionStorage.getItem('zerone-session-learn')"
    before = browser.run(session)
    browser.click(".toolbox .main")
    browser.until(f"{session} != '{before}' && {READY} && document.querySelector('.play').innerText.trim() == 'Pause'")
    paused(browser)
    browser.press("e")
    browser.until("document.querySelector('.tag.end')")
    canvas = "document.querySelector('.picture canvas')"
    there = f"{{clientX: {canvas}.getBoundingClientRect().x + %s, clientY: {canvas}.getBoundingClientRect().y + 10}}"
    tip = f"{canvas}.dispatchEvent(new PointerEvent('pointermove', {there})), document.querySelector('.tip').hidden"
    assert browser.run(tip % (1.5 * side))  # a wall has no values to show
    assert browser.run(tip % (2.5 * side))
    assert not browser.run(tip % (0.5 * side))


def test_a_training_that_failed_says_so_also_when_the_page_is_drawn_again(browser, monkeypatch):
    def lost(*_):
        raise RuntimeError("the device was lost")

    browser.until("document.querySelector('.transport .play') && document.querySelector('.veil')?.hidden")
    monkeypatch.setattr(Stepper, "forward", lost)
    browser.press("ArrowRight", 39)
    browser.until("document.querySelector('.veil.bad:not([hidden])')")
    for text in ("这次训练出错了", "This training has failed"):
        assert "the device was lost" in browser.text(".veil.bad")
        assert browser.run("document.querySelector('.transport').inert")
        browser.click("#language")
        browser.until(f"document.querySelector('.veil.bad:not([hidden])')?.innerText.includes('{text}')")
