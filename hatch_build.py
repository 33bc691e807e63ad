"""README.md as an index page can show it, which knows no files beside it.

With `ZERONE_REPOSITORY` (the address of the source's files, such as https://example.org/zerone/raw/main) pictures and
links lead there. Without it, pictures of this folder are left out, and links into it are plain text.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

PICTURE, LINK = r"!\[([^\]]*)\]\((?!https?:)([^)\s]+)\)\n?", r"(?<!!)\[([^\]]+)\]\((?!https?:|#)([^)\s]+)\)"


def shown(text: str, address: str | None) -> str:
    """The text with its pictures and links as they work elsewhere."""
    if address:
        base = address.rstrip("/")
        text = re.sub(PICTURE, lambda found: f"![{found[1]}]({base}/{found[2]})\n", text)
        return re.sub(LINK, lambda found: f"[{found[1]}]({base}/{found[2]})", text)
    return re.sub(LINK, r"\1", re.sub(PICTURE, "", text))


class Readme(MetadataHookInterface):
    """Fills in the field `readme`."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "README.md").read_text("utf-8")
        text = shown(text, os.environ.get("ZERONE_REPOSITORY"))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
