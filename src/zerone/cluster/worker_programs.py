"""The compiled functions of a worker, and how policies and gradients travel between it and the chief."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from zerone.algorithms.protocol import Algorithm, Array, Metrics, Steps
from zerone.engines.host_programs import as_seen, update_key
from zerone.environments.spaces import Spaces
from zerone.parts.normalization import Returns, Scales
from zerone.parts.policies import ActorAndCritic

S = TypeVar("S")
Vector = np.ndarray
"""Networks, or their gradients, as one array (see `FlatParameters`)."""


class OfBlocks(Algorithm, Protocol):
    """An algorithm of a worker that computes one gradient of each block of steps."""

    discount: Array | float

    def gradient(self, policy: ActorAndCritic, steps: Steps) -> tuple[ActorAndCritic, Metrics]: ...


class OfMinibatches(Algorithm, Protocol[S]):
    """An algorithm of a worker that makes samples of a block, and computes a gradient of each minibatch of them."""

    epochs: int
    discount: Array | float

    def samples(self, policy: ActorAndCritic, steps: Steps) -> tuple[S, Array]: ...
    def cut(self, samples: S, key: Array) -> S: ...
    def gradient(self, policy: ActorAndCritic, batch: S, penalty: Array | None) -> tuple[ActorAndCritic, Metrics]: ...
    def divergence_from_old(self, policy: ActorAndCritic, samples: S) -> Array: ...


class FlatParameters:
    """Converts policies and gradients to a single array, which is sent faster than a dozen."""

    def __init__(self, algorithm: Algorithm, spaces: Spaces) -> None:
        shapes = jax.eval_shape(lambda: algorithm.init(jax.random.key(0), spaces)).policy
        example = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        self.open: Callable[[Array], ActorAndCritic] = ravel_pytree(example)[1]
        self.open_gradient: Callable[[Array], ActorAndCritic] = ravel_pytree(example.networks)[1]

    @staticmethod
    def wrap(tree: object) -> Array:
        """The array. For compiled programs; `open` restores a policy, `open_gradient` a gradient of its networks."""
        array: Array = ravel_pytree(tree)[0]
        return array


class Programs:
    """The compiled functions of a worker. Call `begin` once the environment is known, for its spaces."""

    def __init__(self, compiled: bool) -> None:
        self.spaces: Spaces | None = None
        self.opened: Callable[[Vector], ActorAndCritic]

        def seen(steps: Steps) -> Steps:
            assert self.spaces is not None  # noqa: S101 - there are steps
            return steps if compiled else as_seen(self.spaces, steps)

        def gradient(
            algorithm: OfBlocks, policy: ActorAndCritic, steps: Steps, returns: Returns
        ) -> tuple[Array, Metrics, Scales, Returns]:
            steps = seen(steps)
            gradient, metrics = algorithm.gradient(policy.networks, policy.scales.normalize(steps))
            return FlatParameters.wrap(gradient), metrics, *policy.scales.measured(steps, algorithm.discount, returns)

        def samples(
            algorithm: OfMinibatches[S], policy: ActorAndCritic, steps: Steps, returns: Returns
        ) -> tuple[S, Array, Scales, Returns]:
            steps = seen(steps)
            after = policy.scales.measured(steps, algorithm.discount, returns)
            return *algorithm.samples(policy.networks, policy.scales.normalize(steps)), *after

        def cut(algorithm: OfMinibatches[S], samples: S, seed: Array, index: Array, epoch: Array) -> S:
            return algorithm.cut(samples, jax.random.split(update_key(seed, index), algorithm.epochs)[epoch])

        def of_minibatch(
            algorithm: OfMinibatches[S], policy: ActorAndCritic, minibatches: S, part: Array, penalty: Array | None
        ) -> tuple[Array, Metrics]:
            gradient, metrics = algorithm.gradient(
                policy.networks, jax.tree.map(lambda x: x[part], minibatches), penalty
            )
            return FlatParameters.wrap(gradient), metrics

        def moved(algorithm: OfMinibatches[S], policy: ActorAndCritic, samples: S) -> Array:
            return algorithm.divergence_from_old(policy, samples)

        self.gradient = jax.jit(gradient)
        self.samples = jax.jit(samples)
        self.cut = jax.jit(cut)
        self.of_minibatch = jax.jit(of_minibatch)
        self.moved = jax.jit(moved)

    def begin(self, algorithm: Algorithm, spaces: Spaces) -> None:
        if self.spaces is None:
            self.spaces, self.opened = spaces, jax.jit(FlatParameters(algorithm, spaces).open)
