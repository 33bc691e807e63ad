"""Monte Carlo tree search at decision time: UCT, from the current state of the episode.

    repeat M times, from the root:
        select   argmax_a  Q(n, a) + √2 √(ln Σ_b N(n, b) / N(n, a))      as far as there are nodes
        expand   a node for the action that has none: there Q(n, a) = the learnt Q(s, a), and N(n, a) = 1
        back up  N(n, a) ← N(n, a) + 1,   Q(n, a) ← E[r] + γ (1 - E[terminated]) max_b Q(n', b)
    act by the largest Q(root, a), ties broken at random

Kocsis & Szepesvári 2006 (doi 10.1007/11871842_29), figure 1 and section 2.2, with UCB1's constant 2 C_p = √2; Browne et
al. 2012 (doi 10.1109/TCIAIG.2012.2186810), algorithm 2. Differences:

- The backup is MaxUCT's (Keller & Helmert 2013, "Trial-based heuristic tree search for finite horizon MDPs", "Max-
  Monte-Carlo backups"): by the best action of a node, not the mean of all that were tried. So exploring inside the tree
  costs nothing, and on a small deterministic graph the values become those of dynamic programming, exactly.
- A leaf has its learnt values; there are no random playouts. They count as one visit, so that actions are tried in
  their order: Gelly & Silver 2007 (doi 10.1145/1273496.1273531).
- UCB1 is for values in [0, 1]: for comparisons, Q is scaled by the smallest and the largest value in this tree, as in
  Schrittwieser et al. 2020 (doi 10.1038/s41586-020-03051-4), appendix B.

Each simulation draws new random numbers on its whole path: a node is a sequence of actions, not a state ("open loop").
If a node kept the state in which it was expanded, a lucky step on the ice would be planned on. So below the root a plan
does not depend on random outcomes; the next decision does, because it searches again from the actual state.

mctx is not used: it has no UCT (its searches need probabilities of actions, not values), keeps the state of an expanded
node, and would be a further dependency.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.protocol import Array, Key
from zerone.base.pytree import struct
from zerone.engines.search import LARGEST_WORK, Foresight, Future, Outcome, is_allowed
from zerone.parts.exploration import Mask

EXPLORATION = math.sqrt(2.0)
DEEPEST = 64
"""The largest depth of the tree, in steps from the root."""
LAST = -1e6
"""The value of an action that no state of a node has allowed so far: all others are tried first."""
NONE = -1
"""The number of a node that does not exist."""


@struct
class Tree:
    """Nodes [M + 1, actions]; the root is the first, and node i was expanded in simulation i.

    `children` (int32) are numbers of nodes; `visits` counts simulations, `rewards` and `ends` are sums over them;
    `values` are Q. `low` and `high` bound the values so far; `ties` are random numbers that break ties at the root.
    `allowed` (bool) are the actions that some state of a node has allowed, with action masks; Q of the others is
    `FORBIDDEN`.
    """

    children: Array
    visits: Array
    values: Array
    rewards: Array
    ends: Array
    low: Array
    high: Array
    ties: Array
    allowed: Any = ()

    @staticmethod
    def root(values: Array, simulations: int, ties: Array, mask: Mask = ()) -> Tree:
        """The tree before the first simulation."""
        nothing = jnp.zeros((simulations + 1, values.shape[0]))
        children = jnp.full(nothing.shape, NONE)
        low, allowed = values.min(), mask
        if not isinstance(mask, tuple):
            low = jnp.where(mask, values, jnp.inf).min()
            allowed = jnp.ones(nothing.shape, bool).at[0].set(mask)
        return Tree(children, nothing, nothing.at[0].set(values), nothing, nothing, low, values.max(), ties, allowed)

    def preferred(self, node: Array, mask: Mask) -> Array:
        """The next action to try at a node, int32: UCB1, Kocsis & Szepesvári 2006, section 2.2.

        The mask is of the state in which a simulation reaches the node; actions that it forbids are ignored.
        """
        visits, width = 1 + self.visits[node], self.high - self.low
        values = (self.values[node] - self.low) / jnp.where(width > 0, width, 1.0)
        if isinstance(mask, tuple):
            return (values + EXPLORATION * jnp.sqrt(jnp.log(visits.sum()) / visits)).argmax().astype(jnp.int32)
        values = jnp.where(self.allowed[node], values, LAST)
        bound = values + EXPLORATION * jnp.sqrt(jnp.log(jnp.where(mask, visits, 0.0).sum()) / visits)
        return jnp.where(mask, bound, -jnp.inf).argmax().astype(jnp.int32)


@struct
class TreePath:
    """A simulation: its current state and node, and the nodes, actions and rewards of its path so far, [deepest]."""

    state: Any
    seen: Array
    node: Array
    length: Array
    terminated: Array
    going: Array
    nodes: Array
    actions: Array
    rewards: Array


@dataclasses.dataclass(frozen=True)
class TreeSearch:
    """A search by M = `simulations` for each decision. Compiled programs depend on it."""

    simulations: int

    @property
    def deepest(self) -> int:
        """The largest depth of the tree: a simulation adds one node."""
        return min(self.simulations, DEEPEST)

    @property
    def side_by_side(self) -> int:
        """The number of episodes in which it can be done side by side."""
        return max(1, 16 * LARGEST_WORK // self.simulations)

    def describe(self) -> dict[str, Any]:
        """The entries of a result about it."""
        return {"simulations": self.simulations}

    def look(self, foresight: Foresight, key: Key, state: Any, seen: Array) -> Tree:
        """The tree after all simulations from a state with the observation `seen`. Consumes `key`."""
        begun = foresight.model.begin(state, seen)
        values, mask = foresight.values(seen, begun), foresight.model.mask(begun)
        tie_key, walk_key = jax.random.split(key)

        def simulate(i: Array, tree: Tree) -> Tree:
            way = self._walk(foresight, jax.random.fold_in(walk_key, i), tree, begun, seen)
            learnt, allowed = foresight.values(way.seen, way.state), foresight.model.mask(way.state)
            return self._grown(tree, i + 1, way, learnt, foresight.discount, allowed)

        root = Tree.root(values, self.simulations, jax.random.uniform(tie_key, values.shape), mask)
        tree: Tree = jax.lax.fori_loop(0, self.simulations, simulate, root)
        return tree

    def choose(self, found: Tree) -> Array:
        """The action of the largest value; ties are broken at random, so that an agent without rewards still moves."""
        values = found.values[0]
        return jnp.where(values == values.max(), found.ties, -1.0).argmax().astype(jnp.int32)

    def _walk(self, foresight: Foresight, key: Key, tree: Tree, state: Any, seen: Array) -> TreePath:
        """A simulation from the root until a step without a node, a terminal state, or the largest depth."""

        def step(way: TreePath) -> TreePath:
            action = tree.preferred(way.node, foresight.model.mask(way.state))
            step_key = jax.random.fold_in(key, way.length)
            seen, state, reward, terminated = foresight.model.step(step_key, way.state, action)
            child, length = tree.children[way.node, action], way.length + 1
            return TreePath(
                state, seen, child, length, terminated, ~terminated & (child != NONE) & (length < self.deepest),
                way.nodes.at[way.length].set(way.node), way.actions.at[way.length].set(action),
                way.rewards.at[way.length].set(reward),
            )  # fmt: skip

        none = jnp.zeros(self.deepest, jnp.int32)
        start = TreePath(
            state, seen, jnp.int32(0), jnp.int32(0), jnp.bool_(False), jnp.bool_(True), none, jnp.copy(none),
            jnp.zeros(self.deepest),
        )  # fmt: skip
        way: TreePath = jax.lax.while_loop(lambda way: way.going, step, start)
        return way

    def _grown(self, tree: Tree, new: Array, way: TreePath, learnt: Array, discount: Array | float, mask: Mask) -> Tree:
        """The tree with a node at the end of the path, and the values on the path backed up."""
        gone, last = jnp.arange(self.deepest) < way.length, way.length - 1
        nowhere = jnp.where(gone, way.nodes, self.simulations + 1)  # out of bounds beyond the path: dropped
        at, end = (nowhere, way.actions), (way.nodes[last], way.actions[last])
        child = tree.children[end]
        grows = ~way.terminated & (child == NONE)
        visits = tree.visits.at[at].add(1.0, mode="drop")
        rewards = tree.rewards.at[at].add(way.rewards, mode="drop")
        ends = tree.ends.at[end].add(way.terminated.astype(jnp.float32))
        here = way.nodes, way.actions
        number = jnp.maximum(visits[here], 1.0)
        reward, going_on, rows = rewards[here] / number, 1.0 - ends[here] / number, tree.values[way.nodes]

        def back(i: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
            """Keller & Helmert 2013, MaxUCT: from V of the next node to Q of an action and V of its node."""
            following, found = carry
            t = last - i
            value = reward[t] + discount * going_on[t] * following
            return rows[t].at[way.actions[t]].set(value).max(), found.at[t].set(value)

        # After a terminal state, V of the node in other simulations; it has no weight if the state is always terminal.
        known = jnp.where(child == NONE, 0.0, tree.values[child].max())
        following = jnp.where(grows, learnt.max(), known)
        _, found = jax.lax.fori_loop(0, way.length, back, (following, jnp.zeros(self.deepest)))
        return Tree(
            tree.children.at[end].set(jnp.where(grows, new, child)), visits,
            tree.values.at[new].set(learnt).at[at].set(found, mode="drop"), rewards, ends,
            jnp.minimum(tree.low, jnp.where(gone, found, jnp.inf).min()),
            jnp.maximum(tree.high, jnp.where(gone, found, -jnp.inf).max()), tree.ties,
            mask if isinstance(mask, tuple) else tree.allowed.at[new].set(mask).at[at].set(True, mode="drop"),
        )  # fmt: skip

    def futures(self, found: Tree) -> tuple[Future, ...]:
        """The result as plain objects: each action, with the mean of its outcomes."""
        return _futures(jax.tree.map(np.asarray, found), 0, int(self.choose(found)))


def _futures(tree: Any, node: int, best: int) -> tuple[Future, ...]:
    def of(action: int) -> Future:
        visits = int(tree.visits[node, action])
        outcomes = (_outcome(tree, node, action, visits),) if visits else ()
        return Future(action, float(tree.values[node, action]), action == best, visits, outcomes)

    actions = range(tree.visits.shape[1])
    return tuple(of(action) for action in actions if is_allowed(tree.values[node, action]))


def _outcome(tree: Any, node: int, action: int, visits: int) -> Outcome:
    child = int(tree.children[node, action])
    following = () if child == NONE else _futures(tree, child, int(np.argmax(tree.values[child])))
    reward, ends = float(tree.rewards[node, action]) / visits, float(tree.ends[node, action]) / visits
    return Outcome(reward, ends, max((each.value for each in following), default=0.0), visits, following)
