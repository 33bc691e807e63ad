"""The server itself: it serves its own files only, and refuses excessive requests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import time
import types
from importlib import resources

import pytest
from unfit_setups import MAZE, REFUSED
from websockets.exceptions import ConnectionClosed, InvalidStatus

from zerone.lab import assets, connections, sessions
from zerone.lab import server as serving
from zerone.lab.visit import Visit

HUGE = 10**400
"""A whole number that no float holds."""


def test_the_page_is_whole_and_small(lab):
    assert lab.ask(f"/?token={lab.access.token}").status == 200
    waiting = ["/", "/page/js/saved.js", "/page/js/lesson.js"]  # `one_file` starts with the last one
    seen = set()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        answer = lab.ask(path, cookie=lab.cookie)
        assert answer.status == 200, path
        found = re.findall(r'(?:href|src)="(/page/[^"]+)"', answer.text)
        found += [f"/page/js/{name}" for name in re.findall(r'from "\./([\w.]+)"', answer.text)]
        waiting += [each for each in found if each not in seen and each not in waiting]
    files = {f"/page/{name}" for name in assets.files()} - {f"/page/{assets.START}"}
    assert seen - {"/"} == files  # no file is missing, and none is unused
    assert sum(len(content) for content, _ in assets.files().values()) < 400_000


def test_the_page_needs_no_other_host_and_no_inline_script():
    for name, (content, _) in assets.files().items():
        text = content.decode()
        others = re.findall(r"https?://[^\s\"'`$]+", text)
        assert all(each.startswith("http://www.w3.org/") for each in others), (name, others)
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), (
            name
        )
    start = assets.files()[assets.START][0].decode()
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", start)


@pytest.mark.parametrize(
    "path",
    ["/page/../server.py", "/page/%2e%2e/server.py", "/page/..%2fserver.py", "/page//etc/passwd", "/page/", "/page",
     "/page/js", "/page/js/../../__init__.py", "/server.py", "/lab.json", "/page/js/main.js%00.css", "/page/\\..\\x"],
)  # fmt: skip
def test_there_is_no_way_out_of_the_folder(lab, path):
    answer = lab.ask(path, cookie=lab.cookie)
    assert answer.status == 404
    assert "import" not in answer.text


def test_a_symbolic_link_is_no_file_of_the_page():
    """Requested names are looked up among the package's files at the first request; paths are never opened."""
    assert set(assets.files()) - {"js/catalogue.js"} == {  # generated from the catalogue of texts
        str(each.relative_to(folder)) for folder in [resources.files("zerone.lab") / "page"]
        for each in folder.rglob("*") if each.is_file()
    }  # fmt: skip
    assert assets.files() is assets.files()


def test_foreign_requests_are_refused_on_the_wire(lab):
    assert lab.ask("/").status == 403
    assert lab.ask("/", cookie=lab.cookie, host=f"evil.example:{lab.access.port}").status == 403
    assert lab.ask("/", method="POST", cookie=lab.cookie, origin="https://evil.example").status == 403
    for headers in ({"Origin": "https://evil.example"}, {"Origin": ""}, {"Cookie": ""}, {"Host": "evil.example"}):
        with pytest.raises(InvalidStatus) as refused:
            lab.page(**headers)
        assert refused.value.response.status_code in (400, 403)


