"""Datasets with known steps, for tests of learning from recordings."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from toys import Keeper

from zerone.base.pytree import configured
from zerone.engines.offline_data import Recorded, make_offline_data


def counted(lengths: Any, seed: int = 0) -> Recorded:
    """Episodes like those of a `Counter`: episode i begins at 100 (i + 1) and counts up.

    In turn they end by termination and by truncation. Actions and rewards are random.
    """
    random = np.random.default_rng(seed)
    frames, at, terminated, truncated = [], [], [], []
    for i, length in enumerate(lengths):
        at += range(len(frames), len(frames) + length)
        frames += range(100 * (i + 1), 100 * (i + 1) + length + 1)
        terminated += [False] * (length - 1) + [i % 2 == 0]
        truncated += [False] * (length - 1) + [i % 2 == 1]
    truncated[-1] = True
    number = len(at)
    actions, rewards = random.integers(0, 2, number).astype(np.int32), random.normal(size=number).astype(np.float32)
    return Recorded(
        np.array(frames, np.float32)[:, None], np.array(at, np.int32), actions, rewards, np.array(terminated),
        np.array(truncated),
    )  # fmt: skip


def in_table(tables: Any, steps: int, seed: int = 0, limit: int = 8) -> Recorded:
    """At least `steps` steps of a random policy in a `toys.Table`, truncated after `limit` steps; in NumPy."""
    random = np.random.default_rng(seed)
    frames, at, actions, rewards, terminated, truncated = [], [], [], [], [], []
    while len(at) < steps:
        state, over = int(random.choice(tables.starts)), False
        frames.append(state)
        for step in range(1, limit + 1):
            action = int(random.integers(2))
            at.append(len(frames) - 1)
            actions.append(action)
            rewards.append(tables.reward[state, action])
            over, state = bool(tables.terminal[state, action]), int(tables.following[state, action])
            frames.append(state)
            terminated.append(over)
            truncated.append(step == limit)
            if over:
                break
    truncated[-1] = True
    arrays = ((frames, np.int32), (at, np.int32), (actions, np.int32), (rewards, np.float32), (terminated, bool))
    return Recorded(*(np.array(each, kind) for each, kind in arrays), np.array(truncated))


def study(recorded: Recorded, own_play: float | None = None) -> Any:
    return make_offline_data(recorded, own_play)


def strangers(blocks: Any) -> int:
    """How many steps that do not end an episode have a next observation other than the observation of the next step.

    `blocks` is a list of consecutive `Steps` [T, N, ...].
    """
    seen, following, ends = (
        np.concatenate([np.asarray(part(each)) for each in blocks])
        for part in (
            lambda steps: steps.observation,
            lambda steps: steps.next_observation,
            lambda steps: steps.terminated | steps.truncated,
        )
    )
    joined = (following[:-1] == seen[1:]).reshape(len(seen) - 1, seen.shape[1], -1).all(-1)
    return int((~joined & ~ends[:-1]).sum())


@configured
class Remembering(Keeper):
    """A `Keeper` whose steps have extras that a test can check: the noise of the action, and twice the observation."""

    name: ClassVar[str] = "remembering"

    def init(self, key: Any, spaces: Any) -> Any:
        import dataclasses

        kept = Keeper.init(self, key, spaces)
        shape = self.steps_per_update, self.environments
        extras = {"noise": jnp.zeros((*shape, *kept.policy.shape)), "twice": jnp.zeros((*shape, 1))}
        return dataclasses.replace(kept, steps=dataclasses.replace(kept.steps, extras=extras))

    def act(self, policy: Any, memory: Any, observation: Any, noise: Any = None) -> Any:
        action, *_ = Keeper.act(self, policy, memory, observation, noise)
        return action, memory, () if noise is None else {"noise": noise, "twice": 2 * observation}
