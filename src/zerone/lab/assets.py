"""The files of the page, read once: nothing else exists.

Nothing in a request becomes a path: names are looked up among those that the package has. So there is no way out of
the folder, and no symbolic link to follow.
"""

from __future__ import annotations

import functools
import json
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from zerone.base.language import entries

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
START = "index.html"


@functools.cache
def files() -> dict[str, tuple[bytes, str]]:
    """Each file of the page by its path below it: what is in it, and of which kind it is."""
    return {**dict(_below(resources.files("zerone.lab") / "page", "")), "js/catalogue.js": (_catalogue(), KINDS[".js"])}


def _catalogue() -> bytes:
    """The Chinese of whole texts, such as what settings mean, as a module: from the command line's catalogue."""
    whole = {text: chinese for text, chinese in entries("zh").items() if text and not set(text) & set("{\n")}
    return f"export const CATALOGUE = {json.dumps(whole, ensure_ascii=False)};\n".encode()


def _below(folder: Traversable, path: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for each in folder.iterdir():
        name = f"{path}{each.name}"
        suffix = "." + name.rpartition(".")[2]
        if each.is_dir():
            found += _below(each, f"{name}/")
        elif suffix in KINDS:
            found.append((name, (each.read_bytes(), KINDS[suffix])))
    return found
