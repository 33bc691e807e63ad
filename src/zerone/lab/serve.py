"""Running the server until it is stopped."""

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
"""Python's switch interval: a fifth of the default, so that requests are answered quickly."""


class Server(uvicorn.Server):
    """uvicorn's server, which also records Ctrl-C: asyncio may have ended before `KeyboardInterrupt` is raised."""

    interrupted = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.interrupted |= sig == signal.SIGINT
        super().handle_exit(sig, frame)


def server(listening: socket.socket, access: Access, lab: Lab) -> Server:
    """Make a server; `listening` is the socket whose address it reports."""
    host, port = listening.getsockname()[:2]
    config = uvicorn.Config(
        application(lab, access), host=host, port=port, http=Connection, ws="websockets-sansio", lifespan="on",
        ws_max_size=LARGEST_MESSAGE, ws_max_queue=16, ws_per_message_deflate=False, log_level="error", access_log=False,
        server_header=False, timeout_graceful_shutdown=SECONDS_TO_CLOSE, timeout_keep_alive=15,
    )  # fmt: skip
    return Server(config)


def serve(listening: socket.socket, access: Access, runs: Path) -> None:
    """Serve until Ctrl-C (raises `KeyboardInterrupt`) or SIGTERM; then save the positions of the sessions."""
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
        # If a thread is compiling when Python exits, the process aborts with a C++ error; waiting would take seconds.
        if any(thread.name.startswith("zerone lab") for thread in threading.enumerate()):
            atexit.register(_leave, code)


def _leave(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
