"""What the host engine carries from one iteration to the next."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np

from zerone.algorithms.protocol import Algorithm, Array
from zerone.engines.vector_rollout import Block, Player
from zerone.environments.gym.global_random import GlobalChance


@dataclasses.dataclass
class Carry:
    """A training of one seed: its state, its environments, and the sums since the last row of the log.

    The state is kept as its flat arrays: flattening and unflattening it at each update would take as long as the update
    of a small network. The property `state` unflattens it.
    """

    leaves: list[Array]
    tree: jax.tree_util.PyTreeDef
    player: Player | None
    """None where training only reads recorded steps."""
    block: Block
    chance: GlobalChance
    """The state of global random generators, for environments that draw from them."""
    episode_return: np.ndarray
    episode_length: np.ndarray
    episodes: np.ndarray
    metrics: dict[str, np.float64]
    iteration: int
    begin: int = 0
    """The recorded step from which this seed starts to read."""
    extras_tree: Any = None
    noises: list[Any] | None = None
    memory: Any = None
    """The policy's memory of the unfinished episodes; None before the first step."""
    begins: np.ndarray | None = None
    """Where an episode begins with the next step (bool [N]); None for a policy without a memory."""
    found: tuple[jax.tree_util.PyTreeDef, list[int]] | None = None
    """The result of `acting`, kept."""

    @property
    def state(self) -> Any:
        """The algorithm's state."""
        return jax.tree.unflatten(self.tree, self.leaves)

    @state.setter
    def state(self, state: Any) -> None:
        self.leaves, self.tree = jax.tree.flatten(state)
        self.found = None

    def acting(self, algorithm: Algorithm) -> tuple[jax.tree_util.PyTreeDef, list[int]]:
        """The structure of (algorithm, policy), and the places of the policy's arrays among `leaves`."""
        if self.found is None:
            policy = jax.tree.unflatten(self.tree, range(len(self.leaves))).policy
            self.found = jax.tree.structure((algorithm, policy)), jax.tree.leaves(policy)
        return self.found
