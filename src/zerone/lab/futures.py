"""The futures that a search compares, as a small tree: all first actions, then down the best one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from zerone.algorithms.protocol import Discounting
from zerone.base.errors import InputError
from zerone.engines.lookahead import AT_ONCE, Lookahead
from zerone.engines.search import decide
from zerone.training.foresight import Asked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zerone.engines.search import Future
    from zerone.lab.training import Training

FARTHEST_BY_CHANCE = 2
"""Steps where something is left to chance: of each many samples are looked on from, which takes long to compile."""
MOST_SHOWN = 6
"""Actions of a state that are drawn: those that are worth most, where they are more."""


def can_look_ahead(training: Training) -> bool:
    """Whether this algorithm's values can be looked ahead with, in this environment."""
    return search_of(training, 1) is not None


def search_of(training: Training, depth: int) -> Lookahead | None:
    """What looks so many steps ahead, or as many as are quick; None where nothing can."""
    try:
        found = Asked(lookahead=depth).search(training.engine)
    except InputError:
        return None if depth == 1 else search_of(training, depth - 1)
    assert isinstance(found, Lookahead)  # noqa: S101 - a depth without simulations
    quick = found.work <= AT_ONCE and (found.samples == 1 or depth <= FARTHEST_BY_CHANCE)
    return found if quick or depth == 1 else search_of(training, depth - 1)


def futures_of(training: Training, search: Lookahead, policy: Any, first: Any) -> dict[str, Any]:
    """What the search compares from where the first environment is, `first`: its state and its observation."""
    algorithm = training.algorithm
    assert isinstance(algorithm, Discounting)  # noqa: S101 - `search_of` has looked
    seen = np.asarray(first.observation)
    key = jax.random.fold_in(jax.random.key(np.uint32(training.setup.seed)), training.at)
    _, found = decide(search, algorithm, training.environment, policy, key, first.state, seen)
    tree = search.futures(jax.device_get(found))
    return {
        "depth": search.depth,
        "discount": _short(float(algorithm.discount)),
        "tree": _nodes(tree, training.actions),
    }


def _nodes(futures: Sequence[Future], names: Sequence[str]) -> list[dict[str, Any]]:
    chosen = sorted(sorted(futures, key=lambda each: (not each.best, -each.value))[:MOST_SHOWN], key=_action)
    return [_node(each, names) for each in chosen]


def _action(future: Future) -> int:
    return future.action


def _node(future: Future, names: Sequence[str]) -> dict[str, Any]:
    """An action; of what it may lead to, what it has led to most often."""
    outcome = future.outcomes[0]
    return {
        "action": names[future.action] if future.action < len(names) else str(future.action),
        "value": _short(future.value),
        "best": future.best,
        "outcomes": len(future.outcomes),
        "reward": _short(outcome.reward),
        "terminated": _short(outcome.terminated),
        "following": _short(outcome.value),
        "next": _nodes(outcome.following, names) if future.best else [],
    }


def _short(value: float) -> float:
    return float(f"{value:.4g}") if math.isfinite(value) else 0.0
