"""Widths of text in terminal columns; a Chinese character takes two."""

from __future__ import annotations

import textwrap
import unicodedata

NOT_FIRST = "，。；：、！？）】》」』”’…％,.;:!?)]"
"""Characters that must not begin a line."""
NOT_LAST = "（【《「『“‘(["
"""Characters that must not end a line."""


def width(text: str) -> int:
    """The number of terminal columns that a text takes.

    >>> width("步"), width("step")
    (2, 4)
    """
    if text.isascii():
        return len(text)
    return sum(_columns(each) for each in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def padded(text: str, columns: int) -> str:
    """A text padded with spaces on the right to `columns` columns."""
    return text + " " * (columns - width(text))


def cut(text: str, columns: int) -> str:
    """The longest beginning of a text that takes at most `columns` columns."""
    if width(text) == len(text):
        return text[:columns]
    return text[: max(place for place in range(len(text) + 1) if width(text[:place]) <= columns)]


def wrapped(text: str, columns: int) -> list[str]:
    """Break a text into lines of at most `columns` columns; between Chinese characters a line may end anywhere.

    >>> wrapped("学习率 α（Adam）", 10)
    ['学习率 α', '（Adam）']
    """
    if width(text) == len(text):
        return textwrap.wrap(text, columns, break_on_hyphens=False)
    lines, line = [], ""
    for piece in _pieces(" ".join(text.split())):
        if line and width(line) + width(piece.rstrip()) > columns:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
        while width(line.rstrip()) > columns:  # a word that is longer than a line
            count = max(1, len(cut(line, columns)))
            lines.append(line[:count])
            line = line[count:]
    return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(text: str) -> list[str]:
    """Split a text into unbreakable pieces: words, and Chinese characters with the punctuation that belongs to them."""
    found: list[str] = []
    for each in text:
        glued = found and (
            each in NOT_FIRST
            or found[-1][-1] in NOT_LAST
            or each == " "
            or (_columns(each) < 2 and _columns(found[-1][-1]) < 2 and found[-1][-1] != " ")
        )
        if glued:
            found[-1] += each
        else:
            found.append(each)
    return found
