"""REINFORCE on episodes of any length, where every step has one and the same reward r.

The memory of `algorithms/reinforce.py` is as long as the longest episode, and MountainCar without a time limit has
episodes of 100,000 steps. Here an episode is not remembered at all. While it is played the policy stays the same, so

    G_t = r (1 - γ^(T-t)) / (1 - γ),    v_t = (G_t - mean G) / std G = -sign(r) (γ^(T-t) - mean) / std

and the gradient Σ_t v_t ∇ ln π(a_t|s_t) follows from two sums over the episode, Σ ∇ ln π and Σ γ^(T-t) ∇ ln π: the
second is kept as the episode goes on, multiplied by γ at each step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from zerone.base.pytree import struct
from zerone.experiments.runner import stop_if_asked
from zerone.parts.policies import ActorAndCritic
from zerone.parts.spaces import Spaces

if TYPE_CHECKING:
    from zerone.environments.base import Environment

Array = jax.Array

BLOCK = 256
"""Steps whose chance is drawn at once, and whose gradient is one."""


@struct
class Played:
    """An episode: its number of steps so far, and the two sums over them, shaped as the policy."""

    block: Array
    length: Array
    over: Array
    observation: Array
    state: Any
    plain: ActorAndCritic
    discounted: ActorAndCritic


def create(environment: Environment, hidden: tuple[int, ...], seed: int) -> ActorAndCritic:
    """A policy before it has learnt anything."""
    spaces = Spaces(environment.observation_space, environment.action_space)
    return ActorAndCritic.create(jax.random.key(seed), spaces, hidden, critic=False)


@jax.jit
def play(policy: ActorAndCritic, environment: Environment, discount: Array, longest: Array, key: Array) -> Played:
    """One episode, cut at the first block that ends after `longest` steps. Consumes `key`.

    `environment` leaves nothing to chance after its reset.
    """
    reset_key, noise_key = jax.random.split(key)
    observation, state = environment.reset(reset_key)
    place = jnp.arange(BLOCK)

    def one(
        carry: tuple[Any, Array, Array], noise: Array
    ) -> tuple[tuple[Any, Array, Array], tuple[Array, Array, Array]]:
        state, observation, over = carry
        action = policy.act(observation[None], noise)[0][0]
        # A key that is used again and again: only for an environment whose steps leave nothing to chance.
        following, after, _, terminated, _ = environment.step(noise_key, state, action)
        kept = jax.tree.map(lambda new, old: jnp.where(over, old, new), (after, following), (state, observation))
        return (*kept, over | terminated), (observation, action, ~over)

    def praise(policy: ActorAndCritic, observation: Array, action: Array, weight: Array) -> Array:
        return (weight * policy.distribution(observation).log_probability(action)).sum()

    def block(played: Played) -> Played:
        noise = policy.noise(jax.random.fold_in(noise_key, played.block), (BLOCK, 1))
        start = played.state, played.observation, played.over
        (state, following, over), (observation, action, alive) = jax.lax.scan(one, start, noise)
        steps = alive.sum()
        left = jnp.where(alive, discount ** (steps - place), 0.0)  # γ^(T-t), were the episode over now
        plain = jax.grad(praise)(policy, observation, action, alive.astype(jnp.float32))
        discounted = jax.grad(praise)(policy, observation, action, left)
        return Played(
            played.block + 1, played.length + steps, over, following, state,
            jax.tree.map(jnp.add, played.plain, plain),
            jax.tree.map(lambda old, new: discount**steps * old + new, played.discounted, discounted),
        )  # fmt: skip

    zero = jax.tree.map(jnp.zeros_like, policy)
    start = Played(jnp.int32(0), jnp.int32(0), jnp.bool_(False), observation, state, zero, zero)
    played: Played = jax.lax.while_loop(lambda x: ~x.over & (x.length < longest), block, start)
    return played


def moments(length: Array, discount: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of γ^(T-t) over an episode of T steps: geometric sums."""
    mean = discount * (1 - discount**length) / (1 - discount) / length
    square = discount**2 * (1 - discount ** (2 * length)) / (1 - discount**2) / length
    return mean, jnp.sqrt(jnp.maximum(square - mean**2, 1e-12))


@jax.jit
def learn(
    policy: ActorAndCritic, moved: Any, played: Played, reward: Array, discount: Array, rate: Array
) -> tuple[ActorAndCritic, Any]:
    """One step of Adam along an episode's gradient."""
    mean, deviation = moments(played.length.astype(jnp.float32), discount)

    def downhill(plain: Array, discounted: Array) -> Array:
        return jnp.sign(reward) * (discounted - mean * plain) / deviation

    change, moved = optax.adam(rate).update(jax.tree.map(downhill, played.plain, played.discounted), moved)
    return optax.apply_updates(policy, change), moved


def lengths(environment: Any, settings: Any, seed: int) -> np.ndarray:
    """How many steps each of the first `episodes` episodes took while it learnt; fewer of them after `budget` steps.

    `environment` knows no clock. Of `settings`: reward, discount, learning_rate, hidden, episodes, longest, budget.
    """
    policy = create(environment, tuple(settings["hidden"]), seed)
    discount, rate, reward = (jnp.float32(settings[name]) for name in ("discount", "learning_rate", "reward"))
    moved, key = optax.adam(rate).init(policy), jax.random.key(seed)
    found: list[int] = []
    while len(found) < settings["episodes"] and sum(found) < settings["budget"]:
        stop_if_asked()
        played = play(
            policy, environment, discount, jnp.int32(settings["longest"]), jax.random.fold_in(key, len(found))
        )
        found.append(int(played.length))
        policy, moved = learn(policy, moved, played, reward, discount, rate)
    return np.array(found)
