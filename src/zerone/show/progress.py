"""How far a training is: a bar on a terminal, elsewhere at most one line a second."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, Protocol, TextIO

SECONDS_BETWEEN_LINES = 1.0
COMPILING = "compiling: a few seconds, fewer the next time"


class Sight(Protocol):
    """What there is to show of a training that is under way."""

    @property
    def steps(self) -> int:
        """Environment steps that each seed has made."""
        ...

    @property
    def total(self) -> int:
        """Those that it will make at most."""
        ...

    @property
    def steps_per_second(self) -> float:
        """Steps of all seeds together; 0 where it is not known yet."""
        ...

    @property
    def latest_return(self) -> float | None:
        """Mean return of the last episodes; None before the first has ended."""
        ...

    @property
    def solved(self) -> int:
        """How many seeds have solved the environment."""
        ...

    @property
    def seeds(self) -> int:
        """How many there are."""
        ...

    @property
    def note(self) -> str:
        """What else there is to say, in a word or two; empty for nothing."""
        ...


class Progress(Protocol):
    """Shows a training. Before the first `update` it shows nothing: what was asked may still be refused."""

    def update(self, now: Sight) -> None:
        """The training is at `now`; at step 0 it is about to be compiled, which takes seconds."""
        ...

    def stop(self) -> None:
        """The training has ended, one way or the other."""
        ...


def progress_for(stream: TextIO, plain_allowed: bool = True) -> Progress:
    """What suits `stream`: a bar on a terminal; elsewhere lines, or nothing where those are not allowed."""
    if stream.isatty():
        return Bar(stream)
    return Lines(stream) if plain_allowed else Nothing()


def describe(now: Sight) -> str:
    """`25,000 / 50,000 steps  return 213.4  solved 3/8  41,200 steps/s`."""
    parts = [f"{now.steps:,} / {now.total:,} steps"]
    if now.latest_return is not None:
        parts.append(
            f"return {now.latest_return:.4g}" if abs(now.latest_return) < 1 else f"return {now.latest_return:,.1f}"
        )
    if now.seeds > 1 or now.solved:
        parts.append(f"solved {now.solved}/{now.seeds}")
    if now.note:
        parts.append(now.note)
    if now.steps_per_second:
        parts.append(f"{now.steps_per_second:,.0f} steps/s")
    return "  ".join(parts)


class Nothing:
    """Shows nothing."""

    def update(self, now: Sight) -> None:
        pass

    def stop(self) -> None:
        pass


class Lines:
    """Plain lines. A reader that goes away (`| head`) does not end the training: it only goes on unseen."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._printed = 0.0
        self._pending: Sight | None = None

    def update(self, now: Sight) -> None:
        if now.steps == 0:
            self._print(COMPILING)
            return
        if time.monotonic() - self._printed < SECONDS_BETWEEN_LINES:
            self._pending = now
            return
        self._pending, self._printed = None, time.monotonic()
        self._print(describe(now))

    def stop(self) -> None:
        if self._pending is not None:
            self._print(describe(self._pending))
            self._pending = None

    def _print(self, text: str) -> None:
        with suppress(BrokenPipeError):
            print(f"  {text}", file=self._stream, flush=True)


class Bar:
    """A bar that fills, and beside it the same words and the time that is left."""

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

    def update(self, now: Sight) -> None:
        if self._task is None:
            self._bar.start()
            self._task = self._bar.add_task("", total=None, words=COMPILING)
        if now.steps == 0:
            return
        left = (now.total - now.steps) * now.seeds / now.steps_per_second if now.steps_per_second else None
        words = describe(now) if left is None else f"{describe(now)}  {_clock(left)} left"
        self._bar.update(self._task, total=now.total, completed=now.steps, words=words)

    def stop(self) -> None:
        self._bar.stop()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
