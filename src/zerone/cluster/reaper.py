"""The processes of a Ray of our own, known by a mark in their environment, and a warden that ends them all.

Ray's own processes end when their driver is gone, but some only after a minute, and one that is stopped never. The
warden is a process that waits until the driver is gone, however that went. It imports nothing but Python's own.
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
"""The environment variable that has the mark."""

PATIENCE = 10.0
"""Seconds in which what is to end is looked for."""


class Warden:
    """Holds a pipe to the warden's process, which the system closes when this process is gone."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, __file__, mark], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,  # Ctrl-C is not for it
        )  # fmt: skip

    def close(self) -> None:
        """End all that has the mark, and wait until it is gone."""
        self._process.communicate()


def end_marked(mark: str) -> None:
    """End every process of this machine that has the mark, until none has been left for a moment."""
    until, quiet = time.monotonic() + PATIENCE, 0
    while quiet < 3 and time.monotonic() < until:
        left = marked(mark)
        quiet = 0 if left else quiet + 1
        for process in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))  # Windows has but the one
        time.sleep(0.05)


def marked(mark: str) -> list[int]:
    """The processes of Linux with the mark, other than this one; elsewhere Ray is trusted with its own."""
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
