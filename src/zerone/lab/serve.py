"""Serving the page until somebody stops it."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from types import FrameType

import uvicorn

from zerone.lab.access import Access
from zerone.lab.connections import Connection
from zerone.lab.server import LARGEST_MESSAGE, application
from zerone.lab.state import Lab
from zerone.training.interrupt import INTERRUPTED

SECONDS_TO_CLOSE = 1
SECONDS_OF_A_THREAD = 0.001
"""How long a thread may keep Python to itself: a fifth of the usual, so that requests are answered soon."""


class Server(uvicorn.Server):
    """One that knows whether Ctrl-C has ended it: asyncio may have come to its end before it could say so."""

    interrupted = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.interrupted |= sig == signal.SIGINT
        super().handle_exit(sig, frame)


def server(listening: socket.socket, access: Access, lab: Lab) -> Server:
    """A server that is ready to run; `listening` only says where it is, for its own answers."""
    host, port = listening.getsockname()[:2]
    config = uvicorn.Config(
        application(lab, access), host=host, port=port, http=Connection, ws="websockets-sansio", lifespan="on",
        ws_max_size=LARGEST_MESSAGE, ws_max_queue=16, ws_per_message_deflate=False, log_level="error", access_log=False,
        server_header=False, timeout_graceful_shutdown=SECONDS_TO_CLOSE, timeout_keep_alive=15,
    )  # fmt: skip
    return Server(config)


def serve(listening: socket.socket, access: Access, runs: Path) -> None:
    """Answer until Ctrl-C (`KeyboardInterrupt`) or SIGTERM; where the sessions are is saved then."""
    sys.setswitchinterval(SECONDS_OF_A_THREAD)
    code, running = 0, server(listening, access, Lab(runs))
    try:
        running.run(sockets=[listening])
        if running.interrupted:
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        code = INTERRUPTED
        raise
    finally:
        # A thread that compiles when Python ends aborts the process, with words of C++; to wait for it takes seconds.
        if any(thread.name.startswith("zerone lab") for thread in threading.enumerate()):
            atexit.register(_leave, code)


def _leave(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
