"""The exact value of a greedy policy, compared with value iteration and with episodes in Gymnasium."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

import zerone as zo
from zerone_benchmarks.exact import blackjack_value, value_of


def optimal(name: str, discount: float) -> np.ndarray:
    """Q of the best policy, by value iteration."""
    task = zo.make(name).environment
    chances, table = np.array([float(each) for each in task.chances]), task.table
    best = np.zeros(len(table.following))
    for _ in range(3_000):
        found = (chances * (table.reward + discount * np.where(table.terminated, 0.0, best[table.following]))).sum(-1)
        best = found.max(1)
    return found


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize(
    ("name", "discount", "worth"),
    [("Taxi-v4", 0.99, 7.93), ("CliffWalking-v1", 1.0, -13.0), ("FrozenLake-v1", 0.99, 0.7402),
     ("FrozenLake8x8-v1", 0.995, 0.8936)],
)  # fmt: skip
def test_the_best_policies_are_worth_what_is_known(name, discount, worth):
    assert value_of(name, optimal(name, discount)) == pytest.approx(worth, abs=1e-4)


@pytest.mark.thorough
def test_blackjack_is_worth_what_play_earns():
    policy = np.zeros((32, 11, 2), int)
    policy[:18] = 1  # hit below 18: a bad policy
    expected = blackjack_value(policy)
    environment, earned = gymnasium.make("Blackjack-v1").unwrapped, []
    seen, _ = environment.reset(seed=3)
    while len(earned) < 8_000:
        seen, reward, terminated, _, _ = environment.step(int(policy[seen]))
        if terminated:
            earned.append(reward)
            seen, _ = environment.reset()
    assert abs(np.mean(earned) - expected) < 4 * np.std(earned) / np.sqrt(len(earned))
    sticks = blackjack_value(np.zeros((32, 11, 2), int))
    assert sticks < expected < -0.0431
    assert value_of("Blackjack-v1", np.eye(2)[policy.reshape(-1)]) == expected
