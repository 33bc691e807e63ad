"""The futures of a search as a small tree in JSON: all first actions, then the best branch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from zerone.algorithms.protocol import Discounting
from zerone.base.errors import InputError
from zerone.engines.lookahead import AT_ONCE, Lookahead
from zerone.engines.search import decide
from zerone.engines.tree_search import TreeSearch
from zerone.lab.messages import FARTHEST_LOOK
from zerone.training.foresight import Asked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zerone.engines.search import Future, Search
    from zerone.lab.training import Training

FARTHEST_BY_CHANCE = 2
"""The most steps of a lookahead in a stochastic environment, where many samples per step make compilation slow."""
MOST_SHOWN = 6
"""The most actions of a state that are shown: those with the highest values."""


def can_look_ahead(training: Training) -> bool:
    """Whether a lookahead is possible with this algorithm in this environment."""
    return search_of(training, 1) is not None


def search_of(training: Training, depth: int) -> Lookahead | None:
    """A lookahead of `depth` steps, or of fewer if that many would be slow; None if none is possible."""
    try:
        found = Asked(lookahead=depth).search(training.engine)
    except InputError:
        return None if depth == 1 else search_of(training, depth - 1)
    assert isinstance(found, Lookahead)  # noqa: S101 - a depth without simulations
    quick = found.work <= AT_ONCE and (found.samples == 1 or depth <= FARTHEST_BY_CHANCE)
    return found if quick or depth == 1 else search_of(training, depth - 1)


def tree_search_of(training: Training, simulations: int) -> Search | None:
    """A tree search with `simulations` simulations; None if none is possible."""
    try:
        return Asked(simulations=simulations).search(training.engine)
    except InputError:
        return None


def futures_of(training: Training, search: Search, policy: Any, first: Any) -> dict[str, Any]:
    """The futures from the state and observation `first` of the first environment, as a JSON object."""
    algorithm = training.algorithm
    assert isinstance(algorithm, Discounting)  # noqa: S101 - `search_of` has checked it
    seen = np.asarray(first.observation)
    key = jax.random.fold_in(jax.random.key(np.uint32(training.setup.seed)), training.at)
    _, found = decide(search, algorithm, training.environment, policy, key, first.state, seen)
    tree = search.futures(jax.device_get(found))
    depth = search.depth if isinstance(search, Lookahead) else FARTHEST_LOOK
    return {
        "depth": depth,
        "simulations": search.simulations if isinstance(search, TreeSearch) else 0,
        "discount": _rounded(float(algorithm.discount)),
        "tree": _nodes(tree, training.actions, depth),
        "way": [_name(each, training.actions) for each in _best_way(tree)],
    }


def _nodes(futures: Sequence[Future], names: Sequence[str], depth: int) -> list[dict[str, Any]]:
    chosen = sorted(sorted(futures, key=lambda each: (not each.best, -each.value))[:MOST_SHOWN], key=_action)
    return [_node(each, names, depth) for each in chosen]


def _action(future: Future) -> int:
    return future.action


def _name(action: int, names: Sequence[str]) -> str:
    return names[action] if action < len(names) else str(action)


def _node(future: Future, names: Sequence[str], depth: int) -> dict[str, Any]:
    """The node of an action with its most frequent outcome, or without one if no simulation tried the action."""
    node: dict[str, Any] = {
        "action": _name(future.action, names),
        "value": _rounded(future.value),
        "best": future.best,
        "outcomes": len(future.outcomes),
    }
    if future.visits is not None:
        node["visits"] = future.visits
    if not future.outcomes:
        return node | {"next": []}
    outcome = future.outcomes[0]
    return node | {
        "reward": _rounded(outcome.reward),
        "terminated": _rounded(outcome.terminated),
        "following": _rounded(outcome.value),
        "next": _nodes(outcome.following, names, depth - 1) if future.best and depth > 1 else [],
    }


def _best_way(futures: Sequence[Future]) -> Iterator[int]:
    """The best action, the best one after its most frequent outcome, and so on, as far as the search went."""
    while best := next((each for each in futures if each.best and each.visits != 0), None):
        yield best.action
        futures = best.outcomes[0].following


def _rounded(value: float) -> float:
    return float(f"{value:.4g}") if math.isfinite(value) else 0.0
