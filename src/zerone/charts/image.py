"""A picture that was drawn into a file: still its path, and in a notebook the picture itself."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    AnyPath = Path
else:  # until Python 3.12 only the path of a system can have subclasses
    AnyPath = type(Path())

SHOWN = 2 / 3
"""How large a PNG is in a notebook, of its pixels: those are for print."""


class Figure(AnyPath):
    """The path of a picture. As the value of a notebook's cell it is seen."""

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
        """What is in the file, if it is of that kind and there."""
        if self.suffix.lower() != suffix or not self.is_file():
            return None
        return self.read_bytes()
