"""Finding the processes of a local Ray by a mark in their environment, and a reaper process that ends them all.

Ray's own processes end after their driver has exited, but some only after a minute, and a stopped one never. The reaper
waits until the driver has exited, however it ended. It imports only Python's standard library.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

MARK = "ZERONE_CLUSTER"
"""The environment variable that contains the mark."""

PATIENCE = 10.0
"""Seconds during which processes to be ended are searched for."""


class Reaper:
    """Holds a pipe to the reaper process, which the system closes when this process ends."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, __file__, mark], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,  # so that Ctrl-C does not reach it
        )  # fmt: skip

    def close(self) -> None:
        """End all processes with the mark, and wait until they are gone."""
        self._process.communicate()


def end_marked(mark: str) -> None:
    """End every process of this machine with the mark, until none has been left for a moment."""
    until, quiet = time.monotonic() + PATIENCE, 0
    while quiet < 3 and time.monotonic() < until:
        left = marked(mark)
        quiet = 0 if left else quiet + 1
        for process in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))  # Windows has only this one
        time.sleep(0.05)


def marked(mark: str) -> list[int]:
    """The Linux processes with the mark, other than this one; on other systems Ray ends its own processes."""
    wanted = f"{MARK}={mark}".encode()
    found: list[int] = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int(place.name) != os.getpid() and wanted in (place / "environ").read_bytes().split(b"\0"):
                found.append(int(place.name))
    return found


if __name__ == "__main__":
    sys.stdin.read()
    end_marked(sys.argv[1])
