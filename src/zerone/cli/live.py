"""A window beside a training: another process plays what the training has learned so far.

Between chunks, at most once a second, the training writes down its policy; it never waits for the one who reads
it. Whatever happens to the window, the training goes on; and when the training ends, however it ends, so does
the window, because the pipe between them closes.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from zerone.base.errors import ZeroneError
from zerone.base.place import absolute
from zerone.cli.watch import LIVE
from zerone.training.events import Callback, Control, Progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS_BETWEEN_POLICIES = 1.0
SECONDS_TO_LEAVE = 3.0


class LiveViewer(Callback):
    """Starts the window once there is something to see (a return of `level`, if that is given), and feeds it."""

    def __init__(self, path: Path, level: float | None = None) -> None:
        self._path, self._level = absolute(path), level
        self._process: subprocess.Popen[bytes] | None = None
        self._written = -SECONDS_BETWEEN_POLICIES
        self._gone = False

    def on_progress(self, event: Progress, training: Control) -> None:
        """Show the policy as it is now. Never raises, never waits for the window."""
        self.look(event, training.policy)

    def look(self, now: Progress, policy: Callable[[], Any]) -> None:
        """Show a policy."""
        if self._gone or now.steps == 0 or time.monotonic() - self._written < SECONDS_BETWEEN_POLICIES:
            return
        if self._process is None and not self._good_enough(now.latest_return):
            return
        try:
            self._write(now, policy)
            if self._process is None:
                self._process = self._start()
            elif self._process.poll() is not None:
                self._gone = True
                self._explain()
        except (ZeroneError, OSError) as error:
            self._gone = True
            _tell(f"the window is gone: {error}")

    def _good_enough(self, latest: float | None) -> bool:
        return self._level is None or (latest is not None and latest >= self._level)

    def _write(self, now: Progress, policy: Callable[[], Any]) -> None:
        from zerone.training import checkpoint

        arrays = checkpoint.flatten(policy(), "policy/")
        checkpoint.save(self._path / LIVE, arrays, {"step": now.steps})
        self._written = time.monotonic()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "zerone", "watch", str(self._path), "--window", "--follow", "--leash"]
        # The accelerator belongs to the training; and Ctrl-C is for the training to hear, which then lets go.
        return subprocess.Popen(  # noqa: S603 - our own program
            [*command, "--trust"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={**os.environ, "JAX_PLATFORMS": "cpu"}, start_new_session=True,
        )  # fmt: skip

    def _explain(self) -> None:
        """Say why the window is gone, if it did not just close."""
        assert self._process is not None  # noqa: S101 - only called then
        said = self._process.stderr.read().decode(errors="replace").strip() if self._process.stderr else ""
        if self._process.returncode:
            _tell(f"the window is gone: {said.splitlines()[-1] if said else self._process.returncode}")

    def __enter__(self) -> LiveViewer:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            (self._path / LIVE).unlink(missing_ok=True)
        if self._process is None:
            return
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(SECONDS_TO_LEAVE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()


def _tell(text: str) -> None:
    print(f"zerone: {' '.join(text.split())}; the training goes on", file=sys.stderr)
