"""Whole episodes by which a policy is evaluated, in environments written in JAX; and acting stochastically.

Episode i takes all its randomness from `fold_in(key, i)`: the environment's and, in a stochastic evaluation, the
policy's. So an episode is the same whichever others are played beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from zerone.algorithms.protocol import Algorithm, Array, Key, PlaysAlone, act_masked, initial_memory
from zerone.base.pytree import struct
from zerone.base.sums import Sum
from zerone.engines.protocol import Act
from zerone.engines.search import Foresight, Search
from zerone.engines.streams import EVALUATE
from zerone.environments.base import TimedEnvironment, Tree
from zerone.environments.spaces import Spaces, from_environment, to_environment
from zerone.environments.wrappers import mask_of

BLOCK = 64
"""Steps whose noise is drawn at once where a policy acts stochastically."""


@struct
class OngoingEpisodes:
    """The episodes of an evaluation: leaves are [episodes, ...]; `alive` (bool) says which have not ended."""

    state: Tree
    observation: Array
    returns: Sum
    lengths: Array
    alive: Array
    memory: Any


Carry: TypeAlias = tuple[Array, OngoingEpisodes]
"""How many steps were played (int32), and the episodes after them."""


def policy_alone(algorithm: Algorithm, policy: Any) -> Any:
    """The policy as it acts in a single environment."""
    return algorithm.playing_alone(policy) if isinstance(algorithm, PlaysAlone) else policy


def draw_noise(algorithm: Algorithm, policy: Any, keys: Key, block: Array) -> Any:
    """The noise of block number `block` of steps, with keys [episodes]: leaves [BLOCK, episodes, ...]."""

    def of_episode(key: Key) -> Any:
        noise = algorithm.noise(policy, jax.random.fold_in(key, block), (BLOCK, 1))
        return jax.tree.map(lambda leaf: leaf[:, 0], noise)

    return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, 1), jax.vmap(of_episode)(keys))


def act_stochastically(
    algorithm: Algorithm, policy: Any, memory: Any, observation: Array, noise: Any, mask: Any = ()
) -> tuple[Array, Any]:
    """Actions for observations [episodes, ...], each with the noise of its own episode, and the memory after them.

    Each is drawn as in a single environment.
    """

    def of_episode(*row: Any) -> tuple[Array, Any]:
        action, memory, _ = act_masked(algorithm, policy, *jax.tree.map(lambda leaf: leaf[None], row))
        alone: tuple[Array, Any] = jax.tree.map(lambda leaf: leaf[0], (action, memory))
        return alone

    acted: tuple[Array, Any] = jax.vmap(of_episode)(memory, observation, noise, mask)
    return acted


class Explorer:
    """Acts stochastically, step by step, in environments that are stepped elsewhere."""

    def __init__(self, algorithm: Algorithm, spaces: Spaces) -> None:
        def draw(algorithm: Algorithm, policy: Any, seeds: Array, block: Array) -> Any:
            keys = jax.vmap(lambda seed: jax.random.fold_in(jax.random.key(seed), EVALUATE))(seeds)
            return draw_noise(algorithm, policy_alone(algorithm, policy), keys, block)

        def act(
            algorithm: Algorithm, policy: Any, memory: Any, observation: Array, noise: Any, mask: Any
        ) -> tuple[Array, Any]:
            observation, policy = from_environment(spaces.observation, observation), policy_alone(algorithm, policy)
            action, memory = act_stochastically(algorithm, policy, memory, observation, noise, mask)
            return to_environment(spaces.action, action), memory

        def begin(algorithm: Algorithm, policy: Any, number: int) -> Any:
            return initial_memory(algorithm, policy_alone(algorithm, policy), number)

        self._algorithm, self._dtype = jax.device_put(algorithm), spaces.action.dtype
        self._draw, self._act, self._begin = jax.jit(draw), jax.jit(act), jax.jit(begin, static_argnums=2)

    def acting(self, policy: Any, seeds: np.ndarray) -> Act:
        """A function that acts in one episode for each of `seeds` (uint32 [N]), which decide its random numbers."""
        policy = jax.device_put(policy)
        noise: Any = None
        memory: Any = None

        def act(observation: np.ndarray, step: int, begins: bool | None = None, mask: Any = ()) -> np.ndarray:
            nonlocal noise, memory
            if begins or (begins is None and step == 0):
                memory = self._begin(self._algorithm, policy, len(seeds))
            if step % BLOCK == 0:
                noise = self._draw(self._algorithm, policy, seeds, np.int32(step // BLOCK))
            now = jax.tree.map(lambda leaf: leaf[step % BLOCK], noise)
            action, memory = self._act(self._algorithm, policy, memory, observation, now, mask)
            return np.array(action, self._dtype)

        return act


def evaluate_episodes(
    algorithm: Algorithm, environment: TimedEnvironment, policy: Any, seed: Array, index: Array, first: Array,
    limit: Array, number: int, stochastic: bool = False, search: Search | None = None,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Play `number` episodes side by side: episode `first` and those after it, of evaluation `index` of a seed.

    An episode that has not ended after `limit` steps is cut there, so that a policy that walks in a circle in an
    environment without a time limit can be evaluated, too. A `search` chooses greedily; it must support `algorithm`.

    Returns:
        Returns and lengths, float32 [number], and which episodes were cut, bool [number].
    """
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), EVALUATE), index)
    keys = jax.vmap(lambda i: jax.random.split(jax.random.fold_in(key, i)))(first + jnp.arange(number))
    reset_keys, play_keys = keys[:, 0], keys[:, 1]
    observation, state = jax.vmap(environment.reset)(reset_keys)
    policy = policy_alone(algorithm, policy) if stochastic else policy
    memory = () if search else initial_memory(algorithm, policy, number)
    lengths, alive = jnp.zeros(number, jnp.int32), jnp.ones(number, bool)
    start = jnp.int32(0), OngoingEpisodes(state, observation, Sum.zero(number), lengths, alive, memory)

    def any_alive(carry: Carry) -> Array:
        return carry[1].alive.any() & (carry[0] < limit)

    def play_step(carry: Carry, noise: Any = None) -> Carry:
        step, now = carry
        observation = from_environment(environment.observation_space, now.observation)
        memory, mask = now.memory, mask_of(environment, now.state)
        if search is not None:
            # Keys of their own: a search must not foresee the random numbers of the steps.
            search_keys = _fold_in_each(_fold_in_each(play_keys, jnp.uint32(2**31 - 2)), step)
            foresight = Foresight.create(algorithm, environment, policy)
            action = _search_actions(search, foresight, search_keys, now.state, observation)
        elif noise is None:
            action, memory, _ = act_masked(algorithm, policy, memory, observation, None, mask)
        else:
            action, memory = act_stochastically(algorithm, policy, memory, observation, noise, mask)
        observation, state, reward, terminated, truncated, _ = jax.vmap(environment.step)(
            _fold_in_each(play_keys, step), now.state, to_environment(environment.action_space, action)
        )
        returns = now.returns.plus(jnp.where(now.alive, reward, 0.0))
        alive = now.alive & ~(terminated | truncated)
        return step + 1, OngoingEpisodes(state, observation, returns, now.lengths + now.alive, alive, memory)

    if stochastic:
        noise_keys = _fold_in_each(play_keys, jnp.uint32(2**31 - 1))
        _, end = _loop_with_noise(
            any_alive, play_step, start, lambda block: draw_noise(algorithm, policy, noise_keys, block)
        )
    else:
        _, end = jax.lax.while_loop(any_alive, play_step, start)
    return end.returns.value, end.lengths.astype(jnp.float32), end.alive


_fold_in_each = jax.vmap(jax.random.fold_in, (0, None))
"""From keys [episodes] and a number to keys [episodes]."""


def _search_actions(search: Search, foresight: Foresight, keys: Key, states: Tree, observations: Array) -> Array:
    def one(key: Key, state: Tree, observation: Array) -> Array:
        return search.choose(search.look(foresight, key, state, observation))

    return jax.vmap(one)(keys, states, observations)


def _loop_with_noise(
    any_alive: Callable[[Carry], Array], play_step: Callable[[Carry, Any], Carry], start: Carry,
    draw: Callable[[Array], Any],
) -> Carry:  # fmt: skip
    """As `jax.lax.while_loop`, with the noise of `BLOCK` steps drawn at once."""

    def play_block(carry: Carry) -> Carry:
        noise = draw(carry[0] // BLOCK)
        last = carry[0] + BLOCK

        def step(carry: Carry) -> Carry:
            return play_step(carry, jax.tree.map(lambda leaf: leaf[carry[0] % BLOCK], noise))

        return jax.lax.while_loop(lambda carry: any_alive(carry) & (carry[0] < last), step, carry)

    return jax.lax.while_loop(any_alive, play_block, start)
