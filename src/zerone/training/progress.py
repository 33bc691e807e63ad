"""Progress displays: a bar on a terminal, a bar in a notebook, or at most one line a second."""

from __future__ import annotations

import dataclasses
import importlib
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO, TypeAlias

from zerone.base.language import translatable, translated
from zerone.charts.html import bar
from zerone.training.events import Callback, Control, Ended, Preparing, Progress

SECONDS_BETWEEN_LINES, SECONDS_BETWEEN_PICTURES = 1.0, 0.25
LEAST_SHARE = 0.005
"""A smaller share of evaluations in the time is not shown."""
COMPILING = translatable("compiling: a few seconds, fewer the next time")


OnProgress: TypeAlias = Callable[[Progress, Callable[[], Any]], object]


def ignore(now: Progress, policy: Callable[[], Any]) -> None:
    """Do nothing."""
    del now, policy


class Calling(Callback):
    """Calls a function with the progress, and a function that returns the policy."""

    def __init__(self, function: OnProgress) -> None:
        self._function = function

    def on_preparing(self, event: Preparing, training: Control) -> None:
        self._function(event.progress, training.policy)

    def on_progress(self, event: Progress, training: Control) -> None:
        self._function(event, training.policy)


class Display(Callback):
    """Displays a training. It shows nothing before the first `update`, because the input may still be rejected."""

    def update(self, now: Progress) -> None:
        """Show the progress `now`; step 0 means that compiling begins, which takes seconds."""

    def stop(self) -> None:
        """Finish the display, however the training has ended."""

    def on_preparing(self, event: Preparing, training: Control) -> None:
        del training
        self.update(event.progress)

    def on_progress(self, event: Progress, training: Control) -> None:
        del training
        self.update(event)

    def on_ended(self, event: Ended, training: Control) -> None:
        del event, training
        self.stop()


def of_several(number: int, total: int, now: Progress, note: str) -> Progress:
    """The combined progress of `total` equally long trainings: `number` have ended, and the next is at `now`."""
    steps = number * now.total + now.steps
    return dataclasses.replace(
        now, steps=steps, total=total * now.total, note=note, final_episodes=0, episodes=None, total_episodes=None
    )


def progress_for(stream: TextIO, plain_allowed: bool = True) -> Display:
    """The display for `stream`: a bar on a terminal; otherwise lines, or nothing if those are not allowed."""
    if stream.isatty():
        return Bar(stream)
    return Lines(stream) if plain_allowed else Display()


def progress_in_python(wanted: bool | None) -> Display:
    """The display for library functions: a notebook's bar, or a bar on standard error if that is a terminal.

    If standard error is not a terminal, nothing is shown unless progress is `wanted`: then lines are printed.
    """
    if wanted is False:
        return Display()
    notebook = _display()
    if notebook is not None:
        return Notebook(notebook)
    return progress_for(sys.stderr, plain_allowed=wanted is True)


def _display() -> Callable[..., Any] | None:
    """IPython's `display` in a notebook, else None. Imports nothing: a notebook has imported IPython already."""
    module: Any = sys.modules.get("IPython")
    shell = None if module is None else module.get_ipython()
    if shell is None or getattr(shell, "kernel", None) is None:
        return None
    return importlib.import_module("IPython.display").display  # type: ignore[no-any-return]


