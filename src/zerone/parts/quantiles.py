"""Quantiles of the return of each action: their distribution is learnt, and the policy acts by their means.

Dabney et al. 2018 (arXiv 1710.10044), section 3: Z(s, a) is N values θ_1 … θ_N, each with a probability of 1/N. They
are the quantiles at τ̂_i = (2i - 1) / 2N (lemma 2), and Q(s, a) is their mean.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from zerone.parts.layers import MLP, Dueling, Linear
from zerone.parts.returns import huber

Array = jax.Array


def quantile_loss(quantiles: Array, target: Array) -> Array:
    """Σ_i E_j[ |τ̂_i - 1{y_j < θ_i}| L(y_j - θ_i) ], L the Huber loss: [..., N] and [..., M] to [...].

    Dabney et al. 2018, eq. 10 with κ = 1, and algorithm 1.
    """
    number = quantiles.shape[-1]
    error = target[..., None, :] - quantiles[..., :, None]
    share = jnp.broadcast_to(((jnp.arange(number) + 0.5) / number)[:, None], error.shape)
    return (jnp.abs(share - (error < 0)) * huber(error)).mean(-1).sum(-1)


class Quantiles(eqx.Module):
    """Q(s, a) as means of `number` quantiles each, the outputs of a network, one action after the other."""

    network: Any
    number: int = eqx.field(static=True)

    @property
    def outputs(self) -> int:
        """The number of actions."""
        outputs: int = self.network.outputs
        return outputs // self.number

    def spread(self, outputs: Array) -> Array:
        """Outputs of the network as quantiles, [..., actions, number]."""
        return outputs.reshape(*outputs.shape[:-1], -1, self.number)

    def __call__(self, observation: Array) -> Array:
        """Q(s, ·), where the network has no memory."""
        return self.spread(self.network(observation)).mean(-1)

    def initial_memory(self, number: int) -> Any:
        """The network's memory at the start of `number` episodes."""
        return self.network.initial_memory(number)

    def step(self, memory: Any, observation: Array) -> tuple[Array, Any]:
        """Q(s, ·), and the memory after it."""
        outputs, memory = self.network.step(memory, observation)
        return self.spread(outputs).mean(-1), memory

    def along(self, memory: Any, observation: Array, begins: Any) -> tuple[Array, Any]:
        """Q(s, ·) at each step of sequences, and the memory after it."""
        outputs, memory = self.network.along(memory, observation, begins)
        return self.spread(outputs).mean(-1), memory

    def means(self) -> Any:
        """A network whose outputs are the means: its last layer has the means of the weights.

        Only for our own networks, whose last layer is known.
        """

        def mean(layer: Linear, number: int) -> Linear:
            weight = layer.weight.reshape(layer.weight.shape[0], -1, number).mean(-1)
            return Linear(weight, layer.bias.reshape(-1, number).mean(-1))

        def averaged(part: Any) -> Any:
            if isinstance(part, MLP):
                return eqx.tree_at(lambda mlp: mlp.layers[-1], part, mean(part.layers[-1], self.number))
            if isinstance(part, Dueling):
                both = mean(part.value, self.number), mean(part.advantage, self.number)
                return eqx.tree_at(lambda head: (head.value, head.advantage), part, both)
            return part

        return jax.tree.map(averaged, self.network, is_leaf=lambda part: isinstance(part, (MLP, Dueling)))
