"""`zerone lab`: it prints its address, refuses with a one-line message, and ends at once."""

from __future__ import annotations

import importlib.util
import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

pytest.importorskip("uvicorn")

from websockets.sync.client import connect

from zerone.lab import address, serve


@pytest.fixture
def not_served(monkeypatch):
    """Replace the server, and record what it would serve."""
    asked = []
    monkeypatch.setattr(serve, "serve", lambda *given: (asked.append(given), given[0].close()))
    return asked


def test_a_busy_port_is_one_line(zerone, here):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        zerone("lab", "--port", str(port)).refused(f"port {port} is busy", "--port")
    assert list(here.iterdir()) == []


def test_without_the_extra_it_is_named(zerone, monkeypatch, here):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "uvicorn" else found(name, *a))
    zerone("lab").refused("uvicorn", 'pip install "zerone[lab]"')
    assert list(here.iterdir()) == []


def test_what_is_not_allowed_is_refused(zerone, here):
    (here / "file").write_text("")
    zerone("lab", "--port", "70000").refused("--port 70000 is not allowed")
    zerone("lab", "--runs", "file").refused("--runs file is not allowed")
    zerone("lab", "--host", "no.such.host.invalid").refused("--host no.such.host.invalid is not allowed")
    zerone("lab", "--host", "192.0.2.1", "--port", "0").refused("cannot listen on 192.0.2.1")


def test_it_listens_on_this_machine_and_says_loudly_when_not(zerone, not_served, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    ended = zerone("lab", "--port", "0")
    assert (ended.code, ended.err) == (0, "")
    listening, access, _ = not_served[-1]
    assert re.fullmatch(
        rf"Zerone lab: http://127\.0\.0\.1:{access.port}/\?token={re.escape(access.token)}\n.*\n", ended.out
    )
    ended = zerone("lab", "--port", "0", "--host", "0.0.0.0", "--no-browser")  # noqa: S104
    assert ended.code == 0
    assert ended.err.startswith("zerone: WARNING: this page is open to your network")
    assert not_served[-1][1].any_address
    assert opened == []
    del listening


def test_the_browser_is_opened_by_a_file_that_others_cannot_read(monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("DISPLAY", ":9")
    monkeypatch.setattr(address, "SECONDS_UNTIL_OPENED", 0.2)
    address.open_browser("http://127.0.0.1:1/?token=secret")
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0
    assert "token=secret" in file.read_text()
    while not opened:
        time.sleep(0.01)
    assert opened == [file.as_uri()]
    while file.exists():
        time.sleep(0.05)


@pytest.mark.thorough
def test_it_serves_and_ctrl_c_ends_it_within_two_seconds_and_saves(tmp_path):
    command = [sys.executable, "-m", "zerone", "lab", "--port", "0", "--no-browser", "--runs", str(tmp_path / "runs")]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603
    try:
        url = re.search(r"http\S+", program.stdout.readline()).group()
        begun = time.monotonic()
        with urllib.request.urlopen(url) as answer:  # noqa: S310
            cookie = answer.headers["set-cookie"].partition(";")[0]
            assert b"<title>Zerone lab</title>" in answer.read()
        assert time.monotonic() - begun < 3  # the page is served before the library is imported
        bare = url.partition("?")[0]
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(bare)  # noqa: S310
        assert refused.value.code == 403
        refused.value.close()
        origin = bare.rstrip("/")
        with connect(f"ws{bare[4:]}socket", additional_headers={"Cookie": cookie}, origin=origin) as page:
            page.send(json.dumps({"do": "begin", "setups": [{"algorithm": "sarsa", "environment": "zerone/Cliff-v0"}]}))
            while json.loads(page.recv(timeout=60))["is"] != "frame":
                pass
            page.send(json.dumps({"do": "pace", "pace": 0}))
            page.send(json.dumps({"do": "play"}))
            while json.loads(page.recv(timeout=60)).get("trainings", [{}])[0].get("at", 0) < 1_000:
                pass
            asked = time.monotonic()
            program.send_signal(signal.SIGINT)
            out, err = program.communicate(timeout=20)
            assert time.monotonic() - asked < 2
        assert program.returncode == 130
        assert err == "zerone: interrupted\n"
        assert url not in out
        (kept,) = json.loads((tmp_path / "runs" / "lab.json").read_text())["sessions"]
        assert kept["at"] >= 1_000
    finally:
        program.kill()
        program.wait()
