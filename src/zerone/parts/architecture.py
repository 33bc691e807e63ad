"""Which networks an algorithm has: settings that all have, and the networks that are made of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from zerone.base.pytree import setting
from zerone.environments.gym.views import Space
from zerone.parts.networks import MLP, Activation, Dueling, Network
from zerone.parts.own_networks import OwnNetwork, is_name
from zerone.parts.recurrent import RecurrentNetwork
from zerone.parts.spaces import Features, Spaces

Array = jax.Array

ACTIVATIONS: Mapping[str, Activation] = {
    "relu": jax.nn.relu, "tanh": jnp.tanh, "elu": jax.nn.elu, "gelu": jax.nn.gelu, "silu": jax.nn.silu,
}  # fmt: skip
KINDS = ("auto", "mlp", "convolution", "gru")


def network_setting() -> Any:
    """The field `network`."""
    text = (
        "mlp, convolution for pictures, or gru, whose last hidden layer remembers the episode; "
        "auto is mlp, with a convolution before it for pictures"
    )
    return setting("auto", text, choices=KINDS, named=True)


def activation_setting(default: str) -> Any:
    """The field `activation`."""
    return setting(default, "of the hidden layers", choices=tuple(ACTIVATIONS))


def layer_norm_setting() -> Any:
    """The field `layer_norm`."""
    return setting(False, "normalise each hidden layer before its activation")


class NetworkSettings(Protocol):
    """The settings of an algorithm with networks."""

    @property
    def network(self) -> str: ...
    @property
    def hidden(self) -> tuple[int, ...]: ...
    @property
    def activation(self) -> str: ...
    @property
    def layer_norm(self) -> bool: ...


@dataclasses.dataclass(frozen=True)
class Architecture:
    """What networks are made of."""

    hidden: tuple[int, ...]
    network: str = "auto"
    activation: str = "relu"
    layer_norm: bool = False

    @staticmethod
    def of(settings: NetworkSettings) -> Architecture:
        """As an algorithm is set up."""
        return Architecture(settings.hidden, settings.network, settings.activation, settings.layer_norm)

    @property
    def recurrent(self) -> bool:
        """Whether its networks remember."""
        return self.network == "gru"

    @property
    def own(self) -> bool:
        """Whether its networks are from outside."""
        return is_name(self.network)

    def refuse(self, spaces: Spaces, *, remembers: bool = True) -> str | None:
        """Why such networks cannot see these observations; None if they can.

        `remembers` is whether the algorithm can learn with networks that do.
        """
        if self.recurrent and not remembers:
            return f"it cannot learn with a network that remembers (network = {self.network})"
        if self.network == "convolution" and not Features.of(spaces.observation).picture:
            return "network = convolution needs pictures"
        return None

    def make(
        self, key: Array, space: Space, outputs: int, head: type[MLP] | type[Dueling] = MLP, further: int = 0,
        **options: Any,
    ) -> Any:  # fmt: skip
        """A network from raw observations of a space to outputs. Consumes `key`."""
        if is_name(self.network):
            return OwnNetwork.create(self.network, key, space, outputs, further)
        options |= {"activation": ACTIVATIONS[self.activation], "layer_norm": self.layer_norm}
        if self.recurrent:
            return RecurrentNetwork(key, space, self.hidden, outputs, head, **options)
        convolved = self.network != "mlp"
        return Network(key, space, self.hidden, outputs, head, further, convolved, **options)
