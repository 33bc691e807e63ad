"""The files of the page, read once: nothing else exists.

Nothing in a request becomes a path: names are looked up among those that the package has. So there is no way out of
the folder, and no symbolic link to follow.
"""

from __future__ import annotations

import functools
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

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
    return dict(_below(resources.files("zerone.lab") / "page", ""))


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
