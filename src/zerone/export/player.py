"""Runs a policy written by `zerone export RUN policy.npz`. This file needs only NumPy, so it can be copied anywhere.

    policy = Policy("policy.npz")
    action = policy(observation)        # one observation as the environment returns it, or a batch of them
    action = policy(observation, info["action_mask"])           # for a policy that uses action masks

`python player.py policy.npz` prints the contents of the file and the time per action.
"""

from __future__ import annotations

import functools
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ACTIVATIONS: dict[str, Any] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 0.5 + 0.5 * np.tanh(0.5 * x),
    "silu": lambda x: x * (0.5 + 0.5 * np.tanh(0.5 * x)),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "gelu": lambda x: x * (0.5 + 0.5 * np.tanh(np.float32(np.sqrt(2 / np.pi)) * (x + np.float32(0.044715) * x**3))),
}
"""The activations of layers, by name."""


def dense(x: Any, weight: Any, bias: Any, activation: str = "linear") -> Any:
    """`activation(x W + b)`."""
    x = x.dot(weight)
    x += bias
    return ACTIVATIONS[activation](x)


def allow(x: Any, mask: Any) -> Any:
    """Replace the scores of actions that the mask forbids, so that none of them is the largest."""
    if mask.ndim and mask.shape != x.shape:
        raise ValueError(f"the action mask has the shape {mask.shape}, not {x.shape}: one for each action")
    return np.where(mask, x, np.float32(-1e30))


def read_mask(found: Any) -> Any:
    """Convert an action mask, or one per row, to booleans. Raises `ValueError` if it is invalid."""
    mask = np.asarray(found)
    if not mask.ndim or mask.dtype.kind not in "biuf" or not ((mask == 0) | (mask == 1)).all():
        raise ValueError(f"the action mask is {found!r}, not one of true and false or of 1 and 0")
    if not mask.any(-1).all():
        raise ValueError("the action mask allows nothing")
    return mask.astype(bool)


def convolve(x: Any, weight: Any, bias: Any, kernel: int, stride: int, padding: Any, activation: str = "linear") -> Any:
    """A convolution of pictures [height, width, channels] with a weight [kernel² channels, features]."""
    (top, left, bottom, right), depth = padding, x.shape[-1]
    x = np.pad(x, [*[(0, 0)] * (x.ndim - 3), (top, bottom), (left, right), (0, 0)])
    # With width and channels merged, each row of a patch is contiguous in memory, which copies fast.
    x = x.reshape(*x.shape[:-2], x.shape[-2] * depth)
    x = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel * depth), (-2, -1))
    x = x[..., ::stride, :: stride * depth, :, :]
    return dense(x.reshape(-1, len(weight)), weight, bias, activation).reshape(*x.shape[:-2], len(bias))


def layer_norm(x: Any, scale: Any, shift: Any, epsilon: float, activation: str = "linear") -> Any:
    """Layer normalisation over the last axis, with `scale` and `shift`, then an activation."""
    x = x - x.mean(-1, keepdims=True)
    return ACTIVATIONS[activation](x / np.sqrt((x**2).mean(-1, keepdims=True) + np.float32(epsilon)) * scale + shift)


def gru(read: Any, hidden: Any, weight: Any, bias: Any) -> Any:
    """The next state of a gated recurrent unit from `read` = x W + b and the state `hidden`.

    The gates are in the order reset, keep, candidate.
    """
    sigmoid, new, old = ACTIVATIONS["sigmoid"], np.split(read, 3, -1), np.split(hidden.dot(weight) + bias, 3, -1)
    keep = sigmoid(new[1] + old[1])
    return (1 - keep) * np.tanh(new[2] + sigmoid(new[0] + old[0]) * old[2]) + keep * hidden


def transpose(x: Any, axes: Any) -> Any:
    """Permute the last axes; the batch axes stay in front."""
    first = x.ndim - len(axes)
    return x.transpose(*range(first), *(first + axis for axis in axes))


def bound(x: Any, bounded: Any, middle: Any, reach: Any, low: Any, high: Any) -> Any:
    """Scale components with two bounds from [-1, 1] to these bounds, and clip all components to their bounds."""
    return np.clip(np.where(bounded, middle + reach * np.clip(x, -1, 1), x), low, high)


