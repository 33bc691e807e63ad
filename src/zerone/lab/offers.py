"""The choices on the page: algorithms with their settings, environments, and which of them go together."""

from __future__ import annotations

import dataclasses
from typing import Any

from zerone.algorithms import catalogue as algorithms
from zerone.environments import catalogue as environments
from zerone.environments.spaces import Spaces
from zerone.lab.messages import FARTHEST_LOOK, PACES, SIMULATIONS
from zerone.lab.playable import PLAYABLE
from zerone.lab.setups import LARGEST_SEED
from zerone.lessons.catalogue import lessons
from zerone.training.presets import preset


def offers() -> dict[str, Any]:
    """All choices, as one message."""
    listed = [_algorithm(entry) for entry in algorithms.entries()]
    return {
        "is": "offers",
        "algorithms": listed,
        "environments": [_environment(entry) for entry in environments.entries()],
        "lessons": [each.as_json() for each in lessons()],
        "paces": PACES,
        "lookAhead": {"steps": FARTHEST_LOOK, "simulations": SIMULATIONS},
        "playable": [{"id": each, "algorithm": algorithm} for each, (algorithm, _) in PLAYABLE.items()],
        "largestSeed": LARGEST_SEED,
    }


def _algorithm(entry: algorithms.Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "text": entry.text,
        "learns": entry.learns,
        "updates": entry.updates,
        "policy": entry.policy,
        "model": entry.model,
        "paper": entry.paper,
        "settings": [_setting(field) for field in dataclasses.fields(entry.make)],
        "steps": {each.id: steps for each in environments.entries() if (steps := _steps(entry.name, each.id))},
        "presets": {each.id: _tuned(entry, each.id) for each in environments.entries() if preset(entry.name, each.id)},
    }


def _tuned(entry: algorithms.Entry, environment: str) -> dict[str, Any]:
    """The algorithm's settings in a preset, without those of the training schedule."""
    own = {field.name for field in dataclasses.fields(entry.make)}
    return {name: value for name, value in preset(entry.name, environment).items() if name in own}


def _steps(algorithm: str, environment: str) -> int | None:
    """The number of steps in a preset; None if there is none."""
    steps = preset(algorithm, environment).get("steps")
    return steps if isinstance(steps, int) else None


def _setting(field: dataclasses.Field[Any]) -> dict[str, Any]:
    """A setting for a labelled control: its name, default, meaning and range."""
    allowed, default = field.metadata.get("allowed"), field.default
    kind = "switch" if isinstance(default, bool) else "list" if isinstance(default, tuple) else type(default).__name__
    found: dict[str, Any] = {"name": field.name, "kind": kind, "default": default}
    if allowed is None:
        return found
    found |= {"text": allowed.text, "range": allowed.describe(), "needs": allowed.needs}
    if allowed.choices:
        found["choices"] = list(allowed.choices)
    bounds = {"min": allowed.at_least, "max": allowed.at_most, "above": allowed.above, "below": allowed.below}
    return found | {name: bound for name, bound in bounds.items() if bound is not None}


def _environment(entry: Any) -> dict[str, Any]:
    """An environment, with the algorithms that support it."""
    made = environments.make(entry.id)
    spaces = Spaces(made.observation_space, made.action_space)
    able = [each.name for each in algorithms.entries() if each.make().refuse(spaces) is None]
    return {
        "id": entry.id,
        "text": entry.text,
        "observation": entry.observation,
        "action": entry.action,
        "limit": entry.limit,
        "solvedAt": entry.solved_at,
        "able": able,
    }
