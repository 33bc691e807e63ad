"""The events of a training, and callbacks: functions or objects that are called with each event.

The order is always the same: `Preparing`, `Started`; then, after each chunk (about twice a second, and wherever
something is due), `Evaluated` for each seed in the order of the seeds, `Rows`, `Saving` and `Saved`, and `Progress`;
finally `Ended`, however it ends. All callbacks run on the thread that called `zerone.train`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

import numpy as np

from zerone.base.errors import InputError, nearest
from zerone.base.saved_types import Config, Result

if TYPE_CHECKING:
    from zerone.training.agent import Agent

Number: TypeAlias = float | int | np.floating[Any] | np.integer[Any] | None


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a training is."""

    steps: int
    """Environment steps that each seed has made."""
    total: int
    """Environment steps that each seed will make at most; an estimate if the training counts episodes."""
    seconds: float = 0.0
    steps_per_second: float = 0.0
    """Of all seeds together, in wall-clock time including evaluations; 0 if not known yet."""
    evaluating: float = 0.0
    """The share of that time that evaluations took, 0 to 1."""
    latest_return: float | None = None
    """Mean return of the last episodes; None before the first one has ended."""
    solved: int = 0
    """How many seeds have solved the environment."""
    seeds: int = 1
    note: str = ""
    """A short extra note, such as the exploration rate; empty if there is none."""
    final_episodes: int = 0
    """Episodes per seed of the final evaluation of its best policy, while that is going on; otherwise 0."""
    episodes: int | None = None
    """Ended episodes of the seed that has the fewest; None if the training counts steps."""
    total_episodes: int | None = None
    """Episodes of each seed after which the training ends; None if the training counts steps."""


@dataclasses.dataclass(frozen=True)
class Preparing:
    """The training is about to compile its programs, which takes seconds."""

    progress: Progress


@dataclasses.dataclass(frozen=True)
class Started:
    """The first step is about to be taken, or the first one after a checkpoint."""

    path: Path
    """The run folder."""
    config: Config
    """A copy of its `config.json`."""
    columns: Mapping[str, str]
    """The columns of the log besides `seed` and `step`, each with its meaning."""
    seeds: tuple[int, ...]
    step: int
    """The step of each seed from which training starts or resumes; later rows reported before are reported again."""
    resumed: bool


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """The policy of one seed was evaluated."""

    seed: int
    step: int
    mean_return: float
    returns: tuple[float, ...]
    """Of each episode, with the task's own reward."""
    lengths: tuple[float, ...]
    cut: int
    """How many of these episodes were cut off at the limit."""
    best: bool
    """Whether it is the best policy of this seed so far."""
    solved: bool
    """Whether this seed has solved the environment, now or earlier."""


@dataclasses.dataclass(frozen=True)
class Rows:
    """The log gets one row for each seed that is still training."""

    step: int
    rows: tuple[Mapping[str, Number], ...]
    """Values by column, including `seed` and `step`; None or missing if not measured."""


@dataclasses.dataclass(frozen=True)
class Saving:
    """A checkpoint is about to be saved: other files must be flushed to the disk first."""

    step: int


@dataclasses.dataclass(frozen=True)
class Saved:
    """A checkpoint was saved."""

    step: int
    path: Path


@dataclasses.dataclass(frozen=True)
class Ended:
    """The training has ended; no event follows. It is sent however it ends, unless the process is killed."""

    reason: str
    """`finished`, `stopped` (by a callback), `interrupted` (Ctrl-C) or `failed`."""
    message: str
    """Why, on one line; empty if it has finished."""
    step: int
    result: Result | None
    """The contents of `result.json`; None if it was interrupted or failed."""


Event: TypeAlias = Preparing | Started | Progress | Evaluated | Rows | Saving | Saved | Ended


class Control(Protocol):
    """Requests that a callback can make to the training."""

    def stop(self, reason: str) -> None:
        """End the training at the next safe point: a normal end, with a checkpoint and a result."""
        ...

    def save(self) -> None:
        """Save a checkpoint at the next safe point."""
        ...

    def policy(self, seed: int | None = None) -> Any:
        """A copy of the current policy of one seed (by default the first that is still training)."""
        ...

    def agent(self, seed: int | None = None) -> Agent:
        """The current policy as an `Agent`, which acts on observations."""
        ...


Listener: TypeAlias = Callable[[Event, Control], object]
"""A function of an event and a `Control`, such as a `Callback`."""


class Callback:
    """A listener with one method per kind of event; methods that a subclass does not define do nothing.

    `metrics` maps the names of columns that it adds to the log to their meaning; `measure` computes their values.
    """

    metrics: Mapping[str, str] = MappingProxyType({})

    _FUNCTIONS: ClassVar[dict[type[Event], str]] = {
        Preparing: "on_preparing", Started: "on_started", Progress: "on_progress", Evaluated: "on_evaluated",
        Rows: "on_rows", Saving: "on_saving", Saved: "on_saved", Ended: "on_ended",
    }  # fmt: skip

    def __init_subclass__(cls) -> None:
        known = Callback.functions()
        for name in vars(cls):
            if name.startswith("on_") and name not in known:
                raise InputError(f"{cls.__qualname__}: {name} is no event: {nearest(name, known)}")

    @staticmethod
    def functions() -> tuple[str, ...]:
        """The names of the methods that receive events."""
        return tuple(Callback._FUNCTIONS.values())

    def __call__(self, event: Event, training: Control, /) -> None:
        """Pass an event to the method of its kind."""
        getattr(self, Callback._FUNCTIONS[type(event)])(event, training)

    def measure(self, row: Mapping[str, Number], training: Control) -> Mapping[str, Number]:
        """The values to add to a row of one seed, by the names in `metrics`. `row` has all other measurements."""
        del row, training
        return {}

    def on_preparing(self, event: Preparing, training: Control) -> None:
        """The programs are about to be compiled."""

    def on_started(self, event: Started, training: Control) -> None:
        """The first step is about to be taken."""

    def on_progress(self, event: Progress, training: Control) -> None:
        """Called about twice a second."""

    def on_evaluated(self, event: Evaluated, training: Control) -> None:
        """The policy of one seed was evaluated."""

    def on_rows(self, event: Rows, training: Control) -> None:
        """The log gets rows."""

    def on_saving(self, event: Saving, training: Control) -> None:
        """A checkpoint is about to be saved."""

    def on_saved(self, event: Saved, training: Control) -> None:
        """A checkpoint was saved."""

    def on_ended(self, event: Ended, training: Control) -> None:
        """The training has ended."""
