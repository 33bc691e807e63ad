"""The log of a training: rows appended to `metrics.csv`.

The table is long: one row per seed and step, `seed,step` first, then what was measured; an empty cell says
that nothing was. Numbers have the fewest digits that read back as the same bits, so a run that was
interrupted and resumed leaves the very bytes of one that was not.
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
    """Writes the rows of a training. Before a checkpoint is saved they are on the disk: it never knows more than they.

    Raises:
        InputError: the table that is there is damaged, or has other columns.
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
        columns: What is measured, in the table's order, without `seed` and `step`.
        resume_at: Go on after this step: later rows, and a last line cut off by a kill, are dropped. Columns that
            the table does not have yet are added, empty so far. Without it an empty table begins.

    Raises:
        InputError: the table that is there is damaged, or has other columns.
        RunError: the table cannot be written.
        ValueError: a column's name is not fit for a table.
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
            self._file = self.path.open("ab", buffering=0)  # a failed write must leave nothing to be written later
        except OSError as error:
            raise RunError(
                translated("{path}: cannot be written: {error}", path=self.path, error=error.strerror or error)
            ) from error

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
            raise RunError(
                translated("{path}: cannot be written: {error}", path=self.path, error=error.strerror or error)
            ) from error

    def sync(self) -> None:
        """Bring all rows to the disk. Before a checkpoint is saved: then it never knows more than the table.

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
    """The shortest text that reads back as the same number; a float32 has fewer digits than the same as a float."""
    if value is None or value != value:  # NaN
        return ""
    return str(int(value)) if str(value) in ("True", "False") else str(value)
