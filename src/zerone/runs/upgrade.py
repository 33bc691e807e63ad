"""What older checkpoints call otherwise: their arrays under today's names.

The format's number changes where a name or a kind of what a training keeps does. Here is what each change was, so that
a run of any age can be resumed and judged.
"""

from __future__ import annotations

import re

import numpy as np

Arrays = dict[str, np.ndarray]

_RENAMED = {
    "dqn": (re.compile(r"^(seed-\d+/state/)recent/"), r"\1ongoing/steps/"),
    "reinforce": (re.compile(r"^(seed-\d+/state/)episodes/"), r"\1ongoing/"),
    "ddpg": (re.compile(r"^(seed-\d+/(?:state/)?policy/)path$"), r"\1ongoing"),
}
"""In format 1 each algorithm had a name of its own for what belongs to the episodes going on."""


def upgraded(arrays: Arrays, version: int, algorithm: object) -> Arrays:
    """The arrays of a checkpoint of `algorithm` in format `version`, as this version of Zerone names them."""
    return _from_first(arrays, str(algorithm)) if version == 1 else arrays


def _from_first(arrays: Arrays, algorithm: str) -> Arrays:
    found: Arrays = {}
    pattern, replacement = _RENAMED.get(algorithm, (re.compile("$^"), ""))
    for name, array in arrays.items():
        new = pattern.sub(replacement, name)
        found[new] = array
        if new != name and new.endswith("/ongoing/steps/reward") and array.ndim == 2:
            state = new.removesuffix("ongoing/steps/reward")
            found[f"{state}ongoing/number"] = _waiting(array, arrays.get(f"{state}policy/steps"))
    return found


def _waiting(reward: np.ndarray, seen: np.ndarray | None) -> np.ndarray:
    """How many steps of each environment wait for those that follow: in format 1 it followed from the steps seen."""
    steps, environments = reward.shape
    played = 0 if seen is None else int(seen.ravel()[0]) // max(1, environments)
    return np.array(min(steps, played), np.int32)
