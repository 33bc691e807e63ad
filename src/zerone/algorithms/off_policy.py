"""What algorithms share that learn from remembered steps with networks: DQN, DDPG, TD3 and SAC.

Their settings, what a block of steps leaves to be learnt from, when learning begins, the clocks of schedules, the loop
of gradient updates, and networks that follow others.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Protocol, TypeVar

import jax
import jax.numpy as jnp
import optax

from zerone.algorithms.protocol import Array, Key, Metrics, Steps
from zerone.algorithms.transitions import Transition, Waiting, n_step_transitions, one_step_transitions
from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.base.pytree import configured, setting, struct
from zerone.base.sums import Sum
from zerone.parts.architecture import NetworkSettings
from zerone.parts.exploration import linear_schedule
from zerone.parts.normalization import NormalizationSettings, Returns, Scales
from zerone.parts.replay import Memory, Prioritized, Replay, Uniform, gather

Tree = TypeVar("Tree")


class State(Protocol):
    """The training state of such an algorithm: what remembering asks of it."""

    @property
    def policy(self) -> Any:
        """With `steps`, the environment steps seen, and `scales`."""
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
    """What is known once a block of steps is remembered, and all that its gradient updates learn from."""

    memory: Memory
    ongoing: Any
    scales: Scales
    returns: Returns
    seen: Array
    """Environment steps so far."""
    updates: Array
    """Gradient updates before these."""
    noise: Array
    """What chance decides in their minibatches, a row for each."""
    normals: Any = ()
    """What else it decides in them."""


CLOCKS = ("steps", "learning-steps", "updates")
"""What may move a schedule. `OffPolicy.ticks` says what each counts."""


def clock_setting(what: str, needs: str = "") -> Any:
    """The field that chooses the clock of a schedule; `what` it moves."""
    text = f"clock of {what}'s schedule: environment steps, those since the first gradient update, or gradient updates"
    return setting("steps", text, choices=CLOCKS, needs=needs)


@configured
class OffPolicy(NetworkSettings, NormalizationSettings):
    """What is set up of every such algorithm, and what follows from it."""

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

        The last n-1 steps of each environment were played, but are not remembered yet.
        """
        played = max(1, self.warmup) + (self.n_steps - 1) * self.environments
        return -(-played // self.block) - 1

    @property
    def samples_per_step(self) -> float:
        """Remembered transitions that are learnt from, for each environment step."""
        return self.updates * self.batch / self.block

    @property
    def replay(self) -> Replay:
        """The memory's rule."""
        if not self.prioritized:
            return Uniform(self.memory)
        return Prioritized(self.memory, self.priority_exponent, self.priority_floor, self.priority_limit)

    def ticks(self, clock: str, steps: Array, updates: Array) -> Array:
        """What a clock says after `steps` environment steps and `updates` gradient updates.

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
        """How many gradient updates follow a block of so many steps: none while warming up.

        Where episodes were lost in that time, nothing may be remembered yet.
        """
        idle = (now.seen <= self.warmup_updates * block) | (now.memory.size == 0)
        return jnp.where(idle, 0, self.updates)

    def rate(self, start: float, steps: Array) -> Array:
        """A learning rate that begins with `start`, after `steps` environment steps."""
        return start * linear_schedule(1.0, self.learning_rate_end, steps / self.decay_steps)

    def correction(self, steps: Array, updates: Array) -> Array:
        """β of a gradient update that `updates` others came before, after `steps` environment steps."""
        elapsed = self.ticks(self.importance_clock, steps, updates)
        return linear_schedule(self.importance, 1.0, elapsed / self.importance_steps)

    def noise_of_updates(self, key: Key, width: int) -> tuple[Array, Any]:
        """What chance decides in the gradient updates of a block: in minibatches, and else. Consumes `key`."""
        del width
        return minibatch_noise(self.replay, key, self.updates, self.batch), ()

    def transitions(self, ongoing: Any, steps: Steps) -> tuple[Transition, Array | int, Any]:
        """What is remembered of a block of steps, without how many of the first of it, and what must wait."""
        if isinstance(ongoing, Waiting):
            return n_step_transitions(ongoing, steps, self.discount, self.n_steps)
        return one_step_transitions(steps, self.discount), 0, ongoing

    def remember(self, state: State, steps: Steps, key: Key) -> Remembered:
        """A block of steps is remembered. Consumes `key`."""
        transitions, missing, ongoing = self.transitions(state.ongoing, steps)
        memory, old = self.replay.add(state.memory, transitions, missing), state.policy
        found, returns = old.scales.of(steps, self.discount, state.returns)
        noise = self.noise_of_updates(key, math.prod(transitions.action.shape[1:]))
        seen = old.steps + steps.reward.size
        return Remembered(memory, ongoing, old.scales.merged(found), returns, seen, state.updates, *noise)

    def minibatch(self, memory: Memory, noise: Array, beta: Array) -> tuple[Array, Array]:
        """The slots that are learnt from, and their weights."""
        return self.replay.sample(memory, noise, beta)

    def drawn(self, now: Remembered, i: Array, priorities: Any) -> tuple[Array, Array, Transition]:
        """What gradient update `i` of a block learns from: slots, weights, and the transitions as networks see them."""
        beta = self.correction(now.seen, now.updates + i)
        slots, weights = self.minibatch(dataclasses.replace(now.memory, priorities=priorities), now.noise[i], beta)
        return slots, weights, now.scales.normalized(gather(now.memory, slots))


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
