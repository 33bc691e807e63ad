"""The path of a picture, which a notebook displays as the picture."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    AnyPath = Path
else:  # before Python 3.12, only the system's own path class can have subclasses
    AnyPath = type(Path())

SHOWN = 2 / 3
"""The size of a PNG in a notebook relative to its pixels: figures have a resolution for print."""


class Figure(AnyPath):
    """The path of a picture; as the value of a notebook cell, the picture is displayed."""

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]] | None:
        data = self._data(".png")
        if data is None or len(data) < 24:
            return None
        (width,) = struct.unpack(">I", data[16:20])  # a PNG begins with its header
        return data, {"width": round(SHOWN * width)}

    def _repr_svg_(self) -> str | None:
        data = self._data(".svg")
        return None if data is None else data.decode("utf-8", "replace")

    def _data(self, suffix: str) -> bytes | None:
        """The contents of the file if it exists and has this suffix, else None."""
        if self.suffix.lower() != suffix or not self.is_file():
            return None
        return self.read_bytes()
