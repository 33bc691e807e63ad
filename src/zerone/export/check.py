"""Check that an exported policy acts like the original: both are compared on a thousand observations before writing."""

from __future__ import annotations

import dataclasses
import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import gymnasium
import jax
import numpy as np
from gymnasium import spaces

from zerone.base.errors import ZeroneError
from zerone.base.language import translated
from zerone.engines.protocol import Engine
from zerone.environments.gym.encoding import Encoding
from zerone.environments.gym.guard import Guard
from zerone.environments.gym.leaves import BoxLeaf, Leaf
from zerone.environments.gym.views import AS_GOOD_AS_NONE, sound_bounds
from zerone.environments.spaces import action_scale, choices_in
from zerone.export.numpy_file import Inputs, Player
from zerone.export.observations import input_names, mask_name
from zerone.export.program import Memory

Array: TypeAlias = np.ndarray
Parts: TypeAlias = list[Array]
"""Observations of N steps as the environment returns them: an array [N, ...] for each part of the observation."""

NUMBER = 1000
"""The number of observations; if there is an environment, half of them come from episodes."""
MOST_BYTES = 2**28
"""The most memory that the observations may take; if single ones are very large, fewer are used."""
AT_ONCE = 100
LONGEST_PLAY = 5.0
"""The most seconds that episodes are played, for slow environments."""
TOLERANCE = 1e-5
LAST_BITS, TRIES = 2.0**-22, 8
"""To find the effect of rounding, a policy's parameters are changed by this relative amount, this many times."""


@dataclasses.dataclass(frozen=True)
class Checked:
    """The result of a check.

    Attributes:
        observations: The number of observations.
        played: How many of them are from episodes.
        largest_difference: The largest accepted difference between two actions.
        as_good: For how many observations the exported policy chose another action of equal value.
        rounded: For how many observations the actions differ by more than the tolerance, but only due to rounding.
        wrong: The indices of the observations for which the actions differ otherwise, int [M].
        first: The original's and the exported policy's action for the first of them.
    """

    observations: int
    played: int
    largest_difference: float
    as_good: int
    rounded: int
    wrong: Array
    first: tuple[Any, Any] | None

    @property
    def in_words(self) -> str:
        """The result as a line of text."""
        if self.largest_difference:
            same = translated("{number:,} observations: actions differ by at most {difference:.1g}",
                              number=self.observations, difference=self.largest_difference)  # fmt: skip
        else:
            same = translated("{number:,} observations: the same actions", number=self.observations)
        parts = [same]
        if self.played:
            parts.append(translated("{number:,} of them are of episodes", number=self.played))
        if self.as_good:
            parts.append(translated("in {number:,} another one that is as good", number=self.as_good))
        if self.rounded:
            parts.append(translated("in {number:,} by more than {tolerance:g}, as rounding alone does",
                                    number=self.rounded, tolerance=TOLERANCE))  # fmt: skip
        return "; ".join(parts)


