"""Tabular learning as in a textbook: a NumPy loop that plays like the compiled engine, with the same random numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zerone.engines.compiled import Compiled
from zerone.engines.rollout import OWN_PLAY
from zerone.engines.streams import TRAIN


class PlayedStep(NamedTuple):
    """One step of one environment; `chance` has the step's random numbers that did not choose the action."""

    environment: int
    state: int
    action: int
    reward: float
    following: int
    terminated: bool
    truncated: bool
    chance: Any


def trained(algorithm: Any, environment: Any, seed: int, iterations: int) -> Any:
    """The learner's state after a training on the compiled engine."""
    engine = Compiled(algorithm, environment)
    (carry,) = engine.advance([engine.init(seed)], [seed], [0], iterations)
    engine.close()
    return jax.tree.map(np.asarray, carry.state)


def learned(algorithm: Any, environment: Any, iterations: int, seeds: int = 3) -> list[np.ndarray]:
    """The tables that several seeds have learnt on the compiled engine."""
    engine = Compiled(algorithm, environment)
    numbers = list(range(seeds))
    carries = engine.advance([engine.init(seed) for seed in numbers], numbers, [0] * seeds, iterations)
    engine.close()
    return [np.asarray(carry.state.policy) for carry in carries]


def by_hand(algorithm: Any, environment: Any, seed: int, iterations: int, learner: Any) -> tuple[np.ndarray, list[int]]:
    """Let `learner` play and learn in a `toys.Table` with a time limit, with the engine's random numbers.

    `learner` has a `table` [states, actions], from which actions are chosen here, and a method `learn(steps)`, which
    gets one step of each environment. Returns the table, and how many episodes were [terminated, truncated].
    """
    engine = Compiled(algorithm, environment)
    seen = np.array(engine.init(seed).simulation.observation)
    engine.close()
    policy = jnp.asarray(learner.table)

    def drawn(i: Any) -> Any:
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), TRAIN), i)
        return OWN_PLAY.draw(algorithm, environment, policy, key, seed, i)

    chances = jax.jit(jax.vmap(drawn))(jnp.arange(iterations))
    noises, fresh = np.asarray(chances.noise)[:, 0], np.asarray(chances.fresh[0])[:, 0]
    world, ages, actions = environment.environment, np.zeros(len(seen), int), learner.table.shape[1]
    ends = [0, 0]
    for noise, begin in zip(noises, fresh, strict=True):
        steps = []
        for n, state in enumerate(seen):
            action = choose(learner.table[state], noise[n, : actions + 1], algorithm.epsilon)
            following, terminated = int(world.following[state, action]), bool(world.terminal[state, action])
            ages[n] += 1
            truncated = bool(ages[n] >= environment.limit)
            reward = float(world.reward[state, action])
            steps.append(
                PlayedStep(n, int(state), action, reward, following, terminated, truncated, noise[n, actions + 1 :])
            )
        learner.learn(steps)
        for n, step in enumerate(steps):
            over = step.terminated or step.truncated
            seen[n], ages[n] = (begin[n], 0) if over else (step.following, ages[n])
            ends[0], ends[1] = ends[0] + step.terminated, ends[1] + step.truncated
    return learner.table, ends


def choose(values: np.ndarray, noise: np.ndarray, epsilon: float) -> int:
    """ε-greedy: explore if the first random number is below ε; the others choose among all or the best actions."""
    allowed = np.arange(len(values)) if noise[0] < np.float32(epsilon) else np.flatnonzero(values == values.max())
    return int(allowed[noise[1:][allowed].argmax()])


def soft_value(values: np.ndarray, epsilon: float) -> float:
    """The mean of these action values under the ε-greedy policy."""
    return float((1 - epsilon) * values.max() + epsilon * values.sum() / len(values))


def soft_policy(table: np.ndarray, epsilon: float) -> np.ndarray:
    """The probabilities [states, actions] of the ε-greedy policy; of equally good actions the first is greedy."""
    actions = table.shape[1]
    return np.eye(actions)[table.argmax(1)] * (1 - epsilon) + epsilon / actions


def policy_values(world: Any, policy: np.ndarray, discount: float) -> np.ndarray:
    """The exact Q(s, a) of a policy: V = (I - γ P)⁻¹ r."""
    states = len(world.following)
    moves = np.zeros((states, states))
    going = policy * (1.0 - world.terminal)
    np.add.at(moves, (np.arange(states)[:, None].repeat(policy.shape[1], 1), world.following), going)
    values = np.linalg.solve(np.eye(states) - discount * moves, (policy * world.reward).sum(1))
    return world.reward + discount * (1.0 - world.terminal) * values[world.following]


def best_soft_values(world: Any, epsilon: float, discount: float) -> np.ndarray:
    """Q(s, a) of the best among all ε-greedy policies, by policy iteration (Sutton & Barto 2018, section 5.4)."""
    table = np.zeros(world.following.shape)
    while True:
        better = policy_values(world, soft_policy(table, epsilon), discount)
        if np.allclose(better, table, atol=1e-9):
            return better
        table = better
