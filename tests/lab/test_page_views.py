"""Runs, Arm and Play in a real browser: with mouse, touch and keys. Skipped if there is no Chromium."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from browser import found, wait_for
from unfit_setups import MAZE, REFUSED

import zerone as zo
from zerone.base.errors import InputError
from zerone.lab import one_file
from zerone.lab.setups import read_setup
from zerone.lab.training import Training
from zerone.lab.trainings import Trainings

pytestmark = pytest.mark.skipif(found() is None, reason="there is no Chromium here: apt-get install chromium")

EVIL = "<img src=x onerror=alert(1)>"
DRAWN = "(c => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size)"


@pytest.fixture(scope="module")
def run(lab):
    """A finished run in the server's folder."""
    zo.train(
        "q-learning", "zerone/Maze-v0", steps=2_000, out=lab.runs / "maze", save_every=500, keep_last=10,
        evaluation_episodes=2, stop_when_solved=False, figure=False, progress=False,
    )  # fmt: skip
    return lab.runs / "maze"


@pytest.fixture(scope="module")
def opened(window, lab):
    """The page, opened once, on a view without a training."""
    window.problems.clear()
    window.asked.clear()
    window.resize(1280, 900)
    window.open(f"http://{lab.host}/?token={lab.access.token}#chapters")
    window.until("document.querySelector('.chapter')")
    return window


@pytest.fixture
def browser(opened, lab):
    """The same page in a wide window; at the end no error is logged."""
    opened.resize(1280, 900)
    yield opened
    assert opened.problems == []
    assert {address.split("/")[2] for address in opened.asked if "//" in address} <= {lab.host}
    opened.run("location.hash = '#chapters'")
    opened.until("document.querySelector('.chapter')")


def facts(browser, where=".facts"):
    script = f"Object.fromEntries([...document.querySelectorAll('{where} > div')].map(e => e.innerText.split('\\n')))"
    return browser.run(script)


def hold(browser, kind, key, code):
    browser.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code)


def press_mouse(browser, kind, x, y, held=True):
    button = {"button": "left", "clickCount": 1} if kind != "mouseMoved" else {"buttons": 1 if held else 0}
    browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **button)


def place(browser, selector):
    browser.run(f"document.querySelector('{selector}').scrollIntoView({{block: 'center'}})")
    return browser.run(f"(b => [b.x, b.y, b.width])(document.querySelector('{selector}').getBoundingClientRect())")


def test_runs_are_listed_opened_and_seen_to_go(browser, lab, run):
    shutil.copytree(run, lab.runs / EVIL)
    browser.run("location.hash = '#runs'")
    browser.until("document.querySelectorAll('table.runs tbody tr').length >= 2")
    rows = browser.text("table.runs tbody")
    assert EVIL in rows  # shown as text, not as an element
    assert not browser.run("document.querySelector('main img')")
    browser.run("document.getElementById('run-maze').click()")
    browser.until(
        "document.querySelector('.film canvas')?.width > 100 && document.querySelector('.film .facts dd')?.innerText"
    )
    browser.until(f"{DRAWN}(document.querySelector('.film canvas')) > 10")
    assert facts(browser, ".film .facts")["Checkpoint"] == "the best"
    browser.run("document.querySelector('#checkpoint').focus()")
    browser.press("Home", 36)
    browser.until("document.querySelector('.film .facts dd').innerText == 'untrained'")
    browser.press("ArrowRight", 39)
    browser.until("document.querySelector('.film .facts dd').innerText == 'step 500'")
    browser.until("document.querySelectorAll('.chart .now').length > 0")  # the curves mark the position
    damaged = lab.runs / "maze" / "checkpoints" / "step-000001000.safetensors"
    kept = damaged.read_bytes()
    damaged.write_bytes(kept[:-1])
    browser.press("ArrowRight", 39)
    browser.until("document.querySelector('.film .note').innerText.includes('checksum')")
    damaged.write_bytes(kept)
    browser.run(f"location.hash = '#runs/maze|' + encodeURIComponent({EVIL!r})")
    browser.until("document.querySelector('table.difference')")
    assert "the same settings" in browser.text("table.difference")
    browser.run("location.hash = '#runs/' + encodeURIComponent(" + repr(EVIL) + ")")
    browser.until("document.querySelector('.film canvas')?.width > 100")
    shutil.rmtree(lab.runs / EVIL)
    browser.until("document.querySelector('.line')?.innerText.includes('deleted or moved')")
    browser.click("#language")
    browser.until("document.querySelector('.line')?.innerText.includes('已被删除或移走')")
    browser.click("#language")
    browser.resize(390, 844)
    browser.run("location.hash = '#runs/maze'")
    browser.until("document.querySelector('.film canvas')?.width > 100")
    assert browser.run("document.documentElement.scrollWidth") <= 390


@pytest.mark.usefixtures("run")
def test_a_training_is_begun_by_clicking_and_then_seen(browser, monkeypatch):
    asked = []

    def begin(_, *given):
        asked.append(given)
        return "maze"

    monkeypatch.setattr(Trainings, "begin", begin)
    browser.run("location.hash = '#learn'")
    browser.until("document.querySelector('.train summary')")
    browser.run("document.querySelector('.train summary').click()")
    browser.run("document.querySelector('#train-steps').value = 0")
    browser.click(".train button")
    browser.until("!document.querySelector('.train .line').hidden")
    assert "steps = 0 is not allowed" in browser.text(".train .line")
    browser.run("document.querySelector('#train-steps').value = 3000")
    browser.run("document.querySelector('#train-seeds').value = 2")
    browser.click(".train button")
    browser.until("document.querySelector('.runhead .badge.finished')")
    assert browser.run("location.hash") == "#runs/maze"
    ((setup, steps, seeds),) = asked
    assert (setup.algorithm, setup.environment, steps, seeds) == ("q-learning", "zerone/Maze-v0", 3000, 2)


