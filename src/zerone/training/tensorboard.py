"""TensorBoard's event files: the values of `metrics.csv` under grouped tags, their meaning, and the settings.

A tag is `group/name`, and the same measurement of several algorithms has one tag, so that they share a chart. Each
seed's folder is a session of TensorBoard's HParams: its settings beside its results.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import logging
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from zerone.base.language import translated
from zerone.base.saved_types import Config
from zerone.training.events import Callback, Control, Ended, Rows, Saving, Started

TAGS = {
    "evaluation_return": "evaluation/return",
    "evaluation_length": "evaluation/length",
    "evaluation_episodes": "evaluation/episodes",
    "evaluation_cut": "evaluation/cut",
    "return": "train/return",
    "length": "train/length",
    "episodes": "train/episodes",
    "cost": "loss/value",  # state values or action values
    "value_loss": "loss/value",
    "critic_loss": "loss/value",
    "policy_loss": "loss/policy",
    "q": "value/q",
    "actor_q": "value/actor_q",
    "value": "value/v",
    "discounted_return": "value/discounted_return",
    "explained_variance": "value/explained_variance",
    "epsilon": "exploration/epsilon",
    "noise": "exploration/noise",
    "entropy": "exploration/entropy",
    "kl": "policy/kl",
    "clipped": "policy/clipped",
    "penalty": "policy/penalty",
    "temperature": "policy/temperature",
    "staleness": "workers/staleness",
}
"""The tag of each column; a column that is neither here nor in a group gets `learning/` and its name."""
HPARAMS, TEXT = "hparams", "text"
"""TensorBoard's plugins."""


@dataclasses.dataclass(frozen=True)
class Meaning:
    """Descriptions for TensorBoard: the run's `name`, its `settings`, and the meaning of the `columns`.

    `settings` are shown as hyperparameters and as text.
    """

    name: str = ""
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @staticmethod
    def of(folder: Path, config: Config, columns: Mapping[str, str]) -> Meaning:
        """The descriptions of a run, from its configuration and the meanings of its columns."""
        algorithm, environment = config["algorithm"], config["environment"]
        settings = {
            "algorithm": algorithm["name"],
            "environment": environment["id"],
            **{f"option.{name}": value for name, value in environment["options"].items()},
            **algorithm["settings"],
            "steps": config["steps"],
        }
        return Meaning(folder.resolve().name, settings, columns)

    def describe(self, column: str) -> str:
        """The meaning of a column; empty if unknown."""
        return self.columns.get(column, "")


NUMBERS_ALONE = Meaning()


def tag_of(column: str) -> str:
    """The tag under which TensorBoard shows a column."""
    return TAGS.get(column, column if "/" in column else f"learning/{column}")


class TensorBoard(Callback):
    """Writes the rows of a training for TensorBoard. If that fails, the training continues without it."""

    def __init__(self) -> None:
        self._boards: Boards | None = None

    def on_started(self, event: Started, training: Control) -> None:
        del training
        meaning = Meaning.of(event.path, event.config, event.columns)
        self._boards = Boards(event.path, event.seeds, event.step if event.resumed else None, meaning)

    def on_rows(self, event: Rows, training: Control) -> None:
        del training
        if self._boards is not None:
            self._boards.write(event.rows)

    def on_saving(self, event: Saving, training: Control) -> None:
        del event, training
        if self._boards is not None:
            self._boards.flush()

    def on_ended(self, event: Ended, training: Control) -> None:
        del event, training
        if self._boards is not None:
            self._boards.close()


