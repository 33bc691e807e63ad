"""What DQN, DDPG, TD3 and SAC share: they learn with networks from remembered steps.

The settings, the transitions that a block of steps becomes, when learning begins, the clocks of schedules, the loop of
gradient updates, and the update of target networks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, TypeVar

import jax
import jax.numpy as jnp
import optax

from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.pytree import configured, setting, struct
from zerone.base.sums import Sum
from zerone.environments.spaces import Spaces, count, example
from zerone.parts.exploration import linear_schedule
from zerone.parts.networks import NetworkSettings
from zerone.parts.normalization import NormalizationSettings, Returns, Scales
from zerone.parts.replay import Memory, Prioritized, Replay, Uniform, gather
from zerone.parts.returns import n_step_return

Tree = TypeVar("Tree")


@struct
class Transition:
    """What is remembered of n steps: the first observation and action, their return, and the observation after them.

    `discount` multiplies the value of `next_observation` in the target: γ^n, or 0 if that is terminal. A truncated
    episode still bootstraps, from its true last observation.
    """

    observation: Array
    action: Array
    reward: Array
    next_observation: Array
    discount: Array
    begins: Any = ()
    """For networks with a memory: whether an episode begins with it (bool)."""
    memory: Any = ()
    """For networks with a memory: the policy's memory before it."""
    next_mask: Any = ()
    """Which actions are allowed in `next_observation` (bool); `()` without action masks."""


def transition_like(spaces: Spaces, action: Array) -> Transition:
    """A transition of zeros without a batch axis, as an example for a replay memory; `action` is one of an action."""
    observation, zero = example(spaces.observation), jnp.float32(0)
    mask = jnp.ones(count(spaces.action, "action"), bool) if spaces.masked else ()
    return Transition(observation, action, zero, observation, zero, next_mask=mask)


@struct
class PendingSteps:
    """The last n-1 steps [n-1, N, ...], whose n-step returns are not complete, and how many of them are real (int32).

    At first none is: they are zeros until as many steps were played.
    """

    steps: Steps
    number: Array

    @staticmethod
    def none(one: Transition, n: int, environments: int) -> PendingSteps:
        """No steps wait; `one` is an example of a transition."""
        observation, action, reward, mask = jax.tree.map(
            lambda x: jnp.zeros((n - 1, environments, *x.shape), x.dtype),
            (one.observation, one.action, one.reward, one.next_mask),
        )
        mask = jax.tree.map(jnp.ones_like, mask)
        ends = jnp.zeros(reward.shape, bool)
        steps = Steps(observation, action, reward, observation, ends, ends, (), (), mask, mask)
        return PendingSteps(steps, jnp.int32(0))


def n_step_transitions(
    waiting: PendingSteps, steps: Steps, discount: Array | float, n: int
) -> tuple[Transition, Array, PendingSteps]:
    """The transitions [T * N] of `n` steps that `steps` [T, N] complete.

    Returns:
        The transitions; how many of the first to skip (int32), as they begin before the first real step; and the steps
        that wait now.
    """
    known = jax.tree.map(lambda old, new: jnp.concatenate([old, new.astype(old.dtype)]), waiting.steps, steps)
    reward, bootstrap, taken = n_step_return(known.reward, known.terminated, known.truncated, discount, n)
    length, number = reward.shape
    last = jnp.arange(length)[:, None] + taken - 1
    after, mask = jax.tree.map(lambda x: x[last, jnp.arange(number)[None]], (known.next_observation, known.next_mask))
    first = known.observation[:length], known.action[:length]
    skipped = jnp.clip(n - 1 - waiting.number, 0, length) * number
    later = PendingSteps(jax.tree.map(lambda x: x[length:], known), jnp.minimum(waiting.number + length, n - 1))
    return flat(Transition(*first, reward, after, bootstrap, next_mask=mask)), skipped, later


def one_step_transitions(steps: Steps, discount: Array | float) -> Transition:
    """The transitions [T * N] of single steps: `n_step_transitions` with n = 1, of which no step waits."""
    bootstrap = jnp.where(steps.terminated, 0.0, discount)
    seen = steps.observation, steps.action, steps.reward, steps.next_observation
    return flat(Transition(*seen, bootstrap, next_mask=steps.next_mask))


