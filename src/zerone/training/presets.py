"""Presets: tuned settings for an algorithm in an environment, in files that users can read and edit (`presets/`)."""

from __future__ import annotations

import dataclasses
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from zerone.base.errors import InputError
from zerone.base.files import read_toml
from zerone.base.language import translated
from zerone.base.place import absolute

TUNED, TUTORIAL, NONE = "tuned", "tutorial", "none"
KINDS = (TUNED, TUTORIAL, NONE)
"""Zerone's tuned presets; the tutorial's own settings, which are for teaching; an algorithm's defaults."""
OF_TRAINING: dict[str, type[Any]] = {"steps": int, "episodes": int, "evaluate_every": int, "stop_when_solved": bool}
"""Settings of the training that a preset may contain besides the algorithm's."""
LARGEST_FILE = 1_000_000
"""Maximum size of a settings file, in bytes; anything larger is no settings file."""


def algorithms() -> set[str]:
    """The names of the algorithms, from the preset files: listing the algorithms themselves would import JAX."""
    files = (resources.files("zerone") / "presets").iterdir()
    return {file.name.removesuffix(".toml") for file in files if file.is_file()}


def tables_of(algorithm: str) -> dict[str, dict[str, Any]]:
    """The tuned settings of an algorithm by environment."""
    file = resources.files("zerone") / "presets" / f"{algorithm}.toml"
    if ":" in algorithm or not file.is_file():
        return {}
    return tomllib.loads(file.read_text(encoding="utf-8-sig"))


def preset(algorithm: str, environment: str) -> dict[str, Any]:
    """The tuned settings, including `steps`; empty if there is no preset for this pair."""
    return tables_of(algorithm).get(environment, {})


def of_tutorial(algorithm: str, environment: str) -> dict[str, Any]:
    """The settings that the tutorial uses for an algorithm in an environment.

    Raises:
        InputError: the tutorial does not combine the two; the message lists its pairs.
    """
    files = sorted((resources.files("zerone") / "presets" / TUTORIAL).iterdir(), key=lambda each: each.name)
    pairs = {each.name.removesuffix(".toml"): tomllib.loads(each.read_text("utf-8")) for each in files}
    found: dict[str, Any] | None = pairs.get(algorithm, {}).get(environment)
    if found is None:
        there = "; ".join(f"{name} on {', '.join(tables)}" for name, tables in pairs.items())
        raise InputError(
            translated(
                "the tutorial has no settings for {algorithm} on {environment}: it has those for {there}",
                algorithm=algorithm,
                environment=environment,
                there=there,
            )
        )
    return found


def read_table(path: str | Path, algorithm: str, environment: str) -> dict[str, Any]:
    """The settings in a file for an algorithm in an environment: a preset file, or the `best.toml` of a sweep.

    The file has a table per environment, of which the one with this id is used; or it has no tables, and is used as a
    whole. `algorithm = "ppo"` before the tables says which algorithm the settings are for.

    Raises:
        InputError: there is no such file or table, the file is for another algorithm, a name is no setting, or a
            value is not allowed; the message names the file.
    """
    from zerone.algorithms import catalogue as algorithms
    from zerone.environments import catalogue as environments

    path = absolute(path)
    found = read_toml(path, LARGEST_FILE)
    whose = found.pop("algorithm", algorithm)
    if whose != algorithm:
        raise InputError(
            translated("{path}: settings of {whose!r}, not of {algorithm}", path=path, whose=whose, algorithm=algorithm)
        )
    tables = {name: value for name, value in found.items() if isinstance(value, dict)}
    outside = [name for name in found if name not in tables]
    if tables and outside:
        raise InputError(
            translated(
                "{path}: {outside} is in no table: the table of an environment begins with its id in []",
                path=path,
                outside=outside[0],
            )
        )
    entries = {name: environments.ours(name) for name in tables}
    named = [name for name, entry in entries.items() if environment in (name, entry.id if entry else name)]
    if tables and not named:
        there = ", ".join(f'["{name}"]' for name in tables)
        raise InputError(
            translated(
                '{path}: has no table ["{environment}"]; it has {there}',
                path=path,
                environment=environment,
                there=there,
            )
        )
    table: dict[str, Any] = dict(tables[named[0]]) if named else found
    own = {field.name for field in dataclasses.fields(algorithms.look_up(algorithm).make)}
    for name, value in table.items():
        if name in OF_TRAINING:
            kind = OF_TRAINING[name]
            if type(value) is not kind or (kind is int and value < 1):
                whole = translated("a whole number, at least {low}", low=1)
                wanted = whole if kind is int else translated("true or false")
                raise InputError(
                    translated(
                        "{path}: {name} = {value!r} is not allowed: must be {wanted}",
                        path=path,
                        name=name,
                        value=value,
                        wanted=wanted,
                    )
                )
        elif name not in own:
            raise InputError(
                translated(
                    "{path}: {algorithm} has no setting {name!r}: {hint}",
                    path=path,
                    algorithm=algorithm,
                    name=name,
                    hint=algorithms.setting_of(algorithm, name),
                )
            )
    if "steps" in table and "episodes" in table:
        raise InputError(
            translated("{path}: steps and episodes exclude each other: a training has one length", path=path)
        )
    try:
        algorithms.make(algorithm, {name: value for name, value in table.items() if name in own})
    except InputError as error:
        raise InputError(translated("{path}: {error}", path=path, error=error)) from error
    return table
