"""Nobody gets access without the token, and pages of other sites never do. Each rule has a broken twin without it."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from zerone.lab.access import HEADERS, Access, Guard
from zerone.lab.address import access_for

PORT = 8765
HOME = f"127.0.0.1:{PORT}"


class AnyHost(Access):
    """The broken twin accepts every Host, which allows DNS rebinding."""

    def knows_host(self, _):
        return True


class AnyOrigin(Access):
    """The broken twin accepts every Origin, i.e. pages of other sites."""

    def knows_origin(self, _, __):
        return True


class NoToken(Access):
    """The broken twin needs no token, so other users of the machine have access."""

    def admits(self, _):
        return True


def answer(access, path="/", method="GET", kind="http", query="", **headers):
    """The guard's status (200 if it lets the request through) and headers."""

    async def inside(_, __, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    sent = []

    async def send(message):
        sent.append(message)

    named = {"host": HOME, "cookie": f"{access.cookie}={access.ticket}", **headers}
    found = [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items() if value is not None]
    scope = {"type": kind, "path": path, "method": method, "query_string": query.encode(), "headers": found}
    asyncio.run(Guard(inside, access)(scope, None, send))
    first = sent[0]
    if first["type"] == "websocket.close":
        return 403, {}
    return first["status"], {name.decode(): value.decode() for name, value in first["headers"]}


def made(kind=Access):
    return kind(access_for("127.0.0.1", PORT).names, False, PORT)


def test_the_page_and_its_socket_come_in():
    access = made()
    assert answer(access)[0] == 200
    assert answer(access, origin=f"http://{HOME}")[0] == 200
    assert answer(access, kind="websocket", path="/socket", origin=f"http://{HOME}")[0] == 200
    assert answer(access, host="localhost:9999", origin="http://localhost:9999")[0] == 200  # through an SSH tunnel
    assert answer(access, host=f"[::1]:{PORT}")[0] == 200
    assert answer(access, sec_fetch_site="cross-site", sec_fetch_mode="navigate")[0] == 200  # following a link


ATTACKS = {
    "another name points here": (AnyHost, {"host": f"evil.example:{PORT}"}),
    "our address within a name": (AnyHost, {"host": "127.0.0.1.evil.example"}),
    "no host": (AnyHost, {"host": ""}),
    "an address of the network": (AnyHost, {"host": f"10.0.0.7:{PORT}"}),
    "another site asks": (AnyOrigin, {"origin": "https://evil.example"}),
    "a page without an origin asks": (AnyOrigin, {"origin": "null"}),
    "another port of this machine asks": (AnyOrigin, {"origin": "http://127.0.0.1:9999"}),
    "another site posts": (AnyOrigin, {"method": "POST", "origin": "https://evil.example"}),
    "another site opens a socket": (AnyOrigin, {"kind": "websocket", "origin": "https://evil.example"}),
    "no browser opens a socket": (AnyOrigin, {"kind": "websocket"}),
    "no token": (NoToken, {"cookie": None}),
    "the cookie of an earlier server": (NoToken, {"cookie": f"zerone_lab_{PORT}=something-else"}),
    "the ticket under another name": (NoToken, {"cookie": "ticket"}),
    "a wrong token": (NoToken, {"cookie": None, "query": "token=guess"}),
    "an empty token": (NoToken, {"cookie": None, "query": "token="}),
    "a query of many fields": (NoToken, {"cookie": None, "query": "a=1&" * 20}),
    "a cookie that is none": (NoToken, {"cookie": 'a"b;\x01=;=='}),
    "the file behind the page": (NoToken, {"cookie": None, "path": "/page/js/main.js"}),
    "a socket without a token": (NoToken, {"cookie": None, "kind": "websocket", "origin": f"http://{HOME}"}),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_fails_and_succeeds_on_the_twin(name):
    twin, attack = ATTACKS[name]
    assert answer(made(), **attack)[0] == 403
    assert answer(made(twin), **attack)[0] in (200, 405)


def test_the_token_opens_once_and_hands_out_a_cookie_that_scripts_cannot_read():
    access = made()
    status, headers = answer(access, cookie=None, query=f"token={access.token}")
    assert status == 200
    assert headers["set-cookie"] == f"{access.cookie}={access.ticket}; Path=/; HttpOnly; SameSite=Strict"
    assert access.ticket != access.token
    assert "set-cookie" not in answer(access)[1]
    assert answer(access, cookie=None, query=f"token={access.token}", path="/page/js/main.js")[0] == 403
    assert len({made().token for _ in range(9)}) == 9


def test_what_the_page_may_do_is_said_with_every_answer():
    assert HEADERS.items() <= answer(made())[1].items()
    assert HEADERS.items() <= answer(made(), cookie=None)[1].items()
    assert "unsafe" not in HEADERS["content-security-policy"]
    assert HEADERS["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self';")


def test_nothing_is_posted():
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        assert answer(made(), method=method)[0] == 405


def test_on_all_addresses_a_name_that_was_pointed_here_is_still_refused():
    access = access_for("0.0.0.0", PORT)  # noqa: S104
    assert access.knows_host(f"10.0.0.7:{PORT}")
    assert access.knows_host(f"[fe80::1]:{PORT}")
    assert not access.knows_host(f"evil.example:{PORT}")
    assert not access.knows_host("10.0.0.7.evil.example")
    assert not access_for("127.0.0.1", PORT).any_address
    assert dataclasses.replace(access, any_address=False).knows_host("127.0.0.1")