def test_a_message_that_is_too_large_or_no_text_ends_its_connection_with_the_reason_and_no_other(lab):
    with lab.page() as page:
        page.hear("offers")
        page.socket.send("x" * 100_000)
        with pytest.raises(ConnectionClosed):
            page.hear("nothing of the kind")
        assert page.socket.close_code == 1009
    with lab.page() as page:
        page.hear("offers")
        page.socket.send(b"\x00\xff")
        with pytest.raises(ConnectionClosed):
            page.hear("nothing of the kind")
        assert page.socket.close_code == 1003
        assert "not bytes" in page.socket.close_reason
    with lab.page() as page:
        assert page.hear("hello")["ready"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "1e999", "[" * 30_000, '{"do": "fly"}', '{"do": "play", "more": 1}',
     '{"do": "pace", "pace": 3}', '{"do": "pace", "pace": true}',
     '{"do": "attach", "session": "../../etc/passwd"}', '{"do": "begin", "setups": []}',
     '{"do": "begin", "setups": [{}, {}, {}, {}, {}]}', f'{{"do": "point", "at": [{HUGE}, 0]}}',
     json.dumps({"do": "begin", "setups": [MAZE | {"settings": {"epsilon": HUGE}}]}),
     json.dumps({"do": "begin", "setups": [MAZE | {"settings": {"\ud800": None}}]}),
     json.dumps({"do": "begin", "setups": [MAZE | {"options": {"layout": ["S\ud800G"]}}]})],
)  # fmt: skip
def test_what_is_no_message_is_refused_in_one_line(lab, text):
    with lab.page() as page:
        page.hear("offers")
        page.socket.send(text)
        said = page.hear("refused")["text"]
        assert said
        assert "\n" not in said
        page.say(do="play")  # the page is still connected, but has no session to play
        page.say(do="attach", session="a" * 24)
        page.hear("gone")


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_trained_is_refused_in_one_line(lab, name):
    with lab.page() as page:
        page.say(do="begin", setups=[MAZE | REFUSED[name]])
        while True:
            said = json.loads(page.socket.recv(timeout=60))
            if said["is"] == "refused" or said.get("state") == "refused":
                break
            assert said["is"] in ("hello", "offers", "session"), said
        assert said["text"]
        assert "\n" not in said["text"]


def test_a_flood_of_messages_is_harmless(lab):
    with lab.page() as page:
        for seed in range(20):  # each replaces the one before, which is then not compiled
            page.say(do="begin", setups=[MAZE | {"seed": seed}])
        while page.hear("session", state="ready")["setups"][0]["seed"] != 19:
            pass
        page.hear("frame")
        for _ in range(1_000):
            page.say(do="step")
        page.say(do="start")
        with lab.page() as other:
            assert other.hear("hello")["ready"]
        time.sleep(0.2)
        assert lab.ask("/", cookie=lab.cookie).status == 200


def test_many_silent_connections_lock_nobody_out(lab, monkeypatch):
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 20)
    monkeypatch.setattr(connections, "SECONDS_TO_SPEAK", 0.3)
    silent = [socket.create_connection(("127.0.0.1", lab.access.port)) for _ in range(60)]
    slow = silent[0]
    slow.sendall(b"GET / HTTP/1.1\r\nHost: ")
    time.sleep(0.6)
    assert lab.ask("/", cookie=lab.cookie).status == 200
    for each in silent:
        each.settimeout(5)
        with contextlib.suppress(ConnectionResetError):
            assert each.recv(1) == b""
        each.close()


def test_there_is_an_end_to_sockets(lab, monkeypatch):
    monkeypatch.setattr(serving, "MOST_SOCKETS", 2)
    with lab.page() as first, lab.page() as second:
        first.hear("hello")
        second.hear("hello")
        with pytest.raises(InvalidStatus):
            lab.page()
    time.sleep(0.1)
    with lab.page() as again:
        again.hear("hello")


def begun_in_the_end(page, setup):
    """Begin a session, with retries, as pages of earlier tests may not have disconnected yet."""
    page.say(do="begin", setups=[setup])
    until = time.monotonic() + 60
    while (said := json.loads(page.socket.recv(timeout=60))).get("state") != "ready":
        assert time.monotonic() < until, said
        if said["is"] == "refused":
            time.sleep(0.1)
            page.say(do="begin", setups=[setup])


def test_there_is_an_end_to_sessions_and_none_that_is_looked_at_is_ended(lab, monkeypatch):
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 2)
    with lab.page() as first, lab.page() as second:
        begun_in_the_end(first, MAZE)
        begun_in_the_end(second, MAZE)
        with lab.page() as third:
            third.say(do="begin", setups=[MAZE])
            assert "close a page first" in third.hear("refused")["text"]
        first.say(do="step")
        while first.hear("frame")["trainings"][0]["at"] != 1:
            pass
        second.begin(MAZE | {"seed": 1})  # it replaces its own session, which no page shows any more


def test_a_page_that_vanishes_while_it_is_sent_frames_is_not_counted_any_more():
    """The sending thread may notice the end first, with its own error: the viewer must not be counted any more."""

    async def leave():
        visit, session = Visit(None, None, 0), types.SimpleNamespace(watchers=1)

        async def send():
            raise RuntimeError("the page has gone")

        visit._session, visit._sender = session, asyncio.create_task(send())
        await asyncio.sleep(0)
        await visit._leave()
        return session.watchers

    assert asyncio.run(leave()) == 0
