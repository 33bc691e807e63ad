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

    The state is kept as its arrays. To take it apart and to put it together again, at each update, would take as long
    as a small network learns; it is put together where somebody looks at it.
    """

    leaves: list[Array]
    tree: jax.tree_util.PyTreeDef
    player: Player | None
    """None where no environment is touched."""
    block: Block
    chance: GlobalChance
    """Of environments that draw from global generators."""
    episode_return: np.ndarray
    episode_length: np.ndarray
    episodes: np.ndarray
    metrics: dict[str, np.float64]
    iteration: int
    begin: int = 0
    """The recorded step at which this seed began to study."""
    extras_tree: Any = None
    noises: list[Any] | None = None
    memory: Any = None
    """What the policy remembers of the episodes going on; None before their first step."""
    begins: np.ndarray | None = None
    """Where an episode begins with the next step (bool [N]); None where nothing is remembered."""
    found: tuple[jax.tree_util.PyTreeDef, list[int]] | None = None
    """What `acting` has found."""

    @property
    def state(self) -> Any:
        """The algorithm's state."""
        return jax.tree.unflatten(self.tree, self.leaves)

    @state.setter
    def state(self, state: Any) -> None:
        self.leaves, self.tree = jax.tree.flatten(state)
        self.found = None

    def acting(self, algorithm: Algorithm) -> tuple[jax.tree_util.PyTreeDef, list[int]]:
        """The tree of an algorithm and its policy, and which of the state's arrays are the policy's."""
        if self.found is None:
            policy = jax.tree.unflatten(self.tree, range(len(self.leaves))).policy
            self.found = jax.tree.structure((algorithm, policy)), jax.tree.leaves(policy)
        return self.found
