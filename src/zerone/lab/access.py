"""Access control of the page's server: a token as in Jupyter, and protection from pages of other sites.

Other users of the machine can also reach the loopback address, so access needs a token. The token is part of the
printed address; after the first request, a cookie replaces it that scripts cannot read and other sites cannot send.
Another site's page may still point its own host name at this address (DNS rebinding), or open a WebSocket to it. So
requests with an unknown host name, or from another origin, are refused.
"""

from __future__ import annotations

import dataclasses
import hmac
import ipaddress
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

from zerone.lab.reconnection import Reconnection, field_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

FORBIDDEN, NOT_ALLOWED = 403, 405
AGAIN = "/again"
"""The path at which a page of an earlier server gets a challenge, and to which it sends the answer."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The content security policy: only scripts and files from this server, and no inline code."""
STRANGER = (
    FORBIDDEN,
    "open the address that zerone lab has printed: its token is missing here, or it is an old one",
)
"""The response to a request without a valid token or cookie."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclasses.dataclass(frozen=True)
class Access:
    """The credentials of a server (token and value of the cookie), and the host names that it accepts."""

    names: frozenset[str]
    """The host names that requests may have."""
    any_address: bool
    """Whether requests may have any IP address as host, for a server that listens on all addresses."""
    port: int
    token: str = dataclasses.field(default_factory=lambda: secrets.token_urlsafe(32))
    ticket: str = dataclasses.field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def cookie(self) -> str:
        """The name of the cookie, which includes the port: browsers share cookies among the ports of a host."""
        return f"zerone_lab_{self.port}"

    def knows_host(self, host: str) -> bool:
        """Whether the server accepts this `Host` header."""
        name = _name_of(host)
        if name is None:
            return False
        return name in self.names or (self.any_address and _is_address(name))

    def knows_origin(self, origin: str, host: str) -> bool:
        """Whether the origin of a request is this server's page."""
        return origin in (f"http://{host}", f"https://{host}")

    def opens(self, query: str) -> bool:
        """Whether the query string contains the token."""
        return _equal_in_constant_time(field_of(query, "token"), self.token)

    def admits(self, cookies: str) -> bool:
        """Whether the `Cookie` header contains the valid cookie."""
        try:
            found = SimpleCookie(cookies).get(self.cookie)
        except CookieError:
            return False
        return found is not None and _equal_in_constant_time(found.value, self.ticket)

    @property
    def set_cookie(self) -> str:
        """The value of the `Set-Cookie` header: for this site only, and not readable by scripts."""
        return f"{self.cookie}={self.ticket}; Path=/; HttpOnly; SameSite=Strict"


class Guard:
    """An ASGI middleware that refuses requests without access before they reach the application."""

    def __init__(self, inside: Application, access: Access, reconnection: Reconnection | None = None) -> None:
        self._inside, self._access, self._reconnection = inside, access, reconnection

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._inside(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if scope["type"] == "http" and scope["path"] == AGAIN and refusal in (None, STRANGER) and self._reconnection:
            await self._reconnect(scope, send, self._reconnection)
        elif refusal is None:
            await self._inside(scope, receive, self._with_headers(scope, send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refusal[1]})
        else:
            await _answer(send, refusal[0], f"zerone lab: {refusal[1]}\n")

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """The status and the text with which a request is refused; None if it is accepted."""
        host, access = _header(scope, b"host"), self._access
        if not access.knows_host(host):
            return FORBIDDEN, "this server is not known by that name"
        origin = _header(scope, b"origin")
        if scope["type"] == "websocket" or origin:
            if not access.knows_origin(origin, host):
                return FORBIDDEN, "another site's page has asked"
        elif scope["method"] not in ("GET", "HEAD"):
            return NOT_ALLOWED, "nothing is sent here"
        if _header(scope, b"sec-fetch-site") == "cross-site" and _header(scope, b"sec-fetch-mode") != "navigate":
            return FORBIDDEN, "another site's page has asked"
        if access.admits(_header(scope, b"cookie")) or self._opens_page(scope):
            return None
        return STRANGER

    async def _reconnect(self, scope: Scope, send: Send, reconnection: Reconnection) -> None:
        """Send a challenge; or, if the query answers one, the cookie."""
        query = scope["query_string"].decode("latin-1")
        if not query:
            await _answer(send, 200, reconnection.challenge())
        elif reconnection.is_answered(query, self._access.port):
            await _answer(send, 200, "zerone lab: welcome back\n", {"set-cookie": self._access.set_cookie})
        else:
            await _answer(send, STRANGER[0], f"zerone lab: {STRANGER[1]}\n")

    def _opens_page(self, scope: Scope) -> bool:
        here: bool = scope["type"] == "http" and scope["path"] == "/"
        return here and self._access.opens(scope["query_string"].decode("latin-1"))

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        handed = self._access.set_cookie if self._opens_page(scope) else None

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                more = HEADERS | ({"set-cookie": handed} if handed else {})
                message["headers"] = [*message["headers"], *_encoded(more)]
            await send(message)

        return sending


async def _answer(send: Send, status: int, text: str, more: dict[str, str] | None = None) -> None:
    headers = {"content-type": "text/plain; charset=utf-8", **HEADERS, **(more or {})}
    await send({"type": "http.response.start", "status": status, "headers": _encoded(headers)})
    await send({"type": "http.response.body", "body": text.encode()})


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def _header(scope: Scope, name: bytes) -> str:
    """The value of a header; empty if it is missing, or if it occurs twice (except cookies) and is thus ambiguous."""
    found = [value for key, value in scope["headers"] if key == name]
    if len(found) > 1 and name != b"cookie":
        return ""
    return b"; ".join(found).decode("latin-1")


def _name_of(host: str) -> str | None:
    """The host without its port, in lower case; None if the header is invalid."""
    if host.startswith("["):
        name, bracket, port = host[1:].partition("]")
        port = port.removeprefix(":")
        return name.lower() if bracket and (not port or port.isdecimal()) else None
    name, colon, port = host.partition(":")
    return name.lower() if name and (not colon or port.isdecimal()) else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _equal_in_constant_time(given: str, right: str) -> bool:
    """Whether two texts are equal, compared in constant time."""
    return hmac.compare_digest(given.encode(), right.encode())
