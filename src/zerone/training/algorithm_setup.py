"""Making a training's algorithm from a name, preset and settings, or from a run's configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from zerone.algorithms import catalogue as algorithms
from zerone.algorithms.protocol import Algorithm, Cut
from zerone.base.errors import InputError, nearest
from zerone.base.language import translated
from zerone.base.modules import ForeignId
from zerone.base.notices import notices
from zerone.base.saved_types import AlgorithmConfig
from zerone.base.values import short
from zerone.parts import own_networks
from zerone.training import presets
from zerone.training.environment_setup import EnvironmentLike, environment_name
from zerone.training.unknown_arguments import swapped

SettingsLike = Mapping[str, Any] | str | Path | tuple[str | Path, Mapping[str, Any]]
"""Hyperparameters that override the preset; or a TOML file that replaces it (`presets.read_table`); or both."""


UNCHANGED: Mapping[str, Any] = MappingProxyType({})
"""No hyperparameters are overridden."""


def settings_of(algorithm: Algorithm) -> dict[str, Any]:
    """All settings by name, as JSON values."""
    settings: Any = algorithm
    return dataclasses.asdict(settings)


def make_algorithm(
    algorithm: str | Algorithm, environment: EnvironmentLike, settings: SettingsLike = UNCHANGED,
    network: object = None, preset: str = presets.TUNED,
) -> tuple[Algorithm, dict[str, Any]]:  # fmt: skip
    """The algorithm, and the settings that the preset has for the training itself (such as `steps`).

    A name takes its `preset` for that environment (or the settings file, if one is given), overridden by the other
    `settings`; an algorithm object is used as it is. `network` is a name, or a class or function that makes a network.
    """
    file, changes = split_settings(settings)
    _require_preset(preset, algorithm, file)
    algorithm, changes = _with_given(algorithm, changes, network)
    if not isinstance(algorithm, str):
        if file is not None or changes:
            given = str(file) if file is not None else dict(changes)
            raise InputError(
                translated("settings = {given} are not allowed here: set them on the algorithm itself", given=given)
            )
        return algorithms.given_object(algorithm), {}
    mistake = swapped(algorithm, environment) if isinstance(environment, str) else None
    if mistake is not None:
        raise mistake
    entry = algorithms.look_up(algorithm)
    if file is None:
        tuned = presets_for(algorithm, environment, preset)
    else:
        tuned = presets.read_table(file, algorithm, environment_name(environment))
    own = {field.name for field in dataclasses.fields(entry.make)}
    chosen = {key: value for key, value in tuned.items() if key in own} | dict(changes)
    training = {key: value for key, value in tuned.items() if key not in own}
    made = algorithms.make(algorithm, chosen, fitting="minibatches" not in changes)
    if isinstance(made, Cut) and made.minibatches != (asked := chosen.get("minibatches", made.minibatches)):
        notices()(
            translated(
                "{algorithm}: {minibatches} minibatches instead of the preset's {asked}, which do not divide the block "
                "of steps that was chosen",
                algorithm=algorithm,
                minibatches=made.minibatches,
                asked=asked,
            )
        )
    return made, training


def _require_preset(preset: str, algorithm: str | Algorithm, file: str | Path | None) -> None:
    """Raise `InputError` if the kind of preset is unknown, or one is chosen where no preset applies."""
    if preset not in presets.KINDS:
        raise InputError(
            translated("preset {preset!r} is unknown: {hint}", preset=preset, hint=nearest(str(preset), presets.KINDS))
        )
    if preset == presets.TUNED or (isinstance(algorithm, str) and file is None):
        return
    own = translated("an algorithm object has its settings")
    why = own if file is None else translated("{file} takes the place of a preset", file=file)
    raise InputError(translated("preset = {preset!r} is not allowed here: {why}", preset=preset, why=why))


def _with_given(
    algorithm: str | Algorithm, changes: Mapping[str, Any], network: object
) -> tuple[str | Algorithm, Mapping[str, Any]]:
    """The algorithm object with the given network, or the name's settings with the network added."""
    if network is None:
        if isinstance(changes.get("network"), str):
            own_networks.given(changes["network"])
        return algorithm, changes
    if not isinstance(algorithm, str):
        return with_network(algorithm, network), changes
    if "network" in changes:
        raise InputError(translated("network is not allowed twice: it is in the settings, too"))
    return algorithm, {**changes, "network": own_networks.given(network)}


def with_network(algorithm: Algorithm, network: object) -> Algorithm:
    """The algorithm with another network. Raises `InputError` if it uses none, or `network` is not a network."""
    fields = {field.name for field in dataclasses.fields(cast("Any", algorithm))}
    if "network" not in fields:
        raise InputError(
            translated("{algorithm} has no network: network is not allowed here", algorithm=algorithm.name)
        )
    changed: Any = algorithm
    return cast("Algorithm", dataclasses.replace(changed, network=own_networks.given(network)))


def split_settings(settings: SettingsLike) -> tuple[str | Path | None, Mapping[str, Any]]:
    """The settings file, or None, and the settings that override it or the preset."""
    if isinstance(settings, (str, Path)):
        return settings, {}
    file, changes = settings if isinstance(settings, tuple) and len(settings) == 2 else (None, settings)
    if not isinstance(changes, Mapping) or not all(isinstance(name, str) for name in changes):
        raise InputError(
            translated(
                "settings = {given} are not allowed: must be a dictionary, such as {{'discount': 0.9}}, or a TOML file",
                given=short(settings),
            )
        )
    return file, changes


def presets_for(algorithm: str, environment: EnvironmentLike, kind: str = presets.TUNED) -> dict[str, Any]:
    """The preset of an algorithm on an environment. Raises `InputError` if the tutorial has none (`kind` tutorial)."""
    if kind == presets.NONE:
        return {}
    if kind == presets.TUTORIAL:
        return presets.of_tutorial(algorithm, environment_name(environment))
    return presets.preset(algorithm, environment_name(environment)) if isinstance(environment, str) else {}


def make_algorithm_from(saved: AlgorithmConfig) -> Algorithm:
    """The algorithm of a run's configuration, with exactly the settings that were saved."""
    source = saved.get("source")
    source = None if source is None else ForeignId(source)
    return algorithms.make_saved(ForeignId(saved["name"]), saved["settings"], source)


def describe_algorithm(algorithm: Algorithm) -> AlgorithmConfig:
    """An algorithm as a run's configuration stores it; the inverse of `make_algorithm_from`."""
    found: AlgorithmConfig = {"name": algorithm.name, "settings": settings_of(algorithm)}
    source = algorithms.source_of(algorithm)
    if source is not None:
        found["source"] = source
    return found
