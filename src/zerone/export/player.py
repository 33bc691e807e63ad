"""Plays a policy that `zerone export RUN policy.npz` has written. It needs NumPy and nothing else: copy it anywhere.

    policy = Policy("policy.npz")
    action = policy(observation)        # one observation as the environment returns it, or a batch of them

`python player.py policy.npz` says what is in the file, and how long an action takes.
"""

from __future__ import annotations

import functools
import json
import sys
import time
from typing import Any

import numpy as np

ACTIVATIONS: dict[str, Any] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
}
"""What a layer may end in."""


def dense(x: Any, weight: Any, bias: Any, activation: str = "linear") -> Any:
    """`activation(x W + b)`."""
    x = x @ weight
    x += bias
    return ACTIVATIONS[activation](x)


def convolve(x: Any, weight: Any, bias: Any, kernel: int, stride: int, padding: Any, activation: str = "linear") -> Any:
    """The same of each patch of pictures [N, height, width, channels]; the weight is [kernel² channels, features]."""
    top, left, bottom, right = padding
    x = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    x = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), (1, 2))[:, ::stride, ::stride]
    x = x.transpose(0, 1, 2, 4, 5, 3).reshape(*x.shape[:3], len(weight))
    return dense(x, weight, bias, activation)


def bound(x: Any, bounded: Any, middle: Any, reach: Any, low: Any, high: Any) -> Any:
    """From [-1, 1] to the bounds of an action, where it has two; within the bound that it has elsewhere."""
    return np.clip(np.where(bounded, middle + reach * np.clip(x, -1, 1), x), low, high)


OPERATIONS: dict[str, Any] = {
    "cast": lambda x, kind: x.astype(kind),
    "add": lambda x, number: x + number,
    "divide": lambda x, by: x / np.float32(by),
    "reshape": lambda x, shape: x.reshape(len(x), *shape),
    "transpose": lambda x, axes: x.transpose(0, *(1 + axis for axis in axes)),
    "part": lambda x, begin, end: x[:, begin:end],
    "join": lambda *parts: np.concatenate(parts, -1),
    "one_hot": lambda x, number, value: (x[:, number] == value).astype(np.float32),
    "place": lambda x, start, worth: ((x - start) * worth).sum(-1),
    "look_up": lambda x, table: table[x],
    "dense": dense,
    "convolve": convolve,
    "activate": lambda x, activation: ACTIVATIONS[activation](x),
    "duel": lambda value, advantage: value + advantage - advantage.mean(-1, keepdims=True),
    "argmax": lambda x: x.argmax(-1),
    "choose": lambda x, cuts: np.stack([each.argmax(-1) for each in np.split(x, cuts, -1)], -1),
    "bound": bound,
    "round": lambda x: np.round(x),
}
"""What a policy is made of. The axis of the batch is in front, everywhere."""


class Policy:
    """A policy out of a file; `about` says what it is, what it takes and what it gives."""

    def __init__(self, file: Any) -> None:
        with np.load(file) as arrays:
            self.about = json.loads(arrays["policy"].tobytes())
            numbers = {name: arrays[name] for name in arrays.files}
        self._operations = [
            (functools.partial(OPERATIONS[kind], **settings, **{name: numbers[each] for name, each in held.items()}),
             of, gives)
            for kind, of, settings, held, gives in self.about["operations"]
        ]  # fmt: skip

    def __call__(self, observation: Any) -> Any:
        """The greedy action for one observation, or the actions for a batch of them (of each part, if it has parts)."""
        values: dict[str, Any] = {}
        single = False
        for each in self.about["inputs"]:
            found = observation
            for key in each["path"]:
                found = found[key]
            found = np.asarray(found, each["type"])
            single = found.ndim == len(each["shape"])
            values[each["name"]] = found[None] if single else found
        action = self.play(values)
        return action[0] if single else action

    def play(self, values: Any, wanted: str = "action") -> Any:
        """What becomes of named inputs [N, ...]: the actions [N, ...], or another value on the way there."""
        values = dict(values)
        for operation, of, gives in self._operations:
            values[gives] = operation(*[values[each] for each in of])
        return values[self.about[wanted]]


if __name__ == "__main__":
    policy = Policy(sys.argv[1])
    zeros = {each["name"]: np.zeros((1, *each["shape"]), each["type"]) for each in policy.about["inputs"]}
    for _ in range(2):
        began = time.perf_counter()
        for _ in range(1000):
            action = policy.play(zeros)
    print(json.dumps({name: value for name, value in policy.about.items() if name != "operations"}, indent=1))
    print(f"{(time.perf_counter() - began) * 1000:.1f} µs for an action; the one for zeros is {action[0].tolist()}")
