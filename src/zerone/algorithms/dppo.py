"""Distributed proximal policy optimisation (DPPO): workers play and a chief learns, synchronously.

    repeat:  each worker plays T steps of its environments with the chief's π(·|s; θ)
             gather steps:      the chief learns from the steps of all, as PPO does (ppo.py)
             gather gradients:  for each epoch, for each minibatch:
                 each worker k:  g_k = ∇_θ of PPO's loss of a minibatch of its own steps
                 the chief:      θ ← θ - α (1/W) Σ_k g_k

Heess et al. 2017 (arXiv 1707.02286), algorithms 2 (chief) and 3 (worker), for the gradients; Schulman et al. 2017
(arXiv 1707.06347), algorithm 1, for the steps, with N actors for our workers. With one worker both are `ppo`.
The two differ in what a minibatch is: of all steps, or of each worker's, with advantages normalised in each.
Differences: those of PPO, and from Heess et al. the clipped objective (`objective` kl has the penalty), one pass for
policy and value together, and the chief waits for the gradients of all workers, not for the first few. All workers
shuffle their steps in the same order.
"""

from __future__ import annotations

from typing import ClassVar

import jax

from zerone.algorithms.ppo import PPO, Sample
from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.algorithms.workers import WorkerSettings, check_workers, one_each, one_of, shared_out
from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.pytree import configured, setting
from zerone.parts.policies import ActorAndCritic


@configured
class DPPO(WorkerSettings, PPO):
    """Distributed PPO, for `Box`, `Discrete` or `MultiDiscrete` observations (pictures too) and actions."""

    name: ClassVar[str] = "dppo"
    asynchronous: ClassVar[bool] = False

    gather: str = setting("steps", "what workers send to the chief", choices=("steps", "gradients"))

    def __post_init__(self) -> None:
        one_each(self)

    @property
    def cut_from(self) -> int:
        return self.sequences_of(self.environments // (self.workers if self.gather == "gradients" else 1))

    def check(self) -> None:
        check_workers(self)
        super().check()
        part = self.cut_from
        if self.gather == "gradients" and part % self.minibatches:
            raise InputError(
                translated(
                    "dppo: minibatches = {minibatches} is not allowed: must divide each worker's environments / "
                    "workers{steps} = {part}, because gradients are gathered",
                    minibatches=self.minibatches,
                    steps="" if self.recurrent else " × steps_per_update",
                    part=part,
                )
            )

    def alone(self) -> PPO:
        """The algorithm of one worker: PPO in its part of the environments."""
        return one_of(self, PPO)

    @property
    def gathered(self) -> int:
        """The number of workers whose gradients are averaged; 0 where steps are gathered."""
        return self.workers if self.gather == "gradients" else 0

    def samples(self, policy: ActorAndCritic, steps: Steps) -> tuple[Sample, Array]:
        """As of PPO; where gradients are gathered, of each worker: leaves [workers, ...]."""
        if self.gather == "steps":
            return super().samples(policy, steps)
        each, explained = jax.vmap(super().samples, (None, 0))(policy, shared_out(steps, self.workers, 1))
        return each, explained.mean()

    def sampled(self, policy: ActorAndCritic, each: Array) -> Array:
        """As of PPO; where gradients are gathered, of each worker."""
        if self.gather == "steps":
            return super().sampled(policy, each)
        found: Array = jax.vmap(policy.samples)(shared_out(each, self.workers, 1))
        return found

    def cut(self, samples: Sample, key: Key) -> Sample:
        """As of PPO; where gradients are gathered, a minibatch of each worker: leaves [minibatches, workers, ...]."""
        if self.gather == "steps":
            return super().cut(samples, key)
        return jax.vmap(super().cut, (0, None), 1)(samples, key)

    def gradient(self, policy: ActorAndCritic, batch: Sample, penalty: Array | None) -> tuple[ActorAndCritic, Metrics]:
        """As of PPO; where they are gathered, the mean of the workers'."""
        if self.gather == "steps":
            return super().gradient(policy, batch, penalty)
        each = jax.vmap(super().gradient, (None, 0, None))(policy, batch, penalty)
        mean: tuple[ActorAndCritic, Metrics] = jax.tree.map(lambda x: x.mean(0), each)
        return mean
