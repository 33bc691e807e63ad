"""Limits on connections, so that idle sockets cannot block the server."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS = 256
SECONDS_TO_SPEAK = 5.0
"""How long a new connection may be silent; browsers send a request at once."""


class Connection(H11Protocol):
    """uvicorn's HTTP protocol with a limit on the number of connections and on their initial silence."""

    open: ClassVar[set[Connection]] = set()

    def connection_made(self, transport: Any) -> None:
        if len(self.open) >= MOST_CONNECTIONS:
            transport.abort()
            return
        self.open.add(self)
        super().connection_made(transport)
        self._silence = asyncio.get_running_loop().call_later(SECONDS_TO_SPEAK, self._end_connection)

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self.open:
            self.open.discard(self)
            self._silence.cancel()
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self in self.open:
            super().data_received(data)
            if self.cycle is not None:  # a request has begun: uvicorn's own time limits apply from here
                self._silence.cancel()

    def handle_websocket_upgrade(self, event: Any) -> None:
        self._silence.cancel()
        self.open.discard(self)  # WebSockets are counted by the application
        super().handle_websocket_upgrade(event)

    def _end_connection(self) -> None:
        if self.cycle is None:
            self.transport.abort()
