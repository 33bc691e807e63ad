"""Tuned settings for an algorithm on an environment: data, in files that a person can read and edit (`presets/`)."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any


def preset(algorithm: str, environment: str) -> dict[str, Any]:
    """The tuned settings, `steps` among them; empty where nobody has tuned this pair."""
    file = resources.files("zerone") / "presets" / f"{algorithm}.toml"
    if not file.is_file():
        return {}
    tables: dict[str, dict[str, Any]] = tomllib.loads(file.read_text(encoding="utf-8"))
    return dict(tables.get(environment, {}))
