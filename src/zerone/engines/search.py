"""What every search at decision time shares: a model of what follows, the learnt values, and futures to be shown.

A search chooses an action by what would follow it, without learning anything (Sutton & Barto 2018, section 8.8). Its
model is the environment's own `step`, from the state in which the episode is: so it also knows what an observation does
not show. What chance will decide it does not know, as its keys are others than those by which the episode goes on;
only where an environment keeps its chance in its own state, that is foreseen, too.
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
from zerone.parts.masks import FORBIDDEN, Mask, allowed_only

LARGEST_WORK = 65_536
"""Futures that are compared for one decision, at the most; of several episodes side by side, too, unless it is one."""


class Model(Protocol):
    """What follows an action in a state, for one environment. A state of the model is any tree."""

    def begin(self, state: Any, seen: Array) -> Any:
        """The model's state where the environment is in `state`, of which an algorithm sees `seen`."""
        ...

    def step(self, key: Key, state: Any, action: Array) -> tuple[Array, Any, Array, Array]:
        """What an algorithm sees next, the state, the reward (float32), and whether it is terminal. Consumes `key`."""
        ...

    def mask(self, state: Any) -> Mask:
        """Which actions are allowed in a state, bool [actions]; `()` where nothing says so."""
        ...


@struct
class TrueModel:
    """The environment itself. Its clock is not foreseen: an episode that is cut is not at an end."""

    environment: Any

    def begin(self, state: Any, seen: Array) -> Any:
        del seen
        return state

    def step(self, key: Key, state: Any, action: Array) -> tuple[Array, Any, Array, Array]:
        environment = self.environment
        observation, state, reward, terminated, *_ = environment.step(
            key, state, to_environment(environment.action_space, action)
        )
        if isinstance(
            environment, Masked
        ):  # nothing may be allowed after an end, where what is foreseen counts nowhere
            reward = jnp.where(jnp.isnan(reward), 0.0, reward)
        return from_environment(environment.observation_space, observation), state, reward, terminated

    def mask(self, state: Any) -> Mask:
        allowed: Mask = mask_of(self.environment, state)
        return allowed


@struct
class LearntModel:
    """Tables [states, actions] of what each pair led to when it was last tried, as Dyna-Q learns them."""

    reward: Array
    following: Array
    terminated: Array
    allowed: Any = ()

    def begin(self, state: Any, seen: Array) -> Array:
        del state
        return seen

    def step(self, key: Key, state: Array, action: Array) -> tuple[Array, Array, Array, Array]:
        del key  # it believes what it saw last
        following = self.following[state, action]
        return following, following, self.reward[state, action], self.terminated[state, action]

    def mask(self, state: Array) -> Mask:
        return () if isinstance(self.allowed, tuple) else self.allowed[state]


@struct
class WithModel:
    """A policy, and what its training has learnt of the environment."""

    policy: Any
    model: LearntModel


@struct
class Foresight:
    """All that a search is given: a model, and what was learnt of each action."""

    algorithm: Any
    policy: Any
    model: Any

    @staticmethod
    def of(algorithm: Any, environment: Any, policy: Any) -> Foresight:
        """With the environment as the model, unless the policy brings its own."""
        if isinstance(policy, WithModel):
            return Foresight(algorithm, policy.policy, policy.model)
        return Foresight(algorithm, policy, TrueModel(environment))

    @property
    def discount(self) -> Array | float:
        """γ, with which the values were learnt."""
        discount: Array | float = self.algorithm.discount
        return discount

    def values(self, seen: Array, state: Any) -> Array:
        """Q(s, a) of each action as it was learnt, [actions], on the scale of the rewards; of those that are allowed.

        Of the others it is `masks.FORBIDDEN`. `state` is the model's where `seen` is seen.
        """
        learnt = self.algorithm.values(self.policy, (), seen[None])[0]
        if isinstance(self.algorithm, ScaledValues):
            learnt = learnt * self.algorithm.value_unit(self.policy)
        return allowed_only(learnt, self.model.mask(state))


@dataclasses.dataclass(frozen=True)
class Future:
    """What a search thinks of an action, in plain numbers."""

    action: int
    """Counted from 0."""
    value: float
    """Q(s, a), as the search has found it."""
    best: bool
    """Whether it would be chosen here."""
    visits: int | None = None
    """How many simulations went this way; None where every way is gone."""
    outcomes: tuple[Outcome, ...] = ()
    """What it may lead to. Their mean is the value, unless it was found by simulations."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What an action has led to in a foreseen step, or in the mean of several."""

    reward: float
    """r, the mean."""
    terminated: float
    """In which share of the samples the task has ended with it: mostly 0 or 1."""
    value: float
    """V(s') of the state that it led to, before the end is thought of: max_a Q(s', a)."""
    count: int = 1
    """Of how many samples it is."""
    following: tuple[Future, ...] = ()
    """The actions from there; none at an end, and where the learnt values are asked."""


def is_allowed(value: Any) -> bool:
    """Whether a value that a search has found is that of an action that may be taken."""
    return bool(value > FORBIDDEN)


class Search(Protocol):
    """How an action is chosen among foreseen futures, in one environment. It is hashable, and decides the program."""

    @property
    def side_by_side(self) -> int:
        """In how many episodes at once."""
        ...

    def describe(self) -> dict[str, Any]:
        """As a result has it."""
        ...

    def look(self, foresight: Foresight, key: Key, state: Any, seen: Array) -> Any:
        """What is found from a state of the environment, which an algorithm sees as `seen`. Consumes `key`."""
        ...

    def choose(self, found: Any) -> Array:
        """The action that is best by what was found."""
        ...

    def futures(self, found: Any) -> tuple[Future, ...]:
        """What was found in plain objects, to be shown: one for each action."""
        ...


@functools.partial(jax.jit, static_argnums=0)
def decide(
    search: Search, algorithm: Any, environment: Any, policy: Any, key: Key, state: Any, observation: Array
) -> tuple[Array, Any]:
    """The action that `environment` takes, in `state`, and what the search has found. Consumes `key`."""
    seen = from_environment(environment.observation_space, observation)
    found = search.look(Foresight.of(algorithm, environment, policy), key, state, seen)
    return to_environment(environment.action_space, search.choose(found)), found


def left_to_chance(environment: Any) -> bool:
    """Whether what a step leads to may depend on its key: followed through its program, without running it."""
    observation, state = jax.eval_shape(environment.reset, jax.random.key(0))
    del observation
    action = jnp.zeros(environment.action_space.shape, jnp.int32)
    program = jax.make_jaxpr(environment.step)(jax.random.key(0), state, action).jaxpr
    reached = {id(program.invars[0])}
    for equation in program.eqns:
        if any(id(each) in reached for each in equation.invars):
            reached.update(id(each) for each in equation.outvars)
    return any(id(each) in reached for each in program.outvars)
