"""A page comes back to a server that was started again, and nobody else does. Each attack succeeds on a broken twin."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
from urllib.parse import urlencode

import pytest
from browser import found

from zerone.lab import server as serving
from zerone.lab.access import Access, Guard
from zerone.lab.address import access_for
from zerone.lab.reconnection import NAME, Reconnection, folder_for, keep, known

PORT = 8765
KEY, BOOT = "k" * 64, "b" * 64


def proof_of(key, port, challenge):
    """What a page answers, computed here once more."""
    return hmac.new(key.encode(), f"{port} {challenge}".encode(), hashlib.sha256).hexdigest()


def query(challenge, key=KEY, port=PORT):
    return urlencode({"challenge": challenge, "proof": proof_of(key, port, challenge)})


def asked(access, reconnection, question="", path="/again", **headers):
    """The status, what is said, and the cookie that is handed out, to a request without any cookie."""
    sent = []

    async def inside(*_):
        raise AssertionError("nobody comes in so")

    async def send(message):
        sent.append(message)

    named = {"host": f"127.0.0.1:{PORT}", **headers}
    found = [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()]
    scope = {"type": "http", "path": path, "method": "GET", "query_string": question.encode(), "headers": found}
    asyncio.run(Guard(inside, access, reconnection)(scope, None, send))
    given = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], sent[1]["body"].decode(), given.get("set-cookie", "")


def made():
    return Access(access_for("127.0.0.1", PORT).names, False, PORT)


def test_who_knows_the_key_gets_the_cookie_and_nobody_else():
    access, reconnection = made(), Reconnection(KEY)
    status, challenge, cookie = asked(access, reconnection)
    assert (status, cookie) == (200, "")
    assert asked(access, reconnection, query(challenge)) == (200, "zerone lab: welcome back\n", access.set_cookie)
    assert KEY not in query(challenge)
    wrong = [
        query(challenge, key="x" * 64),
        query(challenge, port=9000),  # handed on from a server that somebody else has put at the old port
        query(Reconnection(KEY).challenge()),  # of an earlier start
        query(challenge.replace(challenge[:3], "999", 1)),
        urlencode({"challenge": challenge}), urlencode({"proof": proof_of(KEY, PORT, "")}), "challenge=&proof=",
        f"token={KEY}", "\xff=\xff", "challenge=" + "9" * 5000, "a=1&" * 20, "challenge=\u0663",
    ]  # fmt: skip
    for each in wrong:
        status, _, cookie = asked(access, reconnection, each.encode("utf-8").decode("latin-1"))
        assert (status, cookie) == (403, ""), each
    assert asked(access, None)[0] == 403  # where nothing is kept there is no way back
    assert asked(access, reconnection, query(challenge), path="/")[0] == 403


def test_another_site_gets_no_challenge():
    access, reconnection = made(), Reconnection(KEY)
    assert asked(access, reconnection, host="evil.example")[0] == 403
    assert asked(access, reconnection, origin="https://evil.example")[0] == 403
    assert asked(access, reconnection, sec_fetch_site="cross-site", sec_fetch_mode="no-cors")[0] == 403


def test_an_answer_holds_for_seconds():
    reconnection = Reconnection(KEY, BOOT)
    challenge = reconnection.challenge(now=1_000.5)
    assert reconnection.is_answered(query(challenge), PORT, now=1_019)
    assert not reconnection.is_answered(query(challenge), PORT, now=1_022)
    assert not reconnection.is_answered(query(challenge), PORT, now=990)
    assert not Reconnection(KEY, "c" * 64).is_answered(query(challenge), PORT, now=1_001)


def test_the_key_is_kept_for_one_person_alone(tmp_path):
    folder = tmp_path / "runs"
    first = known(folder)
    assert not folder.exists()  # nothing is made before a page is open
    keep(first, folder)
    assert (folder / NAME).stat().st_mode & 0o777 == 0o600
    assert known(folder).key == first.key
    assert known(folder).boot != first.boot
    keep(Reconnection(), folder)
    assert known(folder).key == first.key
    (folder / NAME).chmod(0o644)
    assert known(folder).key != first.key  # others may have read it
    (folder / NAME).chmod(0o600)
    for damaged in (b"", b"short", b"\xff" * 64, b"k" * 65):
        (folder / NAME).write_bytes(damaged)
        assert len(known(folder).key) == 64
    (folder / NAME).unlink()
    os.mkfifo(folder / NAME, 0o600)
    assert len(known(folder).key) == 64
    (folder / NAME).unlink()
    (tmp_path / "elsewhere").write_text(KEY)
    (tmp_path / "elsewhere").chmod(0o600)
    (folder / NAME).symlink_to(tmp_path / "elsewhere")
    assert known(folder).key != KEY


def test_a_folder_of_runs_from_somebody_else_brings_no_key(tmp_path, monkeypatch):
    monkeypatch.setenv("ZERONE_CACHE", str(tmp_path / "cache"))
    theirs = tmp_path / "runs"
    keep(Reconnection(KEY), theirs)
    assert known(theirs).key == KEY  # the broken twin: the key lies among the runs
    assert known(folder_for(theirs)).key != KEY
    assert folder_for(theirs) != folder_for(tmp_path / "other")
    monkeypatch.setenv("ZERONE_CACHE", "off")
    keep(known(folder_for(theirs)), folder_for(theirs))  # nothing is kept, and nothing is made
    assert sorted(each.name for each in tmp_path.iterdir()) == ["runs"]


@pytest.mark.thorough
@pytest.mark.skipif(found() is None, reason="there is no Chromium here: apt-get install chromium")
def test_an_open_page_comes_back_to_a_server_that_was_started_again(browser, lab, monkeypatch):
    """Another ticket is what a new server has: the page's cookie is worth nothing."""
    facts = "document.querySelector('.facts dd')"
    monkeypatch.setattr(serving, "MOST_SOCKETS", 0)
    lab.drop()
    browser.until("!document.querySelector('#banner').hidden")
    browser.run("window.sameDocument = true")
    old = lab.access.ticket
    object.__setattr__(lab.access, "ticket", "another-server's")
    object.__setattr__(lab.running.config.app._reconnection, "boot", "c" * 64)
    monkeypatch.undo()
    try:
        assert lab.ask("/page/icon.svg", cookie=f"{lab.access.cookie}={old}").status == 403
        browser.until(f"document.querySelector('#banner').hidden && {facts}")
        assert lab.ask("/page/icon.svg", cookie=lab.cookie).status == 200
    finally:
        object.__setattr__(lab.access, "ticket", old)
        browser.problems.clear()  # the browser itself notes in its console that requests were refused