def test_the_goal_of_the_arm_follows_the_mouse(browser):
    browser.run("location.hash = '#arm'")
    browser.until("document.querySelector('.armview canvas')?.width > 300 && document.querySelector('.veil').hidden")
    x, y, side = place(browser, ".armview canvas")
    for step in range(40):
        press_mouse(browser, "mouseMoved", x + side * (0.4 + 0.005 * step), y + side * 0.6, held=False)
        browser.run("new Promise(done => setTimeout(done, 40))")
    delay = float(browser.run("document.querySelector('.armview').dataset.delay"))
    assert delay <= 100  # measured alone: 34 ms
    wait_for(lambda: int(facts(browser)["Steps on the goal"]) > 5)
    hold(browser, "keyDown", "ArrowUp", 38)
    wait_for(lambda: facts(browser)["Who turns"] == "you")
    hold(browser, "keyUp", "ArrowUp", 38)
    wait_for(lambda: facts(browser)["Who turns"] == "the policy")
    browser.call(
        "Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x + side * 0.4, "y": y + side * 0.4}]
    )
    wait_for(lambda: int(facts(browser)["Steps on the goal"]) == 0)
    browser.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    wait_for(lambda: int(facts(browser)["Steps on the goal"]) > 5)


def test_a_person_plays_by_keys_and_mouse_and_an_agent_learns_from_it(browser):
    browser.run("location.hash = '#play'")
    browser.until("document.querySelector('.playview canvas')?.width > 300 && document.querySelector('.veil').hidden")
    x, y, side = place(browser, ".playview canvas")
    for kind in ("mousePressed", "mouseReleased"):  # a click on a cell takes a step towards it
        press_mouse(browser, kind, x + side * 3 / 8, y + side / 8)
    wait_for(lambda: facts(browser)["Step"] == "1")
    for step, (key, code) in enumerate([("Right", 39), ("Right", 39), ("Down", 40), ("Down", 40), ("Left", 37)]):
        browser.press(f"Arrow{key}", code)
        wait_for(lambda wanted=step + 2: facts(browser)["Step"] == str(wanted))
    browser.until("document.querySelector('.hintline').innerText.includes('goal reached')")
    browser.until("document.querySelectorAll('.chart circle').length == 1")  # the player's own return
    browser.until("document.querySelectorAll('.chart .mean').length == 1")  # on the agent's curve
    browser.run("document.querySelector('.prose button').click()")
    browser.until("document.querySelector('.prose [role=status]').innerText.includes('it gets')")
    browser.until(f"{DRAWN}(document.querySelector('.prose canvas')) > 5")
    browser.run("(e => { e.value = 'Pendulum-v1'; e.dispatchEvent(new Event('change')); })"
                "(document.querySelector('#play-environment'))")  # fmt: skip
    browser.until("document.querySelector('.hintline').innerText.startsWith('It begins')")
    x, y, side = place(browser, ".playview canvas")
    press_mouse(browser, "mousePressed", x + side * 0.9, y + side / 2)
    wait_for(lambda: int(facts(browser)["Step"]) > 5)
    press_mouse(browser, "mouseReleased", x + side * 0.9, y + side / 2)
    browser.resize(390, 844)
    browser.until("getComputedStyle(document.querySelector('.pad')).display == 'flex'")
    assert browser.run("document.documentElement.scrollWidth") <= 390


def refusals():
    """The messages of the server's refusals."""
    for about in [*REFUSED.values(), {"settings": {"epsilon": -1}}, {"options": {"limit": -3}}]:
        with pytest.raises(InputError) as refused:
            Training(read_setup(MAZE | about))
        yield str(refused.value)


def test_refusals_are_said_in_chinese(browser):
    lines = [*refusals(), "deep/maze: this run is not there: its folder was deleted or moved"]
    browser.click("#language")
    browser.until("document.documentElement.lang == 'zh-CN'")
    script = f"import('/page/js/sentences.js').then(all => {json.dumps(lines)}.map(all.serverText))"
    said = browser.run(script)
    browser.click("#language")
    browser.until("document.documentElement.lang == 'en'")
    left = [line for line, chinese in zip(lines, said, strict=True) if not re.search("[\u4e00-\u9fff]", chinese)]
    assert left == []


def test_the_one_file_plays_from_the_disk(window, run, tmp_path):
    page = tmp_path / "run.html"
    page.write_text(one_file.page_of(run))
    window.problems.clear()
    window.asked.clear()
    window.resize(1280, 900, dark=True)
    window.open(page.as_uri())
    window.until(
        f"document.querySelector('.film canvas')?.width > 100 && {DRAWN}(document.querySelector('canvas')) > 10"
    )
    window.run("document.querySelector('#checkpoint').focus()")
    window.press("Home", 36)
    window.until("document.querySelector('.film .facts dd').innerText == 'untrained'")
    assert window.run("document.querySelectorAll('.chart path.mean').length") >= 3
    assert window.run("document.documentElement.dataset.theme") == "dark"
    assert window.problems == []
    assert window.asked == [page.as_uri()]
