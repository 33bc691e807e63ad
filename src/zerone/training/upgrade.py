"""Upgrading older runs: their configuration, and the arrays of their checkpoints, to today's names.

The format number is increased when a name or a dtype in what a training saves changes. Each change is described here,
so that runs of any age can be resumed and evaluated.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]

_RENAMED = {
    "dqn": (re.compile(r"^(seed-\d+/state/)recent/"), r"\1ongoing/steps/"),
    "reinforce": (re.compile(r"^(seed-\d+/state/)episodes/"), r"\1ongoing/"),
    "ddpg": (re.compile(r"^(seed-\d+/(?:state/)?policy/)path$"), r"\1ongoing"),
}
"""In format 1 each algorithm had its own name for the state of the current episodes."""

_LEARNT = re.compile(r"^(seed-\d+/state/)(critic|target|actor_optimizer|critic_optimizer|updates)(?=/|$)")
"""In format 3 the part of DDPG's state that gradient updates change had no name of its own."""

_PLAYED = re.compile(r"^(seed-\d+/)(simulation/episode_return|simulation/episode_length|tally/.*)$")
_METRIC = re.compile(r"^seed-\d+/metrics/\w+$")


def upgraded(arrays: Arrays, version: int, algorithm: object) -> Arrays:
    """The arrays of a checkpoint of `algorithm` in format `version`, renamed and converted to the current format."""
    if version == 1:
        arrays = _from_first(arrays, str(algorithm))
    if version <= 2 and algorithm == "ddpg":
        arrays = _from_second(arrays)
    if version <= 3 and algorithm == "ddpg":
        arrays = {_LEARNT.sub(r"\1learner/\2", name): array for name, array in arrays.items()}
    return arrays


def upgraded_config(config: dict[str, Any], version: int) -> dict[str, Any]:
    """The configuration of a run in format `version`, converted to the current format.

    In format 1 the parts of an observation were flattened to one vector, including images.
    """
    environment = config.get("environment")
    if version > 1 or not isinstance(environment, dict) or environment.get("observations") != "auto":
        return config
    return {**config, "environment": {**environment, "observations": "row"}}


def _from_second(arrays: Arrays) -> Arrays:
    """In format 2 the state of DDPG's correlated noise was in the policy; now it is part of the memory of an episode.

    It is dropped where episodes are not resumed (on the host engine), and in a policy that was saved alone.
    """
    found: Arrays = {}
    for name, array in arrays.items():
        seed, drifts, _ = name.partition("/state/policy/ongoing")
        if drifts and f"{seed}/simulation/observation" in arrays:
            found[f"{seed}/simulation/memory"] = array
        elif not name.endswith("policy/ongoing"):
            found[name] = array
    return found


def _from_first(arrays: Arrays, algorithm: str) -> Arrays:
    found: Arrays = {}
    pattern, replacement = _RENAMED.get(algorithm, (re.compile("$^"), ""))
    for name, array in arrays.items():
        if _PLAYED.match(name):
            continue
        new = pattern.sub(replacement, name)
        found[new] = array.astype(np.float64) if _METRIC.match(name) else array
        if new != name and new.endswith("/ongoing/steps/reward") and array.ndim == 2:
            state = new.removesuffix("ongoing/steps/reward")
            found[f"{state}ongoing/number"] = _waiting_steps(array, arrays.get(f"{state}policy/steps"))
    for name in arrays:
        if name.endswith("/simulation/episode_return"):
            found |= _sums(name.removesuffix("simulation/episode_return"), arrays)
    return found


def _waiting_steps(reward: np.ndarray, seen: np.ndarray | None) -> np.ndarray:
    """Steps of each environment that wait for their successors; in format 1 this followed from the steps seen."""
    steps, environments = reward.shape
    played = 0 if seen is None else int(seen.ravel()[0]) // max(1, environments)
    return np.array(min(steps, played), np.int32)


def _sums(seed: str, arrays: Arrays) -> Arrays:
    """Sums since the last log row; in format 1 each was a single float32 over all environments."""
    going_on = arrays[f"{seed}simulation/episode_return"].astype(np.float64)

    def in_first(name: str) -> np.ndarray:
        whole = np.zeros(going_on.shape)
        whole[:1] = arrays.get(f"{seed}tally/{name}", np.zeros(1)).ravel()[:1]
        return whole

    total = in_first("episodes/total_return")
    found = {
        f"{seed}simulation/episode_length": arrays[f"{seed}simulation/episode_length"].astype(np.int32),
        f"{seed}simulation/ended/count": in_first("episodes/count").astype(np.int32),
        f"{seed}simulation/ended/total_return": total.astype(np.float32),
        f"{seed}tally/begun": in_first("begun").astype(np.int32),
    }
    found |= _as_value_and_rest(f"{seed}simulation/earned", total + going_on)
    metrics = f"{seed}tally/metrics/"
    for name, array in arrays.items():
        if name.startswith(metrics):
            found |= _as_value_and_rest(name, array.astype(np.float64))
    return found


def _as_value_and_rest(name: str, total: np.ndarray) -> Arrays:
    value = total.astype(np.float32)
    return {f"{name}/value": value, f"{name}/rest": (total - value).astype(np.float32)}
