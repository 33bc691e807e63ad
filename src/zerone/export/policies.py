"""The greedy actions of Zerone's policies as operations; a user's algorithm provides them itself (`ExportsActions`).

To support another kind of network or policy, register a function for its class here.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import numpy as np
from gymnasium import spaces

from zerone.algorithms import a3c, dqn, off_policy_actor
from zerone.algorithms.protocol import Algorithm
from zerone.algorithms.tabular import TabularControl, table_in
from zerone.base.errors import InputError, said
from zerone.base.language import translated
from zerone.environments.gym.views import PicturePart, Space
from zerone.environments.spaces import Spaces, action_bounds, action_scale, count
from zerone.export.observations import Seen, mask_name, pieces_of
from zerone.export.program import Program, Value, join
from zerone.parts.convolution import Convolution, PartConvolutions, same_padding
from zerone.parts.layers import MLP, Activation, Dueling, Features, LayerNorm, Linear
from zerone.parts.networks import ACTIVATIONS, Network
from zerone.parts.own_networks import OwnNetwork
from zerone.parts.policies import ActorAndCritic
from zerone.parts.quantiles import Quantiles
from zerone.parts.recurrent import RecurrentNetwork


class _UnknownError(Exception):
    """A policy or network cannot be converted to operations; the message says what it is and what it lacks."""


@runtime_checkable
class ExportsActions(Protocol):
    """A user's algorithm that provides the operations of its greedy policy."""

    def acting(self, policy: Any, seen: Seen) -> Value:
        """The algorithm's greedy action: discrete ones start at 0, those of a `Box` are scaled to [-1, 1]."""
        ...


@runtime_checkable
class ExportsOperations(Protocol):
    """A user's network that provides its operations."""

    def operations(self, x: Value) -> Value:
        """The output of the network for a row of numbers."""
        ...


def program_of(algorithm: Algorithm, policy: Any, spaces: Spaces) -> Program:
    """The program from the environment's observation to the greedy action in the environment's form.

    Raises:
        InputError: the policy or its network cannot be converted to operations.
    """
    program = Program()
    seen = Seen(program, spaces.encoding)
    if spaces.masked:
        program.mask = Value(program, mask_name(spaces.encoding), (count(spaces.action, "action"),), "bool")
    if isinstance(algorithm, ExportsActions):
        drawn = algorithm.acting(policy, seen)
    elif isinstance(algorithm, TabularControl) and np.ndim(table_in(policy)) == 2:
        drawn = seen.state().look_up(table_in(policy)).argmax()
    else:
        try:
            drawn = acting(policy, seen)
        except _UnknownError as error:
            raise InputError(
                translated(
                    "how {algorithm} acts cannot be expressed in ONNX or NumPy: {error} (docs/export.md); {option} "
                    "works without that",
                    algorithm=algorithm.name,
                    error=error,
                    option=said(translated("a file .stablehlo"), "policy.stablehlo"),
                )
            ) from None
    program.action = as_taken(spaces.action, drawn)
    return program


@functools.singledispatch
def acting(policy: Any, seen: Seen) -> Value:
    """The greedy action of a policy in the algorithm's form: from 0, or scaled to [-1, 1]."""
    del seen
    raise _UnknownError(
        translated("its policy is {named}, so the algorithm needs a function acting(policy, seen)",
                   named=_named(policy))
    )  # fmt: skip


@acting.register
def _(policy: ActorAndCritic, seen: Seen) -> Value:
    output = lowered(policy.actor, seen.by(policy.scales))
    if policy.log_deviation is not None:
        return output
    return output.choose(policy.choices) if policy.shape else output.argmax()


@acting.register
def _(policy: a3c.Policy, seen: Seen) -> Value:
    return acting(policy.shared, seen)


@acting.register
def _(policy: dqn.Policy, seen: Seen) -> Value:
    return lowered(policy.network, seen.by(policy.scales)).argmax()


@acting.register
def _(policy: off_policy_actor.Policy, seen: Seen) -> Value:
    output, width = lowered(policy.actor.network, seen.by(policy.scales)), policy.actor.width
    means = output if output.width == width else output.part(0, width)
    return means.activate("tanh")


@functools.singledispatch
def lowered(network: Any, seen: Seen) -> Value:
    """The outputs of a network for an observation."""
    del seen
    raise _UnknownError(
        translated("its network is {named}, so the algorithm needs a function acting(policy, seen)",
                   named=_named(network))
    )  # fmt: skip


@lowered.register
def _(network: Network, seen: Seen) -> Value:
    return layers(network.mlp, _flat_input(network.features, network.convolution, seen))


@lowered.register
def _(network: RecurrentNetwork, seen: Seen) -> Value:
    x = _flat_input(network.features, network.convolution, seen)
    x = _hidden_layers(x, network.layers, network.norms, network.activation)
    read = x.dense(network.gru.inward.weight, network.gru.inward.bias)
    before = x.program.remember((network.gru.width,))
    after = read.gru(before, network.gru.onward.weight, network.gru.onward.bias)
    x.program.leave(before, after)
    return layers(network.head, after)


@lowered.register
def _(network: Quantiles, seen: Seen) -> Value:
    if isinstance(network.network, OwnNetwork):
        raise _UnknownError(translated("the means of its network's quantiles are known of our own networks only"))
    return lowered(network.means(), seen)


