"""A training iteration by iteration, forwards and backwards, with the bits of the compiled engine.

The random numbers of iteration i depend on `fold_in(key, i)` alone. So a training can continue from any kept state;
going back means going forwards again from the last state kept before.
"""

from __future__ import annotations

import bisect
import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.explanation import Decision, Explains, ExplainsActing, Explanation
from zerone.algorithms.protocol import Algorithm, Array, Key, Steps
from zerone.base.bits import in_32_bits
from zerone.base.compilation import Program, for_seldom
from zerone.engines.compiled import Carry, _advance, _copied, _initial
from zerone.engines.rollout import OWN_PLAY, EnvironmentState, RolloutNoise
from zerone.engines.streams import TRAIN
from zerone.environments.base import TimedEnvironment
from zerone.environments.spaces import to_environment

KEPT_BYTES = 200_000_000
"""The memory that all kept states together may take."""
MOST_KEPT = 512
"""The largest number of kept states."""


@dataclasses.dataclass(frozen=True)
class Iteration:
    """Iteration `index`: the carry before it, the block of steps that it played, and the carry after it."""

    index: int
    before: Carry
    noise: Any
    """The noise of the actions: leaves [T, N, ...]."""
    steps: Steps
    key: Key
    """The key of the update."""
    simulations: EnvironmentState
    """The environments after each step of the block: leaves [T, N, ...]."""
    step_keys: Key
    """The keys of the environments' steps, [T, N]."""
    after: Carry

    def simulation(self, step: int) -> EnvironmentState:
        """The environments after a step of the block; with -1, before its first one."""
        if step < 0:
            return self.before.simulation
        there: EnvironmentState = jax.tree.map(lambda leaf: leaf[step], self.simulations)
        return there


@dataclasses.dataclass(frozen=True)
class EpisodeEnd:
    """The end of an episode of the first environment: its iteration, its step in the block, length and return."""

    index: int
    step: int
    number: int
    """The episode's number, counted from 1."""
    length: int
    total_return: float


def on_host(tree: Any) -> Any:
    """The arrays of a tree as NumPy's, except random keys, which NumPy cannot hold.

    Their parts are read one by one; JAX would compile a program for each kind of part, and take thirty times as long.
    """
    return jax.tree.map(
        lambda leaf: leaf if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else np.asarray(leaf), tree
    )


