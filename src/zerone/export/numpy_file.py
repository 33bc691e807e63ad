"""A program as a NumPy `.npz` file: the operations as JSON, and the weights as arrays, without pickle."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from zerone.export.player import Policy
from zerone.export.program import Program, Value

Inputs = Mapping[str, np.ndarray]
"""The parts of observations and of the memory by name: arrays [N, ...]."""
Player = Callable[[Inputs], tuple[np.ndarray, Inputs]]
"""From inputs to actions [N, ...] and the next memory by name."""


def to_bytes(program: Program, about: Mapping[str, Any]) -> bytes:
    """The contents of the file, which `export.player` reads. `about` describes the policy and is stored with it."""
    held: dict[str, np.ndarray] = {}
    operations: list[Any] = []
    for each in program.operations:
        names = {name: f"{each.gives}.{name}" for name in each.arrays}
        held |= {names[name]: array for name, array in each.arrays.items()}
        operations.append([each.kind, each.of, each.settings, names, each.gives])
    described = {
        **about,
        "inputs": [dataclasses.asdict(each) for each in program.inputs],
        "memory": [dataclasses.asdict(each) for each in program.memory],
        "mask": _name(program.mask),
        "action": _name(program.action),
        "scores": _name(program.scores),
        "operations": operations,
    }
    file = io.BytesIO()
    text = np.frombuffer(json.dumps(described, ensure_ascii=False).encode(), np.uint8)  # a str would be four times it
    arrays: dict[str, Any] = {"policy": text, **held}
    np.savez(file, **arrays)
    return file.getvalue()


def player(data: bytes) -> Player:
    """A function that runs the file's policy on a batch of observations."""
    policy = Policy(io.BytesIO(data))

    def play(inputs: Inputs) -> tuple[np.ndarray, Inputs]:
        values = policy.play(inputs)
        return values[policy.about["action"]], {each["name"]: values[each["after"]] for each in policy.about["memory"]}

    return play


def scores(program: Program, inputs: Inputs) -> np.ndarray | None:
    """The scores from which the actions were chosen, [N, ...]; None if the program has none."""
    if program.scores is None:
        return None
    found: np.ndarray = Policy(io.BytesIO(to_bytes(program, {}))).play(inputs)[program.scores.name]
    return found


def _name(value: Value | None) -> str | None:
    return None if value is None else value.name
