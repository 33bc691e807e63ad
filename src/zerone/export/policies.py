"""How the policies of our algorithms act, as operations; an algorithm from elsewhere says it itself (`Acts`).

A further kind of network or policy is a function more here, registered for its class.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from gymnasium import spaces

from zerone.algorithms import a3c, ddpg, dqn
from zerone.algorithms.protocol import Algorithm
from zerone.algorithms.tabular import TabularControl
from zerone.base.errors import InputError, said
from zerone.environments.gym.views import Space
from zerone.export.observations import Seen
from zerone.export.program import Program, Value
from zerone.parts.networks import MLP, Convolution, Dueling, Network, same_padding
from zerone.parts.policies import ActorAndCritic
from zerone.parts.spaces import Spaces, action_bounds, action_scale


@runtime_checkable
class Acts(Protocol):
    """An algorithm from elsewhere that says how its policy acts greedily."""

    def acting(self, policy: Any, seen: Seen) -> Value:
        """The action as the algorithm draws it: counted from 0, or of a `Box` scaled to [-1, 1]."""
        ...


@runtime_checkable
class Lowers(Protocol):
    """A network from elsewhere that says of what operations it is."""

    def operations(self, x: Value) -> Value:
        """What it makes of a row of numbers."""
        ...


def program_of(algorithm: Algorithm, policy: Any, spaces: Spaces) -> Program:
    """The program from what the environment returns to the greedy action as the environment takes it.

    Raises:
        InputError: nobody has said of what operations this policy is.
    """
    program = Program()
    seen = Seen(program, spaces.encoding)
    if isinstance(algorithm, Acts):
        drawn = algorithm.acting(policy, seen)
    elif isinstance(algorithm, TabularControl):
        drawn = seen.state().look_up(policy).argmax()
    else:
        try:
            drawn = acting(policy, seen)
        except NotImplementedError as error:
            raise InputError(
                f"how {algorithm.name} acts cannot be said in ONNX or NumPy, since {error} from elsewhere: "
                f"it can leave as {said('a file .stablehlo', 'policy.stablehlo')}, or give its class a function "
                "acting(policy, seen) (docs/export.md)"
            ) from None
    program.action = as_taken(spaces.action, drawn)
    return program


@functools.singledispatch
def acting(policy: Any, seen: Seen) -> Value:
    """The greedy action of a policy, as its algorithm draws it."""
    del seen
    raise NotImplementedError(f"its policy is {_named(policy)}")


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
def _(policy: ddpg.Policy, seen: Seen) -> Value:
    return lowered(policy.actor.network, seen.by(policy.scales)).activate("tanh")


def lowered(network: Any, seen: Seen) -> Value:
    """The outputs of a network for what is seen."""
    if not isinstance(network, Network):
        raise NotImplementedError(f"its network is {_named(network)}")
    x = seen.features(network.features)
    if network.convolution is not None:
        x = convolved(network.convolution, x)
    return layers(network.mlp, x)


def convolved(network: Convolution, x: Value) -> Value:
    """The features of a picture, in a row."""
    for layer, (kernel, stride) in zip(network.layers, network.sizes, strict=True):
        (top, bottom), (left, right) = same_padding(x.shape[:2], kernel, stride) if network.padded else ((0, 0),) * 2
        x = x.convolve(layer.weight, layer.bias, kernel, stride, (top, left, bottom, right), "relu")
    return x.reshape(math.prod(x.shape))


@functools.singledispatch
def layers(network: Any, x: Value) -> Value:
    """What a head makes of a row of numbers."""
    if isinstance(network, Lowers):
        return network.operations(x)
    raise NotImplementedError(f"its network is {_named(network)}")


@layers.register
def _(network: MLP, x: Value) -> Value:
    for layer in network.layers[:-1]:
        x = x.dense(layer.weight, layer.bias, activation_name(network.activation))
    return x.dense(network.layers[-1].weight, network.layers[-1].bias)


@layers.register
def _(network: Dueling, x: Value) -> Value:
    for layer in network.layers:
        x = x.dense(layer.weight, layer.bias, activation_name(network.activation))
    half = network.value.weight.shape[0]
    of_value, of_advantage = (x.part(0, half), x.part(half, x.width)) if network.separate else (x, x)
    value = of_value.dense(network.value.weight, network.value.bias)
    return value.duel(of_advantage.dense(network.advantage.weight, network.advantage.bias))


_NAMES: dict[Callable[[jax.Array], jax.Array], str] = {
    jax.nn.relu: "relu", jnp.tanh: "tanh", jax.nn.elu: "elu", jax.nn.gelu: "gelu", jax.nn.silu: "silu",
    jax.nn.sigmoid: "sigmoid",
}  # fmt: skip


def activation_name(activation: Callable[[jax.Array], jax.Array]) -> str:
    """What an activation is called in a program."""
    if activation not in _NAMES:
        raise NotImplementedError(f"its activation is {getattr(activation, '__name__', activation)}")
    return _NAMES[activation]


def as_taken(space: Space, drawn: Value) -> Value:
    """An action as the environment takes it, of the dtype and shape of its space: see `parts.spaces.to_environment`."""
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
    return f"of the class {type(thing).__module__}.{type(thing).__qualname__}"