def sequence_transitions(over: Array, steps: Steps, discount: Array | float) -> tuple[Transition, Array]:
    """The transitions [T * N] of single steps, for networks with a memory.

    `over` (bool [N]) says whether the step before the first ended its episode; the same of the last step comes back.
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


class State(Protocol):
    """The fields of a training state that `remember` reads."""

    @property
    def policy(self) -> Any:
        """It has `steps`, the environment steps so far (int32), and `scales`."""
        ...

    @property
    def updates(self) -> Array:
        """Gradient updates so far."""
        ...

    @property
    def memory(self) -> Memory: ...
    @property
    def ongoing(self) -> Any: ...
    @property
    def returns(self) -> Returns: ...


@struct
class Remembered:
    """The memory with a block of steps in it, and all that the gradient updates after that block need."""

    memory: Memory
    ongoing: Any
    scales: Scales
    returns: Returns
    seen: Array
    """Environment steps so far."""
    updates: Array
    """Gradient updates before these."""
    noise: Array
    """The random numbers of their minibatches, a row for each."""
    normals: Any = ()
    """Standard normal numbers of their actions, where the algorithm draws some."""


CLOCKS = ("steps", "learning-steps", "updates")
"""The clocks that may drive a schedule. `OffPolicy.ticks` says what each counts."""


def clock_setting(what: str, needs: str = "") -> Any:
    """The setting that chooses the clock of the schedule of `what`, a symbol such as ε."""
    text = f"clock of {what}'s schedule: environment steps, those since the first gradient update, or gradient updates"
    return setting("steps", text, choices=CLOCKS, needs=needs)


@configured
class OffPolicy(NetworkSettings, NormalizationSettings):
    """The base of these algorithms: their common settings, and all that is computed from these alone."""

    name: ClassVar[str]

    learning_rate: float = setting(1e-3, "learning rate α (Adam)", above=0)
    learning_rate_end: float = setting(
        1.0, "fraction of the learning rates that is left after `decay_steps`", at_least=0, at_most=1
    )
    decay_steps: float = setting(1e6, "environment steps over which the learning rates are annealed", above=0)
    discount: float = setting(0.99, "discount factor γ", at_least=0, at_most=1)
    batch: int = setting(64, "transitions in a minibatch", at_least=1)
    updates: int = setting(1, "gradient updates after each block of steps", at_least=1)
    steps_per_update: int = setting(1, "steps of each environment in a block", at_least=1)
    environments: int = setting(1, "environments played in parallel", at_least=1)
    memory: int = setting(100_000, "capacity of the replay memory, in steps", at_least=1, at_most=2_000_000_000)
    warmup: int = setting(1_000, "steps stored before learning starts", at_least=0)
    target_period: int = setting(1, "gradient updates between two updates of the target network", at_least=1)
    target_step: float = setting(
        0.005, "soft update coefficient τ of the target network; 1 is a copy", above=0, at_most=1
    )
    n_steps: int = setting(1, "number n of rewards in the n-step return", at_least=1)
    prioritized: bool = setting(False, "sample transitions in proportion to their TD error (prioritised replay)")
    priority_exponent: float = setting(
        0.6, "priority exponent α; 0 samples uniformly", at_least=0, at_most=1, needs="prioritized"
    )
    priority_floor: float = setting(0.01, "constant ε_p added to the absolute TD error", above=0, needs="prioritized")
    priority_limit: float = setting(1.0, "upper bound of the TD error in a priority", above=0, needs="prioritized")
    importance: float = setting(
        0.4, "exponent β of the importance-sampling weights at the start", at_least=0, at_most=1, needs="prioritized"
    )
    importance_steps: float = setting(
        50_000.0, "ticks of `importance_clock` over which β is annealed to 1", above=0, needs="prioritized"
    )
    importance_clock: str = clock_setting("β", needs="prioritized")
    activation: str = "relu"

    def check(self) -> None:
        """Raise `InputError` where a minibatch or a block of steps does not fit into the memory."""
        for what, much in (("batch", self.batch), ("steps_per_update × environments", self.block)):
            if much > self.memory:
                raise InputError(
                    translated(
                        "{name}: {what} = {much} is not allowed: must be at most memory = {memory}",
                        name=self.name,
                        what=what,
                        much=much,
                        memory=self.memory,
                    )
                )

    @property
    def block(self) -> int:
        """Environment steps in a block, over all environments."""
        return self.steps_per_update * self.environments

    @property
    def warmup_updates(self) -> int:
        """Blocks that are only remembered: the first gradient updates follow the block that completes `warmup`.

        The last n-1 steps of each environment do not count: they are not in the memory yet.
        """
        played = max(1, self.warmup) + (self.n_steps - 1) * self.environments
        return -(-played // self.block) - 1

    @property
    def samples_per_step(self) -> float:
        """Transitions in minibatches for each environment step."""
        return self.updates * self.batch / self.block

    @property
    def replay(self) -> Replay:
        """The rule of the replay memory."""
        if not self.prioritized:
            return Uniform(self.memory)
        return Prioritized(self.memory, self.priority_exponent, self.priority_floor, self.priority_limit)

    def ticks(self, clock: str, steps: Array, updates: Array) -> Array:
        """The time of a clock after `steps` environment steps and `updates` gradient updates.

        `steps` counts all environment steps, `updates` the gradient updates, and `learning-steps` the environment steps
        since the block that the first gradient update followed. At that update the last two say 0.
        """
        if clock == "steps":
            return steps
        if clock == "updates":
            return updates
        return jnp.maximum(steps - (self.warmup_updates + 1) * self.block, 0)

    def updates_after(self, steps: Array) -> Array:
        """The gradient updates made after whole blocks of `steps` steps, as a float: int32 might overflow."""
        return jnp.maximum(steps // self.block - self.warmup_updates, 0).astype(jnp.float32) * self.updates

    def times(self, now: Remembered, block: int) -> Array:
        """How many gradient updates follow a block of `block` steps, int32: 0 during the warm-up.

        The memory may still be empty after it, where all waiting steps were lost with their episodes.
        """
        idle = (now.seen <= self.warmup_updates * block) | (now.memory.size == 0)
        return jnp.where(idle, 0, self.updates)

    def rate(self, start: float, steps: Array) -> Array:
        """The learning rate after `steps` environment steps, annealed linearly from `start`."""
        return start * linear_schedule(1.0, self.learning_rate_end, steps / self.decay_steps)

    def correction(self, steps: Array, updates: Array) -> Array:
        """β after `steps` environment steps and `updates` gradient updates."""
        elapsed = self.ticks(self.importance_clock, steps, updates)
        return linear_schedule(self.importance, 1.0, elapsed / self.importance_steps)

    def transitions(self, ongoing: Any, steps: Steps) -> tuple[Transition, Array | int, Any]:
        """The transitions of a block of steps, how many of the first to skip, and the state's next `ongoing`."""
        if self.recurrent:
            transitions, over = sequence_transitions(ongoing, steps, self.discount)
            return transitions, 0, over
        if self.n_steps > 1:
            return n_step_transitions(ongoing, steps, self.discount, self.n_steps)
        return one_step_transitions(steps, self.discount), 0, ongoing

    def remember(self, state: State, steps: Steps, key: Key) -> Remembered:
        """Add a block of steps [T, N] to the memory, and draw the noise of the updates after it. Consumes `key`."""
        transitions, skipped, ongoing = self.transitions(state.ongoing, steps)
        memory = self.replay.add(state.memory, transitions, skipped)
        scales, returns = state.policy.scales.updated(steps, self.discount, state.returns)
        seen = state.policy.steps + steps.reward.size
        noise = minibatch_noise(self.replay, key, self.updates, self.batch)
        return Remembered(memory, ongoing, scales, returns, seen, state.updates, noise)

    def sample(self, now: Remembered, i: Array, priorities: Any) -> tuple[Array, Array, Transition]:
        """The minibatch of gradient update `i` of a block: slots, weights, and the normalised transitions."""
        beta = self.correction(now.seen, now.updates + i) if self.prioritized else 0.0
        memory = dataclasses.replace(now.memory, priorities=priorities)
        slots, weights = self.replay.sample(memory, now.noise[i], beta)
        return slots, weights, now.scales.normalize(gather(memory, slots))


def minibatch_noise(replay: Replay, key: Key, updates: int, batch: int) -> Array:
    """The random numbers of `updates` minibatches, a row for each. Consumes `key`.

    There are at least two rows. With a single one XLA would know which is read, and would read that minibatch before
    the loop, while the memory is written: for that it would copy the whole memory.
    """
    return replay.noise(key, (max(updates, 2), batch))


def gradient_updates(
    learn: Callable[[Array, Tree], tuple[Tree, Metrics]], learner: Tree, times: Array, most: int
) -> tuple[Tree, Metrics]:
    """`learner, metrics = learn(i, learner)` for i from 0 to `times`, which is 0 or `most`; the means of the metrics.

    The names are those that `learn` returns, so that a subclass can add metrics to its loss.

    During the warm-up the loop runs 0 times; a branch (`lax.cond`) would run both sides under `vmap`.
    """

    def once(i: Array, carry: tuple[Tree, dict[str, Sum]]) -> tuple[Tree, dict[str, Sum]]:
        learner, metrics = learn(i, carry[0])
        return learner, {name: carry[1][name].plus(value) for name, value in metrics.items()}

    start = learner, {name: Sum.zero() for name in jax.eval_shape(learn, jnp.int32(0), learner)[1]}
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
