"""HTML of tables, pictures and progress bars for notebooks."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from pathlib import Path

from zerone.charts.image import Figure

_CELL = "text-align:right;padding:1px 8px"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], bold: Iterable[tuple[int, int]] = ()) -> str:
    """A table of texts; the cells (row, column) in `bold` are printed bold."""
    strong = {*bold}
    heads = "".join(f'<th style="{_CELL}">{html.escape(each)}</th>' for each in header)
    lines: list[str] = []
    for number, row in enumerate(rows):
        cells = [html.escape(each) for each in row]
        cells = [f"<b>{each}</b>" if (number, place) in strong else each for place, each in enumerate(cells)]
        lines.append("<tr>" + "".join(f'<td style="{_CELL}">{each}</td>' for each in cells) + "</tr>")
    return f"<table><tr>{heads}</tr>{''.join(lines)}</table>"


def picture(path: Path) -> str:
    """An image element that embeds a PNG file; the empty string if there is no such file."""
    found = Figure(path)._repr_png_()
    if found is None:
        return ""
    data, size = found
    return f'<img width="{size["width"]}" src="data:image/png;base64,{base64.b64encode(data).decode()}">'


def text(words: str) -> str:
    """A line of text, escaped."""
    return f"<div>{html.escape(words)}</div>"


def bar(share: float | None, words: str) -> str:
    """A progress bar with `words` beside it, filled to `share` in [0, 1], or animated if `share` is None."""
    value = "" if share is None else f' value="{min(1.0, share):.4f}"'
    return f'<progress max="1"{value} style="width:16em"></progress> {html.escape(words)}'
