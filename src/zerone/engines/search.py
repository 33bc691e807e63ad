"""The parts that all searches at decision time share: a model, the learnt values, and futures that can be shown.

A search chooses an action by simulating what follows, and learns nothing (Sutton & Barto 2018, section 8.8). Its model
is the environment's own `step` from the current state, so it also uses what an observation does not show. It does not
know the random numbers of the real episode, because its keys are different; only where an environment keeps its random
numbers in its state does a search foresee them.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from zerone.algorithms.protocol import Array, Key, ScaledValues
from zerone.base.pytree import struct
from zerone.environments.spaces import from_environment, to_environment
from zerone.environments.wrappers import Masked, mask_of
from zerone.parts.exploration import FORBIDDEN, Mask, allowed_only

LARGEST_WORK = 65_536
"""The largest number of futures compared for one decision, and for a step of several episodes side by side."""


class Model(Protocol):
    """A model of one environment: the next state and reward of an action. A model's state is any tree."""

    def begin(self, state: Any, seen: Array) -> Any:
        """The model's state for the environment's `state`, whose observation is `seen`."""
        ...

    def step(self, key: Key, state: Any, action: Array) -> tuple[Array, Any, Array, Array]:
        """The next observation, state, reward (float32), and whether the state is terminal (bool). Consumes `key`."""
        ...

    def mask(self, state: Any) -> Mask:
        """The allowed actions in a state, bool [actions]; `()` without action masks."""
        ...


@struct
class TrueModel:
    """The environment itself as its model. Time limits do not end a simulated episode: truncation is not terminal."""

    environment: Any

    def begin(self, state: Any, seen: Array) -> Any:
        del seen
        return state

    def step(self, key: Key, state: Any, action: Array) -> tuple[Array, Any, Array, Array]:
        environment = self.environment
        observation, state, reward, terminated, *_ = environment.step(
            key, state, to_environment(environment.action_space, action)
        )
        if isinstance(environment, Masked):  # after a terminal state no action may be allowed; its reward is not used
            reward = jnp.where(jnp.isnan(reward), 0.0, reward)
        return from_environment(environment.observation_space, observation), state, reward, terminated

    def mask(self, state: Any) -> Mask:
        allowed: Mask = mask_of(self.environment, state)
        return allowed


@struct
class LearntModel:
    """Dyna-Q's model: tables [states, actions] of the last reward and next state of each pair."""

    reward: Array
    following: Array
    terminated: Array
    allowed: Any = ()

    def begin(self, state: Any, seen: Array) -> Array:
        del state
        return seen

    def step(self, key: Key, state: Array, action: Array) -> tuple[Array, Array, Array, Array]:
        del key  # the model is deterministic
        following = self.following[state, action]
        return following, following, self.reward[state, action], self.terminated[state, action]

    def mask(self, state: Array) -> Mask:
        return () if isinstance(self.allowed, tuple) else self.allowed[state]


@struct
class WithModel:
    """A policy with the model of the environment that its training has learnt."""

    policy: Any
    model: LearntModel


@struct
class Foresight:
    """The inputs of a search: a model, and an algorithm and policy with learnt values."""

    algorithm: Any
    policy: Any
    model: Any

    @staticmethod
    def create(algorithm: Any, environment: Any, policy: Any) -> Foresight:
        """The environment is the model, unless the policy has a learnt one."""
        if isinstance(policy, WithModel):
            return Foresight(algorithm, policy.policy, policy.model)
        return Foresight(algorithm, policy, TrueModel(environment))

    @property
    def discount(self) -> Array | float:
        """The discount factor γ of the learnt values."""
        discount: Array | float = self.algorithm.discount
        return discount

    def values(self, seen: Array, state: Any) -> Array:
        """The learnt Q(s, a), float32 [actions], on the scale of the rewards; `FORBIDDEN` where not allowed.

        `state` is the model's state with the observation `seen`.
        """
        learnt = self.algorithm.values(self.policy, (), seen[None])[0]
        if isinstance(self.algorithm, ScaledValues):
            learnt = learnt * self.algorithm.value_unit(self.policy)
        return allowed_only(learnt, self.model.mask(state))


@dataclasses.dataclass(frozen=True)
class Future:
    """The result of a search about one action, in plain numbers."""

    action: int
    """The action, counted from 0."""
    value: float
    """The search's estimate of Q(s, a)."""
    best: bool
    """Whether the search chooses it."""
    visits: int | None = None
    """The number of simulations that tried it; None for an exhaustive search."""
    outcomes: tuple[Outcome, ...] = ()
    """Its possible outcomes. Their mean is the value, except in a tree search."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The outcome of an action in one simulated step, or the mean of several."""

    reward: float
    """The mean reward r."""
    terminated: float
    """The fraction of samples in which the next state was terminal: mostly 0 or 1."""
    value: float
    """V(s') = max_a Q(s', a) of the next state, also where that is terminal."""
    count: int = 1
    """The number of samples."""
    following: tuple[Future, ...] = ()
    """The actions from the next state; empty if that is terminal or has learnt values only."""


def is_allowed(value: Any) -> bool:
    """Whether a value found by a search is that of an allowed action."""
    return bool(value > FORBIDDEN)


class Search(Protocol):
    """A search in one environment. It is hashable, because compiled programs depend on it."""

    @property
    def side_by_side(self) -> int:
        """The number of episodes in which it can be done side by side."""
        ...

    def describe(self) -> dict[str, Any]:
        """The entries of a result about it."""
        ...

    def look(self, foresight: Foresight, key: Key, state: Any, seen: Array) -> Any:
        """The result of a search from a state with the observation `seen`: a tree of arrays. Consumes `key`."""
        ...

    def choose(self, found: Any) -> Array:
        """The best action of a result, int32."""
        ...

    def futures(self, found: Any) -> tuple[Future, ...]:
        """A result as plain objects that can be shown: one for each action."""
        ...


@functools.partial(jax.jit, static_argnums=0)
def decide(
    search: Search, algorithm: Any, environment: Any, policy: Any, key: Key, state: Any, observation: Array
) -> tuple[Array, Any]:
    """The action in `state`, as `environment` takes it, and the result of the search. Consumes `key`."""
    seen = from_environment(environment.observation_space, observation)
    found = search.look(Foresight.create(algorithm, environment, policy), key, state, seen)
    return to_environment(environment.action_space, search.choose(found)), found


def is_stochastic(environment: Any) -> bool:
    """Whether the results of `step` may depend on its key: found in its program, without running it."""
    observation, state = jax.eval_shape(environment.reset, jax.random.key(0))
    del observation
    action = jnp.zeros(environment.action_space.shape, jnp.int32)
    program = jax.make_jaxpr(environment.step)(jax.random.key(0), state, action).jaxpr
    reached = {id(program.invars[0])}
    for equation in program.eqns:
        if any(id(each) in reached for each in equation.invars):
            reached.update(id(each) for each in equation.outvars)
    return any(id(each) in reached for each in program.outvars)