@lowered.register
def _(network: OwnNetwork, seen: Seen) -> Value:
    return layers(network.inner, seen.features(network.features))


def _flat_input(features: Features, convolution: Convolution | PartConvolutions | None, seen: Seen) -> Value:
    """The input of a network as numbers in a row, after convolutions: `parts.layers.Features.row`."""
    x = seen.features(features)
    if isinstance(convolution, PartConvolutions):
        pieces = pieces_of(x.width, [(each.begin, each.end) for each in convolution.pictures])
        others = [x.part(begin, end) for begin, end, picture in pieces if not picture]
        pictures = [
            _convolved(mine, _picture_of(x, part))
            for mine, part in zip(convolution.convolutions, convolution.pictures, strict=True)
        ]
        return join([*others, *pictures])
    return x.reshape(math.prod(x.shape)) if convolution is None else _convolved(convolution, x)


def _picture_of(row: Value, part: PicturePart) -> Value:
    """The picture in a part of a row: `parts.convolution.picture_of`."""
    picture = row.part(part.begin, part.end).reshape(*part.shape)
    return (picture if part.axes is None else picture.transpose(part.axes)).reshape(*part.picture)


def _convolved(convolution: Convolution, x: Value) -> Value:
    """The output of convolutional layers for a picture, in a row."""
    for layer, (kernel, stride) in zip(convolution.layers, convolution.sizes, strict=True):
        around = same_padding(x.shape[:2], kernel, stride) if convolution.padded else [(0, 0), (0, 0)]
        (top, bottom), (left, right) = around
        x = x.convolve(layer.weight, layer.bias, kernel, stride, (top, left, bottom, right), "relu")
    return x.reshape(math.prod(x.shape))


def _hidden_layers(x: Value, layers: Sequence[Linear], norms: Sequence[LayerNorm], activation: Activation) -> Value:
    """The output of hidden layers: `parts.layers.through`."""
    name = activation_name(activation)
    for i, layer in enumerate(layers):
        if norms:
            x = x.dense(layer.weight, layer.bias).layer_norm(norms[i].scale, norms[i].shift, name)
        else:
            x = x.dense(layer.weight, layer.bias, name)
    return x


@functools.singledispatch
def layers(network: Any, x: Value) -> Value:
    """The output of a network without convolutions for a row of numbers."""
    if isinstance(network, ExportsOperations):
        return network.operations(x)
    raise _UnknownError(
        translated("its network is {named}, which needs a function operations(x)", named=_named(network))
    )


@layers.register
def _(network: MLP, x: Value) -> Value:
    x = _hidden_layers(x, network.layers[:-1], network.norms, network.activation)
    return x.dense(network.layers[-1].weight, network.layers[-1].bias)


@layers.register
def _(network: Dueling, x: Value) -> Value:
    x = _hidden_layers(x, network.layers, network.norms, network.activation)
    half = network.value.weight.shape[0]
    of_value, of_advantage = (x.part(0, half), x.part(half, x.width)) if network.separate else (x, x)
    value = of_value.dense(network.value.weight, network.value.bias)
    return value.duel(of_advantage.dense(network.advantage.weight, network.advantage.bias))


@layers.register
def _(network: eqx.nn.Linear, x: Value) -> Value:
    weight = np.asarray(network.weight).T
    return x.dense(weight, np.zeros(weight.shape[1]) if network.bias is None else network.bias)


@layers.register
def _(network: eqx.nn.MLP, x: Value) -> Value:
    for layer in network.layers[:-1]:
        x = layers(layer, x).activate(activation_name(network.activation))
    x = layers(network.layers[-1], x)
    last = network.final_activation
    return x if last(1.5) == 1.5 else x.activate(activation_name(last))


@layers.register
def _(network: eqx.nn.Sequential, x: Value) -> Value:
    for layer in network.layers:
        x = x.activate(activation_name(layer.fn)) if isinstance(layer, eqx.nn.Lambda) else layers(layer, x)
    return x


_NAMES: dict[Activation, str] = {each: name for name, each in ACTIVATIONS.items()}


def activation_name(activation: Activation) -> str:
    """The name of an activation in a program. Raises `_UnknownError` if it has none."""
    if activation not in _NAMES:
        name = getattr(activation, "__name__", activation)
        names = ", ".join(_NAMES.values())
        raise _UnknownError(translated("its activation is {name}, and there are {names}", name=name, names=names))
    return _NAMES[activation]


def as_taken(space: Space, drawn: Value) -> Value:
    """Convert an action to the environment's form, dtype and shape: see `environments.spaces.to_environment`."""
    shape, kind = tuple(space.shape or ()), space.dtype or np.int64
    action = drawn.reshape(*shape)
    if isinstance(space, spaces.Box):
        low, high = action_bounds(space)
        bounded, middle, reach = action_scale(space, shape)
        if bounded.any() or np.isfinite(low).any() or np.isfinite(high).any():
            action = action.bound(bounded, middle, reach, low, high)
        return (action.round() if space.dtype.kind in "iub" else action).cast(kind)
    start = np.asarray(getattr(space, "start", 0), np.int64)
    return (action.add(np.broadcast_to(start, shape)) if start.any() else action).cast(kind)


def _named(thing: Any) -> str:
    return translated("of the class {name}", name=f"{type(thing).__module__}.{type(thing).__qualname__}")
