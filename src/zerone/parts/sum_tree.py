"""A tree of sums: draws a slot in proportion to its priority, and changes a priority, in O(log n) time.

Schaul et al. 2016 (arXiv 1511.05952), section 3.3 and appendix B.2.1. Differences: each node has `WIDTH` children,
not 2, so that a million slots are five levels deep and not twenty; and beside the sum of the priorities below it a
node knows their least and their largest, so that both are exact whatever is overwritten.

A changed node is computed from its children again. Adding the change to it instead would let roundings pile up:
after some 10⁵ changes in float32 the upper nodes promise more than the lower ones have, and draws fall off the end.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from zerone.base.pytree import struct

Array = jax.Array

WIDTH = 16
"""Children of a node. Measured on a CPU with batches of 128 (microseconds to draw and change, in 10⁴ and in 10⁶
slots): 379 and 1152 with 2, 32 and 82 with 4, 26 and 51 with 8, 42 and 63 with 16, 60 and 97 with 32. With 16,
drawing alone costs 1.6 times as much in 10⁶ slots as in 10⁴; with 8, 1.9 times, and with 4, 2.3 times."""

SUM, MIN, MAX = 0, 1, 2


@struct
class SumTree:
    """`slots` [groups, WIDTH] are the priorities, 0 where nothing is; `levels` are the nodes above them.

    Level i is [groups, WIDTH, 3] with each node's sum, least and largest; its node k has as children the whole
    group k of the level below. The last level has one node, the root, and padding.
    """

    slots: Array
    levels: tuple[Array, ...]

    @property
    def total(self) -> Array:
        """Sum of all priorities."""
        return self.levels[-1][0, 0, SUM]

    @property
    def least(self) -> Array:
        """The least priority above 0; +∞ if there is none."""
        return self.levels[-1][0, 0, MIN]

    @property
    def largest(self) -> Array:
        """The largest priority; 0 if there is none."""
        return self.levels[-1][0, 0, MAX]


def empty(capacity: int) -> SumTree:
    """A tree of `capacity` slots with priority 0."""
    nodes = [-(-capacity // WIDTH)]
    while nodes[-1] > 1:
        nodes.append(-(-nodes[-1] // WIDTH))
    nothing = _alone(jnp.float32(0))
    levels = tuple(jnp.tile(nothing, (-(-number // WIDTH), WIDTH, 1)) for number in nodes)
    return SumTree(jnp.zeros((nodes[0], WIDTH)), levels)


def change(tree: SumTree, slots: Array, priorities: Array) -> SumTree:
    """Give `slots` (int32 [n]) these priorities (float32 [n]); in place when `tree` is donated.

    A slot that is named twice must get the same priority both times.
    """
    node, place = slots // WIDTH, slots % WIDTH
    changed = tree.slots.at[node, place].set(priorities)
    above, levels = _combined(_alone(changed[node])), []
    for level in tree.levels:
        node, place = node // WIDTH, node % WIDTH
        level = level.at[node, place].set(above)
        above = _combined(level[node])
        levels.append(level)
    return SumTree(changed, tuple(levels))


def priority(tree: SumTree, slots: Array) -> Array:
    """The priorities of `slots`, float32 of their shape."""
    return tree.slots[slots // WIDTH, slots % WIDTH]


def find(tree: SumTree, share: Array) -> tuple[Array, Array]:
    """The slots, int32 [n], at which the sum of priorities from the first slot on passes `share` of the total.

    `share` is float32 [n] in [0, 1]. A slot of priority 0 is never found, whatever is rounded, unless all are 0.
    Beside the slots come their priorities: to read them again would make the compiler copy the tree.
    """
    last = descent(tree, share)[-1]
    return last.node, jnp.take_along_axis(last.sums, last.chosen[:, None], -1)[:, 0]


@struct
class Level:
    """A level of the way down for n shares.

    `sums` [n, WIDTH] is what the children looked at sum up to, `chosen` (int32 [n]) which of them was taken, `node`
    (int32 [n]) the same counted from the first of its level, and `rest` [n] what is still looked for below it.
    """

    sums: Array
    chosen: Array
    node: Array
    rest: Array


def descent(tree: SumTree, share: Array) -> list[Level]:
    """How `find` goes down, from the root's children to the slots."""
    rest = share * tree.total
    node = jnp.zeros(share.shape, jnp.int32)
    child = jnp.arange(WIDTH, dtype=jnp.int32)[None]
    levels: list[Level] = []
    for level in (*tree.levels[-2::-1], tree.slots):
        children = level[node]
        mass = children if level is tree.slots else children[..., SUM]
        through = jnp.cumsum(mass, -1)
        last = jnp.where(mass > 0, child, 0).max(-1)
        chosen = jnp.minimum((through <= rest[:, None]).sum(-1, dtype=jnp.int32), last)
        rest = jnp.maximum(rest - jnp.where(child < chosen[:, None], through, 0.0).max(-1), 0.0)
        node = node * WIDTH + chosen
        levels.append(Level(mass, chosen, node, rest))
    return levels


def _alone(priorities: Array) -> Array:
    """What a slot tells the node above it, [..., 3]; an empty slot has no least."""
    least = jnp.where(priorities > 0, priorities, jnp.inf)
    return jnp.stack([priorities, least, priorities], -1)


def _combined(children: Array) -> Array:
    """A node from its children: [..., WIDTH, 3] to [..., 3]."""
    sums, leasts, largests = (children[..., column] for column in (SUM, MIN, MAX))
    return jnp.stack([sums.sum(-1), leasts.min(-1), largests.max(-1)], -1)
