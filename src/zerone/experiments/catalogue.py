"""The list of experiments. A new one is a file in `claims/` and a line here."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from zerone.base.errors import InputError, nearest
from zerone.base.language import translated

if TYPE_CHECKING:
    from zerone.experiments.protocol import Experiment

MODULES = {
    "caution": "caution",
    "traces": "traces",
    "cost": "cost",
    "overestimation": "overestimation",
    "priorities": "priorities",
    "dueling": "dueling",
    "praise": "praise",
    "moving-reward": "moving_reward",
    "one-step": "one_step",
    "replay-and-targets": "replay_and_targets",
    "workers": "workers",
    "clipping": "clipping",
    "eyesight": "eyesight",
    "planning": "planning",
    "random-walk": "random_walk",
    "maximum-bias": "maximum_bias",
    "blind-cliff": "blind_cliff",
    "corridor": "corridor",
}
"""The name of each experiment on the command line, and its file in `claims/`, in the order of the tutorial."""


def names() -> list[str]:
    """The names of all experiments."""
    return list(MODULES)


def look_up(name: str) -> Experiment:
    """The experiment of a name. Raises `InputError`, with the nearest name, if there is none."""
    if name not in MODULES:
        raise InputError(translated("experiment {name!r} is unknown: {hint}", name=name, hint=nearest(name, MODULES)))
    found: Experiment = importlib.import_module(f"zerone.experiments.claims.{MODULES[name]}").EXPERIMENT
    return found


def entries() -> list[Experiment]:
    """All experiments."""
    return [look_up(name) for name in MODULES]
