"""The listeners of a training: Zerone's own writers first, then the user's callbacks, each guarded.

An exception in a callback does not interrupt the training: it is stored, that callback is no longer called, and the
training ends at the next safe point. The writer of `metrics.csv` is not guarded: without the log there is no run.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from zerone.base.errors import InputError, RunError
from zerone.base.language import translatable, translated
from zerone.training.events import Callback, Control, Ended, Event, Listener, Number

if TYPE_CHECKING:
    from zerone.training.agent import Agent

T = TypeVar("T")


class CallbackError(RunError):
    """A callback raised an exception, or returned values that cannot be logged; a checkpoint was saved."""


@dataclasses.dataclass(frozen=True)
class NamedCallback:
    """A callback with its name for errors and results."""

    name: str
    listener: Listener

    @property
    def metrics(self) -> Mapping[str, str]:
        """The columns that it adds to the log."""
        return self.listener.metrics if isinstance(self.listener, Callback) else {}


@dataclasses.dataclass(frozen=True)
class Stop:
    """A callback's request to end the training."""

    by: str
    reason: str


class Listeners:
    """All listeners of one training, and their requests."""

    def __init__(self, own: Sequence[Listener] = (), callbacks: Sequence[NamedCallback] = ()) -> None:
        self._own, self._callbacks = list(own), list(callbacks)
        self._broken: set[int] = set()
        self._told = False
        self.failure: CallbackError | None = None
        self.stop: Stop | None = None
        self.save_asked = False
        self.agent: Callable[[int | None], Agent] = _no_agent
        """Returns the current agent of a seed."""

    @property
    def metrics(self) -> dict[str, str]:
        """The columns that callbacks add to the log, with their meaning."""
        return {name: text for each in self._callbacks for name, text in each.metrics.items()}

    def require_columns(self, taken: Iterable[str]) -> None:
        """Raise `InputError` if a callback adds a column that exists already, or whose name does not fit in a table."""
        seen = {"seed", "step", *taken}
        for each in self._callbacks:
            for name in each.metrics:
                if name in seen:
                    line = translatable("callback {callback}: the metric {name!r} is in the log already: rename it")
                    raise InputError(translated(line, callback=each.name, name=name))
                if not name.isprintable() or not name or set(name) & set(',"'):
                    line = translatable(
                        "callback {callback}: the metric {name!r} is not allowed: must be a name without commas, "
                        "quotes and line ends"
                    )
                    raise InputError(translated(line, callback=each.name, name=name))
                seen.add(name)

    def tell(self, event: Event) -> None:
        """Call all listeners with an event, in turn. Raises only exceptions of Zerone's own listeners."""
        self._told = True
        for listener in self._own:
            listener(event, ListenerControl(self, "zerone"))
        for place, each in enumerate(self._callbacks):
            if place not in self._broken:
                self._guarded(place, each, functools.partial(each.listener, event, ListenerControl(self, each.name)))

    def measured(self, row: Mapping[str, Number]) -> dict[str, Number]:
        """The values that callbacks add to a row."""
        found: dict[str, Number] = {}
        for place, each in enumerate(self._callbacks):
            if place not in self._broken and each.metrics and isinstance(each.listener, Callback):
                asked = functools.partial(_measured, each.listener, {**row, **found}, ListenerControl(self, each.name))
                found |= self._guarded(place, each, asked) or {}
        return found

    def end(self, event: Ended) -> None:
        """Report the end while an exception is being raised: errors of listeners must not replace it."""
        if not self._told:
            return
        for listener in self._own:
            try:
                listener(event, ListenerControl(self, "zerone"))
            except Exception as error:
                logging.getLogger("zerone").warning("zerone: %s", error)
        own, self._own, before = self._own, [], self.failure
        self.tell(event)
        self._own = own
        if self.failure is not before:
            logging.getLogger("zerone").warning("zerone: %s", self.failure)

    def _guarded(self, place: int, each: NamedCallback, action: Callable[[], T]) -> T | None:
        try:
            return action()
        except (Exception, SystemExit) as error:
            self._broken.add(place)
            line = translated("callback {name}: {error}", name=each.name, error=described(error))
            failure = CallbackError(line)
            failure.__cause__ = error
            self.failure = self.failure or failure
            return None


class ListenerControl(Control):
    """The `Control` given to one callback."""

    def __init__(self, listeners: Listeners, name: str) -> None:
        self._listeners, self._name = listeners, name

    def stop(self, reason: str) -> None:
        if self._listeners.stop is None:
            self._listeners.stop = Stop(self._name, on_one_line(str(reason)))

    def save(self) -> None:
        self._listeners.save_asked = True

    def policy(self, seed: int | None = None) -> Any:
        return self.agent(seed).policy

    def agent(self, seed: int | None = None) -> Agent:
        return self._listeners.agent(seed)


def described(error: BaseException) -> str:
    """An exception on one line, even if its `__str__` fails."""
    try:
        words = on_one_line(str(error)).rstrip(".")
    except Exception:
        words = ""
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def on_one_line(text: str) -> str:
    """Text without line breaks and terminal control characters."""
    return "".join(each if each.isprintable() else "?" for each in " ".join(text.split()))


def _no_agent(seed: int | None) -> Agent:
    raise InputError(f"there is no policy of seed {seed}: no training has begun")


def _measured(callback: Callback, row: Mapping[str, Number], asking: ListenerControl) -> dict[str, Number]:
    """The values that a callback measures. Raises if one of them does not fit in a row."""
    found: object = callback.measure(MappingProxyType(row), asking)
    if not isinstance(found, Mapping):
        raise TypeError(f"measure gave {found!r}, not a mapping from names to numbers")
    numbers: dict[str, Number] = {}
    for name, value in found.items():
        if name not in callback.metrics:
            raise ValueError(f"measure gave {name!r}, which is not in its metrics ({', '.join(callback.metrics)})")
        array: Any = np.asarray(value)
        if value is not None and (array.ndim or array.dtype.kind not in "biuf"):
            raise ValueError(f"measure gave {name} = {value!r}, which is no number")
        numbers[name] = None if value is None else array[()]
    return numbers