class Stepper:
    """Steps through the training of one seed: `carry` is its state after `index` iterations."""

    def __init__(
        self, algorithm: Algorithm, environment: TimedEnvironment, seed: int, kept_bytes: int = KEPT_BYTES,
        begin: tuple[int, Carry] | None = None,
    ) -> None:  # fmt: skip
        """Start at iteration 0, or at `begin` = (iterations done, carry after them), before which it cannot go back."""
        self.algorithm, self.environment = algorithm, environment
        self._seed = np.uint32(seed)
        with in_32_bits():
            index, carry = begin or (0, _initial(algorithm, environment, self._seed))
        self.index: int = index
        self.carry: Carry = carry
        self.begin = self.index
        self.ends: list[EpisodeEnd] = []
        self._kept: dict[int, Carry] = {self.index: self.carry}
        self._indices = [self.index]
        bytes_each = max(1, sum(leaf.nbytes for leaf in jax.tree.leaves(self.carry)))
        self._most_kept = max(2, min(MOST_KEPT, kept_bytes // bytes_each))

    @property
    def steps_per_iteration(self) -> int:
        """Environment steps of an iteration, over all environments."""
        return self.algorithm.steps_per_update * self.algorithm.environments

    def forward(self) -> Iteration:
        """Do one iteration, and return it."""
        before, index = self.carry, self.index
        with in_32_bits():
            noise, key, step_keys, simulations, steps = _observed(
                self.algorithm, self.environment, before, self._seed, np.int32(index)
            )
            self.carry = self._advanced(_copied(before), index, 1)
        noise, simulations, steps = on_host((noise, simulations, steps))
        self.index += 1
        self._keep()
        found = Iteration(index, before, noise, steps, key, simulations, step_keys, self.carry)
        self._note(found)
        return found

    def explanation(self, found: Iteration) -> Explanation | None:
        """The explanation of an iteration's update; None for an algorithm without explanations."""
        if not isinstance(self.algorithm, Explains):
            return None
        with in_32_bits():
            return self.algorithm.explain(found.before.state, found.steps, found.key, found.after.state)

    def decision(self, found: Iteration, step: int) -> Decision | None:
        """How the first environment's action at a step was chosen; None for an algorithm without explanations."""
        if not isinstance(self.algorithm, ExplainsActing):
            return None
        with in_32_bits():
            noise = jax.tree.map(lambda leaf: leaf[step], found.noise)
            memory, observation = found.simulation(step - 1).memory, found.steps.observation[step]
            mask = jax.tree.map(lambda leaf: leaf[step], found.steps.mask)
            return self.algorithm.explain_action(found.before.state.policy, memory, observation, noise, mask)

    def reached(self, found: Iteration, step: int) -> Any:
        """The first environment's state after a step of the block: the last of its episode, where that ends there."""
        if not bool((found.steps.terminated | found.steps.truncated)[step, 0]):
            return jax.tree.map(lambda leaf: leaf[0], found.simulation(step).state)
        state = jax.tree.map(lambda leaf: leaf[0], found.simulation(step - 1).state)
        action = to_environment(self.environment.action_space, found.steps.action[step])[0]
        with in_32_bits():
            return _stepped(self.environment, found.step_keys[step, 0], state, action)

    def go_to(self, index: int, keep: bool = True) -> None:
        """Go forwards or backwards to the state after `index` iterations, and keep it to go back to, if `keep`.

        A state that is not kept is not copied either, which takes as long as playing some steps.
        """
        start = self._indices[bisect.bisect_right(self._indices, index) - 1]
        if start <= self.index <= index:
            start, carry = self.index, self.carry
        else:
            carry = self._kept[start]
        if start < index:
            with in_32_bits():
                own = _copied(carry) if start in self._kept else carry
                carry = self._advanced(own, start, index - start)
        self.carry, self.index = carry, index
        if keep:
            self._keep()

    def again(self) -> Iteration | None:
        """The iteration that led to the present state; None at the start."""
        if self.index == 0:
            return None
        self.go_to(self.index - 1)
        return self.forward()

    def _advanced(self, own: Carry, first: int, count: int) -> Carry:
        """The carry after `count` iterations. The program overwrites `own`, which nobody else may use."""
        after: Carry = _advance(self.algorithm, self.environment, own, self._seed, np.int32(first), np.int32(count))
        return after

    def _keep(self) -> None:
        """Keep this state. When there are too many, drop every second one, so that fewer old ones remain."""
        if self.index in self._kept:
            return
        self._kept[self.index] = self.carry
        bisect.insort(self._indices, self.index)
        if len(self._indices) > self._most_kept:
            last = self._indices[-1:] if len(self._indices) % 2 == 0 else []
            self._indices = self._indices[::2] + last
            self._kept = {index: self._kept[index] for index in self._indices}

    def _note(self, found: Iteration) -> None:
        """Record the ended episodes of the first environment, each once."""
        if self.ends and self.ends[-1].index >= found.index:
            return
        ended = np.asarray(found.steps.terminated | found.steps.truncated)[:, 0]
        lengths = [int(found.before.simulation.episode_length[0]), *found.simulations.episode_length[:, 0].tolist()]
        for step in np.flatnonzero(ended):
            earlier = found.simulation(int(step) - 1)
            total = float(earlier.earned.total()[0]) - float(earlier.ended.total_return[0])
            reward = float(found.steps.reward[step, 0])
            number = int(earlier.ended.count[0]) + 1
            self.ends.append(EpisodeEnd(found.index, int(step), number, lengths[step] + 1, total + reward))


def observed(
    algorithm: Algorithm, environment: TimedEnvironment, carry: Carry, seed: Array, index: Array
) -> tuple[Any, Key, Key, EnvironmentState, Steps]:
    """The noise, update key, step keys, environments and steps of iteration `index`; see `Iteration`."""
    policy = carry.state.policy
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), TRAIN), index)
    drawn = OWN_PLAY.draw(algorithm, environment, policy, key, seed, index)

    def one(simulation: EnvironmentState, now: RolloutNoise) -> tuple[EnvironmentState, tuple[EnvironmentState, Steps]]:
        row = jax.tree.map(lambda x: x[None], now)
        simulation, steps = OWN_PLAY.collect(algorithm, environment, policy, simulation, row)
        return simulation, (simulation, jax.tree.map(lambda x: x[0], steps))

    rows = RolloutNoise(drawn.noise, drawn.step_keys, drawn.fresh, jnp.zeros(drawn.step_keys.shape[0]))
    _, (simulations, steps) = jax.lax.scan(one, carry.simulation, rows)
    return drawn.noise, drawn.update_key, drawn.step_keys, simulations, steps


def stepped(environment: TimedEnvironment, key: Key, state: Any, action: Array) -> Any:
    """The state that an action leads to."""
    return environment.step(key, state, action)[1]


_stepped = Program(stepped, for_seldom)
_observed = Program(observed, for_seldom)