OPERATIONS: dict[str, Any] = {
    "cast": lambda x, kind: x.astype(kind),
    "add": lambda x, number: x + number,
    "normalize": lambda x, mean, by, scale, shift, limit: np.clip((x - mean) / by, -limit, limit) * scale + shift,
    "divide": lambda x, by: x / np.float32(by),
    "reshape": lambda x, axes, shape: x.reshape((*x.shape[: x.ndim - axes], *shape)),
    "transpose": transpose,
    "part": lambda x, begin, end: x[..., begin:end],
    "join": lambda *parts: np.concatenate(parts, -1),
    "one_hot": lambda x, number, value: (x[..., number] == value).astype(np.float32),
    "place": lambda x, start, worth: ((x - start) * worth).sum(-1),
    "look_up": lambda x, table: table[x],
    "dense": dense,
    "convolve": convolve,
    "layer_norm": layer_norm,
    "gru": gru,
    "activate": lambda x, activation: ACTIVATIONS[activation](x),
    "duel": lambda value, advantage: value + advantage - advantage.mean(-1, keepdims=True),
    "allow": allow,
    "argmax": lambda x: x.argmax(-1),
    "choose": lambda x, cuts: np.stack([each.argmax(-1) for each in np.split(x, cuts, -1)], -1),
    "bound": bound,
    "round": lambda x: np.round(x),
}
"""The operations of policies, by name. Additional axes in front are batch axes."""


class Policy:
    """A policy read from a file. `about` is a dictionary that describes it: algorithm, inputs, output and more."""

    def __init__(self, file: Any) -> None:
        with np.load(file) as arrays:
            self.about = json.loads(arrays["policy"].tobytes())
            numbers = {name: arrays[name] for name in arrays.files}
        self._inputs = [
            (each["name"], each["path"], np.dtype(each["type"]), tuple(each["shape"])) for each in self.about["inputs"]
        ]
        self._operations = [
            (functools.partial(OPERATIONS[kind], **settings, **{name: numbers[each] for name, each in held.items()}),
             of, gives)
            for kind, of, settings, held, gives in self.about["operations"]
        ]  # fmt: skip
        self._remembered: dict[str, Any] = {}

    def __call__(self, observation: Any, mask: Any = None) -> Any:
        """The greedy action for one observation, or the actions for a batch (of each part, if there are several).

        A policy that uses action masks needs `mask`: a boolean for each action, for each observation of a batch.

        Raises:
            ValueError: the observation lacks a part or has another shape; the mask is missing, unexpected or invalid.
        """
        masked = self.about.get("mask")
        if (mask is None) != (masked is None):
            raise ValueError("this policy " + ("needs an action mask" if mask is None else "takes no action mask"))
        values: dict[str, Any] = {}
        batch: Any = ()
        for name, path, kind, shape in self._inputs:
            found = observation
            try:
                for key in path:
                    found = found[key]
                values[name] = found = np.asarray(found, kind)
            except (IndexError, KeyError, TypeError, ValueError):
                raise _unfit(path, kind, shape) from None
            batch = found.shape[: found.ndim - len(shape)]
            if found.shape[len(batch) :] != shape:
                if found.size != math.prod(shape):
                    raise _unfit(path, kind, shape)
                values[name], batch = found.reshape(shape), ()  # one observation, given as a row
        for each in self.about["memory"]:
            begun = np.zeros((*batch, *each["shape"]), each["type"])
            values[each["name"]] = self._remembered.get(each["name"], begun)
        if masked is not None:
            values[masked] = read_mask(mask)
        values = self.play(values)
        self._remembered = {each["name"]: values[each["after"]] for each in self.about["memory"]}
        return values[self.about["action"]]

    def reset(self) -> None:
        """Clear the memory of a recurrent policy. Call it when an episode begins."""
        self._remembered = {}

    def play(self, values: Any) -> Any:
        """Compute all values by name from the values of the inputs and of the memory."""
        values = dict(values)
        for operation, of, gives in self._operations:
            values[gives] = operation(*[values[each] for each in of])
        return values


def _unfit(path: list[Any], kind: Any, shape: tuple[int, ...]) -> ValueError:
    """The error for an observation that lacks a part, or in which it has another type or shape."""
    place = "".join(f"[{key!r}]" for key in path)
    return ValueError(f"observation{place} must be {kind} of shape {shape}; a batch has its axes in front of them")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_file():
        sys.exit("usage: python player.py POLICY.npz, a file that `zerone export` has written")
    policy = Policy(sys.argv[1])
    parts = policy.about["inputs"] + policy.about["memory"]
    zeros: dict[str, Any] = {each["name"]: np.zeros(each["shape"], each["type"]) for each in parts}
    if policy.about.get("mask"):
        zeros[policy.about["mask"]] = np.True_
    times = []
    for _ in range(2000):
        began = time.perf_counter()
        action = policy.play(zeros)[policy.about["action"]]
        times.append(time.perf_counter() - began)
    for name, value in policy.about.items():
        print(f"{name}: {value}" if name != "operations" else "operations:")
    for kind, of, settings, held, gives in policy.about["operations"]:
        print(f"  {gives} = {kind}({', '.join([*of, *(f'{name}={each}' for name, each in settings.items()), *held])})")
    print(f"{np.median(times) * 1e6:.1f} µs for an action; the one for zeros is {action.tolist()}")