def observed(
    encoding: Encoding, environment: Guard | None, act: Callable[[Any, Any], Any], masked: int = 0
) -> tuple[Parts, int]:
    """The observations for a check, and how many of them are from episodes in `environment`.

    Half of the episodes are played by `act`, half by random actions. All other observations are drawn from the space.
    If the policy uses action masks over `masked` actions, the masks are the last part.
    """
    random = np.random.default_rng(0)
    one = sum(math.prod(leaf.shape) * max(4, leaf.space.dtype.itemsize) for leaf in encoding.leaves)
    number = min(NUMBER, max(10, MOST_BYTES // one))
    seen = [] if environment is None else list(_seen(environment, act, random, number // 2))
    drawn = [_random_values(leaf, random, number - len(seen)) for leaf in encoding.leaves]
    drawn += [_masks(random, number - len(seen), masked)] if masked else []
    if not seen:
        return drawn, 0
    parts = [np.stack([each[place] for each in seen]) for place in range(len(drawn))]
    return [np.concatenate([one, other.astype(one.dtype)]) for one, other in zip(drawn, parts, strict=True)], len(seen)


def _seen(
    environment: Guard, act: Callable[[Any, Any], Any], random: np.random.Generator, most: int
) -> Iterator[Parts]:  # fmt: skip
    end, over = time.monotonic() + LONGEST_PLAY, True
    environment.action_space.seed(0)
    observation: Any = None
    try:
        for step in range(most):
            if over:
                observation, _ = environment.reset(seed=step)
                greedy = random.random() < 0.5
            mask = None if environment.actions is None else environment.allowed
            parts = [np.asarray(each) for each in environment.encoding.read(observation)]
            yield parts if mask is None else [*parts, mask]
            action = (
                act(observation, mask) if greedy else _random_action(environment.action_space, act, observation, mask)
            )
            observation, _, terminated, truncated, _ = environment.step(action)
            over = terminated or truncated
            if time.monotonic() > end:
                return
    except ZeroneError:  # the environment failed, not the policy: use the observations up to here
        return


def _random_action(
    space: gymnasium.Space[Any], act: Callable[[Any, Any], Any], observation: Any, mask: Array | None
) -> Any:
    """A random action, or that of `act` if the space cannot be sampled."""
    try:
        with np.errstate(over="ignore"):
            return space.sample() if mask is None else space.sample(mask.astype(np.int8))
    except Exception:  # a user's own space, or a `Box` as wide as all floats
        return act(observation, mask)


def _masks(random: np.random.Generator, number: int, actions: int) -> Array:
    """Random action masks, bool [number, actions], each of which allows at least one action."""
    masks = random.random((number, actions)) < 0.5
    masks[np.arange(number), random.integers(actions, size=number)] = True
    return masks


def _random_values(leaf: Leaf, random: np.random.Generator, number: int) -> Array:
    """Random values of a part within its bounds; without a bound, they are near 0 or near the other bound."""
    space, shape = leaf.space, (number, *leaf.shape)
    if not isinstance(leaf, BoxLeaf):
        values = np.array(leaf.values, np.int64).reshape(space.shape)
        drawn: Array = random.integers(0, values, shape) + leaf.start
        return drawn.astype(space.dtype)
    low, high = sound_bounds(leaf.encoded_space())
    if space.dtype.kind in "iub":
        limits = (-(2**31), 2**32 - 1)
        whole_low, whole_high = (np.clip(each, *limits).astype(np.int64) for each in (low, high))
        return random.integers(whole_low, whole_high, shape, endpoint=True).astype(space.dtype)
    above, below = low > -AS_GOOD_AS_NONE, high < AS_GOOD_AS_NONE
    normal, even = random.normal(size=shape), random.random(shape)
    with np.errstate(over="ignore", invalid="ignore"):
        inside = low + (high - low) * even
        found = np.where(above, np.where(below, inside, low + abs(normal)), np.where(below, high - abs(normal), normal))
        return found.astype(space.dtype)


def compare(
    engine: Engine, policy: Any, parts: Parts, played: int, play: Player, memory: Sequence[Memory],
    scores: Callable[[Inputs], Array | None],
) -> Checked:  # fmt: skip
    """Compare the actions of an exported policy with those of the original.

    Continuous actions must agree to 1e-5 (relative to their size if that is above 1), and discrete ones must be equal.
    A different discrete action is accepted if both have the same value to 1e-5. Any action may differ as much as it
    does if the original's parameters are changed in their last bits, since sums may be rounded in another order.

    A policy with a memory gets the observations as a hundred parallel episodes.

    Args:
        engine: The engine of the original policy.
        policy: The original policy.
        parts: The observations.
        played: How many of them are from episodes.
        play: The exported policy.
        memory: Its memory.
        scores: From inputs to the scores from which the exported policy chose its actions, or None if unknown.
    """
    space, ours = engine.spaces.action, _original_actions(engine, policy, parts)
    theirs = _exported_actions(engine, parts, play, memory).reshape(ours.shape).astype(ours.dtype)
    apart = _difference(space, ours, theirs)
    wrong = np.flatnonzero(~(apart <= TOLERANCE))
    as_good = rounded = wrong[:0]
    if len(wrong) and not memory:  # with a memory, scores depend on all earlier steps: see `_rounded`
        as_good = wrong[_is_tie(space, scores(_inputs(engine, parts, wrong)), ours[wrong], theirs[wrong])]
        wrong = np.setdiff1d(wrong, as_good)
    if len(wrong):
        rows = np.arange(len(ours)) if memory else wrong  # a memory needs all earlier steps
        able = _rounded(engine, policy, [each[rows] for each in parts], ours[rows], theirs[rows])
        rounded = np.intersect1d(wrong, rows[able])
        wrong = np.setdiff1d(wrong, rounded)
    first = (ours[wrong[0]].tolist(), theirs[wrong[0]].tolist()) if len(wrong) else None
    largest = float(np.delete(apart, np.concatenate([as_good, wrong])).max(initial=0))
    return Checked(len(ours), played, largest, len(as_good), len(rounded), wrong, first)


def _original_actions(engine: Engine, policy: Any, parts: Parts) -> Array:
    """The original policy's actions, computed a hundred at a time, so that one compiled program serves all."""
    masked, leaves = engine.spaces.masked, len(engine.spaces.encoding.leaves)
    encoded = engine.spaces.encoding.join(parts[:leaves], batch=True)
    number = len(encoded)
    rounds = -(-number // AT_ONCE)
    padded = [np.resize(each, (rounds * AT_ONCE, *each.shape[1:])) for each in (encoded, *parts[leaves:])]
    memory, found = engine.initial_memory(policy, AT_ONCE), list[Array]()
    for place in range(rounds):
        each, *masks = (array[place * AT_ONCE : (place + 1) * AT_ONCE] for array in padded)
        actions, memory = engine.act(policy, memory, each, masks[0] if masked else ())
        found.append(actions)
    return np.concatenate(found)[:number]


def _exported_actions(engine: Engine, parts: Parts, play: Player, memory: Sequence[Memory]) -> Array:
    """The exported policy's actions: with a memory computed as in `_original_actions`, else in several batch sizes."""
    number = len(parts[0])
    if not memory:
        return np.concatenate([play(_inputs(engine, parts, slice(*ends)))[0] for ends in _batch_ends(number)])
    held: Inputs = {each.name: begun(each, AT_ONCE) for each in memory}
    found: list[Array] = []
    for begin in range(0, number, AT_ONCE):
        actions, held = play({**_inputs(engine, parts, np.arange(begin, begin + AT_ONCE) % number), **held})
        found.append(actions)
    return np.concatenate(found)[:number]


def begun(memory: Memory, number: int) -> Array:
    """The initial memory of `number` episodes, [number, ...]."""
    return np.broadcast_to(np.asarray(memory.begins, memory.type), (number, *memory.shape)).copy()


def _inputs(engine: Engine, parts: Parts, which: Any) -> dict[str, Array]:
    encoding = engine.spaces.encoding
    found = {mask_name(encoding): parts[-1][which]} if engine.spaces.masked else {}
    for name, leaf, each in zip(
        input_names(encoding), encoding.leaves, parts, strict=False
    ):  # the masks are behind them
        found[name] = each[which].astype(leaf.space.dtype)
    return found


def _batch_ends(number: int) -> Iterator[tuple[int, int]]:
    """The ends of batches: a single observation, then batches of different sizes, since all sizes must work."""
    ends = [0, 1, *range(AT_ONCE, number, AT_ONCE), number]
    return itertools.pairwise(ends)


def _difference(space: gymnasium.Space[Any], ours: Array, theirs: Array) -> Array:
    """The difference between two actions, [N], relative to their size or half their range where that is above 1."""
    one, other = (each.reshape(len(ours), -1).astype(np.float64) for each in (ours, theirs))
    size = np.maximum(1, np.abs(one))
    if isinstance(space, spaces.Box) and space.dtype.kind == "f":
        size = np.maximum(size, action_scale(space, space.shape)[2].reshape(-1))
    apart: Array = (np.abs(one - other) / size).max(-1, initial=0)
    return apart


def _is_tie(space: gymnasium.Space[Any], scores: Array | None, ours: Array, theirs: Array) -> Array:
    """Where another action is equally good, bool [N]: the scores agree to 1e-5 of their size."""
    if scores is None:
        return np.zeros(len(ours), bool)
    rows = scores.reshape(len(ours), -1)
    size = TOLERANCE * np.maximum(1, np.abs(rows).max(-1))
    if isinstance(space, spaces.Box):  # integers: both were rounded from nearly the same numbers
        near = [np.abs(rows - each.reshape(len(ours), -1)) <= 0.5 + size[:, None] for each in (ours, theirs)]
        return np.asarray((near[0] & near[1]).all(-1))
    start, values = np.asarray(getattr(space, "start", 0)), choices_in(space)
    found = np.full(len(ours), rows.shape[1] == sum(values))
    chosen = [(each - start).reshape(len(ours), -1) for each in (ours, theirs)]
    for place, mine in enumerate(np.split(rows, np.cumsum(values)[:-1], 1) if found.all() else []):
        which = [each[:, place : place + 1] for each in chosen]
        one, other = (np.take_along_axis(mine, np.clip(each, 0, mine.shape[1] - 1), 1)[:, 0] for each in which)
        found &= (np.abs(one - other) <= size) & (which[1][:, 0] >= 0) & (which[1][:, 0] < mine.shape[1])
    return found


def _rounded(engine: Engine, policy: Any, parts: Parts, ours: Array, theirs: Array) -> Array:
    """Where the original policy itself acts as differently if its parameters are changed in their last bits, bool [N].

    A sum with rounding errors is the exact sum of slightly changed numbers.
    """
    random, space = np.random.default_rng(1), engine.spaces.action
    same, moved = np.zeros(len(ours), bool), np.zeros(len(ours))

    def move(leaf: Any) -> Array:
        numbers = np.asarray(leaf)
        signs = random.choice([-1.0, 1.0], numbers.shape)
        return (numbers * (1 + LAST_BITS * signs)).astype(numbers.dtype) if numbers.dtype.kind == "f" else numbers

    for _ in range(TRIES):
        other = _original_actions(engine, jax.tree.map(move, policy), parts)
        same |= (other == theirs).reshape(len(ours), -1).all(-1)
        moved = np.maximum(moved, _difference(space, ours, other))
    continuous = isinstance(space, spaces.Box) and space.dtype.kind == "f"
    return same | (continuous & (_difference(space, ours, theirs) <= 4 * moved))
