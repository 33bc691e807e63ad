"""Networks from observations to outputs, and the settings by which an algorithm makes its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from zerone.base.language import translated
from zerone.base.pytree import configured, setting
from zerone.environments.gym.views import Space
from zerone.environments.spaces import Spaces
from zerone.parts.convolution import Convolution, PartConvolutions, convolution_for
from zerone.parts.layers import MLP, Activation, Dueling, Features, Memoryless
from zerone.parts.own_networks import OwnNetwork
from zerone.parts.recurrent import RecurrentNetwork

Array = jax.Array

ACTIVATIONS: Mapping[str, Activation] = {
    "relu": jax.nn.relu, "tanh": jnp.tanh, "elu": jax.nn.elu, "gelu": jax.nn.gelu, "silu": jax.nn.silu,
}  # fmt: skip
KINDS = ("auto", "mlp", "convolution", "gru")


@configured
class NetworkSettings:
    """The settings of an algorithm with networks, and the networks that are made from them."""

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
        """Whether the networks have a memory, so that they learn from sequences of steps."""
        return self.network == "gru"

    def refuse_networks(self, spaces: Spaces, *, remembers: bool = True) -> str | None:
        """Why networks of these settings cannot take these observations, in a few words; None if they can.

        `remembers` says whether the algorithm can train networks that have a memory.
        """
        if self.recurrent and not remembers:
            return translated(
                "it cannot learn with a network that remembers (network = {network})", network=self.network
            )
        features = Features.of_space(spaces.observation) if self.network == "convolution" else None
        if features is not None and not features.picture and not features.pictures:
            return translated("network = convolution needs pictures")
        return None

    def make_network(
        self, key: Array, space: Space, outputs: int, head: type[MLP] | type[Dueling] = MLP, further: int = 0,
        **options: Any,
    ) -> Any:  # fmt: skip
        """A network from raw observations of a space to `outputs` numbers. Consumes `key`.

        Its head also takes `further` numbers, such as an action. `options` are those of the head.

        Raises:
            InputError: a network from outside cannot be made for these observations.
        """
        if ":" in self.network:  # one from outside, `module:Name`
            return OwnNetwork.create(self.network, key, space, outputs, further)
        options |= {"activation": ACTIVATIONS[self.activation], "layer_norm": self.layer_norm}
        if self.recurrent:
            return RecurrentNetwork(key, space, self.hidden, outputs, head, **options)
        convolved = self.network != "mlp"
        return Network(key, space, self.hidden, outputs, head, further, convolved, **options)


class Network(Memoryless):
    """From raw observations of a space to float32 outputs: features, a convolution if they are pictures, then a head.

    The head takes `further` numbers beside the features, such as an action. Pictures that are not `convolved` enter the
    head as a row of numbers.
    """

    features: Features = eqx.field(static=True)
    outputs: int = eqx.field(static=True)
    convolution: Convolution | PartConvolutions | None
    mlp: MLP | Dueling

    def __init__(
        self,
        key: Array,
        space: Space,
        hidden: Sequence[int],
        outputs: int,
        head: type[MLP] | type[Dueling] = MLP,
        further: int = 0,
        convolved: bool = True,
        **options: Any,
    ) -> None:
        picture_key, mlp_key = jax.random.split(key)
        self.features = Features.of_space(space)
        self.outputs = outputs
        pictures = convolved and (self.features.picture or self.features.pictures)
        self.convolution = convolution_for(picture_key, self.features) if pictures else None
        inputs = self.features.width if self.convolution is None else self.convolution.outputs
        self.mlp = head(mlp_key, inputs + further, hidden, outputs, **options)

    def __call__(self, observation: Array, further: Array | None = None) -> Array:
        x = self.features.row(observation, self.convolution)
        if further is not None:
            x = jnp.concatenate([x, further], -1)
        return self.mlp(x)
