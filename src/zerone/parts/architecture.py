"""Which networks an algorithm has: settings that all of them have, and the networks that are made by these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from zerone.base.language import translated
from zerone.base.pytree import configured, setting
from zerone.environments.gym.views import Space
from zerone.environments.spaces import Spaces
from zerone.parts.features import Features
from zerone.parts.layers import MLP, Activation, Dueling
from zerone.parts.networks import Network
from zerone.parts.own_networks import OwnNetwork
from zerone.parts.recurrent import RecurrentNetwork

Array = jax.Array

ACTIVATIONS: Mapping[str, Activation] = {
    "relu": jax.nn.relu, "tanh": jnp.tanh, "elu": jax.nn.elu, "gelu": jax.nn.gelu, "silu": jax.nn.silu,
}  # fmt: skip
KINDS = ("auto", "mlp", "convolution", "gru")


@configured
class NetworkSettings:
    """The settings of an algorithm with networks, and the networks that are made by them."""

    hidden: tuple[int, ...] = setting((64, 64), "widths of the hidden layers", at_least=1)
    network: str = setting(
        "auto",
        "mlp, convolution for pictures, or gru, whose last hidden layer remembers the episode; "
        "auto is mlp, with a convolution before it for pictures",
        choices=KINDS,
        named=True,
    )
    activation: str = setting("tanh", "of the hidden layers", choices=tuple(ACTIVATIONS))
    layer_norm: bool = setting(False, "normalise each hidden layer before its activation")

    @property
    def recurrent(self) -> bool:
        """Whether the networks remember, and are learnt along sequences."""
        return self.network == "gru"

    @property
    def from_outside(self) -> bool:
        """Whether the networks are a person's own, named `module:Name`."""
        return ":" in self.network

    def refuse_networks(self, spaces: Spaces, *, remembers: bool = True) -> str | None:
        """Why such networks cannot see these observations; None if they can.

        `remembers` is whether the algorithm can learn with networks that do.
        """
        if self.recurrent and not remembers:
            return translated(
                "it cannot learn with a network that remembers (network = {network})", network=self.network
            )
        features = Features.of(spaces.observation) if self.network == "convolution" else None
        if features is not None and not features.picture and not features.pictures:
            return translated("network = convolution needs pictures")
        return None

    def make_network(
        self, key: Array, space: Space, outputs: int, head: type[MLP] | type[Dueling] = MLP, further: int = 0,
        **options: Any,
    ) -> Any:  # fmt: skip
        """A network from raw observations of a space to outputs. Consumes `key`."""
        if self.from_outside:
            return OwnNetwork.create(self.network, key, space, outputs, further)
        options |= {"activation": ACTIVATIONS[self.activation], "layer_norm": self.layer_norm}
        if self.recurrent:
            return RecurrentNetwork(key, space, self.hidden, outputs, head, **options)
        convolved = self.network != "mlp"
        return Network(key, space, self.hidden, outputs, head, further, convolved, **options)