def describe(now: Progress) -> str:
    """`25,000 / 50,000 steps  return 213.4  solved 3/8  41,200 steps/s, 8% evaluating`."""
    if now.episodes is None:
        parts = [translated("{steps:,} / {total:,} steps", steps=now.steps, total=now.total)]
    else:
        had, wanted = now.episodes, now.total_episodes
        counted = translated("{had:,} / {wanted:,} episodes", had=had, wanted=wanted)
        parts = [translated("{counted}, {steps:,} steps", counted=counted, steps=now.steps)]
    if now.latest_return is not None:
        latest = f"{now.latest_return:.4g}" if abs(now.latest_return) < 1 else f"{now.latest_return:,.1f}"
        parts.append(translated("return {latest}", latest=latest))
    if now.seeds > 1 or now.solved:
        parts.append(translated("solved {solved}/{seeds}", solved=now.solved, seeds=now.seeds))
    if now.final_episodes:
        parts.append(translated("final evaluation: {episodes:,} episodes", episodes=now.final_episodes))
    if now.note:
        parts.append(now.note)
    if now.steps_per_second and not now.final_episodes:
        speed = translated("{speed:,.0f} steps/s", speed=now.steps_per_second)
        share = translated(", {share:.0%} evaluating", share=now.evaluating) if now.evaluating >= LEAST_SHARE else ""
        parts.append(speed + share)
    return "  ".join(parts)


class Lines(Display):
    """Plain lines. If the reader or terminal goes away (`| head`), the training continues without display."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._printed = 0.0
        self._pending: Progress | None = None

    def update(self, now: Progress) -> None:
        if now.steps == 0:
            self._print(translated(COMPILING))
            return
        if not now.final_episodes and (
            not now.steps_per_second or time.monotonic() - self._printed < SECONDS_BETWEEN_LINES
        ):
            self._pending = now  # the first chunk is a single update, too early to report
            return
        if now.final_episodes:
            self.stop()
        self._pending, self._printed = None, time.monotonic()
        self._print(describe(now))

    def stop(self) -> None:
        if self._pending is not None:
            self._print(describe(self._pending))
            self._pending = None

    def _print(self, text: str) -> None:
        with suppress(OSError):
            print(f"  {text}", file=self._stream, flush=True)


class Notebook(Display):
    """The terminal's bar below a notebook cell; the final state stays visible."""

    def __init__(self, display: Callable[..., Any]) -> None:
        self._display = display
        self._handle: Any = None
        self._shown = 0.0
        self._latest: Progress | None = None

    def update(self, now: Progress) -> None:
        if self._handle is None:
            self._handle = self._display(_data(None, translated(COMPILING)), raw=True, display_id=True)
        if not now.final_episodes:
            self._latest = now if now.steps else None
        if now.final_episodes or (now.steps and time.monotonic() - self._shown >= SECONDS_BETWEEN_PICTURES):
            self._shown = time.monotonic()
            self._handle.update(_data(now.steps / now.total, with_time_left(now)), raw=True)

    def stop(self) -> None:
        now = self._latest
        if now is not None:  # no time is left, even if the training ended early
            self._handle.update(_data(now.steps / now.total, describe(now)), raw=True)
        elif self._handle is not None:  # there was nothing to train
            self._handle.update({"text/html": "", "text/plain": ""}, raw=True)


def _data(share: float | None, words: str) -> dict[str, str]:
    """A line in the MIME types among which a notebook chooses."""
    return {"text/html": bar(share, words), "text/plain": words}


class Bar(Display):
    """A bar with the progress text and the remaining time."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        words = TextColumn("{task.fields[words]}", markup=False, style="default")
        self._bar = RichProgress(
            BarColumn(bar_width=None), words, console=Console(file=stream), transient=True, expand=True,
            refresh_per_second=4,
        )  # fmt: skip
        self._task: Any = None

    def update(self, now: Progress) -> None:
        with suppress(OSError):  # the terminal may be gone
            self._update(now)

    def _update(self, now: Progress) -> None:
        if self._task is None:
            self._bar.start()
            self._task = self._bar.add_task("", total=None, words=translated(COMPILING))
        if now.steps == 0:
            return
        self._bar.update(self._task, total=now.total, completed=now.steps, words=with_time_left(now))

    def stop(self) -> None:
        with suppress(OSError):
            self._bar.stop()


def with_time_left(now: Progress) -> str:
    """The progress text with the remaining time, if known."""
    if not now.steps_per_second or now.steps >= now.total:
        return describe(now)
    left = _clock((now.total - now.steps) * now.seeds / now.steps_per_second)
    return f"{describe(now)}  {translated('{time} left', time=left)}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
