"""The log of a training: rows appended to `metrics.csv`.

The table has one row per seed and step: `seed,step` first, then the measurements; a cell is empty if nothing was
measured. Numbers have the fewest digits that read back as the same bits, so that an interrupted and resumed run writes
exactly the same bytes as an uninterrupted one.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zerone.base.errors import RunError
from zerone.base.files import replacing
from zerone.base.language import translated
from zerone.training.events import Callback, Control, Ended, Number, Rows, Saving, Started
from zerone.training.metrics_table import FILE, rows_until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType


class MetricsLog(Callback):
    """Writes the rows of a training. They are flushed to the disk before each checkpoint, which is never ahead of them.

    Raises:
        InputError: the existing table is damaged, or has other columns.
        RunError: the table cannot be written.
    """

    def __init__(self) -> None:
        self._writer: MetricsWriter | None = None

    def on_started(self, event: Started, training: Control) -> None:
        del training
        self._writer = MetricsWriter(event.path, tuple(event.columns), resume_at=event.step if event.resumed else None)

    def on_rows(self, event: Rows, training: Control) -> None:
        del training
        if self._writer is not None:
            self._writer.write(event.rows)

    def on_saving(self, event: Saving, training: Control) -> None:
        del event, training
        if self._writer is not None:
            self._writer.sync()

    def on_ended(self, event: Ended, training: Control) -> None:
        del event, training
        if self._writer is not None:
            self._writer.close()


class MetricsWriter:
    """Appends rows to the `metrics.csv` of a run folder.

    Args:
        folder: The run folder.
            columns: The names of the measurements in the table's order, without `seed` and `step`.
        resume_at: Continue after this step: later rows, and an incomplete last line, are dropped. Columns that the
            table lacks are added with empty cells. None begins a new table.

    Raises:
        InputError: the existing table is damaged, or has other columns.
        RunError: the table cannot be written.
        ValueError: a column's name does not fit in a table.
    """

    def __init__(self, folder: str | Path, columns: Sequence[str], *, resume_at: int | None = None) -> None:
        self.path = Path(folder) / FILE
        self.columns = ("seed", "step", *columns)
        if len(set(self.columns)) != len(self.columns) or any(set(name) & set(',"\r\n') for name in columns):
            raise ValueError(f"columns must be distinct and without commas, quotes and line ends: {self.columns}")
        header = ",".join(self.columns) + "\n"
        kept = b"" if resume_at is None else rows_until(self.path, header, resume_at)
        with replacing(self.path) as file:
            file.write(header.encode() + kept)
        try:
            self._file = self.path.open("ab", buffering=0)  # unbuffered: a failed write leaves nothing behind
        except OSError as error:
            raise RunError(
                translated("{path}: cannot be written: {error}", path=self.path, error=error.strerror or error)
            ) from error

    def write(self, rows: Sequence[Mapping[str, Number]]) -> None:
        """Append rows, written out at once. Each has `seed`, `step` and measurements (None or NaN: empty cell).

        Raises:
            RunError: the disk is full or failed; none of these rows is in the table then.
            ValueError: a row has an unknown column, or lacks `seed` or `step`.
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
            raise RunError(
                translated("{path}: cannot be written: {error}", path=self.path, error=error.strerror or error)
            ) from error

    def sync(self) -> None:
        """Flush all rows to the disk. Called before a checkpoint is saved, so that it is never ahead of the table.

        Raises:
            RunError: the disk failed.
        """
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise RunError(
                translated("{path}: cannot be written: {error}", path=self.path, error=error.strerror or error)
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> MetricsWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _text(value: Any) -> str:
    """The shortest text that reads back as the same number; a float32 needs fewer digits than the equal float64."""
    if value is None or value != value:  # NaN
        return ""
    return str(int(value)) if str(value) in ("True", "False") else str(value)
