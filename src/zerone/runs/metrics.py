"""Metrics: rows appended to `metrics.csv`, the same for TensorBoard, and the way back.

The table is long: one row per seed and step, `seed,step` first, then what was measured; an empty cell says
that nothing was. Numbers have the fewest digits that read back as the same bits, so a run that was
interrupted and resumed leaves the very bytes of one that was not. TensorBoard is a courtesy: when its events
cannot be written the run goes on without them, and says so once.
"""

from __future__ import annotations

import importlib
import logging
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zerone.base.errors import RunError
from zerone.base.files import replacing
from zerone.runs.metrics_table import FILE, rows_until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

Number = float | int | None


class MetricsWriter:
    """Appends rows to the `metrics.csv` of a run folder, and to TensorBoard's files beside it.

    Args:
        folder: The run folder.
        columns: What is measured, in the table's order, without `seed` and `step`.
        seeds: The seeds of the run. One: TensorBoard shows the run as one curve; several: as `seed-<seed>`.
        resume_at: Go on after this step: later rows, and a last line cut off by a kill, are dropped.
            Without it the table begins anew.
        tensorboard: Whether to write for TensorBoard at all.

    Raises:
        InputError: the table that is there is damaged, or has other columns.
        RunError: the table cannot be written.
        ValueError: a column's name is not fit for a table.
    """

    def __init__(
        self,
        folder: str | Path,
        columns: Sequence[str],
        *,
        seeds: Sequence[int] = (0,),
        resume_at: int | None = None,
        tensorboard: bool = True,
    ):
        self.path = Path(folder) / FILE
        self.columns = ("seed", "step", *columns)
        if len(set(self.columns)) != len(self.columns) or any(set(name) & set(',"\r\n') for name in columns):
            raise ValueError(f"columns must be distinct and without commas, quotes and line ends: {self.columns}")
        header = ",".join(self.columns) + "\n"
        kept = b"" if resume_at is None else rows_until(self.path, header, resume_at)
        with replacing(self.path) as file:
            file.write(header.encode() + kept)
        try:
            self._file = self.path.open("ab", buffering=0)  # a failed write must leave nothing to be written later
        except OSError as error:
            raise RunError(f"{self.path}: cannot be written: {error.strerror or error}") from error
        self._boards = _Boards(Path(folder), seeds, resume_at) if tensorboard else None

    def write(self, rows: Sequence[Mapping[str, Number]]) -> None:
        """Append rows; they survive the process. Each has `seed`, `step`, and what was measured (None, NaN: nothing).

        Raises:
            RunError: the disk took only a part; none of these rows is in the table then.
            ValueError: a row has a column that the table has not, or lacks `seed` or `step`.
        """
        lines: list[str] = []
        for row in rows:
            if not {"seed", "step"} <= row.keys() <= set(self.columns):
                raise ValueError(f"a row with {sorted(row)} does not fit the columns {self.columns}")
            lines.append(",".join(_text(row.get(name)) for name in self.columns) + "\n")
        data = "".join(lines).encode()
        before = self._file.seek(0, os.SEEK_END)
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(before)
            raise RunError(f"{self.path}: cannot be written: {error.strerror or error}") from error
        if self._boards is not None:
            self._boards.write(rows)

    def sync(self) -> None:
        """Bring all rows to the disk. Before a checkpoint is saved: then it never knows more than the table.

        Raises:
            RunError: the disk failed.
        """
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise RunError(f"{self.path}: cannot be written: {error.strerror or error}") from error
        if self._boards is not None:
            self._boards.flush()

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        if self._boards is not None:
            self._boards.close()

    def __enter__(self) -> MetricsWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _text(value: Any) -> str:
    """The shortest text that reads back as the same number; a float32 has fewer digits than the same as a float."""
    if value is None or value != value:  # NaN
        return ""
    return str(int(value)) if str(value) in ("True", "False") else str(value)


class _Boards:
    """TensorBoard's event files, one per seed; the first failure of any kind ends them, not the run.

    Records are written here and now: tensorboardX's own writer hands them to a thread by a queue of ten,
    and if that thread dies (disk full) the eleventh waits for ever, and the training with it.
    """

    def __init__(self, folder: Path, seeds: Sequence[int], resume_at: int | None):
        self._folders = {seed: folder / f"seed-{seed}" if len(seeds) > 1 else folder for seed in seeds}
        self._resume_at = resume_at
        self._writers: dict[int, Any] = {}
        self._failed = False

    def write(self, rows: Sequence[Mapping[str, Number]]) -> None:
        def all_rows() -> None:
            for row in rows:
                self._write_row(row)

        self._guard(all_rows)

    def flush(self) -> None:
        self._guard(lambda: [writer.flush() for writer in self._writers.values()])

    def close(self) -> None:
        for writer in self._writers.values():
            self._guard(writer.flush)
            with suppress(Exception):
                writer.close()
        self._writers = {}

    def _guard(self, action: Any) -> None:
        if self._failed:
            return
        try:
            action()
        except Exception as error:
            self._failed = True
            logging.getLogger("zerone").warning("TensorBoard gets no more events: %s", error)

    def _write_row(self, row: Mapping[str, Any]) -> None:
        measured = {name: value for name, value in row.items() if name not in ("seed", "step") and _text(value)}
        if not measured:
            return
        event = _event()
        event.step = int(row["step"])
        for name, value in measured.items():
            event.summary.value.add(tag=name, simple_value=float(value))
        self._writer(int(row["seed"])).write(event.SerializeToString())

    def _writer(self, seed: int) -> Any:
        """The open file of `seed`. After a resume TensorBoard hides what older files say of later steps."""
        if seed not in self._writers:
            self._folders[seed].mkdir(exist_ok=True)
            # TensorBoard reads the files in the order of their names, so they begin with the time.
            moment = f"{time.time_ns() / 1e9:017.6f}".replace(".", "-")
            name = f"events.out.tfevents.{moment}.{socket.gethostname()}"
            writer = importlib.import_module("tensorboardX").RecordWriter(str(self._folders[seed] / name))
            self._writers[seed] = writer
            start = _event()
            start.file_version = "brain.Event:2"
            writer.write(start.SerializeToString())
            if self._resume_at is not None:
                again = _event()
                again.step = self._resume_at + 1
                again.session_log.status = 1  # START
                writer.write(again.SerializeToString())
        return self._writers[seed]


def _event() -> Any:
    """A new event of TensorBoard's. Imported here, where it is needed first: it takes a sixth of a second."""
    return importlib.import_module("tensorboardX.proto.event_pb2").Event(wall_time=time.time())
