"""A window beside a training: another process plays the current policy, or shows the training's own steps.

Between chunks, at most once a second, the training writes its policy to a file; it never waits for the reader. Errors
in the window do not affect the training. When the training ends, however it ends, the pipe between them closes, and so
does the window.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from zerone.base.errors import ZeroneError
from zerone.base.language import translated
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
    """Starts the window, and writes the current policy for it, or lets it replay the training from the first step.

    The policy is shown once it is good enough (a return of `level`, if given). If a `speed` other than 0 is given, or
    the algorithm learns a table, whose training takes only a moment, the window replays the training instead, `speed`
    steps per second (None: a natural speed). The training does not wait for it.
    """

    def __init__(
        self, path: Path, level: float | None = None, *, speed: float | None = None, text: bool = False
    ) -> None:
        """`text`: show it in the terminal that this program writes to, not in a window."""
        self._path, self._level, self._text = absolute(path), level, text
        self._speed, self._how = speed, ["--follow"]
        self._process: subprocess.Popen[bytes] | None = None
        self._written = -SECONDS_BETWEEN_POLICIES
        self._gone = False

    @property
    def _slowed(self) -> bool:
        return self._how[0] == "--learning"

    def on_started(self, event: Started, training: Control) -> None:
        """Start the replay, if the training is to be shown slowed down."""
        del training
        if self._speed == 0 or self._level is not None:
            return
        why = not_shown_again(event.config)
        if why is None and (self._speed is not None or _learns_a_table(event.config)):
            self._how = ["--learning", *([] if self._speed is None else ["--speed", f"{self._speed:g}"])]
            if self._text:
                text = translated("each step of the training, slowed down to be seen; Ctrl-C ends that")
                print(f"zerone: {text}", file=sys.stderr)
            with self._ignoring_errors():
                self._process = self._start()
        elif why is not None and self._speed is not None:
            _tell(
                translated("its steps cannot be shown one by one, because {why}: its newest policy is shown", why=why)
            )

    def on_progress(self, event: Progress, training: Control) -> None:
        """Write the current policy. Never raises, and never waits for the window."""
        self.look(event, training.policy)

    def look(self, now: Progress, policy: Callable[[], object]) -> None:
        """Write a policy for the window."""
        if self._gone:
            return
        if self._slowed:
            self._check_window()
            return
        if now.steps == 0 or time.monotonic() - self._written < SECONDS_BETWEEN_POLICIES:
            return
        if self._process is None and not self._good_enough(now.latest_return):
            return
        with self._ignoring_errors():
            self._write(now, policy)
            if self._process is None:
                self._process = self._start()
            else:
                self._check_window()

    def _check_window(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            self._gone = True
            self._explain()

    @contextlib.contextmanager
    def _ignoring_errors(self) -> Generator[None]:
        """Errors in the block end only the watching."""
        try:
            yield
        except (ZeroneError, OSError) as error:
            self._gone = True
            _tell(translated("the window is gone: {error}", error=error))

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
        # The accelerator belongs to the training. Ctrl-C goes only to the training, which then closes the window.
        return subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.PIPE, stdout=None if self._text else subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={**os.environ, "JAX_PLATFORMS": "cpu"}, start_new_session=True,
        )  # fmt: skip

    def _explain(self) -> None:
        """Report why the window is gone, unless the user closed it."""
        assert self._process is not None  # noqa: S101 - only called then
        said = self._process.stderr.read().decode(errors="replace").strip() if self._process.stderr else ""
        if self._process.returncode:
            last = said.splitlines()[-1] if said else self._process.returncode
            _tell(translated("the window is gone: {error}", error=last))

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
    line = translated("{what}; the training goes on", what=" ".join(text.split()))
    print(f"zerone: {line}", file=sys.stderr)
