"""A window beside a training: another process plays what the training has learned so far, or shows how it learns.

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
from typing import TYPE_CHECKING

from zerone.base.errors import ZeroneError
from zerone.base.place import absolute
from zerone.base.saved_types import Config
from zerone.cli.learning import not_shown_again
from zerone.cli.watched import LIVE
from zerone.training.events import Callback, Control, Progress, Started

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

SECONDS_BETWEEN_POLICIES = 1.0
SECONDS_TO_LEAVE = 3.0
STILL_SHOWN = "zerone: the training is done; the window still shows it, slowed: close it, or press Ctrl-C"


class LiveViewer(Callback):
    """Starts the window, and feeds it what is learnt, or lets it show the training's own steps from the first one on.

    It is fed, once there is something to see (a return of `level`, if that is given), unless a `speed` is given or what
    learns is a table, whose training is over at once: then it shows so many steps of the training in a second (with
    None as many as look natural). The training does not wait for that.
    """

    def __init__(
        self, path: Path, level: float | None = None, *, speed: float | None = None, text: bool = False
    ) -> None:
        """With `text` it is no window, but the terminal that this program writes to."""
        self._path, self._level, self._text = absolute(path), level, text
        self._speed, self._how = speed, ["--follow"]
        self._process: subprocess.Popen[bytes] | None = None
        self._written = -SECONDS_BETWEEN_POLICIES
        self._gone = False

    @property
    def _slowed(self) -> bool:
        return self._how[0] == "--learning"

    def on_started(self, event: Started, training: Control) -> None:
        """Show it from its first step, if it shall be slowed."""
        del training
        if self._speed == 0 or self._level is not None:
            return
        why = not_shown_again(event.config)
        if why is None and (self._speed is not None or _learns_a_table(event.config)):
            self._how = ["--learning", *([] if self._speed is None else ["--speed", f"{self._speed:g}"])]
            if self._text:
                print("zerone: each step of the training, slowed down to be seen; Ctrl-C ends that", file=sys.stderr)
            with self._unharmed():
                self._process = self._start()
        elif why is not None and self._speed is not None:
            _tell(f"its steps cannot be shown one by one, because {why}: its newest policy is shown")

    def on_progress(self, event: Progress, training: Control) -> None:
        """Show the policy as it is now. Never raises, never waits for the window."""
        self.look(event, training.policy)

    def look(self, now: Progress, policy: Callable[[], object]) -> None:
        """Show a policy."""
        if self._gone:
            return
        if self._slowed:
            self._look_after()
            return
        if now.steps == 0 or time.monotonic() - self._written < SECONDS_BETWEEN_POLICIES:
            return
        if self._process is None and not self._good_enough(now.latest_return):
            return
        with self._unharmed():
            self._write(now, policy)
            if self._process is None:
                self._process = self._start()
            else:
                self._look_after()

    def _look_after(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            self._gone = True
            self._explain()

    @contextlib.contextmanager
    def _unharmed(self) -> Generator[None]:
        """What goes wrong here ends only the watching."""
        try:
            yield
        except (ZeroneError, OSError) as error:
            self._gone = True
            _tell(f"the window is gone: {error}")

    def _good_enough(self, latest: float | None) -> bool:
        return self._level is None or (latest is not None and latest >= self._level)

    def _write(self, now: Progress, policy: Callable[[], object]) -> None:
        from zerone.training import checkpoint

        arrays = checkpoint.flatten(policy(), "policy/")
        checkpoint.save(self._path / LIVE, arrays, {"step": now.steps})
        self._written = time.monotonic()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "zerone", "watch", str(self._path), *self._how, "--leash", "--trust"]
        command.append("--text" if self._text else "--window")
        # The accelerator belongs to the training; and Ctrl-C is for the training to hear, which then lets go.
        return subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.PIPE, stdout=None if self._text else subprocess.DEVNULL, stderr=subprocess.PIPE,
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

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self._slowed and self._process is not None and self._process.poll() is None:
            if not self._text:
                print(STILL_SHOWN, file=sys.stderr)
            with contextlib.suppress(KeyboardInterrupt):
                self._process.wait()
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


def _learns_a_table(config: Config) -> bool:
    from zerone.algorithms.protocol import is_table
    from zerone.training.algorithm_setup import make_algorithm_from

    return is_table(make_algorithm_from(config["algorithm"]))


def _tell(text: str) -> None:
    print(f"zerone: {' '.join(text.split())}; the training goes on", file=sys.stderr)
