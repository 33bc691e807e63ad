"""What is remembered of steps: transitions of one step, of n, or along sequences."""

from __future__ import annotations

from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from zerone.algorithms.protocol import Array, Steps
from zerone.base.pytree import struct
from zerone.environments.spaces import Spaces, count, example
from zerone.parts.returns import n_step_return

Tree = TypeVar("Tree")


@struct
class Transition:
    """What is remembered of n steps: the first, their return, and where they led.

    `discount` is what the value of `next_observation` counts: γ^n, or 0 if it is terminal. An episode that was only
    cut still bootstraps, from its true last observation.
    """

    observation: Array
    action: Array
    reward: Array
    next_observation: Array
    discount: Array
    begins: Any = ()
    """Where sequences are learnt from: whether an episode begins with it (bool)."""
    memory: Any = ()
    """Where sequences are learnt from: what the policy remembered before it."""
    next_mask: Any = ()
    """Which actions are allowed in `next_observation`, where something says so."""


def empty_steps(spaces: Spaces, action: Array, *shape: int) -> Steps:
    """Steps [*shape] of zeros; `action` is an example of what the algorithm draws."""
    seen = example(spaces.observation)

    def zeros(like: Array) -> Array:
        return jnp.zeros((*shape, *like.shape), like.dtype)

    flag = jnp.bool_(False)
    mask = jnp.ones((*shape, count(spaces.action, "action")), bool) if spaces.masked else ()
    ends = zeros(flag), zeros(flag)
    return Steps(zeros(seen), zeros(action), jnp.zeros(shape), zeros(seen), *ends, (), (), mask, mask)


def transition_like(spaces: Spaces, action: Array) -> Transition:
    """A transition of zeros, without a batch axis: what a memory is made for."""
    one = empty_steps(spaces, action)
    seen = one.observation, one.action, one.reward, one.next_observation
    return Transition(*seen, one.reward, next_mask=one.next_mask)


@struct
class Waiting:
    """The last n-1 steps [n-1, N, ...], which wait for what follows them, and how many of them were played (int32).

    Those before are of no episode: nothing was played yet when these episodes began.
    """

    steps: Steps
    number: Array

    @staticmethod
    def none(spaces: Spaces, action: Array, n: int, environments: int) -> Waiting:
        """Nothing waits."""
        return Waiting(empty_steps(spaces, action, n - 1, environments), jnp.int32(0))


def n_step_transitions(
    waiting: Waiting, steps: Steps, discount: Array | float, n: int
) -> tuple[Transition, Array, Waiting]:
    """The transitions [T * N] of `n` steps that are complete now that `steps` [T, N] are known, and what must wait.

    The first transitions begin before the first step that waited: the number in the middle says how many they are.
    """
    known = jax.tree.map(lambda old, new: jnp.concatenate([old, new.astype(old.dtype)]), waiting.steps, steps)
    reward, bootstrap, taken = n_step_return(known.reward, known.terminated, known.truncated, discount, n)
    length, number = reward.shape
    last = jnp.arange(length)[:, None] + taken - 1
    following, mask = jax.tree.map(
        lambda x: x[last, jnp.arange(number)[None]], (known.next_observation, known.next_mask)
    )
    told = Transition(known.observation[:length], known.action[:length], reward, following, bootstrap, next_mask=mask)
    missing = jnp.clip(n - 1 - waiting.number, 0, length) * number
    later = Waiting(jax.tree.map(lambda x: x[length:], known), jnp.minimum(waiting.number + length, n - 1))
    return flat(told), missing, later


def one_step_transitions(steps: Steps, discount: Array | float) -> Transition:
    """The transitions [T * N] of single steps: `n_step_transitions` with n = 1, for which nothing has to wait."""
    bootstrap = jnp.where(steps.terminated, 0.0, discount)
    seen = steps.observation, steps.action, steps.reward, steps.next_observation
    return flat(Transition(*seen, bootstrap, next_mask=steps.next_mask))


def sequence_transitions(over: Array, steps: Steps, discount: Array | float) -> tuple[Transition, Array]:
    """The transitions [T * N] of single steps that are learnt from along sequences.

    `over` [N] says whether the step before the first ended its episode, and so does what comes back of the last.
    """
    done = steps.terminated | steps.truncated
    begins = jnp.concatenate([over[None], done[:-1]])
    bootstrap = jnp.where(steps.terminated, 0.0, discount)
    seen = steps.observation, steps.action, steps.reward, steps.next_observation
    return flat(Transition(*seen, bootstrap, begins, steps.memory, steps.next_mask)), done[-1]


def flat(tree: Tree) -> Tree:
    """Leaves [T, N, ...] as [T * N, ...]."""
    rows: Tree = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), tree)
    return rows
