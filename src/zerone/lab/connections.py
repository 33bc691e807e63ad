"""Limits on connections: a thousand sockets that say nothing do not lock anybody out."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS = 256
SECONDS_TO_SPEAK = 5.0
"""A browser opens a connection in order to ask something, and at once."""


class Connection(H11Protocol):
    """uvicorn's HTTP, which hangs up on those who say nothing, and takes no more than there is room for."""

    open: ClassVar[set[Connection]] = set()

    def connection_made(self, transport: Any) -> None:
        if len(self.open) >= MOST_CONNECTIONS:
            transport.abort()
            return
        self.open.add(self)
        super().connection_made(transport)
        self._silence = asyncio.get_running_loop().call_later(SECONDS_TO_SPEAK, self._hang_up)

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self.open:
            self.open.discard(self)
            self._silence.cancel()
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self in self.open:
            super().data_received(data)
            if self.cycle is not None:  # it has asked something: from here on uvicorn watches it
                self._silence.cancel()

    def handle_websocket_upgrade(self, event: Any) -> None:
        self._silence.cancel()
        self.open.discard(self)  # from here on it is the WebSocket's, which the application counts
        super().handle_websocket_upgrade(event)

    def _hang_up(self) -> None:
        if self.cycle is None:
            self.transport.abort()
