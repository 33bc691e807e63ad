"""Layouts of grids, one character per cell: which are valid, and how they are read from a text file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zerone.base.errors import InputError
from zerone.base.files import read_text
from zerone.base.language import translatable, translated
from zerone.base.place import absolute

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MOST_CELLS = 10_000
LARGEST_FILE = 1_000_000
"""The largest size in bytes of a layout file that is read."""
_MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))


@dataclasses.dataclass(frozen=True)
class Origin:
    """The origin of the rows of a layout, for errors.

    Attributes:
        name: The name of the option or file.
        word: What an error calls a row: `row`, or `line` in a file.
        lines: The line number of each row in the file.
        indents: The number of leading spaces of each row in the file.
    """

    name: str
    word: str = "row"
    lines: tuple[int, ...] = ()
    indents: tuple[int, ...] = ()

    def line(self, row: int) -> str:
        """The name of a row in an error: `line 3` in a file, else `row 3`."""
        text = translatable("line {number}") if self.word == "line" else translatable("row {number}")
        return translated(text, number=self.lines[row] if self.lines else row + 1)

    def cell(self, row: int, column: int) -> str:
        """The name of a cell in an error, such as `line 3, column 2`."""
        number = column + 1 + (self.indents[row] if self.indents else 0)
        return translated("{line}, column {number}", line=self.line(row), number=number)


@dataclasses.dataclass(frozen=True)
class Legend:
    """The characters of a kind of layout.

    Attributes:
        meanings: Each character with its meaning.
        once: The characters that must occur exactly once.
        needed: The characters that must occur at least once.
        start: The character of a start cell.
        goal: The character of a goal cell.
        blocked: The characters of cells that no path can pass.
    """

    meanings: Mapping[str, str]
    once: str = ""
    needed: str = ""
    start: str = "S"
    goal: str = "G"
    blocked: str = ""

    def describe(self) -> str:
        """The characters and their meanings in words, such as `S start, G goal, # wall`."""
        return ", ".join(f"{character} {translated(meaning)}" for character, meaning in self.meanings.items())

    def check(self, rows: tuple[str, ...], origin: Origin) -> None:
        """Raise `InputError`, which names the position, unless `rows` are a valid layout of this kind."""
        if not rows or not rows[0]:
            raise InputError(
                translated(
                    "{origin}: no cells: must be rows of characters, {allowed}",
                    origin=origin.name,
                    allowed=self.describe(),
                )
            )
        if sum(map(len, rows)) > MOST_CELLS:
            raise InputError(
                translated(
                    "{origin}: {cells:,} cells: must be at most {most_cells:,}",
                    origin=origin.name,
                    cells=sum(map(len, rows)),
                    most_cells=MOST_CELLS,
                )
            )
        for number, row in enumerate(rows):
            for column, character in enumerate(row):
                if character not in self.meanings:
                    where = translated("{path}: {error}", path=origin.name, error=origin.cell(number, column))
                    raise InputError(
                        translated(
                            "{where}: {character!r} is not allowed: must be {allowed}",
                            where=where,
                            character=character,
                            allowed=self.describe(),
                        )
                    )
            if len(row) != len(rows[0]):
                last = origin.cell(number, min(len(row), len(rows[0])))
                raise InputError(
                    translated(
                        "{origin}: {last}: {line} has {cells} cells, but {first} has {first_cells}: must be rows "
                        "of one length",
                        origin=origin.name,
                        last=last,
                        line=origin.line(number),
                        cells=len(row),
                        first=origin.line(0),
                        first_cells=len(rows[0]),
                    )
                )
        self._count(rows, origin)

    def cut_off(self, rows: tuple[str, ...], origin: Origin) -> str | None:
        """A sentence that names a start from which no path leads to a goal; None if every start has a path."""
        seen = {place for place, character in _cells(rows) if character == self.goal}
        last = list(seen)
        while last:  # search backwards from the goals, since every move can be reversed
            beside = [(row + down, column + right) for row, column in last for down, right in _MOVES]
            last = [*{place for place, c in _cells(rows, beside) if c not in self.blocked and place not in seen}]
            seen.update(last)
        for place, character in _cells(rows):
            if character == self.start and place not in seen:
                return translated(
                    "{origin}: no way leads from the start at {cell} to a goal",
                    origin=origin.name,
                    cell=origin.cell(*place),
                )
        return None

    def _count(self, rows: tuple[str, ...], origin: Origin) -> None:
        for character in self.once + self.needed:
            places = [(row, column) for row, line in enumerate(rows) for column, c in enumerate(line) if c == character]
            name = f"{translated(self.meanings[character])} ({character})"
            if not places:
                number = translated("one") if character in self.once else translated("at least one")
                raise InputError(
                    translated("{origin}: no {name}: must have {number}", origin=origin.name, name=name, number=number)
                )
            if character in self.once and len(places) > 1:
                raise InputError(
                    translated(
                        "{origin}: {cell}: a second {name}; the first is at {first}: must have one",
                        origin=origin.name,
                        cell=origin.cell(*places[1]),
                        name=name,
                        first=origin.cell(*places[0]),
                    )
                )


def _cells(
    rows: tuple[str, ...], places: Iterable[tuple[int, int]] | None = None
) -> Iterator[tuple[tuple[int, int], str]]:
    """Each cell (row, column) of a layout with its character; with `places`, only those cells."""
    if places is None:
        places = ((row, column) for row, line in enumerate(rows) for column in range(len(line)))
    for row, column in places:
        if 0 <= row < len(rows) and 0 <= column < len(rows[0]):
            yield (row, column), rows[row][column]


def layout_field(default: tuple[str, ...], legend: Legend, text: str) -> Any:
    """A field of a `@configured` class that holds the rows of a layout; as an option it may name a text file."""
    return dataclasses.field(default=default, metadata={"legend": legend, "text": text})


def read_rows(value: Any, legend: Legend, name: str) -> tuple[str, ...]:
    """The rows of a layout, given as rows, as a text of rows separated by commas, or as the name of a text file.

    Raises:
        InputError: the file does not exist, is not a text, or the layout is invalid. The message begins with `name`.
    """
    if isinstance(value, (tuple, list)) and all(isinstance(row, str) for row in value):
        rows = tuple(value)
        if rows:  # an empty tuple stands for the default
            legend.check(rows, Origin(name))
        return rows
    if not isinstance(value, (str, Path)):
        raise InputError(
            translated(
                "{name} = {value!r} is not allowed: must be rows of characters, or a text file of them",
                name=name,
                value=value,
            )
        )
    if isinstance(value, str) and value and set(value) <= {*legend.meanings, ","} and not _exists(value):
        rows = tuple(value.split(","))
        legend.check(rows, Origin(name))
        return rows
    rows, origin = _read_file(value, name)
    legend.check(rows, origin)
    return rows


def rows_of(text: str) -> tuple[str, ...]:
    """The rows of a text, one per line, without blank lines and surrounding spaces."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _exists(path: str) -> bool:
    try:
        return absolute(path).exists()
    except (OSError, ValueError):  # the text is too long for a path, or has an invalid character
        return False


def _read_file(value: str | Path, name: str) -> tuple[tuple[str, ...], Origin]:
    path = Path(value)
    said = f"{name} {str(value) or repr('')}"
    try:
        path = absolute(path.expanduser())
        text = read_text(path, LARGEST_FILE)
    except InputError as error:
        reason = str(error).removeprefix(translated("{path}: {error}", path=path, error=""))
        raise InputError(translated("{path}: {error}", path=said, error=reason)) from error
    except RuntimeError as error:  # no such user after ~
        raise InputError(translated("{said}: cannot be read: {error}", said=said, error=error)) from error
    lines = text.splitlines()
    kept = [number for number, line in enumerate(lines) if line.strip()]
    indents = tuple(len(lines[number]) - len(lines[number].lstrip()) for number in kept)
    return rows_of(text), Origin(said, "line", tuple(number + 1 for number in kept), indents)
