"""The page's server in this process, and clients for it."""

from __future__ import annotations

import dataclasses
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from browser import Browser
from websockets.sync.client import ClientConnection, connect

from zerone.lab.access import Access
from zerone.lab.address import access_for, listen
from zerone.lab.serve import server
from zerone.lab.state import Lab


@dataclasses.dataclass(frozen=True)
class Answer:
    """The response to a request."""

    status: int
    text: str


@dataclasses.dataclass
class Server:
    """The server's address and token, and functions to send requests."""

    access: Access
    runs: Path
    running: Any

    @property
    def host(self) -> str:
        """The Host header of a browser."""
        return f"127.0.0.1:{self.access.port}"

    @property
    def cookie(self) -> str:
        """The Cookie header of a browser that has opened the page with the token."""
        return f"{self.access.cookie}={self.access.ticket}"

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """The response to a request, whose path is sent unchanged."""
        connection = http.client.HTTPConnection("127.0.0.1", self.access.port, timeout=10)
        connection.putrequest(method, path, skip_host="host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        found = Answer(answer.status, answer.read().decode())
        connection.close()
        return found

    def drop(self) -> None:
        """Close all connections, as a network failure does."""
        for each in list(self.running.server_state.connections):
            each.loop.call_soon_threadsafe(each.transport.abort)

    def page(self, **headers: str) -> Talk:
        """A WebSocket connection like that of the page; `headers` replaces headers."""
        chosen = {"Cookie": self.cookie, "Origin": f"http://{self.host}"} | headers
        origin: Any = chosen.pop("Origin") or None
        return Talk(
            connect(
                f"ws://{self.host}/socket", additional_headers=chosen, origin=origin, max_size=None, close_timeout=1
            )
        )


class Talk:
    """Sends and receives the messages of a page."""

    def __init__(self, opened: AbstractContextManager[ClientConnection]) -> None:
        self._opened = opened
        self.socket = opened.__enter__()
        self.about: dict[str, Any] = {}

    def say(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def hear(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """The next message of a kind that has these values."""
        for _ in range(2_000):
            message = json.loads(self.socket.recv(timeout=60))
            if message["is"] == kind and all(message.get(name) == value for name, value in wanted.items()):
                return message
        raise AssertionError(kind)

    def begin(self, *setups: dict[str, Any]) -> dict[str, Any]:
        """Begin a session, wait until it is ready, and return its first frame."""
        self.say(do="begin", setups=list(setups))
        self.about = self.hear("session", state="ready")
        return self.hear("frame", session=self.about["session"])

    def go(self, do: str) -> dict[str, Any]:
        """The frame after a move, without frames that only say whether it is playing."""
        self.say(do=do)
        return self.hear("frame", playing=False, searching="")

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.__exit__(None, None, None)


@pytest.fixture(scope="session", autouse=True)
def ended() -> Iterator[None]:
    """Stop all computations before the tests end: a thread inside XLA would crash when Python ends."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("zerone lab"):
            thread.join(60)


FIRST_FACT = "Number(document.querySelector('.facts dd')?.innerText.replaceAll(',', '') ?? -1)"


@pytest.fixture(scope="module")  # each test file starts with a new browser profile
def window(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture
def browser(window, lab):
    """A browser without stored settings, in a wide, light window; at the end no logged errors, no foreign requests."""
    window.problems.clear()
    window.asked.clear()
    window.resize(1280, 900)
    address = f"http://{lab.host}/?token={lab.access.token}"
    window.open(address)
    window.until(f"location.host == '{lab.host}' && document.readyState == 'complete'")
    forget = "Storage.prototype.setItem = () => {}, sessionStorage.clear(), localStorage.clear()"
    window.run(forget)
    window.open("about:blank")
    window.open(address)
    window.until(f"{FIRST_FACT} > 0")
    yield window
    assert window.problems == []
    assert {address.split("/")[2] for address in window.asked if "//" in address} <= {lab.host}


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests in this folder."""
    listening = listen("127.0.0.1", 0)
    runs = tmp_path_factory.mktemp("runs")
    access = access_for("127.0.0.1", listening.getsockname()[1])
    running = server(listening, access, Lab(runs))
    found = Server(access, runs, running)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    yield found
    running.should_exit = True
    thread.join()
    listening.close()
