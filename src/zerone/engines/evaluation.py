"""Whole episodes to judge a policy by, in environments written in JAX; and how a policy acts with its own chance.

Episode i takes all its chance from `fold_in(key, i)`: the environment's and, where it is judged as it explores, the
policy's. So which episodes are played side by side changes none of them.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.protocol import Algorithm, Array, Key, PlaysAlone, acting, initial_memory
from zerone.base.pytree import struct
from zerone.base.sums import Sum
from zerone.engines.protocol import Act
from zerone.engines.search import Foresight, Search
from zerone.engines.streams import EVALUATE
from zerone.environments.base import TimedEnvironment, Tree
from zerone.environments.spaces import Spaces, from_environment, to_environment
from zerone.environments.wrappers import mask_of

BLOCK = 64
"""Steps whose chance is drawn at once where a policy acts with chance."""


@struct
class Played:
    """Episodes under way: leaves are [episodes, ...]."""

    state: Tree
    observation: Array
    returns: Sum
    lengths: Array
    alive: Array
    memory: Any


def player(algorithm: Algorithm, policy: Any) -> Any:
    """The policy in one environment."""
    return algorithm.playing_alone(policy) if isinstance(algorithm, PlaysAlone) else policy


def chance(algorithm: Algorithm, policy: Any, keys: Key, block: Array) -> Any:
    """What chance decides in the actions of a block of steps of each episode: leaves [BLOCK, episodes, ...]."""

    def of_one(key: Key) -> Any:
        drawn = algorithm.noise(policy, jax.random.fold_in(key, block), (BLOCK, 1))
        return jax.tree.map(lambda leaf: leaf[:, 0], drawn)

    return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, 1), jax.vmap(of_one)(keys))


def by_chance(
    algorithm: Algorithm, policy: Any, memory: Any, observation: Array, noise: Any, mask: Any = ()
) -> tuple[Array, Any]:
    """The actions for observations [episodes, ...], each with its own chance, and the memory after them.

    Each is drawn as in an environment alone.
    """

    def of_one(*row: Any) -> tuple[Array, Any]:
        action, memory, _ = acting(algorithm, policy, *jax.tree.map(lambda leaf: leaf[None], row))
        alone: tuple[Array, Any] = jax.tree.map(lambda leaf: leaf[0], (action, memory))
        return alone

    acted: tuple[Array, Any] = jax.vmap(of_one)(memory, observation, noise, mask)
    return acted


class Explorer:
    """Acts with the own chance of policies, step by step, in environments that are played elsewhere."""

    def __init__(self, algorithm: Algorithm, spaces: Spaces) -> None:
        def drawn(algorithm: Algorithm, policy: Any, seeds: Array, block: Array) -> Any:
            keys = jax.vmap(lambda seed: jax.random.fold_in(jax.random.key(seed), EVALUATE))(seeds)
            return chance(algorithm, player(algorithm, policy), keys, block)

        def acted(
            algorithm: Algorithm, policy: Any, memory: Any, seen: Array, noise: Any, mask: Any
        ) -> tuple[Array, Any]:
            seen = from_environment(spaces.observation, seen)
            action, memory = by_chance(algorithm, player(algorithm, policy), memory, seen, noise, mask)
            return to_environment(spaces.action, action), memory

        def begun(algorithm: Algorithm, policy: Any, number: int) -> Any:
            return initial_memory(algorithm, player(algorithm, policy), number)

        self._algorithm, self._dtype = jax.device_put(algorithm), spaces.action.dtype
        self._drawn, self._acted, self._begun = jax.jit(drawn), jax.jit(acted), jax.jit(begun, static_argnums=2)

    def acting(self, policy: Any, seeds: np.ndarray) -> Act:
        """Who acts in as many episodes as there are seeds, which decide the chance in them."""
        policy = jax.device_put(policy)
        noise: Any = None
        memory: Any = None

        def act(observation: np.ndarray, step: int, begins: bool | None = None, mask: Any = ()) -> np.ndarray:
            nonlocal noise, memory
            if begins or (begins is None and step == 0):
                memory = self._begun(self._algorithm, policy, len(seeds))
            if step % BLOCK == 0:
                noise = self._drawn(self._algorithm, policy, seeds, np.int32(step // BLOCK))
            now = jax.tree.map(lambda leaf: leaf[step % BLOCK], noise)
            action, memory = self._acted(self._algorithm, policy, memory, observation, now, mask)
            return np.array(action, self._dtype)

        return act


def evaluate_episodes(
    algorithm: Algorithm, environment: TimedEnvironment, policy: Any, episodes: Array, key: Key, limit: Array,
    stochastic: bool, search: Search | None = None,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Returns and lengths (float32) of the episodes of these numbers, side by side, and which were cut. Consumes `key`.

    An episode that has not ended after `limit` steps is cut there, so that a policy that walks in a circle in an
    environment without a time limit still gets an answer. With a search, which is greedy, `algorithm` must be one that
    it can be done with.
    """
    seen_space, action_space = environment.observation_space, environment.action_space
    keys = jax.vmap(jax.random.split)(jax.vmap(lambda i: jax.random.fold_in(key, i))(episodes))
    reset_keys, play_keys = keys[:, 0], keys[:, 1]
    observation, state = jax.vmap(environment.reset)(reset_keys)
    number = episodes.shape[0]
    memory = () if search else initial_memory(algorithm, player(algorithm, policy) if stochastic else policy, number)
    lengths, alive = jnp.zeros(number, jnp.int32), jnp.ones(number, bool)
    begun = Played(state, observation, Sum.zero(number), lengths, alive, memory)

    # Never those of the steps: what chance is going to decide must not be foreseen.
    search_keys = _numbered(play_keys, jnp.uint32(2**31 - 2))

    def searched(key: Key, state: Tree, seen: Array) -> Array:
        assert search is not None  # noqa: S101 - only then it is called
        return search.choose(search.look(Foresight.of(algorithm, environment, policy), key, state, seen))

    def going(carry: tuple[Array, Played]) -> Array:
        step, played = carry
        return played.alive.any() & (step < limit)

    def one(carry: tuple[Array, Played], noise: Any = None) -> tuple[Array, Played]:
        step, played = carry
        seen = from_environment(seen_space, played.observation)
        memory, mask = played.memory, mask_of(environment, played.state)
        if search is not None:
            action = jax.vmap(searched)(_numbered(search_keys, step), played.state, seen)
        elif noise is None:
            action, memory, _ = acting(algorithm, policy, memory, seen, None, mask)
        else:
            action, memory = by_chance(algorithm, policy, memory, seen, noise, mask)
        step_keys = _numbered(play_keys, step)
        observation, state, reward, terminated, truncated, _ = jax.vmap(environment.step)(
            step_keys, played.state, to_environment(action_space, action)
        )
        returns = played.returns.plus(jnp.where(played.alive, reward, 0.0))
        alive = played.alive & ~(terminated | truncated)
        return step + 1, Played(state, observation, returns, played.lengths + played.alive, alive, memory)

    if not stochastic:
        return _found(jax.lax.while_loop(going, one, (jnp.int32(0), begun))[1])

    policy = player(algorithm, policy)
    noise_keys = _numbered(play_keys, jnp.uint32(2**31 - 1))

    def block(carry: tuple[Array, Played]) -> tuple[Array, Played]:
        drawn = chance(algorithm, policy, noise_keys, carry[0] // BLOCK)
        last = carry[0] + BLOCK

        def step(carry: tuple[Array, Played]) -> tuple[Array, Played]:
            return one(carry, jax.tree.map(lambda leaf: leaf[carry[0] % BLOCK], drawn))

        return jax.lax.while_loop(lambda carry: going(carry) & (carry[0] < last), step, carry)

    return _found(jax.lax.while_loop(going, block, (jnp.int32(0), begun))[1])


def _numbered(keys: Key, number: Array) -> Key:
    """From each of the keys [episodes] the one of a number."""
    return jax.vmap(lambda key: jax.random.fold_in(key, number))(keys)


def _found(played: Played) -> tuple[Array, Array, Array]:
    return played.returns.value, played.lengths.astype(jnp.float32), played.alive
