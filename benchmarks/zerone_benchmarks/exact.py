"""The exact mean return of an episode under the greedy policy of a table, by dynamic programming on the known rules.

It works for tabular tasks whose outcomes are all known, up to the time limit. Blackjack is enumerated card by card with
Gymnasium's own functions, so the result does not depend on the environment that was used for learning.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

ENDLESS = 1_000
"""The number of steps for tasks without a time limit: a policy that has not ended one by then is taken to never do so.
"""
CARDS = tuple((card, (4 if card == 10 else 1) / 13) for card in range(1, 11))

Hand = tuple[int, ...]


def value_of(environment: str, table: np.ndarray) -> float:
    """The mean return of an episode under the greedy policy of `table`, float [states, actions].

    Among equal values the policy takes the first action.
    """
    policy = table.argmax(-1)
    if environment == "Blackjack-v1":
        return blackjack_value(policy.reshape(32, 11, 2))
    import zerone as zo

    made: Any = zo.make(environment)
    return float(values(made.environment, policy, made.limit or ENDLESS) @ starts(made.environment, len(policy)))


def starts(task: Any, states: int) -> np.ndarray:
    """The probability that an episode starts in each state: float64 [states]."""
    import jax

    first = np.unique(np.asarray(jax.vmap(lambda key: task.reset(key)[0])(jax.random.split(jax.random.key(0), 10_000))))
    chance = np.zeros(states)
    chance[first] = 1 / len(first)  # in all our tasks the start states are equally likely
    return chance


def values(task: Any, policy: np.ndarray, steps: int) -> np.ndarray:
    """The mean undiscounted return from each state within `steps` steps: float64 [states]."""
    table, chances, each = task.table, np.array([float(each) for each in task.chances]), np.arange(len(policy))
    following, over = table.following[each, policy], table.terminated[each, policy]
    reward = table.reward[each, policy].astype(np.float64)
    value = np.zeros(len(policy))
    for _ in range(steps):
        value = (chances * (reward + np.where(over, 0.0, value[following]))).sum(1)
    return value


def blackjack_value(policy: np.ndarray) -> float:
    """The mean return of a policy in `Blackjack-v1` as Gymnasium registers it.

    `policy` has the actions by the player's sum, the dealer's card and whether there is a usable ace: int [32, 11, 2].
    """
    from gymnasium.envs.toy_text import blackjack as rules

    @functools.cache
    def dealer_ends(hand: Hand) -> tuple[tuple[int, float], ...]:
        """The final scores of the dealer, who draws until 17 or more, and their probabilities; 22 means a natural."""
        if rules.sum_hand(hand) >= 17:
            return ((22 if rules.is_natural(hand) else rules.score(hand), 1.0),)
        return tuple((end, p * q) for card, p in CARDS for end, q in dealer_ends(tuple(sorted((*hand, card)))))

    @functools.cache
    def stuck(total: int, natural: bool, shown: int) -> float:
        worth = 0.0
        for hidden, p in CARDS:
            for end, q in dealer_ends(tuple(sorted((shown, hidden)))):
                worth += p * q * (1.0 if natural and end != 22 else rules.cmp(total, min(end, 21)))
        return worth

    @functools.cache
    def worth(hand: Hand, shown: int) -> float:
        if rules.is_bust(hand):
            return -1.0
        total = rules.sum_hand(hand)
        if policy[total, shown, rules.usable_ace(hand)] == 0:
            return stuck(total, rules.is_natural(hand), shown)
        return sum(p * worth(tuple(sorted((*hand, card))), shown) for card, p in CARDS)

    hands: Iterator[tuple[Hand, float]] = ((tuple(sorted((a, b))), p * q) for a, p in CARDS for b, q in CARDS)
    return sum(p * q * worth(hand, shown) for hand, p in hands for shown, q in CARDS)
