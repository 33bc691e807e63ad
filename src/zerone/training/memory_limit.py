"""Checking, before anything is created, whether a training fits into memory."""

from __future__ import annotations

import math

import jax
import numpy as np

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.memory import machine_memory
from zerone.engines.protocol import Engine, Repeatable
from zerone.training.algorithm_setup import settings_of

_SIZES = ("memory", "longest_episode", "environments", "steps_per_update", "hidden")
"""The settings that decide how much memory a training needs."""


def require_room(engine: Engine, name: str, seeds: int, by_episodes: bool = False) -> None:
    """Raise `InputError` if the state of all seeds between two updates exceeds the machine's memory.

    This is a lower bound: the state (with the replay memory, or the table), and a block of steps. Allocating far more
    memory than exists would not fail at once: XLA reserves it, and the system kills the process while it fills up.
    `by_episodes` says that the training counts episodes: a `Repeatable` engine then holds a copy of each seed, and one
    more while it searches for an end (`episodes.advance_by_episodes`).
    """
    there = available()
    held = 2 * seeds + 1 if by_episodes and isinstance(engine, Repeatable) else seeds
    needed: float
    try:
        needed = held * (_bytes(engine.saved_example()) + _block(engine))
    except OverflowError:  # a size that JAX cannot represent
        needed = math.inf
    if there is None or needed <= there:
        return
    algorithm = engine.algorithm
    counts = {"environments": algorithm.environments, "steps_per_update": algorithm.steps_per_update}
    settings = counts | settings_of(algorithm)
    said = [f"{each} = {settings[each]}" for each in _SIZES if each in settings]
    much = f"{needed / 1e9:,.0f} GB" if math.isfinite(needed) else "more than can be counted"
    raise InputError(
        translated(
            "{algorithm} on {name} needs {much} of memory for {seeds} {word}, but there is {there:,.1f} GB: make "
            "smaller what is large ({listed}, or the observations)",
            algorithm=algorithm.name,
            name=name,
            much=much,
            seeds=seeds,
            word=translated("seed") if seeds == 1 else translated("seeds"),
            there=there / 1000000000.0,
            listed=", ".join(said),
        )
    )


def available() -> int | None:
    """Bytes of memory of the device, or of the system's or container's limit; None if unknown."""
    device = jax.local_devices()[0]
    if device.platform != "cpu":
        return (device.memory_stats() or {}).get("bytes_limit")
    return machine_memory()


def _block(engine: Engine) -> int:
    """Bytes of one block of steps: per step two observations, an action and a reward."""
    space = engine.spaces.observation
    observation = math.prod(space.shape or ()) * np.dtype(space.dtype or np.float32).itemsize
    action = math.prod(engine.spaces.action.shape or ()) * 4
    algorithm = engine.algorithm
    return algorithm.steps_per_update * algorithm.environments * (2 * observation + action + 4)


def _bytes(tree: object) -> int:
    return sum(math.prod(np.shape(leaf)) * _item(leaf) for leaf in jax.tree.leaves(tree))


def _item(leaf: object) -> int:
    kind = getattr(leaf, "dtype", np.dtype(np.float32))
    return int(getattr(kind, "itemsize", 8))
