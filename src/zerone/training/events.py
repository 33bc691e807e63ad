"""What a training tells while it goes on, and what a callback is: something that is called with each event.

The order is always the same: `Preparing`, `Started`; then, each time the host looks up (about twice a second, and
wherever something is due), the `Evaluated` of each seed in the order of the seeds, `Rows`, `Saving` and `Saved`, and
`Progress`; and at last `Ended`, however it ends. All are told on the thread that called `zerone.train`.
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
    """How far it is."""

    steps: int
    """Environment steps that each seed has made."""
    total: int
    """Those that it will make at most; where episodes are counted, those that it is likely to make."""
    seconds: float = 0.0
    steps_per_second: float = 0.0
    """Of all seeds together, on the wall, evaluations included; 0 where it is not known yet."""
    evaluating: float = 0.0
    """The share of that time that evaluations took."""
    latest_return: float | None = None
    """Mean return of the last episodes; None before the first has ended."""
    solved: int = 0
    """How many seeds have solved the environment."""
    seeds: int = 1
    note: str = ""
    """What else there is to say, in a word or two, such as how much is explored; empty for nothing."""
    final_episodes: int = 0
    """How many episodes of each seed are played now, at the end, to evaluate its best policy; 0 until then."""
    episodes: int | None = None
    """Episodes that have ended of the seed that has the fewest; None where a training has so many steps."""
    total_episodes: int | None = None
    """Those of each seed after which the training ends; None where a training has so many steps."""


@dataclasses.dataclass(frozen=True)
class Preparing:
    """The training is about to compile its programs, which takes seconds."""

    progress: Progress


@dataclasses.dataclass(frozen=True)
class Started:
    """The first step is about to be taken, or the first after a checkpoint."""

    path: Path
    """The run folder."""
    config: Config
    """What stands in its `config.json`: a copy."""
    columns: Mapping[str, str]
    """What each row of the log measures besides `seed` and `step`, and what that means."""
    seeds: tuple[int, ...]
    step: int
    """Steps of each seed that lie behind it; rows after this step that were told before are told again."""
    resumed: bool


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """The policy of one seed was evaluated."""

    seed: int
    step: int
    mean_return: float
    returns: tuple[float, ...]
    """Of each episode, on the reward of the task itself."""
    lengths: tuple[float, ...]
    cut: int
    """How many of these episodes had not ended at the limit."""
    best: bool
    """Whether no policy of this seed was better before."""
    solved: bool
    """Whether this seed has solved the environment, now or before."""


@dataclasses.dataclass(frozen=True)
class Rows:
    """The log gets a row of each seed that still trains."""

    step: int
    rows: tuple[Mapping[str, Number], ...]
    """By column, `seed` and `step` among them; None or no entry for what was not measured."""


@dataclasses.dataclass(frozen=True)
class Saving:
    """A checkpoint is about to be saved: what else is written must be on the disk before it."""

    step: int


@dataclasses.dataclass(frozen=True)
class Saved:
    """A checkpoint was saved."""

    step: int
    path: Path


@dataclasses.dataclass(frozen=True)
class Ended:
    """Nothing follows. It comes however a training ends, but for a process that is killed."""

    reason: str
    """`finished`, `stopped` (by a callback), `interrupted` (Ctrl-C) or `failed`."""
    message: str
    """Why, in a line; empty where it has finished."""
    step: int
    result: Result | None
    """What stands in `result.json`; None where it was interrupted or has failed."""


Event: TypeAlias = Preparing | Started | Progress | Evaluated | Rows | Saving | Saved | Ended


class Control(Protocol):
    """What a callback can ask of the training that it hears of."""

    def stop(self, reason: str) -> None:
        """End the training, as soon as what is due has been done: a normal end, with a checkpoint and a result."""
        ...

    def save(self) -> None:
        """Save a checkpoint as soon as what is due has been done."""
        ...

    def policy(self, seed: int | None = None) -> Any:
        """A copy of what acts now, of one seed (by default the first that still trains)."""
        ...

    def agent(self, seed: int | None = None) -> Agent:
        """The same as an agent, which acts on observations."""
        ...


Listener: TypeAlias = Callable[[Event, Control], object]
"""What hears events. A function of two arguments is one; so is a `Callback`."""


class Callback:
    """A listener with a function for each kind of event; those that a class does not define do nothing.

    `metrics` names what it adds to the rows of the log, each with its meaning: `measure` is asked for them.
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
        """The names of the functions that hear events."""
        return tuple(Callback._FUNCTIONS.values())

    def __call__(self, event: Event, training: Control, /) -> None:
        """Hand an event to the function of its kind."""
        getattr(self, Callback._FUNCTIONS[type(event)])(event, training)

    def measure(self, row: Mapping[str, Number], training: Control) -> Mapping[str, Number]:
        """What to add to a row of one seed, by the names in `metrics`. `row` has all else that is measured."""
        del row, training
        return {}

    def on_preparing(self, event: Preparing, training: Control) -> None:
        """The programs are about to be compiled."""

    def on_started(self, event: Started, training: Control) -> None:
        """The first step is about to be taken."""

    def on_progress(self, event: Progress, training: Control) -> None:
        """About twice a second."""

    def on_evaluated(self, event: Evaluated, training: Control) -> None:
        """The policy of one seed was evaluated."""

    def on_rows(self, event: Rows, training: Control) -> None:
        """The log gets rows."""

    def on_saving(self, event: Saving, training: Control) -> None:
        """A checkpoint is about to be saved."""

    def on_saved(self, event: Saved, training: Control) -> None:
        """A checkpoint was saved."""

    def on_ended(self, event: Ended, training: Control) -> None:
        """Nothing follows."""