class Boards:
    """TensorBoard's event files, one per seed; after the first failure nothing more is written, and the run continues.

    Records are written directly: tensorboardX's own writer passes them to a thread through a queue of ten, and if
    that thread dies (disk full), the eleventh record blocks forever, and the training with it.
    """

    def __init__(
        self, folder: Path, seeds: Sequence[int], resume_at: int | None = None, meaning: Meaning = NUMBERS_ALONE
    ) -> None:
        self._folders = {seed: folder / f"seed-{seed}" if len(seeds) > 1 else folder for seed in seeds}
        self._resume_at, self._meaning = resume_at, meaning
        self._writers: dict[int, Any] = {}
        self._described: dict[int, set[str]] = {}
        self._failed = False

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows, as for `metrics.csv`."""

        def all_rows() -> None:
            for row in rows:
                self._write_row(row)

        self._guard(all_rows)

    def flush(self) -> None:
        """Flush all files to the disk."""
        self._guard(lambda: [writer.flush() for writer in self._writers.values()])

    def close(self) -> None:
        """End the sessions, and close the files."""
        for writer in self._writers.values():
            self._guard(functools.partial(self._end, writer))
            with suppress(Exception):
                writer.close()
        self._writers = {}

    def _guard(self, action: Callable[[], object]) -> None:
        if self._failed:
            return
        try:
            action()
        except Exception as error:
            self._failed = True
            logging.getLogger("zerone").warning(translated("TensorBoard gets no more events: {error}", error=error))

    def _write_row(self, row: Mapping[str, Any]) -> None:
        measured = {name: value for name, value in row.items() if name not in ("seed", "step") and _is_number(value)}
        if not measured:
            return
        seed = int(row["seed"])
        writer, described = self._writer(seed), self._described[seed]
        event = _event()
        event.step = int(row["step"])
        for name, value in measured.items():
            added = event.summary.value.add(tag=tag_of(name), simple_value=float(value))
            text = self._meaning.describe(name)
            if text and name not in described:  # the description is needed only once
                described.add(name)
                added.metadata.summary_description = text
        writer.write(event.SerializeToString())

    def _writer(self, seed: int) -> Any:
        """The open file of `seed`. After a resume TensorBoard hides later steps in older files."""
        if seed not in self._writers:
            self._folders[seed].mkdir(exist_ok=True)
            # TensorBoard reads the files in alphabetical order, so their names begin with the time.
            moment = f"{time.time_ns() / 1e9:017.6f}".replace(".", "-")
            name = f"events.out.tfevents.{moment}.{socket.gethostname()}"
            writer = importlib.import_module("tensorboardX").RecordWriter(str(self._folders[seed] / name))
            self._writers[seed], self._described[seed] = writer, set()
            start = _event()
            start.file_version = "brain.Event:2"
            writer.write(start.SerializeToString())
            if self._resume_at is not None:
                again = _event()
                again.step = self._resume_at + 1
                again.session_log.status = 1  # START
                writer.write(again.SerializeToString())
            if self._meaning.settings:
                writer.write(self._start(seed).SerializeToString())
        return self._writers[seed]

    def _start(self, seed: int) -> Any:
        """The event that begins a session: the settings for HParams, and the same as text."""
        protocol = importlib.import_module("tensorboardX.proto.plugin_hparams_pb2")
        session = protocol.SessionStartInfo(group_name=self._meaning.name, start_time_secs=time.time())
        for name, value in {**self._meaning.settings, "seed": seed}.items():
            kept = session.hparams[name]
            if isinstance(value, bool):
                kept.bool_value = value
            elif isinstance(value, (int, float)):
                kept.number_value = value
            else:
                kept.string_value = _text(value)
        content = protocol.HParamsPluginData(version=0, session_start_info=session)
        event = _event()
        _add(event, "_hparams_/session_start_info", HPARAMS, content.SerializeToString())
        rows = "\n".join(f"| {name} | {_text(value)} |" for name, value in self._meaning.settings.items())
        what = f"{self._meaning.settings.get('algorithm')} on {self._meaning.settings.get('environment')}"
        text = f"**{self._meaning.name}**: {what}, seed {seed}\n\n| setting | value |\n|---|---|\n{rows}"
        added = _add(event, "run", TEXT, b"")
        added.tensor.dtype = 7  # DT_STRING
        added.tensor.string_val.append(text.encode())
        added.tensor.tensor_shape.dim.add(size=1)
        return event

    def _end(self, writer: Any) -> None:
        """End the session, whether the run has finished or will be resumed."""
        if self._meaning.settings:
            protocol = importlib.import_module("tensorboardX.proto.plugin_hparams_pb2")
            session = protocol.SessionEndInfo(status=1, end_time_secs=time.time())  # STATUS_SUCCESS
            content = protocol.HParamsPluginData(version=0, session_end_info=session)
            event = _event()
            _add(event, "_hparams_/session_end_info", HPARAMS, content.SerializeToString())
            writer.write(event.SerializeToString())
        writer.flush()


def _add(event: Any, tag: str, plugin: str, content: bytes) -> Any:
    """Add a value for one of TensorBoard's plugins to an event."""
    added = event.summary.value.add(tag=tag)
    added.metadata.plugin_data.plugin_name = plugin
    added.metadata.plugin_data.content = content
    return added


def _is_number(value: object) -> bool:
    return value is not None and value == value  # not NaN


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)


def _event() -> Any:
    """A new TensorBoard event. Imported here, on first use, because importing takes a sixth of a second."""
    return importlib.import_module("tensorboardX.proto.event_pb2").Event(wall_time=time.time())
