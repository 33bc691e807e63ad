"""What algorithms share that learn from remembered steps with networks, such as DQN and DDPG.

What is remembered of a step, when learning begins, the clocks of schedules, the loop of gradient updates, and networks
that follow others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

import jax
import jax.numpy as jnp
import optax

from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.base.errors import InputError
from zerone.base.pytree import setting, struct
from zerone.base.sums import Sum
from zerone.parts.replay import Replay
from zerone.parts.returns import n_step_return
from zerone.parts.spaces import Spaces, example

Tree = TypeVar("Tree")


class ReplaySettings(Protocol):
    """The settings of an algorithm that remembers."""

    @property
    def name(self) -> str: ...
    @property
    def batch(self) -> int: ...
    @property
    def memory(self) -> int: ...
    @property
    def warmup(self) -> int: ...
    @property
    def updates(self) -> int: ...
    @property
    def steps_per_update(self) -> int: ...
    @property
    def environments(self) -> int: ...
    @property
    def warmup_updates(self) -> int: ...


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


def empty_steps(spaces: Spaces, action: Array, *shape: int) -> Steps:
    """Steps [*shape] of zeros; `action` is an example of what the algorithm draws."""
    seen = example(spaces.observation)

    def zeros(like: Array) -> Array:
        return jnp.zeros((*shape, *like.shape), like.dtype)

    flag = jnp.bool_(False)
    return Steps(zeros(seen), zeros(action), jnp.zeros(shape), zeros(seen), zeros(flag), zeros(flag), ())


def transition_like(spaces: Spaces, action: Array) -> Transition:
    """A transition of zeros, without a batch axis: what a memory is made for."""
    one = empty_steps(spaces, action)
    return Transition(one.observation, one.action, one.reward, one.next_observation, one.reward)


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
    following = known.next_observation[last, jnp.arange(number)[None]]
    told = Transition(known.observation[:length], known.action[:length], reward, following, bootstrap)
    missing = jnp.clip(n - 1 - waiting.number, 0, length) * number
    later = Waiting(jax.tree.map(lambda x: x[length:], known), jnp.minimum(waiting.number + length, n - 1))
    return flat(told), missing, later


def one_step_transitions(steps: Steps, discount: Array | float) -> Transition:
    """The transitions [T * N] of single steps: `n_step_transitions` with n = 1, for which nothing has to wait."""
    bootstrap = jnp.where(steps.terminated, 0.0, discount)
    return flat(Transition(steps.observation, steps.action, steps.reward, steps.next_observation, bootstrap))


def sequence_transitions(over: Array, steps: Steps, discount: Array | float) -> tuple[Transition, Array]:
    """The transitions [T * N] of single steps that are learnt from along sequences.

    `over` [N] says whether the step before the first ended its episode, and so does what comes back of the last.
    """
    done = steps.terminated | steps.truncated
    begins = jnp.concatenate([over[None], done[:-1]])
    bootstrap = jnp.where(steps.terminated, 0.0, discount)
    seen = steps.observation, steps.action, steps.reward, steps.next_observation
    return flat(Transition(*seen, bootstrap, begins, steps.memory)), done[-1]


def flat(tree: Tree) -> Tree:
    """Leaves [T, N, ...] as [T * N, ...]."""
    rows: Tree = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), tree)
    return rows


def check_memory(algorithm: ReplaySettings) -> None:
    """Raise `InputError` where a minibatch or a block of steps does not fit into the memory."""
    name, memory = algorithm.name, algorithm.memory
    if algorithm.batch > memory:
        raise InputError(f"{name}: batch = {algorithm.batch} is not allowed: must be at most memory = {memory}")
    block = block_of(algorithm)
    if block > memory:
        raise InputError(
            f"{name}: steps_per_update × environments = {block} is not allowed: must be at most memory = {memory}"
        )


def check_shape(name: str, shape: str, ends: dict[str, float]) -> None:
    """Raise `InputError` where a schedule falls exponentially from or to 0; `ends` are the two settings of its ends."""
    for end, value in ends.items() if shape == "exponential" else ():
        if value == 0:
            schedule = end.rpartition("_")[0]
            raise InputError(f"{name}: {end} = 0 is not allowed: must be above 0 where {schedule}_shape is exponential")


def warmup_updates(algorithm: ReplaySettings, n: int = 1) -> int:
    """Blocks that are only remembered: the first gradient updates follow the block that completes `warmup`.

    The last n-1 steps of each environment are lived, but not yet remembered.
    """
    n_step_transitions = max(1, algorithm.warmup) + (n - 1) * algorithm.environments
    return -(-n_step_transitions // block_of(algorithm)) - 1


CLOCKS = ("steps", "learning-steps", "updates")
"""What may move a schedule. `ticks` says what each counts."""


def clock_setting(what: str, needs: str = "") -> Any:
    """The field that chooses the clock of a schedule; `what` it moves."""
    text = f"clock of {what}'s schedule: environment steps, those since the first gradient update, or gradient updates"
    return setting("steps", text, choices=CLOCKS, needs=needs)


def ticks(algorithm: ReplaySettings, clock: str, steps: Array, updates: Array) -> Array:
    """What a clock says after `steps` environment steps and `updates` gradient updates.

    `steps` counts all environment steps, `updates` the gradient updates, and `learning-steps` the environment steps
    since the block that the first gradient update followed. At that update the last two say 0.
    """
    if clock == "steps":
        return steps
    if clock == "updates":
        return updates
    return jnp.maximum(steps - (algorithm.warmup_updates + 1) * block_of(algorithm), 0)


def updates_after(algorithm: ReplaySettings, steps: Array) -> Array:
    """The gradient updates made after whole blocks of `steps` environment steps, as a float: int32 might overflow."""
    learning = jnp.maximum(steps // block_of(algorithm) - algorithm.warmup_updates, 0)
    return learning.astype(jnp.float32) * algorithm.updates


def block_of(algorithm: ReplaySettings) -> int:
    """Environment steps in a block, over all environments."""
    return algorithm.steps_per_update * algorithm.environments


def samples_per_step(algorithm: ReplaySettings) -> float:
    """Remembered transitions that are learnt from, for each environment step."""
    return algorithm.updates * algorithm.batch / block_of(algorithm)


def minibatch_noise(replay: Replay, key: Key, updates: int, batch: int) -> Array:
    """What chance decides in `updates` minibatches, a row for each. Consumes `key`.

    There are two rows at least. If there was only one, XLA would know which is read, would read that minibatch before
    the loop instead of in it, while the memory is written, and would copy the whole memory for that.
    """
    return replay.noise(key, (max(updates, 2), batch))


def gradient_updates(
    learn: Callable[[Array, Tree], tuple[Tree, Metrics]], learner: Tree, times: Array, most: int, names: Iterable[str]
) -> tuple[Tree, Metrics]:
    """`learner, metrics = learn(i, learner)` for i from 0 to `times`, which is 0 or `most`; the metrics' means.

    While warming up the loop is run 0 times; a branch (`lax.cond`) would run both sides under `vmap`.
    """

    def once(i: Array, carry: tuple[Tree, dict[str, Sum]]) -> tuple[Tree, dict[str, Sum]]:
        learner, metrics = learn(i, carry[0])
        return learner, {name: carry[1][name].plus(value) for name, value in metrics.items()}

    start = learner, {name: Sum.zero() for name in names}
    learner, sums = jax.lax.fori_loop(0, times, once, start)
    return learner, {name: each.value / most for name, each in sums.items()}


def update_target(target: Tree, online: Tree, step: Array | float, period: int, updates: Array) -> Tree:
    """θ⁻ ← τ θ + (1 - τ) θ⁻ if `updates` is a multiple of `period`, else θ⁻ as it was.

    Mnih et al. 2015, algorithm 1 (τ = 1, every C updates); Lillicrap et al. 2016, algorithm 1 (τ ≪ 1, at each).
    """
    moved: Tree = optax.incremental_update(online, target, step)
    if period == 1:
        return moved
    due = updates % period == 0
    kept: Tree = jax.tree.map(lambda new, old: jnp.where(due, new, old), moved, target)
    return kept
