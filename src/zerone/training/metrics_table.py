"""Reading `metrics.csv`: a million rows in seconds, and a one-line error that names a damaged row.

Version control or a spreadsheet may have changed the file's line endings or added a byte-order mark. The numbers are
the same then, so such files are accepted.
"""

from __future__ import annotations

import codecs
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zerone.base.by_seed import rows_by_seed
from zerone.base.errors import InputError
from zerone.base.files import read_bytes
from zerone.base.language import translated
from zerone.base.memory import machine_memory
from zerone.base.place import absolute

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FILE = "metrics.csv"
MOST_COUNTED = 2**53
"""The largest seed or step that a table holds exactly."""
LARGEST, COPIES = 4 * 1024**3, 8
"""Maximum bytes of a table if the machine's memory is unknown, and the number of copies held while it is read."""


def read_metrics(path: str | Path) -> dict[str, np.ndarray]:
    """The columns of a run's table, each [rows]: `seed` and `step` integers, the others floats, NaN for empty cells.

    An incomplete last line (the run is going on, or was killed) is ignored. `path` may be the run folder.

    Raises:
        InputError: there is no table, or it is damaged; the message says where.
    """
    path = absolute(path)
    path = path / FILE if path.is_dir() else path
    first, _, rows = _whole_lines(path).partition(b"\n")
    names = _require_header(path, first)
    table = _parsed(rows, len(names))
    if table is None:
        table = _parsed_line_by_line(path, rows, len(names))
    counts = table[:, :2]
    wrong = np.flatnonzero(((counts < 0) | (counts > MOST_COUNTED)).any(1))
    if wrong.size:
        raise InputError(
            translated(
                "{path}: line {number}: damaged: a seed or a step is beyond all bounds", path=path, number=wrong[0] + 2
            )
        )
    return {name: table[:, place].astype(np.int64 if place < 2 else np.float64) for place, name in enumerate(names)}


def _require_header(path: Path, line: bytes) -> list[str]:
    """The column names in the header. Raises `InputError` if it is damaged."""
    try:
        names = line.decode().split(",")
    except UnicodeDecodeError as error:
        raise InputError(translated("{path}: line 1: damaged: not text", path=path)) from error
    if names[:2] != ["seed", "step"]:
        raise InputError(
            translated("{path}: line 1: not a table of metrics (its first columns must be seed,step)", path=path)
        )
    if "" in names or len(set(names)) < len(names):
        raise InputError(translated("{path}: line 1: damaged: columns must have different names", path=path))
    return names


def _parsed(rows: bytes, columns: int) -> np.ndarray | None:
    """All rows parsed at once, a million in two seconds; None if any of them is malformed."""
    filled = rows.replace(b",,", b",nan,").replace(b",,", b",nan,").replace(b",\n", b",nan\n")
    if not rows:
        return np.zeros((0, columns))
    try:
        table = np.loadtxt(io.BytesIO(filled), np.float64, comments=None, delimiter=",", ndmin=2)
    except ValueError:
        return None
    whole = table[:, :2] == np.floor(table[:, :2])
    fits = table.shape == (rows.count(b"\n"), columns) and rows.isascii() and whole.all()
    return table if fits else None


def _parsed_line_by_line(path: Path, rows: bytes, columns: int) -> np.ndarray:
    """Parse rows that `_parsed` rejected one by one. Raises `InputError`, which names the line."""
    table: list[list[float]] = []
    for number, line in enumerate(rows.split(b"\n")[:-1], start=2):
        if not line.isascii():
            raise InputError(translated("{path}: line {number}: damaged: not text", path=path, number=number))
        cells = line.decode().split(",")
        if len(cells) != columns:
            raise InputError(
                translated(
                    "{path}: line {number}: damaged: {count} cells for {columns} columns",
                    path=path,
                    number=number,
                    count=len(cells),
                    columns=columns,
                )
            )
        try:
            counts = [float(int(cell)) for cell in cells[:2]]
            table.append(counts + [float(cell) if cell else math.nan for cell in cells[2:]])
        except (ValueError, OverflowError) as error:
            raise InputError(
                translated("{path}: line {number}: damaged: {error}", path=path, number=number, error=error)
            ) from error
    return np.array(table, np.float64).reshape(len(table), columns)


def require_column(table: Mapping[str, np.ndarray], name: str, path: Path) -> None:
    """Raise `InputError` unless a table has the column."""
    if name not in table:
        raise InputError(translated("{path}: line 1: damaged: the column {name} is missing", path=path, name=name))


def evaluations_of(path: Path, seeds: Sequence[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Steps and mean returns of each seed's evaluations. Raises `InputError` if a seed has no rows."""
    table = read_metrics(path)
    rows = rows_by_seed(table)
    require_column(table, "evaluation_return", path)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for seed in seeds:
        if seed not in rows:
            raise InputError(translated("{path}: damaged: seed {seed} is not in it", path=path, seed=seed))
        steps, returns = table["step"][rows[seed]], table["evaluation_return"][rows[seed]]
        found.append((steps[np.isfinite(returns)], returns[np.isfinite(returns)]))
    return found


def _whole_lines(path: Path) -> bytes:
    """A table's complete lines; Windows line endings and a byte-order mark are removed."""
    if not path.exists():
        raise InputError(translated("{path}: no metrics there", path=path))
    memory = machine_memory()
    data = read_bytes(path, LARGEST if memory is None else memory // COPIES)
    return data[: data.rfind(b"\n") + 1].removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n")


def columns_of(path: Path) -> list[str]:
    """The names of all columns of a table; none where there is no table."""
    first = _whole_lines(path).partition(b"\n")[0] if path.exists() else b""
    return first.decode(errors="replace").split(",") if first else []


def rows_until(path: Path, header: str, step: int) -> bytes:
    """The unchanged bytes of the rows up to and including `step`, with empty cells for new columns."""
    if not path.exists():
        return b""
    first, _, rows = _whole_lines(path).partition(b"\n")
    if not first:  # killed while the header was written
        return b""
    its, wanted = first.decode(errors="replace"), header.strip()
    if f"{wanted},".removeprefix(f"{its},") == f"{wanted},":
        raise InputError(
            translated(
                "{path}: its columns are {its}, not {wanted}; the run cannot be resumed into it",
                path=path,
                its=its,
                wanted=wanted,
            )
        )
    added = b"," * (wanted.count(",") - its.count(","))
    kept: list[bytes] = []
    for number, line in enumerate(rows.split(b"\n")[:-1], start=2):
        try:
            if int(line.split(b",", 2)[1]) <= step:
                kept.append(line + added + b"\n")
        except (ValueError, IndexError) as error:
            raise InputError(
                translated("{path}: line {number}: damaged: no step in it", path=path, number=number)
            ) from error
    return b"".join(kept)
