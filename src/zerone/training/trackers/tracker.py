"""The base class of trackers: turns the events of a training into one run of the tracker.

Several seeds share one run, with the measurements of each under `seed-<seed>/`. The tracker's run id is kept in the run
folder, so that a resumed training continues the same run. If the run cannot be opened when the training starts, that
is an error; if the service fails later, only its own data are lost, and the training continues.
"""

from __future__ import annotations

import importlib
import json
import logging
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from zerone.base.errors import InputError, ZeroneError, said
from zerone.base.extras import install
from zerone.base.files import read_object, replacing
from zerone.base.language import translated
from zerone.training.events import Callback, Control, Ended, Rows, Started
from zerone.training.interrupt import SIGNALS
from zerone.training.listeners import described
from zerone.training.tensorboard import Meaning, tag_of

KEPT = "tracker-{}.json"
"""The file in a run folder with the id of a tracker's run; `{}` is the tracker's name."""


class Tracker(Callback, ABC):
    """Base class; a subclass implements four short methods: `open`, `log`, `note` and `close`."""

    name: ClassVar[str]
    """The name for `--track`, and the package's extra (`pip install "zerone[NAME]"`)."""
    package: ClassVar[str]

    def __init__(self, project: str = "zerone", **options: object) -> None:
        """`options` are passed to the tracker's own function that begins a run.

        Raises:
            InputError: the tracker's package is not installed.
        """
        self.project, self.options = project, options
        self.library = _library(self.name, self.package)
        self._open = False
        self._seeds: tuple[int, ...] = ()

    @abstractmethod
    def open(self, title: str, settings: Mapping[str, Any], kept: str | None) -> str:
        """Begin a run, or continue the one whose id was `kept`; returns its id."""

    @abstractmethod
    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Log numbers by their tags."""

    @abstractmethod
    def note(self, values: Mapping[str, float]) -> None:
        """Log the results of the whole training."""

    @abstractmethod
    def close(self, reason: str) -> None:
        """End the run: `reason` is that of `Ended`."""

    def on_started(self, event: Started, training: Control) -> None:
        del training
        meaning = Meaning.of(event.path, event.config, event.columns)
        self._seeds = event.seeds
        kept = read_id(event.path, self.name) if event.resumed else None
        settings = {**meaning.settings, "seeds": list(event.seeds)}
        with _keep_signal_handlers():
            identity = self.open(meaning.name, settings, kept)
        self._open = True
        with replacing(event.path / KEPT.format(self.name)) as file:
            file.write(json.dumps({"id": identity}).encode() + b"\n")

    def on_rows(self, event: Rows, training: Control) -> None:
        del training
        found: dict[str, float] = {}
        for row in event.rows:
            before = f"seed-{row['seed']}/" if len(self._seeds) > 1 else ""
            for name, value in row.items():
                if name not in ("seed", "step") and value is not None and value == value:  # not NaN
                    found[before + tag_of(name)] = float(value)
        self._until_first_failure(lambda: self.log(event.step, found))

    def on_ended(self, event: Ended, training: Control) -> None:
        del training
        if event.result is not None and event.result["return_mean"] is not None:
            mean = float(event.result["return_mean"])
            self._until_first_failure(lambda: self.note({"result/return_mean": mean}))
        self._until_first_failure(lambda: self.close(event.reason))
        self._open = False

    def _until_first_failure(self, action: Callable[[], object]) -> None:
        """Call `action` if the run is open; the first failure ends the tracking, not the training."""
        if not self._open:
            return
        try:
            with _keep_signal_handlers():
                action()
        except Exception as error:
            self._open = False
            what = described(error)
            line = translated("{tracker} gets no more of this training: {error}", tracker=self.name, error=what)
            logging.getLogger("zerone").warning("zerone: %s", line)


def read_id(folder: Path, name: str) -> str | None:
    """The tracker's run id stored in a run folder; None if there is no valid one."""
    try:
        found = read_object(folder / KEPT.format(name)).get("id")
    except ZeroneError:
        return None
    if not isinstance(found, str) or not found.strip(" .") or len(found) > 128:
        return None
    return found if found.isprintable() and not set(found) & set("/\\") else None


@contextmanager
def _keep_signal_handlers() -> Iterator[None]:
    """Restore the handlers of Ctrl-C afterwards: some trackers replace them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.getsignal(each) for each in SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            if handler is not None and signal.getsignal(each) is not handler:
                signal.signal(each, handler)


def _library(name: str, package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        how = install(name)
        if (error.name or "").partition(".")[0] != package.partition(".")[0]:
            how = f"it cannot be imported: {error}"
        raise InputError(
            translated(
                "{tracker} needs the package {package}: {how}",
                tracker=said(f"--track {name}", f"tracker {name}"),
                package=package,
                how=how,
            )
        ) from error
