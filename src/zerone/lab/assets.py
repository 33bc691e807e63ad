"""The files of the page, read once into a dictionary.

Names in requests are looked up in this dictionary and never used as paths, so a request cannot leave the folder or
follow a symbolic link.
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
    """The contents and the media type of each file of the page, by its path relative to the page's folder."""
    return {**dict(_below(resources.files("zerone.lab") / "page", "")), "js/catalogue.js": (_catalogue(), KINDS[".js"])}


def _catalogue() -> bytes:
    """A JavaScript module with the Chinese of complete texts (without placeholders) of the command line's catalogue."""
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
